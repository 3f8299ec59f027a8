"""The injection of cement: pressure and transport in turn, walls, needles, stop rules and the mass balance.

Two incompressible phases in a rigid body: total velocity u = -K (S / mu_c + (1 - S) / mu_d) grad p, div u = q, and
phi dS/dt + div(f u) = q_c. The sequence is IMPES-like, with an implicit saturation: each step moves the saturation
implicitly with the fluxes at its start, and then a Picard iteration solves for pressure, viscosities, walls and rates
(:mod:`fem.injection.flow`). The displaced phase is marrow and the fluids of lesions and cavities, whose shares move
with it; the cement carries the time at which it left the needle, because its clock runs faster in the body than in the
syringe.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem.errors import ConvergenceError
from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.flow import CoupledFlow, PoreFluids
from fem.injection.history import FieldSnapshot, InjectionHistory, NeedleState, StepRecord, leak_onsets
from fem.injection.mass_balance import MassBalance
from fem.injection.needle_ends import NeedleEnds
from fem.injection.needle_tips import NeedleTips
from fem.injection.plan import InjectionPlan, Needle
from fem.injection.schedule import COMPLETION_TOLERANCE, Schedule
from fem.injection.stopping import StopRules
from fem.injection.transport import CementTransport, fractional_flow
from fem.injection.wall_flow import WallFlow
from fem.injection.walls import Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cement import Rheology
from meshes.leak_sites import SITES

logger = logging.getLogger(__name__)

LEAST_RATE_SHARE = 0.05
"""Share of the planned rate below which a pressure-limited needle is given up (tag D)."""

LEAK_REFINEMENT = 8
"""Factor on the least number of steps while cement stands behind an opening: the leak is of first order in the step
(tag D)."""

LONGEST_PAUSE_STEP = 10.0
"""Longest step in s of a pause in which fluid flows without any injection (tag D)."""

OPEN_SITE_RATE_SHARE = 1e-6
"""Share of the largest planned rate above which a site counts as one that cement is passing."""

_SEALING_LIMIT = 200

Observer = Callable[[FieldSnapshot], None]


class Injection:
    """One procedure on one body; :meth:`run` carries the plan out."""

    def __init__(
        self,
        partition: Partition,
        medium: PorousMedium,
        walls: Walls,
        needles: Sequence[Needle],
        cement: Rheology,
        fluids: DisplacedFluids,
        plan: InjectionPlan,
        exchange: VascularExchange | None = None,
    ) -> None:
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
        """
        self.partition, self.plan = partition, plan
        self._comm, self._owned, self._fluids = partition.comm, partition.owned_cells, fluids
        self._walls = WallFlow(partition, walls, cement, fluids.marrow_viscosity)
        self._tips = NeedleTips(needles, partition, cement)
        self._flow = CoupledFlow(
            partition, medium, self._walls, self._tips, cement, fluids, exchange, plan.pressure_limit, plan.rate
        )
        porosity = partition.local_cells(medium.porosity)
        self._transport = CementTransport(partition, porosity)
        self._rules = StopRules(partition, self._transport.pore_volume, plan.leak_limits, plan.front_limit)
        self._schedule = Schedule(plan.stages, len(needles))
        self._saturation = np.zeros(len(porosity))
        self._entry_time = np.zeros(len(porosity))
        self._fluid_shares = fluids.local_shares(partition.original_cells)
        self._cell_length = float(
            (partition.source.volume / len(partition.source.cells) * 6.0 * math.sqrt(2.0)) ** (1 / 3)
        )
        self._mean_porosity = float(medium.porosity.mean())
        self._needle_numbers = np.array([needle.number for needle in needles])
        self._balance = MassBalance(int(self._needle_numbers.max()) + 1, self._fluids_present())
        self._time = self._resting_pressure = 0.0
        self._open_sites: tuple[str, ...] = ()
        self._needle_ends = NeedleEnds(self._schedule, self._needle_numbers)
        self._sweeps = self._sealing_solves = 0

    def run(self, observe: Observer | None = None, progress: Callable[[float], None] | None = None) -> InjectionHistory:
        """Carry the plan out.

        Args:
            observe: called on rank 0 with the fields at the start, at the output records and at the end.
            progress: called with the share of the planned volume that is injected.

        Raises:
            ConvergenceError: a pressure, transport or wall iteration did not reach its tolerance.
        """
        records: list[StepRecord] = []
        outputs = [self.plan.volume * (i + 1) / self.plan.output_count for i in range(self.plan.output_count)]
        self._resting_pressure = self._flow.solve_resting_pressure(self._filling())
        self._solve_fixed_point()
        stop_reason = self._stop_by_state()
        records.append(self._record())
        self._hand_out_fields(observe, records[0])
        while True:
            injected = float(self._balance.injected.sum())
            if (stop_reason and len(records) > 1) or (
                outputs and injected >= outputs[0] * (1.0 - COMPLETION_TOLERANCE)
            ):
                outputs = [volume for volume in outputs if volume > injected * (1.0 + COMPLETION_TOLERANCE)]
                self._hand_out_fields(observe, records[-1])
            if stop_reason:
                break
            stop_reason = self._advance(self._choose_step(outputs))
            self._solve_fixed_point()
            # Asked in any case: a needle that delivers no more is given up here.
            stop_reason = stop_reason or self._stop_by_state()
            records.append(self._record())
            logger.info("step %d (%.2f s): %s", len(records) - 1, records[-1].time - records[-2].time, records[-1])
            if progress is not None:
                progress(min(records[-1].injected / self.plan.volume, 1.0))
        logger.info("injection stopped: %s after %d steps", stop_reason, len(records) - 1)
        return InjectionHistory(
            records=tuple(records),
            stop_reason=stop_reason,
            needle_ends=self._needle_ends.completed(len(self._balance.injected), stop_reason, self._time),
            onsets=leak_onsets(records),
            resting_pressure=self._resting_pressure,
            saturation=self.partition.gather_cells(self._saturation),
        )

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._flow.pressure.destroy()

    @property
    def _syringe_age(self) -> float:
        """Age of the cement in the syringe in s on its own clock."""
        return self.plan.syringe_ageing * (self.plan.start_age + self._time)

    def _filling(self) -> PoreFluids:
        plan = self.plan
        age = plan.syringe_ageing * (plan.start_age + self._entry_time)
        return PoreFluids(
            self._saturation, age + plan.body_ageing * (self._time - self._entry_time), self._fluid_shares
        )

    def _solve_fixed_point(self) -> None:
        """Pressure, viscosities, walls and rates at their fixed point; needles that deliver no more are given up."""
        while True:
            planned = self._schedule.rates()
            self._flow.solve_fixed_point(planned, self._filling(), self._syringe_age)
            stuck = np.flatnonzero((planned > 0.0) & (self._flow.rates < LEAST_RATE_SHARE * planned))
            if not len(stuck) or self._schedule.finished:
                return
            self._schedule.abandon(stuck)
            self._needle_ends.note(self._balance.injected, self._time)
            logger.info("needle place %s given up at %.1f s: its pressure limit leaves no flow", stuck, self._time)

    def _stop_by_state(self) -> str | None:
        """The reason to stop that the schedule, the clock and the pressure give, or None."""
        plan = self.plan
        if self._schedule.finished:
            if self._schedule.abandoned.any():
                return "pressure_limit" if self._balance.injected.any() else "no_flow"
            return "volume_reached"
        if plan.end_age is not None and plan.start_age + self._time >= plan.end_age * (1.0 - COMPLETION_TOLERANCE):
            return "working_time"
        pressure = self._flow.tip_pressures(self._syringe_age)[1].max()
        return "stop_pressure" if plan.stop_pressure is not None and pressure >= plan.stop_pressure else None

    def _choose_step(self, outputs: list[float]) -> float:
        """The next time step in s: about ``front_advance`` of a cell, landing on outputs, boluses and working time."""
        plan, rates = self.plan, self._flow.rates
        left = self._schedule.time_left(rates)
        if self._schedule.pausing:
            step = min(left, LONGEST_PAUSE_STEP) if self._flow.driven_at_rest else left
        else:
            total, injected = float(rates.sum()), self._balance.injected
            left = min(left, (outputs[0] - float(injected.sum())) / total if outputs else math.inf)
            steps = plan.least_steps * (LEAK_REFINEMENT if self._cement_at_openings() else 1)
            longest = plan.volume / steps / total
            kept = 1.0 - float(self._balance.leaked.sum()) / max(float(injected.sum()), 1e-300)
            for place in np.flatnonzero(rates):
                stored = kept * injected[self._needle_numbers[place]]
                radius = (3.0 * stored / (4.0 * math.pi * self._mean_porosity)) ** (1.0 / 3.0)
                radius = max(self._tips.needles[place].opening.radius, radius)
                shell = 4.0 * math.pi * self._mean_porosity * radius**2 * plan.front_advance * self._cell_length
                longest = min(longest, shell / rates[place])
            # Even pieces up to the next event, so that no sliver of a step is left before it.
            step = left / max(math.ceil(left / longest - 1e-9), 1)
        return step if plan.end_age is None else min(step, plan.end_age - plan.start_age - self._time)

    def _cement_at_openings(self) -> bool:
        """Whether cement stands behind an opening, where the step decides how much leaks."""
        saturation = self._walls.cement_behind_openings(self._saturation)
        return bool(self._comm.allreduce(saturation, op=MPI.MAX) > 0.01)

    def _advance(self, step: float) -> str | None:
        """Move the saturation by ``step``, or by the shorter one at which a rule ends the injection; say which rule."""
        after = self._transport_step(step)
        reason = None
        while True:
            excess, rule = self._rules.worst(after, self._leaked_after(after, step))
            if excess < 0.0 or rule == reason:
                break
            reason = rule
            step = float(brentq(self._excess_after, 0.0, step, args=(rule,), xtol=1e-7 * step))
            after = self._transport_step(step)
        self._enter_into_balance(after, step)
        return reason

    def _excess_after(self, step: float, rule: str) -> float:
        after = self._transport_step(step)
        return self._rules.excess(rule, after, self._leaked_after(after, step))

    def _leaked_after(self, after: NDArray[np.float64], step: float) -> NDArray[np.float64]:
        return self._balance.leaked + step * self._leak_rates(after)[0]

    def _transport_step(self, step: float) -> NDArray[np.float64]:
        """Saturation after ``step``; walls behind cells that would overfill stop seeping for this step."""
        if step == 0.0:
            return self._saturation
        for rounds in range(1, _SEALING_LIMIT + 1):
            leak, leak_ratio = self._walls.outflow()
            after = self._transport.advance(
                self._saturation,
                step,
                self._flow.pressure.flux,
                self._flow.rates @ self._tips.shares,
                self._flow.viscosity_ratio,
                leak,
                leak_ratio,
            )
            self._sweeps += self._transport.sweeps
            self._sealing_solves = rounds
            if not self._flow.seal(after):
                return after
            self._flow.solve_sealed(self._schedule.rates(), self._filling(), self._syringe_age)
        raise ConvergenceError(f"The walls behind cells full of cement did not settle within {_SEALING_LIMIT} rounds.")

    def _leak_rates(self, saturation: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(sites,) cement out through each site on all ranks, and (local cells,) out of each cell, in mm3/s."""
        leak, ratio = self._walls.outflow()
        cells = leak * fractional_flow(np.maximum(saturation, 0.0), ratio)
        local = self._walls.leak_rates(cells)
        return self._comm.allreduce(local), cells

    def _enter_into_balance(self, after: NDArray[np.float64], step: float) -> None:
        """Enter a step into the mass balance and take its fields over."""
        balance, pressure, walls = self._balance, self._flow.pressure, self._walls
        site_rates, cell_leak = self._leak_rates(after)
        exchange = pressure.exchange_rate
        displaced_out = walls.total_outflow() - cell_leak + np.maximum(-exchange, 0.0)
        own = slice(0, self._owned)
        inflow = walls.inflow() + float(np.maximum(exchange[own], 0.0).sum())
        total = self._comm.allreduce(np.array([float(displaced_out[own].sum()), inflow]))
        np.add.at(balance.injected, self._needle_numbers, self._flow.rates * step)
        balance.leaked += site_rates * step
        balance.displaced_out += float(total[0]) * step
        balance.inflow += float(total[1]) * step
        self._advect(after, step, cell_leak, displaced_out)
        self._open_sites = tuple(np.array(SITES)[site_rates > OPEN_SITE_RATE_SHARE * self.plan.rate].tolist())
        walls.lower_entry_pressures()
        self._schedule.advance(self._flow.rates, step)
        self._time += step
        self._needle_ends.note(balance.injected, self._time)
        self._saturation[:] = after

    def _advect(
        self,
        after: NDArray[np.float64],
        step: float,
        cell_leak: NDArray[np.float64],
        displaced_out: NDArray[np.float64],
    ) -> None:
        """Move what the phases carry: the cement its time of entry, the displaced phase its fluids."""
        before, flux, source = self._saturation, self._flow.pressure.flux, self._tips.shares
        share = fractional_flow(np.maximum(after, 0.0), self._flow.viscosity_ratio)
        middle = self._time + 0.5 * step
        self._entry_time = self._transport.advect(
            self._entry_time,
            before,
            after,
            step,
            flux,
            share,
            cell_leak,
            middle * (self._flow.rates @ source),
            middle,
        )
        own = slice(0, self._owned)
        for number, fluid in enumerate(self._fluid_shares):
            carried = self._transport.advect(
                fluid,
                1.0 - before,
                1.0 - after,
                step,
                flux,
                1.0 - share,
                displaced_out,
                np.zeros_like(fluid),
                1.0,
            )
            self._fluid_shares[number] = carried
            out = self._comm.allreduce(float((carried * displaced_out)[own].sum()))
            self._balance.fluid_out[number] += out * step

    def _fluids_present(self) -> NDArray[np.float64]:
        """(k,) volume of each fluid besides marrow in the body in mm3, on all ranks."""
        pores = (self._transport.pore_volume * (1.0 - self._saturation))[: self._owned]
        return self._comm.allreduce(self._fluid_shares[:, : self._owned] @ pores)

    def _record(self) -> StepRecord:
        balance, own, flow = self._balance, slice(0, self._owned), self._flow
        stored = self._comm.allreduce(float((self._saturation * self._transport.pore_volume)[own].sum()))
        lowest = self._comm.allreduce(float(self._saturation[own].min(initial=1.0)), op=MPI.MIN)
        highest = self._comm.allreduce(float(self._saturation[own].max(initial=0.0)), op=MPI.MAX)
        record = StepRecord(
            time=self._time,
            needles=self._needle_states(),
            stored=stored,
            leaked=dict(zip(SITES, balance.leaked.tolist(), strict=True)),
            displaced_out=balance.displaced_out,
            inflow=balance.inflow,
            fluid_out=dict(zip(self._fluids.names, balance.fluid_out.tolist(), strict=True)),
            open_sites=self._open_sites,
            front_ratio=self._front_ratio(),
            balance_error=balance.balance_error(stored),
            tracer_error=balance.tracer_error(self._fluids_present()),
            divergence_error=flow.pressure.divergence_defect / self.plan.rate,
            saturation_range=(lowest, highest),
            pressure_iterations=flow.count_iterations(),
            sweeps=self._sweeps,
            picard_iterations=flow.picard_iterations,
            sealing_solves=self._sealing_solves,
        )
        self._sweeps = 0
        record.check()
        return record

    def _front_ratio(self) -> float | None:
        """Viscosity ratio at the front, on all ranks."""
        own = slice(0, self._owned)
        weight = (self._transport.pore_volume * np.clip(self._saturation * (1.0 - self._saturation), 0.0, 1.0))[own]
        local = np.array([float(weight @ np.log(self._flow.viscosity_ratio[own])), float(weight.sum())])
        logarithm, total = self._comm.allreduce(local)
        return math.exp(logarithm / total) if total > 0.0 else None

    def _needle_states(self) -> tuple[NeedleState, ...]:
        rates, injected = self._flow.rates, self._balance.injected
        tip, syringe = self._flow.tip_pressures(self._syringe_age)
        states = []
        for number in range(len(injected)):
            places = np.flatnonzero((self._needle_numbers == number) & (rates > 0.0))
            if len(places):
                place = places[0]
                states.append(
                    NeedleState(float(rates[place]), float(injected[number]), float(tip[place]), float(syringe[place]))
                )
            else:
                states.append(NeedleState(injected=float(injected[number])))
        return tuple(states)

    def _hand_out_fields(self, observe: Observer | None, record: StepRecord) -> None:
        gather = self.partition.gather_cells
        saturation = gather(self._saturation)
        pressure = gather(self._flow.pressure.cell_pressure())
        velocity = gather(self._flow.pressure.cell_velocity())
        fluids = [gather(share) for share in self._fluid_shares]
        if observe is not None and saturation is not None and pressure is not None and velocity is not None:
            shares = {
                name: values for name, values in zip(self._fluids.names, fluids, strict=True) if values is not None
            }
            observe(FieldSnapshot(record, saturation, pressure, velocity, shares))
