"""Plugs in tubes against the law of the apparent viscosity, and the numbers of the veins."""

import numpy as np
import pytest

from materials.cement import CEMENTS, Cement, newtonian_cement
from materials.leak_path import LeakPath
from materials.vein import IntraosseousVeins, PlugFlow

POWER_LAW = Cement("test", 1e-4, 0.5, index_rate=0.0, doubling_time=None, shear_rate_low=1e-6, shear_rate_high=1e6)


@pytest.mark.parametrize("cement", [*CEMENTS.values(), POWER_LAW, newtonian_cement(1e-4)], ids=lambda law: law.name)
@pytest.mark.parametrize("age", [300.0, 900.0])
def test_speed_is_the_inverse_of_the_apparent_viscosity(cement, age):
    """v mu(v) = d^2 / 32 times the gradient, from creep to the thinnest."""
    path = LeakPath("tube", 1.7, 1.0)
    gradient = np.logspace(-12, 4, 200)
    speed, _ = PlugFlow.of_cement(np.full(200, 1.7), cement, np.full(200, age)).speed(gradient)
    viscosity = path.apparent_viscosity(
        speed, cement.consistency(age), cement.index(age), cement.shear_rate_low, cement.shear_rate_high
    )
    np.testing.assert_allclose(speed * viscosity, path.conductance_per_area * gradient, rtol=1e-9)
    assert (np.diff(speed) > 0.0).all()


def test_slope_and_work_are_derivative_and_integral_of_the_speed():
    gradient = np.logspace(-9, 3, 400)
    flow = PlugFlow.of_cement(np.full(400, 1.5), CEMENTS["high"], np.full(400, 300.0))
    step = 1e-6 * gradient
    speed, slope = flow.speed(gradient)
    between = np.abs(np.log(gradient / flow.creep_gradient)) > 1e-5
    between &= np.abs(np.log(gradient / flow.thinned_gradient)) > 1e-5
    differences = (flow.speed(gradient + step)[0] - flow.speed(gradient - step)[0]) / (2.0 * step)
    np.testing.assert_allclose(slope[between], differences[between], rtol=1e-8)
    gained = (flow.work(gradient + step) - flow.work(gradient - step)) / (2.0 * step)
    np.testing.assert_allclose(speed, gained, rtol=1e-5)
    np.testing.assert_array_equal(flow.speed(-gradient)[0], -speed)
    assert flow.work(np.zeros(400)).tolist() == [0.0] * 400


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="wall_entry_factor"):
        IntraosseousVeins(wall_entry_factor=2.0)
