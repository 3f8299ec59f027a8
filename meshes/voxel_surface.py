"""The smooth surface around some voxels, in several pieces if they are, which encloses the voxels' volume."""

from __future__ import annotations

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy import ndimage, optimize

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.surface import Surface

SMOOTHING = 0.7
"""Standard deviation in voxels of the Gaussian that takes the steps off (tag D)."""

_PADDING = 4  # voxels around them, wider than the Gaussian
_LEVELS = (0.02, 0.98)  # shares of the largest value between which the surface is sought


def voxel_surface(voxels: NDArray[np.bool_], grid: Image, frame: AnatomicalFrame) -> Surface:
    """Surface around some voxels in an anatomical frame, at the level of their blurred shares that keeps their volume.

    Args:
        voxels: (nx, ny, nz), at least one of them true.
        grid: image whose grid they lie on.
        frame: anatomical frame of the points.
    """
    spacing = grid.spacing
    box = ndimage.find_objects(voxels.astype(np.uint8))[0]
    blurred = ndimage.gaussian_filter(np.pad(voxels[box], _PADDING).astype(np.float32), SMOOTHING)
    image = pv.ImageData(dimensions=blurred.shape, spacing=spacing)
    image["share"] = blurred.ravel(order="F")
    volume, highest = float(voxels.sum() * np.prod(spacing)), float(blurred.max())

    def contour(level: float) -> pv.PolyData:
        return image.contour([level * highest], scalars="share", method="flying_edges")

    level = optimize.brentq(lambda tried: contour(tried).volume - volume, *_LEVELS, xtol=1e-3)
    surface = contour(level)
    start = np.array([part.start for part in box]) - _PADDING
    index = np.asarray(surface.points, dtype=np.float64) / spacing + start
    points = frame.to_frame(grid.to_world(index))
    triangles = surface.regular_faces.astype(np.int64)
    made = Surface(points, triangles)
    return made if made.volume > 0.0 else Surface(points, triangles[:, ::-1])
