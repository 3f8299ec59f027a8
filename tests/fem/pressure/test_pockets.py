"""Cells in which fluid moves far more easily than around them cost the pressure few iterations."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest
from block_grid import block_grid
from numpy.typing import NDArray
from pockets_on_ranks import pockets_of_a_block
from ranks import Ranks
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import fem.pressure.pockets
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure
from fem.pressure.facet_matrix import multiply

PERMEABILITY = 1e-2 * np.eye(3)
"""mm2."""

POCKETS = 20


@pytest.fixture(scope="module")
def partition() -> Partition:
    return Partition.build(block_grid((8, 8, 8)))


def scattered(partition: Partition, contrast: float) -> NDArray[np.float64]:
    """Mobilities of 1e4 with single cells and pairs of neighbours ``contrast`` times above, none of them touching."""
    centroids = partition.corner_points.mean(axis=1)
    neighbours = partition.neighbours
    mobility = np.full(len(centroids), 1e4)
    taken = np.zeros(len(centroids), dtype=bool)
    for number, cell in enumerate(np.random.default_rng(3).permutation(len(centroids))[:POCKETS]):
        members = [int(cell)]
        if number % 2 and neighbours[cell].max() >= 0:
            members.append(int(neighbours[cell].max()))
        around = np.concatenate([[cell], *(neighbours[member] for member in members)])
        if not taken[around[around >= 0]].any():
            taken[around[around >= 0]] = True
            mobility[members] *= contrast
    return mobility


def solved(partition: Partition, mobility: NDArray[np.float64]) -> DarcyPressure:
    cells = len(partition.cell_volumes)
    pressure = DarcyPressure(partition, np.broadcast_to(PERMEABILITY, (cells, 3, 3)))
    source = np.zeros(cells)
    source[cells // 2] = 50.0
    walls = len(partition.boundary.facets)
    pressure.solve(mobility, source, np.full(walls, 0.1), np.zeros(walls))
    return pressure


def in_pockets(partition: Partition, ease: NDArray[np.float64]) -> NDArray[np.bool_]:
    everywhere = np.zeros(len(ease), dtype=bool)
    return fem.pressure.pockets._cells_of_pockets(
        partition.neighbours, ease, everywhere, fem.pressure.pockets.CONTRAST, fem.pressure.pockets.MOST_CELLS
    )


def test_without_their_correction_they_take_three_times_the_iterations(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 14 iterations where the mobility is uniform, 26 with pockets and 133 without the correction.
    mobility = scattered(partition, 1e4)
    corrected = solved(partition, mobility)
    monkeypatch.setattr(fem.pressure.pockets, "MOST_CELLS", 0)
    plain = solved(partition, mobility)
    assert len(corrected._preconditioner.pockets.surroundings.facets) > 10 * POCKETS
    assert plain.iterations > 3 * corrected.iterations
    np.testing.assert_allclose(corrected.facet_pressure, plain.facet_pressure, rtol=1e-7)
    corrected.destroy()
    plain.destroy()


def test_their_correction_leaves_no_residual_in_or_around_them(partition: Partition) -> None:
    pressure = solved(partition, scattered(partition, 1e4))
    matrix, solved_for = pressure._facet_matrix, pressure._preconditioner.pockets.surroundings
    random = np.random.default_rng(0)
    given, solution = (random.normal(size=len(matrix.row_sum)) for _ in range(2))
    before, after = np.empty_like(given), np.empty_like(given)
    multiply(matrix.cell_facets, matrix.pairs, matrix.row_sum, solution, before)
    solved_for.correct(matrix, given, solution)
    multiply(matrix.cell_facets, matrix.pairs, matrix.row_sum, solution, after)
    facets = solved_for.facets
    assert np.abs((given - after)[facets]).max() < 1e-4 * np.abs((given - before)[facets]).max()
    pressure.destroy()


def test_a_high_mobility_region_that_is_large_is_no_pocket(partition: Partition) -> None:
    mobility = np.where(partition.corner_points.mean(axis=1)[:, 0] > 0.0, 1e8, 1e4)
    pressure = solved(partition, mobility)
    assert pressure._preconditioner.pockets.surroundings is None
    pressure.destroy()


def test_pockets_are_the_small_components_above_any_threshold(partition: Partition) -> None:
    cells, neighbours = len(partition.cell_volumes), partition.neighbours
    ease = 10.0 ** np.random.default_rng(5).uniform(3.0, 6.0, cells).round(1)  # with many equals
    one, other = np.nonzero(neighbours >= 0)[0], neighbours[neighbours >= 0]
    expected, sizes = np.zeros(cells, dtype=bool), set()
    for threshold in np.unique(ease):
        above = ease >= threshold
        joined = above[one] & above[other]
        graph = coo_array((np.ones(joined.sum()), (one[joined], other[joined])), (cells, cells))
        labels = connected_components(graph, directed=False)[1]
        for label in np.unique(labels[above]):
            members = np.flatnonzero(labels == label)
            around = np.setdiff1d(neighbours[members], [-1, *members])
            small = len(members) <= fem.pressure.pockets.MOST_CELLS
            if small and ease[members].min() > fem.pressure.pockets.CONTRAST * ease[around].max():
                expected[members] = True
                sizes.add(len(members))
    found = in_pockets(partition, ease)
    np.testing.assert_array_equal(found, expected)
    assert expected.sum() > 100
    assert max(sizes) > 3


def test_where_pockets_are_many_fewer_layers_around_them_are_solved_for(partition: Partition) -> None:
    few = solved(partition, scattered(partition, 1e4))
    many = solved(partition, 10.0 ** np.random.default_rng(5).uniform(3.0, 6.0, len(partition.cell_volumes)))
    alone = {}
    for name, pressure in (("few", few), ("many", many)):
        pockets = pressure._preconditioner.pockets
        cells = in_pockets(partition, pressure._mobility * pockets._ease_at_unit_mobility)
        alone[name] = len(pockets.surroundings.facets) / len(np.unique(partition.cell_facets[cells]))
        pressure.destroy()
    assert alone["few"] > 3.0
    assert alone["many"] == 1.0


@pytest.mark.parametrize("contrast", [1e4, 1e8])
def test_round_off_leaves_no_pocket_inside_another_without_a_hold(partition: Partition, contrast: float) -> None:
    mobility = np.full(len(partition.cell_volumes), 1e4)
    for cell in np.random.default_rng(7).permutation(len(mobility))[:5]:
        around = partition.neighbours[cell]
        mobility[around[around >= 0]] = 1e4 * contrast
        mobility[cell] = 1e4 * contrast**2
    pressure = solved(partition, mobility)
    np.testing.assert_allclose(pressure.wall_flux.sum(), 50.0, rtol=1e-9)
    # Without the hold the iteration ends at the upper contrast with an indefinite preconditioner.
    assert pressure.iterations < 1500
    pressure.destroy()


@pytest.mark.mpi
def test_on_ranks_no_cell_is_solved_for_on_two_and_none_is_taken_for_a_pocket(on_ranks: Ranks) -> None:
    one, three = (on_ranks(ranks, pockets_of_a_block) for ranks in (1, 3))
    assert three["cells of two ranks"] == 0
    assert one["facets"] > three["facets"] > 0.5 * one["facets"]
    for found in (one, three):
        assert found["facets of halves"] == 0
        assert found["outflow"] == pytest.approx(50.0, rel=1e-9)
