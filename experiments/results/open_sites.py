"""The open parts of the wall, and where in them cement has left, as the stored fields tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.results.vein_cement import VeinCement
from experiments.results.wording import leaked
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

CARRIED = 0.95
"""Share of a site's cement that went through the facets of its spot (tag D)."""

FILLED = 0.5
"""Share of a cell, or of the last piece of a vein, that cement fills from which on it leaves there (tag D)."""

EXIT_RADIUS = 1.5
"""mm around the end of a vein within which facets stand for it in pictures."""

FloatArray = NDArray[np.float64]
Fields = tuple[float, FloatArray, FloatArray]
"""Time in s; (cells,) saturation; (cells, 3) Darcy velocity in mm/s."""


@dataclass(frozen=True)
class OpenSite:
    """A part of the wall through which cement can leave, whether it does or not.

    Attributes:
        site: its name, one of :data:`meshes.leak_sites.SITES`.
        leak_class: its clinical class; ``needle_track`` is one of its own.
        facets: rows of ``mesh.facets`` that are open.
        leaked_ml: cement that left through it.
        spot: those of ``facets`` through which it left; None for all of them.
    """

    site: str
    leak_class: str
    facets: NDArray[np.int64]
    leaked_ml: float
    spot: NDArray[np.int64] | None = None

    @property
    def wet(self) -> NDArray[np.int64]:
        """Rows of ``mesh.facets`` where cement left; none where it did not."""
        if not leaked(self.leaked_ml):
            return self.facets[:0]
        return self.facets if self.spot is None else self.spot


def around_exits(
    mesh: TetMesh, veins: VeinNetwork, nodes: Collection[int] | None = None
) -> dict[str, NDArray[np.int64]]:
    """Leak site -> the facets within :data:`EXIT_RADIUS` of the ends of veins there, the nearest of each at least.

    Args:
        mesh: the body.
        veins: in its frame.
        nodes: of the ends that count; all by default.
    """
    found: dict[str, list[NDArray[np.int64]]] = {}
    for node, site in veins.exit_sites.items():
        if nodes is not None and node not in nodes:
            continue
        away = np.linalg.norm(mesh.facet_centroids - veins.nodes[node], axis=1)
        found.setdefault(site, []).append(np.flatnonzero(away <= max(EXIT_RADIUS, float(away.min()))))
    return {site: np.unique(np.concatenate(parts)) for site, parts in found.items()}


def cement_through(mesh: TetMesh, fields: Iterator[Fields]) -> FloatArray:
    """(facets,) mm3 of cement that has gone out through each facet, if it were open.

    An estimate by the velocities of the cells behind the facets at the stored times, good for shares of a site and not
    for its volume, which the injection itself books.
    """
    through, before = np.zeros(len(mesh.facets)), None
    for time, saturation, velocity in fields:
        outwards = np.einsum("ij,ij->i", velocity[mesh.facet_cells], mesh.facet_normals)
        rate = np.where(saturation[mesh.facet_cells] >= FILLED, np.maximum(outwards, 0.0) * mesh.facet_areas, 0.0)
        if before is not None:
            through += 0.5 * (time - before[0]) * (rate + before[1])
        before = time, rate
    return through


def carrying(facets: NDArray[np.int64], through: FloatArray) -> NDArray[np.int64]:
    """The fewest of ``facets`` that carried :data:`CARRIED` of their cement; none where none did."""
    order = facets[np.argsort(-through[facets], kind="stable")]
    carried = np.cumsum(through[order])
    if not len(order) or carried[-1] <= 0.0:
        return order[:0]
    return np.sort(order[: 1 + int(np.searchsorted(carried, CARRIED * carried[-1]))])


def left_through(veins: VeinNetwork, cement: VeinCement) -> set[int]:
    """Nodes of a network, ends of veins at the wall, at which cement has left."""
    ends = cement.ends.reshape(-1, 3)
    found = set()
    for node in veins.exit_sites:
        piece = int(np.linalg.norm(ends - veins.nodes[node], axis=1).argmin()) // 2
        if cement.filling[piece] >= FILLED:
            found.add(node)
    return found
