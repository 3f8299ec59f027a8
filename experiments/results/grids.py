"""A mesh and its fields as data sets of PyVista."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyvista
from numpy.typing import ArrayLike, NDArray

from meshes.tetmesh import TetMesh


def volume_of(mesh: TetMesh, cell_data: Mapping[str, ArrayLike]) -> pyvista.UnstructuredGrid:
    """The tetrahedra as a grid with (cells,) values."""
    grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: mesh.cells}, mesh.points)
    for name, values in cell_data.items():
        grid.cell_data[name] = np.asarray(values)
    return grid


def whole_of(mesh: TetMesh) -> pyvista.UnstructuredGrid:
    """The tetrahedra, and after them the triangles of the boundary, as one grid."""
    return pyvista.UnstructuredGrid(
        {pyvista.CellType.TETRA: mesh.cells, pyvista.CellType.TRIANGLE: mesh.facets}, mesh.points
    )


def cells_around(mesh: TetMesh, points: pyvista.DataSet) -> NDArray[np.int64]:
    """(points,) index of the cell that each point of a data set lies in, -1 outside of all."""
    found = points.sample(volume_of(mesh, {"cell": np.arange(len(mesh.cells))}))
    return np.where(np.asarray(found["vtkValidPointMask"]) > 0, np.asarray(found["cell"]), -1)


def surface_of(mesh: TetMesh, facets: NDArray[np.int64] | None = None) -> pyvista.PolyData:
    """The boundary, or the given facets of it, as a surface."""
    chosen = mesh.facets if facets is None else mesh.facets[facets]
    return pyvista.PolyData.from_regular_faces(mesh.points, chosen.tolist())
