"""Density-modulus laws against values worked out by hand from their sources, and what goes with them."""

import numpy as np
import pytest

from materials.modulus import (
    MODULUS_LAWS,
    BoneDamage,
    BoneModulus,
    CorticalBone,
    DensityScales,
    KellerModulus,
    KeyakModulus,
    KopperdahlModulus,
    MorganModulus,
    TransverseIsotropy,
    WalleModulus,
)
from materials.provenance import describe


@pytest.mark.parametrize(
    ("law", "density", "published_mpa"),
    [
        (KopperdahlModulus, 0.1, 288.3),  # -34.7 + 3230 * 0.1
        (KopperdahlModulus, 0.2, 611.3),
        (MorganModulus, 0.12, 384.15),  # 0.12 ash is 0.2 apparent: 4730 * 0.2**1.56
        (KellerModulus, 0.1, 28.26),  # 10500 * 10**-2.57
        (KellerModulus, 1.0, 10500.0),
        (KeyakModulus, 0.1, 213.90),  # 33900 * 10**-2.2
        (KeyakModulus, 0.4, 2591.8),  # 5307 * 0.4 + 469
        (KeyakModulus, 1.0, 10200.0),
        (WalleModulus, 0.1, 265.59),  # 2980 * 10**-1.05
        (WalleModulus, 1.0, 2980.0),
    ],
)
def test_published_laws(law, density, published_mpa):
    assert law().modulus(np.array(density)) == pytest.approx(published_mpa, rel=1e-4)


def test_each_law_takes_the_density_that_it_was_fitted_to():
    scales = DensityScales(ash_slope=0.9, ash_offset=0.03, ash_fraction=0.5)
    assert scales.ash(np.array([0.1, -0.1])) == pytest.approx([0.12, 0.0])
    assert scales.apparent(np.array(0.1)) == pytest.approx(0.24)
    assert MorganModulus(scales=scales).modulus(np.array(0.1)) == pytest.approx(4730.0 * 0.24**1.56)
    assert KellerModulus(scales=scales).modulus(np.array(0.1)) == pytest.approx(10500.0 * 0.12**2.57)
    assert KeyakModulus(scales=scales).modulus(np.array(0.1)) == pytest.approx(33900.0 * 0.12**2.20)


@pytest.mark.parametrize("end", [0.27, 0.6])
def test_the_pieces_of_keyak_meet(end):
    below, above = KeyakModulus().modulus(np.array([end - 1e-9, end + 1e-9]))
    assert abs(above - below) < 0.1  # MPa, of 1902 and 3653


@pytest.mark.parametrize("name", MODULUS_LAWS)
def test_all_laws_rise_with_density_and_stay_above_the_bound(name):
    law = BoneModulus(MODULUS_LAWS[name]())
    moduli = law.modulus(np.linspace(-0.2, 1.3, 301))
    assert moduli.min() == law.lowest == 10.0
    assert (moduli[np.linspace(-0.2, 1.3, 301) <= 0.0] == 10.0).all()
    assert (np.diff(moduli) >= 0.0).all()
    assert moduli[-1] > 2000.0


def test_laws_agree_on_trabecular_bone_within_the_scatter_of_the_literature():
    """0.1 g/cm3 of mineral, the middle of elderly vertebrae: the fits to vertebrae give 200 to 300 MPa."""
    vertebral = [MODULUS_LAWS[name]().modulus(np.array(0.1)) for name in ("kopperdahl", "morgan", "walle")]
    assert min(vertebral) > 200.0
    assert max(vertebral) < 300.0


def test_the_manifest_names_the_source_of_the_law_that_is_used():
    listing = describe(BoneModulus(MorganModulus()))
    assert listing["law.coefficient"]["source"].startswith("Morgan 2003")
    assert listing["law.scales.ash_fraction"]["tag"] == "M"
    assert listing["lowest"]["value"] == 10.0


def test_anisotropy_rises_as_bone_is_lost():
    law = TransverseIsotropy()
    ratio = law.ratio(np.array([-0.1, 0.05, 0.125, 0.2, 1.0]))
    assert ratio == pytest.approx([4.0, 4.0, 3.0, 2.0, 2.0])


def test_the_shell_holds_the_mineral_that_the_ct_shows():
    # 0.35 mm of 1.0 g/cm3 in place of 0.05 g/cm3
    assert CorticalBone().thickness(0.35 * 0.95, 0.05) == pytest.approx(0.35)


def test_a_shell_that_the_ct_does_not_show_has_the_usual_thickness():
    assert CorticalBone().thickness(0.10 * 0.95, 0.05) == pytest.approx(0.10)
    assert CorticalBone().thickness(0.08 * 0.95, 0.05) == 0.35
    assert CorticalBone().thickness(-0.01, 0.05) == 0.35


@pytest.mark.parametrize(
    ("law", "changes", "name"),
    [
        (DensityScales, {"ash_fraction": 0.9}, "ash_fraction"),
        (KopperdahlModulus, {"slope": 0.0}, "slope"),
        (MorganModulus, {"exponent": 0.5}, "exponent"),
        (KellerModulus, {"coefficient": 10.5}, "coefficient"),
        (KeyakModulus, {"high_start": 0.27}, "high_start"),
        (WalleModulus, {"exponent": np.nan}, "exponent"),
        (BoneModulus, {"lowest": 0.0}, "lowest"),
        (BoneDamage, {"factor": 1.1}, "factor"),
        (CorticalBone, {"density": 0.3}, "density"),
        (TransverseIsotropy, {"porotic_ratio": 1.5}, "dense_ratio = 2 is above"),
        (TransverseIsotropy, {"dense_density": 0.1, "porotic_density": 0.1}, "is not below"),
    ],
)
def test_values_out_of_range_are_refused(law, changes, name):
    with pytest.raises(ValueError, match=name):
        law(**changes)
