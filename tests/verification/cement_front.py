"""The front of cement as VTK contours it, independently of :mod:`fem.measures.isosurface`."""

import numpy as np
import pyvista as pv


def front_triangles(mesh, saturation):
    """(t, 3, 3) corners of the triangles of the surface S = 0.5."""
    weight, total = np.zeros(len(mesh.points)), np.zeros(len(mesh.points))
    for corner in mesh.cells.T:
        np.add.at(weight, corner, mesh.cell_volumes)
        np.add.at(total, corner, mesh.cell_volumes * saturation)
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: mesh.cells}, mesh.points)
    grid.point_data["saturation"] = total / weight
    surface = grid.contour([0.5], scalars="saturation")
    return surface.points[surface.regular_faces].astype(float)
