"""The closed surface around the part of a mesh in which a field of the cells exceeds a level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from fem.tetrahedron_cuts import section_area, share_above, triangle_share_above
from meshes.tetmesh import TetMesh

_EDGES = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])


@dataclass(frozen=True)
class Isosurface:
    """Surface of the part in which the vertex averages of a field, linear in every cell, exceed a level.

    Where that part reaches the mesh's own surface, it is closed by it.

    Attributes:
        points: (p, 3) corners of the surface in mm: where it crosses edges, and the mesh's boundary points within it.
        volume: enclosed volume in mm3.
        area: in mm2, the closing parts of the mesh's surface included.
    """

    points: NDArray[np.float64]
    volume: float
    area: float

    @property
    def sphericity(self) -> float:
        """Area of the sphere of the same volume over the area (Wadell 1935, 10.1086/624298): 1 for a sphere."""
        return float(np.pi ** (1.0 / 3.0) * (6.0 * self.volume) ** (2.0 / 3.0) / self.area)

    @property
    def largest_diameter(self) -> float:
        """Largest distance in mm between two points of the surface."""
        # Joggled, because the points of a flat surface lie in a few planes.
        hull = self.points[ConvexHull(self.points, qhull_options="QJ").vertices]
        return float(pdist(hull).max())


def vertex_values(mesh: TetMesh, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry the values of the cells to the vertices; exact at inner vertices where they are linear in space.

    A plane is fitted to the values at the centroids around each vertex, weighted by volume, and kept within their
    range. Their plain mean stands for the patch's centroid, not for the vertex: it ripples a surface by a share of the
    cells' size, and then the area does not converge.

    Args:
        mesh: any mesh without loose vertices.
        values: (m,) value of each cell.

    Returns:
        (n,) values.
    """
    count, corners = len(mesh.points), mesh.cells.ravel()

    def total(per_cell: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(corners, np.repeat(per_cell, 4), minlength=count)

    volumes, centroids = mesh.cell_volumes, mesh.cell_centroids
    weight = total(volumes)
    mean = total(volumes * values) / weight
    centre = np.stack([total(volumes * x) for x in centroids.T], axis=1) / weight[:, None]
    spread = np.empty((count, 3, 3))
    slope = np.empty((count, 3))
    for i in range(3):
        slope[:, i] = total(volumes * values * centroids[:, i]) / weight - mean * centre[:, i]
        for j in range(3):
            spread[:, i, j] = total(volumes * centroids[:, i] * centroids[:, j]) / weight - centre[:, i] * centre[:, j]
    offset = mesh.points - centre
    # Vertices with few cells do not know the slope across them: it is left out there.
    fitted = mean + np.einsum("ni,nij,nj->n", offset, np.linalg.pinv(spread, rcond=0.05, hermitian=True), slope)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, corners, np.repeat(values, 4))
    np.maximum.at(high, corners, np.repeat(values, 4))
    return np.clip(fitted, low, high)


def isosurface(mesh: TetMesh, values: NDArray[np.float64], level: float) -> Isosurface | None:
    """Isosurface of a field; its volume and area are those of the linear interpolation, without quadrature.

    Args:
        mesh: any mesh.
        values: (m,) value of each cell.
        level: value on the surface.

    Returns:
        None where the vertex averages exceed the level nowhere.
    """
    field = vertex_values(mesh, values)
    heights = field[mesh.cells]
    lowest, highest = heights.min(axis=1), heights.max(axis=1)
    if not (highest > level).any():
        return None
    cut = np.flatnonzero((lowest <= level) & (highest > level))
    volume = mesh.cell_volumes[lowest > level].sum() + mesh.cell_volumes[cut] @ share_above(heights[cut], level)
    corner = mesh.points[mesh.cells[cut]]
    slope = np.linalg.solve(corner[:, 1:] - corner[:, :1], (heights[cut, 1:] - heights[cut, :1])[..., None])[..., 0]
    inner = section_area(heights[cut], mesh.cell_volumes[cut], level) @ np.linalg.norm(slope, axis=1)
    caps = mesh.facet_areas @ triangle_share_above(field[mesh.facets], level)
    ends = np.unique(np.sort(mesh.cells[cut][:, _EDGES].reshape(-1, 2), axis=1), axis=0)
    ends = ends[(field[ends] > level).sum(axis=1) == 1]
    tail, head = field[ends].T
    along = ((level - tail) / (head - tail))[:, None]
    crossings = (1.0 - along) * mesh.points[ends[:, 0]] + along * mesh.points[ends[:, 1]]
    boundary = np.unique(mesh.facets)
    points = np.concatenate([crossings, mesh.points[boundary[field[boundary] > level]]])
    return Isosurface(points, float(volume), float(inner + caps))
