"""The page of a study: what it published beside what a pool of virtual vertebrae gives.

``python -m experiments.cohorts.study_page POOL... --docs docs`` writes ``docs/cohorts/NAME.md`` and its plots from the
folder of each pool, and ``cohort.json`` into it.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from experiments.cohorts.cohort_file import Cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_results import write_comparison
from experiments.cohorts.comparison import DRAWS, Compared
from experiments.cohorts.observed import Table
from experiments.cohorts.population_page import in_words
from experiments.cohorts.published import STUDIES, Study
from experiments.cohorts.study_figures import draw_study
from experiments.cohorts.verdict import Verdict
from meshes.errors import InputError

STAGES = {"A": "A (nothing fitted)", "B": "B (the calibre of veins fitted to the filling-fraction series)"}

LEAST_POOL = 600
"""Vertebrae of a pool below which a page is preliminary (tag D)."""

VERDICTS: tuple[Verdict, ...] = ("agrees", "disagrees", "uninformative")


def write_page(folder: CohortFolder, docs: Path) -> Path:
    """Compare a pool with its study and write the page and its plots.

    Args:
        folder: of the pool.
        docs: folder of the documentation.

    Raises:
        InputError: the folder holds no cohort, one without a study, or too few finished vertebrae.
    """
    cohort = folder.cohort()
    study = STUDIES.get(cohort.study or "")
    if study is None:
        raise InputError(f"{folder.path}: its cohort belongs to no study; give study = one of {', '.join(STUDIES)}")
    rows = write_comparison(folder)
    if not rows:
        raise InputError(f"{folder.path}: too few of its vertebrae are finished; go on with 'vertebroplasty cohort'")
    table, errors = folder.table(), [row["error"]["message"] for _, row in folder.finished() if "error" in row]
    pictures = draw_study(study, table, rows, docs / "images" / "cohorts")
    target = docs / "cohorts" / f"{study.name}.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn = [os.path.relpath(path, target.parent) for path in pictures]
    lines = page(study, cohort, table, rows, errors, drawn, folder.sweep.plan()["code"])
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def page(
    study: Study,
    cohort: Cohort,
    table: Table,
    rows: Sequence[Compared],
    errors: Sequence[str],
    pictures: Sequence[str],
    code: str,
) -> Iterator[str]:
    """The lines of the page in Markdown."""
    patients = len(set(table["patient"].tolist()))
    yield f"# {study.name}: {study.about}"
    yield ""
    yield "<!-- Written by `python -m experiments.cohorts.study_page POOL --docs docs`; edit that module. -->"
    yield ""
    yield f"Published: {study.patients} patients, {study.vertebrae} vertebrae. Simulated, stage {STAGES[cohort.stage]}:"
    yield f"{patients} virtual patients with {len(table)} vertebrae that finished, {len(errors)} refused or failed;"
    yield f"mesh of {cohort.mesh_mm:g} mm, seed {cohort.seed}, leaks as `{cohort.observation.modality}` shows them"
    yield f"({cohort.observation.source}, {cohort.observation.tag}). Computed by vertebroplasty {code}."
    if study.left_out:
        yield f"Not simulated: {study.left_out}."
    if len(table) < LEAST_POOL:
        yield ""
        yield f"**Preliminary**: the pool is to have {LEAST_POOL} vertebrae at least."
    yield ""
    yield "```bash"
    yield f"vertebroplasty cohort --ready {study.name} --patients {max(patients, study.patients)}   # goes on"
    yield f"uv run python -m experiments.cohorts.study_page results/{study.name} --docs docs   # this page"
    yield "```"
    yield ""
    yield from _counted(rows)
    yield "| quantity | published (95 %) | simulated ± error | cohorts of this size (95 %) | P < .05 in | verdict | |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield _row(row)
    yield ""
    yield "Simulated: the pool, with its Monte Carlo error by drawing patients again. Cohorts: 95 % of"
    yield f"{DRAWS} cohorts of {study.patients} patients, each drawn from a pool that is drawn again, patients with all"
    yield "their vertebrae. P: share of these cohorts in which the study's own test would have been significant. The"
    yield "rule of the verdict is in [virtual cohorts](../how-to/cohorts.md#what-the-numbers-mean); two points of it"
    yield "that claim less were added after the first vertebrae of puncture-side-ratio had been looked at."
    separated = [row for row in rows if row.separated > 0.0]
    if separated:
        yield ""
        yield "Separated fits, which have Firth's estimate, by the share of the cohorts:"
        yield ""
        for row in separated:
            yield f"- {row.published.quantity}: {row.separated:.2g}"
    for path in pictures:
        yield ""
        yield f"![{Path(path).stem.replace('_', ': ')}]({path})"
    yield ""
    yield from _misses(study, rows)
    yield from _settings(cohort)
    if errors:
        yield ""
        yield "## What was refused or failed"
        yield ""
        yield "Needles whose way leaves the bone are set again once all others are done, up to six times."
        yield ""
        for message, count in Counter(_short(error) for error in errors).most_common():
            yield f"- {count} of {len(errors) + len(table)}: {message}"


def _counted(rows: Sequence[Compared]) -> Iterator[str]:
    for name, chosen in (
        ("Predicted", [row for row in rows if not row.published.seen]),
        ("Seen before", [row for row in rows if row.published.seen]),
    ):
        counts = Counter(row.verdict for row in chosen)
        yield f"**{name}**: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + "."
        yield ""


def _row(row: Compared) -> str:
    one = row.published
    unit = "" if one.unit == "-" else f" {one.unit}"
    interval = "" if math.isnan(one.low) else f" ({_digits(one.low)} to {_digits(one.high)})"
    power = "" if math.isnan(row.significant) else f"{row.significant:.2f}"
    told = f"**{row.verdict}**" if row.verdict == "disagrees" else row.verdict
    note = "; ".join(part for part in ("seen" if one.seen else "", one.remark) if part)
    cells = (
        f"{one.quantity}{unit}",
        f"{_digits(one.estimate)}{interval}",
        f"{_digits(row.simulated)} ± {_digits(row.error)}",
        f"{_digits(row.low)} to {_digits(row.high)}",
        power,
        told,
        note,
    )
    return f"| {' | '.join(cells)} |"


def _misses(study: Study, rows: Sequence[Compared]) -> Iterator[str]:
    """Why what disagrees does, as far as is known."""
    reasons: Mapping[str, Mapping[str, str]] = tomllib.loads(
        files("experiments.cohorts").joinpath("misses.toml").read_text(encoding="utf-8")
    )
    known = reasons.get(study.name, {})
    missed = dict.fromkeys(row.published.quantity for row in rows if row.verdict == "disagrees")
    if not missed:
        return
    yield "## What does not come out"
    yield ""
    for quantity in missed:
        yield f"- {quantity}: {known.get(quantity, 'no reason is known yet.')}"
    yield ""


def _settings(cohort: Cohort) -> Iterator[str]:
    """What the cohort file overrides; all else is the default."""
    yield "## Settings of this cohort"
    yield ""
    yield "All else is as [virtual patients](../theory/virtual-patients.md) and"
    yield "[`experiments.cohorts.surgeon.Surgeon`](../../experiments/cohorts/surgeon.py) have it."
    yield ""
    yield "| key | distribution | source (tag) |"
    yield "|---|---|---|"
    for name, section in (("population", cohort.population), ("surgeon", cohort.surgeon)):
        for key in sorted(section.model_fields_set):
            law = getattr(section, key)
            unit = "" if law.unit == "1" else f" {law.unit}"
            yield f"| `{name}.{key}` | {in_words(law)}{unit} | {law.source} ({law.tag}) |"


def _short(error: str) -> str:
    """An error without what was doubtful before, and without its numbers, so that like ones are counted together."""
    told = re.sub(r"\b(left|right) pedicle", "pedicle", error)
    return re.sub(r"\d+(\.\d+)?", "…", told.partition(". Seen before")[0].strip())


def _digits(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages that the command line asks for."""
    parser = argparse.ArgumentParser(prog="study_page", description=__doc__.partition("\n")[0])
    parser.add_argument("pools", type=Path, nargs="+", metavar="POOL", help="folders of 'vertebroplasty cohort'")
    parser.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        for pool in given.pools:
            print(write_page(CohortFolder(pool), given.docs))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
