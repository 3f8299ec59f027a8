"""Where cement lies that has left the bone: the shape that its severity is graded by, laid on the voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from fem.heat.medium import HeatMedium
from fem.measures.severity import Ball, Cast, HalfBall, LeakShape, Pool

FloatArray = NDArray[np.float64]

_PLACES = 6  # decimals of a spot
_OUTSIDE = 0.5  # largest share of bone in a voxel that cement outside of the bone may lie in


@dataclass(frozen=True)
class LeakSpot:
    """Where cement has come out.

    Attributes:
        point: (3,) mm on the wall.
        outward: (3,) unit vector out of the bone.
    """

    point: FloatArray
    outward: FloatArray


@dataclass(frozen=True)
class LeakPool:
    """Voxels in the order in which a leak fills them, so that more cement adds to what is there.

    Attributes:
        voxels: (k,) may name a voxel again once the shape's part of it is full.
        capacity: (k,) mm3 each time.
    """

    voxels: NDArray[np.int64]
    capacity: FloatArray

    def content(self, volume: float, count: int) -> FloatArray:
        """(count,) mm3 in the voxels of the grid with ``volume`` mm3 in all."""
        before = np.concatenate([[0.0], np.cumsum(self.capacity)[:-1]])
        return np.bincount(self.voxels, np.clip(volume - before, 0.0, self.capacity), minlength=count)


def leak_pool(medium: HeatMedium, bone: FloatArray, spot: LeakSpot, shape: LeakShape) -> LeakPool:
    """Lay a shape on the voxels.

    Half a ball grows around the spot, a ball touches it, a disc as thick as the shape says lies along the wall, a cast
    runs straight outwards. What a shape has no room for lies around the spot, outside of the bone.

    Args:
        medium: the voxels.
        bone: (n,) share of each of them that is bone or body.
        spot: where it comes out.
        shape: of the leak.
    """
    grid, room = medium.grid, medium.room * (1.0 - np.minimum(bone, 1.0))
    free = np.flatnonzero(bone < _OUTSIDE)
    # Places of equal distance stay in one order, whatever the last digits of the spot.
    reach = grid.centres[free] - np.round(spot.point, _PLACES)
    distance, height = np.linalg.norm(reach, axis=1), reach @ np.round(spot.outward, _PLACES)
    if isinstance(shape, HalfBall):
        chosen, rank, share = np.ones(len(free), dtype=bool), distance, 1.0
    elif isinstance(shape, Ball):
        chosen = height > 0.0
        rank, share = np.divide(distance**2, 2.0 * height, out=distance.copy(), where=chosen), 1.0
    elif isinstance(shape, Pool):
        off_bone = grid.spacing * distance_transform_edt((bone < _OUTSIDE).reshape(grid.shape)).ravel()[free]
        chosen = (height > -shape.thickness) & (off_bone < max(shape.thickness, grid.spacing) + 0.1 * grid.spacing)
        chosen &= height < 3.0 * max(shape.thickness, grid.spacing)
        rank, share = np.sqrt(np.maximum(distance**2 - height**2, 0.0)), min(1.0, shape.thickness / grid.spacing)
    elif isinstance(shape, Cast):
        aside = np.sqrt(np.maximum(distance**2 - height**2, 0.0))
        chosen, rank = (height > -0.5 * grid.spacing) & (aside < max(0.5 * shape.diameter, grid.spacing)), height
        share = _share_of_section(shape, height[chosen], grid.spacing)
    else:
        raise TypeError(f"no voxels are laid for a leak of the shape {type(shape).__name__}")
    order = np.argsort(rank, kind="stable")
    first = free[order[chosen[order]]]
    around = free[np.argsort(distance, kind="stable")]
    taken = np.zeros(grid.count)
    taken[first] = share * room[first]
    return LeakPool(np.concatenate([first, around]), np.concatenate([taken[first], (room - taken)[around]]))


def _share_of_section(shape: Cast, height: FloatArray, spacing: float) -> float:
    """Share of the voxels at (k,) heights that a cast fills, so that a length of it holds what its section says."""
    if not len(height):
        return 1.0
    section = len(height) * spacing**3 / max(float(np.ptp(height)), spacing)
    return min(1.0, 0.25 * math.pi * shape.diameter**2 / section)
