"""Fluid that enters a vein from the bone around it, against the line sink in a square.

With a pressure P on the sides of a square of half side s and none in a line of radius r, a permeability k gives
q' = 2 pi k P / (mu ln(1.0787 s / r)) per length: that of a disc of the square's conformal radius.
"""

from dataclasses import replace

import numpy as np
import pytest
from block_grid import block_grid

from fem.injection.veins import VeinFlow, Veins
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.darcy import DarcyPressure
from materials.cement import newtonian_cement
from materials.vein import IntraosseousVeins
from meshes.vein_network import VeinNetwork

PERMEABILITY, VISCOSITY, DRIVE, HALF = 2e-2, 1e-4, 1e-2, 12.0


def error_of_rate(cells, diameter, place):
    """Relative error of the rate into an open vein at a (2,) place in mm, in a block of cubes cut into tetrahedra."""
    edge = 2.0 * HALF / cells
    layers = max(2, round(6.0 / edge))
    mesh = block_grid((cells, cells, layers), edge)
    partition, ones = Partition.build(mesh), np.ones(len(mesh.cells))
    medium = PorousMedium(0.8 * ones, np.tile(PERMEABILITY * np.eye(3), (len(ones), 1, 1)))
    depth = layers * edge
    nodes = np.array([[*place, -0.5 * depth], [*place, 0.5 * depth]])
    network = VeinNetwork(nodes, np.array([[0, 1]]), np.array([diameter]), {1: "anterior_veins"})
    veins = Veins(network, IntraosseousVeins(), 0.0, 0.0)
    law = VeinFlow.build(partition, medium, veins, newtonian_cement(VISCOSITY), 1e-7)
    # Within so short a step no piece fills, so that the whole vein stays open.
    state = replace(law.initial_state(), step=1e-12)
    state = replace(state, behind=state.behind + DRIVE)
    age = np.zeros(len(law.grid.length))
    linear = law.linearise(state, ones, VISCOSITY * ones, VISCOSITY * ones, np.zeros(len(ones), dtype=bool), age)
    pressure = DarcyPressure(partition, partition.local_cells(medium.permeability))
    centroids = mesh.facet_centroids[partition.boundary.original]
    side = np.abs(centroids[:, :2]).max(axis=1) > HALF * (1.0 - 1e-9)
    pressure.solve(ones / VISCOSITY, 0.0 * ones, np.where(side, 1e8, 0.0), np.where(side, DRIVE, 0.0), linear.exchange)
    rate = -pressure.exchange_rate.sum() / depth
    pressure.destroy()
    exact = 2.0 * np.pi * PERMEABILITY * DRIVE / (VISCOSITY * np.log(1.0787 * HALF / (0.5 * diameter)))
    return rate / exact - 1.0


@pytest.mark.parametrize("diameter", [1.0, 2.0])
@pytest.mark.parametrize(("cells", "mean", "scatter"), [(8, 0.03, 0.1), (12, 0.02, 0.05)], ids=["3 mm", "2 mm"])
def test_line_sink(cells, mean, scatter, diameter, evidence):
    """At random places in the cells."""
    edge, generator = 2.0 * HALF / cells, np.random.default_rng(3)
    errors = [error_of_rate(cells, diameter, edge * generator.uniform(-0.5, 0.5, 2)) for _ in range(5)]
    case = f"line sink in a square, vein of {diameter:g} mm, cells of {edge:g} mm"
    evidence.check(
        case=case,
        quantity="mean error of the rate at random places [-]",
        expected=0.0,
        computed=float(np.mean(errors)),
        low=-mean,
        high=mean,
        source="exact",
        kind="verification",
    )
    evidence.check_error(case, "largest error of the rate", float(np.abs(errors).max()), scatter)
