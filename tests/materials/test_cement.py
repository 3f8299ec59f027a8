"""Ageing, shear-thinning and temperature of bone cement."""

import numpy as np
import pytest

from materials.cement import (
    CEMENTS,
    CHRISTOPHER_MIDDLEMAN,
    Cement,
    arrhenius,
    bundle_viscosity,
    newtonian_cement,
    pore_shear_rate,
)
from materials.provenance import describe

PASCAL = 1e-6  # MPa


@pytest.mark.parametrize(
    ("name", "viscosity", "index"), [("low", 30.0, 0.7), ("medium", 100.0, 0.5), ("high", 400.0, 0.4)]
)
def test_presets_at_the_reference_age(name, viscosity, index):
    cement = CEMENTS[name]
    assert cement.index(300.0) == pytest.approx(index)
    assert cement.viscosity(1.0, 300.0) == pytest.approx(viscosity * PASCAL)
    assert cement.viscosity(100.0, 300.0) == pytest.approx(viscosity * PASCAL * 100.0 ** (index - 1.0))


@pytest.mark.parametrize("name", CEMENTS)
class TestPresets:
    def test_stages_lie_in_their_bands(self, name):
        cement = CEMENTS[name]
        assert 2 * 60 <= cement.dough_time <= 5 * 60
        assert 8 * 60 <= cement.working_time <= 12 * 60
        assert 10 * 60 <= cement.setting_time <= 20 * 60

    def test_doubling_time_leads_to_the_upper_end_of_injectable_cement(self, name):
        cement = CEMENTS[name]
        assert cement.consistency(cement.working_time) == pytest.approx(1000.0 * PASCAL, rel=0.01)
        doublings = np.log2(1000.0 * PASCAL / cement.reference_consistency)
        assert cement.doubling_time == pytest.approx((cement.working_time - cement.reference_age) / doublings, rel=0.01)

    def test_cement_is_cured_at_the_setting_time(self, name):
        cement = CEMENTS[name]
        ages = cement.setting_time + np.array([0.0, 60.0, 1e5])
        assert cement.consistency(ages) == pytest.approx(np.full(3, 75e3 * PASCAL))
        assert np.ptp(cement.index(ages)) == 0.0

    def test_index_falls_inside_the_band_of_power_laws_while_worked_with(self, name):
        cement = CEMENTS[name]
        index = cement.index(np.linspace(cement.reference_age, cement.working_time, 20))
        assert np.all(np.diff(index) < 0.0)
        assert index.min() >= 0.3

    def test_viscosity_never_falls_with_age(self, name):
        ages, rates = np.linspace(0.0, 1500.0, 301), np.array([[0.0], [0.1], [1.0], [10.0], [100.0], [1000.0]])
        viscosity = CEMENTS[name].viscosity(rates, ages)
        assert viscosity.shape == (6, 301)
        assert np.all(np.diff(viscosity, axis=1) >= -1e-15)
        assert viscosity.max() <= 75e3 * PASCAL * (1.0 + 1e-12)


def test_consistency_doubles_until_the_end_of_the_working_time_and_then_cures_faster():
    cement = Cement(doubling_time=60.0)
    assert cement.consistency(np.array([240.0, 300.0, 360.0, 480.0])) == pytest.approx(
        1e-4 * np.array([0.5, 1.0, 2.0, 8.0])
    )
    halfway = 0.5 * (cement.working_time + cement.setting_time)
    assert cement.consistency(halfway) == pytest.approx(np.sqrt(1e-4 * 2.0**6 * 0.075))


def test_index_falls_at_its_rate_between_its_bounds():
    cement = Cement(index_rate=1e-3)
    assert cement.index(np.array([300.0, 400.0, 900.0])) == pytest.approx([0.5, 0.4, 0.2])
    assert Cement(reference_index=0.9, index_rate=1e-3).index(0.0) == 1.0


def test_viscosity_has_plateaus_and_thins_between_them():
    cement = CEMENTS["medium"]
    rates = np.logspace(-4, 5, 91)
    viscosity = cement.viscosity(rates, 300.0)
    assert np.all(np.diff(viscosity) <= 0.0)
    assert viscosity[0] == pytest.approx(1e-3)
    assert viscosity[-1] == pytest.approx(1e-4 / np.sqrt(1000.0))
    assert cement.viscosity(0.0, 300.0) == viscosity[0]


def test_ages_and_shear_rates_may_differ_from_cell_to_cell():
    cement, rates, ages = CEMENTS["high"], np.array([0.5, 5.0, 50.0]), np.array([200.0, 400.0, 700.0])
    one_by_one = [float(cement.viscosity(rate, age)) for rate, age in zip(rates, ages, strict=True)]
    assert cement.viscosity(rates, ages) == pytest.approx(one_by_one)


@pytest.mark.parametrize("cement", [newtonian_cement(1e-4), Cement("steady", 1e-4, 0.5, doubling_time=None)])
def test_cement_without_doubling_time_does_not_age(cement):
    ages = np.array([0.0, 300.0, 3000.0])
    assert cement.viscosity(1.0, ages) == pytest.approx(np.full(3, 1e-4))
    assert np.ptp(cement.index(ages)) == 0.0


def test_newtonian_cement_is_constant():
    cement = newtonian_cement(1e-4)
    assert cement.viscosity(np.array([0.0, 1.0, 1e6]), 300.0) == pytest.approx(np.full(3, 1e-4))


def test_curing_is_twice_as_fast_at_37_as_at_25_degrees():
    assert arrhenius(37.0, 25.0, 45.0) == pytest.approx(2.0, rel=0.02)
    cement = CEMENTS["medium"]
    assert cement.ageing_rate(23.0) == 1.0
    # exp(45e3 / 8.3145 (1 / 296.15 - 1 / 310.15))
    assert cement.ageing_rate(37.0) == pytest.approx(2.282, rel=1e-3)
    assert cement.ageing_rate(10.0) < 0.5


def test_preset_values_are_listed_as_defaults_and_changes_as_the_users():
    listing = describe(CEMENTS["high"])
    assert {entry["tag"] for entry in listing.values()} == {"S", "M", "D"}
    assert [name for name, entry in listing.items() if entry["tag"] == "S"] == ["largest_viscosity"]
    assert listing["reference_index"]["value"] == 0.4
    changed = Cement("low", 3e-5, 0.65, doubling_time=83.0)
    assert {name for name, entry in describe(changed).items() if entry["tag"] == "user"} == {
        "reference_index",
        "dough_time",
        "working_time",
        "setting_time",
    }


@pytest.mark.parametrize(
    "changes", [{"reference_index": 1.1}, {"reference_consistency": 0.0}, {"doubling_time": 0.0}, {"index_rate": -1e-4}]
)
def test_cement_out_of_range(changes):
    with pytest.raises(ValueError, match=f"Cement.{next(iter(changes))}"):
        Cement(**changes)


def test_contradicting_values_are_refused():
    with pytest.raises(ValueError, match=r"dough_time = 700 s, working_time = 660 s .* must follow each other"):
        Cement(dough_time=700.0)
    with pytest.raises(ValueError, match=r"working_time = 1000 s and setting_time = 960 s"):
        Cement(working_time=1000.0)
    with pytest.raises(ValueError, match=r"reference_index = 0\.3 is below lowest_index = 0\.4"):
        Cement(reference_index=0.3, lowest_index=0.4)


class TestPoreShearRate:
    def test_is_that_of_the_equivalent_tube(self):
        # porous body made of tubes of 0.5 mm diameter with porosity 0.8: k = phi R^2 / 8, rate 4 v / R at the wall
        radius, porosity, interstitial_speed = 0.25, 0.8, 2.0
        rate = pore_shear_rate(interstitial_speed * porosity, 1.0, porosity * radius**2 / 8.0, 1.0, porosity)
        assert rate == pytest.approx(4.0 * interstitial_speed / radius)

    def test_with_little_and_without_cement(self):
        saturation = np.array([0.0, 0.25, 1.0])
        rate = pore_shear_rate(np.array([0.0, 1.0, 1.0]), saturation, 0.02, saturation, 0.9, constant=2.0)
        assert rate[0] == 0.0
        assert rate[1] / rate[2] == pytest.approx(8.0)
        assert rate[2] == pytest.approx(8.0 / np.sqrt(8.0 * 0.02 * 0.9))

    def test_reference_values_in_bone(self):
        # 4 ml/min through spheres of 3 and 10 mm radius in typical bone: 3.6 and 0.3 1/s up to the pore geometry
        speed = 4000.0 / 60.0 / (4.0 * np.pi * np.array([3.0, 10.0]) ** 2)
        rate = pore_shear_rate(speed, 1.0, 0.04, 1.0, 0.87)
        assert rate == pytest.approx([3.6, 0.3], rel=0.35)


def driven(index, constant=1.0, speed=0.7, permeability=0.02, porosity=0.87, consistency=1e-4):
    """Pressure gradient in MPa/mm that drives a power law at a Darcy speed by the law of the pores."""
    fluid = Cement("power law", consistency, index, index_rate=0.0, doubling_time=None)
    rate = pore_shear_rate(speed, 1.0, permeability, 1.0, porosity, constant)
    return float(bundle_viscosity(fluid, rate, 300.0)) * speed / permeability


class TestBundleViscosity:
    @pytest.mark.parametrize("index", [0.3, 0.5, 0.7, 1.0])
    def test_is_that_of_tubes_whose_profile_is_integrated(self, index):
        """A body of straight tubes in which every layer is sheared by the stress r dp / 2 upon it."""
        radius, porosity, consistency = 0.4, 0.87, 1e-4
        gradient = driven(index, permeability=porosity * radius**2 / 8.0, porosity=porosity, consistency=consistency)
        edges = np.linspace(0.0, radius, 20001)
        shear = (0.5 * edges * gradient / consistency) ** (1.0 / index)
        profile = np.append(np.cumsum((0.5 * (shear[1:] + shear[:-1]) * np.diff(edges))[::-1])[::-1], 0.0)
        mean = np.trapezoid(2.0 * edges * profile, edges) / radius**2
        assert porosity * mean == pytest.approx(0.7, rel=1e-6)

    @pytest.mark.parametrize("index", [0.3, 0.5, 0.7, 1.0])
    def test_is_christopher_and_middleman_as_published_with_their_constant(self, index):
        """u^n = k / mu_eff dp with mu_eff = K / 12 (9 + 3 / n)^n (150 k phi)^((1 - n) / 2)."""
        consistency, permeability, porosity, speed = 1e-4, 0.02, 0.87, 0.7
        pores = (150.0 * permeability * porosity) ** (0.5 * (1.0 - index))
        published = consistency / 12.0 * (9.0 + 3.0 / index) ** index * pores
        gradient = driven(index, CHRISTOPHER_MIDDLEMAN)
        assert permeability / published * gradient == pytest.approx(speed**index, rel=1e-9)

    def test_newtonian_fluid_is_as_viscous_as_it_is(self):
        assert bundle_viscosity(newtonian_cement(1e-4), np.array([0.0, 1.0, 50.0]), 0.0) == pytest.approx(1e-4)
