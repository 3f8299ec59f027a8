from dataclasses import replace

import numpy as np
import pytest
from phantoms import box
from scipy.sparse.csgraph import connected_components

from meshes.errors import InputError
from meshes.regions import (
    CORTEX_DEPTH,
    FORAMEN_HEIGHT,
    FORAMEN_WIDTH,
    cell_regions,
    facet_adjacency,
    facet_regions,
    facets_in_disc,
    name_regions,
    region_area,
    wall_point,
)
from meshes.tetmesh import CELL_REGIONS, FACET_REGIONS, TetMesh

FORAMEN_AREA = np.pi / 4.0 * FORAMEN_WIDTH * FORAMEN_HEIGHT


@pytest.fixture(scope="module")
def coarse(demo_mesh) -> TetMesh:
    return demo_mesh(2.0)


@pytest.fixture(scope="module")
def fine(demo_mesh) -> TetMesh:
    return demo_mesh(1.5)


@pytest.fixture(scope="module")
def block() -> TetMesh:
    """Box of 40 x 30 x 24 mm about the origin, with the names of a body."""
    mesh = box((40.0, 30.0, 24.0), 1.5)
    mesh = replace(mesh, points=mesh.points - [20.0, 15.0, 12.0])
    return mesh.with_regions(facet_regions(mesh))


def areas(mesh: TetMesh) -> dict[str, float]:
    return {name: region_area(mesh, facets) for name, facets in mesh.facet_regions.items()}


def test_every_facet_and_every_cell_has_one_name(coarse):
    for regions, names, count in (
        (coarse.facet_regions, FACET_REGIONS, len(coarse.facets)),
        (coarse.cell_regions, CELL_REGIONS, len(coarse.cells)),
    ):
        assert tuple(regions) == names
        np.testing.assert_array_equal(np.sort(np.concatenate(list(regions.values()))), np.arange(count))


@pytest.mark.parametrize("name", FACET_REGIONS)
def test_every_region_is_one_piece(coarse, name):
    facets = coarse.facet_regions[name]
    assert len(facets) > 0
    count, _ = connected_components(facet_adjacency(coarse)[facets][:, facets], directed=False)
    assert count == 1


def test_regions_lie_where_their_names_say(coarse):
    centre = {name: coarse.facet_centroids[facets].mean(axis=0) for name, facets in coarse.facet_regions.items()}
    normal = {name: coarse.facet_normals[facets].mean(axis=0) for name, facets in coarse.facet_regions.items()}
    assert centre["superior_endplate"][2] > 8.0
    assert centre["inferior_endplate"][2] < -8.0
    assert normal["posterior_wall"][1] > 0.7
    assert normal["anterior_wall"][1] < -0.7
    assert normal["left_wall"][0] > 0.7
    assert normal["right_wall"][0] < -0.7
    assert 5.0 < centre["left_pedicle"][0] < 20.0
    assert -20.0 < centre["right_pedicle"][0] < -5.0
    for side in ("left_pedicle", "right_pedicle"):
        assert centre[side][1] > 8.0
        assert -4.0 < centre[side][2] < 10.0


def test_pedicles_touch_the_arch(coarse, demo_vertebra):
    index = np.argwhere(demo_vertebra.arch)
    arch = demo_vertebra.frame.to_frame(demo_vertebra.ct.to_world(index))
    for side in ("left_pedicle", "right_pedicle"):
        centroids = coarse.facet_centroids[coarse.facet_regions[side]]
        distance = np.linalg.norm(centroids[:, None] - arch, axis=2).min(axis=1)
        assert np.median(distance) < 1.5
    posterior = coarse.facet_centroids[coarse.facet_regions["posterior_wall"]]
    assert np.median(np.linalg.norm(posterior[:, None] - arch, axis=2).min(axis=1)) > 2.0


def test_areas_do_not_depend_on_the_mesh(coarse, fine):
    coarse_areas, fine_areas = areas(coarse), areas(fine)
    for name in FACET_REGIONS:
        assert coarse_areas[name] == pytest.approx(fine_areas[name], rel=0.12, abs=5.0), name


def test_the_foramen_is_an_ellipse_in_the_middle_of_the_posterior_wall(coarse, fine):
    for mesh in (coarse, fine):
        facets = mesh.facet_regions["basivertebral_foramen"]
        assert region_area(mesh, facets) == pytest.approx(FORAMEN_AREA, abs=mesh.facet_areas[facets].max())
        assert abs(np.average(mesh.facet_centroids[facets, 0], weights=mesh.facet_areas[facets])) < 0.6
        corners = mesh.points[mesh.facets[facets]].reshape(-1, 3)
        assert np.ptp(corners[:, 0]) == pytest.approx(FORAMEN_WIDTH, abs=1.5)
        assert np.ptp(corners[:, 2]) == pytest.approx(FORAMEN_HEIGHT, abs=1.5)


def test_the_sides_of_a_block_get_their_names(block):
    area = areas(block)
    walls = {"superior_endplate": (2, 12.0), "inferior_endplate": (2, -12.0), "anterior_wall": (1, -15.0)}
    for name, (axis, position) in walls.items():
        on_side = np.abs(block.facet_centroids[:, axis] - position) < 1e-9
        inner = on_side & (np.abs(np.delete(block.facet_centroids, axis, axis=1)) < [12.0, 9.0]).all(axis=1)
        assert set(np.flatnonzero(inner)) <= set(block.facet_regions[name]), name
        assert area[name] == pytest.approx(block.facet_areas[on_side].sum(), rel=0.1), name
    assert area["left_wall"] == pytest.approx(area["right_wall"], rel=0.05)
    for side, sign in (("left_pedicle", 1.0), ("right_pedicle", -1.0)):
        centroids = block.facet_centroids[block.facet_regions[side]]
        assert (sign * centroids[:, 0] > 0.0).all()
        assert (centroids[:, 1] > 7.0).all()


def test_a_disc_on_a_plane_has_its_area(block):
    facets = facets_in_disc(block, "superior_endplate", np.array([3.0, -2.0, 20.0]), 10.0)
    assert region_area(block, facets) == pytest.approx(np.pi * 25.0, rel=0.05)
    beside = np.setdiff1d(block.facet_regions["superior_endplate"], facets)
    radius = [
        np.linalg.norm(block.points[block.facets[rows]][..., :2] - [3.0, -2.0], axis=2).max(axis=1)
        for rows in (facets, beside)
    ]
    assert radius[0].max() <= radius[1].min()
    assert set(facets) <= set(block.facet_regions["superior_endplate"])


def test_a_disc_smaller_than_a_facet_holds_the_nearest_one(block):
    target = block.facet_regions["anterior_wall"][7]
    found = facets_in_disc(block, "anterior_wall", block.facet_centroids[target], 1e-3)
    np.testing.assert_array_equal(found, [target])


def test_wall_point_is_the_foot_of_the_perpendicular(block):
    np.testing.assert_allclose(wall_point(block, "anterior_wall", np.array([2.0, -30.0, 1.0])), [2.0, -15.0, 1.0])


def test_an_unknown_wall_is_refused(block):
    with pytest.raises(InputError, match="choose one of superior_endplate"):
        facets_in_disc(block, "roof", np.zeros(3), 5.0)


def test_the_shell_is_dense_and_at_the_wall(coarse, demo_vertebra):
    hu = np.full_like(demo_vertebra.ct.values, 1000.0)
    dense = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=hu))
    shell = cell_regions(coarse, dense)["cortical_shell"]
    depth = np.linalg.norm(coarse.cell_centroids[:, None][::20] - coarse.facet_centroids, axis=2).min(axis=1)
    sampled = np.isin(np.arange(len(coarse.cells))[::20], shell)
    np.testing.assert_array_equal(sampled, depth <= CORTEX_DEPTH * 1.5)
    soft = replace(demo_vertebra, ct=replace(demo_vertebra.ct, values=0.0 * hu))
    assert len(cell_regions(coarse, soft)["cortical_shell"]) == 0


def test_a_mask_without_an_arch_gets_its_pedicles_by_shape(coarse, demo_vertebra):
    alone = replace(demo_vertebra, arch=np.zeros_like(demo_vertebra.arch))
    named = name_regions(coarse, alone)
    for side in ("left_pedicle", "right_pedicle"):
        by_shape, by_arch = named.facet_regions[side], coarse.facet_regions[side]
        assert len(np.intersect1d(by_shape, by_arch)) > 0.3 * len(by_arch)
