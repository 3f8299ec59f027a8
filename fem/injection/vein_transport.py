"""How the cement that has come into veins moves on in a step, and what it carries."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import spsolve

from fem import profiling
from fem.injection.vein_entries import VeinEntries
from fem.injection.vein_plugs import VeinPlugs, WallEntry
from fem.injection.vein_state import VeinState
from materials.cement import Rheology
from materials.vein import PlugFlow
from meshes.leak_sites import SITES

TRACE = 1e-9
"""Share of a volume below which cement has no age of its own: that of traces is round-off."""


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


@dataclass(frozen=True)
class VeinTransport:
    """The law of what moves in the veins.

    Attributes:
        entries: the ways in.
        plugs: how cement moves in the network.
        cement: rheology of the cement.
    """

    entries: VeinEntries
    plugs: VeinPlugs
    cement: Rheology

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
        came = np.bincount(self.entries.piece, volume, pieces)
        if length == 0.0 or not (came.any() or state.content.any()):
            return VeinMove(replace(state, step=length), np.zeros(len(SITES)), np.zeros(len(self.plugs.piece)), volume)
        flow = PlugFlow.of_cement(self.plugs.grid.diameter, self.cement, age)
        _, moving = self.plugs.reach_outside(state.content / self.plugs.grid.volume)
        spread = self.plugs.spread(flow, state.content, length, moving, came / length, WallEntry.none(), state.pressure)
        out = length * spread.flow
        content = state.content + came - np.bincount(self.plugs.piece, out, pieces)
        through = np.bincount(self.plugs.node, out, self.plugs.nodes)[self.plugs.exits]
        sites = [SITES.index(site) for site in self.plugs.grid.exit_sites]
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
        time, weight = (
            self.entries.of_cells(cell_time),
            self.entries.shape * self.entries.of_cells(np.maximum(saturation, 0.0)),
        )
        counts = content > TRACE * self.plugs.grid.volume
        if not counts.any():
            present = weight.sum() > TRACE * self.entries.shape.sum()
            return np.full(pieces, weight @ time / weight.sum()) if present else before.entry_time
        going, coming = np.maximum(move.out, 0.0), np.maximum(-move.out, 0.0)
        leaving = np.bincount(plugs.piece, going, pieces)
        passing = np.bincount(plugs.node, going, plugs.nodes)
        held = np.concatenate([content + leaving, np.zeros(plugs.nodes - pieces)]) + passing
        rows = np.concatenate([plugs.node, plugs.piece])
        columns = np.concatenate([plugs.piece, plugs.node])
        share = np.concatenate([going, coming]) / np.where(held > 0.0, held, 1.0)[rows]
        load = np.zeros(plugs.nodes)
        load[:pieces] = before.content * before.entry_time + np.bincount(self.entries.piece, move.came * time, pieces)
        load /= np.where(held > 0.0, held, 1.0)
        matrix = eye_array(plugs.nodes) - csr_array((share, (rows, columns)), (plugs.nodes, plugs.nodes))
        mixed = spsolve(matrix.tocsc(), load)[:pieces]
        return np.where(counts, mixed, float(content @ mixed / content.sum()))
