"""When and why each needle of a procedure ended."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fem.injection.history import NeedleEnd
from fem.injection.schedule import Schedule


def needle_ends(
    ends: Mapping[int, NeedleEnd],
    schedule: Schedule,
    needle_numbers: NDArray[np.int64],
    injected: NDArray[np.float64],
    time: float,
) -> Mapping[int, NeedleEnd]:
    """Number -> end of the needles for which nothing is left to be done.

    Args:
        ends: those that had ended before.
        schedule: what is to be done at each place.
        needle_numbers: (places,) the needle that has its tip there.
        injected: (needles,) volume delivered so far in mm3.
        time: since the start in s.
    """
    pending, found = schedule.pending(), dict(ends)
    for number in set(range(len(injected))) - set(ends):
        places = needle_numbers == number
        if not pending[places].any():
            given_up = "pressure_limit" if injected[number] else "no_flow"
            reason = given_up if schedule.abandoned[places].any() else "volume_reached"
            found[number] = NeedleEnd(reason, time)
    return found
