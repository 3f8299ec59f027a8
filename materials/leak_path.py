"""Conduits through which cement leaves a vertebral body, and what pressure drives it through them.

Holes, fissures and veins are wider or narrower than the pores, so cement passes them by the law of its own rheology in
a tube or a slot, not by the permeability of the bone. A law per kind of conduit holds the geometry and makes the
:class:`LeakPath`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_LARGEST_APERTURE = 100.0  # mm
_LARGEST_LENGTH = 500.0  # mm
_CALIBRE = "of the 1 to 3 mm of such veins, what conducts marrow like the vein's share of all outlets"
_COLLAPSIBLE = "a vein is open at its own pressure: added to the capillary pressure"


@dataclass(frozen=True)
class CementFront:
    """A front of cement at the mouth of a conduit whose walls are wetted by another liquid.

    Attributes:
        surface_tension: between cement and what wets the walls, in N/mm.
    """

    surface_tension: float = quantity(3e-5, "N/mm", "liquid acrylic monomer, 0.03 N/m", "M", 0.0, 1e-3)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def pressure_in_pores(self, radius: ArrayLike) -> FloatArray:
        """Pressure in MPa by which the cement of a front in pores of a ``radius`` in mm exceeds what it displaces.

        2 gamma / R of a round pore (Young & Laplace).
        """
        return 2.0 * self.surface_tension / np.asarray(radius, dtype=float)


USUAL_FRONT = CementFront()
"""The front of a cement of which nothing else is known."""


@dataclass(frozen=True)
class LeakPath:
    """Round tubes or plane slots side by side, all alike.

    Cement enters above the entry pressure, the capillary pressure of a front between it and a liquid that wets the
    wall: 4 gamma / d in a tube of diameter d, 2 gamma / h in a slot of opening h (Young & Laplace). Of this the pores
    give a part; beyond the rest, the barrier b, the mean speed is v = conductance_per_area / mu (p - p_o - b), with the
    apparent viscosity mu of a power-law fluid.

    Attributes:
        shape: ``"tube"`` or ``"slot"``.
        aperture: diameter of a tube or opening of a slot in mm.
        length: in mm along the flow.
        front: of the cement that comes in.
        opening_pressure: entry pressure in MPa in the place of the capillary one, or None.
    """

    shape: Literal["tube", "slot"]
    aperture: float
    length: float
    front: CementFront = USUAL_FRONT
    opening_pressure: float | None = quantity(None, "MPa", "capillary pressure", "D", 0.0, 10.0, optional=True)

    def __post_init__(self) -> None:
        """Check the shape, the geometry and the ranges of the values."""
        if self.shape not in ("tube", "slot"):
            raise ValueError(f"LeakPath.shape = {self.shape!r} is neither 'tube' nor 'slot'")
        for name, value, largest in (
            ("aperture", self.aperture, _LARGEST_APERTURE),
            ("length", self.length, _LARGEST_LENGTH),
        ):
            if not 0.0 < value <= largest:
                raise ValueError(f"LeakPath.{name} = {value!r} mm is outside the allowed range above 0 to {largest} mm")
        check_ranges(self)

    @property
    def capillary_pressure(self) -> float:
        """Pressure in MPa that pushes a front of cement into the conduits."""
        return (4.0 if self.shape == "tube" else 2.0) * self.front.surface_tension / self.aperture

    @property
    def entry_pressure(self) -> float:
        """Pressure in MPa above that outside that the cement itself must have to enter."""
        return self.capillary_pressure if self.opening_pressure is None else self.opening_pressure

    def barrier(self, pore_radius: ArrayLike) -> FloatArray:
        """Pressure in MPa above that outside from which the flow brings cement in: what is asked beyond the pores.

        The pressure of the flow is that without capillarity. The cement of a front has that of its pores on top
        (:meth:`CementFront.pressure_in_pores`), and enters at once what asks for no more.

        Args:
            pore_radius: radius in mm of the pores in front of the conduits.
        """
        return np.maximum(self.entry_pressure - self.front.pressure_in_pores(pore_radius), 0.0)

    @property
    def conductance_per_area(self) -> float:
        """Mean speed times viscosity over pressure in mm: d^2 / (32 L) of a tube, h^2 / (12 L) of a slot."""
        return self.aperture**2 / ((32.0 if self.shape == "tube" else 12.0) * self.length)

    def approach(self, area: float, reach: float, permeability: float) -> float:
        """What bone between the surface within reach of the conduits' mouth and the mouth itself resists, in 1/mm3.

        Resistance over viscosity, of Newtonian flow: that of a half-space towards the mouth at one pressure, less that
        of even flow through the surface within ``reach`` at its mean pressure. For a tube of diameter d that ends in a
        disc of radius r, (1 / (2 d) - 8 / (3 pi^2 r)) / k (Carslaw & Jaeger 1959, 8.2); for a slot of opening h and
        length l in a strip of half-width r, with the equal radii h / 4 and 2 r exp(-3/2), ln(8 r exp(-3/2) / h) /
        (pi k l). None where the mouth is as wide as the reach.

        Args:
            area: open area in mm2 of what ends there.
            reach: r in mm.
            permeability: k of the bone in mm2.
        """
        if self.shape == "tube":
            number = area / (0.25 * math.pi * self.aperture**2)
            length = 0.5 / self.aperture - 8.0 / (3.0 * math.pi**2 * reach)
            return max(length, 0.0) / (number * permeability)
        length = area / self.aperture
        spread = math.log(8.0 * math.exp(-1.5) * reach / self.aperture)
        return max(spread, 0.0) / (math.pi * permeability * length)

    def apparent_viscosity(
        self,
        speed: ArrayLike,
        consistency: ArrayLike,
        index: ArrayLike,
        shear_rate_low: float,
        shear_rate_high: float,
    ) -> FloatArray:
        """Viscosity of the Newtonian fluid that loses as much pressure at the same mean speed, in MPa s.

        Exact for laminar flow of mu = K g^(n - 1): K ((3 n + 1) / (4 n))^n (8 v / d)^(n - 1) in a tube,
        K ((2 n + 1) / (3 n))^n (6 v / h)^(n - 1) in a slot (Rabinowitsch & Mooney). 8 v / d and 6 v / h, the Newtonian
        shear rates at the wall, are kept between the plateaus.

        Args:
            speed: mean speed v in mm/s.
            consistency: viscosity K at 1 1/s in MPa s.
            index: power-law index n.
            shear_rate_low: shear rate in 1/s below which the viscosity does not grow.
            shear_rate_high: shear rate in 1/s above which the viscosity does not fall.
        """
        law = (self.shear_per_speed, self.dimensions)
        return conduit_viscosity(*law, speed, consistency, index, shear_rate_low, shear_rate_high)

    @property
    def shear_per_speed(self) -> float:
        """Newtonian shear rate at the wall over the mean speed in 1/mm: 8 / d of a tube, 6 / h of a slot."""
        return (8.0 if self.shape == "tube" else 6.0) / self.aperture

    @property
    def dimensions(self) -> float:
        """The m of :func:`conduit_viscosity`: 3 of a tube, 2 of a slot."""
        return 3.0 if self.shape == "tube" else 2.0


def conduit_viscosity(
    shear_per_speed: ArrayLike,
    dimensions: ArrayLike,
    speed: ArrayLike,
    consistency: ArrayLike,
    index: ArrayLike,
    shear_rate_low: float,
    shear_rate_high: float,
) -> FloatArray:
    """:meth:`LeakPath.apparent_viscosity` of many conduits, K ((m n + 1) / ((m + 1) n))^n g^(n - 1), in MPa s.

    Args:
        shear_per_speed: :attr:`LeakPath.shear_per_speed` of each in 1/mm.
        dimensions: :attr:`LeakPath.dimensions` m of each.
        speed: mean speed in mm/s.
        consistency: viscosity K at 1 1/s in MPa s.
        index: power-law index n.
        shear_rate_low: shear rate in 1/s below which the viscosity does not grow.
        shear_rate_high: shear rate in 1/s above which the viscosity does not fall.
    """
    n, m = np.asarray(index, dtype=float), np.asarray(dimensions, dtype=float)
    shear_rate = np.clip(shear_per_speed * np.abs(np.asarray(speed, dtype=float)), shear_rate_low, shear_rate_high)
    return np.asarray(consistency, dtype=float) * ((m * n + 1.0) / ((m + 1.0) * n)) ** n * shear_rate ** (n - 1.0)


@dataclass(frozen=True)
class CorticalShell:
    """The bony shell of the body, and holes in it."""

    thickness: float = quantity(0.35, "mm", "mean shell thickness of L1, n = 16, porous: Silva 1994", "S", 0.05, 5.0)

    def __post_init__(self) -> None:
        """Check the range of the thickness."""
        check_ranges(self)

    def hole(self, diameter: float, thickness: float | None = None, front: CementFront = USUAL_FRONT) -> LeakPath:
        """An open hole: a tube of its own ``diameter`` in mm through the shell, of another ``thickness`` if given."""
        return LeakPath("tube", diameter, self.thickness if thickness is None else thickness, front)


@dataclass(frozen=True)
class Fissures:
    """Gaps between the remnants of a destroyed or fractured wall."""

    aperture: float = quantity(1.0, "mm", "wider than the pores, narrower than a hole", "M", 0.05, 10.0)
    open_share: float = quantity(0.3, "1", "share of a destroyed wall's area that is open", "M", 0.01, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def path(self, thickness: float, front: CementFront = USUAL_FRONT) -> LeakPath:
        """Slots through a wall of a ``thickness`` in mm."""
        return LeakPath("slot", self.aperture, thickness, front)


class _VeinGeometry:
    """What veins of a number, a diameter, a length and an opening pressure have in common."""

    number: int
    diameter: float
    length: float
    opening_pressure: float

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def area(self) -> float:
        """Cross-section of all veins together in mm2."""
        return 0.25 * math.pi * self.number * self.diameter**2

    def path(self, front: CementFront = USUAL_FRONT) -> LeakPath:
        """The veins as tubes; their opening pressure comes on top of the capillary pressure."""
        tube = LeakPath("tube", self.diameter, self.length, front)
        return replace(tube, opening_pressure=self.opening_pressure + tube.capillary_pressure)

    def widened(self, factor: float) -> Self:
        """The same veins with ``factor`` times the diameter."""
        return replace(self, diameter=factor * self.diameter)  # type: ignore[type-var]


@dataclass(frozen=True)
class BasivertebralVeins(_VeinGeometry):
    """The veins that leave through the foramen in the posterior wall; the length is the depth of the foramen.

    Their channel goes on into the body; :meth:`channel_permeability` is what they add to the bone there.
    """

    number: int = quantity(1, "1", "one trunk", "M", 0, 6)
    diameter: float = quantity(1.0, "mm", _CALIBRE, "D", 0.2, 8.0)
    length: float = quantity(12.4, "mm", "depth of the foramen, 12.4 +- 2.1 mm, n = 107: He 2023", "S", 1.0, 100.0)
    opening_pressure: float = quantity(0.0, "MPa", _COLLAPSIBLE, "M", 0.0, 0.05)

    def channel_permeability(self, cross_section: float) -> float:
        """Permeability in mm2 of the veins as parallel tubes spread over a ``cross_section`` in mm2 (Poiseuille)."""
        return self.area / cross_section * self.diameter**2 / 32.0


@dataclass(frozen=True)
class SegmentalVeins(_VeinGeometry):
    """The veins at one lateral wall, between the body and the ascending lumbar or azygos vein."""

    number: int = quantity(1, "1", "one segmental vein at each side of a level", "M", 0, 6)
    diameter: float = quantity(1.0, "mm", _CALIBRE, "D", 0.2, 8.0)
    length: float = quantity(40.0, "mm", "around half the body, to the next large vein", "M", 1.0, 100.0)
    opening_pressure: float = quantity(0.0, "MPa", _COLLAPSIBLE, "M", 0.0, 0.05)


@dataclass(frozen=True)
class NeedleTrack:
    """The gap between a needle and the bone of the pedicle."""

    gap: float = quantity(0.1, "mm", "play of a needle that has been turned and tilted", "M", 0.01, 2.0)
    length: float = quantity(20.0, "mm", "pedicle, from the body to the cortex behind", "M", 1.0, 100.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def area(self, outer_diameter: float) -> float:
        """Cross-section in mm2 of the gap around a needle of an ``outer_diameter`` in mm."""
        return math.pi * (outer_diameter + self.gap) * self.gap

    def path(self, front: CementFront = USUAL_FRONT) -> LeakPath:
        """The gap as a slot."""
        return LeakPath("slot", self.gap, self.length, front)
