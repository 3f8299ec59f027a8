"""The injection of cement: pressure and transport in turn, walls, needles, stop rules and the mass balance.

Two incompressible phases in a rigid body: total velocity u = -K (S / mu_c + (1 - S) / mu_d) grad p, div u = q, and
phi dS/dt + div(f u) = q_c. The sequence is IMPES-like, with an implicit saturation: each step moves the saturation
implicitly with the fluxes at its start (:mod:`fem.injection.transport_step`), and then a Picard iteration solves for
pressure, viscosities, walls and rates (:mod:`fem.injection.flow`). The displaced phase is marrow and the fluids of
lesions and cavities, whose shares move with it; the cement carries the time at which it left the needle, because its
clock runs faster in the body than in the syringe.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.flow import CoupledFlow
from fem.injection.flow_state import PoreFluids
from fem.injection.history import FieldSnapshot, InjectionHistory, NeedleEnd, StepRecord
from fem.injection.injection_state import InjectionState
from fem.injection.mass_balance import MassBalance
from fem.injection.needle_ends import needle_ends
from fem.injection.needle_pressures import NeedlePressures
from fem.injection.needle_tips import NeedleTips
from fem.injection.plan import InjectionPlan, Needle
from fem.injection.recording import Recorder
from fem.injection.schedule import COMPLETION_TOLERANCE, Schedule
from fem.injection.step_control import StepControl
from fem.injection.stopping import StopRules
from fem.injection.transport import CementTransport
from fem.injection.transport_step import TransportStep
from fem.injection.veins import VeinFlow, Veins
from fem.injection.wall_flow import WallFlow
from fem.injection.walls import Walls
from fem.injection.warmth_law import WarmthLaw
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cement import Rheology

logger = logging.getLogger(__name__)

LEAST_RATE_SHARE = 0.05
"""Share of the planned rate below which a pressure-limited needle is given up (tag D)."""

Observer = Callable[[FieldSnapshot], None]


@dataclass(frozen=True)
class Injection:
    """The law of one procedure on one body; what changes in its course is an :class:`InjectionState`.

    :meth:`run` carries the plan out. :meth:`start` and :meth:`step` are its parts: a step depends on the state that it
    is given and on nothing that happened before, so that it can be repeated, and a stored state continued, to the bit.
    PETSc's objects, the order of the cells and work arrays are kept between steps to save the time of their set-up.

    Attributes:
        plan: what is asked.
        flow: the laws of the flow.
        transport_step: the law of what moves with it.
        step_control: how long steps are.
        recorder: reads states for the history.
        warmth: follows the injection, or None.
    """

    plan: InjectionPlan
    flow: CoupledFlow
    transport_step: TransportStep
    step_control: StepControl
    recorder: Recorder
    warmth: WarmthLaw | None = None

    @classmethod
    def build(
        cls,
        partition: Partition,
        medium: PorousMedium,
        walls: Walls,
        needles: Sequence[Needle],
        cement: Rheology,
        fluids: DisplacedFluids,
        plan: InjectionPlan,
        exchange: VascularExchange | None = None,
        veins: Veins | None = None,
    ) -> Injection:
        """Set up everything that does not change from step to step.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: the law of the boundary facets.
            needles: every place at which a tip lies in the course of the plan.
            cement: rheology of the cement.
            fluids: the displaced phase.
            plan: what is asked.
            exchange: fluid that tumour vessels exchange, or None.
            veins: of the bone, or None.
        """
        wall_flow = WallFlow.build(partition, medium, walls, cement, fluids.marrow_viscosity)
        vein_flow = None
        if veins is not None:
            vein_flow = VeinFlow.build(partition, medium, veins, cement, fluids.marrow_viscosity)
        tips = NeedleTips.build(needles, partition, cement)
        flow = CoupledFlow.build(
            partition, medium, wall_flow, vein_flow, tips, cement, fluids, exchange, plan.pressure_limit, plan.rate
        )
        transport = CementTransport(partition, partition.local_cells(medium.porosity))
        rules = StopRules(partition, transport.pore_volume, plan.leak_limits, plan.front_limit)
        numbers = np.array([needle.number for needle in needles])
        volume = partition.source.volume / len(partition.source.cells)
        return cls(
            plan=plan,
            flow=flow,
            transport_step=TransportStep(plan, flow, transport, rules, numbers),
            step_control=StepControl(
                plan=plan,
                flow=flow,
                needle_numbers=numbers,
                mean_porosity=float(medium.porosity.mean()),
                cell_length=float((volume * 6.0 * math.sqrt(2.0)) ** (1 / 3)),
            ),
            recorder=Recorder(plan, flow, numbers),
        )

    def run(
        self,
        observe: Observer | None = None,
        progress: Callable[[float], None] | None = None,
        watch: Observer | None = None,
    ) -> InjectionHistory:
        """Carry the plan out.

        Args:
            observe: called on rank 0 with the fields at the start, at the output moments and at the end.
            progress: called with the share of the planned volume that is injected.
            watch: called on rank 0 with the fields at the start and after each step; given on all ranks or on none.

        Raises:
            ConvergenceError: a pressure, transport or wall iteration did not reach its tolerance.
        """
        start = state = self.start()
        records, output = [self.recorder.record(start)], self.step_control.next_output(start)
        self._hand_out_fields(observe, start, records[0])
        if watch is not None:
            self._hand_out_fields(watch, start, records[0])
        for state in self.steps(start):
            records.append(self.recorder.record(state))
            logger.info("step %d (%.2f s): %s", len(records) - 1, records[-1].time - records[-2].time, records[-1])
            if progress is not None:
                progress(min(records[-1].injected / self.plan.volume, 1.0))
            if watch is not None:
                self._hand_out_fields(watch, state, records[-1])
            if state.stop_reason or self.step_control.next_output(state) > output:
                self._hand_out_fields(observe, state, records[-1])
            output = self.step_control.next_output(state)
        stop_reason = str(state.stop_reason)
        logger.info("injection stopped: %s after %d steps", stop_reason, len(records) - 1)
        return InjectionHistory(
            warmth=state.warmth,
            records=tuple(records),
            stop_reason=stop_reason,
            needle_ends=tuple(
                state.needle_ends.get(number, NeedleEnd(stop_reason, state.time))
                for number in range(len(state.balance.injected))
            ),
            resting_pressure=state.resting_pressure,
            saturation=self.flow.partition.gather_cells(state.saturation),
        )

    def start(self) -> InjectionState:
        """The state when the injection begins: no cement in the body yet, the pressures of the first rates.

        Raises:
            ConvergenceError: a pressure or wall iteration did not reach its tolerance.
        """
        nothing = np.zeros(len(self.flow.porosity))
        shares = self.flow.fluids.local_shares(self.flow.partition.original_cells)
        needles = self.recorder.needle_numbers
        age = self.plan.syringe_ageing * (self.plan.start_age + nothing)
        conduit_age = age[self.flow.walls.cells]
        fluids = PoreFluids(nothing, age, shares, conduit_age, self._resting_vein_age())
        flow = self.flow.solve_resting_pressure(fluids)
        state = InjectionState(
            time=0.0,
            saturation=nothing,
            flow_saturation=nothing,
            ahead=0.0,
            entry_time=nothing,
            fluid_shares=shares,
            flow=flow,
            schedule=Schedule.begin(self.plan.stages, len(needles)),
            balance=MassBalance.begin(int(needles.max()) + 1, self.recorder.fluid_volumes(nothing, shares)),
            needle_ends={},
            resting_pressure=self.flow.largest_pressure(flow),
        )
        if self.warmth is not None:
            known = self.warmth.begin(state)
            state = replace(state, warmth=known, warmed_age=None if known.ageing is None else age)
        return self._solve_flow(state)

    def step(self, state: InjectionState, length: float) -> InjectionState:
        """The state after ``length`` s, or after the shorter time at which a rule ends the injection.

        Args:
            state: the state before, which stays as it is.
            length: in s; :attr:`step_control` knows a good one.

        Raises:
            ConvergenceError: a pressure, transport or wall iteration did not reach its tolerance.
        """
        moved = self.transport_step.take(state, length)
        if self.warmth is not None and state.warmth is not None:
            moved = replace(moved, warmth=self.warmth.follow(state.warmth, state, moved))
        return self._solve_flow(moved.with_foresight(state))

    def steps(self, state: InjectionState) -> Iterator[InjectionState]:
        """The states after each step from a state on, until one has a reason to stop."""
        while state.stop_reason is None:
            state = self.step(state, self.step_control.length(state))
            yield state

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self.flow.pressure.destroy()

    def _resting_vein_age(self) -> NDArray[np.float64] | None:
        """(pieces,) s; no cement is in the veins yet."""
        return None if self.flow.vessels.veins is None else np.zeros(len(self.flow.vessels.veins.grid.length))

    def _solve_flow(self, state: InjectionState) -> InjectionState:
        """The state with its flow at the fixed point; needles that deliver no more are given up."""
        while True:
            planned, age, fluids = state.schedule.rates(), state.syringe_age(self.plan), state.pore_fluids(self.plan)
            state = replace(state, flow=self.flow.solve_fixed_point(state.flow, planned, fluids, age))
            stuck = np.flatnonzero((planned > 0.0) & (state.flow.rates < LEAST_RATE_SHARE * planned))
            if not len(stuck) or state.schedule.finished:
                state = self._with_pressures(state, planned)
                return replace(state, stop_reason=state.stop_reason or self._stop_reason(state))
            schedule, numbers = state.schedule.abandon(stuck), self.recorder.needle_numbers
            ends = needle_ends(state.needle_ends, schedule, numbers, state.balance.injected, state.time)
            state = replace(state.without_foresight(), schedule=schedule, needle_ends=ends)
            logger.info("needle place %s given up at %.1f s: its pressure limit leaves no flow", stuck, state.time)

    def _with_pressures(self, state: InjectionState, planned: NDArray[np.float64]) -> InjectionState:
        """The state with the pressures in the needles at its time.

        Between the time of the flow before and that of the flow, pressures around the sources lie on a line; where
        steps become much shorter, they are those of the flow. A flow at the pressure limit has its own in all.
        """
        flow, age, means = state.flow, state.syringe_age(self.plan), state.flow.source_pressure
        ahead, before = state.time + state.ahead, state.needle_pressures
        if np.array_equal(flow.rates, planned):
            age = replace(state, ahead=0.0).syringe_age(self.plan)
            if before is not None and before.flow_time <= state.time < ahead:
                share = (state.time - before.flow_time) / (ahead - before.flow_time)
                means = before.flow_mean + share * (means - before.flow_mean)
        tip, syringe = self.flow.tips.pressures(flow.rates, means, age, flow.around)
        pressures = NeedlePressures(tip, syringe, ahead, flow.source_pressure)
        return replace(state, needle_pressures=pressures)

    def _stop_reason(self, state: InjectionState) -> str | None:
        """The reason to stop that the schedule, the clock and the pressure give, or None."""
        plan = self.plan
        if state.schedule.finished:
            if state.schedule.abandoned.any():
                return "pressure_limit" if state.balance.injected.any() else "no_flow"
            return "volume_reached"
        if plan.end_age is not None and plan.start_age + state.time >= plan.end_age * (1.0 - COMPLETION_TOLERANCE):
            return "working_time"
        pressures = state.needle_pressures
        if plan.stop_pressure is None or pressures is None or pressures.syringe.max() < plan.stop_pressure:
            return None
        return "stop_pressure"

    def _hand_out_fields(self, observe: Observer | None, state: InjectionState, record: StepRecord) -> None:
        snapshot = self.recorder.snapshot(state, record)
        if observe is not None and snapshot is not None:
            observe(snapshot)
