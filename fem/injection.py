"""The injection of cement: pressure and transport in turn, walls, stop rules and the books of every drop.

Two incompressible phases in a rigid body: total velocity u = -K (S / mu_c + (1 - S) / mu_m) grad p, div u = q, and
phi dS/dt + div(f u) = q. Each step solves the pressure at the mobility of its start and moves the saturation
implicitly with the fluxes so found. The viscosity of the cement in a cell is that at the shear rate of the total Darcy
velocity of the step before, since cement and marrow in a cell at the front move together.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem.calibration import SourceSurface, calibrated
from fem.darcy import DarcyPressure
from fem.errors import ConvergenceError
from fem.needle import NeedleOpening
from fem.partition import Partition
from fem.plan import DETECTABLE_LEAK, FieldSnapshot, InjectionHistory, InjectionPlan, LeakOnset, Moment
from fem.porous import PorousMedium
from fem.transport import CementTransport, fractional_flow
from fem.walls import SITES, Walls
from materials.cannula import Cannula
from materials.cement import Rheology, pore_shear_rate

logger = logging.getLogger(__name__)

LEAST_RATE = 0.05
"""Share of the planned rate below which a pressure-limited injection is over."""

FULL = 1e-9
"""How far above one a saturation may lie before the wall behind its cell is kept from seeping."""

LEAK_REFINEMENT = 4
"""Factor on the least number of steps while cement stands behind an opening: the leak is first order in the step."""

COMPLETE = 1e-9
"""Relative accuracy to which volume and working time are reached."""

_VISCOSITY_TOLERANCE = 1e-8
_ROUND_LIMIT = 200

Observer = Callable[[FieldSnapshot], None]


@dataclass
class _Books:
    """Volumes in mm3 that have crossed the surface and the needle."""

    injected: float
    leaked: NDArray[np.float64]
    marrow_out: float
    inflow: float


class Injection:
    """One needle in one body; :meth:`run` carries the plan out."""

    def __init__(
        self,
        partition: Partition,
        medium: PorousMedium,
        walls: Walls,
        needle: NeedleOpening,
        cannula: Cannula,
        cement: Rheology,
        marrow_viscosity: float,
        plan: InjectionPlan,
    ) -> None:
        """Set up everything that does not change from step to step.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: conductance and permission of the boundary facets.
            needle: opening of the needle.
            cannula: the tube that leads to it.
            cement: rheology of the cement.
            marrow_viscosity: viscosity of the displaced phase in MPa s.
            plan: what is asked.
        """
        self.partition, self.plan = partition, plan
        self._comm = partition.comm
        self._owned = partition.owned_cells
        self._source_surface = SourceSurface.around(needle, partition)
        self._needle = calibrated(needle, self._source_surface, partition)
        self._cannula, self._cement = cannula, cement
        self._marrow_viscosity = marrow_viscosity
        self._porosity = partition.local_cells(medium.porosity)
        self._mean_permeability = partition.local_cells(medium.mean_permeability)
        self._pressure = DarcyPressure(partition, partition.local_cells(medium.permeability))
        self._transport = CementTransport(partition, self._porosity)
        boundary = partition.boundary
        self._wall_cells = boundary.cells
        self._wall_conductance = walls.conductance[boundary.original]
        self._wall_site = walls.site[boundary.original]
        self._open = self._wall_site >= 0
        shares = np.zeros(len(partition.source.cells))
        shares[needle.cells] = needle.shares
        self._source_shares = partition.local_cells(shares)
        self._saturation = np.zeros(len(self._porosity))
        self._speed = np.zeros(len(self._porosity))
        self._cement_viscosity = np.ones(len(self._porosity))
        self._cell_length = float(
            (partition.source.volume / len(partition.source.cells) * 6.0 * math.sqrt(2.0)) ** (1 / 3)
        )
        self._mean_porosity = float(medium.porosity.mean())
        self._outside = np.zeros(len(boundary.facets))
        self._books = _Books(0.0, np.zeros(len(SITES)), 0.0, 0.0)
        self._time = 0.0
        self._rate = plan.rate
        self._tip_pressure = 0.0
        self._iterations = self._sweeps = self._rounds = 0

    def run(self, observe: Observer | None = None, progress: Callable[[float], None] | None = None) -> InjectionHistory:
        """Carry the plan out.

        Args:
            observe: called on rank 0 with the fields at the start, at the output moments and at the end.
            progress: called with the share of the planned volume that is injected.

        Raises:
            ConvergenceError: a pressure, transport or wall iteration did not reach its tolerance.
        """
        moments: list[Moment] = []
        onsets: dict[str, LeakOnset] = {}
        viscosity_rounds = self._start()
        outputs = [self.plan.volume * (i + 1) / self.plan.output_count for i in range(self.plan.output_count)]
        stop_reason = "no_flow" if self._rate < LEAST_RATE * self.plan.rate else None
        moments.append(self._moment())
        self._hand_out(observe, moments[0])
        while True:
            if (stop_reason and len(moments) > 1) or (
                outputs and self._books.injected >= outputs[0] * (1.0 - COMPLETE)
            ):
                outputs = [volume for volume in outputs if volume > self._books.injected * (1.0 + COMPLETE)]
                self._hand_out(observe, moments[-1])
            if stop_reason:
                break
            stop_reason = self._advance(self._choose_step(outputs))
            self._solve_pressure(self._seep())
            moments.append(self._moment())
            self._note_onsets(onsets, moments[-2], moments[-1])
            stop_reason = stop_reason or self._finished()
            if progress is not None:
                progress(min(self._books.injected / self.plan.volume, 1.0))
        logger.info("injection stopped: %s after %d steps", stop_reason, len(moments) - 1)
        return InjectionHistory(
            moments=tuple(moments),
            stop_reason=stop_reason,
            onsets=onsets,
            saturation=self.partition.gather_cells(self._saturation),
            needle_viscosity_rounds=viscosity_rounds,
        )

    def destroy(self) -> None:
        """Free the PETSc objects."""
        self._pressure.destroy()

    @property
    def _age(self) -> float:
        return self.plan.start_age + self._time

    def _start(self) -> int:
        """Bring the first viscosity into agreement with the first pressure; returns the rounds it took."""
        previous = -1.0
        for rounds in range(1, _ROUND_LIMIT + 1):
            self._solve_pressure(self._seep())
            if abs(self._tip_pressure - previous) <= _VISCOSITY_TOLERANCE * abs(self._tip_pressure):
                return rounds
            previous = self._tip_pressure
        raise ConvergenceError(f"The first viscosity did not settle within {_ROUND_LIMIT} rounds.")

    def _seep(self) -> NDArray[np.float64]:
        """(b,) mobility factor of each wall: both phases through an opening, marrow alone through an intact wall."""
        saturation = self._saturation[self._wall_cells]
        marrow = np.clip(1.0 - saturation, 0.0, 1.0)
        cement = saturation * self._marrow_viscosity / self._cement_viscosity[self._wall_cells]
        return np.where(self._open, marrow + cement, marrow)

    def _update_viscosity(self) -> None:
        shear_rate = pore_shear_rate(self._speed, 1.0, self._mean_permeability, 1.0, self._porosity)
        self._cement_viscosity[:] = self._cement.viscosity(shear_rate, self._age)

    def _solve_pressure(self, seep: NDArray[np.float64]) -> None:
        """Pressure, fluxes, rate and tip pressure at the present saturation and time."""
        self._update_viscosity()
        # The cannula is full of cement when the injection starts, so the cells it opens into conduct as cement.
        saturation = np.where(self._source_shares > 0.0, 1.0, self._saturation)
        mobility = saturation / self._cement_viscosity + (1.0 - saturation) / self._marrow_viscosity
        source = self.plan.rate * self._source_shares
        self._pressure.solve(mobility, source, self._wall_conductance * seep, self._outside)
        self._iterations += self._pressure.iterations
        source_pressure = self._source_surface.mean(self._pressure.facet_pressure, self.partition)

        around = self._source_surface.mean_outside(self._saturation, self.partition)

        # The problem is linear in the rate, all outside pressures being those at rest.
        def tip_pressure(rate: float) -> float:
            mean = source_pressure * rate / self.plan.rate
            return self._needle.tip_pressure(mean, around, rate, self._cement, self._age)

        self._rate = self._allowed_rate(tip_pressure)
        self._tip_pressure = tip_pressure(self._rate)
        self._pressure.scale(self._rate / self.plan.rate)
        self._speed[:] = np.linalg.norm(self._pressure.cell_velocity(), axis=1)

    def _syringe_pressure(self, rate: float, tip_pressure: float) -> float:
        consistency, index = float(self._cement.consistency(self._age)), self._cement.index
        return tip_pressure + float(self._cannula.pressure_drop(rate, consistency, index))

    def _allowed_rate(self, tip_pressure: Callable[[float], float]) -> float:
        """The planned rate, or the smaller one at which the syringe pressure is at its limit."""

        def excess(rate: float) -> float:
            return self._syringe_pressure(rate, tip_pressure(rate)) - self.plan.pressure_limit

        if excess(self.plan.rate) <= 0.0:
            return self.plan.rate
        return float(brentq(excess, 0.0, self.plan.rate, xtol=1e-12 * self.plan.rate, rtol=1e-12))

    def _choose_step(self, outputs: list[float]) -> float:
        """The next time step in s: about ``front_advance`` of a cell, landing on outputs, volume and working time."""
        plan = self.plan
        stored = max(self._books.injected - self._books.leaked.sum(), 0.0)
        radius = max(self._needle.radius, (3.0 * stored / (4.0 * math.pi * self._mean_porosity)) ** (1.0 / 3.0))
        advance = plan.front_advance * self._cell_length * 4.0 * math.pi * self._mean_porosity * radius**2
        left = (outputs[0] if outputs else plan.volume) - self._books.injected
        # Even pieces up to the next output, so that no sliver of a step is left before it.
        steps = plan.least_steps * (LEAK_REFINEMENT if self._cement_at_openings() else 1)
        pieces = math.ceil(left / min(advance, plan.volume / steps) - 1e-9)
        step = left / max(pieces, 1) / self._rate
        return step if plan.end_age is None else min(step, plan.end_age - self._age)

    def _cement_at_openings(self) -> bool:
        """Whether cement stands behind an opening, where the step decides how much leaks."""
        saturation = self._saturation[self._wall_cells[self._open]]
        return bool(self._comm.allreduce(float(saturation.max(initial=0.0)), op=MPI.MAX) > 0.01)

    def _finished(self) -> str | None:
        """The reason to stop that the books and the clock give, or None."""
        plan = self.plan
        if self._books.injected >= plan.volume * (1.0 - COMPLETE):
            return "volume_reached"
        if plan.end_age is not None and self._age >= plan.end_age * (1.0 - COMPLETE):
            return "working_time"
        return "pressure_limit" if self._rate < LEAST_RATE * plan.rate else None

    def _advance(self, step: float) -> str | None:
        """Move the saturation by ``step``, or by the shorter one at which a rule ends the injection; say which rule."""
        after = self._transport_step(step)
        reason = None
        while True:
            excess, rule = self._worst_excess(after, step)
            if excess < 0.0 or rule == reason:
                break
            reason = rule
            step = float(brentq(self._excess_after, 0.0, step, args=(rule,), xtol=1e-7 * step))
            after = self._transport_step(step)
        self._book(after, step)
        self._saturation[:] = after
        return reason

    def _excess_after(self, step: float, rule: str) -> float:
        return self._excess(rule, self._transport_step(step), step)

    def _transport_step(self, step: float) -> NDArray[np.float64]:
        """Saturation after ``step``; walls behind cells that would overfill stop seeping for this step."""
        if step == 0.0:
            return self._saturation
        seep = self._seep()
        for rounds in range(1, _ROUND_LIMIT + 1):
            flux_out = np.zeros(len(self._saturation))
            np.add.at(flux_out, self._wall_cells[self._open], np.maximum(self._pressure.wall_flux[self._open], 0.0))
            ratio = self._cement_viscosity / self._marrow_viscosity
            after = self._transport.advance(
                self._saturation,
                step,
                self._pressure.flux,
                self._rate * self._source_shares,
                flux_out,
                ratio,
                np.argsort(-self._pressure.cell_pressure()[: self._owned], kind="stable"),
            )
            self._sweeps += self._transport.sweeps
            overfull = ~self._open & (after[self._wall_cells] > 1.0 + FULL) & (seep > 0.0)
            self._rounds = rounds
            if not self._comm.allreduce(bool(overfull.any()), op=MPI.LOR):
                return after
            seep = np.where(overfull, 0.0, seep)
            self._solve_pressure(seep)
        raise ConvergenceError(f"The walls behind cells full of cement did not settle within {_ROUND_LIMIT} rounds.")

    def _leak_rates(self, saturation: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
        """Cement out per site, marrow out and marrow in, each in mm3/s, summed over the ranks."""
        flux = self._pressure.wall_flux
        out = np.maximum(flux, 0.0)
        cells = self._wall_cells
        share = fractional_flow(
            np.maximum(saturation[cells], 0.0), self._cement_viscosity[cells] / self._marrow_viscosity
        )
        cement = np.where(self._open, share, 0.0) * out
        sums = np.bincount(self._wall_site[self._open], cement[self._open], minlength=len(SITES))
        local = np.concatenate([sums, [float((out - cement).sum()), float(np.maximum(-flux, 0.0).sum())]])
        total = self._comm.allreduce(local)
        return total[:-2], float(total[-2]), float(total[-1])

    def _excess(self, rule: str, saturation: NDArray[np.float64], step: float) -> float:
        """How far a stop rule is passed, in mm3; negative while it is not."""
        if rule == "front_limit":
            return self._volume_beyond(saturation) - DETECTABLE_LEAK
        site = rule.removeprefix("leak_limit:")
        index = SITES.index(site)
        leaked = self._books.leaked[index] + step * self._leak_rates(saturation)[0][index]
        return float(leaked - self.plan.leak_limits[site])

    def _worst_excess(self, saturation: NDArray[np.float64], step: float) -> tuple[float, str]:
        """The stop rule that is passed by most, and by how much in mm3."""
        rules = [f"leak_limit:{site}" for site in self.plan.leak_limits]
        if self.plan.front_limit is not None:
            rules.append("front_limit")
        return max(((self._excess(rule, saturation, step), rule) for rule in rules), default=(-math.inf, ""))

    def _volume_beyond(self, saturation: NDArray[np.float64]) -> float:
        """Cement in mm3 beyond the front limit, in cells that hold more cement than marrow."""
        own, limit = slice(0, self._owned), math.inf if self.plan.front_limit is None else self.plan.front_limit
        beyond = (self.partition.corner_points[own, :, 1].mean(axis=1) > limit) & (saturation[own] > 0.5)
        return float(self._comm.allreduce(float((saturation * self._transport.pore_volume)[own][beyond].sum())))

    def _book(self, after: NDArray[np.float64], step: float) -> None:
        leak_rates, marrow_out, inflow = self._leak_rates(after)
        self._books.injected += self._rate * step
        self._books.leaked += leak_rates * step
        self._books.marrow_out += marrow_out * step
        self._books.inflow += inflow * step
        self._time += step

    def _moment(self) -> Moment:
        books, own = self._books, slice(0, self._owned)
        stored = self._comm.allreduce(float((self._saturation * self._transport.pore_volume)[own].sum()))
        lowest = self._comm.allreduce(float(self._saturation[own].min(initial=1.0)), op=MPI.MIN)
        highest = self._comm.allreduce(float(self._saturation[own].max(initial=0.0)), op=MPI.MAX)
        leaked = float(books.leaked.sum())
        # The pores stay full: what cement is stored, marrow has left. So both balances close to round-off.
        missing = max(
            abs(books.injected - stored - leaked), abs(books.injected + books.inflow - leaked - books.marrow_out)
        )
        moment = Moment(
            time=self._time,
            rate=self._rate,
            injected=books.injected,
            stored=stored,
            leaked=dict(zip(SITES, books.leaked.tolist(), strict=True)),
            marrow_out=books.marrow_out,
            inflow=books.inflow,
            tip_pressure=self._tip_pressure,
            syringe_pressure=self._syringe_pressure(self._rate, self._tip_pressure),
            balance_error=missing / books.injected if books.injected else 0.0,
            divergence_error=self._pressure.divergence_error,
            saturation_range=(lowest, highest),
            pressure_iterations=self._iterations,
            sweeps=self._sweeps,
            wall_rounds=self._rounds,
        )
        self._iterations = self._sweeps = 0
        moment.check()
        return moment

    def _note_onsets(self, onsets: dict[str, LeakOnset], before: Moment, after: Moment) -> None:
        for site in SITES:
            start, end = before.leaked[site], after.leaked[site]
            if site not in onsets and end >= DETECTABLE_LEAK:
                share = (DETECTABLE_LEAK - start) / (end - start)
                onsets[site] = LeakOnset(
                    before.time + share * (after.time - before.time),
                    before.injected + share * (after.injected - before.injected),
                )

    def _hand_out(self, observe: Observer | None, moment: Moment) -> None:
        gather = self.partition.gather_cells
        saturation = gather(self._saturation)
        pressure = gather(self._pressure.cell_pressure())
        velocity = gather(self._pressure.cell_velocity())
        if observe is not None and saturation is not None and pressure is not None and velocity is not None:
            observe(FieldSnapshot(moment, saturation, pressure, velocity))
