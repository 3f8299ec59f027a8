import numpy as np
import pytest

from materials.modulus import WalleModulus
from materials.yield_law import (
    LARGEST_RATIO,
    YIELD_LAWS,
    BoneStrength,
    CementStrength,
    OgoYield,
    YieldStrain,
)

MODULUS = np.array([10.0, 150.0, 1000.0, 4000.0])


def test_ogo_yields_at_the_printed_stress_of_its_density():
    density = np.array([0.05, 0.1, 0.2])
    tension, compression = OgoYield().strengths(WalleModulus().modulus(density))
    assert compression == pytest.approx(37.4 * density**1.39, rel=1e-12)
    assert compression[1] == pytest.approx(1.5236, rel=1e-4)  # 37.4 * 10**-1.39
    assert np.array_equal(tension, compression)


def test_the_yield_strains_are_those_of_morgan_and_keaveny():
    tension, compression = YieldStrain().strengths(MODULUS)
    assert compression / MODULUS == pytest.approx(0.0077)
    assert tension / MODULUS == pytest.approx(0.0070)


@pytest.mark.parametrize("law", YIELD_LAWS)
def test_stiffer_bone_is_stronger_and_never_stronger_in_tension(law):
    tension, compression = YIELD_LAWS[law]().strengths(MODULUS)
    assert np.diff(compression).min() > 0.0
    assert np.all((tension > 0.0) & (tension <= compression))


def test_cement_changes_strength_from_that_of_bone_to_that_of_filled_bone():
    bone = (np.full(5, 1.05), np.full(5, 1.155))
    saturation = np.array([0.0, 0.005, 0.3, 0.995, 1.0])
    tension, compression = CementStrength().strengths(bone, saturation, 0.608)
    assert (tension[0], compression[0]) == (1.05, 1.155)
    assert (tension[-1], compression[-1]) == pytest.approx((0.608 * 35.0, 0.608 * 70.0))
    assert tension[2] == pytest.approx(1.28)  # the interface, stronger than this bone
    assert compression[2] == pytest.approx(1.155**0.7 * (0.608 * 70.0) ** 0.3)
    assert compression[2] < LARGEST_RATIO * 1.28
    assert np.all(np.diff(compression) > 0.0)


def test_the_interface_is_no_weaker_than_the_bone_and_bounds_compression():
    strong = (np.array([5.0]), np.array([5.5]))
    assert CementStrength().strengths(strong, np.array([0.5]), 0.608)[0] == 5.0
    weak = (np.array([0.1]), np.array([0.11]))
    tension, compression = CementStrength().strengths(weak, np.array([0.9]), 0.608)
    assert (tension, compression) == (1.28, LARGEST_RATIO * 1.28)


def test_cement_never_weakens_bone():
    bone = (np.array([50.0]), np.array([90.0]))
    tension, compression = CementStrength().strengths(bone, np.array([1.0]), 0.608)
    assert (tension, compression) == (50.0, 90.0)


@pytest.mark.parametrize(
    ("law", "values", "named"),
    [
        (YieldStrain, {"tension": 0.008}, "YieldStrain.tension"),
        (YieldStrain, {"compression": 0.0}, "YieldStrain.compression"),
        (OgoYield, {"exponent": np.nan}, "exponent"),
        (CementStrength, {"tension": 90.0}, "CementStrength.tension"),
        (BoneStrength, {"hardening": -0.1}, "hardening"),
    ],
)
def test_impossible_values_are_refused(law, values, named):
    with pytest.raises(ValueError, match=named):
        law(**values)
