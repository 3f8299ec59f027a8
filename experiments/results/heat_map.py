"""Values on the voxels that heat was conducted on, as a finished case holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image

if TYPE_CHECKING:
    import pyvista


@dataclass(frozen=True)
class HeatMap:
    """Values on the voxels that heat was conducted on, in the scanner's LPS mm."""

    image: Image

    def at(self, points: NDArray[np.float64], frame: AnatomicalFrame) -> NDArray[np.float64]:
        """(...) values at (..., 3) points of the anatomical frame, linear between the middles of the voxels.

        Beyond the voxels stands the value of their first corner, which is as far from the cement as they reach.
        """
        values = np.asarray(self.image.values, dtype=float)
        indices = np.moveaxis(self.image.to_indices(frame.to_scanner(points)), -1, 0)
        return map_coordinates(values, indices, order=1, cval=float(values.flat[0]))

    def contour(self, level: float, frame: AnatomicalFrame) -> pyvista.PolyData:
        """Surface in the anatomical frame around the values above a level; empty where there are none."""
        import pyvista

        values = np.asarray(self.image.values, dtype=float)
        grid = pyvista.ImageData(dimensions=values.shape)
        grid["value"] = values.ravel(order="F")
        surface = grid.contour([level], scalars="value")
        if surface.n_points:
            surface.points = frame.to_frame(self.image.to_world(np.asarray(surface.points)))
        return surface
