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

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from fem.errors import ConvergenceError
from materials.vein import PlugFlow
from meshes.vein_grid import VeinGrid

FULL = 1.0 - 1e-9
"""Filling from which on a piece counts as full."""

TOLERANCE = 1e-12
"""What the balance of a piece may miss, over all that comes in."""

ITERATION_LIMIT = 500

_LEAST_FLOW = 1e-6  # over what would come in against no pressure: less is none
_ROUND_OFF = 1e-14  # of a pressure
_ACCEPTABLE = 1e-9  # what it may miss where round-off ends the search


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
        piece: (2 k,) piece of each half.
        node: (2 k,) node of the junction at its end; nodes are the pieces and then the junctions.
        nodes: their number.
        exits: (x,) nodes at which veins leave the bone.
        order: (nodes,) from the roots of the trees to their ends.
        parent: (nodes,) the neighbour nearer to the root, -1 at roots.
        parent_half: (nodes,) the half of a piece that leads there.
    """

    grid: VeinGrid
    piece: NDArray[np.int64]
    node: NDArray[np.int64]
    nodes: int
    exits: NDArray[np.int64]
    order: NDArray[np.int64]
    parent: NDArray[np.int64]
    parent_half: NDArray[np.int64]

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
        return cls(grid, piece, junctions, nodes, count + grid.exits, order, parent, parent_half)

    def reach_outside(self, filling: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which pieces blood can leave, and which cement can still move in, from their (k,) shares of cement.

        Blood that plugs cut off from every exit cannot leave, so no cement can take its place.
        """
        full = filling >= FULL
        blood = ~full & self._joined(~full, self.exits)[: len(full)]
        at_blood = np.unique(self.node[blood[self.piece]])
        cement = full & self._joined(full, np.concatenate([self.exits, at_blood]))[: len(full)]
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
        problem = _Problem(self, flow, moving, left - supply, entry)
        usable = np.zeros(self.nodes, dtype=bool)
        usable[:count], usable[self.node[moving[self.piece]]] = moving, True
        usable[self.exits] = False
        pressure = np.where(usable, start, 0.0)
        most = float(supply.sum() + problem.entering(np.zeros(self.nodes)).sum())
        value, gradient = problem.value(pressure), problem.gradient(pressure)
        for _ in range(ITERATION_LIMIT):
            free = np.flatnonzero(usable & ((pressure > 0.0) | (gradient < 0.0)))
            scale = float(supply.sum() + problem.entering(pressure).sum()) + _LEAST_FLOW * most
            if np.abs(gradient[free]).max(initial=0.0) <= TOLERANCE * scale:
                break
            step_to = problem.solve(pressure, free, -gradient[:, None])[:, 0]
            lost = np.abs(step_to).max() <= _ROUND_OFF * pressure.max(initial=0.0)
            trial = None if lost else problem.search(pressure, step_to, value, gradient)
            if trial is None:
                if np.abs(gradient[free]).max() <= _ACCEPTABLE * scale:
                    break
                raise ConvergenceError("The pressure of the cement in the veins could not be brought further down.")
            pressure, value, gradient = trial, problem.value(trial), problem.gradient(trial)
        else:
            raise ConvergenceError(f"The cement in the veins did not settle within {ITERATION_LIMIT} iterations.")
        free = np.flatnonzero(usable & (pressure > 0.0))
        wet = free[free < count]
        response = problem.solve(pressure, free, np.eye(self.nodes)[:, wet])[wet]
        return Spread(pressure, problem.flow(pressure), problem.entering(pressure), wet, response)

    def _joined(self, chosen: NDArray[np.bool_], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(nodes,) whether each is joined to one of some nodes through chosen pieces alone."""
        links = np.flatnonzero(chosen[self.piece])
        graph = coo_array((np.ones(len(links)), (self.piece[links], self.node[links])), (self.nodes, self.nodes))
        labels = connected_components(graph, directed=False)[1]
        return np.isin(labels, labels[targets])


class _Problem:
    """The function that is minimised, with its derivatives."""

    def __init__(
        self,
        law: VeinPlugs,
        flow: PlugFlow,
        moving: NDArray[np.bool_],
        demand: NDArray[np.float64],
        entry: WallEntry,
    ) -> None:
        halves = np.flatnonzero(moving[law.piece])
        self._law, self._count, self._nodes, self._halves = law, len(law.piece), law.nodes, halves
        self._piece, self._node = law.piece[halves], law.node[halves]
        self._area, self._length = law.grid.area[self._piece], 0.5 * law.grid.length[self._piece]
        self._flow = flow.of_pieces(self._piece)
        self._demand, self._entry = np.where(moving, demand, 0.0), entry
        self._conductance = np.where(moving[entry.piece], entry.conductance, 0.0)

    def _gradients(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        return (pressure[self._piece] - pressure[self._node]) / self._length

    def _excess(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(self._entry.pressure - pressure[self._entry.piece], 0.0)

    def entering(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._conductance * self._excess(pressure)

    def flow(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = np.zeros(self._count)
        whole[self._halves] = self._area * self._flow.speed(self._gradients(pressure))[0]
        return whole

    def value(self, pressure: NDArray[np.float64]) -> float:
        lost = float(self._area * self._length @ self._flow.work(self._gradients(pressure)))
        entered = 0.5 * float(self._conductance @ self._excess(pressure) ** 2)
        return lost + float(self._demand @ pressure[: len(self._demand)]) + entered

    def gradient(self, pressure: NDArray[np.float64]) -> NDArray[np.float64]:
        rate = self._area * self._flow.speed(self._gradients(pressure))[0]
        result = np.bincount(self._piece, rate, self._nodes) - np.bincount(self._node, rate, self._nodes)
        result[: len(self._demand)] += self._demand
        return result - np.bincount(self._entry.piece, self.entering(pressure), self._nodes)

    def search(
        self,
        start: NDArray[np.float64],
        step: NDArray[np.float64],
        value: float,
        gradient: NDArray[np.float64],
    ) -> NDArray[np.float64] | None:
        """Pressures within the bound along a step that are lower in value, or None: there round-off is all."""
        share = 1.0
        while share > 1e-10:
            trial = np.maximum(start + share * step, 0.0)
            moved = trial - start
            before, after = float(gradient @ moved), float(self.gradient(trial) @ moved)
            # A convex function has not risen where it still falls; near its minimum its value is lost in round-off.
            if after <= 0.0 or self.value(trial) <= value + (
                1e-4 * before if after > -0.1 * before else 1e-12 * abs(value)
            ):
                return trial
            share *= 0.5
        return None

    def solve(
        self, pressure: NDArray[np.float64], free: NDArray[np.int64], load: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(nodes, m) solutions of the second derivative at the free nodes for (nodes, m) loads; 0 at the others."""
        slope = self._area / self._length * self._flow.speed(self._gradients(pressure))[1]
        entered = np.where(self._excess(pressure) > 0.0, self._conductance, 0.0)
        diagonal = np.bincount(self._piece, slope, self._nodes) + np.bincount(self._node, slope, self._nodes)
        diagonal += np.bincount(self._entry.piece, entered, self._nodes)
        coupling, chosen = np.zeros(self._count), np.zeros(self._nodes, dtype=np.bool_)
        coupling[self._halves], chosen[free] = slope, True
        law = self._law
        return _solve_trees(law.order, law.parent, law.parent_half, chosen, diagonal, coupling, load)


@numba.njit(cache=True)
def _solve_trees(
    order: NDArray[np.int64],
    parent: NDArray[np.int64],
    parent_half: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    diagonal: NDArray[np.float64],
    coupling: NDArray[np.float64],
    load: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gauss elimination from the ends of the trees to their roots, which fills nothing in."""
    pivot, solution = diagonal.copy(), np.zeros(load.shape)
    for node in range(len(order)):
        if chosen[node]:
            solution[node] = load[node]
    for place in range(len(order) - 1, -1, -1):
        node, above = order[place], parent[order[place]]
        if above >= 0 and chosen[node] and chosen[above]:
            factor = coupling[parent_half[node]] / pivot[node]
            pivot[above] -= factor * coupling[parent_half[node]]
            solution[above] += factor * solution[node]
    for place in range(len(order)):
        node, above = order[place], parent[order[place]]
        if chosen[node]:
            if above >= 0 and chosen[above]:
                solution[node] += coupling[parent_half[node]] * solution[above]
            solution[node] /= pivot[node]
    return solution
