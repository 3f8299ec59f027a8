"""Boxes of voxels for tests of the heat: uniform ones, rods and what stands in them."""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np

from fem.heat.heat import Heat
from fem.heat.medium import HeatMedium
from fem.heat.temperature import TemperatureSolver
from materials.curing import CURINGS
from materials.thermal_damage import ThermalDamage
from meshes.box_grid import BoxGrid

TIGHT = (0.0,) * 6
"""No heat through any side."""


def box_medium(grid, *, strut_share=0.0, perfusion=0.0, sides=TIGHT, **materials):
    """A medium of one tissue in the whole box."""
    count = grid.count
    values = {"conductivity": 0.3, "capacity": 2.0, "cement_conductivity": 0.2, "cement_capacity": 2.0} | materials
    return HeatMedium(
        grid=grid,
        strut=np.full(count, strut_share * grid.voxel_volume),
        room=np.full(count, (1.0 - strut_share) * grid.voxel_volume),
        strut_conductivity=values.get("strut_conductivity", 0.45),
        strut_capacity=2.5,
        tissue_conductivity=np.full(count, values["conductivity"]),
        tissue_capacity=np.full(count, values["capacity"]),
        tissue_exchange=np.full(count, perfusion * 3.8),
        cement_conductivity=values["cement_conductivity"],
        cement_capacity=values["cement_capacity"],
        displaced_capacity=values["capacity"],
        side_transfer=sides,
    )


def heat_of(medium, *, curing=CURINGS["borzacchiello_1"], tolerance=0.05, body=None, outlet=None, comm=MPI.COMM_SELF):
    """The law on a medium."""
    count = medium.grid.count
    return Heat(
        medium=medium,
        curing=curing,
        damage=ThermalDamage(),
        body=np.ones(count, dtype=bool) if body is None else body,
        outlet=np.full(count, 0.05) if outlet is None else outlet,
        solver=TemperatureSolver(medium.grid, comm),
        tolerance=tolerance,
    )


def rod(cells, length, width=1.0):
    """A grid of one row of voxels along z; they are cubes, so that the width is theirs."""
    spacing = length / cells
    return BoxGrid(np.zeros(3), spacing, (1, 1, cells))
