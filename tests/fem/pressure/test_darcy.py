"""The hybrid pressure on one mesh: vessels, rest, a single cell, and solves that end in an error.

Its fluxes and pressures are checked against other formulations in tests/verification/test_darcy_formulations.py, cores
in test_core_flow.py and orders in test_darcy_orders.py and test_darcy_jumps.py there.
"""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
import pytest

import fem.pressure.darcy
from fem.errors import ConvergenceError
from fem.pressure.darcy import DarcyPressure
from fem.pressure.exchange import Exchange, JoinedCells


def test_exchange_with_vessels(box_partition):
    """Vessels feed tight cells until these have their pressure; with walls open, what they give leaves through them."""
    count, generator = len(box_partition.cell_volumes), np.random.default_rng(5)
    vessels, walls = np.full(count, 0.02), np.zeros(len(box_partition.boundary.facets))
    pressure = DarcyPressure(box_partition, np.tile(1e-2 * np.eye(3), (count, 1, 1)))
    exchange = generator.uniform(0.0, 2.0, size=count) * (generator.uniform(size=count) < 0.3)
    nothing = np.zeros(count)
    pressure.solve(np.full(count, 1e6), nothing, walls, walls, Exchange(exchange, vessels))
    np.testing.assert_allclose(pressure.facet_pressure, 0.02, rtol=1e-8)
    pressure.solve(np.full(count, 1e6), nothing, walls + 3.0, walls, Exchange(exchange, vessels))
    mean = pressure.facet_pressure[box_partition.cell_facets].mean(axis=1)
    np.testing.assert_allclose(pressure.exchange_rate, exchange * (0.02 - mean), rtol=1e-12)
    np.testing.assert_allclose(pressure.flux.sum(axis=1), pressure.exchange_rate, atol=1e-9 * pressure.wall_flux.sum())
    assert pressure.wall_flux.sum() == pytest.approx(pressure.exchange_rate.sum(), rel=1e-9)
    assert pressure.wall_flux.sum() > 0.1
    pressure.destroy()


def test_vessels_join_cells(box_partition):
    """Against a dense solve of the same matrix with E - E A E between the means of cells, and the balance of cells."""
    count, generator = len(box_partition.cell_volumes), np.random.default_rng(8)
    mobility, walls = generator.uniform(0.5, 2.0, count), np.full(len(box_partition.boundary.facets), 0.02)
    pressure = DarcyPressure(box_partition, np.tile(np.eye(3), (count, 1, 1)))
    cell, vessel = generator.integers(0, count, 40), generator.integers(0, 5, 40)
    conductance, source = generator.uniform(0.1, 5.0, 40), generator.uniform(0.0, 1.0, count)
    root = generator.normal(size=(5, 5))
    inner = root @ root.T + np.diag(np.bincount(vessel, conductance, 5) + 0.1)
    response = np.linalg.inv(inner)
    joined = JoinedCells.of_ways(cell, vessel, conductance, response, count, MPI.COMM_SELF)
    rate = generator.uniform(0.0, 1.0, count) * np.isin(np.arange(count), cell)
    exchange = Exchange(np.bincount(cell, conductance, count), np.full(count, 0.3), rate, joined)
    pressure.solve(mobility, source, walls, 0.1 + walls, exchange)

    facets = box_partition.cell_facets
    gradients = box_partition.barycentric_gradients
    matrix, load = np.zeros((facets.max() + 1,) * 2), np.zeros(facets.max() + 1)
    for number, own in enumerate(facets):
        local = 9.0 * box_partition.cell_volumes[number] * mobility[number] * gradients[number] @ gradients[number].T
        matrix[np.ix_(own, own)] += local
    means = np.zeros((count, len(load)))
    np.add.at(means, (np.arange(count)[:, None], facets), 0.25)
    ways = np.zeros((count, 5))
    np.add.at(ways, (cell, vessel), conductance)
    between = np.diag(exchange.conductance) - ways @ response @ ways.T
    matrix += means.T @ between @ means
    load += means.T @ (source + rate + exchange.conductance * 0.3)
    boundary = box_partition.boundary.facets
    matrix[boundary, boundary] += walls
    load[boundary] += walls * (0.1 + walls)
    exact = np.linalg.solve(matrix, load)
    np.testing.assert_allclose(pressure.facet_pressure, exact, rtol=1e-8)
    taken = exchange.conductance * 0.3 + rate - between @ (means @ exact)
    np.testing.assert_allclose(pressure.exchange_rate, taken, atol=1e-8 * np.abs(taken).max())
    np.testing.assert_allclose(pressure.flux.sum(axis=1), source + taken, atol=1e-8 * np.abs(taken).max())
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
