"""Rules that end an injection within a step: how far a leak or the front has passed its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fem.partition import Partition
from meshes.leak_sites import SITES

LEAST_FRONT = 20.0
"""Cement in mm3 (0.02 ml) beyond a plane from which on the front counts as being beyond it: some cells, no single one
(tag D)."""


class StopRules:
    """Limits on the leak of every site and on the depth of the front."""

    def __init__(
        self,
        partition: Partition,
        pore_volume: NDArray[np.float64],
        leak_limits: Mapping[str, float],
        front_limit: float | None,
    ) -> None:
        """Note the limits.

        Args:
            partition: the distributed mesh.
            pore_volume: (local cells,) in mm3.
            leak_limits: site -> cumulated leak in mm3.
            front_limit: position along +y in mm, or None.
        """
        self._comm, self._leak_limits = partition.comm, dict(leak_limits)
        own = partition.owned_cells
        limit = math.inf if front_limit is None else front_limit
        self._beyond = np.flatnonzero(partition.corner_points[:own, :, 1].mean(axis=1) > limit)
        self._pore_volume = pore_volume
        self._rules = [f"leak_limit:{site}" for site in leak_limits] + ["front_limit"] * (front_limit is not None)

    def excess(self, rule: str, saturation: NDArray[np.float64], leaked: NDArray[np.float64]) -> float:
        """How far a rule is passed in mm3, negative while it is not.

        Args:
            rule: ``leak_limit:<site>`` or ``front_limit``.
            saturation: (local cells,) saturation.
            leaked: (sites,) cement in mm3 that has left so far.
        """
        if rule == "front_limit":
            return self._volume_beyond(saturation) - LEAST_FRONT
        site = rule.removeprefix("leak_limit:")
        return float(leaked[SITES.index(site)] - self._leak_limits[site])

    def worst(self, saturation: NDArray[np.float64], leaked: NDArray[np.float64]) -> tuple[float, str]:
        """The rule that is passed by most, and by how much in mm3."""
        return max(((self.excess(rule, saturation, leaked), rule) for rule in self._rules), default=(-math.inf, ""))

    def _volume_beyond(self, saturation: NDArray[np.float64]) -> float:
        """Cement in mm3 beyond the front limit, in cells that hold more cement than displaced fluid."""
        cells = self._beyond[saturation[self._beyond] > 0.5]
        return float(self._comm.allreduce(float((saturation[cells] * self._pore_volume[cells]).sum())))
