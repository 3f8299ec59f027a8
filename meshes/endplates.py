"""Planes through the two endplates of a vertebral body, fitted to its mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.interpolation import linear_values

RAY_SPACING = 1.0
"""mm between the rays that meet the endplates."""
RAY_STEP = 0.5
"""mm between the samples along a ray."""
INNER_SHARE = 0.75
"""Share of the cross-section's radius that counts as endplate; the rest is rim, with its osteophytes."""
MAX_ROUNDS = 50


@dataclass(frozen=True)
class Endplates:
    """Least-squares planes through both endplates.

    Attributes:
        superior: (3,) outward unit normal of the superior endplate.
        inferior: (3,) outward unit normal of the inferior endplate.
        residual: root mean square distance of both surfaces from their planes in mm.
    """

    superior: NDArray[np.float64]
    inferior: NDArray[np.float64]
    residual: float

    @property
    def bisector(self) -> NDArray[np.float64]:
        """(3,) unit vector upwards, halfway between the two normals."""
        sum_of_normals = self.superior - self.inferior
        return sum_of_normals / np.linalg.norm(sum_of_normals)

    @property
    def wedge_angle(self) -> float:
        """Angle between the endplates in degrees."""
        return float(np.degrees(np.arccos(np.clip(-self.superior @ self.inferior, -1.0, 1.0))))


def fit_endplates(body: NDArray[np.bool_], spacing: NDArray[np.float64], superior: NDArray[np.float64]) -> Endplates:
    """Fit the endplates by rays along the current superior axis until the axis is their bisector.

    Works in grid millimetres (voxel index times spacing), so the result turns with the image.

    Args:
        body: (nx, ny, nz) mask.
        spacing: (3,) mm between voxels.
        superior: (3,) first guess of the superior axis in grid axes, up to about 40 degrees off.

    Returns:
        The planes, with normals in grid axes.
    """
    points = np.argwhere(body) * spacing
    centroid = points.mean(axis=0)
    relative = points - centroid
    reach = float(np.linalg.norm(relative, axis=1).max()) + 2.0 * RAY_STEP
    field = body.astype(np.float32)
    axis = superior / np.linalg.norm(superior)
    for _ in range(MAX_ROUNDS):
        endplates = _fit_along(field, spacing, centroid, relative, reach, axis)
        settled = np.linalg.norm(endplates.bisector - axis) < 1e-6
        # Half steps: full ones may jump between two neighbouring fits.
        axis = axis + endplates.bisector
        axis /= np.linalg.norm(axis)
        if settled:
            break
    return endplates


def _fit_along(
    field: NDArray[np.float32],
    spacing: NDArray[np.float64],
    centroid: NDArray[np.float64],
    relative: NDArray[np.float64],
    reach: float,
    axis: NDArray[np.float64],
) -> Endplates:
    first, second = _cross_section_axes(relative, axis)
    radii = [2.0 * float(np.sqrt(np.mean((relative @ direction) ** 2))) * INNER_SHARE for direction in (first, second)]
    counts = [int(radius / RAY_SPACING) for radius in radii]
    u, v = np.meshgrid(*[np.arange(-count, count + 1) * RAY_SPACING for count in counts], indexing="ij")
    inner = (u / radii[0]) ** 2 + (v / radii[1]) ** 2 <= 1.0
    u, v = u[inner], v[inner]
    heights = np.arange(-reach, reach, RAY_STEP)
    base = centroid + u[:, None] * first + v[:, None] * second
    samples = (base[:, None, :] + heights[:, None] * axis) / spacing
    inside = linear_values(field, samples)
    hit = (inside >= 0.5).any(axis=1)
    normals, squares = [], []
    for outward in (1, -1):
        profile = inside[hit][:, ::outward]
        height = _outermost_crossing(profile, heights[::outward])
        columns = np.column_stack([u[hit], v[hit], np.ones(hit.sum())])
        plane, *_ = np.linalg.lstsq(columns, height, rcond=None)
        normal = axis - plane[0] * first - plane[1] * second
        scale = np.linalg.norm(normal)
        normals.append(outward * normal / scale)
        squares.append(np.mean((columns @ plane - height) ** 2) / scale**2)
    return Endplates(normals[0], normals[1], float(np.sqrt(np.mean(squares))))


def _cross_section_axes(
    relative: NDArray[np.float64], axis: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two unit vectors across ``axis``, along the long and the short side of the cross-section."""
    across = relative - (relative @ axis)[:, None] * axis
    _, directions = np.linalg.eigh(across.T @ across)
    return directions[:, 2], directions[:, 1]


def _outermost_crossing(profile: NDArray[np.float32], heights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height at which each row of ``profile`` falls below one half for the last time."""
    rows = np.arange(len(profile))
    last = profile.shape[1] - 1 - np.argmax(profile[:, ::-1] >= 0.5, axis=1)
    inner, outer = profile[rows, last], profile[rows, last + 1]
    return heights[last] + (inner - 0.5) / (inner - outer) * (heights[last + 1] - heights[last])
