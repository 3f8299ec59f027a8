"""V3: power-law flow through a cannula, 100 Pa s at 1 1/s, 125 mm, 4 ml/min.

Poiseuille's 128 mu L Q / (pi D^4) for four bores, the fall with the bore to the power 3 n + 1, and the rate that the
profile of a power-law fluid, integrated over the section, carries under the pressure drop.
"""

import numpy as np
import pytest
from scipy.integrate import quad

from materials.cannula import tube_pressure_drop

RATE, CONSISTENCY, LENGTH = 4000.0 / 60.0, 1e-4, 125.0


@pytest.mark.parametrize(("bore", "kilopascal"), [(1.80, 3234.0), (2.4, 1023.0), (2.7, 639.0), (3.4, 254.0)])
def test_newtonian_table(bore, kilopascal, evidence):
    evidence.check(
        case="V3 cannula, Newtonian",
        quantity=f"pressure drop over a bore of {bore:g} mm [kPa]",
        expected=kilopascal,
        computed=1e3 * float(tube_pressure_drop(RATE, CONSISTENCY, 1.0, bore, LENGTH)),
        within=0.001,
        source="exact, rounded; Hagen & Poiseuille (D)",
        kind="verification",
    )


@pytest.mark.parametrize("index", [0.3, 0.4, 0.5, 0.7, 1.0])
def test_exponent_of_the_bore(index, evidence):
    drops = [tube_pressure_drop(RATE, CONSISTENCY, index, bore, LENGTH) for bore in (1.0, 2.0)]
    evidence.check(
        case=f"V3 cannula, power law of index {index:g}",
        quantity="exponent of the bore in the pressure drop [-]",
        expected=-(3.0 * index + 1.0),
        computed=float(np.log2(drops[1] / drops[0])),
        within=1e-9,
        source="exact; Rabinowitsch & Mooney (D)",
        kind="verification",
    )


@pytest.mark.parametrize("index", [0.3, 0.5, 0.7, 1.0])
def test_profile_carries_the_rate(index, evidence):
    bore = 2.39
    drop = float(tube_pressure_drop(RATE, CONSISTENCY, index, bore, LENGTH))

    def flow_of_ring(r):
        # Q = pi int r^2 |du/dr| dr, with K |du/dr|^n = r dp / (2 L)
        return np.pi * r**2 * (r * drop / (2.0 * LENGTH * CONSISTENCY)) ** (1.0 / index)

    evidence.check(
        case=f"V3 cannula, power law of index {index:g}",
        quantity="rate of the integrated profile [mm3/s]",
        expected=RATE,
        computed=quad(flow_of_ring, 0.0, bore / 2.0, epsrel=1e-12)[0],
        within=1e-9,
        source="exact; integral over the section",
        kind="verification",
    )
