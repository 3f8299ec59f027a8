"""The nearest triangle by the tree of boxes against a search through all of them."""

import numpy as np
import pytest
import pyvista as pv

from meshes.nearest import nearest_on_triangles
from meshes.surface import Surface, distances

RANDOM = np.random.default_rng(11)


@pytest.mark.parametrize("count", [1, 4, 5, 300])
@pytest.mark.parametrize("spread", [0.0, 5.0, 500.0])
def test_no_triangle_is_nearer_than_the_one_that_is_found(count: int, spread: float) -> None:
    points = spread * RANDOM.random((count, 1, 3)) + RANDOM.normal(size=(count, 3, 3))
    triangles = np.arange(3 * count).reshape(-1, 3)
    places = np.concatenate([RANDOM.normal(size=(50, 3)), spread * RANDOM.random((50, 3)), points[0]])
    found, nearest, distance = nearest_on_triangles(points.reshape(-1, 3), triangles, places)
    alone = np.stack([nearest_on_triangles(points.reshape(-1, 3), triangle[None], places)[2] for triangle in triangles])
    np.testing.assert_array_equal(distance, alone.min(axis=0))
    np.testing.assert_array_equal(found, alone.argmin(axis=0))
    np.testing.assert_allclose(np.linalg.norm(places - nearest, axis=1), distance, rtol=1e-12, atol=1e-12)


def test_distances_are_those_of_vtk() -> None:
    ball = pv.Icosphere(radius=10.0, nsub=3)
    surface = Surface(np.asarray(ball.points, dtype=np.float64), ball.regular_faces)
    places = 12.0 * RANDOM.normal(size=(500, 3))
    _, expected = pv.PolyData.from_regular_faces(surface.points, surface.triangles).find_closest_cell(
        places, return_closest_point=True
    )
    np.testing.assert_allclose(
        distances(surface, places), np.linalg.norm(places - expected, axis=1), rtol=1e-12, atol=1e-12
    )


def test_of_equally_near_triangles_the_first_counts() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    triangles = np.array([[0, 3, 4], [0, 1, 2], [0, 2, 3], [0, 4, 1]] * 3)
    found, nearest, distance = nearest_on_triangles(points, triangles, np.array([[3.0, 0.0, 0.0], [0.0, 0.0, 2.0]]))
    assert found.tolist() == [1, 0]
    assert distance.tolist() == [2.0, 2.0]
    assert nearest.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
