from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pyvista as pv

from meshes.errors import InputError
from meshes.quality import gamma
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.volume_mesh import boundary_facets, mesh_volume, tetmesh_from_arrays


@pytest.fixture(scope="module")
def sphere() -> tuple[np.ndarray, np.ndarray]:
    """Points and triangles of a sphere of radius 10 mm with edges of about 1.5 mm."""
    polydata = pv.Icosphere(radius=10.0, nsub=3)
    return np.asarray(polydata.points, dtype=float), polydata.regular_faces.astype(np.int64)


@pytest.fixture(scope="module")
def ball(sphere) -> TetMesh:
    return mesh_volume(*sphere, 1.5)


def test_two_cells_share_their_common_face():
    cells = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    facets, owners = boundary_facets(cells)
    assert len(facets) == 6
    assert {1, 2, 3} not in [set(facet) for facet in facets.tolist()]
    for facet, owner in zip(facets, owners, strict=True):
        assert set(facet) <= set(cells[owner])


def test_cells_are_turned_and_unused_points_dropped():
    points = np.array([[9.0, 9.0, 9.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    mesh = tetmesh_from_arrays(points, np.array([[1, 3, 2, 4]]))
    assert len(mesh.points) == 4
    assert mesh.volume == pytest.approx(1.0 / 6.0)
    outward = ((mesh.facet_centroids - mesh.centroid) * mesh.facet_normals).sum(axis=1)
    assert (outward > 0.0).all()


def test_the_given_surface_is_kept_triangle_by_triangle(sphere, ball):
    points, triangles = sphere
    corner = points[triangles]
    enclosed = np.einsum("ij,ij->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) / 6.0
    assert ball.volume == pytest.approx(enclosed, rel=1e-12)
    given = {tuple(sorted(map(tuple, triangle.round(9)))) for triangle in corner}
    kept = {tuple(sorted(map(tuple, triangle.round(9)))) for triangle in ball.points[ball.facets]}
    assert kept == given


def test_cells_are_positive_and_facets_point_outwards(ball):
    assert (ball.cell_volumes > 0.0).all()
    assert gamma(ball).min() > 0.15
    assert (np.einsum("ij,ij->i", ball.facet_centroids, ball.facet_normals) > 0.0).all()
    flux = (ball.facet_centroids * ball.facet_normals).sum(axis=1) @ ball.facet_areas
    assert flux == pytest.approx(3.0 * ball.volume, rel=1e-12)  # divergence of the position


def test_a_capsule_is_finer_and_grows_back(sphere):
    capsule = Refinement((-4.0, 0.0, 0.0), (4.0, 0.0, 0.0), 1.0, 0.5)
    mesh = mesh_volume(*sphere, 1.5, (capsule,))
    distance = capsule.distance(mesh.cell_centroids)
    edge = (6.0 * np.sqrt(2.0) * mesh.cell_volumes) ** (1.0 / 3.0)  # of the regular cell of the same volume
    assert edge[distance == 0.0].mean() < 1.4 * 0.5
    assert edge[distance == 0.0].mean() < edge[(distance > 1.0) & (distance < 2.0)].mean()
    assert edge[distance > 4.5].mean() == pytest.approx(1.4 * 1.5, rel=0.2)
    assert gamma(mesh).min() > 0.15


def test_distance_to_a_capsule():
    capsule = Refinement((0.0, 0.0, 0.0), (4.0, 0.0, 0.0), 1.0, 0.5)
    points = np.array([[2.0, 0.5, 0.0], [2.0, 0.0, 3.0], [-3.0, 0.0, 0.0], [7.0, 4.0, 0.0]])
    np.testing.assert_allclose(capsule.distance(points), [0.0, 2.0, 2.0, 4.0])
    ball = Refinement((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), 1.0, 0.5)
    np.testing.assert_allclose(ball.distance(np.array([[1.0, 3.0, 4.0]])), [4.0])


def test_the_same_surface_gives_the_same_mesh_in_any_thread(sphere, ball):
    with ThreadPoolExecutor(max_workers=1) as pool:
        again = pool.submit(mesh_volume, *sphere, 1.5).result()
    np.testing.assert_array_equal(again.points, ball.points)
    np.testing.assert_array_equal(again.cells, ball.cells)


def test_an_open_surface_is_refused(sphere):
    points, triangles = sphere
    with pytest.raises(InputError, match="cannot be filled"):
        mesh_volume(points, triangles[50:], 1.5)


def test_a_size_out_of_range_is_refused(sphere):
    with pytest.raises(InputError, match=r"0\.5 to 5 mm"):
        mesh_volume(*sphere, 0.1)
