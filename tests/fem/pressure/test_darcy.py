"""The hybrid pressure on one mesh: vessels, rest, a single cell, and solves that end in an error.

Its fluxes and pressures are checked against other formulations in tests/verification/test_darcy_formulations.py, cores
in test_core_flow.py and orders in test_darcy_orders.py and test_darcy_jumps.py there.
"""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import numpy as np
import pytest

import fem.pressure.darcy
from fem.errors import ConvergenceError
from fem.pressure.darcy import DarcyPressure


def test_exchange_with_vessels(box_partition):
    """Vessels feed tight cells until these have their pressure; with walls open, what they give leaves through them."""
    count, generator = len(box_partition.cell_volumes), np.random.default_rng(5)
    vessels, walls = np.full(count, 0.02), np.zeros(len(box_partition.boundary.facets))
    pressure = DarcyPressure(box_partition, np.tile(1e-2 * np.eye(3), (count, 1, 1)), vessels)
    exchange = generator.uniform(0.0, 2.0, size=count) * (generator.uniform(size=count) < 0.3)
    nothing = np.zeros(count)
    pressure.solve(np.full(count, 1e6), nothing, walls, walls, exchange)
    np.testing.assert_allclose(pressure.facet_pressure, 0.02, rtol=1e-8)
    pressure.solve(np.full(count, 1e6), nothing, walls + 3.0, walls, exchange)
    mean = pressure.facet_pressure[box_partition.cell_facets].mean(axis=1)
    np.testing.assert_allclose(pressure.exchange_rate, exchange * (0.02 - mean), rtol=1e-12)
    np.testing.assert_allclose(pressure.flux.sum(axis=1), pressure.exchange_rate, atol=1e-9 * pressure.wall_flux.sum())
    assert pressure.wall_flux.sum() == pytest.approx(pressure.exchange_rate.sum(), rel=1e-9)
    assert pressure.wall_flux.sum() > 0.1
    pressure.destroy()


def test_no_source_is_no_flow(box_partition):
    count = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.tile(np.eye(3), (count, 1, 1)))
    walls = np.ones(len(box_partition.boundary.facets))
    for source in (np.eye(1, count).ravel(), np.zeros(count)):
        pressure.solve(np.ones(count), source, walls, 0.0 * walls)
    assert pressure.iterations == 0
    assert not pressure.flux.any()
    pressure.destroy()


def test_one_cell_with_a_source(single_cell):
    """q leaves evenly through four walls of conductance G: p = q / (4 G), q 2.25 / (180 |T| lambda) more inside."""
    pressure = DarcyPressure(single_cell, np.eye(3)[None])
    pressure.solve(np.array([2.0]), np.array([8.0]), np.full(4, 0.5), np.zeros(4))
    np.testing.assert_allclose(pressure.facet_pressure, 4.0, rtol=1e-11)
    np.testing.assert_allclose(pressure.wall_flux, 2.0, rtol=1e-11)
    np.testing.assert_allclose(pressure.cell_pressure(), 4.3, rtol=1e-11)
    pressure.destroy()


def test_too_few_iterations_raise(box_partition, monkeypatch):
    monkeypatch.setattr(fem.pressure.darcy, "ITERATION_LIMIT", 3)
    count = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.tile(np.eye(3), (count, 1, 1)))
    walls = np.ones(len(box_partition.boundary.facets))
    with pytest.raises(ConvergenceError, match="pressure did not converge"):
        pressure.solve(np.ones(count), np.eye(1, count).ravel(), walls, 0.0 * walls)
    pressure.destroy()


@pytest.mark.parametrize("mobility", [0.0, -1.0, np.inf, np.nan])
def test_a_mobility_that_is_none_raises(box_partition, mobility):
    cells = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.broadcast_to(1e-2 * np.eye(3), (cells, 3, 3)))
    mobilities, walls = np.full(cells, 1e4), np.ones(len(box_partition.boundary.facets))
    mobilities[3] = mobility
    with pytest.raises(ConvergenceError, match="not positive and finite"):
        pressure.solve(mobilities, np.ones(cells), walls, 0.0 * walls)
    pressure.destroy()
