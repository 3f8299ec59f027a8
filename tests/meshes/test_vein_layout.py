"""Veins in the shape of the real L3: where they begin, run and end, whatever the mesh."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.model.vein_draw import draw_veins
from materials.vein_distributions import VeinDistributions
from meshes.body_wall import BodyWall
from meshes.errors import InputError
from meshes.regions import region_facets
from meshes.surface import Surface, nearest_points
from meshes.vein_layout import VeinPlan, lay_veins
from meshes.vein_network import VeinNetwork

SITE_REGIONS = {
    "basivertebral_foramen": ("basivertebral_foramen",),
    "anterior_veins": ("anterior_wall",),
    "segmental_veins_left": ("left_wall", "left_pedicle"),
    "segmental_veins_right": ("right_wall", "right_pedicle"),
}


def plan(**changes) -> VeinPlan:
    """One foramen, and a branch to the right, ahead and to the left."""
    values = {
        "trunks": np.array([2.4]),
        "confluences": np.array([0.4]),
        "spread": 0.2,
        "rise": 0.05,
        "directions": np.radians([-80.0, 0.0, 80.0]),
        "inclinations": np.zeros(3),
        "calibres": np.array([[2.0, 1.0]] * 3),
    }
    return VeinPlan(**{**values, **changes})


@pytest.fixture(scope="module")
def networks(demo_vertebra) -> list[VeinNetwork]:
    return [lay_veins(draw_veins(VeinDistributions(), seed), demo_vertebra) for seed in range(24)]


def test_three_branches_leave_right_ahead_and_left(demo_vertebra) -> None:
    network = lay_veins(plan(), demo_vertebra)
    assert list(network.exit_sites.values()) == [
        "basivertebral_foramen",
        "segmental_veins_right",
        "anterior_veins",
        "segmental_veins_left",
    ]
    foramen, confluence = network.nodes[network.segments[0]]
    assert demo_vertebra.frame.fractions(confluence) == pytest.approx((0.0, 0.6, 0.55))
    np.testing.assert_allclose(foramen[[0, 2]], confluence[[0, 2]], atol=1e-12)  # horizontal, in the midline
    np.testing.assert_allclose(network.nodes[1:, 2], confluence[2], atol=1e-12)
    np.testing.assert_allclose(network.diameters, [2.4, *3 * [1.875, 1.625, 1.375, 1.125]])
    assert network.volume == pytest.approx((0.25 * np.pi * network.diameters**2 * network.lengths).sum())


def test_levels_decide_which_plate_is_nearer(demo_vertebra) -> None:
    heights = {}
    for level in ("L3", "L5", "T9"):
        nodes = lay_veins(plan(), replace(demo_vertebra, level=level)).nodes
        heights[level] = demo_vertebra.frame.fractions(nodes[0])[2]
    assert heights == pytest.approx({"L3": 0.55, "L5": 0.45, "T9": 0.5})


def test_several_foramina_have_two_confluences_and_one_exit_each(demo_vertebra) -> None:
    network = lay_veins(plan(trunks=np.full(3, 1.4), confluences=np.array([0.3, 0.4]), odd_side=1), demo_vertebra)
    sites = list(network.exit_sites.values())
    assert sites.count("basivertebral_foramen") == 3
    assert len(network.nodes) - len(network.segments) == 2  # two trees
    right, left = (demo_vertebra.frame.fractions(node) for node in network.nodes[:2])
    assert right == pytest.approx((-0.2, 0.7, 0.55))
    assert left == pytest.approx((0.2, 0.6, 0.55))
    roots = np.setdiff1d(network.segments[:, 0], network.segments[:, 1])
    assert all(network.exit_sites[root] == "basivertebral_foramen" for root in roots.tolist())


def test_every_random_network_leaves_behind_and_at_each_end(networks) -> None:
    for network in networks:
        ends = np.flatnonzero(np.bincount(network.segments.ravel()) == 1).tolist()
        assert set(ends) == set(network.exit_sites)
        assert "basivertebral_foramen" in network.exit_sites.values()
    volumes = 1e-3 * np.array([network.volume for network in networks])
    assert 0.15 < np.median(volumes) < 0.6  # ml, of which an L4 of 39 ml would have 1.5 to 2 % at most


@pytest.mark.parametrize("size", [3.0, 2.0])
def test_they_end_at_the_wall_of_their_site(networks, demo_mesh, size) -> None:
    mesh = demo_mesh(size)
    surface = Surface(mesh.points, mesh.facets)
    for network in networks[:4]:
        exits = list(network.exit_sites)
        away = np.linalg.norm(nearest_points(surface, network.nodes[exits]) - network.nodes[exits], axis=1)
        assert away.max() < 0.75  # half a voxel
        for node, site in network.exit_sites.items():
            distance = {
                name: np.linalg.norm(
                    mesh.facet_centroids[region_facets(mesh, name)] - network.nodes[node], axis=1
                ).min()
                for name in mesh.facet_regions
            }
            nearest = min(distance.values())
            assert min(distance[name] for name in SITE_REGIONS[site]) < nearest + size


def test_a_ray_ends_on_the_surface_and_must_start_inside(demo_vertebra) -> None:
    wall = BodyWall(demo_vertebra)
    (right, left), *_ = demo_vertebra.frame.extents
    assert wall.exit(np.zeros(3), np.array([1.0, 0.0, 0.0]))[0] == pytest.approx(left, abs=1e-6)
    assert wall.exit(np.zeros(3), np.array([-5.0, 0.0, 0.0]))[0] == pytest.approx(right, abs=1e-6)
    assert wall.contains(np.array([[0.0, 0.0, 0.0], [left + 1.0, 0.0, 0.0]])).tolist() == [True, False]
    with pytest.raises(ValueError, match="start in the body"):
        wall.exit(np.array([left + 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))


def test_a_body_without_room_for_a_confluence_is_refused(demo_vertebra) -> None:
    with pytest.raises(InputError, match="does not surround the confluence"):
        lay_veins(plan(trunks=np.ones(2), confluences=np.array([0.4, 0.4]), spread=1.5), demo_vertebra)
