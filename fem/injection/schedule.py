"""Where an injection stands in its plan: which needles deliver, at which rate, and until when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.injection.plan import Stage

COMPLETION_TOLERANCE = 1e-9
"""Share of its volume that a bolus may lack when it counts as delivered, and of its length a pause."""


@dataclass(frozen=True)
class Schedule:
    """The stages of a plan, carried out one after the other, and how far they have come.

    Attributes:
        stages: what is to be done.
        stage: index of the present one; their number when all are done.
        pause: what is left of its pause in s.
        left: what is left of each of its boluses in mm3.
        last_rates: (places,) planned rates in mm3/s of the boluses that were delivered last.
        abandoned: (places,) whether a bolus there was given up before its volume was delivered.
    """

    stages: tuple[Stage, ...]
    stage: int
    pause: float
    left: tuple[float, ...]
    last_rates: NDArray[np.float64]
    abandoned: NDArray[np.bool_]

    @classmethod
    def begin(cls, stages: tuple[Stage, ...], places: int) -> Schedule:
        """The beginning of the first stage.

        Args:
            stages: what is to be done.
            places: number of places of the tips, over which rates are told.
        """
        left = tuple(bolus.volume for bolus in stages[0].boluses)
        return cls(stages, 0, stages[0].pause, left, np.zeros(places), np.zeros(places, dtype=bool))

    @property
    def finished(self) -> bool:
        """Whether all stages are done."""
        return self.stage == len(self.stages)

    @property
    def pausing(self) -> bool:
        """Whether nothing is injected now because a pause lasts."""
        return self.pause > 0.0

    def rates(self) -> NDArray[np.float64]:
        """(places,) planned rates in mm3/s now; those of the last boluses once all is done."""
        if self.finished:
            return self.last_rates
        rates = np.zeros(len(self.last_rates))
        if not self.pausing:
            for bolus, left in zip(self.stages[self.stage].boluses, self.left, strict=True):
                rates[bolus.place] = bolus.rate if left > 0.0 else 0.0
        return rates

    def time_left(self, rates: NDArray[np.float64]) -> float:
        """Time in s until a bolus is delivered or the pause is over, at the given rates in mm3/s."""
        if self.pausing:
            return self.pause
        times = [
            left / rates[bolus.place]
            for bolus, left in zip(self.stages[self.stage].boluses, self.left, strict=True)
            if rates[bolus.place] > 0.0
        ]
        return min(times, default=math.inf)

    def advance(self, rates: NDArray[np.float64], step: float) -> Schedule:
        """The schedule after ``step`` s at the rates in mm3/s."""
        if self.pausing:
            left = self.pause - step
            return replace(self, pause=0.0 if left <= COMPLETION_TOLERANCE * self.stages[self.stage].pause else left)
        volumes = []
        for bolus, volume in zip(self.stages[self.stage].boluses, self.left, strict=True):
            left = volume - rates[bolus.place] * step
            volumes.append(0.0 if left <= COMPLETION_TOLERANCE * bolus.volume else float(left))
        return self._with_left(volumes)

    def abandon(self, places: NDArray[np.int64]) -> Schedule:
        """The schedule without the boluses at these places of this stage."""
        volumes, abandoned = list(self.left), self.abandoned.copy()
        for index, bolus in enumerate(self.stages[self.stage].boluses):
            if bolus.place in places:
                volumes[index] = 0.0
                abandoned[bolus.place] = True
        return replace(self._with_left(volumes), abandoned=abandoned)

    def pending(self) -> NDArray[np.bool_]:
        """(places,) whether something is still to be delivered there, in this stage or in a later one."""
        pending = np.zeros(len(self.last_rates), dtype=bool)
        if not self.finished:
            boluses = self.stages[self.stage].boluses
            pending[[bolus.place for bolus, left in zip(boluses, self.left, strict=True) if left > 0.0]] = True
            for stage in self.stages[self.stage + 1 :]:
                pending[[bolus.place for bolus in stage.boluses]] = True
        return pending

    def _with_left(self, volumes: list[float]) -> Schedule:
        """The same with other volumes left, in the next stage where none is."""
        last_rates = self.last_rates if self.pausing else self.rates()
        if any(volumes):
            return replace(self, left=tuple(volumes), last_rates=last_rates)
        following = self.stage + 1
        if following == len(self.stages):
            return replace(self, stage=following, left=(), last_rates=last_rates)
        stage = self.stages[following]
        left = tuple(bolus.volume for bolus in stage.boluses)
        return replace(self, stage=following, pause=stage.pause, left=left, last_rates=last_rates)
