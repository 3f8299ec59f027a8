"""The surface in front of conduits that are narrower than its facets: vein ends, and fissures along a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.tetmesh import TetMesh

REACH = 1.5
"""mm about a vein's end or a fissure's line within which the surface shares what flows through it: cells of up to 2 mm
resolve the flow beyond, and what bone within takes is known exactly (tag D)."""

_PARTS = 8  # along a facet's edge, by which its part within reach is measured


@dataclass(frozen=True)
class Mouth:
    """Facets that share the flow through a conduit.

    Attributes:
        facets: ascending indices into ``mesh.facets``, at least one.
        shares: (facets,) positive shares of the flow, their sum is 1.
        open_part: of the conduit that has a mouth on its wall.
    """

    facets: NDArray[np.int64]
    shares: NDArray[np.float64]
    open_part: float = 1.0


def point_mouth(mesh: TetMesh, members: NDArray[np.int64], point: NDArray[np.float64], reach: float = REACH) -> Mouth:
    """Facets in front of a vein's end, by their area within a disc about it.

    Args:
        mesh: body.
        members: ascending facets of the wall that it lies in.
        point: (3,) mm on the wall.
        reach: radius of the disc in mm.
    """
    return _mouth(mesh, members, point, lambda points: np.linalg.norm(points - point, axis=-1) <= reach)


def line_mouth(
    mesh: TetMesh,
    members: NDArray[np.int64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    reach: float = REACH,
) -> Mouth:
    """Facets in front of a straight fissure, by their area within a strip about it.

    The strip is seen along the wall's mean normal. Every stretch of the line has the same share, however it happens to
    cross the facets.

    Args:
        mesh: body.
        members: ascending facets of the wall that it lies in.
        start: (3,) mm on the wall, one end of the strip.
        end: (3,) mm on the wall, the other end.
        reach: half the strip's width in mm.
    """
    normal = (mesh.facet_areas[members, None] * mesh.facet_normals[members]).sum(axis=0)
    across = np.cross(normal, end - start)
    across /= np.linalg.norm(across)
    along = np.cross(across, normal)
    along /= np.linalg.norm(along)
    middle, half = 0.5 * (start + end), 0.5 * float((end - start) @ along)

    def inside(points: NDArray[np.float64]) -> NDArray[np.bool_]:
        arms = points - middle
        return (np.abs(arms @ across) <= reach) & (np.abs(arms @ along) <= half)

    return _mouth(mesh, members, middle, inside)


def _mouth(
    mesh: TetMesh,
    members: NDArray[np.int64],
    middle: NDArray[np.float64],
    inside: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
) -> Mouth:
    """Facets by their area inside; where no part of any is, the one nearest to the middle."""
    parts = _equal_triangles(_PARTS) @ mesh.points[mesh.facets[members]]
    covered = inside(parts).mean(axis=1) * mesh.facet_areas[members]
    if not covered.any():
        nearest = np.linalg.norm(mesh.facet_centroids[members] - middle, axis=1).argmin()
        return Mouth(members[[nearest]], np.ones(1))
    taken = covered > 0.0
    return Mouth(members[taken], covered[taken] / covered.sum())


def _equal_triangles(count: int) -> NDArray[np.float64]:
    """(count**2, 3) barycentric coordinates of the centroids of equal parts of a triangle, ``count`` along an edge."""
    i, j = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    upright, turned = i + j < count, i + j < count - 1
    first = np.concatenate([i[upright] + 1.0 / 3.0, i[turned] + 2.0 / 3.0])
    second = np.concatenate([j[upright] + 1.0 / 3.0, j[turned] + 2.0 / 3.0])
    return np.stack([count - first - second, first, second], axis=1) / count
