"""The facet matrix is that of its definition, and its preconditioner is symmetric and positive at every mobility."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest
import scipy.sparse
from block_grid import block_grid

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure
from fem.pressure.exchange import Exchange

TENSOR = np.array([[3.0, 1.0, 0.5], [1.0, 2.0, 0.2], [0.5, 0.2, 1.0]]) * 1e-2


@pytest.fixture(scope="module")
def pressure():
    """A small box with mobilities over five decades, vessels in some cells and walls of different conductance."""
    partition = Partition.build(block_grid((3, 3, 3)))
    cells, walls = len(partition.cell_volumes), len(partition.boundary.facets)
    random = np.random.default_rng(1)
    problem = DarcyPressure(partition, np.broadcast_to(TENSOR, (cells, 3, 3)))
    mobility, conductance = 10.0 ** random.uniform(3.0, 8.0, cells), random.uniform(0.0, 1e3, walls)
    exchange = np.where(random.random(cells) < 0.2, 50.0, 0.0)
    problem.solve(mobility, np.ones(cells), conductance, np.zeros(walls), Exchange(exchange, np.full(cells, 1e-3)))
    problem.stated = mobility, exchange, conductance
    yield problem
    problem.destroy()


def as_array(pressure, apply):
    """The matrix of a linear map of PETSc vectors, column by column."""
    given, result = pressure._matrix.createVecs()
    columns = []
    for unknown in range(given.size):
        given.array[:] = 0.0
        given.array[unknown] = 1.0
        apply(given, result)
        columns.append(result.array_r.copy())
    return np.array(columns).T


def test_the_matrix_is_the_sum_of_its_cells_and_walls(pressure):
    mobility, exchange, conductance = pressure.stated
    facets = pressure.partition.cell_facets
    expected = np.zeros((pressure._matrix.size[0],) * 2)
    matrices = mobility[:, None, None] * pressure._cell_matrices + exchange[:, None, None] / 16.0
    np.add.at(expected, (facets[:, :, None], facets[:, None, :]), matrices)
    walls = pressure.partition.boundary.facets
    expected[walls, walls] += conductance
    matrix = as_array(pressure, pressure._matrix.mult)
    np.testing.assert_allclose(matrix, expected, rtol=1e-11, atol=1e-11 * expected.max())


def test_the_nodal_matrix_is_the_facet_matrix_of_nodal_functions(pressure):
    matrix, partition = as_array(pressure, pressure._matrix.mult), pressure.partition
    prolongation = np.zeros((len(matrix), partition.mesh.topology.index_map(0).size_local))
    np.put_along_axis(prolongation, partition.facet_vertices, 1.0 / 3.0, axis=1)
    expected = prolongation.T @ matrix @ prolongation
    rows, columns, values = pressure._preconditioner._nodal._matrix.getValuesCSR()
    found = scipy.sparse.csr_array((values, columns, rows), expected.shape).toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * expected.max())


def test_the_preconditioner_is_symmetric_and_bounds_the_spectrum(pressure):
    preconditioner = pressure._preconditioner
    inverse = as_array(pressure, lambda given, result: preconditioner.apply(None, given, result))
    scale = 1.0 / np.sqrt(np.diag(inverse))
    asymmetry = (inverse - inverse.T) * scale[:, None] * scale
    assert np.abs(asymmetry).max() < 1e-4
    matrix = as_array(pressure, pressure._matrix.mult)
    spectrum = np.linalg.eigvals(inverse @ matrix).real
    # An error propagation that shrinks every error in the energy norm has the spectrum of the product within 0 and 1.
    assert spectrum.max() < 1.0 + 1e-3
    assert spectrum.min() > 0.01
