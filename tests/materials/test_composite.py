import numpy as np
import pytest

from materials.bone import LinearModulus, LinearPorosity
from materials.composite import CementBoneComposite


def test_full_cells_have_the_knocked_down_modulus_of_cement():
    assert CementBoneComposite().modulus(100.0, 1.0) == pytest.approx(1937.0 * 0.80 * 0.76)
    assert CementBoneComposite(contact=1.0, shrinkage=1.0).modulus(100.0, 1.0) == pytest.approx(1937.0)


def test_empty_cells_are_bone_and_half_filled_cells_lie_between():
    law = CementBoneComposite()
    assert law.modulus(np.array([50.0, 2000.0]), 0.0) == pytest.approx([50.0, 2000.0])
    assert law.modulus(100.0, 0.5) == pytest.approx(0.5 * (100.0 + law.filled_modulus))


def test_filled_modulus_does_not_depend_on_bone_volume():
    # bone volume fractions of 0.06 to 0.14, as in Kinzl 2012
    density = np.linspace(0.06, 0.14, 9) * 1.1
    assert LinearPorosity(marrow_deficit=0.0).porosity(density) == pytest.approx(np.linspace(0.94, 0.86, 9))
    filled = CementBoneComposite().modulus(LinearModulus().modulus(density), 1.0)
    assert np.ptp(filled) == pytest.approx(0.0, abs=1e-9)


def test_cement_porosity_weakens_and_cement_never_softens_bone():
    moduli = [CementBoneComposite(cement_porosity=p).modulus(100.0, 1.0) for p in (0.0, 0.1, 0.2, 0.4)]
    assert np.all(np.diff(moduli) < 0.0)
    assert moduli[2] / moduli[0] == pytest.approx(0.64)
    assert CementBoneComposite().modulus(5000.0, 1.0) == 5000.0


def test_values_out_of_range():
    with pytest.raises(ValueError, match=r"CementBoneComposite\.contact"):
        CementBoneComposite(contact=1.2)
