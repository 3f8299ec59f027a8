"""The facet matrix of the hybrid Darcy pressure, kept by facets instead of in PETSc's general format.

A facet has one or two cells, and with each of their other three facets it shares just that one cell. So a row has six
entries beside the diagonal, each of them a number of one cell times its mobility: filling the matrix adds nothing up,
and a product reads a row of fixed length. In the place of the diagonal stands the sum of the row, which is what walls
and vessels conduct, and a product is

    (A x)_i = s_i x_i + sum_j a_ij (x_j - x_i),

so that small differences of a pressure are not lost where fluid moves easily.
"""

from __future__ import annotations

from dataclasses import dataclass

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numba
import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from fem.partition import Partition

ROW = 6
"""Entries of a row besides the diagonal; those of a missing second cell are zero."""


@dataclass(frozen=True)
class Conductances:
    """What the matrix holds at one moment.

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

    Attributes:
        columns: (owned facets, 6) local facet of each entry beside the diagonal.
        off_diagonal: (owned facets, 6) these entries in mm3/(s MPa).
        row_sum: (owned facets,) of all entries, that on the diagonal included, in mm3/(s MPa).
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Find the two cells of every owned facet.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) matrix of each cell at unit mobility.
        """
        self._cell_matrices = cell_matrices
        facet_map = partition.facet_map
        owned = facet_map.size_local
        self._cells = np.full((owned, 2), -1, dtype=np.int32)
        self._slots = np.zeros((owned, 2), dtype=np.int32)
        self.columns = np.zeros((owned, ROW), dtype=np.int32)
        _find_rows(partition.cell_facets, self._cells, self._slots, self.columns)
        self.off_diagonal = np.zeros((owned, ROW))
        self.row_sum = np.zeros(owned)
        self._walls = partition.boundary.facets
        self._vector = la.vector(facet_map, 1)
        self._with_ghosts = bool(partition.comm.size > 1)

    def fill(self, moment: Conductances) -> None:
        """Take up other values."""
        _fill_rows(
            self._cells,
            self._slots,
            self._cell_matrices,
            moment.mobility,
            moment.exchange,
            self.off_diagonal,
            self.row_sum,
        )
        self.row_sum[self._walls] += moment.walls

    def mult(self, _: PETSc.Mat, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` = A ``given``."""
        values = given.array_r
        if self._with_ghosts:
            self._vector.array[: len(values)] = values
            self._vector.scatter_forward()
            values = self._vector.array
        _multiply(self.columns, self.off_diagonal, self.row_sum, values, result.array)


@numba.njit(cache=True)
def _find_rows(
    cell_facets: NDArray[np.int32], cells: NDArray[np.int32], slots: NDArray[np.int32], columns: NDArray[np.int32]
) -> None:
    """Fill in the cells of each facet, its places in their rows, and the facets that share a cell with it."""
    owned = len(cells)
    for facet in range(owned):
        columns[facet] = facet
    for cell in range(len(cell_facets)):
        for i in range(4):
            facet = cell_facets[cell, i]
            if facet >= owned:
                continue
            side = 0 if cells[facet, 0] < 0 else 1
            cells[facet, side], slots[facet, side] = cell, i
            for j in range(1, 4):
                columns[facet, 3 * side + j - 1] = cell_facets[cell, (i + j) % 4]


@numba.njit(cache=True)
def _fill_rows(
    cells: NDArray[np.int32],
    slots: NDArray[np.int32],
    cell_matrices: NDArray[np.float64],
    mobility: NDArray[np.float64],
    exchange: NDArray[np.float64],
    off_diagonal: NDArray[np.float64],
    row_sum: NDArray[np.float64],
) -> None:
    for facet in range(len(row_sum)):
        row_sum[facet] = 0.0
        for side in range(2):
            cell, i = cells[facet, side], slots[facet, side]
            if cell < 0:
                continue
            row_sum[facet] += exchange[cell] / 4.0
            for j in range(1, 4):
                entry = mobility[cell] * cell_matrices[cell, i, (i + j) % 4] + exchange[cell] / 16.0
                off_diagonal[facet, 3 * side + j - 1] = entry


@numba.njit(cache=True)
def _multiply(
    columns: NDArray[np.int32],
    off_diagonal: NDArray[np.float64],
    row_sum: NDArray[np.float64],
    given: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    for row in range(len(row_sum)):
        own = given[row]
        total = row_sum[row] * own
        for entry in range(ROW):
            total += off_diagonal[row, entry] * (given[columns[row, entry]] - own)
        result[row] = total
