"""Pockets: a few cells in which fluid moves more easily than in all cells around them.

Marrow that cement has cut off from every outlet makes them, often some close together or one inside the other. The
pressure in a pocket is nearly uniform and hangs on the rest by little, which neither a smoother sees, because it is
smooth inside, nor the nodal P1 space, because the pocket and its surroundings share their vertices. So the facets of
the pockets and of a few layers of cells around them are solved for together: with the restriction R to them,

    x += R^T (R A R^T)^-1 R (b - A x)

beside the smoother, a multiplicative Schwarz step (Smith et al. 1996, Domain Decomposition, section 1.2). Without it
the demo's last step takes nearly three times the iterations; without the layers its cement at the end takes 30 instead
of 26 at a contrast of 1e5.
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

LAYERS = 2
"""Of cells around the pockets, each behind the facets of the one before."""

MOST_FACETS = 0.1
"""Share of the facets above which no further layer is taken: the solve is to stay a small part of a step."""


HOLD = 1e-11
"""Added to the diagonal, as a share of it, so that round-off leaves no pocket without a hold."""


class Pockets:
    """The pockets of this rank and their surroundings, but for facets that share a cell with one of another rank.

    Attributes:
        facets: (solved for,) local numbers, rising.
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Note what does not change.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) matrix of each cell at unit mobility.
        """
        self._partition = partition
        self._ease_at_unit_mobility = np.einsum("tii->t", cell_matrices)
        # What two ranks solved for side by side, neither knowing of the other, would count twice.
        shared = (partition.cell_facets >= partition.facet_map.size_local).any(axis=1)
        self._alone = np.ones(len(partition.facet_cells), dtype=np.bool_)
        self._alone[partition.cell_facets[shared]] = False
        self._place = np.full(len(self._alone), -1, dtype=np.int32)
        self.facets = np.empty(0, dtype=np.int64)
        self._cells = np.empty(0, dtype=np.int32)
        self._residual = np.empty(0)
        self._inner: splu | None = None

    def find(self, matrix: FacetMatrix, mobility: NDArray[np.float64]) -> None:
        """Find the pockets at (local cells,) total mobilities in 1/(MPa s), which ``matrix`` is filled with."""
        cells = _cells_of_pockets(
            self._partition.neighbours, mobility * self._ease_at_unit_mobility, CONTRAST, MOST_CELLS
        )
        self.facets = self._facets_of(cells)
        for _ in range(LAYERS):
            cells = self._with_neighbours(cells)
            facets = self._facets_of(cells)
            if len(facets) > MOST_FACETS * len(self._alone):
                break
            self.facets = facets
        self._inner = self._factorised(matrix) if len(self.facets) else None

    def _facets_of(self, cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        facets = np.zeros(len(self._alone), dtype=np.bool_)
        facets[self._partition.cell_facets[cells]] = True
        return np.flatnonzero(facets & self._alone)

    def _with_neighbours(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        behind = self._partition.neighbours[cells]
        grown = cells.copy()
        grown[behind[behind >= 0]] = True
        return grown

    def _factorised(self, matrix: FacetMatrix) -> splu:
        partition, facets = self._partition, self.facets
        own = np.arange(len(facets), dtype=np.int32)
        self._place[:] = -1
        self._place[facets] = own
        self._residual = np.zeros(len(facets))
        cells = np.unique(partition.facet_cells[facets])
        self._cells = cells[cells >= 0]
        places = self._place[partition.cell_facets[self._cells]]
        first, second = places[:, FIRST], places[:, SECOND]
        ends, others = np.concatenate([first, second]), np.concatenate([second, first])
        values = np.tile(matrix.pairs[self._cells], (2, 1))
        solved = ends >= 0
        between = solved & (others >= 0)
        diagonal = matrix.row_sum[facets] + np.bincount(ends[solved], values[solved], len(facets))
        inner = coo_array(
            (
                np.concatenate([(1.0 + HOLD) * diagonal, -values[between]]),
                (np.concatenate([own, ends[between]]), np.concatenate([own, others[between]])),
            ),
            (len(facets), len(facets)),
        )
        return splu(inner.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def correct(self, matrix: FacetMatrix, given: NDArray[np.float32], solution: NDArray[np.float32]) -> None:
        """Add the correction for the (owned facets,) right-hand side to the (local facets,) solution."""
        if self._inner is None:
            return
        _take_residual(
            self.facets, self._cells, self._place, matrix.cell_facets, matrix.pairs, matrix.row_sum, given, solution,
            self._residual,
        )  # fmt: skip
        solution[self.facets] += self._inner.solve(self._residual)


@numba.njit(cache=True)
def _take_residual(
    facets: NDArray[np.int64],
    cells: NDArray[np.int32],
    place: NDArray[np.int32],
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.float64],
    row_sum: NDArray[np.float64],
    given: NDArray[np.float32],
    solution: NDArray[np.float32],
    residual: NDArray[np.float64],
) -> None:
    """Residual of the ``facets``, which stand at their ``place``; ``cells`` are all that have one of them."""
    for row in range(len(facets)):
        facet = facets[row]
        residual[row] = given[facet] - row_sum[facet] * solution[facet]
    for cell in cells:
        for pair in range(6):
            i, j = cell_facets[cell, FIRST[pair]], cell_facets[cell, SECOND[pair]]
            flow = pairs[cell, pair] * (solution[i] - solution[j])
            if place[i] >= 0:
                residual[place[i]] -= flow
            if place[j] >= 0:
                residual[place[j]] += flow


@numba.njit(cache=True)
def _cells_of_pockets(
    neighbours: NDArray[np.int32], ease: NDArray[np.float64], contrast: float, most_cells: int
) -> NDArray[np.bool_]:
    """(cells,) whether each is in a pocket.

    From every peak of the ease, the easiest cell around is added time and again. Where that one is less easy by
    ``contrast`` than all that were added, these are a pocket; where it is easier than the peak, another peak's.
    """
    found = np.zeros(len(ease), dtype=np.bool_)
    members = np.empty(most_cells, dtype=np.int32)
    around = np.empty(4 * most_cells, dtype=np.int32)
    for peak in range(len(ease)):
        cell, count, waiting, least = peak, 0, 0, ease[peak]
        while count < most_cells and _is_below(cell, peak, ease):
            members[count] = cell
            count += 1
            least = min(least, ease[cell])
            for other in neighbours[cell]:
                if other >= 0 and not _has(members, count, other) and not _has(around, waiting, other):
                    around[waiting] = other
                    waiting += 1
            if waiting == 0:
                break
            easiest = 0
            for place in range(1, waiting):
                if ease[around[place]] > ease[around[easiest]]:
                    easiest = place
            cell = around[easiest]
            if least >= contrast * ease[cell]:
                found[members[:count]] = True
            waiting -= 1
            around[easiest] = around[waiting]
    return found


@numba.njit(cache=True)
def _is_below(cell: int, peak: int, ease: NDArray[np.float64]) -> bool:
    """Whether a cell is not easier than the peak; of equals, the last one is the peak."""
    return ease[cell] < ease[peak] or (ease[cell] == ease[peak] and cell <= peak)


@numba.njit(cache=True)
def _has(cells: NDArray[np.int32], count: int, cell: int) -> bool:
    """Whether a cell is among the first ``count``."""
    found = False
    for place in range(count):
        found |= cells[place] == cell
    return found
