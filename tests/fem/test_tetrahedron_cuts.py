"""Cuts of random simplices against the volumes and areas that Qhull finds for the same polytopes."""

import numpy as np
import pytest
from phantoms import ball
from scipy.spatial import ConvexHull

from fem.tetrahedron_cuts import section_area, share_above, share_in_ball, triangle_share_above

GENERATOR = np.random.default_rng(3)
TETS = GENERATOR.normal(size=(200, 4, 3))
NORMAL = np.array([2.0, -1.0, 2.0]) / 3.0
LEVEL = 0.1


def crossings(corners: np.ndarray, heights: np.ndarray, level: float) -> np.ndarray:
    """Points where the edges of one simplex cross the level."""
    found = []
    for i in range(len(corners)):
        for j in range(i):
            if (heights[i] - level) * (heights[j] - level) < 0.0:
                share = (level - heights[i]) / (heights[j] - heights[i])
                found.append(corners[i] + share * (corners[j] - corners[i]))
    return np.reshape(found, (-1, corners.shape[1]))


def volumes(tets: np.ndarray) -> np.ndarray:
    return np.abs(np.linalg.det(tets[:, 1:] - tets[:, :1])) / 6.0


def test_random_tetrahedra_are_cut_exactly():
    heights = TETS @ NORMAL
    share, area = share_above(heights, LEVEL), section_area(heights, volumes(TETS), LEVEL)
    across = np.linalg.svd(NORMAL[None])[2][1:]
    seen = set()
    for row, corners in enumerate(TETS):
        above = heights[row] > LEVEL
        seen.add(int(above.sum()))
        if above.all() or not above.any():
            assert share[row] == float(above.all())
            assert area[row] == 0.0
            continue
        section = crossings(corners, heights[row], LEVEL)
        part = ConvexHull(np.vstack([corners[above], section])).volume
        assert share[row] * volumes(TETS)[row] == pytest.approx(part, rel=1e-9, abs=1e-14)
        assert area[row] == pytest.approx(ConvexHull(section @ across.T).volume, rel=1e-9, abs=1e-14)
    assert seen == {0, 1, 2, 3, 4}


def test_random_triangles_are_cut_exactly():
    triangles = GENERATOR.normal(size=(100, 3, 2))
    heights = triangles @ np.array([0.6, 0.8])
    share = triangle_share_above(heights, LEVEL)
    for row, corners in enumerate(triangles):
        above = heights[row] > LEVEL
        if above.all() or not above.any():
            assert share[row] == float(above.all())
            continue
        part = ConvexHull(np.vstack([corners[above], crossings(corners, heights[row], LEVEL)])).volume
        assert share[row] * ConvexHull(corners).volume == pytest.approx(part, rel=1e-9, abs=1e-14)


def test_the_parts_on_either_side_make_the_whole():
    heights = TETS @ NORMAL
    np.testing.assert_allclose(share_above(heights, LEVEL) + share_above(-heights, -LEVEL), 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("heights", "share", "area"),
    [
        ((0.0, 0.0, 0.0, 2.0), 1.0, 1.5),
        ((0.0, 0.0, 0.0, -2.0), 0.0, 0.0),
        ((0.0, 0.0, 1.0, 2.0), 1.0, 0.0),
        ((-1.0, 0.0, 0.0, 1.0), 0.5, 1.5),
        ((0.0, 0.0, 0.0, 0.0), 0.0, 0.0),
    ],
)
def test_corners_on_the_plane_are_no_trouble(heights: tuple[float, ...], share: float, area: float):
    """A cone over a face on the plane has the area 3 V / h; the face belongs to the cell above it."""
    values = np.array([heights])
    assert share_above(values, 0.0)[0] == pytest.approx(share, abs=1e-15)
    assert section_area(values, np.ones(1), 0.0)[0] == pytest.approx(area, abs=1e-15)


@pytest.mark.parametrize(("size", "radius"), [(0.8, 1.2), (2.0, 1.2), (3.0, 0.3)])
def test_cells_share_a_ball_among_them(size, radius):
    mesh, centre = ball(6.0, size), np.array([0.5, 0.1, -0.3])
    corners = mesh.points[mesh.cells]
    share = share_in_ball(corners, centre, radius)
    assert share.min() >= 0.0
    assert share.max() <= 1.0
    assert share @ mesh.cell_volumes == pytest.approx(4.0 / 3.0 * np.pi * radius**3, rel=0.01)
    distance = np.linalg.norm(corners - centre, axis=2)
    assert (share[distance.max(axis=1) <= radius] == 1.0).all()
    assert (share[distance.min(axis=1) <= 0.99 * radius] > 0.0).all()


def test_a_cell_shares_a_ball_as_random_points_have_it():
    for corners in TETS[:20]:
        weights = GENERATOR.dirichlet(np.ones(4), size=20000)
        inside = np.linalg.norm(weights @ corners - 0.2, axis=1) <= 0.9
        share = share_in_ball(corners[None], np.full(3, 0.2), 0.9)
        assert share[0] == pytest.approx(inside.mean(), abs=0.02)
