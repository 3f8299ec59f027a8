"""Fluid that cells exchange with vessels, some of which join cells with each other."""

from __future__ import annotations

from dataclasses import dataclass

from mpi4py import MPI

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class JoinedCells:
    """Cells that give off fluid to the same vessels, whose pressures follow: E - E A E in the place of E.

    Attributes:
        cells: (c,) local numbers of these cells, ghosts included, each once.
        way: (q,) row in ``cells`` of each way from a cell into a vessel.
        vessel: (q,) number of the vessel that it leads to, from 0.
        conductance: (q,) E of each way in mm3/(s MPa).
        response: (vessels, vessels) symmetric A, change of the vessels' pressures with the rates into them, in
            MPa s/mm3; the same on every rank.
        shared: (c,) diagonal of E A E by cells in mm3/(s MPa).
        owned: (q,) whether this rank owns the cell of each way.
        comm: of the ranks.
    """

    cells: NDArray[np.int64]
    way: NDArray[np.int64]
    vessel: NDArray[np.int64]
    conductance: NDArray[np.float64]
    response: NDArray[np.float64]
    shared: NDArray[np.float64]
    owned: NDArray[np.bool_]
    comm: MPI.Comm

    @classmethod
    def of_ways(
        cls,
        cell: NDArray[np.int64],
        vessel: NDArray[np.int64],
        conductance: NDArray[np.float64],
        response: NDArray[np.float64],
        owned_cells: int,
        comm: MPI.Comm,
    ) -> JoinedCells:
        """Gather the ways by cells.

        Args:
            cell: (q,) local number of the cell of each way; the ``owned_cells`` of this rank come first.
            vessel: (q,) number of the vessel.
            conductance: (q,) in mm3/(s MPa).
            response: (vessels, vessels) in MPa s/mm3.
            owned_cells: how many cells this rank owns.
            comm: of the ranks.
        """
        cells, way = np.unique(cell, return_inverse=True)
        shared = _shared(np.argsort(way, kind="stable"), way, vessel, conductance, response, len(cells))
        return cls(cells, way, vessel, conductance, response, shared, cell < owned_cells, comm)

    def given_back(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        """(c,) E A E p in mm3/s, from (c,) mean pressures in MPa; collective."""
        into = _into_vessels(self.way, self.vessel, self.conductance, self.owned, pressure, len(self.response))
        if self.comm.size > 1:
            into = self.comm.allreduce(into)
        return _given_back(self.way, self.vessel, self.conductance, self.response @ into, len(self.cells))


@dataclass(frozen=True)
class Exchange:
    """What cells take from vessels: the rate E (p_vessel - p) + r, and E A E p more where vessels join cells.

    Attributes:
        conductance: (local cells,) E in mm3/(s MPa), ghosts included.
        pressure: (local cells,) p_vessel in MPa.
        rate: (local cells,) r in mm3/s, or None.
        joined: cells that vessels join, or None.
    """

    conductance: NDArray[np.float64]
    pressure: NDArray[np.float64]
    rate: NDArray[np.float64] | None = None
    joined: JoinedCells | None = None

    def inflow(self, pressure: NDArray[np.float64] | float, reference: float) -> NDArray[np.float64]:
        """(local cells,) rates in mm3/s at mean (local cells,) pressures in MPa above a reference; collective."""
        total = self.conductance * (self.pressure - reference - pressure)
        if self.rate is not None:
            total = total + self.rate
        if self.joined is not None:
            cells = self.joined.cells
            total[cells] += self.joined.given_back(np.broadcast_to(pressure, total.shape)[cells] + reference)
        return total

    def beside(self, other: Exchange) -> Exchange:
        """With other vessels, which join no cells and give nothing of themselves, in the same cells."""
        total = self.conductance + other.conductance
        drive = self.conductance * self.pressure + other.conductance * other.pressure
        mean = np.divide(drive, total, out=np.zeros_like(total), where=total > 0.0)
        return Exchange(total, mean, self.rate, self.joined)

    @property
    def own_conductance(self) -> NDArray[np.float64]:
        """(local cells,) what a cell's rate falls by with its own pressure alone, in mm3/(s MPa)."""
        if self.joined is None:
            return self.conductance
        own = self.conductance.copy()
        own[self.joined.cells] -= self.joined.shared
        return own

    @property
    def drives(self) -> bool:
        """Whether it moves fluid of itself, on this rank."""
        return bool((self.conductance * self.pressure).any()) or (self.rate is not None and bool(self.rate.any()))


@numba.njit(cache=True)
def _shared(
    order: NDArray[np.int64],
    way: NDArray[np.int64],
    vessel: NDArray[np.int64],
    conductance: NDArray[np.float64],
    response: NDArray[np.float64],
    cells: int,
) -> NDArray[np.float64]:
    """Diagonal of E A E by cells, with the ways in the order of their cells."""
    shared, start = np.zeros(cells), 0
    for place in range(len(order)):
        if way[order[place]] != way[order[start]]:
            start = place
        own = order[place]
        for earlier in order[start:place]:
            crossed = response[vessel[own], vessel[earlier]] + response[vessel[earlier], vessel[own]]
            shared[way[own]] += conductance[own] * conductance[earlier] * crossed
        shared[way[own]] += conductance[own] ** 2 * response[vessel[own], vessel[own]]
    return shared


@numba.njit(cache=True)
def _into_vessels(
    way: NDArray[np.int64],
    vessel: NDArray[np.int64],
    conductance: NDArray[np.float64],
    owned: NDArray[np.bool_],
    pressure: NDArray[np.float64],
    vessels: int,
) -> NDArray[np.float64]:
    rate = np.zeros(vessels)
    for number in range(len(way)):
        if owned[number]:
            rate[vessel[number]] += conductance[number] * pressure[way[number]]
    return rate


@numba.njit(cache=True)
def _given_back(
    way: NDArray[np.int64],
    vessel: NDArray[np.int64],
    conductance: NDArray[np.float64],
    vessel_pressure: NDArray[np.float64],
    cells: int,
) -> NDArray[np.float64]:
    rate = np.zeros(cells)
    for number in range(len(way)):
        rate[way[number]] += conductance[number] * vessel_pressure[vessel[number]]
    return rate
