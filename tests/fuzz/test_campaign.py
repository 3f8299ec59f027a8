"""The campaign is as large as it is said to be; each of its tests checks that it meets all of its own inputs."""

from importlib import import_module
from pathlib import Path

LEAST = 10_000
"""Damaged inputs that the slow tests check together."""


def slow_inputs(function: object) -> list[int]:
    """How many inputs each slow run of a test checks."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    values = [value for mark in marks if mark.args[0] == "inputs" for value in mark.args[1]]
    return [value.values[0] for value in values if any(mark.name == "slow" for mark in getattr(value, "marks", ()))]


def test_the_campaign_checks_ten_thousand_inputs() -> None:
    counts = {
        f"{path.stem}.{name}": slow_inputs(function)
        for path in sorted(Path(__file__).parent.glob("test_fuzz_*.py"))
        for name, function in vars(import_module(path.stem)).items()
        if name.startswith("test_")
    }
    assert sum(count for found in counts.values() for count in found) >= LEAST, counts
