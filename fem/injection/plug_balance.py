"""The balance of the plugs in a network of veins as the minimum of a convex function, in compiled form.

The function is that of :mod:`fem.injection.vein_plugs`,

    sum A l W(dp / l) + sum (c - s) p + 1/2 sum E max(P - p, 0)^2    over p >= 0,

and every half of a piece whose cement moves adds to it. A network has some hundred pieces and is asked for several
times in a step, so that calls of small arrays, not the arithmetic, would be what it costs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

SETTLED, STUCK, ENDLESS = range(3)
"""How :func:`minimise` ends: at the minimum, where no step leads further down, or at its last iteration."""

TOLERANCE = 1e-12
"""What the balance of a piece may miss, over all that comes in."""

ITERATION_LIMIT = 500

_LEAST_FLOW = 1e-6  # over what would come in against no pressure: less is none
_ROUND_OFF = 1e-14  # of a pressure
_ACCEPTABLE = 1e-9  # what it may miss where round-off ends the search
_LEAST_SHARE = 1e-10  # of a step

FloatArray = NDArray[np.float64]


class PlugTree(NamedTuple):
    """A network whose nodes are its k pieces and then its junctions, as trees.

    Fields:
        piece: (2 k,) piece of each half; the halves at the first ends stand before the others.
        node: (2 k,) junction at its end.
        order: (nodes,) from the roots of the trees to their ends.
        parent: (nodes,) the neighbour nearer to the root, -1 at roots.
        parent_half: (nodes,) the half of a piece that leads there.
    """

    piece: NDArray[np.int64]
    node: NDArray[np.int64]
    order: NDArray[np.int64]
    parent: NDArray[np.int64]
    parent_half: NDArray[np.int64]


class PlugBalance(NamedTuple):
    """The terms of the function.

    Fields:
        area: (k,) cross-section of the pieces in mm2.
        length: (k,) of their halves in mm.
        creep: (k,) see :class:`~materials.vein.PlugFlow`, as the four that follow.
        creep_gradient: (k,).
        thinned: (k,).
        thinned_gradient: (k,).
        exponent: (k,).
        moving: (k,) pieces in which cement can move; the others have no terms.
        demand: (k,) c - s in mm3/s.
        entry_piece: (q,) piece that each way in leads to.
        entry_conductance: (q,) E in mm3/(s MPa).
        entry_pressure: (q,) P in MPa.
    """

    area: FloatArray
    length: FloatArray
    creep: FloatArray
    creep_gradient: FloatArray
    thinned: FloatArray
    thinned_gradient: FloatArray
    exponent: FloatArray
    moving: NDArray[np.bool_]
    demand: FloatArray
    entry_piece: NDArray[np.int64]
    entry_conductance: FloatArray
    entry_pressure: FloatArray


@numba.njit(cache=True)
def joined(tree: PlugTree, chosen: NDArray[np.bool_], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(nodes,) whether each is joined to one of some target nodes through (k,) chosen pieces alone."""
    found = np.zeros(len(tree.order), dtype=np.bool_)
    for target in targets:
        found[target] = True
    for place in range(len(tree.order) - 1, -1, -1):
        node = tree.order[place]
        if found[node] and tree.parent[node] >= 0 and chosen[tree.piece[tree.parent_half[node]]]:
            found[tree.parent[node]] = True
    for node in tree.order:
        if not found[node] and tree.parent[node] >= 0 and chosen[tree.piece[tree.parent_half[node]]]:
            found[node] = found[tree.parent[node]]
    return found


@numba.njit(cache=True)
def entering(balance: PlugBalance, pressure: FloatArray) -> FloatArray:
    """(q,) mm3/s through each way in, at (nodes,) pressures in MPa."""
    rate = np.zeros(len(balance.entry_piece))
    for way in range(len(rate)):
        piece = balance.entry_piece[way]
        if balance.moving[piece]:
            rate[way] = balance.entry_conductance[way] * max(balance.entry_pressure[way] - pressure[piece], 0.0)
    return rate


@numba.njit(cache=True)
def flow_out(tree: PlugTree, balance: PlugBalance, pressure: FloatArray) -> FloatArray:
    """(2 k,) mm3/s out of the pieces through their halves, at (nodes,) pressures in MPa."""
    rate = np.zeros(len(tree.piece))
    for half in range(len(rate)):
        piece = tree.piece[half]
        if balance.moving[piece]:
            gradient = (pressure[piece] - pressure[tree.node[half]]) / balance.length[piece]
            rate[half] = balance.area[piece] * speed(balance, piece, gradient)[0]
    return rate


@numba.njit(cache=True)
def minimise(
    tree: PlugTree, balance: PlugBalance, usable: NDArray[np.bool_], supply: float, start: FloatArray
) -> tuple[int, FloatArray]:
    """Newton's method with the bound and a line search.

    Args:
        tree: the network.
        balance: the function.
        usable: (nodes,) nodes whose pressure is sought; it is 0 at the others.
        supply: all that is given to the pieces in mm3/s.
        start: (nodes,) pressures in MPa to start from.

    Returns:
        :data:`SETTLED`, :data:`STUCK` or :data:`ENDLESS`, and the (nodes,) pressures.
    """
    pressure, free = np.zeros(len(start)), np.zeros(len(start), dtype=np.bool_)
    most = supply + _sum(entering(balance, pressure))
    for node in range(len(start)):
        if usable[node]:
            pressure[node] = start[node]
    value, gradient = _value(tree, balance, pressure), _gradient(tree, balance, pressure)
    load = np.empty((len(start), 1))
    for _ in range(ITERATION_LIMIT):
        missed = 0.0
        for node in range(len(start)):
            free[node] = usable[node] and (pressure[node] > 0.0 or gradient[node] < 0.0)
            load[node, 0] = -gradient[node]
            if free[node]:
                missed = max(missed, math.fabs(gradient[node]))
        scale = supply + _sum(entering(balance, pressure)) + _LEAST_FLOW * most
        if missed <= TOLERANCE * scale:
            return SETTLED, pressure
        step = newton_steps(tree, balance, pressure, free, load)[:, 0]
        share = 0.0
        if _largest(step) > _ROUND_OFF * _largest(pressure):
            share = _share_of_step(tree, balance, pressure, step, value, gradient)
        if share == 0.0:
            return (SETTLED if missed <= _ACCEPTABLE * scale else STUCK), pressure
        pressure = _stepped(pressure, step, share)
        value, gradient = _value(tree, balance, pressure), _gradient(tree, balance, pressure)
    return ENDLESS, pressure


@numba.njit(cache=True)
def newton_steps(
    tree: PlugTree, balance: PlugBalance, pressure: FloatArray, free: NDArray[np.bool_], load: FloatArray
) -> FloatArray:
    """(nodes, m) solutions of the second derivative at the free nodes for (nodes, m) loads; 0 at the others.

    Gauss elimination from the ends of the trees to their roots, which fills nothing in.
    """
    pivot, coupling = np.zeros(len(pressure)), np.zeros(len(tree.piece))
    for half in range(len(coupling)):
        piece, node = tree.piece[half], tree.node[half]
        if balance.moving[piece]:
            gradient = (pressure[piece] - pressure[node]) / balance.length[piece]
            coupling[half] = balance.area[piece] / balance.length[piece] * speed(balance, piece, gradient)[1]
            pivot[piece] += coupling[half]
            pivot[node] += coupling[half]
    for way in range(len(balance.entry_piece)):
        piece = balance.entry_piece[way]
        if balance.moving[piece] and balance.entry_pressure[way] > pressure[piece]:
            pivot[piece] += balance.entry_conductance[way]
    solution = np.zeros(load.shape)
    columns = range(load.shape[1])
    for node in range(len(pressure)):
        if free[node]:
            for column in columns:
                solution[node, column] = load[node, column]
    for place in range(len(tree.order) - 1, -1, -1):
        node, above = tree.order[place], tree.parent[tree.order[place]]
        if above >= 0 and free[node] and free[above]:
            factor = coupling[tree.parent_half[node]] / pivot[node]
            pivot[above] -= factor * coupling[tree.parent_half[node]]
            for column in columns:
                solution[above, column] += factor * solution[node, column]
    for node in tree.order:
        above = tree.parent[node]
        if not free[node]:
            continue
        for column in columns:
            if above >= 0 and free[above]:
                solution[node, column] += coupling[tree.parent_half[node]] * solution[above, column]
            solution[node, column] /= pivot[node]
    return solution


@numba.njit(cache=True)
def _share_of_step(
    tree: PlugTree, balance: PlugBalance, start: FloatArray, step: FloatArray, value: float, gradient: FloatArray
) -> float:
    """Share of a step, within the bound, that lowers the value; 0 where there is none: there round-off is all."""
    share = 1.0
    while share > _LEAST_SHARE:
        trial = _stepped(start, step, share)
        before, after = 0.0, 0.0
        for node, slope in enumerate(_gradient(tree, balance, trial)):
            before += gradient[node] * (trial[node] - start[node])
            after += slope * (trial[node] - start[node])
        # A convex function has not risen where it still falls; near its minimum its value is lost in round-off.
        allowed = 1e-4 * before if after > -0.1 * before else 1e-12 * abs(value)
        if after <= 0.0 or _value(tree, balance, trial) <= value + allowed:
            return share
        share *= 0.5
    return 0.0


@numba.njit(cache=True)
def _value(tree: PlugTree, balance: PlugBalance, pressure: FloatArray) -> float:
    total = 0.0
    for half in range(len(tree.piece)):
        piece = tree.piece[half]
        if balance.moving[piece]:
            gradient = (pressure[piece] - pressure[tree.node[half]]) / balance.length[piece]
            total += balance.area[piece] * balance.length[piece] * work(balance, piece, gradient)
    for piece in range(len(balance.demand)):
        if balance.moving[piece]:
            total += balance.demand[piece] * pressure[piece]
    for way in range(len(balance.entry_piece)):
        piece = balance.entry_piece[way]
        if balance.moving[piece]:
            excess = max(balance.entry_pressure[way] - pressure[piece], 0.0)
            total += 0.5 * balance.entry_conductance[way] * excess**2
    return total


@numba.njit(cache=True)
def _gradient(tree: PlugTree, balance: PlugBalance, pressure: FloatArray) -> FloatArray:
    result = np.zeros(len(pressure))
    for piece in range(len(balance.demand)):
        if balance.moving[piece]:
            result[piece] = balance.demand[piece]
    rate = flow_out(tree, balance, pressure)
    for half in range(len(rate)):
        result[tree.piece[half]] += rate[half]
        result[tree.node[half]] -= rate[half]
    for way, gained in enumerate(entering(balance, pressure)):
        result[balance.entry_piece[way]] -= gained
    return result


@numba.njit(cache=True)
def speed(balance: PlugBalance, piece: int, gradient: float) -> tuple[float, float]:
    """Mean speed in mm/s of a piece at a gradient in MPa/mm, and how it changes with it in mm2/(MPa s)."""
    size, creep, exponent = abs(gradient), balance.creep[piece], balance.exponent[piece]
    if size <= balance.creep_gradient[piece]:
        return creep * gradient, creep
    thinned = balance.thinned[piece]
    if size >= balance.thinned_gradient[piece]:
        return thinned * gradient, thinned
    mobility = min(max(creep * (size / balance.creep_gradient[piece]) ** (exponent - 1.0), creep), thinned)
    return mobility * gradient, exponent * mobility


@numba.njit(cache=True)
def work(balance: PlugBalance, piece: int, gradient: float) -> float:
    """Integral W of the speed of a piece over the gradient, from none on, in MPa/s."""
    size, creep, least = abs(gradient), balance.creep[piece], balance.creep_gradient[piece]
    if size <= least:
        return 0.5 * creep * size**2
    most, power = balance.thinned_gradient[piece], balance.exponent[piece] + 1.0
    between = creep * least**2 * (0.5 + ((min(size, most) / least) ** power - 1.0) / power)
    return between + 0.5 * balance.thinned[piece] * max(size**2 - most**2, 0.0)


@numba.njit(cache=True)
def _stepped(start: FloatArray, step: FloatArray, share: float) -> FloatArray:
    """Within the bound."""
    pressure = np.empty(len(start))
    for node in range(len(start)):
        pressure[node] = max(start[node] + share * step[node], 0.0)
    return pressure


@numba.njit(cache=True)
def _sum(values: FloatArray) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@numba.njit(cache=True)
def _largest(values: FloatArray) -> float:
    most = 0.0
    for value in values:
        most = max(most, math.fabs(value))
    return most
