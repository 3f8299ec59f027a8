"""Exact sequences: limit, order and error come back; what has no order leaves its spread."""

import numpy as np
import pytest

from benchmarks.richardson import SAFETY, estimate

LENGTHS = (3.0, 2.5, 2.0, 1.5, 1.0)


@pytest.mark.parametrize("order", [0.6, 1.0, 1.7, 1.9])
@pytest.mark.parametrize(("limit", "factor"), [(10.0, 0.3), (-2.0, -1e-3), (0.0, 5e3)])
@pytest.mark.parametrize("count", [3, 5])
def test_exact_sequence(order, limit, factor, count):
    lengths = np.array(LENGTHS[-count:])
    values = limit + factor * lengths**order
    found = estimate(lengths, values, 1.5)
    assert found.value == values[-2]
    assert found.order == pytest.approx(order, rel=1e-4)
    assert found.limit == pytest.approx(limit, abs=1e-4 * abs(factor))
    assert found.error == pytest.approx(SAFETY * abs(factor) * 1.5**order, rel=1e-3)


def test_the_order_of_the_lengths_does_not_count():
    values = [2.0 + length**1.5 for length in LENGTHS]
    assert estimate(LENGTHS[::-1], values[::-1], 2.0).error == pytest.approx(estimate(LENGTHS, values, 2.0).error)


def test_scatter_widens_the_error():
    exact = [10.0 + length for length in LENGTHS]
    scattered = [value + 0.02 * (-1.0) ** number for number, value in enumerate(exact)]
    assert estimate(LENGTHS, scattered, 1.5).error > abs(scattered[3] - estimate(LENGTHS, scattered, 1.5).limit)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1.0, 2.0, 1.5, 1.7, 1.6], id="up and down"),
        pytest.param([1.0, 1.1, 1.3, 1.7, 2.5], id="growing changes"),
        pytest.param([12.0, 11.2, 10.6, 10.25, 10.24], id="two that agree by chance"),
        pytest.param([2.0, 2.0, 2.0, 2.0, 2.0], id="none"),
    ],
)
def test_the_spread_where_there_is_no_order(values):
    found = estimate(LENGTHS, values, 1.5)
    assert (found.order, found.limit) == (None, None)
    assert found.value == values[3]
    assert found.error == pytest.approx(np.ptp(values))


def test_two_values_have_no_order():
    assert estimate((3.0, 2.0), (1.0, 1.5), 2.0).error == pytest.approx(0.5)
    with pytest.raises(ValueError, match="at = 1 is none of the lengths"):
        estimate((3.0, 2.0), (1.0, 1.5), 1.0)
