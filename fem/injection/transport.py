"""Cement saturation: implicit upwind, cell by cell in the order of the flow.

Each cell solves a |T| (S - S_old) / dt = sum_in f_neighbour |F| + q_cement - f(S) F_out for its own S, where a is the
porosity and f the fractional flow of cement at linear relative permeabilities,

    f(S) = S / (S + M (1 - S)),   M = cement viscosity / marrow viscosity,

so that the cell equation is a quadratic with one root in [0, 1]; a wall that cement is passing adds a fractional flow
with an M of its own. Upstream cells come first; cells in a cycle of the flow are repeated until they agree, and sweeps
until the ranks do. There is no limit on the time step.
"""

from __future__ import annotations

from mpi4py import MPI

import numba
import numpy as np
from numpy.typing import NDArray

from fem import profiling
from fem.errors import ConvergenceError
from fem.injection.flow_graph import FlowOrder
from fem.partition import Partition

SWEEP_TOLERANCE = 1e-12
"""Largest change of a saturation in the last sweep; well above round-off and well below the cement balance."""

SWEEP_LIMIT = 500
"""Sweeps after which the transport step is given up."""

GROUP_LIMIT = 10000
"""Rounds within a group of cells that feed each other after which a sweep leaves it for the next sweep."""


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
        self._cell_values = partition.cell_vector()
        self._flux = np.full(partition.neighbours.shape, np.nan)
        self._order: FlowOrder | None = None
        self.sweeps = 0

    @property
    def pore_volume(self) -> NDArray[np.float64]:
        """(local cells,) pore volume in mm3."""
        return self._pore_volume

    def _order_along(self, flux: NDArray[np.float64]) -> FlowOrder:
        """The order of the cells, found anew where the flow is another than at the last call."""
        if self._order is None or not np.array_equal(flux, self._flux):
            self._flux[:] = flux
            self._order = FlowOrder.of_flux(self.partition.neighbours, flux, self.partition.owned_cells)
        return self._order

    @profiling.Event("vpTransport")
    def advance(
        self,
        saturation: NDArray[np.float64],
        step: float,
        flux: NDArray[np.float64],
        cement_source: NDArray[np.float64],
        viscosity_ratio: NDArray[np.float64],
        opening_outflow: NDArray[np.float64],
        opening_ratio: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The saturation after ``step``.

        Args:
            saturation: (local cells,) saturation before the step, ghosts included.
            step: time step in s.
            flux: (local cells, 4) volume rate out of each cell through its facets in mm3/s.
            cement_source: (local cells,) cement injected into each cell in mm3/s.
            viscosity_ratio: (local cells,) viscosity of cement over that of the displaced phase, ghosts included.
            opening_outflow: (local cells,) volume rate in mm3/s through the walls of each cell that cement is passing.
            opening_ratio: (local cells,) M of the fractional flow through these walls.

        Returns:
            (local cells,) saturation, ghosts included.

        Raises:
            ConvergenceError: the sweeps did not settle.
        """
        partition, order = self.partition, self._order_along(flux)
        new = self._cell_values.array
        new[:] = saturation
        for sweep in range(1, SWEEP_LIMIT + 1):
            change = _saturation_sweep(
                order.cells,
                order.starts,
                partition.neighbours,
                flux,
                self._pore_volume,
                saturation,
                step,
                cement_source,
                viscosity_ratio,
                opening_outflow,
                opening_ratio,
                new,
            )
            self._cell_values.scatter_forward()
            if partition.comm.allreduce(change, op=MPI.MAX) < SWEEP_TOLERANCE:
                self.sweeps = sweep
                return new.copy()
        raise ConvergenceError(
            f"The saturation did not settle within {SWEEP_LIMIT} sweeps; the last one still changed it by {change:.1e}."
        )

    @profiling.Event("vpTracers")
    def advect(
        self,
        tracer: NDArray[np.float64],
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        step: float,
        flux: NDArray[np.float64],
        share: NDArray[np.float64],
        outflow: NDArray[np.float64],
        source: NDArray[np.float64],
        largest: float,
    ) -> NDArray[np.float64]:
        """A quantity that moves with one of the phases, after ``step``: the implicit upwind scheme of that phase.

        a |T| (s c - s_old c_old) / dt = sum_in g_neighbour |F| c_neighbour + source - c (g F_out + outflow), with the
        saturation s of the phase and its share g in the flow. What comes in from outside brings c = 0 unless ``source``
        says otherwise. Where there is next to nothing of the phase, round-off in s would throw c out of its bounds.

        Args:
            tracer: (local cells,) value c before the step, ghosts included.
            before: (local cells,) saturation of the phase before the step.
            after: (local cells,) saturation of the phase after the step.
            step: time step in s.
            flux: (local cells, 4) total volume rate out of each cell through its facets in mm3/s.
            share: (local cells,) share of the phase in the flow out of each cell, ghosts included.
            outflow: (local cells,) volume rate of the phase out of each cell through walls and into vessels in mm3/s.
            source: (local cells,) rate of c times volume into each cell from outside in mm3/s.
            largest: bound of c, which mixing from values between 0 and it cannot pass.

        Returns:
            (local cells,) value after the step, ghosts included; 0 where there is nothing of the phase.

        Raises:
            ConvergenceError: the sweeps did not settle.
        """
        partition, order = self.partition, self._order_along(flux)
        new = self._cell_values.array
        new[:] = tracer
        tolerance = SWEEP_TOLERANCE * max(partition.comm.allreduce(float(np.abs(tracer).max()), op=MPI.MAX), 1.0)
        for _ in range(SWEEP_LIMIT):
            change = _tracer_sweep(
                order.cells,
                order.starts,
                partition.neighbours,
                flux,
                self._pore_volume,
                before,
                after,
                step,
                share,
                outflow,
                source,
                tracer,
                new,
                largest,
                tolerance,
            )
            self._cell_values.scatter_forward()
            if partition.comm.allreduce(change, op=MPI.MAX) < tolerance:
                return new.copy()
        raise ConvergenceError(
            f"A displaced fluid did not settle within {SWEEP_LIMIT} sweeps; the last one still changed it by "
            f"{change:.1e}."
        )


def fractional_flow(saturation: NDArray[np.float64], viscosity_ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of cement in the total flow, S / (S + M (1 - S))."""
    return saturation / (saturation + viscosity_ratio * (1.0 - saturation))


@numba.njit(cache=True)
def _saturation_sweep(
    cells: NDArray[np.int64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    flux: NDArray[np.float64],
    pore_volume: NDArray[np.float64],
    old: NDArray[np.float64],
    step: float,
    cement_source: NDArray[np.float64],
    viscosity_ratio: NDArray[np.float64],
    opening_outflow: NDArray[np.float64],
    opening_ratio: NDArray[np.float64],
    new: NDArray[np.float64],
) -> float:
    """Solve every group of cells, in order; returns the largest change of a saturation."""
    largest = 0.0
    for group in range(starts.size - 1):
        for _ in range(GROUP_LIMIT):
            inner = 0.0
            for cell in cells[starts[group] : starts[group + 1]]:
                inflow, outflow = cement_source[cell], 0.0
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
                capacity, ratio = pore_volume[cell] / step, viscosity_ratio[cell]
                if inflow == 0.0 and old[cell] == 0.0:
                    value = 0.0
                elif opening_outflow[cell] > 0.0:
                    value = _solve_open_cell(
                        capacity, old[cell], inflow, outflow, ratio, opening_outflow[cell], opening_ratio[cell]
                    )
                else:
                    value = _solve_cell(capacity, old[cell], inflow, outflow, ratio)
                inner = max(inner, abs(value - new[cell]))
                new[cell] = value
            largest = max(largest, inner)
            if starts[group + 1] - starts[group] == 1 or inner < 0.1 * SWEEP_TOLERANCE:
                break
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


@numba.njit(cache=True)
def _solve_open_cell(
    capacity: float, old: float, inflow: float, outflow: float, ratio: float, leak: float, leak_ratio: float
) -> float:
    """Root of capacity (S - old) = inflow - outflow f(S; ratio) - leak f(S; leak_ratio).

    Newton's method kept inside a bracket, for the phase of which there is less, so that no digits cancel. What a cell's
    fluxes miss makes S overshoot one, and the same fractional flow, which grows on up to its pole, takes it back.
    """
    half = outflow / (1.0 + ratio) + leak / (1.0 + leak_ratio)
    if capacity * (0.5 - old) - inflow + half >= 0.0:
        return _solve_phase(capacity, capacity * old + inflow, outflow, ratio, leak, leak_ratio, 0.0, 0.5)
    surplus = capacity * (1.0 - old) + outflow + leak - inflow
    low = min(surplus / capacity, 0.0)
    thickest = max(ratio, leak_ratio)
    if thickest > 1.0:
        low = max(low, -(1.0 - 1e-12) / (thickest - 1.0))
    return 1.0 - _solve_phase(capacity, surplus, outflow, 1.0 / ratio, leak, 1.0 / leak_ratio, low, 0.5)


@numba.njit(cache=True)
def _solve_phase(
    capacity: float,
    supply: float,
    outflow: float,
    ratio: float,
    leak: float,
    leak_ratio: float,
    low: float,
    high: float,
) -> float:
    """Root x of supply = capacity x + outflow f(x; ratio) + leak f(x; leak_ratio) between ``low`` and ``high``."""
    x = 0.5 * (low + high)
    for _ in range(200):
        inside, outside = x + ratio * (1.0 - x), x + leak_ratio * (1.0 - x)
        value = supply - capacity * x - outflow * x / inside - leak * x / outside
        if value > 0.0:
            low = x
        else:
            high = x
        slope = capacity + outflow * ratio / inside**2 + leak * leak_ratio / outside**2
        following = x + value / slope
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) <= 1e-15 * abs(following):
            return following
        x = following
    return x


@numba.njit(cache=True)
def _tracer_sweep(
    cells: NDArray[np.int64],
    starts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    flux: NDArray[np.float64],
    pore_volume: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    step: float,
    share: NDArray[np.float64],
    outflow: NDArray[np.float64],
    source: NDArray[np.float64],
    old: NDArray[np.float64],
    new: NDArray[np.float64],
    bound: float,
    tolerance: float,
) -> float:
    """Solve every group of cells, in order; returns the largest change, weighted by the phase in the cell."""
    largest = 0.0
    for group in range(starts.size - 1):
        for _ in range(GROUP_LIMIT):
            inner = 0.0
            for cell in cells[starts[group] : starts[group + 1]]:
                capacity = pore_volume[cell] / step
                gain = capacity * before[cell] * old[cell] + source[cell]
                loss = capacity * after[cell] + outflow[cell]
                for i in range(4):
                    other = neighbours[cell, i]
                    if other < 0:
                        continue
                    rate = flux[cell, i]
                    if rate > 0.0:
                        loss += rate * share[cell]
                    else:
                        gain -= rate * share[other] * new[other]
                # A saturation of cement just above one leaves less than nothing of the other phase: both are negative.
                value = min(max(gain / loss, 0.0), bound) if abs(loss) > 1e-14 * capacity else 0.0
                inner = max(inner, abs(value - new[cell]) * abs(loss) / (abs(loss) + capacity))
                new[cell] = value
            largest = max(largest, inner)
            if starts[group + 1] - starts[group] == 1 or inner < 0.1 * tolerance:
                break
    return largest
