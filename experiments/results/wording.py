"""How results are told: names as people write them, numbers with their digits and units, times and places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.case.units import to_clinical
from materials.observation import DETECTABLE_LEAK, LEAST_LEAK

NOTICE = "Research software: not a medical device, not validated for patients, not for planning a treatment."
"""Stands wherever people read results."""

LEAST_LEAK_ML, DETECTABLE_LEAK_ML = to_clinical(LEAST_LEAK, "ml"), to_clinical(DETECTABLE_LEAK, "ml")

NOTHING_LEAKED = "nothing leaked"
"""What is said of no more than :data:`materials.observation.LEAST_LEAK`, everywhere."""

LARGEST_FIXED, LEAST_FIXED = 1e6, 1e-2
"""Absolute values between these are written without a power of ten."""

DIGITS = 4
"""Of a number in a table; headlines have one less."""

DIRECTIONS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Names of the falling and the rising direction along each anatomical axis."""


def words(name: str) -> str:
    """A name as people write it: ``left_wall`` -> ``left wall``, ``leak_limit:canal`` -> ``leak limit, canal``."""
    return name.replace("_", " ").replace(":", ", ")


def leaked(volume_ml: float) -> bool:
    """Whether so much cement left the body, or left it at a site, that it is said."""
    return volume_ml > LEAST_LEAK_ML


def duration(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def number(value: float | None, unit: str = "", digits: int = DIGITS) -> str:
    """A number with its unit, or a dash where there is none."""
    return "–" if value is None else f"{_digits(value, digits)} {unit}".strip()


def given(value: Any, unit: str = "") -> str:
    """A value as somebody gave it, with its unit."""
    return f"{plain(value)} {unit}".strip()


def plain(value: Any) -> str:
    """A value of a file as text: words, numbers, and lists and tables of them."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{words(str(name))} {plain(entry)}" for name, entry in value.items()) or "–"
    if isinstance(value, Sequence):
        return ", ".join(plain(entry) for entry in value) or "–"
    return str(value)


def place(point: Sequence[float]) -> str:
    """A point of the anatomical frame in words, with its distances in mm from the body's centroid."""
    return ", ".join(
        f"{abs(position):.1f} mm {low if position < 0.0 else high}"
        for position, (low, high) in zip(point, DIRECTIONS, strict=True)
    )


def _digits(value: float, digits: int) -> str:
    if isinstance(value, int) or value == 0.0:
        return f"{value:.0f}"
    if not LEAST_FIXED <= abs(value) < LARGEST_FIXED:
        mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
        return f"{mantissa} × 10{_raised(int(exponent))}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def _raised(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
