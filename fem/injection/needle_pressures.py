"""Pressures in the needles at one time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NeedlePressures:
    """What stands in front of and behind the cannulas, and what the next moment needs to know of the flow.

    Attributes:
        tip: (places,) MPa; 0 where nothing is injected.
        syringe: (places,) MPa; 0 where nothing is injected.
        flow_time: in s that the flow was solved for.
        flow_mean: (places,) MPa around the source cells in that flow.
    """

    tip: NDArray[np.float64]
    syringe: NDArray[np.float64]
    flow_time: float
    flow_mean: NDArray[np.float64]
