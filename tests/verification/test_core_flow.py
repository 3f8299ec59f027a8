"""V4: cores of any orientation, through which marrow flows under a linear pressure, give their permeability back.

A linear pressure is exact for the method, through walls of any conductance, so the mean velocities under pressure
gradients along x, y and z are the columns of the tensor. The principal permeabilities are Baroud 2004's.
"""

import numpy as np
import pytest
from phantoms import box

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

PRINCIPAL = np.array([3.44e-2, 3.44e-2, 4.45e-2])
MOBILITY, GRADIENT = 1e7, 1e-3


@pytest.fixture(scope="module")
def core():
    return Partition.build(box((6.0, 5.0, 4.0), 1.2))


def measured_tensor(core, tensor, conductance):
    """Tensor in mm2 that the mean velocities give, between walls of a conductance in mm3/(s MPa) per mm2."""
    mesh, rows = core.source, core.boundary.original
    areas, count = mesh.facet_areas[rows], len(core.cell_volumes)
    pressure = DarcyPressure(core, np.tile(tensor, (count, 1, 1)))
    measured = np.empty((3, 3))
    for axis, slope in enumerate(GRADIENT * np.eye(3)):
        out = -MOBILITY * (mesh.facet_normals[rows] @ tensor @ slope) * areas
        outside = mesh.facet_centroids[rows] @ slope - out / (conductance * areas)
        pressure.solve(np.full(count, MOBILITY), np.zeros(count), conductance * areas, outside)
        np.testing.assert_allclose(pressure.wall_flux, out, atol=1e-8 * np.abs(out).max())
        np.testing.assert_allclose(
            pressure.cell_pressure(), core.corner_points.mean(axis=1) @ slope, atol=1e-8 * 6.0 * GRADIENT
        )
        mean = core.cell_volumes @ pressure.cell_velocity() / core.cell_volumes.sum()
        measured[:, axis] = -mean / (MOBILITY * GRADIENT)
    pressure.destroy()
    return measured


@pytest.mark.parametrize("rotation", [1, 2, 3])
def test_core_gives_its_tensor_back(core, rotation, evidence):
    axes, _ = np.linalg.qr(np.random.default_rng(rotation).normal(size=(3, 3)))
    tensor = axes @ np.diag(PRINCIPAL) @ axes.T
    measured = np.stack([measured_tensor(core, tensor, conductance) for conductance in (1e4, 1e5, 1e7)])
    for quantity, error in (
        ("largest error of the tensor over its largest permeability [-]", measured - tensor),
        ("largest asymmetry of the tensor over its largest permeability [-]", measured - measured.transpose(0, 2, 1)),
    ):
        evidence.check(
            case=f"V4 core flow, rotation {rotation}",
            quantity=quantity,
            expected=0.0,
            computed=np.abs(error).max() / PRINCIPAL.max(),
            high=1e-8,
            source="exact",
            kind="verification",
        )
