"""One table of an analysis: for the terminal, for spreadsheets and for programs."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich.table
from rich.markup import escape

from experiments.results.wording import number

Value = str | int | float | None


@dataclass(frozen=True)
class ResultTable:
    """Rows of one kind of result.

    Attributes:
        name: of its file.
        title: what it shows, for people.
        headings: key of a column -> its heading, with the unit.
        rows: key -> value, None where there is none.
        remarks: what a reader of the numbers must know.
        detail: keys of columns that are for the files alone.
        listed: rows that the terminal shows.
    """

    name: str
    title: str
    headings: Mapping[str, str]
    rows: Sequence[Mapping[str, Value]]
    remarks: tuple[str, ...] = ()
    detail: frozenset[str] = frozenset()
    listed: int = 30

    def shown(self) -> rich.table.Table:
        """For a terminal; long tables by their first rows."""
        table = rich.table.Table(box=None, pad_edge=False)
        headings = {key: heading for key, heading in self.headings.items() if key not in self.detail}
        for key, heading in headings.items():
            numeric = any(isinstance(row.get(key), int | float) for row in self.rows)
            table.add_column(escape(heading), justify="right" if numeric else "left", vertical="bottom")
        for row in self.rows[: self.listed]:
            table.add_row(*(escape(cell(row.get(key))) for key in headings))
        return table

    @property
    def has_intervals(self) -> bool:
        """Whether any row has the ends of an interval."""
        ends = [key for key in self.headings if key.endswith("low")]
        return any(finite(row.get(key)) is not None for key in ends for row in self.rows)

    @property
    def more(self) -> int:
        """Rows that the terminal does not show."""
        return max(0, len(self.rows) - self.listed)

    def write(self, path: Path) -> None:
        """Write the table for spreadsheets: UTF-8 with the mark that Excel looks for."""
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file)
            writer.writerow(self.headings.values())
            writer.writerows([finite(row.get(key)) for key in self.headings] for row in self.rows)

    def content(self) -> dict[str, Any]:
        """For JSON."""
        rows = [{key: finite(row.get(key)) for key in self.headings} for row in self.rows]
        columns = [{"key": key, "heading": heading} for key, heading in self.headings.items()]
        return {"title": self.title, "columns": columns, "rows": rows, "remarks": list(self.remarks)}


def cell(value: Value) -> str:
    """A value as people read it: words, or a number, a dash for None."""
    return value if isinstance(value, str) else number(value)


def finite(value: Value) -> Value:
    """The value as a file holds it: None in the place of what is no finite number."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
