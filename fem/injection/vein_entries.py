"""The ways from the cells of a body into its veins.

Every piece of vein takes fluid from the cells around it, each way with the share of the piece's surroundings that lies
in its cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.partition import Partition
from fem.porous import PorousMedium
from materials.vein import IntraosseousVeins
from meshes.vein_grid import VeinGrid

MEAN_RADIUS = math.exp(-0.25)
"""Radius at which the mean pressure of a cylinder stands that gives off fluid evenly to its axis, over its radius."""

CELL_REACH = 0.4
"""By how much of their edge the cells of the surroundings reach beyond them, in quadrature (fitted to the line sink in
tests/verification/test_line_sink.py, tag D)."""

LEAST_RADIUS = 2.0
"""Least radius of the surroundings over that of the vein, so that they reach beyond it (tag D)."""


@dataclass(frozen=True)
class VeinEntries:
    """The ways in; all q of them are known on every rank, in the same order.

    Attributes:
        partition: the distributed mesh.
        piece: (q,) that each way in leads to.
        cell: (q,) local number of the cell that it comes from; -1 where this rank does not have it.
        shape: (q,) conductance to cement of unit viscosity in mm3.
        conductance: (q,) to marrow in mm3/(s MPa).
        drained: (local cells,) whether the cell has a way to a vein.
    """

    partition: Partition
    piece: NDArray[np.int64]
    cell: NDArray[np.int64]
    shape: NDArray[np.float64]
    conductance: NDArray[np.float64]
    drained: NDArray[np.bool_]

    @classmethod
    def build(
        cls,
        partition: Partition,
        medium: PorousMedium,
        grid: VeinGrid,
        law: IntraosseousVeins,
        conductance: float,
    ) -> VeinEntries:
        """Find the ways in.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            grid: pieces of the veins.
            law: of what enters them.
            conductance: of all their walls together to marrow in mm3/(s MPa).
        """
        radius = np.maximum(law.contact_radius, LEAST_RADIUS * 0.5 * grid.diameter)
        shares = grid.shares_of_cells(partition.source, radius).tocoo()
        piece, cells = shares.row.astype(np.int64), shares.col
        tensors, along = medium.permeability[cells], grid.direction[piece]
        across = np.linalg.det(tensors) * np.einsum("qi,qij,qj->q", along, np.linalg.inv(tensors), along)
        volume = np.bincount(piece, shares.data * partition.source.cell_volumes[cells], len(radius))
        reach = np.hypot(radius, CELL_REACH * np.cbrt(6.0 * math.sqrt(2.0) * volume))
        drop = np.log(MEAN_RADIUS * reach / (0.5 * grid.diameter))[piece]
        shape = law.wall_entry_factor * 2.0 * math.pi * grid.length[piece] * shares.data * np.sqrt(across) / drop
        surface = grid.length[piece] * grid.diameter[piece] * shares.data
        local = np.full(len(partition.source.cells), -1, dtype=np.int64)
        local[partition.original_cells] = np.arange(len(partition.original_cells))
        cell = local[cells]
        drained = np.zeros(len(partition.original_cells), dtype=bool)
        drained[cell[cell >= 0]] = True
        to_marrow = conductance * surface / max(surface.sum(), 1e-300)
        return cls(partition, piece, cell, shape, to_marrow, drained)

    @property
    def here(self) -> NDArray[np.int64]:
        """Numbers of the ways whose cell this rank has, ghosts included."""
        return np.flatnonzero(self.cell >= 0)

    def by_cell(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(local cells,) sums of the (q,) values of the ways from each cell, ghosts included."""
        here = self.here
        return np.bincount(self.cell[here], values[here], len(self.drained))

    def of_cells(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q,) value of the cell of each way in, from (local cells,); collective."""
        owned = (self.cell >= 0) & (self.cell < self.partition.owned_cells)
        known = np.where(owned, values[np.maximum(self.cell, 0)], 0.0)
        return self.partition.comm.allreduce(known) if self.partition.comm.size > 1 else known
