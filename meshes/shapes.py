"""Ellipsoids that take a given volume of a body, as shares of its cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.sampling import equal_parts
from meshes.tetmesh import TetMesh

_PARTS = 4  # parts along a cell's edge
_HALVINGS = 60  # of the interval that holds the size: it ends at rounding


def ellipsoid_of_capacity(
    mesh: TetMesh,
    centre: NDArray[np.float64],
    proportions: NDArray[np.float64],
    capacity: NDArray[np.float64],
    volume: float,
    taken: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grow an ellipsoid until it takes a volume that nothing else has taken.

    What of it reaches out of the body, or into what is taken, does not count, so that it grows farther elsewhere. The
    share of a cell is that of its 64 equal parts whose centroids lie inside; the last parts, which the size cannot
    tell apart, are taken partly.

    Args:
        mesh: body in its anatomical frame.
        centre: (3,) mm.
        proportions: (3,) lengths of the semi-axes along x, y and z to one another.
        capacity: (cells,) mm3 that each cell can take.
        volume: mm3 to take.
        taken: (cells,) share of each cell that is taken already.

    Returns:
        (cells,) share of each cell that is taken afterwards, and (3,) semi-axes in mm.

    Raises:
        InputError: the body cannot take so much.
    """
    free = float(capacity @ (1.0 - taken))
    if volume >= free:
        raise InputError(
            f"{volume / 1000.0:.3g} ml of cement do not fit: {free / 1000.0:.3g} ml of the body's pores are free; "
            "lower volume_ml"
        )
    parts = equal_parts(_PARTS) @ mesh.points[mesh.cells]
    distance = np.linalg.norm((parts - centre) / proportions, axis=2)

    def shares(size: float) -> NDArray[np.float64]:
        return np.maximum(taken, (distance <= size).mean(axis=1))

    low, high = 0.0, float(distance.max())
    for _ in range(_HALVINGS):
        size = 0.5 * (low + high)
        if capacity @ (shares(size) - taken) < volume:
            low = size
        else:
            high = size
    below, above = shares(low), shares(high)
    step = float(capacity @ (above - below))
    weight = (volume - float(capacity @ (below - taken))) / step
    return below + weight * (above - below), high * proportions
