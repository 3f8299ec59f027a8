"""Runs a trial: both arms in one sweep, over the same bodies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from experiments.cohorts.cohort_plan import plan_of, treated
from experiments.cohorts.cohort_run import run_aims
from experiments.cohorts.trial_folder import TrialFolder, label_of
from experiments.sweep.case_process import SOLVER
from experiments.sweep.cases import Plan
from experiments.sweep.cluster import Cluster
from experiments.sweep.engine import SweepProgress


def run_trial(
    source: Path,
    folder: TrialFolder,
    cluster: Cluster,
    patients: int | None = None,
    time_limit: float | None = None,
    watch: Callable[[SweepProgress], None] = lambda progress: None,
    solver: str = SOLVER,
) -> SweepProgress:
    """Compute what a trial's folder lacks.

    Args:
        source: trial file.
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
    trial = folder.open(source)
    count = patients or trial.settings.patients

    def plan() -> Plan:
        rows = folder.sweep.rows()
        arms = [
            treated(cohort, count, folder.bodies, rows, label_of(name), trial.settings.mechanics)
            for name, cohort in trial.arms.items()
        ]
        # Both treatments of a vertebra stand together, so that pairs are whole wherever the sweep is stopped.
        return plan_of(trial.settings.title or "Trial", chain.from_iterable(zip(*arms, strict=True)))

    return run_aims(plan, folder.sweep, cluster, time_limit, watch, solver)
