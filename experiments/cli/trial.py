"""The command ``trial``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from experiments.cli.exit_codes import reported
from experiments.cli.sweep_options import Out, Patients, Ready, Scheduler, TimeLimit, Workers, computed, source_of


def trial(
    file: Annotated[
        Path | None, typer.Argument(metavar="TRIAL.toml", help="trial file; see docs/how-to/trials.md")
    ] = None,
    ready: Ready = None,
    out: Out = None,
    patients: Patients = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 60.0,
    only_compare: Annotated[bool, typer.Option("--compare", help="compute nothing: compare what is there")] = False,
) -> None:
    """Treat the same virtual patients twice, in two ways; results in results/<name of the trial file>.

    Stopped or killed at any moment, the same command goes on. Differences within vertebrae, with intervals by patient
    and the number needed to treat, stand in trial.json.
    """
    with reported():
        from experiments.cohorts.trial_file import TRIALS
        from experiments.cohorts.trial_folder import TrialFolder
        from experiments.cohorts.trial_pairs import Pairs
        from experiments.cohorts.trial_results import shown, write_trial

        source = source_of(TRIALS, file, ready)
        folder = TrialFolder(out or Path("results", source.stem))
        if not only_compare:
            from experiments.cohorts.trial_run import run_trial
            from experiments.sweep.cluster import Cluster

            cluster, seconds = Cluster(workers, scheduler), 60.0 * time_limit
            computed(lambda watch: run_trial(source, folder, cluster, patients, seconds, watch), folder.path)
        pairs = Pairs.of(folder)
        rows = write_trial(pairs, folder.results)
        first, second = pairs.arms
        table = Table("", first, second, f"{second} less {first} (95 %)", "number needed to treat", box=None)
        for row in rows:
            table.add_row(*shown(row))
        console = Console()
        console.print(table)
        console.print(
            f"{len(pairs.first)} vertebrae treated twice; {pairs.left_out} left out, where one way or both failed",
            highlight=False,
        )
        console.print(f"Results: {folder.results}", markup=False, highlight=False, soft_wrap=True)
