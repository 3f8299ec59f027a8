"""Pockets: a few cells in which fluid moves more easily than in all cells around them.

Marrow that cement has cut off from every outlet makes them, often some close together or one inside the other. The
pressure in a pocket is nearly uniform and hangs on the rest by little, which neither a smoother sees, because it is
smooth inside, nor the nodal P1 space, because the pocket and its surroundings share their vertices. So the facets of
the pockets and of two layers of cells around them are solved for together: with the restriction R to them,

    x += R^T (R A R^T)^-1 R (b - A x)

beside the smoother, a multiplicative Schwarz step (Smith et al. 1996, Domain Decomposition, section 1.2). Without it
the demo's last step takes 85 iterations instead of 25; without the layers its cement at the end takes 30 instead of 26
at a contrast of 1e5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import SuperLU, splu

from fem import profiling
from fem.partition import Partition
from fem.pressure.facet_matrix import FIRST, SECOND, FacetMatrix

CONTRAST = 3.0
"""By how much every cell of a pocket is easier at least than any around it; the ease of a cell is its mobility times
the trace of its matrix, which is large for slivers too."""

MOST_CELLS = 20
"""Cells of a pocket at most; the P1 space has vertices inside larger ones."""

LAYERS = 2
"""Of cells around the pockets, each behind the facets of the one before."""

MOST_FACETS = 0.1
"""Share of the facets above which no further layer is taken: where pockets are many, the solve is to stay small."""

HOLD = 1e-7
"""Added to the diagonal, as a share of it: what hangs on the rest by less is beyond the single precision around it."""


class Pockets:
    """The pockets of this rank.

    Facets of two ranks that share a cell are not both solved for, since neither rank knows of the other's correction.

    Attributes:
        surroundings: of the pockets found last; None where there are none.
    """

    def __init__(self, partition: Partition, cell_matrices: NDArray[np.float64]) -> None:
        """Note what does not change.

        Args:
            partition: the distributed mesh.
            cell_matrices: (local cells, 4, 4) matrix of each cell at a mobility of 1/(MPa s), in mm3/(s MPa).
        """
        self._partition = partition
        self._ease_at_unit_mobility = np.einsum("tii->t", cell_matrices)
        facet_map, cell_facets = partition.facet_map, partition.cell_facets
        owner = np.concatenate([np.full(facet_map.size_local, partition.comm.rank), facet_map.owners])
        others = cell_facets[(owner[cell_facets] < partition.comm.rank).any(axis=1)]
        self._solvable = owner == partition.comm.rank
        self._solvable[others] = False
        ghosts = np.arange(len(cell_facets)) >= partition.owned_cells
        self._uncertain = ghosts & (partition.neighbours < 0).any(axis=1)
        self.surroundings: Surroundings | None = None

    @profiling.Event("vpPocketsFind")
    def find(self, matrix: FacetMatrix, mobility: NDArray[np.float64]) -> None:
        """Find the pockets at (local cells,) total mobilities in 1/(MPa s), which ``matrix`` is filled with."""
        ease = mobility * self._ease_at_unit_mobility
        cells = _cells_of_pockets(self._partition.neighbours, ease, self._uncertain, CONTRAST, MOST_CELLS)
        facets = self._facets_of(cells)
        for _ in range(LAYERS):
            cells = self._with_neighbours(cells)
            more = self._facets_of(cells)
            if len(more) > MOST_FACETS * len(self._solvable):
                break
            facets = more
        self.surroundings = Surroundings.of_facets(self._partition, matrix, facets) if len(facets) else None

    def _facets_of(self, cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        facets = np.zeros(len(self._solvable), dtype=np.bool_)
        facets[self._partition.cell_facets[cells]] = True
        return np.flatnonzero(facets & self._solvable)

    def _with_neighbours(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        behind = self._partition.neighbours[cells]
        grown = cells.copy()
        grown[behind[behind >= 0]] = True
        return grown


@dataclass(frozen=True)
class Surroundings:
    """What is solved for together at one moment.

    Attributes:
        facets: (solved for,) local numbers.
        row_of_facet: (local facets,) place of each of them among ``facets``; -1 for all others.
        cells: local numbers of all cells that have one of them.
        factors: of their matrix.
    """

    facets: NDArray[np.int64]
    row_of_facet: NDArray[np.int32]
    cells: NDArray[np.int64]
    factors: SuperLU

    @classmethod
    def of_facets(cls, partition: Partition, matrix: FacetMatrix, facets: NDArray[np.int64]) -> Surroundings:
        """Factorise their part of the matrix."""
        rows = np.arange(len(facets), dtype=np.int32)
        row_of_facet = np.full(len(matrix.row_sum), -1, dtype=np.int32)
        row_of_facet[facets] = rows
        cells = np.flatnonzero((row_of_facet[partition.cell_facets] >= 0).any(axis=1))
        places, pairs = row_of_facet[partition.cell_facets[cells]], matrix.pairs[cells]
        first, second = places[:, FIRST], places[:, SECOND]
        ends, others, values = np.concatenate([first, second]), np.concatenate([second, first]), np.tile(pairs, (2, 1))
        solved = ends >= 0
        between = solved & (others >= 0)
        diagonal = matrix.row_sum[facets] + np.bincount(ends[solved], values[solved], len(facets))
        values = np.concatenate([(1.0 + HOLD) * diagonal, -values[between]])
        lines, columns = np.concatenate([rows, ends[between]]), np.concatenate([rows, others[between]])
        inner = coo_array((values, (lines, columns)), (len(facets), len(facets))).tocsc()
        symmetric = {"SymmetricMode": True}
        factors = splu(inner, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric)
        return cls(facets, row_of_facet, cells, factors)

    @profiling.Event("vpPocketsSolve")
    def correct(self, matrix: FacetMatrix, given: NDArray[np.float32], solution: NDArray[np.float32]) -> None:
        """Add the correction for the (owned facets,) rates in mm3/s to the (local facets,) pressures in MPa."""
        residual = np.empty(len(self.facets))
        _take_residual(
            self.facets, self.cells, self.row_of_facet, matrix.cell_facets, matrix.pairs, matrix.row_sum, given,
            solution, residual,
        )  # fmt: skip
        solution[self.facets] += self.factors.solve(residual)


@numba.njit(cache=True)
def _take_residual(
    facets: NDArray[np.int64],
    cells: NDArray[np.int64],
    row_of_facet: NDArray[np.int32],
    cell_facets: NDArray[np.uint32],
    pairs: NDArray[np.float64],
    row_sum: NDArray[np.float64],
    given: NDArray[np.float32],
    solution: NDArray[np.float32],
    residual: NDArray[np.float64],
) -> None:
    """Residual of the ``facets``; ``cells`` are all that have one of them."""
    for row in range(len(facets)):
        facet = facets[row]
        residual[row] = given[facet] - row_sum[facet] * solution[facet]
    for cell in cells:
        for pair in range(6):
            i, j = cell_facets[cell, FIRST[pair]], cell_facets[cell, SECOND[pair]]
            flow = pairs[cell, pair] * (solution[i] - solution[j])
            if row_of_facet[i] >= 0:
                residual[row_of_facet[i]] -= flow
            if row_of_facet[j] >= 0:
                residual[row_of_facet[j]] += flow


@numba.njit(cache=True)
def _cells_of_pockets(
    neighbours: NDArray[np.int32],
    ease: NDArray[np.float64],
    uncertain: NDArray[np.bool_],
    contrast: float,
    most_cells: int,
) -> NDArray[np.bool_]:
    """(local cells,) whether each is in a pocket.

    From every peak of the ease, the easiest cell around is added time and again. Where that one is less easy by
    ``contrast`` than all that were added, these are a pocket; where it is easier than the peak, they are another
    peak's; and where not all cells around it are known, nothing can be told.
    """
    found = np.zeros(len(ease), dtype=np.bool_)
    members = np.empty(most_cells, dtype=np.int32)
    around = np.empty(4 * most_cells, dtype=np.int32)
    for peak in range(len(ease)):
        if _has_easier(neighbours[peak], ease[peak], ease):
            continue
        cell, count, waiting, least = peak, 0, 0, ease[peak]
        while count < most_cells and not uncertain[cell] and _is_below(cell, peak, ease):
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
            if least > contrast * ease[cell]:
                found[members[:count]] = True
            waiting -= 1
            around[easiest] = around[waiting]
    return found


@numba.njit(cache=True)
def _has_easier(neighbours: NDArray[np.int32], peak: float, ease: NDArray[np.float64]) -> bool:
    """Whether one of the cells around is easier, so that the search would go there at once."""
    found = False
    for other in neighbours:
        found |= other >= 0 and ease[other] > peak
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
