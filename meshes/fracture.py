"""A compression fracture of a vertebral body as a map of its anatomical frame onto itself.

The map shortens the body along its axis, within a band of bone under each broken endplate. What lies between plate and
band keeps its shape and moves as a whole, what lies beyond the band stays. In a band of thickness b over which the
plate comes down by s, a point at the height fraction t of the band moves by s g(t), where g rises from 0 to 1 with a
steady slope in the middle and even starts at both ends; the local Jacobian is 1 - s g'(t) / b. The thickness is a share
of the room between the endplates, so that a band follows its plate and the body's own wedge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from meshes.body_heights import PLACES, BodyHeights, Plates
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame

FloatArray = NDArray[np.float64]
Kind = Literal["wedge", "biconcave", "crush"]
BrokenPlate = Literal["superior", "inferior", "both"]

LEAST_JACOBIAN = 0.15
"""Least volume of bone in a band relative to before: cellular solids densify at a strain of 1 - 1.4 of their solid
fraction, 0.85 at 0.11 (Gibson & Ashby; tag M)."""

USUAL_JACOBIAN = 0.4
"""The same where the depth of the band is left open and the body has room for it (tag D)."""

LEAST_BAND = 0.25
"""Share of the room between both endplates that a band takes at least where that is left open (tag D)."""

SUBCHONDRAL = 2.0
"""mm of bone between an endplate and its band that stay together with the plate (tag D)."""

HINGE = 0.8
"""Depth about which the plate of a wedge turns, so that the posterior height keeps its value (tag D)."""

RIM = 0.05
"""Depth of the rims of a biconcave body, from either wall, that stay in their places (tag D)."""

RIM_LEFT = 0.9
"""The same across: share of the half width within which a biconcave plate sinks in (tag D)."""

PEDICLE_REACH = 8.0
"""mm behind the body over which the shortening of a crushed posterior wall fades out in the arch (tag D)."""

_EDGE = 0.1  # share of a band at either end over which its slope rises
_ROUNDING = 0.1  # of the depth, over which the hinge of a wedge is rounded


@dataclass(frozen=True)
class Shortening:
    """How much the endplates come together over each point of the transverse plane.

    Attributes:
        kind: ``"wedge"``, ``"biconcave"`` or ``"crush"``.
        loss: share of the height that is lost where the kind loses most.
        heights: of the body before, at the places of :data:`meshes.body_heights.PLACES`.
        deepest: depth of the deepest point of a biconcave body.
        frame: of the body before.
        back: y in mm of the hindmost point of the body.
    """

    kind: Kind
    loss: float
    heights: BodyHeights
    deepest: float
    frame: AnatomicalFrame
    back: float

    def at(self, points: FloatArray) -> FloatArray:
        """(...,) mm over (..., 2 or 3) points."""
        (right, left), (anterior, posterior), _ = self.frame.extents
        depth = np.clip((points[..., 1] - anterior) / (posterior - anterior), 0.0, 1.0)
        if self.kind == "wedge":
            return self.loss * self.heights.anterior * _ramp(HINGE - depth) / (HINGE - PLACES["anterior"])
        if self.kind == "biconcave":
            across = points[..., 0] / np.where(points[..., 0] >= 0.0, left, -right) / RIM_LEFT
            lens = np.maximum(1.0 - across**2, 0.0) ** 2
            before = _smooth((depth - RIM) / (self.deepest - RIM))
            behind = _smooth((1.0 - RIM - depth) / (1.0 - RIM - self.deepest))
            return (
                self.loss * self._height(np.array(self.deepest)) * lens * np.where(depth < self.deepest, before, behind)
            )
        fading = 1.0 - _smooth((points[..., 1] - self.back) / PEDICLE_REACH)
        return self.loss * self._height(depth) * fading

    def _height(self, depth: FloatArray) -> FloatArray:
        """Height in mm before at a depth: the parabola through the three places."""
        known = [self.heights.anterior, self.heights.middle, self.heights.posterior]
        return np.asarray(np.polyval(np.polyfit(list(PLACES.values()), known, 2), depth), dtype=np.float64)


@dataclass(frozen=True)
class Band:
    """The bone that gives way under one endplate.

    Attributes:
        plates: both endplates before.
        upwards: 1 under the superior, -1 over the inferior endplate.
        extent: share of the room between the endplates, less :data:`SUBCHONDRAL` at each, that the band takes.
        share: of the shortening that this plate takes.
    """

    plates: Plates
    upwards: int
    extent: float
    share: float

    def thickness(self, points: FloatArray) -> FloatArray:
        """(...,) mm of the band before over (..., 2 or 3) points."""
        return self._spanned(points)[0]

    def border(self, points: FloatArray) -> FloatArray:
        """(...,) z in mm before of the band's side towards its plate over (..., 2 or 3) points."""
        return self._spanned(points)[1]

    def spanned(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(...,) thickness in mm before over (..., 3) points, and (...,) their height fraction in the band.

        The fraction is 1 next to the plate, 0 on the far side.
        """
        thickness, border = self._spanned(points)
        return thickness, 1.0 + self.upwards * (points[..., 2] - border) / thickness

    def _spanned(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        superior, inferior = self.plates.superior.height(points), self.plates.inferior.height(points)
        thickness = self.extent * (superior - inferior - 2.0 * SUBCHONDRAL)
        return thickness, (superior if self.upwards > 0 else inferior) - self.upwards * SUBCHONDRAL


@dataclass(frozen=True)
class Fracture:
    """A map of the anatomical frame before onto the same frame after; continuous, one to one, and vertical.

    Attributes:
        shortening: of the body over the transverse plane.
        bands: one for each broken endplate.
    """

    shortening: Shortening
    bands: tuple[Band, ...]

    @classmethod
    def of_body(
        cls, shortening: Shortening, plates: Plates, broken: BrokenPlate, extent: float | None = None
    ) -> Fracture:
        """The fracture that shortens a body as asked.

        Args:
            shortening: what is asked.
            plates: of the body before.
            broken: ``"superior"``, ``"inferior"`` or ``"both"``, which share the shortening.
            extent: see :class:`Band`; None for as much as :data:`USUAL_JACOBIAN` takes, if there is room.

        Raises:
            InputError: the bands do not fit into the body, or the height is more than they can give.
        """
        room = 1.0 / len(_names(broken))
        if extent is None:
            wanted = _strain(shortening, plates, broken) / (1.0 - USUAL_JACOBIAN)
            extent = min(max(LEAST_BAND, wanted), room)
        elif extent > room:
            raise InputError(
                f"band = {extent:g} leaves no room for the bands of two endplates; choose 0.1 to {room:g}, or one plate"
            )
        largest = largest_loss(shortening, plates, broken, extent)
        if shortening.loss > largest:
            wider = f", a wider band than {extent:g} (at most {room:g})" if extent < room else ""
            raise InputError(
                f"height_loss = {shortening.loss:g} of a {shortening.kind} would press this body's bone to less than "
                f"{LEAST_JACOBIAN:g} of its volume; choose 0.05 to {_floored(largest):g}{wider} or another type"
            )
        bands = tuple(Band(plates, 1 if name == "superior" else -1, extent, room) for name in _names(broken))
        return cls(shortening, bands)

    def after(self, points: FloatArray) -> FloatArray:
        """(..., 3) where points of the body before come to."""
        moved = np.array(points, dtype=np.float64)
        shortening = self.shortening.at(points)
        for band in self.bands:
            moved[..., 2] -= band.upwards * band.share * shortening * _rise(band.spanned(points)[1])
        return moved

    def before(self, points: FloatArray) -> FloatArray:
        """(..., 3) where points of the body after come from; the exact inverse of :meth:`after`."""
        return self.origins(points)[0]

    def origins(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(..., 3) where points of the body after come from, and (...,) :meth:`jacobian` there."""
        moved, ratio = np.array(points, dtype=np.float64), np.ones(np.shape(points)[:-1])
        shortening = self.shortening.at(points)
        for band in self.bands:
            thickness, there = band.spanned(points)
            squeeze = band.share * shortening / thickness
            fraction = _risen_from(there, squeeze)
            moved[..., 2] += band.upwards * thickness * (fraction - there)
            ratio -= squeeze * _slope(fraction)
        return moved, ratio

    def jacobian(self, points: FloatArray) -> FloatArray:
        """(...,) volume after over volume before at points of the body before."""
        shortening = self.shortening.at(points)
        found = np.ones(np.shape(points)[:-1])
        for band in self.bands:
            thickness, fraction = band.spanned(points)
            found -= band.share * shortening / thickness * _slope(fraction)
        return found

    def band_middle(self, depth: float) -> FloatArray:
        """(3,) mm before: the middle of the first band in the midsagittal plane at a depth of the body before."""
        band = self.bands[0]
        point = self.shortening.frame.point(0.0, depth, 0.5)
        point[2] = float(band.border(point)) - band.upwards * 0.5 * float(band.thickness(point))
        return point


def largest_loss(shortening: Shortening, plates: Plates, broken: BrokenPlate, extent: float | None = None) -> float:
    """Largest share of its height that a body can lose in the way of ``shortening``; see :meth:`Fracture.of_body`."""
    room = 1.0 / len(_names(broken))
    strain = _strain(shortening, plates, broken)
    return shortening.loss * (room if extent is None else extent) * (1.0 - LEAST_JACOBIAN) / strain


def _names(broken: BrokenPlate) -> tuple[str, ...]:
    return ("superior", "inferior") if broken == "both" else (broken,)


def _strain(shortening: Shortening, plates: Plates, broken: BrokenPlate) -> float:
    """Largest compression of a band that takes all room between the endplates."""
    most = shortening.at(plates.columns) / plates.room(plates.columns, SUBCHONDRAL)
    return float(most.max()) / len(_names(broken)) / (1.0 - _EDGE)


def _floored(share: float) -> float:
    """A share with two digits, never above what it was."""
    return float(np.floor(100.0 * share) / 100.0)


def _smooth(t: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, and the cubic with level ends between them."""
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _ramp(t: FloatArray) -> FloatArray:
    """0 below, the argument above, and a parabola within the rounding of 0."""
    middle = (t + _ROUNDING) ** 2 / (4.0 * _ROUNDING)
    return np.where(t < -_ROUNDING, 0.0, np.where(t < _ROUNDING, middle, t))


def _rise(t: FloatArray) -> FloatArray:
    """The displacement over a band: 0 to 1, its slope trapezoidal."""
    t = np.clip(t, 0.0, 1.0)
    ends = 2.0 * _EDGE * (1.0 - _EDGE)
    low, high = t * t / ends, 1.0 - (1.0 - t) ** 2 / ends
    return np.where(t < _EDGE, low, np.where(t > 1.0 - _EDGE, high, (t - 0.5 * _EDGE) / (1.0 - _EDGE)))


def _slope(t: FloatArray) -> FloatArray:
    """The derivative of :func:`_rise`."""
    return np.clip(np.minimum(t, 1.0 - t) / _EDGE, 0.0, 1.0) / (1.0 - _EDGE)


def _risen_from(y: FloatArray, squeeze: FloatArray) -> FloatArray:
    """The t with t - squeeze * rise(t) = y, for a squeeze below 1 - edge."""
    curve = squeeze / (2.0 * _EDGE * (1.0 - _EDGE))

    def root(value: FloatArray) -> FloatArray:
        return 2.0 * value / (1.0 + np.sqrt(np.maximum(1.0 - 4.0 * curve * value, 0.0)))

    steady = (y - 0.5 * _EDGE * squeeze / (1.0 - _EDGE)) / (1.0 - squeeze / (1.0 - _EDGE))
    top = 1.0 - squeeze - y  # the same from the other end
    t = np.where(steady < _EDGE, root(y), np.where(steady > 1.0 - _EDGE, 1.0 - root(top), steady))
    return np.where(y <= 0.0, y, np.where(top <= 0.0, y + squeeze, t))
