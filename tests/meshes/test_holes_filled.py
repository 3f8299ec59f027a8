"""What a region encloses, against SciPy."""

import numpy as np
from scipy import ndimage

from meshes.segmentation import without_holes


def test_a_region_is_filled_as_scipy_fills_it_up_to_the_edge_of_its_image() -> None:
    noise = np.random.default_rng(3).random((20, 18, 16))
    for share in (0.2, 0.5, 0.8):
        region = noise < share
        region[:2] = False
        filled = without_holes(region)
        np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(region))
        assert share != 0.8 or filled.sum() > region.sum()


def test_an_empty_region_stays_empty() -> None:
    assert not without_holes(np.zeros((3, 4, 5), dtype=bool)).any()
