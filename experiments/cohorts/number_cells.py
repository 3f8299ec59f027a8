"""Numbers in the cells of tables, and in JSON."""

from __future__ import annotations

import math

from experiments.cohorts.comparison import Compared


def digits(value: float) -> str:
    """Three digits; a dash where there is no number."""
    return "–" if not math.isfinite(value) else f"{value + 0.0:.3g}".replace("-", "−")


def or_none(value: float) -> float | None:
    """The number, as JSON has it."""
    return value if math.isfinite(value) else None


def quantity_cell(row: Compared) -> str:
    """What it is, with its unit."""
    one = row.published
    return one.quantity + ("" if one.unit == "-" else f" {one.unit}")


def published_cell(row: Compared) -> str:
    """The published number with its interval, where one is told."""
    one = row.published
    return digits(one.estimate) + ("" if math.isnan(one.low) else f" ({digits(one.low)} to {digits(one.high)})")


def verdict_cell(row: Compared) -> str:
    """The verdict, bold where it disagrees."""
    return f"**{row.verdict}**" if row.verdict == "disagrees" else row.verdict
