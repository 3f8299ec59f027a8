"""Orders of the hybrid Darcy pressure on refined unstructured meshes.

The load-bearing check: against manufactured pressures of two plane waves in a box, with isotropic and with full
anisotropic permeability, facet and cell pressures converge with order 2 and fluxes with order 1 or more. The walls are
Robin walls everywhere, with the outside pressure that the exact flux asks for. The mean pressure over a ball with an
even source, from which the tip pressure is taken, is checked against its closed form.
"""

import numpy as np
import pytest

from fem.darcy import DarcyPressure
from fem.partition import Partition
from meshes.phantoms import ball, box

LENGTHS = (10.0, 8.0, 6.0)
SIZES = (1.6, 1.1, 0.75)
MOBILITY = 1e6
WAVES = np.array([[0.35, -0.2, 0.15], [-0.1, 0.25, 0.4]])
AMPLITUDES, PHASES = np.array([0.02, 0.03]), np.array([0.4, -0.7])
AXES, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
TENSORS = {"isotropic": 3e-2 * np.eye(3), "anisotropic": AXES @ np.diag([1e-2, 3e-2, 1e-1]) @ AXES.T}


def exact_pressure(x):
    return np.sin(x @ WAVES.T + PHASES) @ AMPLITUDES


def exact_velocity(x, tensor):
    return -MOBILITY * (np.cos(x @ WAVES.T + PHASES) * AMPLITUDES) @ WAVES @ tensor


def exact_source(x, tensor):
    return MOBILITY * np.sin(x @ WAVES.T + PHASES) @ (AMPLITUDES * np.einsum("wa,ab,wb->w", WAVES, tensor, WAVES))


def mean_over_cells(function, corners):
    """Mean of a function over tetrahedra, exact for quadratics."""
    near, far = 0.5854101966249685, 0.1381966011250105
    points = [far * corners.sum(axis=1) + (near - far) * corners[:, i] for i in range(4)]
    return sum(function(x) for x in points) / 4.0


@pytest.fixture(scope="module")
def partitions():
    return [Partition.build(box(LENGTHS, size)) for size in SIZES]


def relative_error(value, exact, weight):
    return np.sqrt((weight @ (value - exact) ** 2) / (weight @ exact**2))


def errors_on(partition, tensor):
    """Relative L2 errors of the facet pressure, the cell pressure and the normal flux, and the edge length."""
    mesh, corners = partition.source, partition.corner_points
    volumes, count = partition.cell_volumes, len(partition.cell_volumes)
    walls = partition.boundary
    places = mesh.facet_centroids[walls.original]
    areas = mesh.facet_areas[walls.original]
    out = np.einsum("fa,fa->f", exact_velocity(places, tensor), mesh.facet_normals[walls.original]) * areas
    conductance = 0.3 * MOBILITY * 3e-2 * areas
    pressure = DarcyPressure(partition, np.tile(tensor, (count, 1, 1)))
    source = mean_over_cells(lambda x: exact_source(x, tensor), corners) * volumes
    pressure.solve(
        np.full(count, MOBILITY),
        source,
        conductance,
        exact_pressure(places) - out / conductance,
    )
    centres = (corners.sum(axis=1, keepdims=True) - corners) / 3.0
    arms = corners[:, [1, 0, 0, 0]], corners[:, [2, 3, 1, 2]], corners[:, [3, 2, 3, 1]]
    normals = 0.5 * np.cross(arms[1] - arms[0], arms[2] - arms[0])
    normals *= np.sign(np.einsum("tia,tia->ti", normals, centres - corners))[..., None]
    facet_areas = np.linalg.norm(normals, axis=2)
    speed = np.einsum("tia,tia->ti", exact_velocity(centres, tensor), normals) / facet_areas
    weight = np.repeat(volumes, 4)
    result = (
        relative_error(pressure.facet_pressure[partition.cell_facets].ravel(), exact_pressure(centres).ravel(), weight),
        relative_error(pressure.cell_pressure(), mean_over_cells(exact_pressure, corners), volumes),
        relative_error((pressure.flux / facet_areas).ravel(), speed.ravel(), weight),
    )
    assert pressure.divergence_defect <= 1e-8 * np.abs(source).sum()
    pressure.destroy()
    return result, (volumes.mean() * 6.0 * np.sqrt(2.0)) ** (1.0 / 3.0)


@pytest.mark.parametrize("name", TENSORS)
def test_manufactured_pressure(partitions, name):
    results = [errors_on(partition, TENSORS[name]) for partition in partitions]
    errors, lengths = np.array([errors for errors, _ in results]), [length for _, length in results]
    facet_order, cell_order, flux_order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    print(f"{name}: errors {errors.tolist()}, orders {facet_order:.2f} {cell_order:.2f} {flux_order:.2f}")
    assert facet_order > 1.8
    assert cell_order > 1.8
    assert flux_order > 0.9
    assert (errors[-1] < [0.01, 0.01, 0.1]).all()


def test_mean_pressure_of_a_ball_with_an_even_source():
    """p = q (R^2 - r^2) / (6 k lambda) in a ball held at zero outside: the mean is q R^2 / (15 k lambda)."""
    radius, permeability = 10.0, 3e-2
    errors, lengths = [], []
    for size in (3.0, 2.1, 1.5):
        partition = Partition.build(ball(radius, size))
        volumes, count = partition.cell_volumes, len(partition.cell_volumes)
        pressure = DarcyPressure(partition, np.tile(permeability * np.eye(3), (count, 1, 1)))
        walls = partition.source.facet_areas[partition.boundary.original]
        pressure.solve(np.full(count, MOBILITY), volumes, 1e9 * walls, 0.0 * walls)
        mean = volumes @ pressure.cell_pressure() / volumes.sum()
        errors.append(abs(mean / (radius**2 / (15.0 * permeability * MOBILITY)) - 1.0))
        lengths.append((volumes.mean() * 6.0 * np.sqrt(2.0)) ** (1.0 / 3.0))
        pressure.destroy()
    order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    print(f"errors {errors}, order {order:.2f}")
    assert order > 1.8
    assert errors[-1] < 0.01
