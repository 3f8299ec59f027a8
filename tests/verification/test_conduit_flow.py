"""Cement that has filled a body without resistance of its own and leaves it through conduits in one wall.

The tip pressure is then what the conduits ask beyond the pores, and what laminar power-law flow takes in a tube or a
slot, dp = 2 K L / R ((3 n + 1) / (n pi R^3) Q)^n and dp = 2 K L / h ((2 n + 1) / n 2 v / h)^n (Rabinowitsch & Mooney).
The other walls let marrow seep and hold cement.
"""

import math

import numpy as np
import pytest
from phantoms import box

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.walls import Opening, Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.cement import Cement
from materials.leak_path import LeakPath

RATE, CONSISTENCY, MARROW = 50.0, 1e-4, 1e-5
POROSITY, PERMEABILITY = 0.8, 100.0
LENGTH, DIAMETER, APERTURE, SLOT_AREA = 10.0, 3.0, 1.0, 12.0
ENTRY = 4e-3
SEEP = 10.0
"""Conductance of the other walls to marrow in mm3/(s MPa) per mm2."""


def exact_drop(shape, index):
    if shape == "tube":
        radius = 0.5 * DIAMETER
        shear_rate = (3.0 * index + 1.0) / (index * math.pi * radius**3) * RATE
        return 2.0 * CONSISTENCY * LENGTH / radius * shear_rate**index
    speed = RATE / SLOT_AREA
    return 2.0 * CONSISTENCY * LENGTH / APERTURE * ((2.0 * index + 1.0) / index * 2.0 * speed / APERTURE) ** index


@pytest.mark.parametrize("entry", [0.0, ENTRY])
@pytest.mark.parametrize("index", [0.5, 1.0])
@pytest.mark.parametrize("shape", ["tube", "slot"])
def test_pressure_behind_conduits(shape, index, entry, evidence):
    mesh = box((6.0, 6.0, 6.0), 2.0)
    medium = PorousMedium(
        np.full(len(mesh.cells), POROSITY), np.tile(PERMEABILITY * np.eye(3), (len(mesh.cells), 1, 1))
    )
    aperture, area = (DIAMETER, 0.25 * math.pi * DIAMETER**2) if shape == "tube" else (APERTURE, SLOT_AREA)
    path = LeakPath(shape, aperture, LENGTH, opening_pressure=entry)
    conducts, side = area * path.conductance_per_area / MARROW, mesh.facet_regions["x_max"]
    share = np.zeros(len(mesh.facets))
    share[side] = mesh.facet_areas[side] / mesh.facet_areas[side].sum()
    walls = Walls(
        np.where(share > 0.0, conducts * share, SEEP * mesh.facet_areas),
        np.zeros(len(share)),
        np.where(share > 0.0, 0, -1),
        area * share,
        (Opening("disc_superior", side, path, area, conducts),),
    )
    needle = Needle(NeedleOpening.place(mesh, medium, np.array([2.0, 3.0, 3.0]), 1.0), Cannula())
    cement = Cement("power law", CONSISTENCY, index, index_rate=0.0, doubling_time=None)
    plan = InjectionPlan((Stage((Bolus(0, 3.0 * POROSITY * mesh.volume, RATE),)),), least_steps=20)
    injection = Injection.build(Partition.build(mesh), medium, walls, [needle], cement, DisplacedFluids(MARROW), plan)
    last = injection.run().last
    # 2 gamma / R with the radius R = sqrt(8 k / phi) of the pores.
    in_pores = 2.0 * 3e-5 / math.sqrt(8.0 * PERMEABILITY / POROSITY)
    injection.destroy()
    assert last.stored == pytest.approx(POROSITY * mesh.volume, rel=1e-3)
    assert last.leaked["disc_superior"] == pytest.approx(last.injected - last.stored - last.in_conduits, rel=1e-8)
    evidence.check(
        case=f"cement through a {shape}, power law of index {index:g}, entry pressure {1e3 * entry:g} kPa",
        quantity="pressure behind the conduits [kPa]",
        expected=1e3 * (exact_drop(shape, index) + max(entry - in_pores, 0.0)),
        computed=1e3 * last.tip_pressure,
        within=3e-3,
        source="exact; Rabinowitsch & Mooney (D)",
        kind="verification",
    )
