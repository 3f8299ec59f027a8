"""The anatomical frame of a vertebral body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.images.image import Image
from meshes.interpolation import linear_values

EXTENT_STEP = 0.1
"""mm between the samples of the lines along which the extents are found; the crossing is interpolated."""


@dataclass(frozen=True)
class AnatomicalFrame:
    """Right-handed frame of a vertebral body in mm: +x the patient's left, +y posterior, +z superior.

    Attributes:
        origin: (3,) centroid of the body's mask in LPS mm.
        axes: (3, 3) whose rows are the unit vectors of +x, +y and +z in LPS.
        extents: (3, 2) mm in the frame of the outermost points at which the lines through the centroid along the axes
            meet the body's surface: right and left, anterior and posterior, inferior and superior. Where an endplate
            caves in beyond the centroid, inferior and superior have the same sign.
        method: ``"landmarks"`` or ``"principal_axes"``.
    """

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    extents: NDArray[np.float64]
    method: str

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(4, 4) from the scanner's LPS mm to the anatomical frame."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes
        matrix[:3, 3] = -self.axes @ self.origin
        return matrix

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Anatomical coordinates in mm of (..., 3) points in LPS mm."""
        return (np.asarray(points) - self.origin) @ self.axes.T

    def to_scanner(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS mm of (..., 3) points in the anatomical frame in mm."""
        return np.asarray(points) @ self.axes + self.origin

    def point(self, left: float, depth: float, height: float) -> NDArray[np.float64]:
        """(3,) mm in the frame of a point given in fractions of the body.

        Args:
            left: -1 at the right wall, 0 midsagittal, +1 at the left wall.
            depth: 0 at the anterior, 1 at the posterior wall.
            height: 0 at the inferior, 1 at the superior endplate.
        """
        (right_wall, left_wall), (anterior, posterior), (inferior, superior) = self.extents
        return np.array(
            [
                left * (left_wall if left >= 0 else -right_wall),
                anterior + depth * (posterior - anterior),
                inferior + height * (superior - inferior),
            ]
        )

    def fractions(self, point: NDArray[np.float64]) -> tuple[float, float, float]:
        """Fractions ``(left, depth, height)`` of a point in the frame in mm; the inverse of :meth:`point`."""
        (right_wall, left_wall), (anterior, posterior), (inferior, superior) = self.extents
        x, y, z = (float(value) for value in point)
        return (
            x / (left_wall if x >= 0 else -right_wall),
            (y - anterior) / (posterior - anterior),
            (z - inferior) / (superior - inferior),
        )


def orthonormal_axes(left: NDArray[np.float64], superior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) rows left, posterior, superior; ``superior`` keeps its direction and ``left`` gives way.

    The superior axis is kept because heights and loads are told along it.
    """
    z = superior / np.linalg.norm(superior)
    x = left - (left @ z) * z
    x /= np.linalg.norm(x)
    return np.array([x, np.cross(z, x), z])


class FrameError(ValueError):
    """The mask is not that of a body that a frame can be laid through."""


def frame_of_body(body: NDArray[np.bool_], grid: Image, axes: NDArray[np.float64], method: str) -> AnatomicalFrame:
    """Put a frame with the given axes at the centroid of a body and measure the body's extents.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        grid: image whose grid the mask lies on.
        axes: (3, 3) rows left, posterior, superior in LPS.
        method: how the axes were found.

    Raises:
        FrameError: the body does not surround its own centroid in the transverse plane, or lies aside of it.
    """
    origin = grid.to_world(np.argwhere(body)).mean(axis=0)
    return AnatomicalFrame(origin, axes, _extents(body, grid, origin, axes), method)


def _extents(
    body: NDArray[np.bool_], grid: Image, origin: NDArray[np.float64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    steps = math.ceil(float(np.linalg.norm(np.array(body.shape) * grid.spacing)) / EXTENT_STEP)
    distances = EXTENT_STEP * np.arange(-steps, steps + 1, dtype=np.float64)
    points = origin + distances[:, None, None] * axes
    inside = linear_values(body.astype(np.float64), grid.to_indices(points))
    extents = np.array([[-_outermost(line[::-1], distances), _outermost(line, distances)] for line in inside.T])
    if np.isnan(extents).any() or (extents[:2, 0] >= 0.0).any() or (extents[:2, 1] <= 0.0).any():
        raise FrameError("its centroid lies outside of it")
    return extents


def _outermost(inside: NDArray[np.float64], distances: NDArray[np.float64]) -> float:
    """Distance in mm at which a line leaves the body for the last time; NaN if it misses the body."""
    met = np.flatnonzero(inside >= 0.5)
    if not len(met):
        return math.nan
    last = met[-1]
    return float(distances[last] + (inside[last] - 0.5) / (inside[last] - inside[last + 1]) * EXTENT_STEP)
