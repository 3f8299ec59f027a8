"""The wall of a body as its mask has it, the same whatever mesh is made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.interpolation import linear_values
from meshes.leak_sites import VEIN_SITE_OF_WALL
from meshes.vertebra import Vertebra

_STEP = 0.1  # mm between the samples of a ray; the crossing is interpolated
_SMOOTHING = 2.0  # mm over which the mask is smoothed before walls are told apart, as facets are


@dataclass(frozen=True)
class BodyWall:
    """The wall of a vertebral body, where its mask, linear between the voxels' centres, falls below one half.

    It lies within a fraction of a voxel of the surface of its meshes.

    Attributes:
        vertebra: mask and frame.
    """

    vertebra: Vertebra

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) whether (n, 3) points in the anatomical frame lie in the body."""
        return self._sampled(self.vertebra.body.astype(np.float32), points) >= 0.5

    def exit(self, start: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) point in mm at which a ray from a point in the body first leaves it.

        Args:
            start: (3,) mm in the anatomical frame.
            direction: (3,) of any length.

        Raises:
            ValueError: the start lies outside the body.
        """
        if not self.contains(start[None])[0]:
            raise ValueError("a ray must start in the body")
        return self._crossing(start, direction, 1.0)

    def entry(self, start: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) point in mm at which a ray first comes into the body; its start where that lies inside already.

        Args:
            start: (3,) mm in the anatomical frame.
            direction: (3,) of any length.

        Raises:
            ValueError: the ray misses the body.
        """
        return start if self.contains(start[None])[0] else self._crossing(start, direction, -1.0)

    def _crossing(self, start: NDArray[np.float64], direction: NDArray[np.float64], side: float) -> NDArray[np.float64]:
        """(3,) first point of a ray at which it leaves the inside, for a ``side`` of 1, or the outside, of -1."""
        vertebra = self.vertebra
        reach = float(np.linalg.norm(np.array(vertebra.body.shape) * vertebra.ct.spacing))
        along = np.arange(0.0, reach, _STEP)
        unit = direction / np.linalg.norm(direction)
        share = self._sampled(vertebra.body.astype(np.float32), start + along[:, None] * unit)
        beyond = side * (share - 0.5) < 0.0
        if not beyond.any():
            raise ValueError("a ray never crosses the wall of the body")
        first = int(np.argmax(beyond))
        part = (share[first - 1] - 0.5) / (share[first - 1] - share[first])
        return start + (along[first - 1] + part * _STEP) * unit

    def normals(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 3) outward unit normals of the smoothed wall at (n, 3) points in the anatomical frame."""
        spacing = self.vertebra.ct.spacing
        smooth = ndimage.gaussian_filter(self.vertebra.body.astype(np.float32), _SMOOTHING / spacing)
        steps = 0.5 * np.concatenate([np.eye(3), -np.eye(3)])
        values = np.stack([self._sampled(smooth, points + step) for step in steps], axis=1)
        slopes = values[:, 3:] - values[:, :3]
        return slopes / np.linalg.norm(slopes, axis=1, keepdims=True)

    def vein_sites(self, points: NDArray[np.float64]) -> list[str | None]:
        """Leak site of veins that leave through the wall at (n, 3) points, None at the endplates.

        As for facets, a wall is a side where its normal points rather sideways than to the front or the back. What
        leaves behind counts to the foramen; the pedicles, left out by their normals, lie at the sides.
        """
        sites: list[str | None] = []
        for x, y, z in self.normals(points):
            wall = "left_wall" if x > 0.0 else "right_wall"
            if abs(x) <= abs(y):
                wall = "anterior_wall" if y <= 0.0 else "basivertebral_foramen"
            sites.append(None if abs(z) > np.sqrt(0.5) else VEIN_SITE_OF_WALL[wall])
        return sites

    def _sampled(self, values: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float64]:
        index = self.vertebra.ct.to_indices(self.vertebra.frame.to_scanner(points))
        return linear_values(values, index, dtype=np.float64)
