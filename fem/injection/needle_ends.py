"""When and why each needle of a procedure ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fem.injection.history import NeedleEnd
from fem.injection.schedule import Schedule


class NeedleEnds:
    """The needles for which nothing is left to be done, noted as the schedule goes on."""

    def __init__(self, schedule: Schedule, needle_numbers: NDArray[np.int64]) -> None:
        """Watch a schedule.

        Args:
            schedule: what is to be done at each place.
            needle_numbers: (places,) the needle that has its tip there.
        """
        self._schedule, self._numbers = schedule, needle_numbers
        self._ends: dict[int, NeedleEnd] = {}

    def note(self, injected: NDArray[np.float64], time: float) -> None:
        """Note the needles that have ended since the last call.

        Args:
            injected: (needles,) volume delivered so far in mm3.
            time: since the start in s.
        """
        for number in set(range(len(injected))) - set(self._ends):
            places = self._numbers == number
            if not self._schedule.pending()[places].any():
                given_up = "pressure_limit" if injected[number] else "no_flow"
                reason = given_up if self._schedule.abandoned[places].any() else "volume_reached"
                self._ends[number] = NeedleEnd(reason, time)

    def completed(self, needles: int, stop_reason: str, time: float) -> tuple[NeedleEnd, ...]:
        """The end of each of so many needles; those that had still to deliver ended with the injection."""
        return tuple(self._ends.get(number, NeedleEnd(stop_reason, time)) for number in range(needles))
