"""Where in an opening cement left, on a block through which it streams as is known."""

from collections.abc import Iterator

import numpy as np
import phantoms
import pytest

from experiments.results.open_sites import Fields, OpenSite, around_exits, carrying, cement_through, left_through
from experiments.results.vein_cement import VeinCement
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork


@pytest.fixture(scope="module")
def block() -> TetMesh:
    return phantoms.box((10.0, 8.0, 6.0), 2.0)


def test_cement_that_streams_upwards_leaves_above_where_the_cells_are_full(block: TetMesh) -> None:
    """0.5 mm/s for 10 s, after 10 s in which the speed rises from none, through the half of the top that is full."""
    full = block.cell_centroids[:, 0] > block.centroid[0]

    def fields() -> Iterator[Fields]:
        for time, speed in ((0.0, 0.0), (10.0, 0.5), (20.0, 0.5)):
            yield time, np.where(full, 0.9, 0.4), np.tile([0.0, 0.0, speed], (len(block.cells), 1))

    through = cement_through(block, fields())
    leaving = full[block.facet_cells] & (block.facet_normals[:, 2] > 0.99)
    assert through[leaving] == pytest.approx(7.5 * block.facet_areas[leaving])
    assert not through[~leaving].any()


def test_the_spot_is_the_fewest_facets_that_carried_nearly_all() -> None:
    through = np.array([0.0, 50.0, 1.0, 30.0, 2.0, 17.0, 100.0])
    facets = np.arange(6)
    assert carrying(facets, through).tolist() == [1, 3, 5]
    assert carrying(facets, np.zeros(7)).tolist() == []
    assert carrying(facets[:0], through).tolist() == []


def test_a_dry_site_has_no_spot() -> None:
    facets, spot = np.arange(9), np.arange(3)
    assert OpenSite("canal_posterior_wall", "canal", facets, 0.0, spot).wet.tolist() == []
    assert OpenSite("canal_posterior_wall", "canal", facets, 0.2, spot).wet.tolist() == [0, 1, 2]
    assert OpenSite("canal_posterior_wall", "canal", facets, 0.2).wet.tolist() == list(range(9))


def test_of_two_veins_the_one_with_cement_at_its_end_leaks(block: TetMesh) -> None:
    low, high = block.points.min(axis=0), block.points.max(axis=0)
    middle = block.centroid
    left, right = np.array([high[0], *middle[1:]]), np.array([low[0], *middle[1:]])
    veins = VeinNetwork(
        np.array([middle, left, right]),
        np.array([[0, 1], [0, 2]]),
        np.array([1.0, 1.0]),
        {1: "segmental_veins_left", 2: "segmental_veins_right"},
    )
    halves = [middle, 0.5 * (middle + left), left, middle, 0.5 * (middle + right), right]
    ends = np.array([[halves[a], halves[b]] for a, b in ((0, 1), (1, 2), (3, 4), (4, 5))])
    cement = VeinCement(ends, np.ones(4), np.array([1.0, 0.2, 1.0, 0.9]))
    assert left_through(veins, cement) == {2}
    both, one = around_exits(block, veins), around_exits(block, veins, {2})
    assert set(both) == {"segmental_veins_left", "segmental_veins_right"}
    assert set(one) == {"segmental_veins_right"}
    np.testing.assert_array_equal(one["segmental_veins_right"], both["segmental_veins_right"])
    assert (block.facet_centroids[one["segmental_veins_right"], 0] < middle[0]).all()
