"""Cells in which fluid moves far more easily than around them cost the pressure few iterations."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest
import scipy.sparse
from block_grid import block_grid
from numpy.typing import NDArray

import fem.pockets
from fem.darcy import DarcyPressure
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
    assert corrected._smoother.count > 0.9 * POCKETS
    assert plain.iterations > 3 * corrected.iterations
    np.testing.assert_allclose(corrected.facet_pressure, plain.facet_pressure, rtol=1e-7)
    corrected.destroy()
    plain.destroy()


def test_the_smoother_is_the_stated_one_and_its_spectrum_ends_at_the_bound(partition: Partition) -> None:
    pressure = solved(partition, scattered(partition, 1e4))
    matrix = scipy.sparse.csr_array(pressure._matrix.getValuesCSR()[::-1], shape=pressure._matrix.size)
    smoother, facets = pressure._smoother, matrix.shape[0]
    labels = smoother._pocket_of_facet
    inside = np.flatnonzero(labels >= 0)
    indicators = scipy.sparse.csr_array((np.ones(len(inside)), (inside, labels[inside])), (facets, smoother.count))
    inner = np.linalg.inv((indicators.T @ matrix @ indicators).toarray())
    given, result = pressure._matrix.createVecRight(), pressure._matrix.createVecLeft()
    vector = np.random.default_rng(0).normal(size=facets)
    given.array[:] = vector
    smoother.apply(None, given, result)
    expected = vector / matrix.diagonal() + indicators @ (inner @ (indicators.T @ vector))
    np.testing.assert_allclose(result.array_r, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())

    # The largest eigenvalue of B A by power iteration stays below the bound that Chebyshev relies on.
    for _ in range(200):
        given.array[:] = matrix @ vector
        smoother.apply(None, given, result)
        largest = np.linalg.norm(result.array_r) / np.linalg.norm(vector)
        vector = result.array_r / np.linalg.norm(result.array_r)
    assert largest <= pressure._largest_eigenvalue() + 1.0
    pressure.destroy()


def test_a_high_mobility_region_that_is_large_is_no_pocket(partition: Partition) -> None:
    mobility = np.where(partition.corner_points.mean(axis=1)[:, 0] > 0.0, 1e8, 1e4)
    pressure = solved(partition, mobility)
    assert pressure._smoother.count == 0
    pressure.destroy()
