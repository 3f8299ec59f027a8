"""Orders of the hybrid Darcy pressure on refined unstructured meshes.

The load-bearing check: against manufactured pressures of two plane waves in a box, with isotropic and with full
anisotropic permeability, facet and cell pressures converge with order 2 and fluxes with order 1 or more. The walls are
Robin walls everywhere, with the outside pressure that the exact flux asks for. The mean pressure over a ball with an
even source, from which the tip pressure is taken, is checked against its closed form.
"""

import numpy as np
import pytest
from exact_darcy import errors_on, orders
from phantoms import ball, box

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

LENGTHS = (10.0, 8.0, 6.0)
SIZES = (1.6, 1.1, 0.75)
MOBILITY = 1e6
WAVES = np.array([[0.35, -0.2, 0.15], [-0.1, 0.25, 0.4]])
AMPLITUDES, PHASES = np.array([0.02, 0.03]), np.array([0.4, -0.7])
AXES, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))
TENSORS = {"isotropic": 3e-2 * np.eye(3), "anisotropic": AXES @ np.diag([1e-2, 3e-2, 1e-1]) @ AXES.T}

QUANTITIES = {"facet pressure": (2.0, 1.9, 0.01), "cell pressure": (2.0, 1.9, 0.01), "flux": (1.0, 0.95, 0.1)}
"""Order in theory and least accepted one, and the largest error accepted on the finest mesh."""


def exact_pressure(x):
    return np.sin(x @ WAVES.T + PHASES) @ AMPLITUDES


def exact_velocity(x, tensor):
    return -MOBILITY * (np.cos(x @ WAVES.T + PHASES) * AMPLITUDES) @ WAVES @ tensor


def exact_source(x, tensor):
    return MOBILITY * np.sin(x @ WAVES.T + PHASES) @ (AMPLITUDES * np.einsum("wa,ab,wb->w", WAVES, tensor, WAVES))


@pytest.fixture(scope="module")
def partitions():
    return [Partition.build(box(LENGTHS, size)) for size in SIZES]


def errors_with(partition, tensor):
    return errors_on(
        partition,
        np.tile(tensor, (len(partition.cell_volumes), 1, 1)),
        MOBILITY,
        lambda x, cells: exact_pressure(x),
        lambda x, cells: exact_velocity(x, tensor),
        lambda x, cells: exact_source(x, tensor),
    )


@pytest.mark.parametrize("name", TENSORS)
def test_manufactured_pressure(evidence, partitions, name):
    results = [errors_with(partition, TENSORS[name]) for partition in partitions]
    errors, lengths = np.array(results)[:, :3], [each.length for each in results]
    evidence.curve(
        case="manufactured Darcy pressure",
        title=f"Manufactured Darcy pressure, {name} permeability",
        x_label="mean edge length [mm]",
        y_label="relative error in L2 [-]",
        series=[
            *((quantity, lengths, error) for quantity, error in zip(QUANTITIES, errors.T, strict=True)),
            ("order 1", lengths, 1.4 * errors[0, 2] * np.array(lengths) / lengths[0]),
            ("order 2", lengths, 0.7 * errors[0, :2].min() * (np.array(lengths) / lengths[0]) ** 2),
        ],
        log=True,
    )
    for quantity, order, error, (expected, least, largest) in zip(
        QUANTITIES, orders(results), errors[-1], QUANTITIES.values(), strict=True
    ):
        case = f"manufactured Darcy pressure, {name} permeability"
        evidence.check(
            case=case,
            quantity=f"order of the {quantity} in L2 [-]",
            expected=expected,
            computed=order,
            low=least,
            source="fitted order; Arnold & Brezzi 1985",
            kind="order",
        )
        evidence.check(
            case=case,
            quantity=f"relative error of the {quantity} on the finest mesh [-]",
            expected=0.0,
            computed=error,
            high=largest,
            source="exact; two plane waves",
            kind="verification",
        )


def test_mean_pressure_of_a_ball_with_an_even_source(evidence):
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
    evidence.check(
        case="ball with an even source",
        quantity="order of the mean pressure [-]",
        expected=2.0,
        computed=order,
        low=1.8,
        source="fitted order",
        kind="order",
    )
    evidence.check(
        case="ball with an even source",
        quantity="relative error of the mean pressure on the finest mesh [-]",
        expected=0.0,
        computed=errors[-1],
        high=0.01,
        source="exact; q R² / (15 k λ)",
        kind="verification",
    )
