"""The command ``cohort``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from experiments.cli.exit_codes import reported
from experiments.cli.sweep_options import Out, Patients, Ready, Scheduler, TimeLimit, Workers, computed, source_of


def cohort(
    file: Annotated[
        Path | None, typer.Argument(metavar="COHORT.toml", help="cohort file; see docs/how-to/cohorts.md")
    ] = None,
    ready: Ready = None,
    out: Out = None,
    patients: Patients = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 60.0,
    calibre: Annotated[
        str | None,
        typer.Option(
            "--calibre",
            metavar="MM|SHARE%",
            help=r"stage B: median calibre of the veins \[mm], or the one at which 10%, 19.5%, 20% or 35% of the "
            "vertebrae of filling-fraction leak into vessels; results in results/<name>-B-<mm>",
        ),
    ] = None,
    only_compare: Annotated[
        bool, typer.Option("--compare", help="compute nothing: compare what is there with the study")
    ] = False,
) -> None:
    """Treat a cohort of virtual patients; results in results/<name of the cohort file>.

    Stopped or killed at any moment, the same command goes on. What came out stands beside the study's numbers in
    cohort.json.
    """
    with reported(), TemporaryDirectory() as scratch:
        from experiments.cohorts.calibration import asked_calibre, stage_b_file
        from experiments.cohorts.cohort_file import COHORTS
        from experiments.cohorts.cohort_folder import CohortFolder
        from experiments.cohorts.cohort_results import write_comparison
        from experiments.cohorts.pool import Pool

        source = source_of(COHORTS, file, ready)
        if calibre is not None:
            source = stage_b_file(source, asked_calibre(calibre), Path(scratch))
        folder = CohortFolder(out or Path("results", source.stem))
        if not only_compare:
            from experiments.cohorts.cohort_run import run_cohort
            from experiments.sweep.cluster import Cluster

            cluster, seconds = Cluster(workers, scheduler), 60.0 * time_limit
            computed(lambda watch: run_cohort(source, folder, cluster, patients, seconds, watch), folder.path)
        rows = write_comparison(Pool.of(folder), folder.comparison)
        console = Console()
        for verdict in ("agrees", "disagrees", "uninformative"):
            count = sum(row.verdict == verdict for row in rows)
            if rows:
                console.print(f"{verdict}: {count} of {len(rows)} published numbers", highlight=False)
        console.print(f"Results: {folder.comparison}", markup=False, highlight=False, soft_wrap=True)
