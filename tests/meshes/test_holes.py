"""Holes at their true outline: the area of a disc and round edges, whatever lies around them."""

from typing import Any

import numpy as np
import pytest
import pyvista as pv

from meshes.body_mesh import Refinement, mesh_body
from meshes.errors import InputError
from meshes.holes import LEAST_SIZE, Hole, hole_size, outline
from meshes.parametric import parametric_body
from meshes.quality import gamma
from meshes.regions import facets_around, facets_in_disc, region_area, wall_point
from meshes.remeshing import remesh, subdivide
from meshes.sizing import target_size
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.volume_mesh import mesh_volume

DIAMETERS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 10.0)


def disc(diameter: float) -> float:
    return 0.25 * np.pi * diameter**2


def inside(surface: Surface, centre: np.ndarray, diameter: float) -> np.ndarray:
    """Rows of the triangles in a disc, as a mesh of the surface would find them."""
    return facets_around(TetMesh(surface.points, np.empty((0, 4), dtype=int), surface.triangles), centre, diameter)


@pytest.fixture(scope="module")
def sphere() -> Surface:
    polydata = pv.Icosphere(radius=15.0, nsub=5)
    return Surface(np.asarray(polydata.points, dtype=float), polydata.regular_faces.astype(np.int64))


@pytest.fixture(scope="module")
def lumbar() -> Surface:
    """The mean L3, with its sharp edges."""
    mesh = parametric_body("L3", 2.5)
    used, triangles = np.unique(mesh.facets, return_inverse=True)
    return Surface(mesh.points[used], triangles.reshape(-1, 3))


def finer(surface: Surface, centre: np.ndarray, diameter: float, anew: Any = remesh) -> Surface:
    """Triangulated anew, as fine as a hole wants it about its centre."""
    x, y, z = centre
    there = Refinement((x, y, z), (x, y, z), 0.5 * diameter, hole_size(diameter))
    return anew(surface, lambda points: target_size(points, 2.5, [there]))


@pytest.mark.parametrize("diameter", DIAMETERS)
def test_the_triangles_inside_have_the_area_of_the_disc(sphere: Surface, diameter: float) -> None:
    """On whole triangles whose centres lie inside, the area is wrong by up to a fifth of a hole of 1 to 2 mm."""
    place = 15.0 * np.array([0.48, 0.6, 0.64])
    surface = finer(sphere, place, diameter)
    centre = nearest_points(surface, place[None])[0]
    cut = outline(surface, [(centre, diameter)])
    assert cut.is_closed_manifold()
    assert cut.volume == pytest.approx(surface.volume, rel=1e-4)
    chosen = inside(cut, centre, diameter)
    assert cut.areas[chosen].sum() == pytest.approx(disc(diameter), rel=3e-3)
    corners = np.linalg.norm(cut.points[cut.triangles] - centre, axis=2)
    others = np.setdiff1d(np.arange(len(corners)), chosen)
    # The polygon's corners lie on one circle, and nothing else of it is inside.
    rim = corners[chosen].max()
    assert rim == pytest.approx(0.5 * diameter, rel=0.2 if diameter < 2.0 else 0.06)
    assert corners[others].min() > rim - 1e-3
    assert (corners[others].max(axis=1) > rim + 1e-3).all()


@pytest.mark.parametrize("place", [(0.0, 0.0, 13.0), (0.0, -17.0, 0.0), (0.0, -17.0, 11.0)])
def test_a_hole_may_hang_over_an_edge(lumbar: Surface, place: tuple[float, float, float]) -> None:
    """The whole outline lies on the surface, whichever walls it crosses."""
    surface = finer(lumbar, np.array(place), 6.0, subdivide)
    centre = nearest_points(surface, np.array([place]))[0]
    cut = outline(surface, [(centre, 6.0)])
    assert cut.is_closed_manifold()
    assert cut.volume == pytest.approx(surface.volume, rel=1e-3)
    assert cut.areas[inside(cut, centre, 6.0)].sum() == pytest.approx(disc(6.0), rel=0.01)
    assert len(mesh_volume(cut.points, cut.triangles, 2.5).cells) > 1000


def test_holes_in_and_beside_each_other_keep_their_areas(sphere: Surface) -> None:
    place = np.array([0.0, 0.0, 15.0])
    surface = finer(sphere, place, 6.0)
    centre = nearest_points(surface, place[None])[0]
    aside = nearest_points(surface, np.array([[4.0, 0.0, 15.0]]))[0]
    cut = outline(surface, [(centre, 6.0), (centre, 5.0), (aside, 4.0), (centre, 6.0)])
    assert cut.is_closed_manifold()
    for middle, diameter in ((centre, 6.0), (centre, 5.0), (aside, 4.0)):
        assert cut.areas[inside(cut, middle, diameter)].sum() == pytest.approx(disc(diameter), rel=0.02)


def test_a_hole_smaller_than_the_triangles_changes_nothing(sphere: Surface) -> None:
    coarse = remesh(sphere, lambda points: np.full(len(points), 3.0))
    middle = coarse.points[coarse.triangles[5]].mean(axis=0)
    cut = outline(coarse, [(middle, 0.5)])
    np.testing.assert_array_equal(cut.points, coarse.points)
    np.testing.assert_array_equal(cut.triangles, coarse.triangles)


@pytest.mark.parametrize(("wall", "fractions"), [("posterior_wall", (0.35, 1.0, 0.5)), ("left_wall", (1.0, 0.5, 0.4))])
def test_a_vertebra_is_meshed_along_its_holes(
    demo_vertebra: Vertebra, wall: str, fractions: tuple[float, float, float]
) -> None:
    diameter = 5.0
    x, y, z = demo_vertebra.frame.point(*fractions)
    there = Refinement((x, y, z), (x, y, z), 0.5 * diameter, hole_size(diameter))
    mesh = mesh_body(demo_vertebra, 3.0, [there], [Hole(wall, (x, y, z), diameter)])
    facets = facets_in_disc(mesh, wall, np.array([x, y, z]), diameter)
    assert region_area(mesh, facets) == pytest.approx(disc(diameter), rel=5e-3)
    radius = np.linalg.norm(mesh.points[mesh.facets[facets]] - wall_point(mesh, wall, np.array([x, y, z])), axis=2)
    rim = radius.max()
    on_rim = np.abs(radius - rim) < 0.01 * diameter
    # Edges of the outline run from one point of the circle to the next and around it once.
    assert on_rim.sum() >= 12
    assert mesh.volume == pytest.approx(demo_vertebra.body.sum() * demo_vertebra.ct.voxel_volume, rel=1e-6)
    assert set(mesh.facet_regions) >= {wall, "basivertebral_foramen"}
    assert gamma(mesh).min() > 0.05


def test_a_hole_needs_its_wall(demo_vertebra: Vertebra) -> None:
    with pytest.raises(InputError, match="the wall region 'roof' does not exist"):
        mesh_body(demo_vertebra, 4.0, holes=[Hole("roof", (0.0, 0.0, 0.0), 5.0)])


def test_the_size_at_a_hole() -> None:
    assert hole_size(9.0) == 1.5
    assert hole_size(1.0) == LEAST_SIZE == 0.4
