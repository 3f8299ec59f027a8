"""How cement and what it displaces move between voxels, from the cement that each voxel holds before and after.

Cement and displaced fluid flow down potentials: over the voxels that hold cement, from the needle to where there is
more of it afterwards, and over those of the body, from there to its surface. In a medium of one mobility that is the
flow itself; here it is the smoothest one that moves the volumes which the injection has moved. What is cut off from the
needle, because it went through a vein or a hole, is reached by the straight way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial import cKDTree

from fem.errors import ConvergenceError
from meshes.box_grid import BoxGrid

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

EXACT = 1e-12
"""Tolerance of the residual over the rates; what a voxel's flow misses makes its heat miss as much."""


@dataclass(frozen=True)
class VoxelFlow:
    """Rates between voxels.

    Attributes:
        faces: for every axis the rates in mm3/s through the inner faces across it, with three dimensions, positive
            towards higher numbers.
        potential: (n,) that falls along the flow; NaN where there is none.
    """

    faces: tuple[FloatArray, ...]
    potential: FloatArray


def no_flow(grid: BoxGrid) -> VoxelFlow:
    """Nothing moves."""
    still = np.zeros(grid.count)
    return VoxelFlow(tuple(grid.below(still, axis) for axis in range(3)), np.full(grid.count, np.nan))


def potential_flow(
    grid: BoxGrid,
    members: Mask,
    source: FloatArray,
    outlet: FloatArray | None = None,
    tolerance: float = EXACT,
) -> VoxelFlow:
    """The flow down a potential of one conductance for all faces.

    Args:
        grid: the voxels.
        members: (n,) voxels between which fluid moves; without an outlet they must hang together.
        source: (n,) mm3/s that each of them gives off (positive) or takes up; without an outlet the sum must be 0.
        outlet: (n,) conductance to the outside over that of a face; None where nothing leaves.
        tolerance: of what the voxels' rates may miss, over the sources.

    Raises:
        ConvergenceError: the potential was not found.
    """
    number = np.cumsum(members) - 1
    count = int(members.sum())
    rates = source[members]
    if not count or not rates.any():
        return no_flow(grid)
    # A last place that holds 0 stands for every neighbour that is no member.
    neighbours = np.full((count, 6), count, dtype=np.int32)
    for axis in range(3):
        both = grid.below(members, axis) & grid.above(members, axis)
        below, above = grid.below(number, axis)[both], grid.above(number, axis)[both]
        neighbours[below, 2 * axis], neighbours[above, 2 * axis + 1] = above, below
    diagonal = (neighbours < count).sum(axis=1).astype(float)
    if outlet is None:
        rates = rates - rates.mean()
    else:
        diagonal = diagonal + outlet[members]
    found, reached = _potential(neighbours, diagonal, rates, tolerance, 20 * count + 100)
    if not reached:
        raise ConvergenceError("The flow between the voxels of the heat did not converge.")
    potential = np.full(grid.count, np.nan)
    potential[members] = found
    flows = []
    for axis in range(3):
        drop = grid.below(potential, axis) - grid.above(potential, axis)
        flows.append(np.where(np.isnan(drop), 0.0, drop))
    return VoxelFlow(tuple(flows), potential)


@numba.njit(cache=True)
def _potential(
    neighbours: NDArray[np.int32], diagonal: FloatArray, rates: FloatArray, tolerance: float, limit: int
) -> tuple[FloatArray, bool]:
    """Solution, by conjugate gradients over the diagonal, and whether the tolerance was reached."""
    count = len(rates)
    solution, residual, applied = np.zeros(count), rates.copy(), np.empty(count)
    scale, direction = 1.0 / np.maximum(diagonal, 1.0), np.zeros(count + 1)
    product = size = 0.0
    for row in range(count):
        direction[row] = scale[row] * residual[row]
        product += residual[row] * direction[row]
        size += residual[row] * residual[row]
    goal = tolerance * tolerance * size
    for _ in range(limit):
        if size <= goal:
            return solution, True
        along = 0.0
        for row in range(count):
            value = diagonal[row] * direction[row]
            for neighbour in neighbours[row]:
                value -= direction[neighbour]
            applied[row] = value
            along += value * direction[row]
        step, before, product, size = product / along, product, 0.0, 0.0
        for row in range(count):
            solution[row] += step * direction[row]
            residual[row] -= step * applied[row]
            product += scale[row] * residual[row] * residual[row]
            size += residual[row] * residual[row]
        for row in range(count):
            direction[row] = scale[row] * residual[row] + product / before * direction[row]
    return solution, size <= goal


def joined(grid: BoxGrid, members: Mask, heart: NDArray[np.int64]) -> Mask:
    """The voxels of a set and those on the straight ways from its loose pieces to the rest.

    Args:
        grid: the voxels.
        members: (n,) the set.
        heart: voxels of the set that the pieces are joined to, directly or by another piece.
    """
    result = members.copy()
    result[heart] = True
    while True:
        pieces, count = label(result.reshape(grid.shape))
        pieces = pieces.ravel()
        if count == 1:
            return result
        main = pieces == pieces[heart[0]]
        inside, outside = np.flatnonzero(main), np.flatnonzero(result & ~main)
        distance, nearest = cKDTree(grid.centres[inside]).query(grid.centres[outside])
        closest = int(np.argmin(distance))
        result[_way(grid, int(inside[nearest[closest]]), int(outside[closest]))] = True


def _way(grid: BoxGrid, first: int, last: int) -> list[int]:
    """Voxels that share faces, from one to another, along the line between them."""
    at = np.array(np.unravel_index(first, grid.shape))
    end = np.array(np.unravel_index(last, grid.shape))
    total, way = np.abs(end - at), [first]
    done = np.zeros(3)
    while (at != end).any():
        left = np.where(at != end, (done + 0.5) / np.maximum(total, 1), np.inf)
        axis = int(np.argmin(left))
        at[axis] += int(np.sign(end[axis] - at[axis]))
        done[axis] += 1
        way.append(int(np.ravel_multi_index(tuple(at), grid.shape)))
    return way


def carried(
    grid: BoxGrid,
    flow: VoxelFlow,
    length: float,
    before: FloatArray,
    value: FloatArray,
    entering: FloatArray,
    entering_value: float,
) -> FloatArray:
    """What cement carries with it, such as its conversion, after a step: implicit upwind along the flow.

    (V + dt (sum_in F + q)) w' = V w + dt (sum_in F w'_upstream + q w_entering), which mixes only.

    Args:
        grid: the voxels.
        flow: of the cement.
        length: of the step in s.
        before: (n,) mm3 of cement before it.
        value: (n,) of the cement before it.
        entering: (n,) mm3 of cement that comes out of needles.
        entering_value: of that.
    """
    gain, mass = before * value + entering * entering_value, before + entering
    moving = np.flatnonzero(np.isfinite(flow.potential))
    order = moving[np.argsort(-flow.potential[moving], kind="stable")]
    strides = (grid.shape[1] * grid.shape[2], grid.shape[2], 1)
    volume = [np.zeros(grid.count) for _ in range(3)]
    for axis, rate in enumerate(flow.faces):
        grid.below(volume[axis], axis)[...] = length * rate
    result = value.copy()
    _carry(order, np.array(strides), np.stack(volume), gain, mass, result)
    still = np.isnan(flow.potential) & (mass > 0.0)
    result[still] = gain[still] / mass[still]
    return result


@numba.njit(cache=True)
def _carry(
    order: NDArray[np.int64],
    strides: NDArray[np.int64],
    volume: FloatArray,
    gain: FloatArray,
    mass: FloatArray,
    result: FloatArray,
) -> None:
    """Voxels from upstream to downstream; ``volume`` is what goes through the face above each voxel along an axis."""
    for voxel in order:
        total, content = gain[voxel], mass[voxel]
        for axis in range(3):
            lower = voxel - strides[axis]
            if lower >= 0 and volume[axis, lower] > 0.0:
                total += volume[axis, lower] * result[lower]
                content += volume[axis, lower]
            if volume[axis, voxel] < 0.0:
                total -= volume[axis, voxel] * result[voxel + strides[axis]]
                content -= volume[axis, voxel]
        if content > 0.0:
            result[voxel] = total / content
