"""Values of voxels in cells and at points of a mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array

from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

_PARTS_PER_VOXEL = 3.0  # parts of a cell's longest edge per voxel
_PARTS_RANGE = (2, 8)
_CHUNK = 1_000_000  # sample points handled at once


def voxel_weights(mesh: TetMesh, vertebra: Vertebra) -> csr_array:
    """Share of each cell's volume in each voxel of the CT.

    A cell is cut into parts of equal volume, each of which counts for the voxel its centroid lies in; their number
    follows from the cell's size over the voxel's. A cell that touches the body's mask takes its
    values from there alone, so that the soft tissue outside does not dilute the bone of the wall.

    Args:
        mesh: cells in the anatomical frame.
        vertebra: CT, mask and frame.

    Returns:
        (cells, voxels) with rows that sum to 1; voxels in the order of ``vertebra.ct.values.ravel()``, so that
        ``voxel_weights(...) @ ct.values.ravel()`` is the mean per cell.
    """
    shape = np.array(vertebra.ct.values.shape)
    to_index = np.linalg.inv(vertebra.frame.matrix @ vertebra.ct.affine)
    corners = mesh.points[mesh.cells] @ to_index[:3, :3].T + to_index[:3, 3]
    inside = vertebra.body.ravel()
    edges = (corners[:, :, None] - corners[:, None]).reshape(len(corners), 16, 3)
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    parts = np.clip(np.ceil(_PARTS_PER_VOXEL * longest), *_PARTS_RANGE).astype(int)

    rows, columns, values = [], [], []
    for count in np.unique(parts):
        samples = equal_parts(int(count))
        members = np.flatnonzero(parts == count)
        for chunk in np.array_split(members, max(1, members.size * len(samples) // _CHUNK)):
            # Rounding keeps a sample on the face of two voxels in the same one however the affine is stored.
            index = np.floor(np.round(samples @ corners[chunk], 9) + 0.5).astype(np.int64)
            voxel = np.ravel_multi_index(tuple(np.moveaxis(np.clip(index, 0, shape - 1), -1, 0)), tuple(shape))
            weight = inside[voxel].astype(np.float64)
            weight[~weight.any(axis=1)] = 1.0
            weight /= weight.sum(axis=1, keepdims=True)
            rows.append(np.broadcast_to(chunk[:, None], voxel.shape)[weight > 0.0])
            columns.append(voxel[weight > 0.0])
            values.append(weight[weight > 0.0])
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    weights = csr_array(entries, shape=(len(corners), inside.size))
    weights.sum_duplicates()
    return weights


def values_at(vertebra: Vertebra, values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Trilinear values of voxels at points; beyond the image those of its outermost voxels.

    Args:
        vertebra: CT and frame.
        values: (nx, ny, nz) on the grid of the CT.
        points: (..., 3) in the anatomical frame in mm.
    """
    index = vertebra.ct.to_indices(vertebra.frame.to_scanner(points))
    return ndimage.map_coordinates(values, np.moveaxis(index, -1, 0), order=1, mode="nearest")


def equal_parts(count: int) -> NDArray[np.float64]:
    """Barycentric coordinates of the centroids of ``count ** 3`` parts of equal volume of a tetrahedron.

    The tetrahedron 0 <= x3 <= x2 <= x1 <= 1 is one sixth of a cube cut along its diagonal (Kuhn 1960); cutting the
    ``count ** 3`` small cubes of the cube in the same way also cuts the tetrahedron, into equal parts.

    Args:
        count: parts along an edge.

    Returns:
        (count**3, 4) barycentric coordinates.
    """
    low = np.stack(np.meshgrid(*3 * [np.arange(count)], indexing="ij"), axis=-1).reshape(-1, 3)
    orders = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    offsets = np.array([0.75, 0.5, 0.25])[np.argsort(orders, axis=1)]
    centroids = (low[:, None] + offsets).reshape(-1, 3) / count
    x1, x2, x3 = centroids[(np.diff(centroids, axis=1) < 0.0).all(axis=1)].T
    return np.stack([1.0 - x1, x1 - x2, x2 - x3, x3], axis=1)
