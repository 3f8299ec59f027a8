"""Heights of a vertebral body in its midsagittal section, and the surfaces of its endplates, read off its mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.interpolation import linear_values

FloatArray = NDArray[np.float64]

PLACES = {"anterior": 0.1, "middle": 0.5, "posterior": 0.9}
"""Place of a height -> its depth, 0 at the anterior and 1 at the posterior wall: as near to the corners that
radiographic morphometry marks as their rounding allows (tag D)."""

SECTION_WIDTH = 0.1
"""Half the width of the midsagittal section over which heights are averaged, as a share of the body's (tag D)."""

_LINES = 5  # across the section
_STEP = 0.25  # mm between samples along a column; the crossing is interpolated
_GRID = 1.5  # mm between the columns that meet the endplates
_THIN = 0.6  # share of the middle column's height below which a column lies in the rounding of the rim


@dataclass(frozen=True)
class BodyHeights:
    """Heights of a body along its superior axis in the midsagittal section.

    Attributes:
        anterior: mm at the depth of :data:`PLACES`.
        middle: the same in the middle.
        posterior: the same behind.
        spread: mm in depth between the anterior and the posterior place.
    """

    anterior: float
    middle: float
    posterior: float
    spread: float

    @property
    def compression_ratio(self) -> float:
        """Middle height over the mean of the other two."""
        return 2.0 * self.middle / (self.anterior + self.posterior)

    @property
    def anterior_posterior_ratio(self) -> float:
        """Anterior over posterior height."""
        return self.anterior / self.posterior

    @property
    def wedge_angle(self) -> float:
        """Angle in degrees between the lines through the corners of both endplates; positive where the front is lower.

        Both lines are taken to lean alike, which is exact for a symmetric wedge and to 0.5 degrees for one of 20.
        """
        return 2.0 * math.degrees(math.atan2(0.5 * (self.posterior - self.anterior), self.spread))


@dataclass(frozen=True)
class PlateSurface:
    """An endplate as a quadratic surface over the transverse plane.

    Attributes:
        coefficients: of 1, x, y, x2, x y and y2 (mm), heights in mm.
        low: (2,) least x and y of the columns that it was fitted to; held beyond.
        high: (2,) largest x and y.
        residual: root mean square distance of the columns' ends from it in mm.
    """

    coefficients: tuple[float, ...]
    low: tuple[float, float]
    high: tuple[float, float]
    residual: float

    @classmethod
    def fitted(cls, x: FloatArray, y: FloatArray, heights: FloatArray) -> PlateSurface:
        """The least-squares surface through the ends of columns."""
        terms = _terms(x, y)
        found, *_ = np.linalg.lstsq(terms, heights, rcond=None)
        residual = float(np.sqrt(np.mean((terms @ found - heights) ** 2)))
        low, high = (float(x.min()), float(y.min())), (float(x.max()), float(y.max()))
        return cls(tuple(found.tolist()), low, high, residual)

    def height(self, points: FloatArray) -> FloatArray:
        """(...,) height in mm over (..., 2 or 3) points."""
        x, y = (np.clip(points[..., axis], self.low[axis], self.high[axis]) for axis in (0, 1))
        even, by_x, by_y, by_xx, by_xy, by_yy = self.coefficients
        return even + x * (by_x + by_xx * x + by_xy * y) + y * (by_y + by_yy * y)


@dataclass(frozen=True)
class Plates:
    """Both endplates of a body over the same columns.

    Attributes:
        superior: the upper one.
        inferior: the lower one.
        columns: (n, 2) x and y of the columns in mm.
    """

    superior: PlateSurface
    inferior: PlateSurface
    columns: FloatArray

    def room(self, points: FloatArray, margin: float) -> FloatArray:
        """(...,) mm between both endplates over (..., 2 or 3) points, less a margin in mm at each."""
        return self.superior.height(points) - self.inferior.height(points) - 2.0 * margin


def column_ends(body: NDArray[np.bool_], grid: Image, frame: AnatomicalFrame, columns: FloatArray) -> FloatArray:
    """(n, 2) lowest and highest z of the body along columns in the frame in mm; NaN where a column misses it.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        grid: image whose grid the mask lies on.
        frame: anatomical frame in which columns are given.
        columns: (n, 2) x and y in mm.
    """
    reach = 0.75 * float(np.ptp(frame.extents[2])) + 10.0
    z = np.arange(-reach, reach, _STEP)
    points = np.empty((len(columns), len(z), 3))
    points[..., :2], points[..., 2] = columns[:, None, :], z
    index = grid.to_indices(frame.to_scanner(points))
    inside = linear_values(body.astype(np.float32), index)
    hit = (inside >= 0.5).any(axis=1)
    ends = np.full((len(columns), 2), np.nan)
    ends[hit, 0] = _last_crossing(inside[hit][:, ::-1], z[::-1])
    ends[hit, 1] = _last_crossing(inside[hit], z)
    return ends


def body_heights(body: NDArray[np.bool_], grid: Image, frame: AnatomicalFrame) -> BodyHeights:
    """Heights of a body at the :data:`PLACES` of a frame, each a mean over the width of the midsagittal section.

    Give the frame of the whole body for the heights of a broken one, and both are taken at the same places.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        grid: image whose grid the mask lies on.
        frame: anatomical frame.

    Raises:
        ValueError: the body does not reach across the section.
    """
    ends = column_ends(body, grid, frame, height_columns(frame).reshape(-1, 2)).reshape(len(PLACES), _LINES, 2)
    if np.isnan(ends).any():
        raise ValueError("the body does not reach across its midsagittal section")
    anterior, middle, posterior = np.diff(ends, axis=2)[..., 0].mean(axis=1).tolist()
    depth = float(np.ptp(frame.extents[1]))
    return BodyHeights(anterior, middle, posterior, (PLACES["posterior"] - PLACES["anterior"]) * depth)


def height_columns(frame: AnatomicalFrame) -> FloatArray:
    """(3, lines, 2) x and y in mm of the columns by which the heights are measured, in the order of the places."""
    lines = np.linspace(-SECTION_WIDTH, SECTION_WIDTH, _LINES)
    return np.array([[frame.point(left, depth, 0.5)[:2] for left in lines] for depth in PLACES.values()])


def fit_plates(body: NDArray[np.bool_], grid: Image, frame: AnatomicalFrame) -> Plates:
    """Fit both endplates inside of their rims.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        grid: image whose grid the mask lies on.
        frame: anatomical frame.
    """
    x, y = (np.arange(low, high, _GRID) for low, high in frame.extents[:2])
    columns = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    ends = column_ends(body, grid, frame, columns)
    with np.errstate(invalid="ignore"):
        kept = ends[:, 1] - ends[:, 0] >= _THIN * np.ptp(frame.extents[2])
    columns, ends = columns[kept], ends[kept]
    inferior, superior = (PlateSurface.fitted(columns[:, 0], columns[:, 1], heights) for heights in ends.T)
    return Plates(superior, inferior, columns)


def _terms(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _last_crossing(inside: NDArray[np.float32], z: FloatArray) -> FloatArray:
    """Height at which each row falls below one half for the last time; every row reaches it."""
    rows = np.arange(len(inside))
    last = np.minimum(inside.shape[1] - 1 - np.argmax(inside[:, ::-1] >= 0.5, axis=1), inside.shape[1] - 2)
    inner, outer = inside[rows, last], inside[rows, last + 1]
    return z[last] + np.clip((inner - 0.5) / np.maximum(inner - outer, 1e-12), 0.0, 1.0) * (z[last + 1] - z[last])
