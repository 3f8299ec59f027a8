"""A real mask of many vertebrae in other formats; skipped where the data are missing."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from meshes.images.image import read_mask

MASK = Path(__file__).parents[4] / "shared" / "data" / "biceps" / "healthy_ref_mask.nii.gz"


@pytest.mark.slow
@pytest.mark.skipif(not MASK.is_file(), reason="needs ../shared/data/biceps")
@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
def test_a_real_spine_is_the_same_in_every_format(ending: str, tmp_path: Path) -> None:
    expected = read_mask(MASK)
    path = tmp_path / f"mask{ending}"
    SimpleITK.WriteImage(SimpleITK.Cast(SimpleITK.ReadImage(str(MASK)), SimpleITK.sitkUInt8), str(path), True)
    found = read_mask(path)
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_allclose(found.affine, expected.affine, atol=2e-4)
