"""What a report is made of: headline numbers, tables and pictures, as plain text and numbers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def pairs(title: str, rows: Sequence[tuple[str, str]], note: str = "") -> Table:
    """A table of names and values."""
    return Table(title, ("quantity", "value"), tuple(rows), note)
