"""What a report is made of: headline numbers, tables and pictures, as plain text and numbers."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.pictures.style import words

LARGEST_FIXED, LEAST_FIXED = 1e6, 1e-2
"""Absolute values between these are written without a power of ten."""

DIGITS = 4
"""Of a number in a table; headlines have one less."""

DIRECTIONS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Names of the falling and the rising direction along each anatomical axis."""

MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Headline:
    """One of the first numbers that a reader looks for.

    Attributes:
        name: what it is.
        value: the number with its unit.
        detail: what puts it into context.
        alarming: whether it wants a closer look.
    """

    name: str
    value: str
    detail: str = ""
    alarming: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a header for each column; the first cell of each row is the row's header.

    Attributes:
        title: what it lists.
        columns: headers.
        rows: cells, as many as there are columns.
        note: a remark below; may be empty.
        numeric: indices of the columns that hold numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Attributes:
        title: its heading.
        caption: what it shows.
        source: the whole picture as a ``data:`` address.
    """

    title: str
    caption: str
    source: str


def picture(path: Path, title: str, caption: str) -> Picture:
    """Take a PNG or SVG file into the page."""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(title, caption, f"data:{MEDIA_TYPES[path.suffix]};base64,{content}")


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


def pairs(title: str, rows: Sequence[tuple[str, str]], note: str = "") -> Table:
    """A table of names and values."""
    return Table(title, ("quantity", "value"), tuple(rows), note)


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
