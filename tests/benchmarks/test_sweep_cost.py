"""The comparison of two results: what is equal, how far numbers differ, and what is no difference of numbers."""

import math

import pytest

from benchmarks.sweep_cost import largest_difference

RESULT = {"leaks": {"canal": 0.25, "disc": 0.0}, "matrix": [[1.0, 2.0], [3.0, 4.0]], "pattern": "confluent"}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({}, 0.0),
        ({"matrix": [[1.0, 2.0], [3.0, 5.0]]}, 0.2),
        ({"leaks": {"canal": 0.25, "disc": 1e-300}}, 1.0),
        ({"pattern": "separated"}, math.inf),
        ({"matrix": [[1.0, 2.0]]}, math.inf),
        ({"leaks": {"canal": None, "disc": 0.0}}, math.inf),
    ],
)
def test_the_largest_difference_is_found(change, difference):
    assert largest_difference(RESULT, {**RESULT, **change}) == pytest.approx(difference, rel=1e-12)
