"""What an injection may hear from what follows it: how warm the cement is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class WarmthState(Protocol):
    """What is known of the warmth at one time, as plain frozen data."""

    @property
    def ageing(self) -> NDArray[np.float64] | None:
        """(local cells,) s by which cement ages in a second in each cell; None where it ages as the plan says."""
        ...
