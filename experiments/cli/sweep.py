"""The commands ``sweep`` and ``results``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from experiments.cli.exit_codes import reported
from experiments.cli.sweep_options import Out, Scheduler, TimeLimit, Workers, computed, source_of
from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.sweep.cases import Plan
    from experiments.sweep.cluster import Cluster
    from experiments.sweep.engine import SweepProgress

EXIT_FAILED = 4
"""Exit code of a sweep that ended with failed cases."""


def sweep(
    file: Annotated[Path | None, typer.Argument(metavar="SWEEP.toml", help="sweep file; see docs/sweeps.md")] = None,
    ready: Annotated[
        str | None, typer.Option("--ready", metavar="NAME", help="one that comes along; see docs/ready-sweeps.md")
    ] = None,
    out: Out = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dashboard: Annotated[
        str, typer.Option("--dashboard", metavar="HOST:PORT", help="where Dask's dashboard is served")
    ] = "127.0.0.1:8787",
    time_limit: TimeLimit = 60.0,
    retry: Annotated[bool, typer.Option("--retry", help="run the cases again that failed before")] = False,
    keep_fields: Annotated[
        str | None,
        typer.Option(
            "--keep-fields", metavar="N,...|all", help="cases to keep fields of, as in 1,3,7-9, for 'view' and 'export'"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the cases and the time that they will take, from one timed case")
    ] = False,
) -> None:
    """Run many variations of a case; results in results/<name of the sweep file>.

    Stopped or killed at any moment, the same command goes on with the cases that are missing. 'vertebroplasty results
    DIR' shows the table at any time. With --keep-fields chosen cases leave a folder as 'run' does, without pictures, in
    DIR/cases/000001.
    """
    with reported():
        from experiments.sweep.cases import read_plan
        from experiments.sweep.cluster import Cluster
        from experiments.sweep.folder import SweepFolder
        from experiments.sweep.sweep_file import SWEEPS

        source = source_of(SWEEPS, file, ready)
        target = out or Path("results", source.stem)
        SweepFolder.check(target)
        plan = read_plan(source)
        kept = chosen_numbers(keep_fields, len(plan.cases))
        cluster = Cluster(workers, scheduler, dashboard)
        if dry_run:
            _show_plan(plan, target, cluster, 60.0 * time_limit)
            return
        from experiments.sweep.engine import run_sweep

        folder, seconds = SweepFolder(target), 60.0 * time_limit
        progress = computed(
            lambda watch: run_sweep(plan, folder, cluster, seconds, retry, watch, keep_fields=kept), target
        )
        if kept:
            Console().print(f"Fields: {target}/cases/", markup=False, highlight=False, soft_wrap=True)
        tell_end(progress, target)


def results(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a sweep, which may be running")],
    where: Annotated[
        str | None, typer.Option("--filter", metavar="CONDITION", help="such as 'injection.leaked_ml > 0.1'")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="COLUMN", help="column to sort by; largest first with - before it")
    ] = None,
    sql: Annotated[
        str | None, typer.Option("--sql", metavar="QUESTION", help="SQL of DuckDB about the table 'cases'")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="new file for a spreadsheet: the rows with all columns"),
    ] = None,
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="in --csv numbers as 0,5, and semicolons between the columns")
    ] = False,
    case: Annotated[
        int | None, typer.Option("--case", metavar="N", help="print the case file of this case instead, for 'run'")
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="list the columns with their units instead")] = False,
) -> None:
    """Show, filter and export the table of a sweep; of a random sample also the 5 to 95 % bands."""
    with reported():
        from experiments.sweep import display
        from experiments.sweep.folder import SweepFolder
        from experiments.sweep.quantile_bands import quantile_bands
        from experiments.sweep.query import ask, write_csv
        from experiments.sweep.table import SweepTable

        if case is not None:
            print(SweepFolder(folder).case_file(case), end="")
            return
        table, console = SweepTable.read(folder), display.wide_console()
        if columns:
            for name in table.rows.column_names:
                unit = table.unit(name)
                console.print(f"{name} [{unit}]" if unit else name, markup=False, highlight=False, soft_wrap=True)
            return
        if decimal_comma and csv is None:
            raise InputError("--decimal-comma belongs to --csv FILE; give both, or neither")
        rows = ask(table.rows, sql, where, sort)
        if csv is not None:
            write_csv(rows, csv, decimal_comma=decimal_comma)
            console.print(f"{rows.num_rows} rows: {csv}", markup=False, highlight=False, soft_wrap=True)
            return
        console.print(display.plain_table(rows) if sql else display.results_table(table, rows))
        if rows.num_rows > display.LISTED:
            console.print(f"... and {rows.num_rows - display.LISTED} rows more, all of them with --csv FILE")
        finished = table.rows.num_rows - table.failed
        console.print(f"\n{finished} of {table.total} cases finished, {table.failed} failed", highlight=False)
        if table.declared and finished and not (sql or where):
            console.print(f"\nBands of the {finished} finished cases of a random sample:", highlight=False)
            console.print(display.bands_table(quantile_bands(table)))
        if finished and not (sql or where):
            console.print(
                f"Next: vertebroplasty analyse {shlex.quote(str(folder))}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def chosen_numbers(chosen: str | None, count: int) -> frozenset[int]:
    """The numbers that an option such as ``1,3,7-9`` chooses of cases 1 to ``count``; ``all`` is all of them.

    Raises:
        InputError: it is not of this form, or there is no such case.
    """
    if chosen is None:
        return frozenset()
    if chosen.strip().lower() == "all":
        return frozenset(range(1, count + 1))
    found: set[int] = set()
    for part in chosen.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise InputError(f"--keep-fields {chosen}: {part.strip()!r} is no number; write it as in 1,3,7-9, or all")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > count:
            raise InputError(f"--keep-fields {chosen}: there is no case {part.strip()}; choose of 1 to {count}")
        found.update(numbers)
    return frozenset(found)


def _show_plan(plan: Plan, target: Path, cluster: Cluster, time_limit: float) -> None:
    """Print the cases and, from the first missing one, how long all will take."""
    from experiments.results.wording import duration
    from experiments.sweep.display import SAMPLE, plan_table, wide_console
    from experiments.sweep.engine import time_one
    from experiments.sweep.folder import SweepFolder

    folder = SweepFolder(target)
    folder.check_plan(plan)
    known = folder.rows()
    missing = [case for identity, case in plan.different.items() if identity not in known]
    console = wide_console()
    console.print(plan_table(plan))
    if len(plan.cases) > SAMPLE:
        console.print(f"... and {len(plan.cases) - SAMPLE} more", highlight=False)
    console.print(
        f"\n{len(plan.cases)} cases, {len(plan.different)} of them different, {len(missing)} not yet in {target}/",
        markup=False,
        highlight=False,
    )
    if missing:
        count = min(cluster.size, len(missing))
        seconds = time_one(plan, missing[0], time_limit)
        on = f"{count} {'worker' if count == 1 else 'workers'}" if count else "one worker; the scheduler has none yet"
        console.print(
            f"case {missing[0].number} took {duration(seconds)} on one core of this machine; all will take about "
            f"{duration(seconds * len(missing) / max(count, 1))} on {on}",
            highlight=False,
        )


def tell_end(progress: SweepProgress, target: Path) -> None:
    """Say where the results of a sweep are, and leave with :data:`EXIT_FAILED` where cases failed."""
    console, quoted = Console(), shlex.quote(str(target))
    console.print(f"Results: {target}/results.parquet", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Next: vertebroplasty results {quoted}, then vertebroplasty analyse {quoted}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if progress.failed:
        console.print(
            f"{progress.failed} {'case' if progress.failed == 1 else 'cases'} failed; each case file with its error is "
            f"in {target}/failed/, and --retry runs them again",
            markup=False,
            highlight=False,
        )
        raise typer.Exit(EXIT_FAILED)
