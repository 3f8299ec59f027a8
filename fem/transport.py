"""Cement saturation: implicit upwind, cell by cell in the order of the flow.

Each cell solves a |T| (S - S_old) / dt = sum_in f_neighbour |F| + q_cement - f(S) F_out for its own S, where a is the
porosity and f the fractional flow of cement at linear relative permeabilities,

    f(S) = S / (S + M (1 - S)),   M = cement viscosity / marrow viscosity,

so that the cell equation is a quadratic with one root in [0, 1]. Upstream cells come first; the flux graph may hold
cycles, so sweeps repeat until nothing changes. There is no limit on the time step.
"""

from __future__ import annotations

from mpi4py import MPI

import numba
import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.partition import Partition

SWEEP_TOLERANCE = 1e-12
"""Largest change of a saturation in the last sweep; well above round-off and well below the cement balance."""

SWEEP_LIMIT = 500
"""Sweeps after which the transport step is given up."""


class CementTransport:
    """The saturation step on one mesh.

    Attributes:
        sweeps: sweeps of the last step.
    """

    def __init__(self, partition: Partition, porosity: NDArray[np.float64]) -> None:
        """Set up the fixed parts.

        Args:
            partition: the distributed mesh.
            porosity: (local cells,) porosity, ghosts included.
        """
        self.partition = partition
        self._pore_volume = porosity * partition.cell_volumes
        self._exchange = partition.cell_vector()
        self.sweeps = 0

    @property
    def pore_volume(self) -> NDArray[np.float64]:
        """(local cells,) pore volume in mm3."""
        return self._pore_volume

    def advance(
        self,
        saturation: NDArray[np.float64],
        step: float,
        flux: NDArray[np.float64],
        cement_source: NDArray[np.float64],
        cement_outflow: NDArray[np.float64],
        viscosity_ratio: NDArray[np.float64],
        order: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """The saturation after ``step``.

        Args:
            saturation: (local cells,) saturation before the step, ghosts included.
            step: time step in s.
            flux: (local cells, 4) volume rate out of each cell through its facets in mm3/s.
            cement_source: (local cells,) cement injected into each cell in mm3/s.
            cement_outflow: (local cells,) volume rate in mm3/s through the walls of each cell that cement may pass.
            viscosity_ratio: (local cells,) viscosity of cement over that of marrow, ghosts included.
            order: (owned cells,) owned cells from upstream to downstream.

        Returns:
            (local cells,) saturation, ghosts included.

        Raises:
            ConvergenceError: the sweeps did not settle.
        """
        partition = self.partition
        new = self._exchange.array
        new[:] = saturation
        for sweep in range(1, SWEEP_LIMIT + 1):
            change = _sweep(
                order,
                partition.neighbours,
                flux,
                self._pore_volume,
                saturation,
                step,
                cement_source,
                cement_outflow,
                viscosity_ratio,
                new,
            )
            self._exchange.scatter_forward()
            if partition.comm.allreduce(change, op=MPI.MAX) < SWEEP_TOLERANCE:
                self.sweeps = sweep
                return new.copy()
        raise ConvergenceError(
            f"The saturation did not settle within {SWEEP_LIMIT} sweeps; the last one still changed it by {change:.1e}."
        )


def fractional_flow(saturation: NDArray[np.float64], viscosity_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of cement in the total flow, S / (S + M (1 - S))."""
    return saturation / (saturation + viscosity_ratio * (1.0 - saturation))


@numba.njit(cache=True)
def _sweep(
    order: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    flux: NDArray[np.float64],
    pore_volume: NDArray[np.float64],
    old: NDArray[np.float64],
    step: float,
    cement_source: NDArray[np.float64],
    cement_outflow: NDArray[np.float64],
    viscosity_ratio: NDArray[np.float64],
    new: NDArray[np.float64],
) -> float:
    """Solve every cell once, in order; returns the largest change of a saturation."""
    largest = 0.0
    for cell in order:
        inflow = cement_source[cell]
        outflow = cement_outflow[cell]
        for i in range(4):
            other = neighbours[cell, i]
            if other < 0:
                continue
            rate = flux[cell, i]
            if rate > 0.0:
                outflow += rate
            elif new[other] > 0.0:
                upstream = new[other]
                inflow -= rate * upstream / (upstream + viscosity_ratio[other] * (1.0 - upstream))
        if inflow == 0.0 and old[cell] == 0.0:
            value = 0.0
        else:
            value = _solve_cell(pore_volume[cell] / step, old[cell], inflow, outflow, viscosity_ratio[cell])
        largest = max(largest, abs(value - new[cell]))
        new[cell] = value
    return largest


@numba.njit(cache=True)
def _solve_cell(capacity: float, old: float, inflow: float, outflow: float, ratio: float) -> float:
    """Root of capacity (S - old) = inflow - outflow S / (S + ratio (1 - S)) in [0, 1].

    Times its denominator the equation is a quadratic a x^2 + b x - c = 0, written for the phase x that is the less
    viscous, since there a and c are positive and no digits cancel: marrow, x = 1 - S, for a ratio above one.
    """
    if ratio >= 1.0:
        c = capacity * (1.0 - old) + (outflow - inflow)
        a = capacity * (ratio - 1.0)
        b = capacity + outflow + (inflow - capacity * (1.0 - old)) * (ratio - 1.0)
    else:
        c = (capacity * old + inflow) * ratio
        a = capacity * (1.0 - ratio)
        b = (capacity + inflow) * ratio + (outflow - inflow) - capacity * old * (1.0 - ratio)
    root = np.sqrt(max(b * b + 4.0 * a * c, 0.0))
    value = 2.0 * c / (b + root) if b >= 0.0 else (root - b) / (2.0 * a)
    return 1.0 - value if ratio >= 1.0 else value
