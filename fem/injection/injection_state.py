"""What an injection knows at one time, as plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.injection.flow_state import FlowState, PoreFluids
from fem.injection.history import NeedleEnd
from fem.injection.mass_balance import MassBalance
from fem.injection.needle_pressures import NeedlePressures
from fem.injection.plan import InjectionPlan
from fem.injection.schedule import Schedule
from fem.injection.warmth import WarmthState


@dataclass(frozen=True)
class InjectionState:
    """Everything that changes in the course of an injection, on this rank.

    It holds numbers and NumPy arrays alone, so that it can be pickled; an injection of the same law on the same number
    of ranks goes on from it to the same bits.

    Attributes:
        time: since the start in s.
        saturation: (local cells,) of cement, ghosts included.
        flow_saturation: (local cells,) for which the flow is solved; see :meth:`with_foresight`.
        ahead: time in s by which the flow is ahead.
        entry_time: (local cells,) mean time in s at which the cement left the needle.
        fluid_shares: (k, local cells) share of each fluid besides marrow in the displaced phase.
        flow: pressures, fluxes, viscosities, walls and rates.
        needle_pressures: at the time of the state; None before the flow is solved.
        schedule: how far the plan has come.
        balance: every volume that has crossed the surface and the needles.
        needle_ends: number -> end of the needles that have ended.
        open_sites: sites that cement has passed in the last step.
        resting_pressure: largest pressure in MPa before any injection.
        sweeps: transport sweeps of the last step.
        sealing_solves: pressure solves of the last step because walls behind cells full of cement stop seeping.
        stop_reason: what has ended the injection, as :class:`~fem.injection.history.InjectionHistory` names it; None
            while it goes on.
        warmth: what follows the injection knows; None where nothing does.
        warmed_age: (local cells,) age of the cement in s by the temperatures that it has been through; None where it
            ages as the plan says.
    """

    time: float
    saturation: NDArray[np.float64]
    flow_saturation: NDArray[np.float64]
    ahead: float
    entry_time: NDArray[np.float64]
    fluid_shares: NDArray[np.float64]
    flow: FlowState
    schedule: Schedule
    balance: MassBalance
    needle_ends: Mapping[int, NeedleEnd]
    open_sites: tuple[str, ...] = ()
    resting_pressure: float = 0.0
    sweeps: int = 0
    sealing_solves: int = 0
    stop_reason: str | None = None
    warmth: WarmthState | None = None
    warmed_age: NDArray[np.float64] | None = None
    needle_pressures: NeedlePressures | None = None

    def with_foresight(self, before: InjectionState) -> InjectionState:
        """The state with what its flow is to be solved for: the middle of the step that comes.

        If that is as long as the last, and saturations go on as in it, what a step moves with the flow at its start is
        of second order where they are smooth. Where the injection ends, pauses or changes its rates, there is nothing
        to foresee.

        Args:
            before: the last step.
        """
        goes_on = (
            self.stop_reason is None
            and not self.schedule.finished
            and np.array_equal(self.schedule.rates(), before.schedule.rates())
            and self.schedule.rates().any()
        )
        if not goes_on:
            return self.without_foresight()
        middle = self.saturation + 0.5 * (self.saturation - before.saturation)
        return replace(self, ahead=0.5 * (self.time - before.time), flow_saturation=np.clip(middle, 0.0, 1.0))

    def without_foresight(self) -> InjectionState:
        """The state with a flow that is to be solved for its own time."""
        return replace(self, ahead=0.0, flow_saturation=np.clip(self.saturation, 0.0, 1.0))

    def syringe_age(self, plan: InjectionPlan) -> float:
        """Age in s of the cement in the syringe on its own clock, when the flow is solved for."""
        return plan.syringe_ageing * (plan.start_age + self.time + self.ahead)

    def pore_fluids(self, plan: InjectionPlan) -> PoreFluids:
        """What the flow is solved for: the cement in the pores and its age there, in conduits and in veins."""
        age, conduit_age = (self._age(plan, time) for time in (self.entry_time, self.flow.walls.conduits.entry_time))
        if self.warmed_age is not None:
            ageing = 0.0 if self.warmth is None or self.warmth.ageing is None else self.warmth.ageing
            age = np.where(self.saturation > 0.0, self.warmed_age + self.ahead * ageing, age)
        return PoreFluids(self.flow_saturation, age, self.fluid_shares, conduit_age, self.vein_age(plan))

    def vein_age(self, plan: InjectionPlan) -> NDArray[np.float64] | None:
        """(pieces,) age of the cement in the veins in s; None without veins."""
        return None if self.flow.veins is None else self._age(plan, self.flow.veins.entry_time)

    def _age(self, plan: InjectionPlan, entry_time: NDArray[np.float64]) -> NDArray[np.float64]:
        syringe_age = plan.syringe_ageing * (plan.start_age + entry_time)
        return syringe_age + plan.body_ageing * (self.time + self.ahead - entry_time)
