"""Pockets: a few cells in which fluid moves far more easily than in all cells around them.

Marrow that cement has cut off from every outlet makes them. The pressure in a pocket is nearly uniform and hangs on the
rest by little, which neither a smoother sees, because it is smooth inside, nor the nodal P1 space, because the pocket
and its surroundings share their vertices. With the indicator functions of the pockets' facets as columns of W,

    B = D^-1 + W (W^T A W)^-1 W^T

in the place of the inverse diagonal D^-1 gives a smoother that does. The second part times A is a projection, so that
the spectrum of B A ends at most by 1 above that of D^-1 A. On the demo's last step it brings 133 iterations to 45.
"""

from __future__ import annotations

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from fem.partition import Partition

CONTRAST = 10.0
"""How much more easily fluid moves in a pocket than in any cell around it."""

MOST_CELLS = 20
"""Cells of a pocket at most; the P1 space has vertices inside larger ones."""


class PocketSmoother:
    """The preconditioner B of a smoother, as a context of PETSc's ``python`` preconditioner.

    A pocket that touches cells of another rank is left out, so that pockets of two ranks never meet.
    """

    def __init__(self, partition: Partition, matrix: PETSc.Mat, cell_matrices: NDArray[np.float64]) -> None:
        """Note what does not change.

        Args:
            partition: the distributed mesh.
            matrix: the facet matrix, which every update finds assembled anew.
            cell_matrices: (local cells, 4, 4) matrix of each cell at unit mobility.
        """
        self._partition, self._matrix, self._cell_matrices = partition, matrix, cell_matrices
        # Vectors on several ranks are freed late, so one serves all updates.
        facet_map = partition.facet_map
        size = (facet_map.size_local, facet_map.size_global)
        self._diagonal = PETSc.Vec().createMPI(size, comm=partition.comm)
        self._ease_at_unit_mobility = np.einsum("tii->t", cell_matrices)
        self._owned = facet_map.size_local
        self._ghost_cell = np.arange(len(cell_matrices)) >= partition.owned_cells
        self._inverse_diagonal = np.ones(self._owned)
        self._pocket_of_facet = np.full(self._owned + facet_map.num_ghosts, -1, dtype=np.int32)
        self._facets = np.empty(0, dtype=np.int64)
        self._pockets = np.empty(0, dtype=np.int32)
        self._load = np.empty(0)
        self._inner: splu | None = None

    @property
    def count(self) -> int:
        """Pockets of this rank at the last update."""
        return len(self._load)

    def update(
        self,
        mobility: NDArray[np.float64],
        exchange: NDArray[np.float64],
        wall_facets: NDArray[np.int32],
        wall_conductance: NDArray[np.float64],
    ) -> None:
        """Find the pockets and take over the matrix, assembled with these values.

        Args:
            mobility: (local cells,) total mobility in 1/(MPa s).
            exchange: (local cells,) conductance between vessels and each cell in mm3/(s MPa).
            wall_facets: (b,) this rank's facets on the surface.
            wall_conductance: (b,) their conductance in mm3/(s MPa).
        """
        self._matrix.getDiagonal(self._diagonal)
        np.divide(1.0, self._diagonal.array_r, out=self._inverse_diagonal)
        partition = self._partition
        count = _find_pockets(
            partition.cell_facets,
            partition.neighbours,
            mobility * self._ease_at_unit_mobility,
            self._ghost_cell,
            CONTRAST,
            MOST_CELLS,
            self._pocket_of_facet,
        )
        self._load = np.zeros(count)
        if count == 0:
            return
        of_facet = self._pocket_of_facet
        self._facets = np.flatnonzero(of_facet >= 0)
        self._pockets = of_facet[self._facets]
        cells = np.flatnonzero((of_facet[partition.cell_facets] >= 0).any(axis=1))
        labels = of_facet[partition.cell_facets[cells]]
        values = mobility[cells, None, None] * self._cell_matrices[cells] + exchange[cells, None, None] / 16.0
        walls = np.flatnonzero(of_facet[wall_facets] >= 0)
        own = of_facet[wall_facets[walls]]
        rows = np.concatenate([np.repeat(labels, 4, axis=1).ravel(), own])
        columns = np.concatenate([np.tile(labels, (1, 4)).ravel(), own])
        entries = np.concatenate([values.ravel(), wall_conductance[walls]])
        inside = (rows >= 0) & (columns >= 0)
        self._inner = splu(coo_array((entries[inside], (rows[inside], columns[inside])), (count, count)).tocsc())

    def apply(self, _: PETSc.PC, given: PETSc.Vec, result: PETSc.Vec) -> None:
        """``result`` = B ``given``."""
        residual, correction = given.array_r, result.array
        np.multiply(residual, self._inverse_diagonal, out=correction)
        if self._inner is not None and self.count:
            self._load[:] = 0.0
            np.add.at(self._load, self._pockets, residual[self._facets])
            correction[self._facets] += self._inner.solve(self._load)[self._pockets]

    def destroy(self, _: PETSc.PC) -> None:
        """Free the PETSc objects of its own; PETSc calls it with the preconditioner's end."""
        self._diagonal.destroy()


@numba.njit(cache=True)
def _root(parent: NDArray[np.int32], cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@numba.njit(cache=True)
def _find_pockets(
    cell_facets: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    ease: NDArray[np.float64],
    ghost_cell: NDArray[np.bool_],
    contrast: float,
    most_cells: int,
    pocket_of_facet: NDArray[np.int32],
) -> int:
    """Number the pockets on their facets, -1 on all others; returns how many there are.

    Cells next to each other belong together unless fluid moves ``contrast`` times more easily in one of them.
    """
    cells = len(ease)
    parent = np.arange(cells).astype(np.int32)
    excluded = ghost_cell.copy()
    for cell in range(cells):
        for other in neighbours[cell]:
            if other < 0:
                continue
            if ghost_cell[other] or contrast * ease[cell] <= ease[other]:
                excluded[cell] = True
            if other > cell and ease[other] < contrast * ease[cell] and ease[cell] < contrast * ease[other]:
                first, second = _root(parent, cell), _root(parent, other)
                parent[max(first, second)] = min(first, second)
    size = np.zeros(cells, dtype=np.int32)
    for cell in range(cells):
        root = _root(parent, cell)
        size[root] += most_cells + 1 if excluded[cell] else 1
    number = np.full(cells, -1, dtype=np.int32)
    pocket_of_facet[:] = -1
    count = 0
    for cell in range(cells):
        root = _root(parent, cell)
        if size[root] > most_cells:
            continue
        if number[root] < 0:
            number[root] = count
            count += 1
        for facet in cell_facets[cell]:
            pocket_of_facet[facet] = number[root]
    return count
