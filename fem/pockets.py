"""Pockets: a few cells in which fluid moves more easily than in all cells around them.

Marrow that cement has cut off from every outlet makes them. The pressure in a pocket is nearly uniform and hangs on the
rest by little, which neither a smoother sees, because it is smooth inside, nor the nodal P1 space, because the pocket
and its surroundings share their vertices. With the indicator functions of the pockets' facets as columns of W, the
correction

    x += W (W^T A W)^-1 W^T (b - A x)

beside the smoother does. Cells that keep different rests of marrow make pockets inside pockets: the components of the
cells above a threshold are those, at every threshold, and they are nested or apart from each other (the max-tree of
Salembier et al. 1998, 10.1109/83.663500). The columns of W are then what each pocket has beyond those inside it, which
spans the same space with a single pocket to each facet. Without the correction the demo's last step takes nearly three
times the iterations; without the nested ones its cement at the end takes 39 instead of 31 at a contrast of 1e5.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from fem.facet_matrix import FIRST, SECOND, FacetMatrix
from fem.partition import Partition

CONTRAST = 3.0
"""How much more easily fluid moves at least in every cell of a pocket than in any around it."""

MOST_CELLS = 20
"""Cells of a pocket at most; the P1 space has vertices inside larger ones."""


class Pockets:
    """The pockets of this rank; one that touches cells of another rank is left out.

    Attributes:
        of_facet: (local facets,) number of the innermost pocket that each facet belongs to, -1 for none.
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
        self._beside_ghosts = (partition.neighbours >= partition.owned_cells).any(axis=1)
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
        ease = (mobility * self._ease_at_unit_mobility)[: partition.owned_cells]
        self.count = _find_pockets(
            partition.cell_facets,
            partition.neighbours,
            ease,
            np.argsort(-ease),
            self._beside_ghosts,
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
        try:
            self._inner = splu(inner.tocsc())
        except RuntimeError:
            # Contrasts beyond round-off leave a pocket without a hold; the solve goes on without the correction.
            self.count = 0

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
    falling: NDArray[np.int64],
    beside_ghosts: NDArray[np.bool_],
    contrast: float,
    most_cells: int,
    pocket_of_facet: NDArray[np.int32],
) -> int:
    """Number the innermost pockets on their facets, -1 on all others; returns how many there are.

    Cells are taken in the order of ``falling`` ease, and each grows the components of those before it that it touches.
    A component is a pocket if it is small and the cell that makes it grow is less easy by ``contrast``.
    """
    cells = len(ease)
    parent = np.arange(cells).astype(np.int32)
    following = parent.copy()  # the next cell of the same component, in a ring
    size = np.ones(cells, dtype=np.int32)
    least = np.empty(cells)
    pocket_of_facet[:] = -1
    count = 0
    taken = np.zeros(cells, dtype=np.bool_)
    for cell in falling:
        taken[cell] = True
        least[cell] = ease[cell]
        if beside_ghosts[cell]:
            size[cell] = most_cells + 1
        for other in neighbours[cell]:
            if other < 0 or other >= cells or not taken[other]:
                continue
            first, second = _root(parent, cell), _root(parent, other)
            if first == second:
                continue
            if size[second] <= most_cells and least[second] >= contrast * ease[cell]:
                count += _mark(second, following, cell_facets, pocket_of_facet, count)
            parent[second] = first
            size[first] = min(size[first] + size[second], most_cells + 1)
            following[first], following[second] = following[second], following[first]
            least[first] = ease[cell]
    return count


@numba.njit(cache=True)
def _mark(
    start: int,
    following: NDArray[np.int32],
    cell_facets: NDArray[np.int32],
    pocket_of_facet: NDArray[np.int32],
    number: int,
) -> int:
    """Give the facets of a component that no pocket inside it has its number; returns 1 if there are any, else 0."""
    found = 0
    cell = start
    while True:
        for facet in cell_facets[cell]:
            if pocket_of_facet[facet] < 0:
                pocket_of_facet[facet] = number
                found = 1
        cell = following[cell]
        if cell == start:
            return found
