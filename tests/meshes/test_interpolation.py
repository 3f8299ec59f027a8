"""Trilinear values against SciPy's."""

import numpy as np
import pytest
from scipy import ndimage

from meshes.interpolation import linear_values

RANDOM = np.random.default_rng(7)
PLACES = RANDOM.random((20, 30, 3)) * [9.0, 7.0, 8.0] - 1.5
PLACES[:5] = np.rint(PLACES[:5])  # on voxels and on faces of the grid


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_values_are_those_of_scipy_bit_by_bit(dtype: type) -> None:
    voxels = (1000.0 * RANDOM.random((7, 5, 6))).astype(dtype)
    expected = ndimage.map_coordinates(voxels, np.moveaxis(PLACES, -1, 0), output=np.float64, order=1, cval=-5.0)
    np.testing.assert_array_equal(linear_values(voxels, PLACES, beyond=-5.0, dtype=np.float64), expected)


def test_places_beyond_the_grid_have_the_value_at_its_face() -> None:
    voxels = RANDOM.random((7, 5, 6))
    expected = ndimage.map_coordinates(voxels, np.moveaxis(PLACES, -1, 0), order=1, mode="nearest")
    np.testing.assert_allclose(linear_values(voxels, PLACES, beyond=None), expected, rtol=1e-14)


def test_values_have_the_type_of_the_voxels() -> None:
    assert linear_values(np.ones((2, 2, 2), dtype=np.float32), np.full((4, 3), 0.5)).dtype == np.float32
