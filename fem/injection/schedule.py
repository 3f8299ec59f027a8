"""Where an injection stands in its plan: which needles deliver, at which rate, and until when."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fem.injection.plan import Stage

COMPLETION_TOLERANCE = 1e-9
"""Share of its volume that a bolus may lack when it counts as delivered, and of its length a pause."""


class Schedule:
    """The stages of a plan, carried out one after the other.

    Attributes:
        abandoned: (places,) whether a bolus there was given up before its volume was delivered.
    """

    def __init__(self, stages: tuple[Stage, ...], places: int) -> None:
        """Begin with the first stage.

        Args:
            stages: what is to be done.
            places: number of places of the tips, over which rates are told.
        """
        self._stages, self._places = stages, places
        self._stage, self._pause = 0, stages[0].pause
        self._left = [bolus.volume for bolus in stages[0].boluses]
        self._last = np.zeros(places)
        self.abandoned = np.zeros(places, dtype=bool)

    @property
    def finished(self) -> bool:
        """Whether all stages are done."""
        return self._stage == len(self._stages)

    @property
    def pausing(self) -> bool:
        """Whether nothing is injected now because a pause lasts."""
        return self._pause > 0.0

    def rates(self) -> NDArray[np.float64]:
        """(places,) planned rates in mm3/s now; those of the last boluses once all is done."""
        if self.finished:
            return self._last
        rates = np.zeros(self._places)
        if not self.pausing:
            for bolus, left in zip(self._stages[self._stage].boluses, self._left, strict=True):
                rates[bolus.needle] = bolus.rate if left > 0.0 else 0.0
            self._last = rates
        return rates

    def time_left(self, rates: NDArray[np.float64]) -> float:
        """Time in s until a bolus is delivered or the pause is over, at the given rates in mm3/s."""
        if self.pausing:
            return self._pause
        times = [
            left / rates[bolus.needle]
            for bolus, left in zip(self._stages[self._stage].boluses, self._left, strict=True)
            if rates[bolus.needle] > 0.0
        ]
        return min(times, default=math.inf)

    def advance(self, rates: NDArray[np.float64], step: float) -> None:
        """Count what was delivered in ``step`` s at the rates in mm3/s."""
        if self.pausing:
            self._pause -= step
            if self._pause <= COMPLETION_TOLERANCE * self._stages[self._stage].pause:
                self._pause = 0.0
            return
        for index, bolus in enumerate(self._stages[self._stage].boluses):
            self._left[index] -= rates[bolus.needle] * step
            if self._left[index] <= COMPLETION_TOLERANCE * bolus.volume:
                self._left[index] = 0.0
        self._enter_next_stage()

    def abandon(self, places: NDArray[np.int64]) -> None:
        """Give up the boluses at these places of this stage."""
        for index, bolus in enumerate(self._stages[self._stage].boluses):
            if bolus.needle in places:
                self._left[index] = 0.0
                self.abandoned[bolus.needle] = True
        self._enter_next_stage()

    def pending(self) -> NDArray[np.bool_]:
        """(places,) whether something is still to be delivered there, in this stage or in a later one."""
        pending = np.zeros(self._places, dtype=bool)
        if not self.finished:
            boluses = self._stages[self._stage].boluses
            pending[[bolus.needle for bolus, left in zip(boluses, self._left, strict=True) if left > 0.0]] = True
            for stage in self._stages[self._stage + 1 :]:
                pending[[bolus.needle for bolus in stage.boluses]] = True
        return pending

    def _enter_next_stage(self) -> None:
        if any(self._left):
            return
        self._stage += 1
        if not self.finished:
            stage = self._stages[self._stage]
            self._pause, self._left = stage.pause, [bolus.volume for bolus in stage.boluses]
