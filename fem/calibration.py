"""How a needle's source cells resist the flow on a given mesh, measured once in an even medium."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fem.darcy import DarcyPressure
from fem.needle import NeedleOpening
from fem.partition import Partition

WALL_FACTOR = 1e3
"""Conductance of the walls over permeability times area per mm: high enough to hold the pressure given outside."""


def calibrated(needle: NeedleOpening, partition: Partition) -> NeedleOpening:
    """``needle`` with the source radius that its cells have on this mesh.

    The mean pressure of the source cells depends on their shape and on the cells around them, not on their volume
    alone. One solve with a unit source in a medium with the needle's permeability everywhere, and with the pressure of
    a point source on the surface, 1 / (4 pi sqrt(det K) sqrt(x . K^-1 x)), gives their mean pressure p_c; the ball with
    the same one has the radius r_c = 6 / (20 pi k p_c).

    Raises:
        ConvergenceError: the pressure did not converge.
    """
    source, boundary = partition.source, partition.boundary
    cells, owned = len(partition.cell_facets), partition.owned_cells
    pressure = DarcyPressure(partition, np.broadcast_to(needle.tensor, (cells, 3, 3)))
    try:
        shares = np.zeros(len(source.cells))
        shares[needle.cells] = needle.shares
        local = partition.local_cells(shares)
        arms = source.facet_centroids[boundary.original] - needle.position
        reach = np.sqrt(np.einsum("fa,ab,fb->f", arms, np.linalg.inv(needle.tensor), arms))
        outside = 1.0 / (4.0 * math.pi * math.sqrt(np.linalg.det(needle.tensor)) * reach)
        walls = WALL_FACTOR * needle.permeability * source.facet_areas[boundary.original]
        pressure.solve(np.ones(cells), local, walls, outside)
        mean = partition.comm.allreduce(float(local[:owned] @ pressure.cell_pressure()[:owned]))
    finally:
        pressure.destroy()
    return replace(needle, source_radius=6.0 / (20.0 * math.pi * needle.permeability * mean))
