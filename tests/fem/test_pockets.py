"""Cells in which fluid moves far more easily than around them cost the pressure few iterations."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest
from block_grid import block_grid
from numpy.typing import NDArray

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
    # 20 iterations where the mobility is uniform, 42 with pockets and 140 without the correction.
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
