"""The order in which a flow visits the cells of a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FlowOrder:
    """Cells from upstream to downstream, in groups.

    Attributes:
        cells: (owned cells,) each cell once, every group behind those that it receives flow from.
        starts: (groups + 1,) where each group begins in ``cells``. A group of one is a cell outside of all cycles; the
            cells of a larger one feed each other.
    """

    cells: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of_flux(cls, neighbours: NDArray[np.int32], flux: NDArray[np.float64], owned: int) -> FlowOrder:
        """Order the owned cells of a rank along its fluxes.

        Args:
            neighbours: (local cells, 4) cell behind each facet, -1 where there is none.
            flux: (local cells, 4) volume rate out of each cell through its facets in mm3/s.
            owned: number of cells to order; they come first.
        """
        return cls(*_strong_components(neighbours, flux, owned))


@numba.njit(cache=True)
def _strong_components(
    neighbours: NDArray[np.int32], flux: NDArray[np.float64], owned: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Strongly connected components of the graph of the flow, upstream first (Tarjan 1972, 10.1137/0201010)."""
    found = np.full(owned, -1, dtype=np.int64)
    lowest = np.zeros(owned, dtype=np.int64)
    waiting = np.zeros(owned, dtype=np.bool_)
    slot = np.zeros(owned, dtype=np.int64)
    path, stack = np.empty(owned, dtype=np.int64), np.empty(owned, dtype=np.int64)
    cells, ends = np.empty(owned, dtype=np.int64), np.empty(owned + 1, dtype=np.int64)
    stacked = count = placed = groups = 0
    # Tarjan's algorithm finishes downstream components first, so the places are given from the end.
    for root in range(owned):
        if found[root] >= 0:
            continue
        depth = 0
        path[0] = root
        while depth >= 0:
            cell = path[depth]
            if found[cell] < 0:
                found[cell] = lowest[cell] = count
                count += 1
                stack[stacked] = cell
                stacked += 1
                waiting[cell] = True
            deeper = False
            while slot[cell] < 4:
                other = neighbours[cell, slot[cell]]
                if 0 <= other < owned and flux[cell, slot[cell]] > 0.0:
                    if found[other] < 0:
                        depth += 1
                        path[depth] = other
                        deeper = True
                        break
                    if waiting[other]:
                        lowest[cell] = min(lowest[cell], lowest[other])
                slot[cell] += 1
            if deeper:
                continue
            if lowest[cell] == found[cell]:
                ends[groups] = owned - placed
                groups += 1
                while True:
                    stacked -= 1
                    member = stack[stacked]
                    waiting[member] = False
                    placed += 1
                    cells[owned - placed] = member
                    if member == cell:
                        break
            depth -= 1
    starts = np.zeros(groups + 1, dtype=np.int64)
    starts[1:] = ends[:groups][::-1]
    return cells, starts
