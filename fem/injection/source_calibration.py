"""The source cells of a needle on a given mesh: their outer facets, and the sphere that these stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.injection.needle_opening import NeedleOpening
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

WALL_FACTOR = 1e3
"""Conductance of the walls over permeability times area per mm: high enough to hold the pressure given outside."""


TOLERANCE = 1e-9
"""Residual of the solve over the source; the radius is needed no better."""


@dataclass(frozen=True)
class SourceSurface:
    """The outer facets of a needle's source cells, as far as this rank owns their cells.

    Attributes:
        facets: (f,) local facet numbers.
        surrounding: (f,) local cell behind each facet, seen from the needle.
        weights: (f,) area of each facet over that of all of them, on all ranks.
    """

    facets: NDArray[np.int32]
    surrounding: NDArray[np.int32]
    weights: NDArray[np.float64]

    @classmethod
    def around(cls, needle: NeedleOpening, partition: Partition) -> SourceSurface:
        """Find the facets between the source cells of ``needle`` and the cells around them."""
        inside = partition.local_cells(np.isin(np.arange(len(partition.source.cells)), needle.cells))
        neighbours = partition.neighbours
        outer = inside[:, None] & ((neighbours < 0) | ~inside[neighbours])
        outer[partition.owned_cells :] = False
        cells, slots = np.nonzero(outer)
        # The area of the facet opposite to a vertex is three volumes times the gradient of its barycentric coordinate.
        slopes = np.linalg.norm(partition.barycentric_gradients[cells, slots], axis=1)
        areas = 3.0 * partition.cell_volumes[cells] * slopes
        total = partition.comm.allreduce(float(areas.sum()))
        surrounding = np.where(neighbours[cells, slots] < 0, cells, neighbours[cells, slots])
        return cls(partition.cell_facets[cells, slots], surrounding.astype(np.int32), areas / total)

    def mean(self, facet_pressure: NDArray[np.float64], partition: Partition) -> float:
        """Mean pressure in MPa over the surface, on all ranks, from (local facets,) pressures."""
        return float(partition.comm.allreduce(float(self.weights @ facet_pressure[self.facets])))

    def mean_outside(self, saturation: NDArray[np.float64], partition: Partition) -> float:
        """Mean saturation of the cells around the source cells, on all ranks, from (local cells,) saturations."""
        return float(partition.comm.allreduce(float(self.weights @ saturation[self.surrounding])))


def calibrated(needle: NeedleOpening, surface: SourceSurface, partition: Partition) -> NeedleOpening:
    """``needle`` with the source radius that its outer facets have on this mesh.

    One solve with a unit source in a medium with the needle's permeability everywhere, and with the pressure of a
    point source on the surface of the body, 1 / (4 pi sqrt(det K) sqrt(x . K^-1 x)), gives their mean pressure p_s;
    the sphere with the same one has the radius r_s = 1 / (4 pi k p_s).

    Raises:
        ConvergenceError: the pressure did not converge.
    """
    source, boundary = partition.source, partition.boundary
    cells = len(partition.cell_facets)
    pressure = DarcyPressure(partition, np.broadcast_to(needle.tensor, (cells, 3, 3)))
    try:
        shares = np.zeros(len(source.cells))
        shares[needle.cells] = needle.shares
        arms = source.facet_centroids[boundary.original] - needle.position
        reach = np.sqrt(np.einsum("fa,ab,fb->f", arms, np.linalg.inv(needle.tensor), arms))
        outside = 1.0 / (4.0 * math.pi * math.sqrt(np.linalg.det(needle.tensor)) * reach)
        walls = WALL_FACTOR * needle.permeability * source.facet_areas[boundary.original]
        pressure.solve(np.ones(cells), partition.local_cells(shares), walls, outside, tolerance=TOLERANCE)
        mean = surface.mean(pressure.facet_pressure, partition)
    finally:
        pressure.destroy()
    return replace(needle, source_radius=1.0 / (4.0 * math.pi * needle.permeability * mean))
