from dataclasses import replace

import numpy as np
import pyacvd
import pytest
import pyvista as pv

from meshes.body_mesh import Refinement
from meshes.body_surface import body_surface
from meshes.errors import InputError
from meshes.images.image import Image
from meshes.mask_contour import contour_mask
from meshes.remeshing import remesh, subdivide
from meshes.surface import Surface, distances, nearest_points, with_volume
from meshes.vertebra import Vertebra


@pytest.fixture(scope="module")
def sphere() -> Surface:
    """Nearly regular sphere of radius 10 mm."""
    polydata = pv.Icosphere(radius=10.0, nsub=4)
    return Surface(np.asarray(polydata.points, dtype=float), polydata.regular_faces.astype(np.int64))


def constant(size: float):
    return lambda points: np.full(len(points), size)


def ellipsoid_mask(semi_axes: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    half = np.ceil(semi_axes / spacing).astype(int) + 1
    index = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in half), indexing="ij"), axis=-1)
    return ((index * spacing / semi_axes) ** 2).sum(axis=-1) <= 1.0


def edge_lengths(surface: Surface) -> np.ndarray:
    corner = surface.points[surface.triangles]
    return np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 2.5)])
def test_contour_encloses_the_voxels_volume_without_stretch_or_shift(spacing):
    spacing, semi_axes = np.array(spacing), np.array([12.0, 9.0, 15.0])
    mask = ellipsoid_mask(semi_axes, spacing)
    surface = contour_mask(mask, spacing)
    assert surface.volume == pytest.approx(mask.sum() * np.prod(spacing), rel=1e-4)
    assert surface.is_closed_manifold()
    centre = spacing * (np.array(mask.shape) - 1) / 2
    relative = surface.points - centre
    np.testing.assert_allclose(0.5 * (relative.max(axis=0) + relative.min(axis=0)), 0.0, atol=1e-3)
    np.testing.assert_allclose(relative.max(axis=0), semi_axes, atol=0.5 * spacing.max())


def test_a_mask_of_one_voxels_thickness_is_refused():
    mask = np.zeros((20, 20, 1), dtype=bool)
    mask[::2] = True
    with pytest.raises(InputError, match="thinner"):
        contour_mask(mask, np.array([1.0, 1.0, 1.0]))


def test_the_contour_is_that_of_the_largest_piece():
    mask = ellipsoid_mask(np.array([12.0, 9.0, 15.0]), np.ones(3))
    with_island = np.pad(mask, [(0, 6), (0, 0), (0, 0)])
    with_island[-2, 8:11, 10:13] = True
    alone, beside = (contour_mask(one, np.ones(3)) for one in (mask, with_island))
    assert beside.points[:, 0].max() == pytest.approx(alone.points[:, 0].max(), abs=0.1)
    assert beside.volume == pytest.approx(with_island.sum(), rel=1e-4)


def test_subdividing_keeps_the_surface_and_bounds_its_edges(sphere):
    fine = subdivide(sphere, lambda points: np.where(points[:, 0] > 0.0, 0.3, 0.9))
    assert fine.volume == pytest.approx(sphere.volume, rel=1e-12)
    assert fine.areas.sum() == pytest.approx(sphere.areas.sum(), rel=1e-12)
    assert fine.is_closed_manifold()
    assert edge_lengths(fine).max() <= 0.9
    right = (fine.points[fine.triangles][:, :, 0] > 0.2).all(axis=1)
    assert edge_lengths(fine)[right].max() <= 0.3


@pytest.mark.parametrize("size", [3.0, 1.0])
def test_remeshing_gives_the_wanted_edges_on_the_old_surface(sphere, size):
    surface = remesh(sphere, constant(size))
    assert surface.is_closed_manifold()
    assert edge_lengths(surface).mean() == pytest.approx(size, rel=0.05)
    np.testing.assert_allclose(np.linalg.norm(surface.points, axis=1), 10.0, rtol=2e-3)
    assert len(surface.points) - len(surface.triangles) / 2 == 2  # Euler's number of a sphere


def test_remeshing_follows_a_graded_size(sphere):
    surface = remesh(sphere, lambda points: np.where(points[:, 2] > 5.0, 0.6, 2.4))
    assert surface.is_closed_manifold()
    height = surface.points[surface.triangles].mean(axis=1)[:, 2]
    assert edge_lengths(surface)[height > 6.0].mean() == pytest.approx(0.6, rel=0.15)
    assert edge_lengths(surface)[height < 3.0].mean() == pytest.approx(2.4, rel=0.15)


def test_the_volume_is_met_by_an_even_offset(sphere):
    grown = with_volume(sphere, 1.05 * sphere.volume)
    assert grown.volume == pytest.approx(1.05 * sphere.volume, rel=1e-12)
    distance = np.linalg.norm(grown.points - sphere.points, axis=1)
    np.testing.assert_allclose(distance, 10.0 * (1.05 ** (1 / 3) - 1.0), rtol=1e-2)


def test_open_and_pinched_surfaces_are_no_closed_manifolds(sphere):
    assert sphere.is_closed_manifold()
    assert not Surface(sphere.points, sphere.triangles[1:]).is_closed_manifold()
    flipped = sphere.triangles.copy()
    flipped[0] = flipped[0][::-1]
    assert not Surface(sphere.points, flipped).is_closed_manifold()
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    corners = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    other = np.where(tetrahedron > 0, tetrahedron + 3, 0)  # shares the corner at the origin only
    pinched = Surface(np.concatenate([corners, -corners[1:]]), np.concatenate([tetrahedron, other[:, ::-1]]))
    assert not pinched.is_closed_manifold()
    assert Surface(corners, tetrahedron).is_closed_manifold()


def test_a_cluster_within_another_leaves_no_point(sphere, monkeypatch):
    whole = pyacvd.Clustering.cluster

    def cluster(clustering, count):
        labels = whole(clustering, count).copy()
        triangles = clustering.mesh.regular_faces
        border = np.unique(triangles[(labels[triangles] != labels[triangles][:, :1]).any(axis=1)])
        labels[np.setdiff1d(np.arange(len(labels)), border)[0]] = labels.max() + 1
        return labels

    monkeypatch.setattr(pyacvd.Clustering, "cluster", cluster)
    surface = remesh(sphere, constant(3.0))
    assert np.array_equal(np.unique(surface.triangles), np.arange(len(surface.points)))
    assert np.isfinite(surface.point_normals).all()


def test_nearest_points_lie_inside_triangles():
    triangle = Surface(np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), np.array([[0, 1, 2]]))
    points = np.array([[0.5, 0.5, 3.0], [3.0, 3.0, 0.0], [-1.0, 0.5, 0.0]])
    nearest = np.array([[0.5, 0.5, 0.0], [1.0, 1.0, 0.0], [0.0, 0.5, 0.0]])
    np.testing.assert_allclose(nearest_points(triangle, points), nearest)
    np.testing.assert_allclose(distances(triangle, points), np.linalg.norm(points - nearest, axis=1))


def test_the_way_the_scanner_stored_the_image_does_not_change_the_surface(demo_vertebra):
    refinements = (Refinement((0.0, 10.0, 0.0), (8.0, 30.0, 3.0), 2.0, 1.0),)
    expected = body_surface(demo_vertebra, 2.0, refinements)
    turned = body_surface(restored(demo_vertebra, order=(2, 0, 1), flips=(0, 2)), 2.0, refinements)
    np.testing.assert_array_equal(turned.points, expected.points)
    np.testing.assert_array_equal(turned.triangles, expected.triangles)


@pytest.mark.parametrize("size", [0.4, 5.1, float("nan")])
def test_sizes_out_of_range_are_refused(demo_vertebra, size):
    with pytest.raises(InputError, match=r"0\.5 to 5 mm"):
        body_surface(demo_vertebra, size)


@pytest.mark.parametrize(("radius", "size"), [(0.0, 1.0), (2.0, 0.01)])
def test_refinements_out_of_range_are_refused(radius, size):
    with pytest.raises(InputError, match=r"0\.2 to 50 mm"):
        Refinement((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), radius, size)


def restored(vertebra: Vertebra, order: tuple[int, ...], flips: tuple[int, ...]) -> Vertebra:
    """The same vertebra with its voxels stored in another order."""

    def turn(values: np.ndarray) -> np.ndarray:
        return np.flip(values.transpose(order), flips)

    affine = vertebra.ct.affine[:, [*order, 3]].copy()
    shape = np.array(vertebra.body.shape)[list(order)]
    for axis in flips:
        affine[:, 3] += affine[:, axis] * (shape[axis] - 1)
        affine[:, axis] *= -1.0
    ct = Image(turn(vertebra.ct.values), affine, vertebra.ct.path)
    return replace(vertebra, ct=ct, body=turn(vertebra.body), arch=turn(vertebra.arch))
