"""Smooth surfaces around cells of a tetrahedral mesh, found on a regular lattice of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from experiments.results.grids import cells_around
from meshes.tetmesh import TetMesh

SPACING = 0.6
"""mm between the points at which cells are sampled to draw a smooth surface around them."""

SMOOTHING = 1.5
"""Width in steps of the Gaussian that keeps single cells from showing."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Lattice:
    """Points around a mesh and the cells that they lie in.

    Attributes:
        shape: number of points along x, y and z.
        origin: (3,) of the first point in mm.
        cells: (points,) index of the cell around each point, -1 outside of all; x runs fastest.
        volumes: (cells,) in mm3.
    """

    shape: tuple[int, int, int]
    origin: FloatArray
    cells: NDArray[np.int64]
    volumes: FloatArray

    @classmethod
    def of(cls, mesh: TetMesh) -> Lattice:
        """Lay the lattice around a mesh, with a margin in which a smoothed surface can close."""
        margin = 6.0 * SPACING
        origin = mesh.points.min(axis=0) - margin
        x, y, z = (int(np.ceil(size / SPACING)) + 1 for size in mesh.points.max(axis=0) + margin - origin)
        image = pyvista.ImageData(dimensions=(x, y, z), spacing=[SPACING] * 3, origin=origin)
        return cls((x, y, z), origin, cells_around(mesh, image), mesh.cell_volumes)

    def smoothed(self, values: ArrayLike) -> FloatArray:
        """(x, y, z) values of (cells,) ones, 0 outside, as a smooth field."""
        sampled = np.append(np.asarray(values, dtype=float), 0.0)[self.cells]
        return gaussian_filter(sampled.reshape(self.shape, order="F"), SMOOTHING)

    def at(self, field: FloatArray, points: FloatArray) -> FloatArray:
        """(...) values of (x, y, z) ones at (..., 3) points in mm, linear between the points of the lattice."""
        steps = np.moveaxis((points - self.origin) / SPACING, -1, 0)
        return map_coordinates(field, steps, order=1, mode="nearest")

    def contour(self, field: FloatArray, level: float) -> pyvista.PolyData:
        """Closed surface around the points above ``level``; empty where there are none."""
        image = pyvista.ImageData(dimensions=self.shape, spacing=[SPACING] * 3, origin=self.origin)
        image["value"] = field.ravel(order="F")
        return image.contour([level], scalars="value")

    def cement_surface(self, saturation: ArrayLike) -> pyvista.PolyData:
        """Surface around the region with a saturation above one half."""
        return self.contour(self.smoothed(saturation), 0.5)

    def surface_around(self, cells: NDArray[np.int64]) -> pyvista.PolyData:
        """Surface around as much volume as some cells have; thin layers do not vanish."""
        chosen = np.zeros(len(self.volumes))
        chosen[cells] = 1.0
        field = self.smoothed(chosen)
        count = max(round(float(self.volumes[cells].sum()) / SPACING**3), 1)
        return self.contour(field, float(np.sort(field, axis=None)[-count]))

    def front_distance(self, saturation: ArrayLike) -> FloatArray | None:
        """(x, y, z) distance in mm to the surface of the cement, positive inside; None where there is none."""
        inside = self.smoothed(saturation) > 0.5
        if not inside.any():
            return None
        steps = np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))
        return SPACING * gaussian_filter(steps, 1.0)
