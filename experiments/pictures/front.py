"""The fill front at any time of an injection, from the times at which fields are stored."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pyvista
from numpy.typing import NDArray

from experiments.pictures.lattice import Lattice
from experiments.pictures.veins import joined_cement
from experiments.results.finished_case import FinishedCase
from experiments.results.vein_cement import VeinCement

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
        """Closed surface of the cement at a time in s, in pores and in veins; empty where there is none yet."""
        distance = self.distance(time)
        surface = pyvista.PolyData() if distance is None else self._lattice.contour(distance, 0.0)
        return joined_cement(surface, self.vein_cement(time))

    def distance(self, time: float) -> FloatArray | None:
        """(x, y, z) mm to the front on the lattice at a time in s, positive inside; None where there is no cement."""
        after, share = self._between(time)
        last = self._distance_at(after)
        if share == 1.0 or last is None:
            return last
        first = self._distance_at(after - 1)
        if first is None:
            return last - (1.0 - share) * last.max()
        return (1.0 - share) * first + share * last

    def vein_cement(self, time: float) -> VeinCement | None:
        """The cement in the veins of a network at a time in s; None without one."""
        after, share = self._between(time)
        last = self._case.vein_cement(after)
        if share == 1.0 or last is None:
            return last
        first = self._case.vein_cement(after - 1)
        return None if first is None else replace(last, filling=(1.0 - share) * first.filling + share * last.filling)

    def _between(self, time: float) -> tuple[int, float]:
        """The stored time that follows a time in s, and how far it is on the way there from the one before."""
        after = min(int(np.searchsorted(self.times, time)), len(self.times) - 1)
        if after == 0 or time >= self.times[after]:
            return after, 1.0
        return after, float((time - self.times[after - 1]) / (self.times[after] - self.times[after - 1]))

    def _distance_at(self, step: int) -> FloatArray | None:
        if step not in self._stored:
            self._stored[step] = self._lattice.front_distance(self._case.saturation(step))
        return self._stored[step]
