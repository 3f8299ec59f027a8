"""A box of cubes, each cut into six tetrahedra: cement made of whole cubes has exact measures."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from meshes.frame import AnatomicalFrame
from meshes.tetmesh import TetMesh

SIDES = ("right_wall", "left_wall", "anterior_wall", "posterior_wall", "inferior_endplate", "superior_endplate")


def block_grid(counts: tuple[int, int, int], edge: float = 1.0, offset: float = 0.0) -> TetMesh:
    """Cubes of an edge in mm about the origin, moved along x by ``offset``; sides named like those of a body."""
    corners = np.stack(np.meshgrid(*(np.arange(count + 1) for count in counts), indexing="ij"), axis=-1).reshape(-1, 3)
    stride = np.array([(counts[1] + 1) * (counts[2] + 1), counts[2] + 1, 1])
    lowest = corners[(corners < counts).all(axis=1)] @ stride
    cells = []
    for order in permutations(range(3)):
        path = np.concatenate([[0], np.cumsum(stride[list(order)])])
        if np.linalg.det(np.eye(3)[list(order)]) < 0.0:
            path[[0, 1]] = path[[1, 0]]
        cells.append(lowest[:, None] + path)
    cells = np.concatenate(cells)
    faces = cells[:, [(1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)]].reshape(-1, 3)
    _, first, seen = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    facets = faces[first[seen == 1]]
    grid = corners[facets]
    regions = {
        name: np.flatnonzero((grid[:, :, number // 2] == (number % 2) * counts[number // 2]).all(axis=1))
        for number, name in enumerate(SIDES)
    }
    points = edge * (corners - 0.5 * np.array(counts)) + np.array([offset, 0.0, 0.0])
    return TetMesh(points, cells, facets, regions, {"cancellous": np.arange(len(cells))})


def filled(mesh: TetMesh, *boxes: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """(m,) 1 in the cells whose centroid lies in one of some boxes, ((x0, x1), (y0, y1), (z0, z1)) in mm, else 0."""
    centroids = mesh.cell_centroids
    inside = np.zeros(len(centroids), dtype=bool)
    for box in boxes:
        low, high = np.array(box).T
        inside |= ((centroids > low) & (centroids < high)).all(axis=1)
    return inside.astype(np.float64)


def frame_of(mesh: TetMesh) -> AnatomicalFrame:
    """A frame whose extents are those of the mesh."""
    extents = np.stack([mesh.points.min(axis=0), mesh.points.max(axis=0)], axis=1)
    return AnatomicalFrame(np.zeros(3), np.eye(3), extents, "landmarks")
