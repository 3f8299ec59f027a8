"""The surface of a vertebral body: closed, smooth, uniformly triangulated and enclosing exactly the mask's volume.

It is made in the mask's own grid, turned so that its axes follow the vertebra's, and only then carried into the
anatomical frame: neither the order in which the scanner stored its axes nor the patient's position changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from meshes.mask_contour import contour_mask
from meshes.remeshing import remesh
from meshes.sizing import Refinement, check_size, target_size
from meshes.surface import SNAP_DECIMALS, Surface, rounded, with_volume
from meshes.vertebra import Vertebra


def body_surface(vertebra: Vertebra, size: float, refinements: Sequence[Refinement] = ()) -> Surface:
    """Surface of the vertebral body in its anatomical frame.

    Its volume equals the mask's to round-off.

    Args:
        vertebra: mask and frame.
        size: edge length of the triangles in mm, 0.5 to 5.
        refinements: regions with smaller triangles.

    Raises:
        InputError: if ``size`` is out of range or no closed surface comes out.
    """
    check_size(size, "size")
    grid = aligned_grid(vertebra)
    fine = contour_mask(grid.mask, grid.spacing)

    def size_at(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(target_size(grid.to_frame(points), size, refinements), SNAP_DECIMALS)

    surface = with_volume(remesh(fine, size_at), float(grid.mask.sum() * np.prod(grid.spacing)))
    return rounded(Surface(grid.to_frame(surface.points), surface.triangles))


@dataclass(frozen=True)
class AlignedGrid:
    """A mask cropped to its content, stored along the anatomical axes as closely as its voxels allow.

    Attributes:
        mask: (nx, ny, nz); axes run as closely as possible to left, posterior and superior.
        spacing: (3,) mm, rounded to 1e-5 mm.
        matrix: (4, 4) from positions in the grid (voxel index times spacing, mm) to the anatomical frame.
    """

    mask: NDArray[np.bool_]
    spacing: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Carry (n, 3) positions in the grid into the anatomical frame."""
        return points @ self.matrix[:3, :3].T + self.matrix[:3, 3]


def aligned_grid(vertebra: Vertebra) -> AlignedGrid:
    """Turn and crop the body mask of ``vertebra``."""
    matrix = vertebra.frame.matrix @ vertebra.ct.affine
    cosines = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    _, order = optimize.linear_sum_assignment(-np.abs(cosines))
    mask, matrix = vertebra.body.transpose(order), matrix[:, [*order, 3]]
    for axis in range(3):
        if matrix[axis, axis] < 0.0:
            mask = np.flip(mask, axis)
            matrix[:, 3] += matrix[:, axis] * (mask.shape[axis] - 1)
            matrix[:, axis] *= -1.0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    matrix[:3, 3] += matrix[:3, :3] @ [side.start for side in box]
    spacing = np.round(np.linalg.norm(matrix[:3, :3], axis=0), 5)
    return AlignedGrid(np.ascontiguousarray(mask[box]), spacing, matrix @ np.diag([*1.0 / spacing, 1.0]))
