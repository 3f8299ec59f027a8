import numpy as np
import pytest
from block_grid import block_grid
from phantoms import ball, box

from fem.measures.isosurface import isosurface, vertex_values
from meshes.tetmesh import TetMesh

RADIUS = 7.0


@pytest.fixture(scope="module")
def body() -> TetMesh:
    return box((12.0, 8.0, 6.0), 1.5)


def linear(mesh: TetMesh, position: float, width: float = 6.0) -> np.ndarray:
    """A front across x that falls from 1 to 0 over a width in mm."""
    return 0.5 + (position - mesh.cell_centroids[:, 0]) / width


def test_inner_vertices_reproduce_a_linear_field(body: TetMesh):
    values = vertex_values(body, body.cell_centroids @ [1.0, -2.0, 0.5])
    inner = np.setdiff1d(np.arange(len(body.points)), body.facets)
    np.testing.assert_allclose(values[inner], body.points[inner] @ [1.0, -2.0, 0.5], rtol=0, atol=1e-10)


def test_vertices_stay_within_the_values_around_them(body: TetMesh):
    values = np.random.default_rng(1).uniform(size=len(body.cells))
    carried = vertex_values(body, values)
    for vertex in range(0, len(body.points), 20):
        around = values[(body.cells == vertex).any(axis=1)]
        assert around.min() <= carried[vertex] <= around.max()


def test_a_plane_front_is_closed_by_the_wall(body: TetMesh):
    """Exact but for a few edge vertices whose cells do not span all directions."""
    surface = isosurface(body, linear(body, 4.5), 0.5)
    assert surface is not None
    assert surface.volume == pytest.approx(4.5 * 48.0, rel=1e-4)
    assert surface.area == pytest.approx(2.0 * 48.0 + 4.5 * 28.0, rel=2e-4)
    assert surface.points[:, 0].max() == pytest.approx(4.5, abs=0.02)


def test_a_full_body_has_its_own_surface():
    grid = block_grid((4, 3, 2), edge=2.0)
    surface = isosurface(grid, np.ones(len(grid.cells)), 0.5)
    assert surface is not None
    assert surface.volume == pytest.approx(192.0, rel=1e-12)
    assert surface.area == pytest.approx(208.0, rel=1e-12)
    assert surface.largest_diameter == pytest.approx(np.sqrt(64.0 + 36.0 + 16.0), rel=1e-9)


def test_a_cube_is_less_round_than_a_ball():
    grid = block_grid((3, 3, 3))
    surface = isosurface(grid, np.ones(len(grid.cells)), 0.5)
    assert surface is not None
    assert surface.sphericity == pytest.approx((np.pi / 6.0) ** (1.0 / 3.0), rel=1e-12)


def test_a_ball_of_cement_is_round_and_more_so_on_finer_meshes():
    errors = []
    for size in (2.0, 1.4, 1.0):
        mesh = ball(12.0, size)
        front = 0.5 + (RADIUS - np.linalg.norm(mesh.cell_centroids, axis=1)) / 4.0
        surface = isosurface(mesh, np.clip(front, 0.0, 1.0), 0.5)
        assert surface is not None
        assert surface.sphericity < 1.0
        assert surface.largest_diameter == pytest.approx(2.0 * RADIUS, rel=0.05 * size)
        assert surface.volume == pytest.approx(4.0 / 3.0 * np.pi * RADIUS**3, rel=0.03 * size**2)
        errors.append(1.0 - surface.sphericity)
    assert errors[2] < 0.0025
    assert errors[2] < 0.5 * errors[1] < 0.5 * 0.5 * errors[0]


def test_a_sharp_ball_is_nearly_round():
    """A front of one cell's width keeps ripples of a share of the cells' size, whatever the mesh."""
    mesh = ball(12.0, 1.0)
    surface = isosurface(mesh, (np.linalg.norm(mesh.cell_centroids, axis=1) < RADIUS).astype(float), 0.5)
    assert surface is not None
    assert 0.96 < surface.sphericity < 1.0


def test_no_surface_where_the_level_is_not_passed(body: TetMesh):
    assert isosurface(body, np.zeros(len(body.cells)), 0.5) is None
    assert isosurface(body, np.full(len(body.cells), 0.5), 0.5) is None
