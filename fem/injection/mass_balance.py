"""The mass balance of an injection: every volume that has crossed the surface and the needles, and what they miss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.leak_sites import SITES


@dataclass(frozen=True)
class MassBalance:
    """Volumes in mm3, the same on every rank.

    Attributes:
        injected: (needles,) cement through each needle.
        leaked: (sites,) cement through each of :data:`~meshes.leak_sites.SITES`.
        displaced_out: marrow and other displaced fluid that has left.
        inflow: marrow or blood that has come in.
        fluid_start: (k,) fluid besides marrow in the body at the start.
        fluid_out: (k,) fluid besides marrow that has left.
    """

    injected: NDArray[np.float64]
    leaked: NDArray[np.float64]
    displaced_out: float
    inflow: float
    fluid_start: NDArray[np.float64]
    fluid_out: NDArray[np.float64]

    @classmethod
    def begin(cls, needles: int, fluid_start: NDArray[np.float64]) -> MassBalance:
        """Nothing has moved yet, with the (k,) volumes of the fluids besides marrow."""
        return cls(np.zeros(needles), np.zeros(len(SITES)), 0.0, 0.0, fluid_start, np.zeros(len(fluid_start)))

    def balance_error(self, stored: float, on_the_way: float = 0.0) -> float:
        """What the balance of cement misses, over the injected volume, or that of all fluid, over all that has come in.

        The larger one; 0 before anything is injected. The pores stay full: what cement is stored in them, displaced
        fluid has left. What cement pushes out of veins and conduits was not in the pores and does not count.

        Args:
            stored: cement in the pores in mm3.
            on_the_way: cement in veins and in conduits of the walls, still in the bone, in mm3.
        """
        injected, leaked = float(self.injected.sum()), float(self.leaked.sum())
        if injected == 0.0:
            return 0.0
        cement = abs(injected - stored - on_the_way - leaked) / injected
        total = abs(injected + self.inflow - on_the_way - leaked - self.displaced_out) / (injected + self.inflow)
        return max(cement, total)

    def tracer_error(self, fluid_present: NDArray[np.float64]) -> float:
        """What the balances of the fluids besides marrow miss, over their volumes at the start; 0 without any."""
        missing, there = np.abs(self.fluid_start - fluid_present - self.fluid_out), self.fluid_start > 0.0
        return float((missing[there] / self.fluid_start[there]).max(initial=0.0))
