"""Mass of leaked cement by viscosity and time after mixing: Habib 2010.

4.0 +- 1.2 g (3.5 min) and 2.6 +- 1.2 g (9.5 min) of low-viscosity cement, 1.5 +- 1.2 g (3.5 min) and 0.92 +- 0.6 g
(6.5 min) of high-viscosity cement. Masses and their ratio depend on a geometry that was not seen
(:mod:`leakage_model`); ratio and order are asked for.
"""

from __future__ import annotations

import pytest
from leakage_model import leak
from published import Comparison

pytestmark = pytest.mark.slow

HABIB = "Habib 2010 (S)"
MEASURED = {("low", 3.5): 4.0, ("low", 9.5): 2.6, ("high", 3.5): 1.5, ("high", 6.5): 0.92}
"""Cement and minutes after mixing -> leaked mass in g."""


def masses() -> dict[tuple[str, float], float]:
    return {(cement, minutes): leak(cement, 60.0 * minutes).mass for cement, minutes in MEASURED}


def test_low_over_high_viscosity():
    computed = masses()
    ratio = computed["low", 3.5] / computed["high", 3.5]
    Comparison("V13 leaked mass of low over high viscosity at 3.5 min", 4.0 / 1.5, HABIB, ratio, 1.5, 5.0).check()


def test_late_low_viscosity_leaks_less():
    computed = masses()
    ratio = computed["low", 9.5] / computed["low", 3.5]
    Comparison("V13 leaked mass of low viscosity at 9.5 over 3.5 min", 2.6 / 4.0, HABIB, ratio, 0.0, 0.99).check()


@pytest.mark.xfail(
    strict=True,
    reason="1.02, 0.44, 0.49 and 0.49 g: a leak against a thin marrow hangs on the index n more than on the viscosity",
)
def test_order_of_all_four():
    computed = masses()
    for key, measured in MEASURED.items():
        print(f"V13 leaked mass in g, {key[0]} viscosity at {key[1]} min: {computed[key]:.2f}, measured {measured}")
    assert sorted(computed, key=computed.__getitem__) == sorted(MEASURED, key=MEASURED.__getitem__)
