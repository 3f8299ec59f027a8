"""The fill front at any time of an injection, from the times at which fields are stored."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyvista
from numpy.typing import NDArray

from experiments.pictures.lattice import Lattice
from experiments.results.finished_case import FinishedCase

FloatArray = NDArray[np.float64]


class FrontCourse:
    """The body of the cement over time.

    Between two stored times the distance to the front is interpolated linearly, so that the front moves from one to the
    other; with interpolated saturations it would stand still and jump. Before the first cement that is stored, the body
    of that time shrinks into its own depth.

    Args:
        case: a finished injection.
        lattice: of its body.
    """

    def __init__(self, case: FinishedCase, lattice: Lattice) -> None:
        """Read nothing yet."""
        self._case, self._lattice = case, lattice
        self._stored: dict[int, FloatArray | None] = {}

    @cached_property
    def times(self) -> FloatArray:
        """(steps,) s at which fields are stored."""
        return self._case.times()

    def surface(self, time: float) -> pyvista.PolyData:
        """Closed surface of the cement at a time in s; empty where there is none yet."""
        distance = self.distance(time)
        return pyvista.PolyData() if distance is None else self._lattice.contour(distance, 0.0)

    def distance(self, time: float) -> FloatArray | None:
        """(x, y, z) mm to the front on the lattice at a time in s, positive inside; None where there is no cement."""
        after = min(int(np.searchsorted(self.times, time)), len(self.times) - 1)
        last, end = self._distance_at(after), self.times[after]
        if time >= end or after == 0 or last is None:
            return last
        share = float((time - self.times[after - 1]) / (end - self.times[after - 1]))
        first = self._distance_at(after - 1)
        if first is None:
            return last - (1.0 - share) * last.max()
        return (1.0 - share) * first + share * last

    def _distance_at(self, step: int) -> FloatArray | None:
        if step not in self._stored:
            self._stored[step] = self._lattice.front_distance(self._case.saturation(step))
        return self._stored[step]
