"""How the surface of a body lets marrow seep and cement leave.

The load-bearing check: whatever groups and openings there are, the conductances sum to what was stated, and an opening
takes its facets out of the group they belong to.
"""

import numpy as np
import pytest

from fem.injection.walls import OUTLET_GROUPS, Opening, build_walls
from materials.leak_path import LeakPath
from meshes.leak_sites import LEAK_CLASSES, SITE_BEHIND_WALL, SITES
from meshes.tetmesh import FACET_REGIONS

PATH = LeakPath("slot", 0.5, 1.0)
OUTLETS = {"endplates": 20.0, "cortical_walls": 15.0, "basivertebral_foramen": 10.0, "pedicles": 5.0}


@pytest.fixture(scope="module")
def body(box_mesh):
    """The box with the facet regions of a vertebral body: a foramen and two pedicles on its posterior wall."""
    areas = {name: box_mesh.facet_regions[side] for name, side in _SIDES.items()}
    left, right, foramen = (areas["posterior_wall"][part] for part in (slice(0, 3), slice(3, 6), slice(6, 8)))
    areas |= {"left_pedicle": left, "right_pedicle": right, "basivertebral_foramen": foramen}
    areas["posterior_wall"] = areas["posterior_wall"][8:]
    return box_mesh.with_regions(facet_regions=areas)


_SIDES = {
    "superior_endplate": "z_max",
    "inferior_endplate": "z_min",
    "posterior_wall": "y_max",
    "anterior_wall": "y_min",
    "left_wall": "x_max",
    "right_wall": "x_min",
}


def of(walls, mesh, *names):
    return sum(walls.conductance[mesh.facet_regions[name]].sum() for name in names)


def test_outlets_are_spread_by_area_and_sum_to_the_total(body):
    walls = build_walls(body, OUTLETS)
    assert walls.total_conductance == pytest.approx(50.0)
    for group, names in OUTLET_GROUPS.items():
        if group not in OUTLETS:
            continue
        assert of(walls, body, *names) == pytest.approx(OUTLETS[group])
        rows = np.concatenate([body.facet_regions[name] for name in names])
        density = walls.conductance[rows] / body.facet_areas[rows]
        np.testing.assert_allclose(density, density[0])
    assert (walls.site == -1).all()
    assert set(walls.site_conductance()) == set(SITES)
    assert not any(walls.site_conductance().values())


def test_openings_take_their_facets_out_of_the_groups(body):
    hole = body.facet_regions["posterior_wall"][:3]
    foramen = body.facet_regions["basivertebral_foramen"]
    walls = build_walls(
        body,
        {name: OUTLETS[name] for name in ("endplates", "cortical_walls", "pedicles")},
        [
            Opening("canal_posterior_wall", hole, PATH, 3.0, 7.0),
            Opening("basivertebral_foramen", foramen, PATH, 1.0, 10.0),
        ],
    )
    assert walls.total_conductance == pytest.approx(57.0)
    assert walls.conductance[hole] == pytest.approx(7.0 * body.facet_areas[hole] / body.facet_areas[hole].sum())
    open_sites = {name: value for name, value in walls.site_conductance().items() if value}
    assert open_sites == pytest.approx({"canal_posterior_wall": 7.0, "basivertebral_foramen": 10.0})
    np.testing.assert_array_equal(np.flatnonzero(walls.site >= 0), np.sort(np.concatenate([hole, foramen])))
    intact = np.setdiff1d(body.facet_regions["posterior_wall"], hole)
    others = ("anterior_wall", "left_wall", "right_wall")
    assert walls.conductance[intact].sum() + of(walls, body, *others) == pytest.approx(OUTLETS["cortical_walls"])


def test_what_a_missing_group_would_pass_goes_to_the_others(body):
    """Without intact facets of a foramen its 10 of 50 are shared out in proportion."""
    foramen = body.facet_regions["basivertebral_foramen"]
    walls = build_walls(body, OUTLETS, [Opening("basivertebral_foramen", foramen, PATH, 1.0, 3.0)])
    assert walls.total_conductance == pytest.approx(53.0)
    assert of(walls, body, "left_pedicle", "right_pedicle") == pytest.approx(5.0 * 50.0 / 40.0)
    bare = body.with_regions(facet_regions={name: body.facet_regions[name] for name in OUTLET_GROUPS["endplates"]})
    assert build_walls(bare, OUTLETS).conductance[body.facet_regions["left_wall"]].sum() == 0.0
    assert build_walls(bare, OUTLETS).total_conductance == pytest.approx(50.0)


def test_a_tight_body_is_refused(body):
    with pytest.raises(ValueError, match="no conductance"):
        build_walls(body, dict.fromkeys(OUTLETS, 0.0))


def test_names_fit_together():
    assert set(SITE_BEHIND_WALL) | {"left_pedicle", "right_pedicle"} == set(FACET_REGIONS)
    assert {name for names in OUTLET_GROUPS.values() for name in names} == set(FACET_REGIONS)
    classed = [site for sites in LEAK_CLASSES.values() for site in sites]
    assert sorted([*classed, "needle_track"]) == sorted(SITES)
    assert set(SITE_BEHIND_WALL.values()) <= set(SITES)


def test_a_wall_has_its_own_conductance_thickness_and_outside(body):
    foramen = body.facet_regions["basivertebral_foramen"]
    walls = build_walls(
        body,
        OUTLETS,
        [Opening("basivertebral_foramen", foramen, PATH, 2.0, 10.0)],
        outside={"canal": 1.0, "disc": 2.0, "veins": 3.0, "soft_tissue": 4.0},
        thickness={"anterior_wall": 0.5, "left_wall": 0.25},
        conductances={"right_wall": 9.0},
    )
    assert of(walls, body, "right_wall") == pytest.approx(9.0)
    anterior, left = (
        of(walls, body, name) / body.facet_areas[body.facet_regions[name]].sum()
        for name in ("anterior_wall", "left_wall")
    )
    assert left == pytest.approx(2.0 * anterior)
    assert walls.open_area[foramen].sum() == pytest.approx(2.0)
    expected = {"posterior_wall": 1.0, "superior_endplate": 2.0, "basivertebral_foramen": 3.0, "left_wall": 4.0}
    for name, pressure in (expected | {"left_pedicle": 3.0}).items():
        np.testing.assert_array_equal(walls.outside_pressure[body.facet_regions[name]], pressure)


def test_a_wall_of_its_own_conductance_leaves_the_others_theirs(body):
    shared = build_walls(body, OUTLETS)
    own = of(shared, body, "superior_endplate")
    same = build_walls(body, OUTLETS, conductances={"superior_endplate": own})
    np.testing.assert_allclose(same.conductance, shared.conductance, rtol=1e-12)
    tight = build_walls(body, OUTLETS, conductances={"superior_endplate": 0.0})
    assert tight.total_conductance == pytest.approx(shared.total_conductance - own)
