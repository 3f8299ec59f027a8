"""Values of voxels in cells and at points of a mesh."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from meshes.interpolation import linear_values
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
    to_index = np.linalg.inv(vertebra.frame.matrix @ vertebra.ct.affine)
    corners = mesh.points[mesh.cells] @ to_index[:3, :3].T + to_index[:3, 3]
    edges = corners[:, [0, 0, 0, 1, 1, 2]] - corners[:, [1, 2, 3, 2, 3, 3]]
    longest = np.linalg.norm(edges, axis=2).max(axis=1)
    parts = np.clip(np.ceil(_PARTS_PER_VOXEL * longest), *_PARTS_RANGE).astype(np.int64)
    body = np.ascontiguousarray(vertebra.body)

    counts, columns, values = np.zeros(len(corners), dtype=np.int64), [], []
    samples = {int(count): equal_parts(int(count)) for count in np.unique(parts)}
    none = np.empty((0, 4))
    tables = tuple(samples.get(count, none) for count in range(_PARTS_RANGE[1] + 1))
    table = np.ascontiguousarray(np.concatenate(tables).T)
    starts = np.cumsum([0, *map(len, tables)])
    sizes = np.cumsum(parts**3)
    for chunk in np.split(np.arange(len(corners)), np.searchsorted(sizes, np.arange(_CHUNK, sizes[-1], _CHUNK))):
        found, share = _shares(corners, parts, table, starts, body, chunk, counts)
        columns.append(found)
        values.append(share)
    pointers = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((np.concatenate(values), np.concatenate(columns), pointers), shape=(len(corners), body.size))


@numba.njit(cache=True)
def _shares(
    corners: NDArray[np.float64],
    parts: NDArray[np.int64],
    table: NDArray[np.float64],
    starts: NDArray[np.int64],
    body: NDArray[np.bool_],
    chunk: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Voxels and shares of some cells, one after the other; how many each cell has goes to ``counts``."""
    nx, ny, nz = body.shape
    room, most = 0, parts.max() ** 3
    for cell in chunk:
        room += parts[cell] ** 3
    columns, values, filled = np.empty(room, dtype=np.int64), np.empty(room), 0
    x, y, z, flat = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32), body.ravel()
    counted = np.empty(most, np.bool_)
    for cell in chunk:
        start, end = starts[parts[cell]], starts[parts[cell] + 1]
        samples = end - start
        low_x, high_x = _voxels(table, start, end, corners[cell, :, 0], nx, x)
        low_y, high_y = _voxels(table, start, end, corners[cell, :, 1], ny, y)
        low_z, high_z = _voxels(table, start, end, corners[cell, :, 2], nz, z)
        met = np.zeros((high_x - low_x + 1, high_y - low_y + 1, high_z - low_z + 1), dtype=np.int64)
        wide, deep = met.shape[1:]
        inside = 0
        for sample in range(samples):
            counted[sample] = flat[(x[sample] * ny + y[sample]) * nz + z[sample]]
            inside += counted[sample]
            x[sample] = ((x[sample] - low_x) * wide + y[sample] - low_y) * deep + z[sample] - low_z
        flat_met = met.ravel()
        for sample in range(samples):
            flat_met[x[sample]] += counted[sample] or inside == 0
        each, before = 1.0 / (inside if inside else samples), filled
        for i in range(met.shape[0]):
            for j in range(met.shape[1]):
                for k in range(met.shape[2]):
                    if met[i, j, k]:
                        columns[filled] = ((low_x + i) * ny + low_y + j) * nz + low_z + k
                        values[filled] = 0.0
                        for _ in range(met[i, j, k]):
                            values[filled] += each
                        filled += 1
        counts[cell] = filled - before
    return columns[:filled].copy(), values[:filled].copy()


@numba.njit(cache=True)
def _voxels(
    table: NDArray[np.float64], start: int, end: int, corners: NDArray[np.float64], count: int, found: NDArray[np.int32]
) -> tuple[int, int]:
    """Voxels along one axis in which the samples of a cell lie, to ``found``; the lowest and the highest of them."""
    a, b, c, d = corners
    first, second, third, fourth = table[0][start:end], table[1][start:end], table[2][start:end], table[3][start:end]
    for sample in range(len(first)):
        place = first[sample] * a + second[sample] * b + third[sample] * c + fourth[sample] * d
        # Rounding keeps a sample on the face of two voxels in the same one however the affine is stored.
        found[sample] = np.int32(np.floor(np.rint(place * 1e9) / 1e9 + 0.5))
    last, lowest, highest = np.int32(count - 1), np.int32(count), np.int32(0)
    for sample in range(len(first)):
        voxel = min(max(found[sample], np.int32(0)), last)
        found[sample] = voxel
        lowest, highest = min(lowest, voxel), max(highest, voxel)
    return int(lowest), int(highest)


def values_at(vertebra: Vertebra, values: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Trilinear values of voxels at points; beyond the image those of its outermost voxels.

    Args:
        vertebra: CT and frame.
        values: (nx, ny, nz) on the grid of the CT.
        points: (..., 3) in the anatomical frame in mm.
    """
    index = vertebra.ct.to_indices(vertebra.frame.to_scanner(points))
    return linear_values(values, index, beyond=None)


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
