"""The command ``cohort``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from experiments.cli.exit_codes import reported
from meshes.errors import InputError


def cohort(
    file: Annotated[
        Path | None, typer.Argument(metavar="COHORT.toml", help="cohort file; see docs/how-to/cohorts.md")
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
    only_compare: Annotated[
        bool, typer.Option("--compare", help="compute nothing: compare what is there with the study")
    ] = False,
) -> None:
    """Treat a cohort of virtual patients; results in results/<name of the cohort file>.

    Stopped or killed at any moment, the same command goes on. What came out stands beside the study's numbers in
    cohort.json.
    """
    with reported():
        from experiments.cohorts.cohort_file import ready_cohort
        from experiments.cohorts.cohort_folder import CohortFolder
        from experiments.cohorts.cohort_results import write_comparison

        if bool(file) == bool(ready):
            raise InputError("name a cohort file, or one that comes along with --ready")
        source = ready_cohort(ready) if ready else file or Path()
        folder = CohortFolder(out or Path("results", source.stem))
        console = Console()
        if not only_compare:
            from experiments.cohorts.cohort_run import run_cohort
            from experiments.sweep.cluster import Cluster
            from experiments.sweep.display import SweepDisplay, progress_line

            with SweepDisplay().shown() as display:
                progress = run_cohort(
                    source, folder, Cluster(workers, scheduler), patients, 60.0 * time_limit, display.update
                )
            console.print(progress_line(progress), markup=False, highlight=False, soft_wrap=True)
        rows = write_comparison(folder)
        for verdict in ("agrees", "disagrees", "uninformative"):
            count = sum(row.verdict == verdict for row in rows)
            if rows:
                console.print(f"{verdict}: {count} of {len(rows)} published numbers", highlight=False)
        console.print(f"Results: {folder.comparison}", markup=False, highlight=False, soft_wrap=True)
