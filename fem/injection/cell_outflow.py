"""What leaves the cells through all that cement is passing: openings of the walls, and veins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CellOutflow:
    """Per local cell; several openings of one cell pass together what one would.

    Attributes:
        rate: mm3/s of all that leaves.
        cement: mm3/s of cement that would leave from a cell full of it.
        displaced: mm3/s of the displaced phase that would leave from a cell full of that.
    """

    rate: NDArray[np.float64]
    cement: NDArray[np.float64]
    displaced: NDArray[np.float64]

    def __add__(self, other: CellOutflow) -> CellOutflow:
        """Both together."""
        return CellOutflow(self.rate + other.rate, self.cement + other.cement, self.displaced + other.displaced)

    @property
    def ratio(self) -> NDArray[np.float64]:
        """M of the fractional flow of what leaves."""
        ones = np.ones(len(self.rate))
        return np.maximum(np.divide(self.displaced, self.cement, out=ones, where=self.cement > 0.0), 1e-12)

    def share_of(self, part: CellOutflow) -> NDArray[np.float64]:
        """Share of the cement that leaves by one of the parts of this sum."""
        nothing = np.zeros(len(self.rate))
        return np.divide(part.cement, self.cement, out=nothing, where=self.cement > 0.0)
