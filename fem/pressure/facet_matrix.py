"""The facet matrix of the hybrid Darcy pressure, kept by cells instead of in PETSc's general format.

Two facets are coupled by one cell or not at all, and what couples them flows from one to the other. So a cell has six
conductances c_ij, one for each pair of its facets, each of them a number of the cell times its mobility; beside them
stands the sum of each row, which is what walls and vessels conduct, and a product is

    (A x)_i = s_i x_i + sum_j c_ij (x_i - x_j).

Small differences of a pressure are not lost where fluid moves easily, and a cell reads its facets once for all of its
pairs: half the numbers of a matrix by rows, and a third of the gathers.
"""

from __future__ import annotations

from dataclasses import dataclass

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numba
import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from fem import profiling
from fem.partition import Partition
from fem.pressure.exchange import JoinedCells

PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Facets of a cell that each of its conductances couples."""

FIRST, SECOND = (np.array(side) for side in zip(*PAIRS, strict=True))
"""(6,) first and second facet of each pair."""


@dataclass(frozen=True)
class Conductances:
    """What the matrix holds at one conductances.

    Attributes:
        mobility: (local cells,) total mobility in 1/(MPa s), ghosts included.
        exchange: (local cells,) conductance between vessels and each cell in mm3/(s MPa), ghosts included.
        walls: (b,) conductance of each boundary facet in mm3/(s MPa).
    """

    mobility: NDArray[np.float64]
    exchange: NDArray[np.float64]
    walls: NDArray[np.float64]


class FacetMatrix:
    """Sum of the matrices of all cells and the conductances of the walls; a context of PETSc's ``python`` matrix.

    The rows of ghost facets are not complete.

    Attributes:
        cell_facets: (local cells, 4) local facet opposite to each vertex of each local cell.
        pairs: (local cells, 6) conductance between the facets of each of :data:`PAIRS` in mm3/(s MPa); it may be
            negative.
        row_sum: (local facets,) of all entries of a row in mm3/(s MPa).
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Set up what does not change.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) matrix of each cell at a mobility of 1/(MPa s), in mm3/(s MPa).
        """
        # Without a sign, an index needs no test for counting from the end.
        self.cell_facets = partition.cell_facets.astype(np.uint32)
        self._unit_pairs = np.ascontiguousarray(-cell_matrices[:, FIRST, SECOND])
        facet_map = partition.facet_map
        self.pairs = np.zeros_like(self._unit_pairs)
        self.row_sum = np.zeros(facet_map.size_local + facet_map.num_ghosts)
        self._walls = partition.boundary.facets
        self._given, self._result = (la.vector(facet_map, 1) for _ in range(2))
        self._with_ghosts = bool(partition.comm.size > 1)
        self._joined: JoinedCells | None = None

    @profiling.Event("vpPressureMatrix")
    def fill(self, conductances: Conductances, joined: JoinedCells | None = None) -> None:
        """Take up other values, and what vessels that join cells add beside the diagonal."""
        self._joined = joined
        _fill(
            self.cell_facets, self._unit_pairs, conductances.mobility, conductances.exchange, self.pairs, self.row_sum
        )
        self.row_sum[self._walls] += conductances.walls

    def mult(self, _: PETSc.Mat, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` in mm3/s = A ``given`` in MPa, both (owned facets,)."""
        if not self._with_ghosts:
            multiply(self.cell_facets, self.pairs, self.row_sum, given.array_r, result.array)
            self._add_joined(given.array_r, result.array)
            return
        values, owned = self._given.array, result.getLocalSize()
        values[:owned] = given.array_r
        self._given.scatter_forward()
        multiply(self.cell_facets, self.pairs, self.row_sum, values, self._result.array)
        self._add_joined(values, self._result.array)
        result.array[:] = self._result.array[:owned]

    def _add_joined(self, given: NDArray[np.float64], result: NDArray[np.float64]) -> None:
        """Add what the pressure of one cell takes from another by vessels that join them, for (local facets,)."""
        if self._joined is None:
            return
        facets = self.cell_facets[self._joined.cells]
        pressure = cell_means(facets, given)
        rate = self._joined.shared * pressure - self._joined.given_back(pressure)
        _add_quarters(facets, rate, result)

    def getDiagonal(self, _: PETSc.Mat, result: PETSc.Vec) -> None:  # noqa: N802  (PETSc's name)
        """``result`` = the (owned facets,) diagonal of A in mm3/(s MPa)."""
        diagonal = self.row_sum.copy()
        for side in (FIRST, SECOND):
            np.add.at(diagonal, self.cell_facets[:, side], self.pairs)
        result.array[:] = diagonal[: result.getLocalSize()]


@numba.njit(cache=True)
def cell_means(facets: NDArray[np.integer], facet_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(c,) means of (local facets,) values over the (c, 4) facets of cells."""
    means = np.empty(len(facets))
    for cell in range(len(facets)):
        means[cell] = 0.25 * (
            facet_values[facets[cell, 0]]
            + facet_values[facets[cell, 1]]
            + facet_values[facets[cell, 2]]
            + facet_values[facets[cell, 3]]
        )
    return means


@numba.njit(cache=True)
def _add_quarters(facets: NDArray[np.uint32], rate: NDArray[np.float64], result: NDArray[np.float64]) -> None:
    for cell in range(len(facets)):
        for facet in facets[cell]:
            result[facet] += 0.25 * rate[cell]


@numba.njit(cache=True)
def _fill(
    cell_facets: NDArray[np.uint32],
    unit_pairs: NDArray[np.float64],
    mobility: NDArray[np.float64],
    exchange: NDArray[np.float64],
    pairs: NDArray[np.float64],
    row_sum: NDArray[np.float64],
) -> None:
    row_sum[:] = 0.0
    for cell in range(len(cell_facets)):
        for pair in range(6):
            pairs[cell, pair] = mobility[cell] * unit_pairs[cell, pair] - exchange[cell] / 16.0
        for i in range(4):
            row_sum[cell_facets[cell, i]] += exchange[cell] / 4.0


@numba.njit(cache=True)
def multiply(
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.floating],
    row_sum: NDArray[np.floating],
    given: NDArray[np.floating],
    result: NDArray[np.floating],
) -> None:
    """``result`` = A ``given``, both with (local facets,) values and in the precision of the matrix."""
    for facet in range(len(row_sum)):
        result[facet] = row_sum[facet] * given[facet]
    for cell in range(len(cell_facets)):
        a, b, c, d = cell_facets[cell, 0], cell_facets[cell, 1], cell_facets[cell, 2], cell_facets[cell, 3]
        at_a, at_b, at_c, at_d = given[a], given[b], given[c], given[d]
        ab, ac, ad = pairs[cell, 0] * (at_a - at_b), pairs[cell, 1] * (at_a - at_c), pairs[cell, 2] * (at_a - at_d)
        bc, bd, cd = pairs[cell, 3] * (at_b - at_c), pairs[cell, 4] * (at_b - at_d), pairs[cell, 5] * (at_c - at_d)
        result[a] += ab + ac + ad
        result[b] += bc + bd - ab
        result[c] += cd - ac - bc
        result[d] -= ad + bd + cd
