"""The page of trials: what two treatments of the same virtual vertebrae differ in.

``python -m experiments.cohorts.trials_page [TRIAL...] --docs docs`` keeps what is finished in the folders of trials in
``docs/cohorts/data``, and writes ``docs/cohorts/trials.md`` from all tables that are kept there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.cohorts.population_page import in_words
from experiments.cohorts.study_page import KEPT, STAGES
from experiments.cohorts.trial_file import Trial
from experiments.cohorts.trial_folder import TrialFolder
from experiments.cohorts.trial_pairs import Pairs
from experiments.cohorts.trial_results import TrialRow, shown, write_trial
from meshes.errors import InputError

LEAST_PAIRS = 200
"""Vertebrae treated twice below which a trial is preliminary (tag D)."""

TABLES = "trial-"
"""How the names of the tables of trials begin."""


def keep(folder: TrialFolder, docs: Path) -> Path:
    """Keep what is finished in the folder of a trial as a table, and write ``trial.json`` into it.

    Raises:
        InputError: the folder holds no trial, or one without a vertebra that is finished in both arms.
    """
    pairs = Pairs.of(folder)
    if not write_trial(pairs, folder.results):
        raise InputError(f"{folder.path}: no vertebra is finished in both arms; go on with 'vertebroplasty trial'")
    target = docs / KEPT / f"{TABLES}{folder.path.resolve().name}.csv"
    pairs.keep(target)
    return target


def write_page(docs: Path) -> Path:
    """Compare the arms of all trials that are kept, and write the page.

    Args:
        docs: folder of the documentation.

    Raises:
        InputError: none is kept.
    """
    tables = sorted((docs / KEPT).glob(f"{TABLES}*.csv"))
    if not tables:
        raise InputError(f"{docs / KEPT}: no trial is kept there; name the folder of one")
    lines = list(_head())
    for table in tables:
        pairs = Pairs.read(table)
        lines += _trial(pairs, write_trial(pairs, table.with_suffix(".json")), table)
    target = docs / "cohorts" / "trials.md"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def _head() -> Iterator[str]:
    yield "# Trials: the same virtual patients treated twice"
    yield ""
    yield "<!-- Written by `python -m experiments.cohorts.trials_page [TRIAL...] --docs docs`; edit that module. -->"
    yield ""
    yield "What no series can do. Only the operation differs between the arms; random numbers are shared, so that"
    yield "differences are those within vertebrae. How they and their intervals are computed stands in"
    yield "[Trials](../how-to/trials.md#what-the-numbers-mean). These are virtual vertebrae: a difference is one of the"
    yield "model, and what the model does not hold ([limits](../theory/limits.md)) is not in it."


def _trial(pairs: Pairs, rows: Sequence[TrialRow], table: Path) -> Iterator[str]:
    trial = pairs.trial
    first, second = trial.arms
    cohort = trial.arms[first]
    patients = len(set(pairs.first["patient"].tolist()))
    yield ""
    yield f"## {trial.settings.title or f'{first} or {second}'}"
    yield ""
    yield f"Population of `{trial.settings.cohort}`, stage {STAGES[cohort.stage]}: {len(pairs.first)} vertebrae of"
    yield f"{patients} virtual patients treated twice. {_left_out(pairs)} Mesh of {cohort.mesh_mm:g} mm,"
    yield f"seed {cohort.seed}, leaks as `{cohort.observation.modality}` shows them. Computed by"
    yield f"vertebroplasty {pairs.code}."
    yield f"Download: [table of the vertebrae](data/{table.name}), [numbers](data/{table.with_suffix('.json').name})."
    if len(pairs.first) < LEAST_PAIRS:
        yield ""
        yield f"**Preliminary**: a trial is to have {LEAST_PAIRS} vertebrae at least."
    yield ""
    yield from _settings(trial)
    yield ""
    yield f"| | {first} | {second} | {second} less {first} (95 %) | number needed to treat |"
    yield "|---|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(shown(row))} |"


def _left_out(pairs: Pairs) -> str:
    if not pairs.left_out:
        return "None was refused or failed in either arm."
    told = ", ".join(f"{count} in {arm}" for arm, count in pairs.failed.items())
    return f"{pairs.left_out} more were refused or failed ({told}) and are left out of both arms."


def _settings(trial: Trial) -> Iterator[str]:
    """What the arms set apart."""
    yield "| arm | key | distribution |"
    yield "|---|---|---|"
    one, two = (cohort.surgeon for cohort in trial.arms.values())
    different = [key for key in type(one).model_fields if getattr(one, key) != getattr(two, key)]
    for name, cohort in trial.arms.items():
        for key in different:
            law = getattr(cohort.surgeon, key)
            unit = "" if law is None or law.unit == "1" else f" {law.unit}"
            yield f"| {name} | `surgeon.{key}` | {'none' if law is None else in_words(law)}{unit} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page that the command line asks for."""
    parser = argparse.ArgumentParser(prog="trials_page", description=__doc__.partition("\n")[0])
    parser.add_argument("trials", type=Path, nargs="*", metavar="TRIAL", help="folders of 'vertebroplasty trial'")
    parser.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        for path in given.trials:
            print(keep(TrialFolder(path), given.docs))
        print(write_page(given.docs))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
