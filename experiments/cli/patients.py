"""``vertebroplasty run CASE.toml --patients DIR``."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cli.sweep import tell_end


def run_patients(case: Path, patients: Path, out: Path | None, workers: int | None, retry: bool) -> None:
    """Run a plan for every patient of a folder or a table; what is missing of it where some are finished.

    Raises:
        InputError: the case file, the patients or the folder of the results cannot be used.
        Exit: with :data:`experiments.cli.sweep.EXIT_FAILED`, where patients failed.
    """
    from experiments.patients.overview import write_overview
    from experiments.patients.plan import plan_patients
    from experiments.patients.solver import SOLVER
    from experiments.sweep.cluster import Cluster
    from experiments.sweep.display import SweepDisplay, progress_line
    from experiments.sweep.engine import TIME_LIMIT, run_sweep
    from experiments.sweep.folder import SweepFolder

    target = out or Path("results", f"{case.stem}-{patients.stem}")
    SweepFolder.check(target)
    plan, folder = plan_patients(case, patients), SweepFolder(target)
    print(f"{len(plan.cases)} patients in {patients}; results in {target}/", file=sys.stderr, flush=True)
    try:
        with SweepDisplay().shown() as display:
            progress = run_sweep(plan, folder, Cluster(workers), TIME_LIMIT, retry, display.update, SOLVER)
    except KeyboardInterrupt:
        if (target / "sweep.json").exists():
            write_overview(plan, folder)
        print(f"Finished patients are in {target}/; the same command goes on.", file=sys.stderr, flush=True)
        raise
    print(progress_line(progress))
    print(f"Patients: {write_overview(plan, folder)}")
    tell_end(progress, target)
