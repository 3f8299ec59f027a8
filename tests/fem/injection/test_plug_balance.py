"""Plugs in tubes against the law of the apparent viscosity, and which nodes chosen pieces join."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fem.injection.plug_balance import PlugBalance, joined, speed, work
from fem.injection.vein_plugs import VeinPlugs
from materials.cement import CEMENTS, Cement, newtonian_cement
from materials.leak_path import LeakPath
from materials.vein import PlugFlow
from meshes.vein_grid import VeinGrid
from meshes.vein_network import VeinNetwork

POWER_LAW = Cement("test", 1e-4, 0.5, index_rate=0.0, doubling_time=None, shear_rate_low=1e-6, shear_rate_high=1e6)


def balance_of(flow: PlugFlow) -> PlugBalance:
    """Pieces with this law of flow, and nothing else."""
    law = (flow.creep, flow.creep_gradient, flow.thinned, flow.thinned_gradient, flow.exponent)
    nothing = np.zeros(len(flow.creep))
    return PlugBalance(nothing, nothing, *law, nothing > 0.0, nothing, np.empty(0, int), np.empty(0), np.empty(0))


def speeds(flow: PlugFlow, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    balance = balance_of(flow)
    found = np.array([speed(balance, piece, gradient) for piece, gradient in enumerate(gradients)])
    return found[:, 0], found[:, 1]


def works(flow: PlugFlow, gradients: np.ndarray) -> np.ndarray:
    balance = balance_of(flow)
    return np.array([work(balance, piece, gradient) for piece, gradient in enumerate(gradients)])


@pytest.mark.parametrize("cement", [*CEMENTS.values(), POWER_LAW, newtonian_cement(1e-4)], ids=lambda law: law.name)
@pytest.mark.parametrize("age", [300.0, 900.0])
def test_speed_is_the_inverse_of_the_apparent_viscosity(cement, age):
    """v mu(v) = d^2 / 32 times the gradient, from creep to the thinnest."""
    path = LeakPath("tube", 1.7, 1.0)
    gradient = np.logspace(-12, 4, 200)
    speed, _ = speeds(PlugFlow.of_cement(np.full(200, 1.7), cement, np.full(200, age)), gradient)
    viscosity = path.apparent_viscosity(
        speed, cement.consistency(age), cement.index(age), cement.shear_rate_low, cement.shear_rate_high
    )
    np.testing.assert_allclose(speed * viscosity, path.conductance_per_area * gradient, rtol=1e-9)
    assert (np.diff(speed) > 0.0).all()


def test_slope_and_work_are_derivative_and_integral_of_the_speed():
    gradient = np.logspace(-9, 3, 400)
    flow = PlugFlow.of_cement(np.full(400, 1.5), CEMENTS["high"], np.full(400, 300.0))
    step = 1e-6 * gradient
    speed, slope = speeds(flow, gradient)
    between = np.abs(np.log(gradient / flow.creep_gradient)) > 1e-5
    between &= np.abs(np.log(gradient / flow.thinned_gradient)) > 1e-5
    differences = (speeds(flow, gradient + step)[0] - speeds(flow, gradient - step)[0]) / (2.0 * step)
    np.testing.assert_allclose(slope[between], differences[between], rtol=1e-8)
    gained = (works(flow, gradient + step) - works(flow, gradient - step)) / (2.0 * step)
    np.testing.assert_allclose(speed, gained, rtol=1e-5)
    np.testing.assert_array_equal(speeds(flow, -gradient)[0], -speed)
    assert works(flow, np.zeros(400)).tolist() == [0.0] * 400


def test_nodes_are_joined_as_the_components_of_the_graph_say():
    """A chain with side branches, cut at random, against the labels of its components."""
    random = np.random.default_rng(3)
    nodes = np.cumsum(random.random((12, 3)) + 0.5, axis=0)
    segments = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [1, 5], [2, 6], [6, 7], [8, 9], [9, 10], [9, 11]])
    exits = {4: "segmental_veins_left", 10: "anterior_veins"}
    plugs = VeinPlugs.of_grid(VeinGrid.of_network(VeinNetwork(nodes, segments, np.full(10, 0.4), exits), 0.3))
    pieces = len(plugs.grid.length)
    for share in (0.2, 0.5, 0.8, 1.0):
        chosen = random.random(pieces) < share
        links = np.flatnonzero(chosen[plugs.piece])
        ends = (plugs.piece[links], plugs.node[links])
        labels = connected_components(coo_array((np.ones(len(links)), ends), (plugs.nodes, plugs.nodes)), False)[1]
        expected = np.isin(labels, labels[plugs.exits])
        np.testing.assert_array_equal(joined(plugs.tree, chosen, plugs.exits), expected)
