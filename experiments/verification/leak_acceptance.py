"""Runs the published contrasts or the procedures of five series, and writes their page.

From the project's folder::

    uv run python -m experiments.verification.leak_acceptance contrasts
    uv run python -m experiments.verification.leak_acceptance procedures

Stopped at any moment, the same command goes on. ``page`` writes the page anew from what is there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from experiments.analysis import leak_probability
from experiments.analysis.sample import Sample
from experiments.results.wording import duration
from experiments.sweep.cases import Plan
from experiments.sweep.cluster import Cluster
from experiments.sweep.display import SweepDisplay
from experiments.sweep.engine import run_sweep, time_one
from experiments.sweep.folder import SweepFolder
from experiments.verification import contrasts, procedures
from experiments.verification.arms import Arm, Finished, plan_arms
from experiments.verification.far_field import SOLVER
from experiments.verification.leak_page import counts, page
from meshes.errors import InputError

SEEDS = 96
"""Patients of each arm of the contrasts."""

TIME_LIMIT = 900.0
"""Seconds after which a case counts as failed."""

WHAT: dict[str, tuple[tuple[Arm, ...], int]] = {
    "contrasts": (contrasts.ARMS, SEEDS),
    "procedures": (procedures.ARMS, procedures.NETWORKS),
}
"""What can be run -> its arms, and how many patients each has."""

VERIFICATION = Path("docs", "verification.md")


def run(plan: Plan, folder: Path, workers: int | None) -> None:
    """Compute what is missing, after saying how long it will take.

    Raises:
        InputError: the folder holds something else, or nothing can be written there.
    """
    cluster, sweep = Cluster(workers), SweepFolder(folder)
    SweepFolder.check(folder)
    sweep.check_plan(plan)
    known = sweep.rows()
    missing = [case for identity, case in plan.different.items() if identity not in known]
    print(f"{len(plan.different)} cases, {len(missing)} of them not yet in {folder}/", flush=True)
    if not missing:
        return
    seconds = time_one(plan, missing[0], TIME_LIMIT)
    print(
        f"One took {duration(seconds)} with a mesh of its own, which others share: at most "
        f"{duration(seconds * len(missing))} of processor time, {duration(seconds * len(missing) / cluster.size)} on "
        f"{cluster.size} processes",
        flush=True,
    )
    with SweepDisplay().shown() as display:
        run_sweep(plan, sweep, cluster, TIME_LIMIT, watch=display.update, solver=SOLVER)


def write_page(results: Path, target: Path) -> str:
    """Write the page from the folders ``leak-contrasts``, ``-procedures`` and ``-sensitivity`` in ``results``.

    Returns:
        What it counts.

    Raises:
        InputError: a folder holds another sweep.
    """
    found = {name: Finished.read(results / f"leak-{name}") for name in WHAT}
    sensitivity = results / "leak-sensitivity"
    decided = []
    if (sensitivity / "sweep.json").exists():
        decided = [finding.table for finding in leak_probability.describe(Sample.read(sensitivity))]
    text = page(found["contrasts"], found["procedures"], decided, VERIFICATION, date.today())
    target.write_text(text, encoding="utf-8")
    return counts(found["contrasts"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="leak_acceptance", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=[*WHAT, "page"])
    parser.add_argument("--seeds", type=int, metavar="N", help=f"patients of each arm: {SEEDS}, {procedures.NETWORKS}")
    parser.add_argument("--only", metavar="ARM", nargs="+", help="these arms alone, for a folder of their own")
    parser.add_argument("--size-mm", type=float, metavar="MM", help="edge length of the meshes, 3 by default")
    parser.add_argument("--workers", type=int, metavar="N", help="cases at a time; one per core by default")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="where the folders are")
    parser.add_argument("--page", type=Path, default=Path("docs", "leak-contrasts.md"), metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        if given.what != "page":
            arms, seeds = WHAT[given.what]
            folder = given.results / f"leak-{given.what}"
            chosen = [arm for arm in arms if given.only is None or arm.name in given.only]
            run(
                plan_arms(chosen, given.seeds or seeds, folder, f"Leaks: {given.what}", given.size_mm),
                folder,
                given.workers,
            )
        print(f"{given.page}: {write_page(given.results, given.page)}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
