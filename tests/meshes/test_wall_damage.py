from dataclasses import replace

import numpy as np
import pytest
from phantoms import box
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from meshes.errors import InputError
from meshes.mouths import REACH
from meshes.regions import facet_adjacency, region_area
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.wall_damage import (
    SHELL_WALLS,
    cells_behind,
    facets_behind,
    facets_of_fraction,
    fracture_mouth,
    missing_shell,
)


@pytest.fixture(scope="module")
def body(demo_mesh) -> TetMesh:
    return demo_mesh(2.0)


@pytest.fixture(scope="module")
def block() -> TetMesh:
    """Box of 40 x 30 x 24 mm with one corner at the origin."""
    return box((40.0, 30.0, 24.0), 1.5)


def pieces(mesh: TetMesh, facets: np.ndarray) -> int:
    return connected_components(facet_adjacency(mesh)[facets][:, facets], directed=False)[0]


def area_centroid(mesh: TetMesh, facets: np.ndarray) -> np.ndarray:
    return np.average(mesh.facet_centroids[facets], axis=0, weights=mesh.facet_areas[facets])


def with_hole(vertebra: Vertebra, centre: np.ndarray, normal: np.ndarray, diameter: float) -> Vertebra:
    """The vertebra with a round hole through its shell, filled with its own marrow and blurred by half a voxel."""
    index = np.moveaxis(np.indices(vertebra.body.shape), 0, -1)
    low, high = -3.0, 1.5  # mm along the normal that the hole reaches inwards and outwards
    weight = np.zeros(vertebra.body.shape)
    for shift in np.argwhere(np.ones((4, 4, 4))) / 4.0 - 0.375:
        offset = vertebra.frame.to_frame(vertebra.ct.to_world(index + shift)) - centre
        height = offset @ normal
        beside = np.linalg.norm(offset - height[..., None] * normal, axis=-1)
        weight += ((beside <= 0.5 * diameter) & (height > low) & (height < high)) / 64.0
    weight = ndimage.gaussian_filter(weight, 0.5)
    depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
    marrow = vertebra.ct.values[depth >= 0.5 * depth.max()]
    random = np.random.default_rng(3)
    fill = ndimage.gaussian_filter(random.choice(marrow, weight.shape) - np.median(marrow), 0.7) + np.median(marrow)
    values = ((1.0 - weight) * vertebra.ct.values + weight * fill).astype(np.float32)
    return replace(vertebra, ct=replace(vertebra.ct, values=values))


@pytest.mark.parametrize("region", ["posterior_wall", "left_wall", "superior_endplate"])
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_a_fraction_of_a_wall_is_one_patch_of_that_area(body, region, fraction):
    facets, wall = facets_of_fraction(body, region, fraction), body.facet_regions[region]
    assert set(facets) <= set(wall)
    assert pieces(body, facets) == 1
    assert region_area(body, facets) == pytest.approx(
        fraction * region_area(body, wall), abs=body.facet_areas[wall].max()
    )


def test_a_patch_on_a_plane_is_a_disc_about_its_centre(block):
    facets = facets_of_fraction(block, "z_max", 0.1, np.array([14.0, 12.0, 30.0]))
    radius = np.sqrt(0.1 * 40.0 * 30.0 / np.pi)
    np.testing.assert_allclose(area_centroid(block, facets), [14.0, 12.0, 24.0], atol=0.2)
    distance = np.linalg.norm(block.facet_centroids[facets] - [14.0, 12.0, 24.0], axis=1)
    assert distance.max() == pytest.approx(radius, abs=0.5)


def test_half_a_posterior_wall_surrounds_the_foramen(body):
    facets = facets_of_fraction(body, "posterior_wall", 0.4)
    foramen = area_centroid(body, body.facet_regions["basivertebral_foramen"])
    assert np.linalg.norm(area_centroid(body, facets) - foramen) < 3.0
    assert not set(facets) & set(body.facet_regions["basivertebral_foramen"])


def test_the_whole_wall_and_a_single_facet(body):
    np.testing.assert_array_equal(facets_of_fraction(body, "left_wall", 1.0), np.sort(body.facet_regions["left_wall"]))
    assert len(facets_of_fraction(body, "left_wall", 1e-6)) == 1
    with pytest.raises(InputError, match="above 0 and be at most 1"):
        facets_of_fraction(body, "left_wall", 0.0)


def test_a_fracture_on_a_plane_has_a_strip_of_the_surface_along_it(block):
    start, end = np.array([6.0, 5.0, 30.0]), np.array([34.0, 26.0, 20.0])
    mouth = fracture_mouth(block, "z_max", start, end)
    assert pieces(block, mouth.facets) == 1
    assert mouth.shares.sum() == pytest.approx(1.0)
    corners = block.points[block.facets[mouth.facets]][:, :, :2] - start[:2]
    along, across = corners @ [0.8, 0.6], corners @ [-0.6, 0.8]
    assert (across.min(axis=1) <= REACH).all()
    assert (across.max(axis=1) >= -REACH).all()
    assert along.min() >= -4.0
    # Every stretch has its share, and what they share lies along the line.
    centres = along.mean(axis=1)
    for stretch in (10.0, 17.5, 25.0):
        assert mouth.shares[centres < stretch].sum() == pytest.approx(stretch / 35.0, abs=0.03)
    assert mouth.shares @ across.mean(axis=1) == pytest.approx(0.0, abs=0.15)


def test_an_endplate_fracture_runs_between_its_ends(body, demo_vertebra):
    start, end = demo_vertebra.frame.point(-0.8, 0.5, 1.0), demo_vertebra.frame.point(0.8, 0.35, 1.0)
    mouth = fracture_mouth(body, "superior_endplate", start, end)
    assert set(mouth.facets) <= set(body.facet_regions["superior_endplate"])
    assert pieces(body, mouth.facets) == 1
    x = body.facet_centroids[mouth.facets, 0]
    assert x.min() == pytest.approx(start[0], abs=2.0)
    assert x.max() == pytest.approx(end[0], abs=2.0)
    assert mouth.shares @ x == pytest.approx(0.5 * (start + end)[0], abs=1.0)


def test_a_fracture_that_cannot_be_is_refused(block):
    with pytest.raises(InputError, match="at one point"):
        fracture_mouth(block, "z_max", np.array([3.0, 3.0, 24.0]), np.array([3.0, 3.0, 40.0]))
    top = block.facet_regions["z_max"]
    parted = block.with_regions({"z_max": top[np.abs(block.facet_centroids[top, 0] - 20.0) > 4.0]})
    with pytest.raises(InputError, match="leaves the z_max between its ends"):
        fracture_mouth(parted, "z_max", np.array([5.0, 15.0, 24.0]), np.array([35.0, 15.0, 24.0]))


def test_a_fracture_across_the_foramen_has_its_mouth_on_either_side(body):
    foramen = body.facet_regions["basivertebral_foramen"]
    centre, half = area_centroid(body, foramen), np.array([8.0, 0.0, 0.0])
    mouth = fracture_mouth(body, "posterior_wall", centre - half, centre + half)
    assert not np.isin(mouth.facets, foramen).any()
    aside = body.facet_centroids[mouth.facets, 0] - centre[0]
    assert 0.3 < mouth.shares[aside > 0.0].sum() < 0.7
    assert mouth.open_part == pytest.approx(1.0 - 7.3 / 16.0, abs=0.1)  # of an ellipse, 3 mm about its axis
    above = np.array([0.0, 0.0, 7.0])
    assert fracture_mouth(body, "posterior_wall", centre - half + above, centre + half + above).open_part == 1.0


def test_the_intact_body_has_its_shell(body, demo_vertebra):
    assert missing_shell(body, demo_vertebra) == {}


@pytest.mark.parametrize(
    ("wall", "point", "diameter"),
    [
        ("posterior_wall", [9.0, 16.0, -5.0], 8.0),
        ("superior_endplate", [6.0, -3.0, 14.0], 10.0),
        ("right_wall", [-23.0, 0.0, 0.0], 8.0),
    ],
)
def test_a_hole_in_the_shell_is_found(body, demo_vertebra, wall, point, diameter):
    facets = body.facet_regions[wall]
    near = facets[np.linalg.norm(body.facet_centroids[facets] - point, axis=1) < 4.0]
    centre, normal = area_centroid(body, near), body.facet_normals[near].mean(axis=0)
    damaged = with_hole(demo_vertebra, centre, normal / np.linalg.norm(normal), diameter)
    found = missing_shell(body, damaged)
    assert set(found) == {wall}
    assert np.linalg.norm(area_centroid(body, found[wall]) - centre) < 2.0
    assert 0.6 < region_area(body, found[wall]) / (np.pi / 4.0 * diameter**2) < 1.7
    assert missing_shell(body, damaged, smallest_area=200.0) == {}


def test_a_wall_without_any_shell_is_gone_as_a_whole(body, demo_vertebra):
    centres = demo_vertebra.frame.to_frame(
        demo_vertebra.ct.to_world(np.moveaxis(np.indices(demo_vertebra.body.shape), 0, -1))
    )
    values = np.where(centres[..., 1] > 10.0, np.float32(40.0), demo_vertebra.ct.values)
    destroyed = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=values))
    found = missing_shell(body, destroyed)
    wall = body.facet_regions["posterior_wall"]
    assert region_area(body, found["posterior_wall"]) > 0.95 * region_area(body, wall)
    assert set(found) <= set(SHELL_WALLS)


def test_a_ct_without_contrast_is_refused(body, demo_vertebra):
    flat = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=np.full_like(demo_vertebra.ct.values, 80.0)))
    with pytest.raises(InputError, match=r"shell of L3 only 0 HU above the body's inside, at least 60 HU"):
        missing_shell(body, flat)
    with pytest.raises(InputError, match="above 0 and below 1"):
        missing_shell(body, demo_vertebra, share=1.0)


def test_facets_and_cells_behind_each_other(body):
    everything = facets_behind(body, np.arange(len(body.cells)))
    for name, facets in body.facet_regions.items():
        np.testing.assert_array_equal(everything[name], facets)
    cells = cells_behind(body, body.facet_regions["anterior_wall"])
    corners = [set(body.cells[cell]) for cell in cells]
    for facet in body.facet_regions["anterior_wall"][::40]:
        assert any(set(body.facets[facet]) <= corner for corner in corners)
    assert set(facets_behind(body, cells)["anterior_wall"]) == set(body.facet_regions["anterior_wall"])
    inner = np.flatnonzero(np.linalg.norm(body.cell_centroids, axis=1) < 5.0)
    assert facets_behind(body, inner) == {}
