"""The transport part of a step: the saturation, what the phases carry, and the mass balance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem.errors import ConvergenceError
from fem.injection.conduits import ConduitState
from fem.injection.flow import CoupledFlow
from fem.injection.flow_state import FlowState
from fem.injection.injection_state import InjectionState
from fem.injection.mass_balance import MassBalance
from fem.injection.needle_ends import needle_ends
from fem.injection.plan import InjectionPlan
from fem.injection.stopping import StopRules
from fem.injection.transport import CementTransport, fractional_flow
from fem.injection.vein_state import VeinState
from fem.injection.vein_transport import VeinMove
from meshes.leak_sites import SITES

OPEN_SITE_RATE_SHARE = 1e-6
"""Share of the largest planned rate above which a site counts as one that cement is passing."""

_SEALING_LIMIT = 200


@dataclass(frozen=True)
class Leak:
    """What leaves the cells in a step by all that cement is passing.

    Attributes:
        volume: (sites,) cement in mm3 that leaves the bone.
        cells: (local cells,) cement in mm3/s out of each cell, into veins as well.
        entered: (boundary facets,) cement in mm3 into the conduits behind them.
        conduits: what is in them after the step, but for the times of entry.
        move: what moves in the veins; None without any.
    """

    volume: NDArray[np.float64]
    cells: NDArray[np.float64]
    entered: NDArray[np.float64]
    conduits: ConduitState
    move: VeinMove | None


@dataclass(frozen=True)
class TransportStep:
    """The law of what moves in a step with the fluxes at its start.

    Attributes:
        plan: what is asked.
        flow: the laws of the flow.
        transport: the saturation step.
        rules: what ends an injection within a step.
        needle_numbers: (places,) the needle that has its tip there.
    """

    plan: InjectionPlan
    flow: CoupledFlow
    transport: CementTransport
    rules: StopRules
    needle_numbers: NDArray[np.int64]

    def take(self, state: InjectionState, length: float) -> InjectionState:
        """The state after ``length`` s, or after the shorter time at which a rule ends the injection.

        Its flow is still that of the start, with the walls sealed that would have overfilled their cells.

        Raises:
            ConvergenceError: the saturation, or the walls behind full cells, did not settle.
        """
        trials = _Trials(self, state)
        saturation, reason = trials.saturation_after(length), None
        while True:
            leak = self.leak(state, trials.flow, saturation, length)
            excess, rule = self.rules.worst(saturation, state.balance.leaked + leak.volume)
            if excess < 0.0 or rule == reason:
                break
            reason = rule
            length = float(brentq(trials.excess_after, 0.0, length, args=(rule,), xtol=1e-7 * length))
            saturation = trials.saturation_after(length)
        moved = replace(state, sweeps=trials.sweeps, sealing_solves=trials.sealing_solves, stop_reason=reason)
        return self._moved(moved, trials.flow, saturation, length, leak)

    def leak(self, state: InjectionState, flow: FlowState, saturation: NDArray[np.float64], length: float) -> Leak:
        """What leaves the cells in a step that ends with this saturation; collective."""
        total = self.flow.outflow(flow, state.flow_saturation)
        cells = total.rate * fractional_flow(np.maximum(saturation, 0.0), total.ratio)
        walls = self.flow.walls
        through_walls = cells * total.share_of(walls.outflow(flow.walls))
        entered = length * walls.cement_rates(flow.walls, through_walls)
        conduits, left = walls.conduits.take_in(flow.walls.conduits, entered, length)
        local = np.bincount(walls.site[walls.openings], left[walls.openings], minlength=len(SITES))
        volume, move = self.flow.partition.comm.allreduce(local), None
        veins, age = self.flow.vessels.veins, state.vein_age(self.plan)
        if veins is not None and flow.veins is not None and age is not None:
            came = length * veins.volumes_in(flow.veins, cells - through_walls)
            move = veins.transport.move(flow.veins, came, length, age)
            volume = volume + move.leaked
        return Leak(volume, cells, entered, conduits, move)

    def _moved(
        self, before: InjectionState, flow: FlowState, saturation: NDArray[np.float64], length: float, leak: Leak
    ) -> InjectionState:
        """The state with a new saturation and all that follows from it."""
        comm, own = self.flow.partition.comm, slice(0, self.flow.partition.owned_cells)
        walls, exchange = self.flow.walls, self.flow.displaced_exchange(flow)
        cell_leak = leak.cells
        into_vessels = exchange - flow.pressure.exchange_rate + np.maximum(-exchange, 0.0)
        displaced_out = walls.total_outflow(flow.walls) + into_vessels - cell_leak
        inflow = walls.inflow(flow.walls) + float(np.maximum(exchange[own], 0.0).sum())
        total = comm.allreduce(np.array([float(displaced_out[own].sum()), inflow]))
        injected = before.balance.injected.copy()
        np.add.at(injected, self.needle_numbers, flow.rates * length)
        share = fractional_flow(np.maximum(saturation, 0.0), flow.viscosity_ratio)
        entry_time = self._entry_time(before, flow, saturation, length, share, cell_leak)
        fluid_shares, fluid_out = self._fluid_shares(before, flow, saturation, length, share, displaced_out)
        warmed_age = self._warmed_age(before, flow, saturation, length, share, cell_leak)
        balance = MassBalance(
            injected=injected,
            leaked=before.balance.leaked + leak.volume,
            displaced_out=before.balance.displaced_out + float(total[0]) * length,
            inflow=before.balance.inflow + float(total[1]) * length,
            fluid_start=before.balance.fluid_start,
            fluid_out=before.balance.fluid_out + fluid_out * length,
        )
        schedule, time = before.schedule.advance(flow.rates, length), before.time + length
        return replace(
            before,
            time=time,
            saturation=saturation,
            entry_time=entry_time,
            warmed_age=warmed_age,
            fluid_shares=fluid_shares,
            flow=replace(
                flow,
                walls=replace(flow.walls, conduits=self._conduits_after(flow, leak, entry_time)),
                veins=self._veins_after(flow, leak, entry_time, saturation),
            ),
            schedule=schedule,
            balance=balance,
            needle_ends=needle_ends(before.needle_ends, schedule, self.needle_numbers, injected, time),
            open_sites=tuple(np.array(SITES)[leak.volume > OPEN_SITE_RATE_SHARE * self.plan.rate * length].tolist()),
        )

    def _conduits_after(self, flow: FlowState, leak: Leak, entry_time: NDArray[np.float64]) -> ConduitState:
        """What is in the conduits of the walls after a step."""
        walls, time = self.flow.walls, entry_time[self.flow.walls.cells]
        return walls.conduits.mix(flow.walls.conduits, leak.conduits, leak.entered, time)

    def _veins_after(
        self, flow: FlowState, leak: Leak, entry_time: NDArray[np.float64], saturation: NDArray[np.float64]
    ) -> VeinState | None:
        """What is in the veins after a step."""
        veins = self.flow.vessels.veins
        if veins is None or flow.veins is None or leak.move is None:
            return None
        times = veins.transport.entry_times(flow.veins, leak.move, entry_time, saturation)
        return replace(leak.move.state, entry_time=times)

    def _entry_time(
        self,
        before: InjectionState,
        flow: FlowState,
        saturation: NDArray[np.float64],
        length: float,
        share: NDArray[np.float64],
        cell_leak: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(local cells,) time at which the cement left the needle: it moves with the cement."""
        middle = before.time + 0.5 * length
        return self.transport.advect(
            before.entry_time,
            before.saturation,
            saturation,
            length,
            flow.pressure.flux,
            share,
            cell_leak,
            middle * (flow.rates @ self.flow.tips.shares),
            middle,
        )

    def _warmed_age(
        self,
        before: InjectionState,
        flow: FlowState,
        saturation: NDArray[np.float64],
        length: float,
        share: NDArray[np.float64],
        cell_leak: NDArray[np.float64],
    ) -> NDArray[np.float64] | None:
        """(local cells,) age of the cement where its warmth is known: it moves with the cement, and grows.

        Cement that comes in has half of the step in the bone behind it.
        """
        ageing = None if before.warmth is None else before.warmth.ageing
        if ageing is None or before.warmed_age is None:
            return None
        plan = self.plan
        middle = plan.syringe_ageing * (plan.start_age + before.time + 0.5 * length)
        coming = np.maximum(middle - 0.5 * length * ageing, 0.0)
        rate = flow.rates @ self.flow.tips.shares
        oldest = max(float(before.warmed_age.max(initial=0.0)), middle)
        oldest = self.flow.partition.comm.allreduce(oldest, op=MPI.MAX)
        moved = self.transport.advect(
            before.warmed_age,
            before.saturation,
            saturation,
            length,
            flow.pressure.flux,
            share,
            cell_leak,
            coming * rate,
            oldest,
        )
        return moved + length * ageing

    def _fluid_shares(
        self,
        before: InjectionState,
        flow: FlowState,
        saturation: NDArray[np.float64],
        length: float,
        share: NDArray[np.float64],
        displaced_out: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(k, local cells) shares of the fluids in the displaced phase, and (k,) rates in mm3/s at which they leave."""
        shares, out = before.fluid_shares, np.zeros(len(before.fluid_shares))
        if not len(shares):
            return shares, out
        own, carried = slice(0, self.flow.partition.owned_cells), np.empty_like(shares)
        for number, fluid in enumerate(shares):
            carried[number] = self.transport.advect(
                fluid,
                1.0 - before.saturation,
                1.0 - saturation,
                length,
                flow.pressure.flux,
                1.0 - share,
                displaced_out,
                np.zeros_like(fluid),
                1.0,
            )
            leaving = float((carried[number] * displaced_out)[own].sum())
            out[number] = self.flow.partition.comm.allreduce(leaving)
        return carried, out


class _Trials:
    """Lengths that are tried for one step.

    What one of them seals stays sealed in those after it.

    Attributes:
        flow: with the walls sealed so far.
        sweeps: of all trials.
        sealing_solves: rounds of the last trial.
    """

    def __init__(self, law: TransportStep, state: InjectionState) -> None:
        self._law, self._state = law, state
        self.flow, self.sweeps, self.sealing_solves = replace(state.flow, solver_iterations=0), 0, state.sealing_solves

    def saturation_after(self, length: float) -> NDArray[np.float64]:
        """(local cells,) saturation after ``length`` s; walls behind cells that would overfill stop seeping."""
        law, state = self._law, self._state
        if length == 0.0:
            return state.saturation
        for rounds in range(1, _SEALING_LIMIT + 1):
            leak = law.flow.outflow(self.flow, state.flow_saturation)
            saturation = law.transport.advance(
                state.saturation,
                length,
                self.flow.pressure.flux,
                self.flow.rates @ law.flow.tips.shares,
                self.flow.viscosity_ratio,
                leak.rate,
                leak.ratio,
            )
            self.sweeps += law.transport.sweeps
            self.sealing_solves = rounds
            self.flow, sealed = law.flow.seal(self.flow, saturation)
            if not sealed:
                return saturation
            self.flow = law.flow.solve_sealed(
                self.flow, state.schedule.rates(), state.pore_fluids(law.plan), state.syringe_age(law.plan)
            )
        raise ConvergenceError(f"The walls behind cells full of cement did not settle within {_SEALING_LIMIT} rounds.")

    def excess_after(self, length: float, rule: str) -> float:
        """How far a rule is passed in mm3 after ``length`` s."""
        saturation = self.saturation_after(length)
        leak = self._law.leak(self._state, self.flow, saturation, length)
        return self._law.rules.excess(rule, saturation, self._state.balance.leaked + leak.volume)
