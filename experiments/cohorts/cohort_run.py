"""Runs a cohort: as a sweep, again with needles set anew where their ways left the bone, until all could be set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_plan import plan_of, treated
from experiments.cohorts.surgeon import AIMS
from experiments.sweep.case_process import SOLVER
from experiments.sweep.cases import Plan
from experiments.sweep.cluster import Cluster
from experiments.sweep.engine import SweepProgress, run_sweep
from experiments.sweep.folder import SweepFolder


def run_cohort(
    source: Path,
    folder: CohortFolder,
    cluster: Cluster,
    patients: int | None = None,
    time_limit: float | None = None,
    watch: Callable[[SweepProgress], None] = lambda progress: None,
    solver: str = SOLVER,
) -> SweepProgress:
    """Compute what a cohort's folder lacks.

    Args:
        source: cohort file.
        folder: where it is kept.
        cluster: who computes.
        patients: how many; by default as many as the file says.
        time_limit: seconds after which a case counts as failed.
        watch: is told how far the sweep is.
        solver: what computes a case, as ``MODULE:FUNCTION``.

    Returns:
        How the sweep stands at its end.

    Raises:
        InputError: the file, the folder or the workers cannot be used.
    """
    cohort = folder.open(source)
    count = patients or cohort.patients

    def plan() -> Plan:
        return plan_of(cohort.title or "Cohort", treated(cohort, count, folder.bodies, folder.sweep.rows()))

    return run_aims(plan, folder.sweep, cluster, time_limit, watch, solver)


def run_aims(
    plan: Callable[[], Plan],
    sweep: SweepFolder,
    cluster: Cluster,
    time_limit: float | None,
    watch: Callable[[SweepProgress], None],
    solver: str,
) -> SweepProgress:
    """Run the plan that follows from what is known by now, until no needle is set again.

    Args:
        plan: of all cases, by what the sweep's folder holds.
        sweep: where the cases are kept.
        cluster: who computes.
        time_limit: seconds after which a case counts as failed.
        watch: is told how far the sweep is.
        solver: what computes a case, as ``MODULE:FUNCTION``.
    """
    before: Plan | None = None
    for _ in range(AIMS):
        current = plan()
        if before is not None and current.different.keys() == before.different.keys():
            break
        progress = run_sweep(current, sweep, cluster, time_limit, watch=watch, solver=solver)
        before = current
    return progress
