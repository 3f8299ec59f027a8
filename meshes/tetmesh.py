"""A tetrahedral mesh with named regions, as plain arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ENDPLATES = ("superior_endplate", "inferior_endplate")
"""Facet regions between which a body is loaded."""

FACET_REGIONS = (
    "superior_endplate",
    "inferior_endplate",
    "posterior_wall",
    "basivertebral_foramen",
    "anterior_wall",
    "left_wall",
    "right_wall",
    "left_pedicle",
    "right_pedicle",
)
"""Names that partition the boundary facets of a vertebral body."""

CELL_REGIONS = ("cancellous", "cortical_shell")
"""Names that partition the cells of a vertebral body."""

_ARRAYS, _REGIONS = ("points", "cells", "facets"), ("facet_regions", "cell_regions")

CELL_FACES = np.array([(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)])
"""Corners of the face opposite to each corner of a cell."""


def triangle_keys(triangles: NDArray[np.int64], points: int) -> NDArray[np.int64]:
    """One number per triangle of a mesh with so many points that does not depend on the order of its corners."""
    low, middle, high = np.sort(triangles, axis=1).astype(np.int64).T
    return (low * points + middle) * points + high


@dataclass(frozen=True)
class TetMesh:
    """Tetrahedra, their boundary triangles and the names of both.

    Attributes:
        points: (n, 3) coordinates in mm; for a vertebra in its anatomical frame (+x left, +y posterior, +z superior).
        cells: (m, 4) indices into ``points``, positively oriented.
        facets: (k, 3) boundary triangles, oriented so that their normals point outwards.
        facet_regions: name -> indices into ``facets``; every facet lies in exactly one region.
        cell_regions: name -> indices into ``cells``; every cell lies in exactly one region.
    """

    points: NDArray[np.float64]
    cells: NDArray[np.int64]
    facets: NDArray[np.int64]
    facet_regions: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    cell_regions: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def with_regions(
        self,
        facet_regions: Mapping[str, NDArray[np.int64]] | None = None,
        cell_regions: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> TetMesh:
        """The same mesh with other names on its facets, its cells or both."""
        return replace(
            self,
            facet_regions=self.facet_regions if facet_regions is None else facet_regions,
            cell_regions=self.cell_regions if cell_regions is None else cell_regions,
        )

    def save(self, path: Path) -> None:
        """Write points, cells, facets and regions as NumPy's ``.npz``, whole or not at all; see :meth:`load`."""
        content = {name: getattr(self, name) for name in _ARRAYS}
        for kind in _REGIONS:
            content |= {f"{kind}/{name}": members for name, members in getattr(self, kind).items()}
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(file, **content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> TetMesh:
        """The mesh that :meth:`save` wrote, bit by bit, with its regions in their order."""
        with np.load(path, allow_pickle=False) as content:
            regions = [
                {name.removeprefix(f"{kind}/"): content[name] for name in content if name.startswith(f"{kind}/")}
                for kind in _REGIONS
            ]
            return cls(*(content[name] for name in _ARRAYS), *regions)

    @cached_property
    def cell_centroids(self) -> NDArray[np.float64]:
        """(m, 3) centroids of the cells in mm."""
        return self.points[self.cells].mean(axis=1)

    @cached_property
    def cell_volumes(self) -> NDArray[np.float64]:
        """(m,) volumes of the cells in mm3."""
        corner = self.points[self.cells]
        edges = corner[:, 1:] - corner[:, :1]
        return np.linalg.det(edges) / 6.0

    @cached_property
    def facet_centroids(self) -> NDArray[np.float64]:
        """(k, 3) centroids of the boundary facets in mm."""
        return self.points[self.facets].mean(axis=1)

    @cached_property
    def _facet_area_vectors(self) -> NDArray[np.float64]:
        corner = self.points[self.facets]
        return 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])

    @cached_property
    def facet_areas(self) -> NDArray[np.float64]:
        """(k,) areas of the boundary facets in mm2."""
        return np.linalg.norm(self._facet_area_vectors, axis=1)

    @cached_property
    def facet_normals(self) -> NDArray[np.float64]:
        """(k, 3) outward unit normals of the boundary facets."""
        return self._facet_area_vectors / self.facet_areas[:, None]

    @cached_property
    def facet_cells(self) -> NDArray[np.int64]:
        """(k,) the cell that each boundary facet belongs to."""
        faces = triangle_keys(self.cells[:, CELL_FACES].reshape(-1, 3), len(self.points))
        order = np.argsort(faces)
        sought = triangle_keys(self.facets, len(self.points))
        return order[np.searchsorted(faces, sought, sorter=order)] // 4

    @property
    def volume(self) -> float:
        """Volume of the mesh in mm3."""
        return float(self.cell_volumes.sum())

    @property
    def centroid(self) -> NDArray[np.float64]:
        """(3,) centroid of the mesh in mm."""
        return (self.cell_volumes[:, None] * self.cell_centroids).sum(axis=0) / self.cell_volumes.sum()


def face_neighbours(mesh: TetMesh, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(p, 2) positions in ``chosen``, rows of ``mesh.cells``, of every two of these cells that share a face."""
    keys = triangle_keys(mesh.cells[chosen][:, CELL_FACES].reshape(-1, 3), len(mesh.points))
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    return np.stack([order[first], order[first + 1]], axis=1) // 4
