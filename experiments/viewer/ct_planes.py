"""The CT around a body: its numbers at points, and planes of it."""

from __future__ import annotations

import numpy as np
import pyvista
from numpy.typing import NDArray
from scipy import ndimage

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.images.units import ImageUnits

FloatArray = NDArray[np.float64]

CT_MARGIN, CT_STEP = 15.0, 0.75
"""mm by which planes of the CT reach beyond what is shown, and between their points."""


class CtPlanes:
    """The CT around what is shown.

    Args:
        scan: the CT.
        units: what its values count.
        frame: of the body.
        shown: (n, 3) mm in the frame, what planes reach beyond.
    """

    def __init__(self, scan: Image, units: ImageUnits, frame: AnatomicalFrame, shown: FloatArray) -> None:
        """Convert the CT once."""
        self._scan, self._frame = scan, frame
        self._scanned = scan.values.astype(np.float32) / units.per_hounsfield
        self._low, self._high = shown.min(axis=0) - CT_MARGIN, shown.max(axis=0) + CT_MARGIN

    def plane(self, axis: int, position: float) -> pyvista.StructuredGrid:
        """A plane of the CT with its values as ``shown``, nan where there is no CT.

        Args:
            axis: index of the anatomical axis across it.
            position: mm along that axis.
        """
        sides = [np.arange(low, high, CT_STEP) for low, high in zip(self._low, self._high, strict=True)]
        sides[axis] = np.array([position])
        grid = pyvista.StructuredGrid(*np.meshgrid(*sides, indexing="ij"))
        grid.point_data["shown"] = self.hounsfield(np.asarray(grid.points, dtype=float))
        return grid

    def hounsfield(self, points: FloatArray) -> FloatArray:
        """CT numbers at (n, 3) points; nan beyond the CT."""
        indices = self._scan.to_indices(self._frame.to_scanner(points)).T
        return ndimage.map_coordinates(self._scanned, indices, order=1, cval=np.nan)
