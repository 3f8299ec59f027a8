"""Veins inside a vertebral body as lines with a calibre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meshes.leak_sites import SITES

DIAMETERS = (0.05, 8.0)
"""Diameters in mm that a vein in a body may have, drawn or given: from what lets next to nothing through to three times
the 2 to 3 mm of a trunk near its foramen (tag D)."""


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
    def exit_diameters(self) -> dict[str, float]:
        """Leak site -> diameter in mm of the widest vein that leaves the bone there."""
        widest: dict[str, float] = {}
        for ends, diameter in zip(self.segments.tolist(), self.diameters.tolist(), strict=True):
            for site in (self.exit_sites[end] for end in ends if end in self.exit_sites):
                widest[site] = max(widest.get(site, 0.0), diameter)
        return widest

    def divided(self, longest: float) -> VeinNetwork:
        """The same veins in segments of at most ``longest`` mm; the nodes that they have now are the first ones."""
        counts = np.ceil(self.lengths / longest - 1e-9).astype(np.int64)
        nodes, segments, free = [self.nodes], [], len(self.nodes)
        for (first, last), count in zip(self.segments, counts, strict=True):
            nodes.append(np.linspace(self.nodes[first], self.nodes[last], count + 1)[1:-1])
            line = np.concatenate([[first], free + np.arange(count - 1), [last]])
            segments.append(np.stack([line[:-1], line[1:]], axis=1))
            free += count - 1
        return VeinNetwork(
            np.concatenate(nodes), np.concatenate(segments), np.repeat(self.diameters, counts), self.exit_sites
        )

    @property
    def volume(self) -> float:
        """Volume of all segments as cylinders in mm3."""
        return float(0.25 * np.pi * self.diameters**2 @ self.lengths)
