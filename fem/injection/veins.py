"""Veins in the bone: marrow drains into them, and cement enters them and moves on as plugs.

Every piece of vein takes fluid from the cells around it, each way with a share w of the piece's surroundings. Where no
cement plugs it, blood stands in the vein at the pressure p_o outside, and the displaced phase passes its wall with

    w G mu_m / mu_d (1 - S) (1 - s) (p - p_o),

with the conductance G of the piece to marrow of viscosity mu_m and the share s of it that holds cement. Cement passes
by the bone around the vein,

    w F 2 pi k l S / (mu_c ln(r_e / r_w)) max(p - p_v - p_e, 0),

with the permeability k across the vein, the length l, the radius r_w of the vein and that at which the mean pressure of
the surroundings stands, r_e, the factor F of the vein's wall, the opening pressure p_e of its entry, and the pressure
p_v in the piece: that outside and of collapse while it is not full, and above it by what drives the plug
(:mod:`fem.injection.vein_plugs`) once it is.
What a cell gives to plugs is cement. It does not come back out of a vein.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fem import profiling
from fem.injection.cell_outflow import CellOutflow
from fem.injection.vein_entries import VeinEntries
from fem.injection.vein_plugs import Spread, VeinPlugs, WallEntry
from fem.injection.vein_state import VeinState
from fem.injection.vein_transport import VeinTransport
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.exchange import Exchange, JoinedCells
from materials.cement import Rheology
from materials.vein import IntraosseousVeins, PlugFlow
from meshes.vein_grid import VeinGrid
from meshes.vein_network import VeinNetwork


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
class LinearVeins:
    """The law about the state of the last solve.

    Attributes:
        exchange: with the cells of this rank.
        flow: of the cement in the pieces.
        moving: (k,) pieces in which it can move.
        entry: ways in, with the pressures that the law is linear about.
        spread: at these.
        working: (q,) conductance of the ways in that cement passes.
    """

    exchange: Exchange
    flow: PlugFlow
    moving: NDArray[np.bool_]
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
    """The law of the veins; what changes in time is a :class:`~fem.injection.vein_state.VeinState`.

    Attributes:
        partition: the distributed mesh.
        entries: the ways in.
        plugs: how cement moves in the network.
        law: of what enters it.
        cement: rheology of the cement.
        marrow_viscosity: MPa s that the conductance is told for.
        outside_pressure: MPa.
    """

    partition: Partition
    entries: VeinEntries
    plugs: VeinPlugs
    law: IntraosseousVeins
    cement: Rheology
    marrow_viscosity: float
    outside_pressure: float

    @classmethod
    def build(
        cls, partition: Partition, medium: PorousMedium, veins: Veins, cement: Rheology, marrow_viscosity: float
    ) -> VeinFlow:
        """Cut the veins into pieces and find the ways in.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            veins: of the body.
            cement: rheology of the cement.
            marrow_viscosity: viscosity in MPa s that the conductance is told for.
        """
        grid = VeinGrid.of_network(veins.network)
        return cls(
            partition=partition,
            entries=VeinEntries.build(partition, medium, grid, veins.law, veins.conductance),
            plugs=VeinPlugs.of_grid(grid),
            law=veins.law,
            cement=cement,
            marrow_viscosity=marrow_viscosity,
            outside_pressure=veins.outside_pressure,
        )

    @property
    def transport(self) -> VeinTransport:
        """The law of what moves in them."""
        return VeinTransport(self.entries, self.plugs, self.cement)

    @property
    def grid(self) -> VeinGrid:
        """The pieces."""
        return self.plugs.grid

    def initial_state(self) -> VeinState:
        """Veins full of blood."""
        pieces, ways = np.zeros(len(self.grid.length)), np.zeros(len(self.entries.piece))
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
        mobility, behind = self.entries.of_cells(filled / cement_viscosity), state.behind
        flow = PlugFlow.of_cement(self.grid.diameter, self.cement, age)
        filling = state.content / self.grid.volume
        blood, moving = self.plugs.reach_outside(filling)
        entries = self.entries
        entry = WallEntry(entries.piece, entries.shape * mobility, behind)
        nothing = np.zeros(len(filling))
        spread = self.plugs.spread(flow, state.content, state.step, moving, nothing, entry, state.pressure)
        working = np.where(spread.entering > 0.0, entry.conductance, 0.0)
        drain = entries.conductance * np.where(blood, np.clip(1.0 - filling, 0.0, 1.0), 0.0)[entries.piece]
        to_marrow, to_cement = entries.by_cell(drain) * seepage, entries.by_cell(working)
        base = self.outside_pressure + self.law.threshold
        total = to_marrow + to_cement
        drive = to_marrow * self.outside_pressure + entries.by_cell(working * (base + behind))
        pressure = np.divide(drive, total, out=np.zeros_like(total), where=total > 0.0)
        rate = -entries.by_cell(spread.entering)
        joined = self._joined(spread, working)
        if joined is not None:
            means, here = np.zeros_like(total), entries.here
            means[entries.cell[here]] = base + behind[here]
            rate[joined.cells] -= joined.given_back(means[joined.cells])
        return LinearVeins(Exchange(total, pressure, rate, joined), flow, moving, entry, spread, working)

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
        behind = self.entries.of_cells(cell_pressure) - self.outside_pressure - self.law.threshold
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
        entry, nothing = replace(law.entry, pressure=behind), np.zeros(len(state.content))
        return self.plugs.spread(law.flow, state.content, state.step, law.moving, nothing, entry, law.spread.pressure)

    def cement_out(self, state: VeinState) -> NDArray[np.float64]:
        """(local cells,) rate in mm3/s of what the ways in for cement take from each cell, ghosts included."""
        return self.entries.by_cell(np.maximum(state.entering, 0.0))

    def outflow(self, state: VeinState, saturation: NDArray[np.float64]) -> CellOutflow:
        """The same with its composition, at the (local cells,) saturation that it was solved for: all of it cement."""
        rate = self.cement_out(state)
        return CellOutflow(rate, rate / np.clip(saturation, 1e-12, 1.0), np.zeros_like(rate))

    def volumes_in(self, state: VeinState, cell_cement: NDArray[np.float64]) -> NDArray[np.float64]:
        """(q,) cement in mm3 through each way in, from what (local cells,) leaves each cell into veins; collective."""
        share, total = np.maximum(state.entering, 0.0), self.cement_out(state)
        return share * self.entries.of_cells(np.divide(cell_cement, total, out=np.zeros_like(total), where=total > 0.0))

    def _joined(self, spread: Spread, working: NDArray[np.float64]) -> JoinedCells | None:
        """The cells that full pieces join."""
        row = np.full(len(self.grid.length), -1)
        row[spread.wet] = np.arange(len(spread.wet))
        joins = (working > 0.0) & (row[self.entries.piece] >= 0)
        if not joins.any():
            return None
        ways = np.flatnonzero(joins & (self.entries.cell >= 0))
        vessels = np.unique(row[self.entries.piece[joins]])
        number = np.full(len(spread.wet), -1)
        number[vessels] = np.arange(len(vessels))
        return JoinedCells.of_ways(
            self.entries.cell[ways],
            number[row[self.entries.piece[ways]]],
            working[ways],
            spread.response[np.ix_(vessels, vessels)],
            self.partition.owned_cells,
            self.partition.comm,
        )
