"""Closed triangulated surfaces: areas, volume, normals, and what of them lies nearest to points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meshes.nearest import nearest_on_triangles

SNAP_DECIMALS = 6
"""Points lie on multiples of 1e-6 mm, so that rounding in affines cannot change the mesh."""


@dataclass(frozen=True)
class Surface:
    """A closed triangulated surface.

    Attributes:
        points: (n, 3) in mm.
        triangles: (k, 3) indices into ``points``; normals point outwards.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @cached_property
    def area_vectors(self) -> NDArray[np.float64]:
        """(k, 3) normals of the triangles with the triangles' areas in mm2 as lengths."""
        corner = self.points[self.triangles]
        return 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])

    @property
    def areas(self) -> NDArray[np.float64]:
        """(k,) areas of the triangles in mm2."""
        return np.linalg.norm(self.area_vectors, axis=1)

    @property
    def volume(self) -> float:
        """Enclosed volume in mm3."""
        return float((self.points[self.triangles].mean(axis=1) * self.area_vectors).sum() / 3.0)

    @property
    def point_normals(self) -> NDArray[np.float64]:
        """(n, 3) unit normals at the points, weighted by area."""
        return self.point_area_vectors / np.linalg.norm(self.point_area_vectors, axis=1)[:, None]

    @cached_property
    def point_area_vectors(self) -> NDArray[np.float64]:
        """(n, 3) third part of the area vectors around each point: the gradient of the volume."""
        return sum_at_points(np.repeat(self.area_vectors / 3.0, 3, axis=0), self.triangles, len(self.points))

    def is_closed_manifold(self) -> bool:
        """Whether each directed edge has exactly one opposite and the triangles around each point form one fan."""
        tail, head = self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()
        count = len(self.points)
        forward, backward = np.sort(tail * count + head), np.sort(head * count + tail)
        if (forward[1:] == forward[:-1]).any() or not np.array_equal(forward, backward):
            return False
        return bool(np.bincount(self._fans(), minlength=count).max(initial=0) <= 1)

    def _fans(self) -> NDArray[np.int64]:
        """Point index of each fan of triangles: corners that share an edge at their point are one fan."""
        corners = np.arange(self.triangles.size).reshape(-1, 3)
        tail, head = self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()
        count = len(self.points)
        forward = np.argsort(tail * count + head)
        backward = np.argsort(head * count + tail)
        following = np.roll(corners, -1, axis=1).ravel()
        rows = np.concatenate([corners.ravel()[forward], following[forward]])
        columns = np.concatenate([following[backward], corners.ravel()[backward]])
        links = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(corners.size, corners.size))
        _, fan = connected_components(links, directed=False)
        _, representative = np.unique(fan, return_index=True)
        return self.triangles.ravel()[representative]


def with_volume(surface: Surface, volume: float) -> Surface:
    """Move a closed surface along its normals by the one distance that makes it enclose ``volume`` (mm3)."""
    normals = surface.point_normals

    def excess(distance: float) -> float:
        return Surface(surface.points + distance * normals, surface.triangles).volume - volume

    distance = optimize.newton(excess, 0.0, tol=1e-12, rtol=0.0, maxiter=50)
    return Surface(surface.points + distance * normals, surface.triangles)


def rounded(surface: Surface) -> Surface:
    """The surface with its points on multiples of 1e-6 mm."""
    return Surface(np.round(surface.points, SNAP_DECIMALS), surface.triangles)


def nearest_points(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of ``surface`` nearest to (n, 3) points."""
    return nearest_facets(surface, points)[1]


def nearest_facets(surface: Surface, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The facets of ``surface`` nearest to (n, 3) points.

    Returns:
        (n,) numbers of the facets and (n, 3) the nearest points on them.
    """
    facets, nearest, _ = nearest_on_triangles(surface.points, surface.triangles, points)
    return facets, nearest


def distances(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mm from (n, 3) points to ``surface``."""
    return nearest_on_triangles(surface.points, surface.triangles, points)[2]


def sum_at_points(corner_values: NDArray[np.float64], triangles: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Sum values given per corner, (3 k,) or (3 k, d), at the points the corners belong to."""
    if corner_values.ndim == 1:
        return np.bincount(triangles.ravel(), weights=corner_values, minlength=count)
    return np.stack([sum_at_points(column, triangles, count) for column in corner_values.T], axis=1)
