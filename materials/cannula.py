"""Bone cement needles by gauge, and the pressure that a cannula takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

GAUGES = {
    8: (3.43, 4.19),
    9: (3.00, 3.76),
    10: (2.69, 3.40),
    11: (2.39, 3.05),
    12: (2.16, 2.77),
    13: (1.80, 2.41),
    14: (1.60, 2.11),
}
"""Gauge -> (bore, outer diameter) in mm of regular-wall needles; product-dependent (tag M)."""


@dataclass(frozen=True)
class Cannula:
    """A straight needle of a gauge (8 to 14) and a length."""

    gauge: int = 11
    length: float = quantity(125.0, "mm", "usual length of vertebroplasty needles", "M", 20.0, 400.0)

    def __post_init__(self) -> None:
        """Check the gauge and the length."""
        if self.gauge not in GAUGES:
            raise ValueError(f"Cannula.gauge = {self.gauge!r} is not one of {', '.join(map(str, GAUGES))}")
        check_ranges(self)

    @property
    def bore(self) -> float:
        """Inner diameter in mm."""
        return GAUGES[self.gauge][0]

    @property
    def outer_diameter(self) -> float:
        """Outer diameter in mm."""
        return GAUGES[self.gauge][1]

    def pressure_drop(self, rate: ArrayLike, consistency: ArrayLike, index: float) -> NDArray[np.float64]:
        """Pressure in MPa that a power-law fluid loses in the cannula; see :func:`tube_pressure_drop`."""
        return tube_pressure_drop(rate, consistency, index, self.bore, self.length)


def tube_pressure_drop(
    rate: ArrayLike, consistency: ArrayLike, index: float, bore: float, length: float
) -> NDArray[np.float64]:
    """Pressure drop of laminar power-law flow in a round tube.

    dp = (2 K L / R) ((3 n + 1) / (n pi R^3) Q)^n, the Rabinowitsch-Mooney solution without entrance losses; for n = 1
    it is Poiseuille's 128 mu L Q / (pi D^4).

    Args:
        rate: flow rate Q in mm3/s; the drop has its sign.
        consistency: viscosity K at 1 1/s in MPa s.
        index: power-law index n.
        bore: inner diameter 2 R in mm.
        length: length L in mm.

    Returns:
        Pressure drop in MPa.
    """
    radius = 0.5 * bore
    flow = np.asarray(rate, dtype=float)
    wall_shear_rate = (3.0 * index + 1.0) / (index * math.pi * radius**3) * np.abs(flow)
    return np.sign(flow) * 2.0 * np.asarray(consistency, dtype=float) * length / radius * wall_shear_rate**index
