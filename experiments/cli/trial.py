"""The command ``trial``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from experiments.cli.exit_codes import reported
from meshes.errors import InputError


def trial(
    file: Annotated[
        Path | None, typer.Argument(metavar="TRIAL.toml", help="trial file; see docs/how-to/trials.md")
    ] = None,
    ready: Annotated[str | None, typer.Option("--ready", metavar="NAME", help="one that comes along")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder for the results")] = None,
    patients: Annotated[
        int | None,
        typer.Option(
            "--patients", metavar="N", min=1, max=20_000, help="patients, instead of as many as the file says"
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="cases at a time; one per core by default")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="running scheduler of Dask to use instead"),
    ] = None,
    time_limit: Annotated[
        float,
        typer.Option(
            "--time-limit", metavar="MIN", min=0.001, max=1e5, help=r"a case that takes longer has failed \[min]"
        ),
    ] = 60.0,
    only_compare: Annotated[bool, typer.Option("--compare", help="compute nothing: compare what is there")] = False,
) -> None:
    """Treat the same virtual patients twice, in two ways; results in results/<name of the trial file>.

    Stopped or killed at any moment, the same command goes on. Differences within vertebrae, with intervals by patient
    and the number needed to treat, stand in trial.json.
    """
    with reported():
        from experiments.cohorts.trial_file import ready_trial
        from experiments.cohorts.trial_folder import TrialFolder
        from experiments.cohorts.trial_results import shown, write_trial

        if bool(file) == bool(ready):
            raise InputError("name a trial file, or one that comes along with --ready")
        source = ready_trial(ready) if ready else file or Path()
        folder = TrialFolder(out or Path("results", source.stem))
        console = Console()
        if not only_compare:
            from experiments.cohorts.trial_run import run_trial
            from experiments.sweep.cluster import Cluster
            from experiments.sweep.display import SweepDisplay, progress_line

            with SweepDisplay().shown() as display:
                progress = run_trial(
                    source, folder, Cluster(workers, scheduler), patients, 60.0 * time_limit, display.update
                )
            console.print(progress_line(progress), markup=False, highlight=False, soft_wrap=True)
        pairs, rows = write_trial(folder)
        first, second = folder.trial().arms
        table = Table("", first, second, f"{second} less {first} (95 %)", "number needed to treat", box=None)
        for row in rows:
            table.add_row(*shown(row))
        console.print(table)
        console.print(
            f"{len(pairs.first)} vertebrae treated twice; {pairs.left_out} left out, where one way or both failed",
            highlight=False,
        )
        console.print(f"Results: {folder.results}", markup=False, highlight=False, soft_wrap=True)
