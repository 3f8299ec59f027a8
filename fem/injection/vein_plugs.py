"""How cement spreads in a network of veins within one step: plugs that fill one piece after the other.

A piece of vein is full of cement or still holds blood, at the pressure outside. In every piece the cement that comes in
fills what is left, and only a piece that is full has a pressure above that of the blood and passes cement on, at the
speed of its power law from its middle to its two ends. With the pressures p of the pieces and of the junctions between
them, counted from that at which cement moves into blood, these conditions are those of a minimum over p >= 0 of

    sum A l W(dp / l) + sum (c - s) p + 1/2 sum E max(P - p, 0)^2

with the cross-section A and the length l of each half of a piece, the integral W of the speed over the gradient, the
rate c that fills what is left of a piece within the step, given rates s into it, and conductances E of its wall to the
pressure P behind it. It is convex, so that Newton's method with the bound and a line search finds it from anywhere.
A front is within half a piece where it should be, and its time to the end of a piece is exact for a Newtonian fluid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from fem.errors import ConvergenceError
from fem.injection.plug_balance import (
    ENDLESS,
    ITERATION_LIMIT,
    STUCK,
    PlugBalance,
    PlugTree,
    entering,
    flow_out,
    joined,
    minimise,
    newton_steps,
)
from materials.vein import PlugFlow
from meshes.vein_grid import VeinGrid

FULL = 1.0 - 1e-9
"""Filling from which on a piece counts as full."""


@dataclass(frozen=True)
class WallEntry:
    """Ways into the pieces through their walls.

    Attributes:
        piece: (q,) that each leads to.
        conductance: (q,) in mm3/(s MPa).
        pressure: (q,) behind each in MPa, above that at which cement moves into blood.
    """

    piece: NDArray[np.int64]
    conductance: NDArray[np.float64]
    pressure: NDArray[np.float64]

    @classmethod
    def none(cls) -> Self:
        """No way in."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Spread:
    """How cement moves in the network.

    Attributes:
        pressure: (nodes,) MPa above that at which cement moves into blood: pieces, then junctions.
        flow: (2 k,) mm3/s out of the pieces through their halves, those at their first ends before the others.
        entering: (q,) mm3/s through each way in.
        wet: (w,) pieces whose pressure depends on what comes in.
        response: (w, w) change of their pressures with the rates into them, in MPa s/mm3.
    """

    pressure: NDArray[np.float64]
    flow: NDArray[np.float64]
    entering: NDArray[np.float64]
    wet: NDArray[np.int64]
    response: NDArray[np.float64]


@dataclass(frozen=True)
class VeinPlugs:
    """The law of plugs in one network.

    Attributes:
        grid: pieces and junctions.
        tree: their nodes and halves.
        exits: (x,) nodes at which veins leave the bone.
    """

    grid: VeinGrid
    tree: PlugTree
    exits: NDArray[np.int64]

    @classmethod
    def of_grid(cls, grid: VeinGrid) -> Self:
        """Number the nodes."""
        count = len(grid.segment)
        piece = np.tile(np.arange(count), 2)
        junctions = count + grid.junctions.T.ravel()
        nodes = int(junctions.max(initial=-1)) + 1
        graph = csr_array((np.arange(1, 2 * count + 1), (piece, junctions)), (nodes, nodes))
        graph = csr_array(graph + graph.T)
        order, parent = np.empty(0, dtype=np.int64), np.full(nodes, -1)
        labels = connected_components(graph, directed=False)[1]
        for root in np.unique(labels, return_index=True)[1]:
            tree, before = breadth_first_order(graph, root, directed=False)
            order, parent[tree] = np.concatenate([order, tree]), before[tree]
        parent[parent < 0] = -1
        has_parent = np.flatnonzero(parent >= 0)
        parent_half = np.full(nodes, -1)
        parent_half[has_parent] = graph[has_parent, parent[has_parent]] - 1
        tree = PlugTree(piece, junctions, order.astype(np.int64), parent.astype(np.int64), parent_half.astype(np.int64))
        return cls(grid, tree, count + grid.exits)

    @property
    def piece(self) -> NDArray[np.int64]:
        """(2 k,) piece of each half."""
        return self.tree.piece

    @property
    def node(self) -> NDArray[np.int64]:
        """(2 k,) node of the junction at its end; nodes are the pieces and then the junctions."""
        return self.tree.node

    @property
    def nodes(self) -> int:
        """Number of pieces and junctions."""
        return len(self.tree.order)

    def reach_outside(self, filling: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which pieces blood can leave, and which cement can still move in, from their (k,) shares of cement.

        Blood that plugs cut off from every exit cannot leave, so no cement can take its place.
        """
        full = filling >= FULL
        blood = ~full & joined(self.tree, ~full, self.exits)[: len(full)]
        at_blood = self.node[blood[self.piece]]
        cement = full & joined(self.tree, full, np.concatenate([self.exits, at_blood]))[: len(full)]
        return blood, blood | cement

    def spread(
        self,
        flow: PlugFlow,
        content: NDArray[np.float64],
        step: float,
        moving: NDArray[np.bool_],
        supply: NDArray[np.float64],
        entry: WallEntry,
        start: NDArray[np.float64],
    ) -> Spread:
        """The mean motion over a step.

        Args:
            flow: of the cement in each of the k pieces.
            content: (k,) cement in each piece in mm3 at the start of the step.
            step: in s.
            moving: (k,) pieces in which cement can move.
            supply: (k,) given rates into each piece in mm3/s.
            entry: ways in that have a pressure.
            start: (nodes,) pressures to start from.

        Raises:
            ConvergenceError: the balances of the pieces did not settle.
        """
        grid, count = self.grid, len(content)
        left = np.where(content < FULL * grid.volume, (grid.volume - content) / step, 0.0)
        balance = PlugBalance(
            grid.area,
            0.5 * grid.length,
            flow.creep,
            flow.creep_gradient,
            flow.thinned,
            flow.thinned_gradient,
            flow.exponent,
            moving,
            left - supply,
            entry.piece,
            entry.conductance,
            entry.pressure,
        )
        usable = np.zeros(self.nodes, dtype=bool)
        usable[:count], usable[self.node[moving[self.piece]]] = moving, True
        usable[self.exits] = False
        end, pressure = minimise(self.tree, balance, usable, float(supply.sum()), start)
        if end == STUCK:
            raise ConvergenceError("The pressure of the cement in the veins could not be brought further down.")
        if end == ENDLESS:
            raise ConvergenceError(f"The cement in the veins did not settle within {ITERATION_LIMIT} iterations.")
        free = usable & (pressure > 0.0)
        wet = np.flatnonzero(free[:count])
        unit = np.zeros((self.nodes, len(wet)))
        unit[wet, np.arange(len(wet))] = 1.0
        response = newton_steps(self.tree, balance, pressure, free, unit)[wet]
        return Spread(pressure, flow_out(self.tree, balance, pressure), entering(balance, pressure), wet, response)
