"""How long the next step of an injection is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from fem.injection.flow import CoupledFlow
from fem.injection.injection_state import InjectionState
from fem.injection.plan import InjectionPlan
from fem.injection.schedule import COMPLETION_TOLERANCE

LEAK_REFINEMENT = 4
"""Factor on the least number of steps while cement stands behind an opening: how the cell behind it fills, and with it
the leak, is of first order in the step (docs/theory/control.md, tag D)."""

LONGEST_PAUSE_STEP = 10.0
"""Longest step in s of a pause in which fluid flows without any injection (tag D)."""


@dataclass(frozen=True)
class StepControl:
    """Steps in which the front moves by about a cell, and which land on outputs, boluses and the working time.

    Attributes:
        plan: what is asked.
        flow: the laws of the flow.
        needle_numbers: (places,) the needle that has its tip there.
        mean_porosity: of the body.
        cell_length: edge in mm of a regular tetrahedron as large as the mean cell.
    """

    plan: InjectionPlan
    flow: CoupledFlow
    needle_numbers: NDArray[np.int64]
    mean_porosity: float
    cell_length: float

    def next_output(self, state: InjectionState) -> float:
        """Injected volume in mm3 at which fields are handed out next; infinite when none is left."""
        plan, injected = self.plan, float(state.balance.injected.sum())
        volumes = (plan.volume * (number + 1) / plan.output_count for number in range(plan.output_count))
        return next((volume for volume in volumes if injected < volume * (1.0 - COMPLETION_TOLERANCE)), math.inf)

    def length(self, state: InjectionState) -> float:
        """The next step in s: about ``front_advance`` of a cell, or less to land on what comes first."""
        plan, rates, schedule = self.plan, state.flow.rates, state.schedule
        left = schedule.time_left(rates)
        if schedule.pausing:
            step = min(left, LONGEST_PAUSE_STEP) if self.flow.driven_at_rest else left
        else:
            total, injected = float(rates.sum()), float(state.balance.injected.sum())
            left = min(left, (self.next_output(state) - injected) / total)
            steps = plan.least_steps * self._refinement(state)
            longest = min(plan.volume / steps / total, self._front_step(state))
            # Even pieces up to the next event, so that no sliver of a step is left before it.
            step = left / max(math.ceil(left / longest - 1e-9), 1)
        return step if plan.end_age is None else min(step, plan.end_age - plan.start_age - state.time)

    def _front_step(self, state: InjectionState) -> float:
        """Step in s in which the front of every needle's cement, as a sphere, moves by ``front_advance`` of a cell."""
        injected, rates, longest = state.balance.injected, state.flow.rates, math.inf
        kept = 1.0 - float(state.balance.leaked.sum()) / max(float(injected.sum()), 1e-300)
        for place in np.flatnonzero(rates):
            stored = kept * injected[self.needle_numbers[place]]
            radius = (3.0 * stored / (4.0 * math.pi * self.mean_porosity)) ** (1.0 / 3.0)
            radius = max(self.flow.tips.needles[place].opening.radius, radius)
            shell = 4.0 * math.pi * self.mean_porosity * radius**2 * self.plan.front_advance * self.cell_length
            longest = min(longest, shell / rates[place])
        return longest

    def _refinement(self, state: InjectionState) -> int:
        """Factor on the least number of steps where cement stands at openings: the step decides what leaks."""
        openings = self.flow.walls.cement_behind_openings(state.saturation)
        openings = self.flow.partition.comm.allreduce(openings, op=MPI.MAX)
        return LEAK_REFINEMENT if openings > 0.01 else 1
