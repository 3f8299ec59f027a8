"""Cement and marrow."""

import numpy as np
import pytest

from materials.cement import CEMENTS, Cement, newtonian_cement, pore_shear_rate
from materials.marrow import NewtonianMarrow
from materials.provenance import describe

PASCAL = 1e-6  # MPa


@pytest.mark.parametrize(
    ("name", "viscosity", "index"), [("low", 30.0, 0.7), ("medium", 100.0, 0.5), ("high", 400.0, 0.4)]
)
def test_presets_at_the_reference_age(name, viscosity, index):
    cement = CEMENTS[name]
    assert cement.viscosity(1.0, 300.0) == pytest.approx(viscosity * PASCAL)
    assert cement.viscosity(100.0, 300.0) == pytest.approx(viscosity * PASCAL * 100.0 ** (index - 1.0))


@pytest.mark.parametrize("name", CEMENTS)
def test_working_time_ends_at_the_upper_end_of_injectable_cement(name):
    cement = CEMENTS[name]
    assert 8 * 60 <= cement.working_time <= 12 * 60
    assert cement.consistency(cement.working_time) == pytest.approx(1000.0 * PASCAL, rel=0.01)


def test_consistency_doubles():
    cement = Cement(doubling_time=60.0)
    assert cement.consistency(np.array([240.0, 300.0, 360.0, 480.0])) == pytest.approx(
        1e-4 * np.array([0.5, 1.0, 2.0, 8.0])
    )


def test_viscosity_has_plateaus_and_thins_between_them():
    cement = CEMENTS["medium"]
    rates = np.logspace(-4, 5, 91)
    viscosity = cement.viscosity(rates, 300.0)
    assert np.all(np.diff(viscosity) <= 0.0)
    assert viscosity[0] == pytest.approx(1e-3)
    assert viscosity[-1] == pytest.approx(1e-4 / np.sqrt(1000.0))
    assert cement.viscosity(0.0, 300.0) == viscosity[0]


def test_newtonian_cement_is_constant():
    cement = newtonian_cement(1e-4)
    assert cement.viscosity(np.array([0.0, 1.0, 1e6]), np.array([0.0, 300.0, 3000.0])) == pytest.approx(
        np.full(3, 1e-4)
    )


def test_preset_values_are_listed_as_defaults_and_changes_as_the_users():
    listing = describe(CEMENTS["high"])
    assert {entry["tag"] for entry in listing.values()} == {"M", "D"}
    assert listing["index"]["value"] == 0.4
    assert describe(Cement("high", 4e-4, 0.45, doubling_time=227.0))["index"]["tag"] == "user"


def test_pore_shear_rate_is_that_of_the_equivalent_tube():
    # porous body made of tubes of 0.5 mm diameter with porosity 0.8: k = phi R^2 / 8, rate 4 v / R at the wall
    radius, porosity, interstitial_speed = 0.25, 0.8, 2.0
    rate = pore_shear_rate(interstitial_speed * porosity, 1.0, porosity * radius**2 / 8.0, 1.0, porosity)
    assert rate == pytest.approx(4.0 * interstitial_speed / radius)


def test_pore_shear_rate_with_little_and_without_cement():
    saturation = np.array([0.0, 0.25, 1.0])
    rate = pore_shear_rate(np.array([0.0, 1.0, 1.0]), saturation, 0.02, saturation, 0.9, constant=2.0)
    assert rate[0] == 0.0
    assert rate[1] / rate[2] == pytest.approx(8.0)
    assert rate[2] == pytest.approx(8.0 / np.sqrt(8.0 * 0.02 * 0.9))


def test_reference_shear_rates_in_bone():
    # 4 ml/min through spheres of 3 and 10 mm radius in typical bone: 3.6 and 0.3 1/s up to the pore geometry
    speed = 4000.0 / 60.0 / (4.0 * np.pi * np.array([3.0, 10.0]) ** 2)
    rate = pore_shear_rate(speed, 1.0, 0.04, 1.0, 0.87)
    assert rate == pytest.approx([3.6, 0.3], rel=0.35)


def test_marrow_range():
    assert NewtonianMarrow().viscosity == 1e-7
    NewtonianMarrow(1e-3)
    with pytest.raises(ValueError, match=r"NewtonianMarrow\.viscosity"):
        NewtonianMarrow(2e-3)


@pytest.mark.parametrize("changes", [{"index": 1.1}, {"reference_consistency": 0.0}, {"doubling_time": 0.0}])
def test_cement_out_of_range(changes):
    with pytest.raises(ValueError, match=f"Cement.{next(iter(changes))}"):
        Cement(**changes)
