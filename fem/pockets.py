"""Pockets: a few cells in which fluid moves far more easily than in all cells around them.

Marrow that cement has cut off from every outlet makes them. The pressure in a pocket is nearly uniform and hangs on the
rest by little, which neither a smoother sees, because it is smooth inside, nor the nodal P1 space, because the pocket
and its surroundings share their vertices. With the indicator functions of the pockets' facets as columns of W, the
correction

    x += W (W^T A W)^-1 W^T (b - A x)

beside the smoother does. Without it the demo's last step takes nearly three times the iterations.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from fem.facet_matrix import FIRST, SECOND, FacetMatrix
from fem.partition import Partition

CONTRAST = 10.0
"""How much more easily fluid moves in a pocket than in any cell around it."""

MOST_CELLS = 20
"""Cells of a pocket at most; the P1 space has vertices inside larger ones."""


class Pockets:
    """The pockets of this rank; one that touches cells of another rank is left out, so that pockets never meet.

    Attributes:
        of_facet: (local facets,) number of the pocket that each facet belongs to, -1 for none.
        count: how many there are.
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Note what does not change.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) matrix of each cell at unit mobility.
        """
        self._partition = partition
        self._ease_at_unit_mobility = np.einsum("tii->t", cell_matrices)
        self._ghost_cell = np.arange(len(cell_matrices)) >= partition.owned_cells
        facet_map = partition.facet_map
        self.of_facet = np.full(facet_map.size_local + facet_map.num_ghosts, -1, dtype=np.int32)
        self.count = 0
        self._facets = np.empty(0, dtype=np.int64)
        self._cells = np.empty(0, dtype=np.int32)
        self._load = np.empty(0)
        self._inner: splu | None = None

    def find(self, matrix: FacetMatrix, mobility: NDArray[np.float64]) -> None:
        """Find the pockets at (local cells,) total mobilities in 1/(MPa s), which ``matrix`` is filled with."""
        partition = self._partition
        self.count = _find_pockets(
            partition.cell_facets,
            partition.neighbours,
            mobility * self._ease_at_unit_mobility,
            self._ghost_cell,
            CONTRAST,
            MOST_CELLS,
            self.of_facet,
        )
        self._load = np.zeros(self.count)
        if not self.count:
            return
        self._facets = np.flatnonzero(self.of_facet >= 0)
        cells = np.unique(partition.facet_cells[self._facets])
        self._cells = cells[cells >= 0]
        numbers = self.of_facet[partition.cell_facets[self._cells]]
        first, second = numbers[:, FIRST], numbers[:, SECOND]
        pairs = matrix.pairs[self._cells]
        ends, others, values = np.concatenate([first, second]), np.concatenate([second, first]), np.tile(pairs, (2, 1))
        outward = (ends >= 0) & (ends != others)
        between = outward & (others >= 0)
        own = self.of_facet[self._facets]
        values = np.concatenate([matrix.row_sum[self._facets], values[outward], -values[between]])
        lines = np.concatenate([own, ends[outward], ends[between]])
        columns = np.concatenate([own, ends[outward], others[between]])
        inner = coo_array((values, (lines, columns)), (self.count, self.count))
        self._inner = splu(inner.tocsc())

    def correct(self, matrix: FacetMatrix, given: NDArray[np.float32], solution: NDArray[np.float32]) -> None:
        """Add the correction for the (owned facets,) right-hand side to the (local facets,) solution."""
        if self._inner is None or not self.count:
            return
        self._load[:] = 0.0
        _add_residual(self._facets, self.of_facet, matrix.row_sum, given, solution, self._load)
        _add_inflow(self._cells, matrix.cell_facets, matrix.pairs, self.of_facet, solution, self._load)
        _add_levels(self._facets, self.of_facet, self._inner.solve(self._load), solution)


@numba.njit(cache=True)
def _add_residual(
    facets: NDArray[np.int64],
    pocket_of_facet: NDArray[np.int32],
    row_sum: NDArray[np.float64],
    given: NDArray[np.float32],
    solution: NDArray[np.float32],
    load: NDArray[np.float64],
) -> None:
    """What the facets of each pocket are given, less what walls and vessels take from them."""
    for facet in facets:
        load[pocket_of_facet[facet]] += given[facet] - row_sum[facet] * solution[facet]


@numba.njit(cache=True)
def _add_inflow(
    cells: NDArray[np.int32],
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.float64],
    pocket_of_facet: NDArray[np.int32],
    solution: NDArray[np.float32],
    load: NDArray[np.float64],
) -> None:
    """What flows into each pocket between the facets of the ``cells`` that have one of its facets."""
    for cell in cells:
        for pair in range(6):
            i, j = cell_facets[cell, FIRST[pair]], cell_facets[cell, SECOND[pair]]
            first, second = pocket_of_facet[i], pocket_of_facet[j]
            if first == second:
                continue
            flow = pairs[cell, pair] * (solution[i] - solution[j])
            if first >= 0:
                load[first] -= flow
            if second >= 0:
                load[second] += flow


@numba.njit(cache=True)
def _add_levels(
    facets: NDArray[np.int64],
    pocket_of_facet: NDArray[np.int32],
    levels: NDArray[np.float64],
    solution: NDArray[np.float32],
) -> None:
    for facet in facets:
        solution[facet] += levels[pocket_of_facet[facet]]


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
