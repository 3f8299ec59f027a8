"""Bone cement needles by gauge, the pressure that a cannula takes, and the syringe behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

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


_OPEN_END = np.array([(0.3, 0.4695), (0.4, 0.4322), (0.5, 0.4099), (0.7, 0.3900), (1.0, 0.3858)])
"""Index of the power law and radius of the sphere that stands for an open end over that of the bore."""


@dataclass(frozen=True)
class Cannula:
    """A straight needle of a gauge (8 to 14) and a length, optionally with a wider bore near the syringe.

    Attributes:
        gauge: gauge of the distal part.
        length: of the whole cannula in mm.
        proximal_bore: inner diameter of the part near the syringe in mm, or None for one bore throughout.
        proximal_length: length of that part in mm.
    """

    gauge: int = 11
    length: float = quantity(125.0, "mm", "usual length of vertebroplasty needles", "M", 20.0, 400.0)
    proximal_bore: float | None = quantity(None, "mm", "one bore throughout", "M", 0.5, 20.0, optional=True)
    proximal_length: float = quantity(0.0, "mm", "one bore throughout", "M", 0.0, 400.0)

    def __post_init__(self) -> None:
        """Check the gauge, the ranges and that a step has a bore and lies in the cannula."""
        if self.gauge not in GAUGES:
            raise ValueError(f"Cannula.gauge = {self.gauge!r} is not one of {', '.join(map(str, GAUGES))}")
        check_ranges(self)
        if (self.proximal_bore is None) != (self.proximal_length == 0.0):
            raise ValueError("Cannula.proximal_bore and Cannula.proximal_length must be given together")
        if self.proximal_length >= self.length:
            raise ValueError(
                f"Cannula.proximal_length = {self.proximal_length:g} mm is not below "
                f"Cannula.length = {self.length:g} mm"
            )

    @property
    def bore(self) -> float:
        """Inner diameter in mm at the tip."""
        return GAUGES[self.gauge][0]

    @property
    def outer_diameter(self) -> float:
        """Outer diameter in mm at the tip."""
        return GAUGES[self.gauge][1]

    @property
    def segments(self) -> tuple[tuple[float, float], ...]:
        """(bore, length) in mm of each part, from the syringe to the tip."""
        distal = (self.bore, self.length - self.proximal_length)
        return (distal,) if self.proximal_bore is None else ((self.proximal_bore, self.proximal_length), distal)

    def pressure_drop(self, rate: ArrayLike, consistency: ArrayLike, index: ArrayLike) -> FloatArray:
        """Pressure in MPa that a power-law fluid loses in all parts; see :func:`tube_pressure_drop`."""
        drops = [tube_pressure_drop(rate, consistency, index, bore, length) for bore, length in self.segments]
        return np.sum(drops, axis=0)


@dataclass(frozen=True)
class Syringe:
    """The syringe that the surgeon pushes."""

    bore: float = quantity(4.7, "mm", "bore of a 1 ml syringe", "M", 1.0, 40.0)

    def __post_init__(self) -> None:
        """Check the range of the bore."""
        check_ranges(self)

    @property
    def area(self) -> float:
        """Area of the plunger in mm2."""
        return 0.25 * math.pi * self.bore**2

    def pressure_at(self, force: float) -> float:
        """Pressure in MPa at a force on the plunger in N, without friction."""
        return force / self.area


def tube_pressure_drop(
    rate: ArrayLike, consistency: ArrayLike, index: ArrayLike, bore: float, length: float
) -> FloatArray:
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
    flow, n = np.asarray(rate, dtype=float), np.asarray(index, dtype=float)
    wall_shear_rate = (3.0 * n + 1.0) / (n * math.pi * radius**3) * np.abs(flow)
    return np.sign(flow) * 2.0 * np.asarray(consistency, dtype=float) * length / radius * wall_shear_rate**n


def open_end_radius(radius: float, index: float) -> float:
    """Radius in mm of the sphere that meets the same resistance in porous bone as the open end of a cannula.

    At the end of a tube whose side and rim let nothing through, cement has one pressure over the disc of the bore and
    flows out all around. A power-law fluid through a medium without bounds, div(|grad p|^(1 / n - 1) grad p) = 0, has
    the pressure of a sphere's at 0.39 to 0.47 of the bore's radius (tag D: tests/verification/test_open_end.py, with an
    outer diameter of 1.28 bores, as of 11 gauge). Exact for n = 1 are 2 / pi for a disc that is free on both sides and
    1 / pi for one in an endless wall.

    Args:
        radius: of the bore in mm.
        index: power-law index n of the fluid.
    """
    return radius * float(np.interp(index, _OPEN_END[:, 0], _OPEN_END[:, 1]))
