"""Fluxes through the facets from the pressures on them, and the speeds that they make, in compiled form."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def one_sided_flux(
    cell_facets: NDArray[np.int32],
    cell_matrices: NDArray[np.float64],
    mobility: NDArray[np.float64],
    source: NDArray[np.float64],
    facet_pressure: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> None:
    """Flux out of each cell as its own equation gives it; the two sides differ by the residual of the solve."""
    for cell in range(len(cell_facets)):
        for i in range(4):
            own, out = facet_pressure[cell_facets[cell, i]], 0.25 * source[cell]
            for j in range(4):
                out -= mobility[cell] * cell_matrices[cell, i, j] * (facet_pressure[cell_facets[cell, j]] - own)
            flux[cell, i] = out


@numba.njit(cache=True)
def two_sided_flux(
    neighbours: NDArray[np.int32],
    neighbour_slots: NDArray[np.int32],
    one_sided: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> None:
    """Half the difference of the two sides, so that what leaves one cell enters the other to the last bit."""
    for cell in range(len(neighbours)):
        for i in range(4):
            other = neighbours[cell, i]
            if other < 0:
                flux[cell, i] = one_sided[cell, i]
            else:
                flux[cell, i] = 0.5 * (one_sided[cell, i] - one_sided[other, neighbour_slots[cell, i]])


@numba.njit(cache=True)
def speed_at_centroids(
    flux: NDArray[np.float64],
    corner_points: NDArray[np.float64],
    cell_volumes: NDArray[np.float64],
    speed: NDArray[np.float64],
) -> None:
    """Modulus of sum_i flux_i (centroid - corner_i) / (3 |T|)."""
    for cell in range(len(flux)):
        total = flux[cell].sum()
        square = 0.0
        for axis in range(3):
            moment = 0.0
            for i in range(4):
                moment += (0.25 * total - flux[cell, i]) * corner_points[cell, i, axis]
            square += moment**2
        speed[cell] = math.sqrt(square) / (3.0 * cell_volumes[cell])
