"""Conversion between clinical and internal units against values worked out by hand."""

import math

import pytest

from experiments.case.units import INTERNAL, to_clinical, to_internal, to_law


@pytest.mark.parametrize(
    ("value", "unit", "internal"),
    [
        (4.0, "ml", 4000.0),  # mm3
        (3.0, "ml/min", 50.0),  # mm3/s
        (5.0, "min", 300.0),  # s
        (1200.0, "kPa", 1.2),  # MPa
        (100.0, "Pa s", 1e-4),  # MPa s
        (0.05, "ml/(s kPa)", 5e4),  # mm3/(s MPa): 50 mm3/s over 1e-3 MPa
        (1e-7, "m2", 0.1),  # mm2
        (120.0, "mg/cm3", 0.12),  # g/cm3
        (180.0, "deg", math.pi),
    ],
)
def test_known_conversions(value: float, unit: str, internal: float) -> None:
    assert to_internal(value, unit) == pytest.approx(internal, rel=1e-14)


@pytest.mark.parametrize("unit", INTERNAL)
def test_back_and_forth(unit: str) -> None:
    assert to_clinical(to_internal(0.7, unit), unit) == pytest.approx(0.7, rel=1e-15)


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(KeyError):
        to_internal(1.0, "psi")


def test_a_law_has_to_declare_the_unit_that_its_key_leads_to() -> None:
    assert to_law(0.05, "ml/(s kPa)", "mm3/(s MPa)") == 5e4
    with pytest.raises(ValueError, match="a value in kPa cannot be one in mm, but in MPa"):
        to_law(1.0, "kPa", "mm")
