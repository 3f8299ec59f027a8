"""Pressures in the needles at one time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NeedlePressures:
    """What stands in front of and behind the cannulas.

    Attributes:
        time: in s.
        tip: (places,) MPa; 0 where nothing is injected.
        syringe: (places,) MPa; 0 where nothing is injected.
    """

    time: float
    tip: NDArray[np.float64]
    syringe: NDArray[np.float64]

    def on_the_way_to(self, later: NeedlePressures, time: float) -> NeedlePressures:
        """The pressures at a time in s between these and later ones, on a line between both."""
        share = (time - self.time) / (later.time - self.time)
        tip, syringe = (
            before + share * (after - before)
            for before, after in ((self.tip, later.tip), (self.syringe, later.syringe))
        )
        return NeedlePressures(time, tip, syringe)
