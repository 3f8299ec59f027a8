"""Round holes on the surface of a body: triangles whose edges follow the hole's outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.remeshing import split_triangles
from meshes.surface import Surface, nearest_points

CELLS_ACROSS = 6.0
"""Edges of the mesh that lie side by side across a hole (tag D)."""

LEAST_SIZE = 0.4
"""mm; the mesh at a hole is no finer than this (tag D)."""

_AREA_TOLERANCE = 2e-3  # relative error of the area inside of an outline
_AREA_ROUNDS = 8  # in which that is reached
_SNAP = 0.3  # edge lengths within which points move onto an outline
_FIRM_SNAP = 0.05  # the same of points on other outlines and on sharp edges
_CORE = 0.5  # of the radius, within which no point moves onto an outline
_EDGE_END = 0.05  # of an edge that is split, beyond which a point does not come nearer to its end
_SHARP = 0.9  # cosine between the normals of a point and of a triangle at it
_PROJECTIONS = 3  # alternately onto the sphere and the surface


@dataclass(frozen=True)
class Hole:
    """A round part of a wall.

    Attributes:
        wall: facet region that it lies in.
        point: (3,) mm; the hole lies about the wall's point nearest to it.
        diameter: mm.
    """

    wall: str
    point: tuple[float, float, float]
    diameter: float


def hole_size(diameter: float) -> float:
    """Edge length in mm of a mesh that shows the outline of a hole of a ``diameter`` in mm."""
    return max(diameter / CELLS_ACROSS, LEAST_SIZE)


@dataclass(frozen=True)
class _Outlined:
    """A surface cut along an outline.

    Attributes:
        surface: its last points lie on edges of the surface before.
        on: (n,) whether a point lies on the outline.
        ends: (m, 2) points at the ends of the edges that the last m points lie on.
        inside: (k,) whether a triangle lies inside.
    """

    surface: Surface
    on: NDArray[np.bool_]
    ends: NDArray[np.int64]
    inside: NDArray[np.bool_]


def outline(surface: Surface, circles: Sequence[tuple[NDArray[np.float64], float]]) -> Surface:
    """Cut triangles so that no one of them lies on both sides of any circle.

    A circle is where the sphere of its diameter about its centre meets the surface; on planes and spheres the part
    inside has the area pi d^2 / 4. Its points are set on a slightly wider sphere, so that their polygon has that area.
    The surface does not move but for what points slide along it.

    Args:
        surface: closed surface, fine enough to show the circles; one within a single triangle leaves no trace.
        circles: centre, (3,) mm on the surface, and diameter in mm of each; where they come close to each other, the
            later ones are followed more closely.
    """
    original, firm = surface, _sharp(surface)
    for centre, diameter in circles:
        outlined = _cut(surface, centre, 0.5 * diameter, firm)
        surface = _with_area(original, outlined, centre, diameter)
        firm = np.concatenate([firm, np.zeros(len(outlined.ends), dtype=bool)]) | outlined.on
    return surface


def _with_area(original: Surface, outlined: _Outlined, centre: NDArray[np.float64], diameter: float) -> Surface:
    """The surface with the points of an outline so far from its centre that the triangles inside have its area."""
    surface, radius = outlined.surface, 0.5 * diameter
    split = len(surface.points) - len(outlined.ends)
    slid = np.flatnonzero(outlined.on[:split])
    for _ in range(_AREA_ROUNDS if outlined.inside.any() else 0):
        points = surface.points.copy()
        points[slid] = _onto_sphere(original, points[slid], centre, radius)
        points[split:] = _on_edges(points[outlined.ends], centre, radius)
        surface = Surface(points, surface.triangles)
        share = float(surface.areas[outlined.inside].sum()) / (0.25 * np.pi * diameter**2)
        if abs(share - 1.0) <= _AREA_TOLERANCE:
            break
        radius *= share**-0.5
    return surface


def _cut(surface: Surface, centre: NDArray[np.float64], radius: float, firm: NDArray[np.bool_]) -> _Outlined:
    """Let the points near a sphere belong to it, not yet in their places, and split the edges that still cross it."""
    points, triangles = surface.points, surface.triangles
    ahead = np.roll(triangles, -1, axis=1)
    keys = np.minimum(triangles, ahead) * len(points) + np.maximum(triangles, ahead)
    keys, edge_of = np.unique(keys, return_inverse=True)
    ends = np.stack([keys // len(points), keys % len(points)], axis=1)
    length = np.full(len(points), np.inf)
    for end in ends.T:
        np.minimum.at(length, end, np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1))
    distance = np.linalg.norm(points - centre, axis=1)
    away = distance - radius
    on = (np.abs(away) < np.where(firm, _FIRM_SNAP, _SNAP) * length) & (distance > _CORE * radius)
    side = np.where(on, 0.0, np.sign(away))
    crosses = side[ends].prod(axis=1) < 0.0
    new_point = np.where(crosses, len(points) + np.cumsum(crosses) - 1, -1)
    side = np.concatenate([side, np.zeros(crosses.sum())])
    triangles = split_triangles(triangles, new_point[edge_of.reshape(-1, 3)])
    cut = Surface(np.concatenate([points, points[ends[crosses]].mean(axis=1)]), triangles)
    return _Outlined(cut, side == 0.0, ends[crosses], (side[triangles] <= 0.0).all(axis=1))


def _onto_sphere(
    surface: Surface, points: NDArray[np.float64], centre: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """(n, 3) points of a surface on a sphere near (n, 3) points."""
    for _ in range(_PROJECTIONS if len(points) else 0):
        arms = points - centre
        points = nearest_points(surface, centre + arms * (radius / np.linalg.norm(arms, axis=1))[:, None])
    return points


def _on_edges(ends: NDArray[np.float64], centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """(m, 3) points where edges with (m, 2, 3) ends, one inside and one outside, meet a sphere."""
    start, along = ends[:, 0] - centre, ends[:, 1] - ends[:, 0]
    square, product = (along**2).sum(axis=1), (start * along).sum(axis=1)
    root = np.sqrt(np.maximum(product**2 - square * ((start**2).sum(axis=1) - radius**2), 0.0))
    leaves = np.linalg.norm(start, axis=1) < np.linalg.norm(start + along, axis=1)
    part = np.clip((np.where(leaves, root, -root) - product) / square, _EDGE_END, 1.0 - _EDGE_END)
    return ends[:, 0] + part[:, None] * along


def _sharp(surface: Surface) -> NDArray[np.bool_]:
    """(n,) whether a point lies on an edge that would be cut off if it slid along the surface."""
    normals = surface.area_vectors / surface.areas[:, None]
    mean = surface.point_normals[surface.triangles]
    least = np.full(len(surface.points), 1.0)
    np.minimum.at(least, surface.triangles, (normals[:, None] * mean).sum(axis=2))
    return least < _SHARP
