"""Cells in which fluid moves far more easily than around them cost the pressure few iterations."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest
from block_grid import block_grid
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import fem.pockets
from fem.darcy import DarcyPressure
from fem.facet_matrix import multiply
from fem.partition import Partition

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


def test_without_their_correction_they_take_three_times_the_iterations(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 14 iterations where the mobility is uniform, 33 with pockets and 133 without the correction.
    mobility = scattered(partition, 1e4)
    corrected = solved(partition, mobility)
    monkeypatch.setattr(fem.pockets, "MOST_CELLS", 0)
    plain = solved(partition, mobility)
    assert corrected._preconditioner.pockets.count > 0.9 * POCKETS
    assert plain.iterations > 3 * corrected.iterations
    np.testing.assert_allclose(corrected.facet_pressure, plain.facet_pressure, rtol=1e-7)
    corrected.destroy()
    plain.destroy()


def test_their_correction_leaves_no_net_residual_in_any_of_them(partition: Partition) -> None:
    pressure = solved(partition, scattered(partition, 1e4))
    matrix, pockets = pressure._facet_matrix, pressure._preconditioner.pockets
    random = np.random.default_rng(0)
    given, solution = (random.normal(size=len(matrix.row_sum)) for _ in range(2))
    pockets.correct(matrix, given, solution)
    product = np.empty_like(given)
    multiply(matrix.cell_facets, matrix.pairs, matrix.row_sum, solution, product)
    residual = given - product
    inside = pockets.of_facet >= 0
    net = np.bincount(pockets.of_facet[inside], residual[inside], minlength=pockets.count)
    assert np.abs(net).max() < 1e-9 * np.abs(residual[inside]).max()
    pressure.destroy()


def test_a_high_mobility_region_that_is_large_is_no_pocket(partition: Partition) -> None:
    mobility = np.where(partition.corner_points.mean(axis=1)[:, 0] > 0.0, 1e8, 1e4)
    pressure = solved(partition, mobility)
    assert pressure._preconditioner.pockets.count == 0
    pressure.destroy()


def test_pockets_are_the_small_components_above_any_threshold(partition: Partition) -> None:
    cells, neighbours = len(partition.cell_volumes), partition.neighbours
    mobility = 10.0 ** np.random.default_rng(5).uniform(3.0, 6.0, cells)
    pressure = solved(partition, mobility)
    pockets = pressure._preconditioner.pockets
    ease = mobility * np.einsum("tii->t", pressure._cell_matrices)
    one, other = np.nonzero(neighbours >= 0)[0], neighbours[neighbours >= 0]
    innermost = np.full(len(partition.facet_cells), cells + 1)  # cells of the smallest component around each facet
    found = set()
    for threshold in ease:
        above = ease >= threshold
        joined = above[one] & above[other]
        graph = coo_array((np.ones(joined.sum()), (one[joined], other[joined])), (cells, cells))
        labels = connected_components(graph, directed=False)[1]
        members = np.flatnonzero(above & (labels == labels[ease == threshold][0]))
        around = np.setdiff1d(neighbours[members], [-1, *members])
        small = len(members) <= fem.pockets.MOST_CELLS
        if small and ease[members].min() >= fem.pockets.CONTRAST * ease[around].max():
            found.add(tuple(members))
            facets = partition.cell_facets[members].ravel()
            innermost[facets] = np.minimum(innermost[facets], len(members))
    np.testing.assert_array_equal(pockets.of_facet >= 0, innermost <= cells)
    sizes = [{innermost[facet] for facet in np.flatnonzero(pockets.of_facet == n)} for n in range(pockets.count)]
    assert all(len(of_one) == 1 for of_one in sizes)
    assert 100 < pockets.count <= len(found)
    assert max(map(max, sizes)) > 3
    pressure.destroy()


def test_pockets_that_round_off_leaves_without_a_hold_are_not_corrected(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    def singular(_: object) -> None:
        raise RuntimeError("Factor is exactly singular")

    mobility = scattered(partition, 1e4)
    corrected = solved(partition, mobility)
    monkeypatch.setattr(fem.pockets, "splu", singular)
    plain = solved(partition, mobility)
    assert plain._preconditioner.pockets.count == 0
    np.testing.assert_allclose(corrected.facet_pressure, plain.facet_pressure, rtol=1e-7)
    corrected.destroy()
    plain.destroy()
