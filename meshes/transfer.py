"""Values of cells carried from the mesh of a body to another mesh that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.sparse import csr_array

from meshes.sampling import equal_parts
from meshes.tetmesh import TetMesh

_PARTS = 3  # along an edge; 27 samples a cell


@dataclass(frozen=True)
class CellTransfer:
    """Shares of the cells of one mesh in those of another.

    Attributes:
        shares: (cells of the target, cells of the source) share of each target cell's volume that lies in each source
            cell; a row sums to 1 inside the source and to less across its surface.
    """

    shares: csr_array

    @classmethod
    def between(cls, source: TetMesh, target: TetMesh) -> CellTransfer:
        """Find the shares by sampling every cell of ``target`` at the centroids of 27 parts of equal volume."""
        samples = equal_parts(_PARTS)
        points = (samples @ target.points[target.cells]).reshape(-1, 3)
        grid = pv.UnstructuredGrid({pv.CellType.TETRA: source.cells}, source.points)
        found = cast("NDArray[np.int64]", grid.find_containing_cell(points))
        rows = np.repeat(np.arange(len(target.cells)), len(samples))
        inside = found >= 0
        entries = (np.full(inside.sum(), 1.0 / len(samples)), (rows[inside], found[inside]))
        shares = csr_array(entries, shape=(len(target.cells), len(source.cells)))
        shares.sum_duplicates()
        return cls(shares)

    def content(self, density: NDArray[np.float64]) -> NDArray[np.float64]:
        """(target cells,) means of a (source cells,) density of something that is only in the source."""
        return self.shares @ density

    def overlay(
        self, values: NDArray[np.float64], chosen: NDArray[np.bool_], own: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What the target has itself, save in chosen cells of the source, by the share of a cell that they cover.

        Args:
            values: (source cells,) what stands in the source.
            chosen: (source cells,) the cells whose values go over.
            own: (target cells, ...) what the target has elsewhere.

        Returns:
            (target cells, ...).
        """
        shape = (-1, *(1,) * (own.ndim - 1))
        there, left = self.shares @ np.where(chosen, values, 0.0), 1.0 - self.shares @ chosen.astype(float)
        return there.reshape(shape) + left.reshape(shape) * own
