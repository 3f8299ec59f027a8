"""Veins inside a vertebral body as lines with a calibre, and the pieces into which the cells of a mesh cut them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meshes.leak_sites import SITES
from meshes.tetmesh import TetMesh

_SHORTEST = 1e-9  # mm; cuts that lie closer together are one
_INSIDE = 1e-9  # barycentric coordinate above which a point counts as inside a cell


@dataclass(frozen=True)
class VeinNetwork:
    """Trees of straight veins.

    Attributes:
        nodes: (n, 3) mm in the frame of the mesh.
        segments: (s, 2) rows of ``nodes``, the one nearer to the root of its tree first: an order along the drawn
            line, which says nothing of the way that blood or cement takes.
        diameters: (s,) mm.
        exit_sites: node -> leak site at which the vein leaves the bone there, one of
            :data:`meshes.leak_sites.SITES`. Ends without one are blind.
    """

    nodes: NDArray[np.float64]
    segments: NDArray[np.int64]
    diameters: NDArray[np.float64]
    exit_sites: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that are no trees of veins.

        Raises:
            ValueError: shapes disagree, a number is not finite or not positive, segments close a loop or have no
                length, or an exit is no end of a vein or not at a leak site.
        """
        count = len(self.segments)
        if self.nodes.shape != (len(self.nodes), 3) or self.segments.shape != (count, 2):
            raise ValueError("nodes have the shape (n, 3) and segments the shape (s, 2)")
        if self.diameters.shape != (count,) or not (np.isfinite(self.diameters) & (self.diameters > 0.0)).all():
            raise ValueError("every segment has a diameter above 0 mm")
        if not np.isfinite(self.nodes).all() or not (self.lengths > 0.0).all():
            raise ValueError("nodes are finite and every segment has a length above 0 mm")
        links = coo_array((np.ones(count), self.segments.T), shape=(len(self.nodes), len(self.nodes)))
        if connected_components(links, directed=False)[0] != len(self.nodes) - count:
            raise ValueError("the segments close a loop; veins are trees")
        ends = np.bincount(self.segments.ravel(), minlength=len(self.nodes)) == 1
        if any(
            site not in SITES or not 0 <= node < len(ends) or not ends[node] for node, site in self.exit_sites.items()
        ):
            raise ValueError("every exit is an end of a vein and leads to a leak site")

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """(s,) lengths of the segments in mm."""
        return np.linalg.norm(self.nodes[self.segments[:, 1]] - self.nodes[self.segments[:, 0]], axis=1)

    @property
    def volume(self) -> float:
        """Volume of all segments as cylinders in mm3."""
        return float(0.25 * np.pi * self.diameters**2 @ self.lengths)


@dataclass(frozen=True)
class VeinElements:
    """The pieces of a network in the cells of one mesh, by segment and from its first node on.

    Attributes:
        cell: (e,) row of ``TetMesh.cells``.
        segment: (e,) row of ``VeinNetwork.segments``.
        start: (e,) mm from the segment's first node.
        length: (e,) mm.
    """

    cell: NDArray[np.int64]
    segment: NDArray[np.int64]
    start: NDArray[np.float64]
    length: NDArray[np.float64]


def cross(network: VeinNetwork, mesh: TetMesh) -> VeinElements:
    """Cut a network by the cells of a mesh.

    A segment is cut where it passes through the plane of a face of a cell that it meets, and each part belongs to the
    one cell in which its middle lies deepest, to the first of them on a face, an edge or a corner. So the pieces of a
    segment never overlap, and add up to its length inside the body to round-off.

    Args:
        network: in the frame of the mesh.
        mesh: its cells.

    Returns:
        The pieces; none where a segment lies outside the body.
    """
    corners = mesh.points[mesh.cells]
    low, high = corners.min(axis=1) - _SHORTEST, corners.max(axis=1) + _SHORTEST
    cells: list[NDArray[np.int64]] = []
    starts: list[NDArray[np.float64]] = []
    lengths: list[NDArray[np.float64]] = []
    for (first, last), length in zip(network.nodes[network.segments], network.lengths, strict=True):
        near = np.flatnonzero(((np.minimum(first, last) <= high) & (np.maximum(first, last) >= low)).all(axis=1))
        cell, ends = _pieces(corners[near], first, last, length)
        cells.append(near[cell])
        starts.append(ends[:, 0])
        lengths.append(ends[:, 1] - ends[:, 0])
    segment = np.repeat(np.arange(len(cells)), [len(part) for part in cells])
    none = np.empty(0)
    return VeinElements(
        np.concatenate([none.astype(np.int64), *cells]),
        segment,
        np.concatenate([none, *starts]),
        np.concatenate([none, *lengths]),
    )


def _pieces(
    corners: NDArray[np.float64], first: NDArray[np.float64], last: NDArray[np.float64], length: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The pieces of one segment in some cells.

    Args:
        corners: (c, 4, 3) of the cells.
        first: (3,) one end of the segment.
        last: (3,) its other end.
        length: between the two in mm.

    Returns:
        (e,) the cell of each piece and (e, 2) mm from the first end at which it begins and ends.
    """
    begin, end = _barycentric(corners, first), _barycentric(corners, last)
    slope = end - begin
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -begin / slope
    steep = np.abs(slope) > _INSIDE
    entry = np.where(steep & (slope > 0.0), crossing, 0.0).max(axis=1)
    leave = np.where(steep & (slope < 0.0), crossing, 1.0).min(axis=1)
    beside = (~steep & (np.minimum(begin, end) < -_INSIDE)).any(axis=1)
    met = np.flatnonzero(~beside & (np.maximum(entry, 0.0) <= np.minimum(leave, 1.0) + _SHORTEST / length))
    cuts = crossing[met][steep[met]]
    places = length * np.unique(np.clip(np.concatenate([cuts, [0.0, 1.0]]), 0.0, 1.0))
    places = places[np.diff(places, prepend=-1.0) > _SHORTEST]
    places[-1] = length
    middle = 0.5 * (places[1:] + places[:-1]) / length
    depth = (begin[met, :, None] + slope[met, :, None] * middle).min(axis=1)
    if not met.size:
        return met, np.empty((0, 2))
    owner = np.round(depth / _INSIDE).argmax(axis=0)
    inside = depth[owner, np.arange(len(middle))] >= -_INSIDE
    new = np.diff(owner, prepend=-1) != 0
    new[1:] |= ~inside[:-1]
    begins = np.flatnonzero(new & inside)
    stops = np.flatnonzero(inside & np.append(new[1:] | ~inside[1:], True)) + 1
    return met[owner[begins]], np.stack([places[begins], places[stops]], axis=1)


def _barycentric(corners: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """(c, 4) barycentric coordinates of a point in (c, 4, 3) cells."""
    edges = np.moveaxis(corners[:, 1:] - corners[:, :1], 1, 2)
    inner = np.linalg.solve(edges, (point - corners[:, 0])[:, :, None])[:, :, 0]
    return np.concatenate([1.0 - inner.sum(axis=1, keepdims=True), inner], axis=1)
