"""A block of heterogeneous bone conducts as much as the smoothed bone: flow through it under a pressure difference."""

import numpy as np
import pytest
from phantoms import box

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure
from materials.heterogeneity import TrabecularHeterogeneity

EDGE = 20.0
"""mm of the block: eight correlation lengths."""

SEEDS = range(1, 5)


def conductivity(partition: Partition, factor: np.ndarray, axis: int) -> float:
    """Permeability in mm2 of the block between two of its sides, where that of a cell is ``factor`` mm2."""
    mesh, rows, count = partition.source, partition.boundary.original, len(partition.cell_volumes)
    pressure = DarcyPressure(partition, factor[:, None, None] * np.eye(3))
    place = mesh.facet_centroids[rows, axis]
    low, high = place < 1e-9, place > EDGE - 1e-9
    conductance = np.where(low | high, 1e6, 0.0) * mesh.facet_areas[rows]
    pressure.solve(np.ones(count), np.zeros(count), conductance, low.astype(float))
    rate = float(pressure.wall_flux[high].sum())
    pressure.destroy()
    return rate / EDGE


@pytest.mark.parametrize(("sd", "size"), [(0.5, 3.0), (0.8, 3.0), (0.8, 2.0), (1.1, 3.0)])
def test_effective_permeability_stays_that_of_the_smoothed_bone(sd, size, evidence):
    partition = Partition.build(box((EDGE, EDGE, EDGE), size))
    centroids = partition.corner_points.mean(axis=1) - 0.5 * EDGE
    found = [
        conductivity(partition, TrabecularHeterogeneity(sd=sd, seed=seed).factor(centroids), axis)
        for seed in SEEDS
        for axis in range(3)
    ]
    evidence.check(
        case=f"heterogeneous bone, SD of ln k {sd}, cells of {size:g} mm",
        quantity="effective over smoothed permeability, mean of four fields along three axes [-]",
        expected=1.0,
        computed=float(np.mean(found)),
        low=0.92,
        high=1.08,
        source="Gutjahr 1978, 10.1029/WR014i005p00953; Dagan 1989, 10.1007/978-3-642-75015-1",
        kind="verification",
    )
