"""A box of cubic voxels around a mesh, in the axes of the mesh's frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from meshes.sampling import equal_parts
from meshes.tetmesh import TetMesh

_PARTS_PER_VOXEL = 3.0  # parts of a cell's longest edge per voxel
_PARTS_RANGE = (3, 8)
_CHUNK = 1_000_000  # sample points handled at once


@dataclass(frozen=True)
class BoxGrid:
    """Voxels of one size; arrays over them are flat, with the last axis running fastest.

    Attributes:
        origin: (3,) corner of the first voxel in mm.
        spacing: edge of a voxel in mm.
        shape: number of voxels along each axis.
    """

    origin: NDArray[np.float64]
    spacing: float
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, low: ArrayLike, high: ArrayLike, spacing: float) -> Self:
        """The smallest grid of this spacing that holds a box, with the box in its middle."""
        low, size = np.asarray(low, dtype=float), np.asarray(high, dtype=float) - np.asarray(low, dtype=float)
        count = np.maximum(np.ceil(size / spacing - 1e-9), 1.0).astype(int)
        origin = low - 0.5 * (count * spacing - size)
        return cls(origin, spacing, (int(count[0]), int(count[1]), int(count[2])))

    @property
    def count(self) -> int:
        """Number of voxels n."""
        return int(np.prod(self.shape))

    @property
    def voxel_volume(self) -> float:
        """In mm3."""
        return self.spacing**3

    @cached_property
    def centres(self) -> NDArray[np.float64]:
        """(n, 3) in mm."""
        axes = [
            first + self.spacing * (np.arange(size) + 0.5) for first, size in zip(self.origin, self.shape, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)

    def below(self, values: NDArray[Any], axis: int) -> NDArray[Any]:
        """View of (n,) values at the voxels below the inner faces across an axis, with three dimensions."""
        return np.moveaxis(np.moveaxis(values.reshape(self.shape), axis, 0)[:-1], 0, axis)

    def above(self, values: NDArray[Any], axis: int) -> NDArray[Any]:
        """View of (n,) values at the voxels above the inner faces across an axis, with three dimensions."""
        return np.moveaxis(np.moveaxis(values.reshape(self.shape), axis, 0)[1:], 0, axis)

    def sides(self, values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Views of (n,) values at the six sides of the box: low and high x, low and high y, low and high z."""
        whole = values.reshape(self.shape)
        return whole[0], whole[-1], whole[:, 0], whole[:, -1], whole[:, :, 0], whole[:, :, -1]

    def voxels_at(self, points: ArrayLike) -> NDArray[np.int64]:
        """(...) voxel that each of (..., 3) points lies in; -1 outside of the box."""
        steps = np.floor((np.asarray(points, dtype=float) - self.origin) / self.spacing).astype(np.int64)
        inside = ((steps >= 0) & (steps < self.shape)).all(axis=-1)
        clipped = np.moveaxis(np.clip(steps, 0, np.array(self.shape) - 1), -1, 0)
        return np.where(inside, np.ravel_multi_index(tuple(clipped), self.shape), -1)

    def shares_of(self, mesh: TetMesh) -> csr_array:
        """What part of every cell's volume lies in each voxel.

        Args:
            mesh: inside the box.

        Returns:
            (cells, n) shares whose rows sum to 1, so that what cells hold is in the voxels, too.

        Raises:
            ValueError: a cell reaches out of the box.
        """
        corners = mesh.points[mesh.cells]
        edges = (corners[:, :, None] - corners[:, None]).reshape(len(corners), 16, 3)
        longest = np.linalg.norm(edges, axis=2).max(axis=1)
        parts = np.clip(np.ceil(_PARTS_PER_VOXEL * longest / self.spacing), *_PARTS_RANGE).astype(int)
        rows, columns, values, shape = [], [], [], np.array(self.shape)
        for count in np.unique(parts):
            samples = equal_parts(int(count))
            members = np.flatnonzero(parts == count)
            for chunk in np.array_split(members, max(1, members.size * len(samples) // _CHUNK)):
                cells, voxels, found = _counted(samples, (corners[chunk] - self.origin) / self.spacing, shape)
                rows.append(chunk[cells])
                columns.append(voxels)
                values.append(found / len(samples))
        where = np.concatenate(columns)
        if len(where) and where.min() < 0:
            raise ValueError("a cell of the mesh reaches out of the box")
        entries = (np.concatenate(values), (np.concatenate(rows), where))
        return csr_array(entries, shape=(len(corners), self.count))


@numba.njit(cache=True)
def _counted(
    samples: NDArray[np.float64], corners: NDArray[np.float64], shape: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cells, voxels (-1 outside of the box) and how many of a cell's (k, 4) samples lie in each, without zeros.

    Corners are those of the cells in steps of the grid from its corner.
    """
    size = len(samples)
    cells = np.empty(len(corners) * size, dtype=np.int64)
    voxels, counts = np.empty_like(cells), np.empty_like(cells)
    end = 0
    for cell in range(len(corners)):
        first = last = end
        for sample in range(size):
            voxel = 0
            for axis in range(3):
                place = 0.0
                for corner in range(4):
                    place += samples[sample, corner] * corners[cell, corner, axis]
                step = int(np.floor(place))
                inside = voxel >= 0 and 0 <= step < shape[axis]
                voxel = voxel * shape[axis] + step if inside else -1
            if last == end or voxels[last] != voxel:
                last = first
                while last < end and voxels[last] != voxel:
                    last += 1
            if last == end:
                cells[end], voxels[end], counts[end] = cell, voxel, 0
                end += 1
            counts[last] += 1
    return cells[:end], voxels[:end], counts[:end]
