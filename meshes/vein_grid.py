"""A network of veins cut into short pieces, and the cells of a mesh around each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self, cast

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.sparse import csr_array

from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

PIECE = 1.5
"""Longest piece in mm; a plug's time to the end of a piece is then within 1 % from the third piece on (tag D)."""

_RINGS, _ON_RING, _ALONG = 3, 8, 3
"""Samples of the surroundings of a piece: rings of equal area around it, points on each, and places along it."""


@dataclass(frozen=True)
class VeinGrid:
    """Pieces of veins and the junctions between them; a piece has one junction at each of its ends.

    Attributes:
        segment: (k,) row of ``VeinNetwork.segments``.
        ends: (k, 2, 3) mm.
        diameter: (k,) mm.
        junctions: (k, 2) number of the junction at each end, from 0.
        exits: (x,) junctions at which a vein leaves the bone.
        exit_sites: of them, one of :data:`meshes.leak_sites.SITES` each.
    """

    segment: NDArray[np.int64]
    ends: NDArray[np.float64]
    diameter: NDArray[np.float64]
    junctions: NDArray[np.int64]
    exits: NDArray[np.int64]
    exit_sites: tuple[str, ...]

    @classmethod
    def of_network(cls, network: VeinNetwork, longest: float = PIECE) -> Self:
        """Cut every segment into even pieces of at most ``longest`` mm; the first junctions are the network's nodes."""
        counts = np.ceil(network.lengths / longest - 1e-9).astype(np.int64)
        segment, ends, junctions, free = np.repeat(np.arange(len(counts)), counts), [], [], len(network.nodes)
        for (first, last), count in zip(network.segments, counts, strict=True):
            places = np.linspace(network.nodes[first], network.nodes[last], count + 1)
            numbers = np.concatenate([[first], free + np.arange(count - 1), [last]])
            free += count - 1
            ends.append(np.stack([places[:-1], places[1:]], axis=1))
            junctions.append(np.stack([numbers[:-1], numbers[1:]], axis=1))
        return cls(
            segment,
            np.concatenate([np.empty((0, 2, 3)), *ends]),
            network.diameters[segment],
            np.concatenate([np.empty((0, 2), dtype=np.int64), *junctions]),
            np.array(list(network.exit_sites), dtype=np.int64),
            tuple(network.exit_sites.values()),
        )

    @cached_property
    def length(self) -> NDArray[np.float64]:
        """(k,) mm."""
        return np.linalg.norm(self.ends[:, 1] - self.ends[:, 0], axis=1)

    @cached_property
    def direction(self) -> NDArray[np.float64]:
        """(k, 3) unit vectors along the pieces."""
        return (self.ends[:, 1] - self.ends[:, 0]) / self.length[:, None]

    @cached_property
    def area(self) -> NDArray[np.float64]:
        """(k,) cross-section in mm2."""
        return 0.25 * math.pi * self.diameter**2

    @cached_property
    def volume(self) -> NDArray[np.float64]:
        """(k,) mm3."""
        return self.area * self.length

    def shares_of_cells(self, mesh: TetMesh, radius: NDArray[np.float64]) -> csr_array:
        """What part of its surroundings every piece has in each cell.

        Args:
            mesh: in the frame of the network.
            radius: (k,) of the cylinder around each piece that counts, in mm.

        Returns:
            Matrix of (k, cells) numbers whose rows sum to 1, or are empty where the surroundings lie outside the body.
        """
        along = (np.arange(_ALONG) + 0.5) / _ALONG
        turn = 2.0 * math.pi * (np.arange(_ON_RING) + 0.5 * (np.arange(_RINGS)[:, None] % 2)) / _ON_RING
        reach = np.sqrt((np.arange(_RINGS)[:, None] + 0.5) / _RINGS)
        disc = np.stack([reach * np.cos(turn), reach * np.sin(turn)], axis=-1).reshape(-1, 2)
        axis = np.eye(3)[np.abs(self.direction).argmin(axis=1)]
        first = np.cross(self.direction, axis)
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        across = np.stack([first, np.cross(self.direction, first)], axis=1)
        middle = self.ends[:, :1] + along[:, None] * (self.ends[:, 1:] - self.ends[:, :1])
        around = radius[:, None, None] * (disc @ across)
        points = (middle[:, :, None] + around[:, None]).reshape(-1, 3)
        grid = pv.UnstructuredGrid({pv.CellType.TETRA: mesh.cells}, mesh.points)
        found = cast("NDArray[np.int64]", np.atleast_1d(grid.find_containing_cell(points)))
        rows = np.repeat(np.arange(len(self.segment)), _ALONG * len(disc))[found >= 0]
        counts = np.maximum(np.bincount(rows, minlength=len(self.segment)), 1)
        shares = csr_array((1.0 / counts[rows], (rows, found[found >= 0])), (len(self.segment), len(mesh.cells)))
        shares.sum_duplicates()
        return shares
