"""Cubic splines at points of a grid against SciPy's."""

import numpy as np
import pytest
from scipy import ndimage

from meshes.splines import spline_values


@pytest.mark.parametrize("shape", [(9, 7, 11), (3, 4, 5)])
def test_values_are_those_of_scipy_inside_and_beyond_the_grid(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(4)
    coefficients = ndimage.spline_filter(random.normal(size=shape), order=3)
    places = random.uniform(-2.0, np.array(shape)[:, None] + 1.0, (3, 500))
    places[:, :2] = np.array([[0.0, size - 1.0] for size in shape])
    on_grid = np.clip(places, 0.0, np.array(shape)[:, None] - 1.0)
    known = ndimage.map_coordinates(coefficients, on_grid, order=3, mode="mirror", prefilter=False)
    assert spline_values(coefficients, places) == pytest.approx(known, abs=1e-12)
