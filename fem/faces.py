"""Faces that cells of a mesh share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from meshes.tetmesh import CELL_FACES, TetMesh, triangle_keys


def face_neighbours(mesh: TetMesh, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(p, 2) positions in ``chosen``, rows of ``mesh.cells``, of every two of these cells that share a face."""
    keys = triangle_keys(mesh.cells[chosen][:, CELL_FACES].reshape(-1, 3), len(mesh.points))
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    return np.stack([order[first], order[first + 1]], axis=1) // 4
