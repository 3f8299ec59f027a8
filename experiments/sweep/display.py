"""What a sweep shows on the terminal: how far it is, what is planned, and the table of its results."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from experiments.results.wording import brief, duration, heading, number
from experiments.sweep.cases import Plan
from experiments.sweep.engine import SweepProgress
from experiments.sweep.quantile_bands import HEADLINES, QuantileBand
from experiments.sweep.table import INPUT, SweepTable, label_of_column

LINE = 10.0
"""Least seconds between two lines where there is no terminal."""

WIDE = 200
"""Columns of what is printed into a file or a pipe."""


SAMPLE, LISTED = 5, 20
"""Cases that a dry run shows, and rows that a list shows."""


class SweepDisplay:
    """Shows how far a sweep is: a bar on a terminal, elsewhere a line when more cases are done."""

    def __init__(self, console: Console | None = None) -> None:
        """Set up the display, not yet shown."""
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._told, self._last = (0, 0), -LINE

    @contextmanager
    def shown(self) -> Iterator[SweepDisplay]:
        """Show it until the block ends."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, transient=True, auto_refresh=False) as self._live:
            yield self

    def update(self, progress: SweepProgress) -> None:
        """Show how far the sweep is."""
        if self._live is not None:
            grid = Table.grid(padding=(0, 2))
            bar = ProgressBar(total=max(progress.total, 1), completed=progress.finished + progress.failed, width=40)
            grid.add_row(bar, progress_line(progress))
            self._live.update(grid, refresh=True)
        elif (progress.finished, progress.failed) != self._told and time.monotonic() - self._last >= LINE:
            self._told, self._last = (progress.finished, progress.failed), time.monotonic()
            self._console.print(progress_line(progress), highlight=False, markup=False, soft_wrap=True)


def progress_line(progress: SweepProgress) -> str:
    """How far a sweep is, in one line."""
    parts = [
        f"{progress.finished + progress.failed} of {progress.total} done",
        f"{progress.running} running on {progress.workers} workers",
        f"{progress.failed} failed",
    ]
    if progress.workers == 0:
        parts[1] = "waiting for workers"
    if progress.seconds_left is not None:
        parts += [f"{60.0 * progress.rate:.3g} per minute", f"about {duration(progress.seconds_left)} left"]
    if progress.worst_balance > 0.0:
        parts.append(f"worst cement balance {progress.worst_balance:.0e}")
    return ", ".join(parts)


def plan_table(plan: Plan) -> Table:
    """The first cases of a plan."""
    table = Table(box=None, pad_edge=False)
    table.add_column("case", justify="right")
    for path in plan.units:
        table.add_column(escape(_key(path)), justify="right", overflow="fold", vertical="bottom")
    for case in plan.cases[:SAMPLE]:
        table.add_row(str(case.number), *(_cell(value) for value in case.values.values()))
    return table


def results_table(table: SweepTable, rows: pa.Table) -> Table:
    """The first rows with what varies and the headlines of the results."""
    found = Table(box=None, pad_edge=False)
    columns = ["number", *table.varied, *(name for name in HEADLINES if name in rows.column_names)]
    columns += ["error"] if any(rows["error"].to_pylist()) else []
    for name in columns:
        above = heading(label_of_column(name), table.unit(name)) if name in HEADLINES else _key(name)
        found.add_column(escape(above), justify="right", overflow="fold", vertical="bottom")
    for row in rows.select(columns).slice(0, LISTED).to_pylist():
        found.add_row(*(_cell(value, name in HEADLINES) for name, value in row.items()))
    return found


def plain_table(rows: pa.Table) -> Table:
    """The first rows of an answer to SQL."""
    table = Table(box=None, pad_edge=False)
    for name in rows.column_names:
        table.add_column(escape(name), justify="right", overflow="fold", vertical="bottom")
    for row in rows.slice(0, LISTED).to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def bands_table(bands: Sequence[QuantileBand]) -> Table:
    """Bands with their medians."""
    table = Table(box=None, pad_edge=False)
    for above in ("", "5 %", "median", "95 %", "cases"):
        table.add_column(above, justify="right" if above else "left")
    for band in bands:
        name = heading(label_of_column(band.column), band.unit)
        table.add_row(escape(name), number(band.low), number(band.median), number(band.high), str(band.cases))
    return table


def wide_console() -> Console:
    """A console for tables, which are not squeezed where no terminal is."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def _key(path: str) -> str:
    """The last key of a path, which names the unit."""
    return path.removeprefix(INPUT).rpartition(".")[2]


def _cell(value: Any, of_results: bool = False) -> str:
    """A value as people read it: numbers, texts by the beginning of their first line, nothing for None."""
    if isinstance(value, float):
        return number(value) if of_results else brief(value)
    lines = "" if value is None else str(value).strip()
    return escape(lines.partition("\n")[0][:60])
