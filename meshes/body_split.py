"""Tell the body of a vertebra from its arch by shape alone.

Seen along the spinal canal a vertebra has one hole. The anterior edge of that hole is the posterior wall of the body,
and the plane along the canal through that edge cuts the pedicles where they leave the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

PIXEL = 1.0
"""Finest pixel of the projection along the canal in mm; coarser voxels give coarser pixels."""
SMALLEST_CANAL = 60.0
"""mm2; a smaller hole is a gap in the mask. Thoracic canals, the narrowest, measure some 150 mm2 (M)."""
EDGE_SHARE = 0.7
"""Middle share of the canal's width whose anterior edge is taken for the posterior wall."""
COMPACT = 0.6
"""Share of its convex hull that a body without an arch fills; a vertebra with its processes fills less than half."""
PITCHES = np.arange(-45.0, 46.0, 5.0)
ROLLS = np.arange(-20.0, 21.0, 10.0)


class SplitError(ValueError):
    """The mask is neither a vertebra around a canal nor a body alone."""


@dataclass(frozen=True)
class BodySplit:
    """A vertebra's mask split in two.

    Attributes:
        body: (nx, ny, nz) mask of the body.
        arch: (nx, ny, nz) mask of the rest; empty where the mask held the body alone.
        canal_area: mm2 of the canal seen along its axis, 0 where there is none.
    """

    body: NDArray[np.bool_]
    arch: NDArray[np.bool_]
    canal_area: float


@dataclass(frozen=True)
class _Projection:
    """Vertebra seen along one direction: the largest hole and where it lies."""

    axes: NDArray[np.float64]
    origin: NDArray[np.float64]
    pixel: float
    hole: NDArray[np.bool_]

    @property
    def area(self) -> float:
        return float(self.hole.sum()) * self.pixel**2


def split_body(vertebra: NDArray[np.bool_], spacing: NDArray[np.float64]) -> BodySplit:
    """Split a vertebra into body and arch.

    Args:
        vertebra: (nx, ny, nz) mask in LPS voxel order.
        spacing: (3,) mm between voxels.

    Raises:
        SplitError: no canal is found although the mask is no body alone, or the mask is flat.
    """
    points = np.argwhere(vertebra) * spacing
    pixel = max(PIXEL, float(spacing.max()))
    # One voxel a pixel is enough for the shadow.
    stride = np.maximum(pixel / spacing + 1e-6, 1.0).astype(int)
    canal = _find_canal(np.argwhere(vertebra[:: stride[0], :: stride[1], :: stride[2]]) * stride * spacing, pixel)
    if canal.area < SMALLEST_CANAL:
        if vertebra.sum() * spacing.prod() < COMPACT * _hull_volume(points):
            raise SplitError(
                f"no spinal canal was found (largest opening {canal.area:.0f} mm2, at least {SMALLEST_CANAL:.0f} mm2 "
                "are needed)"
            )
        return BodySplit(vertebra.copy(), np.zeros_like(vertebra), 0.0)
    slope, offset = _posterior_wall(canal)
    flat = points @ canal.axes.T
    anterior = flat[:, 1] <= offset + slope * flat[:, 0]
    body = np.zeros_like(vertebra)
    body[tuple(np.argwhere(vertebra)[anterior].T)] = True
    pieces, _ = ndimage.label(body)
    body = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return BodySplit(body, vertebra & ~body, canal.area)


def _hull_volume(points: NDArray[np.float64]) -> float:
    """Volume of the convex hull of (n, 3) points in mm3."""
    try:
        return float(ConvexHull(points).volume)
    except QhullError:
        raise SplitError("its voxels lie in one plane") from None


def _find_canal(points: NDArray[np.float64], pixel: float) -> _Projection:
    """The view along which the hole is largest, searched in two passes."""
    best = max(
        (_project(points, pitch, roll, pixel) for pitch in PITCHES for roll in ROLLS), key=lambda view: view[1].area
    )
    (pitch, roll), _ = best
    finer = [_project(points, pitch + dp, roll + dr, pixel) for dp in (-2.5, 0.0, 2.5) for dr in (-5.0, 0.0, 5.0)]
    return max(finer, key=lambda view: view[1].area)[1]


def _project(
    points: NDArray[np.float64], pitch: float, roll: float, pixel: float
) -> tuple[tuple[float, float], _Projection]:
    axes = Rotation.from_euler("xy", [pitch, roll], degrees=True).as_matrix().T
    flat = points @ axes[:2].T
    origin = flat.min(axis=0) - 2.0 * pixel
    cells = np.rint((flat - origin) / pixel).astype(np.int64)
    shadow = np.zeros(cells.max(axis=0) + 3, dtype=bool)
    shadow[tuple(cells.T)] = True
    # Voxels seen askew leave pinholes in thin bone.
    shadow = ndimage.binary_closing(shadow, np.ones((3, 3)))
    holes, count = ndimage.label(ndimage.binary_fill_holes(shadow) & ~shadow)
    hole = np.zeros_like(shadow)
    if count:
        hole = holes == 1 + np.argmax(np.bincount(holes.ravel())[1:])
    return (pitch, roll), _Projection(axes, origin, pixel, hole)


def _posterior_wall(canal: _Projection) -> tuple[float, float]:
    """Slope and offset of the line ``y = offset + slope * x`` along the canal's anterior edge, in projected mm."""
    columns = np.flatnonzero(canal.hole.any(axis=1))
    trim = round(len(columns) * (1.0 - EDGE_SHARE) / 2.0)
    columns = columns[trim : len(columns) - trim]
    edges = np.argmax(canal.hole[columns], axis=1) - 0.5
    slope, intercept = np.polyfit(columns, edges, 1)
    x, y = canal.origin
    return float(slope), float(y + canal.pixel * intercept - slope * x)
