"""Laws of cement-filled bone: limits, and the naive law beside the default one; Kinzl's tests are in validation."""

import numpy as np
import pytest

from materials.composite import COMPOSITES, BulkCement, CementBoneComposite


def test_full_cells_have_the_knocked_down_modulus_of_cement():
    assert CementBoneComposite().modulus(100.0, 1.0) == pytest.approx(1937.0 * 0.80 * 0.76)
    assert CementBoneComposite(contact=1.0, shrinkage=1.0).modulus(100.0, 1.0) == pytest.approx(1937.0)


@pytest.mark.parametrize("name", COMPOSITES)
def test_empty_cells_are_bone_and_half_filled_cells_lie_between(name):
    law = COMPOSITES[name]()
    assert law.modulus(np.array([50.0, 2000.0]), 0.0) == pytest.approx([50.0, 2000.0])
    assert law.modulus(100.0, 0.5) == pytest.approx((100.0 * law.filled_modulus) ** 0.5)
    harmonic, arithmetic = 2.0 / (1.0 / 100.0 + 1.0 / law.filled_modulus), 0.5 * (100.0 + law.filled_modulus)
    assert harmonic < law.modulus(100.0, 0.5) < arithmetic
    assert law.modulus(100.0, 1.0) == pytest.approx(law.filled_modulus)


def test_cement_porosity_weakens_and_cement_never_softens_bone():
    moduli = [CementBoneComposite(cement_porosity=p).modulus(100.0, 1.0) for p in (0.0, 0.1, 0.2, 0.4)]
    assert np.all(np.diff(moduli) < 0.0)
    assert moduli[2] / moduli[0] == pytest.approx(0.64)
    assert CementBoneComposite().modulus(5000.0, 1.0) == 5000.0


def test_bulk_cement_is_stiffer_than_the_default_wherever_there_is_cement():
    bone, saturation = np.meshgrid(np.linspace(10.0, 3000.0, 20), np.linspace(0.0, 1.0, 11))
    default, bulk = CementBoneComposite().modulus(bone, saturation), BulkCement().modulus(bone, saturation)
    cemented = (saturation > 0.0) & (bone < BulkCement().cement_modulus)
    assert (bulk[cemented] > default[cemented]).all()
    assert (bulk[~cemented] == default[~cemented]).all()


def test_both_moduli_of_anisotropic_bone_end_at_that_of_the_cement():
    """The law takes either modulus alike: the ratio falls to one with saturation."""
    saturation = np.linspace(0.0, 1.0, 11)
    law = CementBoneComposite()
    ratio = law.modulus(300.0, saturation) / law.modulus(100.0, saturation)
    assert ratio[0] == pytest.approx(3.0)
    assert ratio[-1] == pytest.approx(1.0)
    assert (np.diff(ratio) < 0.0).all()


def test_values_out_of_range():
    with pytest.raises(ValueError, match=r"CementBoneComposite\.contact"):
        CementBoneComposite(contact=1.2)
    with pytest.raises(ValueError, match=r"BulkCement\.cement_modulus"):
        BulkCement(cement_modulus=1.937)
