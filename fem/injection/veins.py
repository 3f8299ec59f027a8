"""Veins in the bone: marrow drains into them, and cement enters them and moves on as plugs.

Every piece of vein takes fluid from the cells around it, each way with a share w of the piece's surroundings. Where no
cement plugs it, blood stands in the vein at the pressure p_o outside, and the displaced phase passes its wall with

    w G mu_m / mu_d (1 - S) (1 - s) (p - p_o),

with the conductance G of the piece to marrow of viscosity mu_m and the share s of it that holds cement. Cement passes
by the bone around the vein,

    w F 2 pi k l S / (mu_c ln(r_e / r_w)) max(p - p_v, 0),

with the permeability k across the vein, the length l, the radius r_w of the vein and that at which the mean pressure of
the surroundings stands, r_e, the factor F of the vein's wall, and the pressure p_v in the piece: that outside and of
collapse while it is not full, and above it by what drives the plug (:mod:`fem.injection.vein_plugs`) once it is.
What a cell gives to plugs is cement. It does not come back out of a vein.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import spsolve

from fem import profiling
from fem.injection.cell_outflow import CellOutflow
from fem.injection.vein_plugs import Spread, VeinPlugs, WallEntry
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.exchange import Exchange, JoinedCells
from materials.cement import Rheology
from materials.vein import IntraosseousVeins, PlugFlow
from meshes.leak_sites import SITES
from meshes.vein_grid import VeinGrid
from meshes.vein_network import VeinNetwork

MEAN_RADIUS = math.exp(-0.25)
"""Radius at which the mean pressure of a cylinder stands that gives off fluid evenly to its axis, over its radius."""

TRACE = 1e-9
"""Share of a volume below which cement has no age of its own: that of traces is round-off."""

CELL_REACH = 0.4
"""By how much of their edge the cells of the surroundings reach beyond them, in quadrature (fitted to the line sink in
tests/verification/test_line_sink.py, tag D)."""

LEAST_RADIUS = 2.0
"""Least radius of the surroundings over that of the vein, so that they reach beyond it (tag D)."""


@dataclass(frozen=True)
class Veins:
    """The veins of one body.

    Attributes:
        network: in the frame of the mesh.
        law: of what enters them.
        conductance: of all their walls together to marrow in mm3/(s MPa).
        outside_pressure: in MPa above the resting intraosseous pressure.
    """

    network: VeinNetwork
    law: IntraosseousVeins
    conductance: float
    outside_pressure: float


@dataclass(frozen=True)
class VeinState:
    """Cement in the veins, the same on every rank.

    Attributes:
        content: (k,) in each piece in mm3.
        entry_time: (k,) mean time in s at which it left the needle; in empty pieces that of what may come.
        pressure: (nodes,) of the last solve in MPa above that at which cement moves into blood.
        behind: (q,) the same behind each way in.
        entering: (q,) mm3/s of cement through each way in, by the last solve.
        step: length of the last step in s, for which the next solve foresees how plugs grow.
    """

    content: NDArray[np.float64]
    entry_time: NDArray[np.float64]
    pressure: NDArray[np.float64]
    behind: NDArray[np.float64]
    entering: NDArray[np.float64]
    step: float


@dataclass(frozen=True)
class LinearVeins:
    """The law about the state of the last solve.

    Attributes:
        exchange: with the cells of this rank.
        flow: of the cement in the pieces.
        entry: ways in, with the pressures that the law is linear about.
        spread: at these.
        working: (q,) conductance of the ways in that cement passes.
    """

    exchange: Exchange
    flow: PlugFlow
    entry: WallEntry
    spread: Spread
    working: NDArray[np.float64]

    def entering(self, behind: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q,) rates in mm3/s at other pressures in MPa behind the ways in, by the linear law."""
        more, wet = self.working * (behind - self.entry.pressure), self.spread.wet
        pressure = np.zeros(len(self.flow.creep))
        pressure[wet] = self.spread.response @ np.bincount(self.entry.piece, more, len(pressure))[wet]
        return self.spread.entering + more - self.working * pressure[self.entry.piece]


@dataclass(frozen=True)
class VeinFlow:
    """The law of the veins; what changes in time is a :class:`VeinState`.

    Attributes:
        partition: the distributed mesh.
        plugs: how cement moves in the network.
        law: of what enters it.
        cement: rheology of the cement.
        marrow_viscosity: MPa s that the conductance is told for.
        outside_pressure: MPa.
        piece: (q,) that each way in leads to.
        cell: (q,) local number of the cell that it comes from; -1 where this rank does not have it.
        shape: (q,) conductance to cement of unit viscosity in mm3.
        conductance: (q,) to marrow in mm3/(s MPa).
        drained: (local cells,) whether the cell has a way to a vein.
    """

    partition: Partition
    plugs: VeinPlugs
    law: IntraosseousVeins
    cement: Rheology
    marrow_viscosity: float
    outside_pressure: float
    piece: NDArray[np.int64]
    cell: NDArray[np.int64]
    shape: NDArray[np.float64]
    conductance: NDArray[np.float64]
    drained: NDArray[np.bool_]

    @classmethod
    def build(
        cls, partition: Partition, medium: PorousMedium, veins: Veins, cement: Rheology, marrow_viscosity: float
    ) -> VeinFlow:
        """Find the ways in.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            veins: of the body.
            cement: rheology of the cement.
            marrow_viscosity: viscosity in MPa s that the conductance is told for.
        """
        grid, law = VeinGrid.of_network(veins.network), veins.law
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
        return cls(
            partition=partition,
            plugs=VeinPlugs.of_grid(grid),
            law=law,
            cement=cement,
            marrow_viscosity=marrow_viscosity,
            outside_pressure=veins.outside_pressure,
            piece=piece,
            cell=cell,
            shape=shape,
            conductance=veins.conductance * surface / max(surface.sum(), 1e-300),
            drained=drained,
        )

    @property
    def grid(self) -> VeinGrid:
        """The pieces."""
        return self.plugs.grid

    def initial_state(self) -> VeinState:
        """Veins full of blood."""
        pieces, ways = np.zeros(len(self.grid.length)), np.zeros(len(self.piece))
        return VeinState(pieces, pieces, np.zeros(self.plugs.nodes), ways, ways, 1.0)

    @profiling.Event("vpVeins")
    def linearise(
        self,
        state: VeinState,
        saturation: NDArray[np.float64],
        cement_viscosity: NDArray[np.float64],
        displaced_viscosity: NDArray[np.float64],
        closed: NDArray[np.bool_],
        age: NDArray[np.float64],
    ) -> LinearVeins:
        """The law about the pressures of the last solve.

        Args:
            state: of the last solve.
            saturation: (local cells,) cement saturation.
            cement_viscosity: (local cells,) in MPa s.
            displaced_viscosity: (local cells,) in MPa s.
            closed: (local cells,) whether the displaced phase does not leave into veins.
            age: (k,) of the cement in the pieces in s.
        """
        filled = np.clip(saturation, 0.0, 1.0)
        seepage = np.where(closed, 0.0, (1.0 - filled) * self.marrow_viscosity / displaced_viscosity)
        mobility, behind = self._on_all_ranks(filled / cement_viscosity), state.behind
        flow = PlugFlow.of_cement(self.grid.diameter, self.cement, age)
        filling = state.content / self.grid.volume
        blood, moving = self.plugs.reach_outside(filling)
        entry = WallEntry(self.piece, self.shape * mobility, behind)
        nothing = np.zeros(len(filling))
        spread = self.plugs.spread(flow, state.content, state.step, moving, nothing, entry, state.pressure)
        working = np.where(spread.entering > 0.0, entry.conductance, 0.0)
        here = np.flatnonzero(self.cell >= 0)
        cell, cells = self.cell[here], len(saturation)
        drain = self.conductance * np.where(blood, np.clip(1.0 - filling, 0.0, 1.0), 0.0)[self.piece]
        to_marrow = np.bincount(cell, drain[here], cells) * seepage
        to_cement = np.bincount(cell, working[here], cells)
        base = self.outside_pressure + self.law.collapse_pressure
        about = np.bincount(cell, working[here] * (base + behind[here]), cells)
        total = to_marrow + to_cement
        pressure = np.divide(to_marrow * self.outside_pressure + about, total, out=np.zeros(cells), where=total > 0.0)
        rate = -np.bincount(cell, spread.entering[here], cells)
        joined = self._joined(spread, working)
        if joined is not None:
            means = np.zeros(cells)
            means[cell] = base + behind[here]
            rate[joined.cells] -= joined.given_back(means[joined.cells])
        return LinearVeins(Exchange(total, pressure, rate, joined), flow, entry, spread, working)

    @profiling.Event("vpVeins")
    def take_solution(
        self, state: VeinState, law: LinearVeins, cell_pressure: NDArray[np.float64]
    ) -> tuple[VeinState, float]:
        """Take over a solve.

        Args:
            state: before it.
            law: that it was made with.
            cell_pressure: (local cells,) mean pressures of the cells' facets in MPa.

        Returns:
            The state after it, and the rate in mm3/s by which the linear law missed the law itself.
        """
        behind = self._on_all_ranks(cell_pressure) - self.outside_pressure - self.law.collapse_pressure
        spread, entering = self._spread(state, law, behind), law.entering(behind)
        after = replace(state, pressure=spread.pressure, behind=behind, entering=entering)
        return after, float(np.abs(spread.entering - entering).sum())

    @profiling.Event("vpVeins")
    def stepped_back(self, before: VeinState, after: VeinState, law: LinearVeins) -> VeinState:
        """A better state to linearise about than the last solve, between it and the one before.

        The pressure minimises a convex function, to which bone and veins add their parts. That of bone is quadratic,
        so that its slope between two solves is known, and the lowest point on the way is where the law of the veins
        passes what both solves together had it pass. Without it, plugs that fill within a step may go to and fro.
        """
        way = after.behind - before.behind

        def slope(share: float) -> float:
            entering = self._spread(before, law, before.behind + share * way).entering
            return float(way @ (entering - (1.0 - share) * before.entering - share * after.entering))

        if not slope(0.0) < 0.0 < slope(1.0):
            return after
        share = float(brentq(slope, 0.0, 1.0, xtol=1e-6, rtol=1e-3))
        return replace(
            after,
            behind=before.behind + share * way,
            entering=(1.0 - share) * before.entering + share * after.entering,
        )

    def _spread(self, state: VeinState, law: LinearVeins, behind: NDArray[np.float64]) -> Spread:
        _, moving = self.plugs.reach_outside(state.content / self.grid.volume)
        entry, nothing = replace(law.entry, pressure=behind), np.zeros(len(state.content))
        return self.plugs.spread(law.flow, state.content, state.step, moving, nothing, entry, law.spread.pressure)

    def cement_out(self, state: VeinState) -> NDArray[np.float64]:
        """(local cells,) rate in mm3/s of what the ways in for cement take from each cell, ghosts included."""
        here = np.flatnonzero(self.cell >= 0)
        return np.bincount(self.cell[here], np.maximum(state.entering[here], 0.0), len(self.drained))

    def outflow(self, state: VeinState, saturation: NDArray[np.float64]) -> CellOutflow:
        """The same with its composition, at the (local cells,) saturation that it was solved for: all of it cement."""
        rate = self.cement_out(state)
        return CellOutflow(rate, rate / np.clip(saturation, 1e-12, 1.0), np.zeros_like(rate))

    def volumes_in(self, state: VeinState, cell_cement: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q,) cement in mm3 through each way in, from what (local cells,) leaves each cell into veins; collective."""
        share, total = np.maximum(state.entering, 0.0), self.cement_out(state)
        return share * self._on_all_ranks(np.divide(cell_cement, total, out=np.zeros_like(total), where=total > 0.0))

    @profiling.Event("vpVeins")
    def move(
        self,
        state: VeinState,
        volume: NDArray[np.float64],
        length: float,
        age: NDArray[np.float64],
    ) -> VeinMove:
        """Let the cement that has come in move on.

        Args:
            state: before the step.
            volume: (q,) that comes in through each way, in mm3.
            length: of the step in s.
            age: (k,) of the cement in the pieces in s.
        """
        pieces = len(state.content)
        came = np.bincount(self.piece, volume, pieces)
        if length == 0.0 or not (came.any() or state.content.any()):
            return VeinMove(replace(state, step=length), np.zeros(len(SITES)), np.zeros(len(self.plugs.piece)), volume)
        flow = PlugFlow.of_cement(self.grid.diameter, self.cement, age)
        _, moving = self.plugs.reach_outside(state.content / self.grid.volume)
        spread = self.plugs.spread(flow, state.content, length, moving, came / length, WallEntry.none(), state.pressure)
        out = length * spread.flow
        content = state.content + came - np.bincount(self.plugs.piece, out, pieces)
        through = np.bincount(self.plugs.node, out, self.plugs.nodes)[self.plugs.exits]
        sites = [SITES.index(site) for site in self.grid.exit_sites]
        leaked = np.bincount(sites, through, len(SITES)) if sites else np.zeros(len(SITES))
        return VeinMove(replace(state, content=content, step=length), leaked, out, volume)

    def entry_times(
        self,
        before: VeinState,
        move: VeinMove,
        cell_time: NDArray[np.float64],
        saturation: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(k,) times in s at which the cement left the needle, after a move; it mixes in every piece.

        Args:
            before: the state before the move.
            move: what has moved.
            cell_time: (local cells,) the same of the cement in the cells, after the step.
            saturation: (local cells,) after the step.
        """
        plugs, pieces, content = self.plugs, len(before.content), move.state.content
        time, weight = self._on_all_ranks(cell_time), self.shape * self._on_all_ranks(np.maximum(saturation, 0.0))
        counts = content > TRACE * self.grid.volume
        if not counts.any():
            present = weight.sum() > TRACE * self.shape.sum()
            return np.full(pieces, weight @ time / weight.sum()) if present else before.entry_time
        going, coming = np.maximum(move.out, 0.0), np.maximum(-move.out, 0.0)
        leaving = np.bincount(plugs.piece, going, pieces)
        passing = np.bincount(plugs.node, going, plugs.nodes)
        held = np.concatenate([content + leaving, np.zeros(plugs.nodes - pieces)]) + passing
        rows = np.concatenate([plugs.node, plugs.piece])
        columns = np.concatenate([plugs.piece, plugs.node])
        share = np.concatenate([going, coming]) / np.where(held > 0.0, held, 1.0)[rows]
        load = np.zeros(plugs.nodes)
        load[:pieces] = before.content * before.entry_time + np.bincount(self.piece, move.came * time, pieces)
        load /= np.where(held > 0.0, held, 1.0)
        matrix = eye_array(plugs.nodes) - csr_array((share, (rows, columns)), (plugs.nodes, plugs.nodes))
        mixed = spsolve(matrix.tocsc(), load)[:pieces]
        return np.where(counts, mixed, float(content @ mixed / content.sum()))

    def cement_at_walls(self, saturation: NDArray[np.float64]) -> float:
        """Largest saturation of a cell of this rank that has a way to a vein."""
        return float(saturation[self.drained].max(initial=0.0))

    def _joined(self, spread: Spread, working: NDArray[np.float64]) -> JoinedCells | None:
        """The cells that full pieces join."""
        row = np.full(len(self.grid.length), -1)
        row[spread.wet] = np.arange(len(spread.wet))
        joins = (working > 0.0) & (row[self.piece] >= 0)
        if not joins.any():
            return None
        ways = np.flatnonzero(joins & (self.cell >= 0))
        vessels = np.unique(row[self.piece[joins]])
        number = np.full(len(spread.wet), -1)
        number[vessels] = np.arange(len(vessels))
        return JoinedCells.of_ways(
            self.cell[ways],
            number[row[self.piece[ways]]],
            working[ways],
            spread.response[np.ix_(vessels, vessels)],
            self.partition.owned_cells,
            self.partition.comm,
        )

    def _on_all_ranks(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q,) value of the cell of each way in, from (local cells,); collective."""
        owned = (self.cell >= 0) & (self.cell < self.partition.owned_cells)
        known = np.where(owned, values[np.maximum(self.cell, 0)], 0.0)
        return self.partition.comm.allreduce(known) if self.partition.comm.size > 1 else known


@dataclass(frozen=True)
class VeinMove:
    """What has moved in the veins in a step.

    Attributes:
        state: after it, but for the times of entry.
        leaked: (sites,) cement in mm3 that has left the bone.
        out: (2 k,) mm3 out of the pieces through their halves.
        came: (q,) mm3 through each way in.
    """

    state: VeinState
    leaked: NDArray[np.float64]
    out: NDArray[np.float64]
    came: NDArray[np.float64]
