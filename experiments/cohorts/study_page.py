"""The page of a study: what it published beside what pools of virtual vertebrae give.

``python -m experiments.cohorts.study_page [POOL...] --docs docs`` keeps the vertebrae of the folder of each pool as a
table in ``docs/cohorts/data``, writes ``docs/cohorts/NAME.md`` and its plots from the tables that are kept, and
``cohort.json`` into the folders. Without a pool it writes the pages of all tables that are kept.
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
from shutil import copyfile

from experiments.cohorts import sensitivity_table, stage_b_table
from experiments.cohorts.cohort_file import Cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_results import LEAST_VERTEBRAE, write_comparison
from experiments.cohorts.comparison import DRAWS, Compared
from experiments.cohorts.number_cells import digits, published_cell, quantity_cell, verdict_cell
from experiments.cohorts.pool import Pool
from experiments.cohorts.population_page import in_words
from experiments.cohorts.published import STUDIES
from experiments.cohorts.study import Study
from experiments.cohorts.study_figures import draw_study
from experiments.cohorts.verdict import Verdict
from meshes.errors import InputError

STAGES = {"A": "A (nothing fitted)", "B": "B (the calibre of veins fitted to the filling-fraction series)"}

KEPT = Path("cohorts", "data")
"""Where tables are kept, in the folder of the documentation."""

LEAST_POOL = 600
"""Vertebrae of a pool below which a page is preliminary (tag D)."""

VERDICTS: tuple[Verdict, ...] = ("agrees", "disagrees", "uninformative")


def keep(folder: CohortFolder, docs: Path) -> Path:
    """Keep what is finished in the folder of a pool as a table.

    Args:
        folder: of the pool.
        docs: folder of the documentation.

    Raises:
        InputError: the folder holds no cohort, one without a study, or too few finished vertebrae.
    """
    pool = Pool.of(folder)
    if pool.cohort.study not in STUDIES:
        raise InputError(f"{folder.path}: its cohort belongs to no study; give study = one of {', '.join(STUDIES)}")
    if len(pool.vertebrae.table) < LEAST_VERTEBRAE:
        raise InputError(f"{folder.path}: too few of its vertebrae are finished; go on with 'vertebroplasty cohort'")
    return pool.keep(docs / KEPT)


def write_page(study: Study, docs: Path) -> Path:
    """Compare the pools that are kept of a study and write its page and its plots, and ``NAME-A.json`` and the like.

    Args:
        study: with tables in ``docs/cohorts/data``.
        docs: folder of the documentation.

    Raises:
        InputError: none of stage A is kept, or a table cannot be read.
    """
    tables = {stage: sorted((docs / KEPT).glob(f"{study.name}-{stage}*.csv")) for stage in ("A", "B")}
    if not tables["A"]:
        raise InputError(f"{docs / KEPT}: no pool of {study.name} at stage A is kept there; name the folder of one")
    pool, *others = (Pool.read(table) for table in [*tables["A"], *tables["B"]])
    rows, *rows_of_others = (write_comparison(one, one.path.with_suffix(".json")) for one in (pool, *others))
    pictures = draw_study(study, pool.vertebrae.table, rows, docs / "images" / "cohorts")
    target = docs / "cohorts" / f"{study.name}.md"
    drawn = [os.path.relpath(path, target.parent) for path in pictures]
    fitted = stage_b_table.lines((pool, rows), list(zip(others, rows_of_others, strict=True)))
    target.write_text("\n".join(page(study, pool, rows, drawn, fitted)) + "\n", encoding="utf-8")
    return target


def page(
    study: Study, pool: Pool, rows: Sequence[Compared], pictures: Sequence[str], fitted: Iterator[str]
) -> Iterator[str]:
    """The lines of the page in Markdown."""
    cohort, table, errors = pool.cohort, pool.vertebrae.table, pool.vertebrae.refused
    yield f"# {study.name}: {study.about}"
    yield ""
    yield "<!-- Written by `python -m experiments.cohorts.study_page [POOL...] --docs docs`; edit that module. -->"
    yield ""
    if study.series:
        yield from _held_out(study)
        published = ""
    else:
        published = f"Published: {study.patients} patients, {study.vertebrae} vertebrae. "
    yield f"{published}Simulated, stage {STAGES[cohort.stage]}:"
    yield f"{pool.patients} virtual patients with {len(table)} vertebrae that finished, {len(errors)} refused or"
    yield f"failed; mesh of {cohort.mesh_mm:g} mm, seed {cohort.seed}, leaks as `{cohort.observation.modality}` shows"
    yield f"them ({cohort.observation.source}, {cohort.observation.tag}). Computed by"
    yield f"vertebroplasty {pool.vertebrae.code}."
    if study.left_out:
        yield f"Not simulated: {study.left_out}."
    if len(table) < LEAST_POOL:
        yield ""
        yield f"**Preliminary**: the pool is to have {LEAST_POOL} vertebrae at least."
    yield ""
    yield f"Download: [{stage_b_table.DOWNLOAD}](data/{pool.path.name}), with the"
    yield f"[cohort file](data/{pool.file.name}) and the [numbers below](data/{pool.path.with_suffix('.json').name})."
    yield ""
    yield "```bash"
    yield f"vertebroplasty cohort --ready {study.name} --patients {max(pool.patients, study.patients)}   # goes on"
    yield f"uv run python -m experiments.cohorts.study_page results/{study.name} --docs docs   # this page, from there"
    yield "uv run python -m experiments.cohorts.study_page --docs docs   # all pages, from their tables"
    yield "```"
    yield ""
    yield from _counted(rows)
    yield "| quantity | published (95 %) | simulated ± error | cohorts of this size (95 %) | P < .05 in | verdict | |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield _row(row)
    yield ""
    yield "Simulated: the pool, with its Monte Carlo error by drawing patients again. Cohorts: 95 % of"
    of = f"{study.patients} patients" if not study.series else "as many vertebrae as the series"
    yield f"{DRAWS} cohorts of {of}, each drawn from a pool that is drawn again, patients with all"
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
    yield from sensitivity_table.lines(table)
    yield from fitted
    yield from _settings(cohort)
    if errors:
        yield ""
        yield "## What was refused or failed"
        yield ""
        yield "Needles whose way leaves the bone are set again, nearer to their side, once all others are done, up to"
        yield "six times."
        yield ""
        for message, count in Counter(_short(error) for error in errors).most_common():
            yield f"- {count} of {len(errors) + len(table)}: {message}"


def _held_out(study: Study) -> Iterator[str]:
    """What the series are, and that they were held out."""
    yield "**Held out**: cohort and numbers were declared after the settings of the five cohorts were fixed and before"
    yield "this cohort ran. It stands for all these series, which differ by what follows; what they do not tell of"
    yield "patients and operations is as in the five, or chosen below."
    yield ""
    yield "| series | source | vertebrae | what differs or is not known |"
    yield "|---|---|---|---|"
    for one in study.series:
        yield f"| {one.name} | {one.source} | {one.vertebrae or 'not told'} | {one.about} |"
    yield ""


def _counted(rows: Sequence[Compared]) -> Iterator[str]:
    for name, chosen in (
        ("Predicted", [row for row in rows if not row.published.seen]),
        ("Seen before", [row for row in rows if row.published.seen]),
    ):
        counts = Counter(row.verdict for row in chosen)
        yield f"**{name}**: " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + "."
        yield ""


def _row(row: Compared) -> str:
    power = "" if math.isnan(row.significant) else f"{row.significant:.2f}"
    cells = (
        quantity_cell(row),
        published_cell(row),
        f"{digits(row.simulated)} ± {digits(row.error)}",
        f"{digits(row.low)} to {digits(row.high)}",
        power,
        verdict_cell(row),
        "; ".join(part for part in ("seen" if row.published.seen else "", row.published.remark) if part),
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages that the command line asks for."""
    parser = argparse.ArgumentParser(prog="study_page", description=__doc__.partition("\n")[0])
    parser.add_argument("pools", type=Path, nargs="*", metavar="POOL", help="folders of 'vertebroplasty cohort'")
    parser.add_argument("--docs", type=Path, default=Path("docs"), metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        folders = [CohortFolder(path) for path in given.pools]
        kept = [keep(folder, given.docs) for folder in folders]
        tables = kept or sorted((given.docs / KEPT).glob("*-A.csv"))
        for name in dict.fromkeys(Pool.read(table).cohort.study for table in tables):
            print(write_page(STUDIES[name or ""], given.docs))
        for folder, table in zip(folders, kept, strict=True):
            copyfile(table.with_suffix(".json"), folder.comparison)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
