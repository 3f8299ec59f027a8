"""Permeability of an image of pores by creeping flow through its voxels: a lattice Boltzmann solver.

D3Q19 with one relaxation time. Of relaxation times only 0.933 puts the walls of the pores half way between fluid and
solid voxels in Poiseuille's flow (magic parameter 3/16; Ginzburg & d'Humieres 2003, 10.1103/PhysRevE.68.066614, M).
"""

from __future__ import annotations

import itertools

import numba
import numpy as np
from numpy.typing import NDArray

_RELAXATION = 0.5 + np.sqrt(3.0 / 16.0)
_VISCOSITY = (_RELAXATION - 0.5) / 3.0
_FORCE = 1e-6  # small: inertia plays no part
_CHECK = 100  # steps between two looks at the mean velocity

_DIRECTIONS = np.array(
    sorted(
        (step for step in itertools.product((-1, 0, 1), repeat=3) if sum(map(abs, step)) <= 2),
        key=lambda s: sum(map(abs, s)),
    )
)
_WEIGHTS = np.array([1 / 3, 1 / 18, 1 / 36])[np.abs(_DIRECTIONS).sum(axis=1)]
_OPPOSITE = np.array([int(np.flatnonzero((-step == _DIRECTIONS).all(axis=1))[0]) for step in _DIRECTIONS])


def permeability(pores: NDArray[np.bool_], axis: int, gap: int = 4, tolerance: float = 2e-4) -> float:
    """Permeability of a block along an axis in squares of the voxel's width.

    The block repeats in all directions, along the axis with an open ``gap`` between, from which fluid finds its way
    into the pores of the next.

    Args:
        pores: (nx, ny, nz) True where fluid flows.
        axis: 0, 1 or 2.
        gap: open voxels between a block and the next along the axis.
        tolerance: largest relative change of the mean velocity in 100 steps at the end.
    """
    block = np.moveaxis(pores, axis, 0)
    fluid = np.concatenate([block, np.ones((gap, *block.shape[1:]), dtype=bool)])
    number = np.full(fluid.shape, -1, dtype=np.int64)
    number[fluid] = np.arange(fluid.sum())
    sources = np.stack([np.roll(number, tuple(step), axis=(0, 1, 2))[fluid] for step in _DIRECTIONS])
    state = np.repeat(_WEIGHTS[:, None], fluid.sum(), axis=1)
    other, before = np.empty_like(state), 0.0
    directions = _DIRECTIONS.astype(float)
    while True:
        for _ in range(_CHECK // 2):
            _step(state, other, sources, _OPPOSITE, _WEIGHTS, directions)
            total = _step(other, state, sources, _OPPOSITE, _WEIGHTS, directions)
        mean = total / fluid.size
        if abs(mean - before) <= tolerance * abs(mean):
            return _VISCOSITY * mean / _FORCE * len(block) / len(fluid)
        before = mean


@numba.njit(cache=True)
def _step(state, new, sources, opposite, weights, directions):
    """Collide and stream once; the sum of the velocities along the first axis."""
    count, rate, total = state.shape[1], 1.0 / _RELAXATION, 0.0
    after = np.empty(19)
    for cell in range(count):
        density, x, y, z = 0.0, 0.0, 0.0, 0.0
        for i in range(19):
            source = sources[i, cell]
            after[i] = state[i, source] if source >= 0 else state[opposite[i], cell]
            density += after[i]
            x += directions[i, 0] * after[i]
            y += directions[i, 1] * after[i]
            z += directions[i, 2] * after[i]
        total += x + 0.5 * _FORCE
        for i in range(19):
            along = 3.0 * (directions[i, 0] * x + directions[i, 1] * y + directions[i, 2] * z)
            rest = weights[i] * (density + along)  # Stokes: nothing quadratic in the velocity
            new[i, cell] = after[i] + rate * (rest - after[i]) + 3.0 * weights[i] * directions[i, 0] * _FORCE
    return total
