"""The smooth contour of a mask, at the level where it encloses the mask's volume."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy import ndimage, optimize

from meshes.errors import InputError
from meshes.surface import Surface

BLUR = 0.5
"""Standard deviation of the Gaussian that rounds the voxels' steps, in voxels."""

_SUBVOXEL = 0.5  # mm; the grid on which the mask is blurred and contoured is at least this fine
_LEVELS = (0.15, 0.7)  # shares of bone between which the surface is sought
_PADDING = 4  # voxels of air around the mask, wider than the Gaussian
_TAUBIN_ITERATIONS, _TAUBIN_PASS_BAND = 10, 0.1


def contour_mask(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> Surface:
    """Smooth surface of a mask, at the level where the enclosed volume equals the mask's.

    Voxels are split into equal parts before blurring, so that nothing is stretched or shifted.

    Args:
        mask: (nx, ny, nz).
        spacing: (3,) mm.

    Returns:
        A fine surface in grid positions (voxel index times spacing, mm).
    """
    parts = np.clip(np.ceil(spacing / _SUBVOXEL), 1, 8).astype(int)
    blurred = np.pad(mask, _PADDING).astype(np.float32)
    for axis, count in enumerate(parts):
        blurred = np.repeat(blurred, count, axis=axis)
    blurred = ndimage.gaussian_filter(blurred, BLUR * parts)
    image = pv.ImageData(
        dimensions=blurred.shape,
        spacing=spacing / parts,
        origin=(0.5 / parts - 0.5 - _PADDING) * spacing,
    )
    image["share"] = blurred.ravel(order="F")

    @cache
    def contour(level: float) -> _Contour:
        return _Contour.of(image.contour([level], scalars="share", method="flying_edges"))

    def smooth(surface: pv.PolyData) -> pv.PolyData:
        return surface.smooth_taubin(n_iter=_TAUBIN_ITERATIONS, pass_band=_TAUBIN_PASS_BAND)

    volume = float(mask.sum() * np.prod(spacing))

    @cache
    def excess(level: float) -> float:
        found = contour(level)
        if not len(found.order):
            return -1.0
        smoothed = smooth(found.polydata if found.in_one_piece else found.largest_piece())
        return _enclosed(smoothed.points, smoothed.regular_faces) / volume - 1.0

    low, high = _LEVELS
    surface = None
    if excess(low) > 0.0 > excess(high):
        surface = _from_polydata(smooth(contour(optimize.brentq(excess, low, high, xtol=1e-4)).largest_piece()))
    if surface is None or abs(surface.volume / volume - 1.0) > 0.01:  # the volume jumps where parts join
        raise InputError(
            "the body mask has no smooth closed surface of its own volume because it is thinner than about two voxels "
            "or in several pieces; repair the mask or use a CT with smaller voxels"
        )
    return surface


@dataclass(frozen=True)
class _Contour:
    """A triangulated contour.

    Attributes:
        polydata: itself.
        order: (n,) its points' numbers in the order in which a walk from the first triangle meets them, -1 where it
            does not come.
    """

    polydata: pv.PolyData
    order: NDArray[np.int64]

    @classmethod
    def of(cls, polydata: pv.PolyData) -> _Contour:
        triangles = polydata.regular_faces if polydata.n_points else np.empty((0, 3), dtype=np.int64)
        return cls(polydata, _walk(triangles, polydata.n_points))

    @property
    def in_one_piece(self) -> bool:
        """Whether all triangles hang together."""
        return bool(self.order.min() >= 0)

    def largest_piece(self) -> pv.PolyData:
        """The largest piece, numbered along its walk as VTK's filter does, which is ten times as dear."""
        if not self.in_one_piece:
            return self.polydata.extract_largest()
        points = np.asarray(self.polydata.points)[np.argsort(self.order)]
        return pv.PolyData.from_regular_faces(points, self.order[self.polydata.regular_faces])


@numba.njit(cache=True)
def _walk(triangles: NDArray[Any], count: int) -> NDArray[np.int64]:
    """See :class:`_Contour`: breadth first, from triangle to all that share a corner, in the order of their numbers."""
    starts = np.zeros(count + 1, np.int64)
    for triangle in range(len(triangles)):
        for corner in range(3):
            starts[triangles[triangle, corner] + 1] += 1
    starts = np.cumsum(starts)
    filled, around = starts[:-1].copy(), np.empty(3 * len(triangles), np.int64)
    for triangle in range(len(triangles)):
        for corner in range(3):
            point = triangles[triangle, corner]
            around[filled[point]] = triangle
            filled[point] += 1
    order, seen = np.full(count, -1, np.int64), np.zeros(len(triangles), np.bool_)
    waiting, first, last, met = np.zeros(len(triangles), np.int64), 0, min(1, len(triangles)), 0
    seen[:1] = True
    while first < last:
        for corner in range(3):
            point = triangles[waiting[first], corner]
            if order[point] >= 0:
                continue
            order[point] = met
            met += 1
            for place in range(starts[point], starts[point + 1]):
                if not seen[around[place]]:
                    seen[around[place]] = True
                    waiting[last] = around[place]
                    last += 1
        first += 1
    return order


@numba.njit(cache=True)
def _enclosed(points: NDArray[Any], triangles: NDArray[Any]) -> float:
    """Volume that triangles enclose, whichever way they are turned."""
    total = 0.0
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle]
        ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
        bx, by, bz = np.float64(points[b, 0]), np.float64(points[b, 1]), np.float64(points[b, 2])
        cx, cy, cz = np.float64(points[c, 0]), np.float64(points[c, 1]), np.float64(points[c, 2])
        total += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return abs(total) / 6.0


def _from_polydata(polydata: pv.PolyData) -> Surface:
    surface = Surface(np.asarray(polydata.points, dtype=np.float64), polydata.regular_faces.astype(np.int64))
    return surface if surface.volume > 0.0 else Surface(surface.points, surface.triangles[:, ::-1])
