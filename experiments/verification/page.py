"""The page of evidence: a table of every case with its verdict, and the plots, in Markdown."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import batched
from pathlib import Path
from typing import get_args

from experiments.case.identity import code_version
from experiments.results.progress import Progress
from experiments.results.store import case_directory, check_target, write_manifest
from experiments.run.environment import versions
from experiments.verification.figures import draw_curve, draw_published
from experiments.verification.suite import Evidence, Line, Verdict, check_suite, run_suite, suite_checksum
from meshes.errors import InputError

PAGE, IMAGES = "verification.md", Path("images", "verification")

HEADINGS = {
    "verification": "Exact answers",
    "order": "Orders of convergence",
    "cross-check": "Cross-checks",
    "published": "Published numbers",
}
"""Kind of a line -> heading of its table."""

BY_CONSTRUCTION = "by construction"
"""Kind of the lines that are no evidence for the model; their table comes last."""

NOT_POSED = {
    "V11 stiffness of 11 augmented vertebrae, RMSE 12.9 % intact": "their CTs and tests are not at hand",
    "V17 heat of the setting cement": "no thermal model",
    "V18 leakage in a population": "needs the cohort study",
    "V19 benchmark of Trivedi 2023, 10.1007/s10237-023-01715-4": "paper not read",
    "V20 leakage paths of Zderic 2016, 10.1016/j.jot.2016.09.002": "paper not read",
    "V21 Bohner 2003, Baroud 2006, Loeffel 2008 and others": "paper not read",
}
"""Case -> why there is no number for it."""

PUBLISHED = "Published numbers, computed over expected, with the accepted band"
"""Title of the plot of all of them."""

_LIBRARIES = ("python", "dolfinx-solver-real", "mpich", "gmsh", "numpy", "scipy", "numba", "vtk")
_NARROW = 0.05
"""Relative half width up to which a band is written as such."""


@dataclass(frozen=True)
class Row:
    """One row of a table: one line, or the worst one of several tests of the same."""

    line: Line
    tests: int

    @property
    def markdown(self) -> str:
        """Cells of the row."""
        line = self.line
        computed = _number(line.computed) + (f" (worst of {self.tests})" if self.tests > 1 else "")
        verdict = f"**{line.verdict}**" if line.verdict in ("miss", "failed") else line.verdict
        expected = "" if line.expected is None else _number(line.expected)
        return _cells(line.case, line.quantity, expected, _band(line), line.source, computed, _error(line), verdict)


@dataclass(frozen=True)
class Counts:
    """How many rows of the page have which verdict."""

    holds: int
    misses: int
    undecided: int
    rejected: int
    not_rejected: int
    not_posed: int
    failed: int

    @classmethod
    def of(cls, evidence: Evidence) -> Counts:
        """The counts of a run, in which every failed test counts once."""
        verdicts = Counter(
            row.line.verdict
            for row in rows(evidence.lines)
            if row.line.kind != BY_CONSTRUCTION or row.line.verdict != "holds"
        )
        return cls(
            holds=verdicts["holds"],
            misses=verdicts["miss"],
            undecided=verdicts["undecided"],
            rejected=verdicts["rejected"],
            not_rejected=verdicts["not rejected"],
            not_posed=len(NOT_POSED),
            failed=len(evidence.failures),
        )

    def __str__(self) -> str:
        """Say it in words."""
        misses, undecided, rejected = (
            f"{count} is{one}" if count == 1 else f"{count} are{more}"
            for count, one, more in (
                (self.misses, " a miss", " misses"),
                (self.undecided, " undecided", " undecided"),
                (self.rejected, " rejected", " rejected"),
            )
        )
        return (
            f"{self.holds} hold, {misses}, {undecided}, {self.not_posed} are not posed, {self.failed} failed; of "
            f"{self.rejected + self.not_rejected} alternatives and controls {rejected}"
        )


def verify_and_store(out: Path, slow: bool, progress: Progress) -> Evidence:
    """Run the suite and write its page and plots into a folder, whole or not at all.

    Raises:
        InputError: the suite cannot run here, or the folder is not free.
    """
    check_suite()
    check_target(out)
    if out.exists() and any(out.iterdir()) and not (out / PAGE).exists():
        raise InputError(f"{out}: holds other results, which a page of evidence does not replace; choose another -o")
    with progress.stage("tests") as stage:
        evidence = run_suite(slow=slow, report=stage.update)
    with case_directory(out) as folder:
        write_page(folder, evidence, slow, date.today())
        write_manifest(folder, {"verification": {"slow": slow}, "versions": versions()})
    return evidence


def write_page(folder: Path, evidence: Evidence, slow: bool, day: date) -> None:
    """Write ``verification.md`` and ``images/verification`` into a folder."""
    (folder / IMAGES).mkdir(parents=True)
    paths = {}
    for curve in sorted(evidence.curves, key=lambda curve: _case_number(curve.case)):
        paths[curve.title] = draw_curve(curve, folder / IMAGES / f"{_slug(curve.title)}.svg")
    published = [row.line for row in rows(evidence.lines) if row.line.kind == "published"]
    if drawn := draw_published(published, folder / IMAGES / "published.svg"):
        paths[PUBLISHED] = drawn
    plots = {title: path.relative_to(folder).as_posix() for title, path in paths.items()}
    (folder / PAGE).write_text(page(evidence, slow, day, plots), encoding="utf-8")


def page(evidence: Evidence, slow: bool, day: date, plots: Mapping[str, str]) -> str:
    """The page in Markdown.

    Args:
        evidence: what the run showed.
        slow: whether the long tests were run.
        day: of the run.
        plots: title -> place of each plot, relative to the page.
    """
    listing = versions()
    libraries = ", ".join(f"{name} {listing[name]}" for name in _LIBRARIES)
    blocks = [
        "# Verification and validation",
        f"`vertebroplasty verify{' --slow' if slow else ''}` wrote this page on {day.isoformat()} and computed every "
        f"number in it. vertebroplasty {code_version()}, tests {suite_checksum()}; {libraries}.",
        f"**{Counts.of(evidence)}.**",
        "A case holds where the computed value lies in the accepted band. A miss is known, and its test is a strict "
        "expected failure; what fails was not expected. Alternatives and controls that the model is not are rejected "
        "where they lie outside the band. What is undecided has a reference that does not say enough of what was done, "
        "whether the value lies inside or outside. The error is relative to the expected value. Tags: S read, M "
        "from memory, D derived. In the project's docs, validation.md tells what follows from the published cases, and "
        "directions.md how leakage answers to one change at a time. What is so by construction comes last and is not "
        "counted.",
    ]
    if evidence.left_out:
        blocks += [
            f"{len(evidence.left_out)} long tests were not run; `vertebroplasty verify --slow` runs them:",
            _by_file(evidence.left_out),
        ]
    blocks += [f"{count} tests did not run: {reason}." for reason, count in evidence.skipped.items()]
    if evidence.failures:
        blocks += ["## Failed", _table(("test", "error", "verdict"), _failed(evidence.failures))]
    for kind, heading in HEADINGS.items():
        if table := _lines_of(kind, evidence):
            blocks += [f"## {heading}", table]
    small = [f"![{title}]({place})" for title, place in plots.items() if title != PUBLISHED]
    blocks += [
        "## Not posed",
        _table(("case", "reason", "verdict"), [_cells(*case, "not posed") for case in NOT_POSED.items()]),
        *(["## Plots"] if plots else []),
        *([_table(("", ""), [_cells(*pair) for pair in batched(small, 2)])] if small else []),
        *(f"![{title}]({place})" for title, place in plots.items() if title == PUBLISHED),
    ]
    if table := _lines_of(BY_CONSTRUCTION, evidence):
        blocks += [
            "## By construction",
            "These numbers could hardly come out otherwise; the source says why. They show that the code does what it "
            "says, and are no evidence for the model: the count of those that hold leaves them out.",
            table,
        ]
    return "\n\n".join(blocks) + "\n"


def rows(lines: Iterable[Line]) -> list[Row]:
    """Lines as rows, by the number of their case.

    Lines that say the same of the same case, such as the error in several materials, become one row with the worst one.
    """
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        key = (line.kind, line.case, line.quantity, line.source, line.expected, line.low, line.high)
        groups.setdefault(key, []).append(line)
    found = [Row(max(group, key=_badness), len(group)) for group in groups.values()]
    return sorted(found, key=lambda row: _case_number(row.line.case))


def _badness(line: Line) -> tuple[int, float]:
    """Verdict, and how far beyond the nearest end of the band; negative within it."""
    below = -math.inf if line.low is None else line.low - line.computed
    above = -math.inf if line.high is None else line.computed - line.high
    return get_args(Verdict).index(line.verdict), max(below, above)


def _case_number(case: str) -> float:
    """V6 -> 6; cases without a number come last."""
    match = re.match(r"V(\d+)", case)
    return float(match.group(1)) if match else math.inf


def _lines_of(kind: str, evidence: Evidence) -> str:
    """Table of the lines of one kind, or nothing."""
    header = ("case", "quantity", "expected", "accepted", "source", "computed", "error", "verdict")
    chosen = [row.markdown for row in rows(evidence.lines) if row.line.kind == kind]
    return _table(header, chosen) if chosen else ""


def _by_file(tests: Iterable[str]) -> str:
    """Names of tests as a list with one point for each file."""
    files: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.removeprefix("tests/").partition("::")
        files.setdefault(file, []).append(f"`{name}`")
    return "\n".join(f"- {file}: {', '.join(names)}" for file, names in files.items())


def _failed(failures: Mapping[str, str]) -> list[str]:
    return [_cells(f"`{test.removeprefix('tests.')}`", error, "**failed**") for test, error in failures.items()]


def _table(header: tuple[str, ...], lines: Iterable[str]) -> str:
    return "\n".join([_cells(*header), "|" + len(header) * "---|", *lines])


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _number(value: float) -> str:
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def _band(line: Line) -> str:
    low, high, expected = line.low, line.high, line.expected
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"≥ {_number(low)}" if low is not None else f"≤ {_number(high or 0.0)}"
    half = 0.5 * (high - low)
    if expected and half <= _NARROW * abs(expected) and math.isclose(low + half, expected, abs_tol=1e-3 * half):
        return f"± {100.0 * half / abs(expected):.2g} %"
    return f"{_number(low)} to {_number(high)}"


def _error(line: Line) -> str:
    return f"{100.0 * line.error:+.2g} %" if line.error is not None and line.expected else ""


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
