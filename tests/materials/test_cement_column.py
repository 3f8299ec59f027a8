"""A column that grows into a conduit: as far as the closed form says, in however many steps."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from materials.column import growth_of_share, mean_share


def way_in_step(start, drive, index, step):
    """Way over the length of the conduit in a step under a constant drive, by the mean resistance of the step."""

    def miss(way):
        return way - step * (drive / mean_share(start, way, index)) ** (1.0 / index)

    return float(brentq(miss, 1e-12, 1e3, xtol=1e-14))


@pytest.mark.parametrize("steps", [1, 3, 16])
@pytest.mark.parametrize("index", [1.0, 0.7, 0.4])
def test_the_length_under_constant_pressure_is_exact_in_any_number_of_steps(index, steps):
    """l^(1 + 1/n) = (1 + 1/n) X^(1/n) t (Washburn 1921 for n = 1), X the pressure in units of the resistance."""
    drive, time, power = 0.35, 1.2, 1.0 + 1.0 / index
    length = 0.0
    for _ in range(steps):
        length += way_in_step(length, drive, index, time / steps)
    exact = (power * drive ** (1.0 / index) * time) ** (1.0 / power)
    assert 0.3 < exact < 1.0
    assert length == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("index", [1.0, 0.5])
def test_what_passes_the_end_is_exact_too(index):
    """Filled at t_1 = L^(1 + 1/n) / ((1 + 1/n) X^(1/n)), the conduit passes X^(1/n) from there on."""
    drive, time, power = 2.0, 1.0, 1.0 + 1.0 / index
    speed = drive ** (1.0 / index)
    filled = 1.0 / (power * speed)
    assert filled < time
    assert way_in_step(0.0, drive, index, time) == pytest.approx(1.0 + (time - filled) * speed, rel=1e-9)


def test_a_full_conduit_resists_with_its_whole_length():
    assert (mean_share(1.0, np.array([0.0, 1e-9, 0.3, 40.0]), 0.5) == 1.0).all()
    assert (growth_of_share(1.0, np.array([0.0, 1e-9, 0.3, 40.0]), 0.5) == 0.0).all()


@pytest.mark.parametrize("index", [1.0, 0.3])
@pytest.mark.parametrize(("start", "way"), [(0.0, 0.4), (0.2, 1e-7), (0.2, 3e-6), (0.3, 5.0), (0.0, 0.0)])
def test_mean_share_and_its_growth(start, way, index):
    def mean(way):
        return (quad(lambda x: min(start + x, 1.0) ** (1.0 / index), 0.0, way, limit=200)[0] / way) ** index

    assert mean_share(start, way, index) == pytest.approx(mean(way) if way else start, rel=1e-6)
    if way > 1e-3:
        low, high = mean(way * 0.999), mean(way * 1.001)
        assert growth_of_share(start, way, index) == pytest.approx(np.log(high / low) / np.log(1.001 / 0.999), rel=1e-3)
