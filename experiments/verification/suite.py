"""The suite of exact answers and published numbers, run as one command: what every case computed, and what failed.

The tests record their numbers themselves, as lines of JSON (``tests/evidence.py``), and which of them were to run and
which ran to their end; what becomes of each test comes from pytest's own report.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

from experiments.case.identity import checksum
from meshes.errors import InputError

SOURCES = Path(__file__).resolve().parents[2]
FOLDERS = ("tests/verification", "tests/validation")

_COMPLETE = (0, 1)
"""pytest's exit codes where all tests ran: none failed, or some did; a test may also make it stop with one of these."""

_NO_TESTS = 5
"""pytest's exit code where it finds nothing to run."""

_OPTIONS = "PYTEST_ADDOPTS"
"""Variable of the environment with which pytest can be made to run other tests than those of the page."""

_RUNNING = re.compile(r"^(tests/\S+\.py::\S+)(?!.* ERROR)", flags=re.MULTILINE)
"""The line of a test; an error after its end gives it a second one."""

_PASSED_UNEXPECTEDLY = "[XPASS(strict)]"

Verdict = Literal["holds", "not rejected", "undecided", "rejected", "miss", "failed"]


@dataclass(frozen=True)
class Line:
    """A computed number beside what it should be.

    Attributes:
        test: pytest's name of the test that computed it.
        kind: verification, order, cross-check, published or by construction.
        case: what was posed.
        quantity: what was computed, with its unit in brackets.
        source: where the expected value comes from.
        computed: value of the model.
        expected: value it should have, or None where only a band is known.
        low: smallest accepted value, or None.
        high: largest accepted value, or None.
        accepted: whether the computed value lies in the band.
        verdict: what lies outside is known beforehand, by an expected failure of its test, or it is failed. A rejected
            alternative or control of the model and a reference that does not say enough have words of their own.
    """

    test: str
    kind: str
    case: str
    quantity: str
    source: str
    computed: float
    expected: float | None
    low: float | None
    high: float | None
    accepted: bool
    verdict: Verdict

    @property
    def error(self) -> float | None:
        """Relative to the expected value, or absolute where that is 0."""
        if self.expected is None:
            return None
        return self.computed / self.expected - 1.0 if self.expected else self.computed


@dataclass(frozen=True)
class Curve:
    """The data of one plot.

    Attributes:
        case: to which it belongs.
        title: what it shows.
        x_label: with its unit.
        y_label: with its unit.
        series: label, x and y of every curve.
        log: whether both axes are logarithmic.
    """

    case: str
    title: str
    x_label: str
    y_label: str
    series: tuple[tuple[str, Sequence[float], Sequence[float]], ...]
    log: bool


@dataclass(frozen=True)
class Evidence:
    """What a run of the suite showed.

    Attributes:
        lines: all numbers, in the order of the tests.
        curves: data of the plots.
        failures: test -> its error in one line.
        skipped: reason -> how many tests did not run for it.
        left_out: pytest's names of the long tests that were not asked for.
    """

    lines: tuple[Line, ...]
    curves: tuple[Curve, ...]
    failures: Mapping[str, str]
    skipped: Mapping[str, int]
    left_out: tuple[str, ...]


def run_suite(
    sources: Path = SOURCES, slow: bool = False, report: Callable[[float, str], None] = lambda share, note: None
) -> Evidence:
    """Run the tests in a process of their own and collect what they recorded.

    Args:
        sources: the project's folder.
        slow: whether the long tests run as well.
        report: called with the share that is done and a few words about the test that runs.

    Raises:
        InputError: the tests or pytest are not there, or no test was found.
    """
    check_suite(sources)
    with tempfile.TemporaryDirectory() as folder:
        records, outcomes = Path(folder, "evidence.jsonl"), Path(folder, "outcomes.xml")
        # One process: the records come in order, and so does the progress.
        options = ["-n", "0", "-v", "--color=no", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        options += [f"--evidence={records}", f"--junitxml={outcomes}", *(["-m", ""] if slow else [])]
        code, output = _run([sys.executable, "-m", "pytest", *FOLDERS, *options], sources, report)
        if code == _NO_TESTS:
            raise InputError(f"{sources}: no test in {' and '.join(FOLDERS)}; fetch the project's source again")
        entries = [json.loads(record) for record in records.read_text("utf-8").splitlines()] if records.exists() else []
        tests = list(ElementTree.parse(outcomes).iter("testcase")) if outcomes.exists() else []
    failures: dict[str, str] = {}
    for test in tests:
        for problem in (*test.iter("failure"), *test.iter("error")):
            failures.setdefault(_address_of(test), _error(problem))
    lines = tuple(_line(entry, _missed(tests) - failures.keys()) for entry in entries if "computed" in entry)
    for line in lines:
        if tests and line.verdict == "failed":
            failures.setdefault(
                _address(line.test), f"{line.quantity} lies outside its band, but the test does not fail"
            )
    selected = {entry["selected"] for entry in entries if "selected" in entry}
    ended = {entry["ended"] for entry in entries if "ended" in entry}
    if code not in _COMPLETE or not tests or not selected or selected - ended:
        failures[_address((_RUNNING.findall(output) or ["pytest"])[-1])] = (
            f"the run was interrupted (exit code {code}); what comes after did not run"
        )
    skips = [skip for test in tests for skip in test.iter("skipped") if skip.get("type") == "pytest.skip"]
    return Evidence(
        lines=lines,
        curves=_curves(entry for entry in entries if "series" in entry),
        failures=failures,
        skipped=Counter(skip.get("message", "") for skip in skips),
        left_out=tuple(entry["left_out"] for entry in entries if "left_out" in entry),
    )


def suite_checksum(sources: Path = SOURCES) -> str:
    """First 12 digits of the checksum of the tests, in which cases, bands and expected values stand."""
    tests = [test for folder in FOLDERS for test in (sources / folder).rglob("*.py")]
    digest = hashlib.sha256()
    for test in sorted([sources / "tests" / "evidence.py", *tests]):
        digest.update(f"{test.relative_to(sources).as_posix()} {checksum(test)}\n".encode())
    return digest.hexdigest()[:12]


def check_suite(sources: Path = SOURCES) -> None:
    """Refuse to start where the tests or pytest are missing.

    Raises:
        InputError: what is missing, and how to come by it.
    """
    if not (sources / "tests" / "evidence.py").is_file():
        raise InputError(
            "verify: the tests are in the project's source folder and not in the installed package; get the source and "
            "run 'uv run vertebroplasty verify' in its folder"
        )
    for module, name in (("pytest", "pytest"), ("xdist", "pytest-xdist")):
        if importlib.util.find_spec(module) is None:
            raise InputError(f"verify: {name} is not installed; run 'uv sync' in the project's folder")


def _run(command: Sequence[str], sources: Path, report: Callable[[float, str], None]) -> tuple[int, str]:
    """Exit code and output of pytest, whose progress is reported while it runs."""
    output = ""
    environment = {name: value for name, value in os.environ.items() if name != _OPTIONS}
    with subprocess.Popen(
        command, cwd=sources, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        try:
            while piece := os.read(process.stdout.fileno(), 65536):
                output += piece.decode(errors="replace")
                count = re.search(r"(\d+) selected", output) or re.search(r"collected (\d+) item", output)
                if running := _RUNNING.findall(output):
                    share = re.findall(r"\[ *(\d+)%\]$", output, flags=re.MULTILINE)
                    total = count.group(1) if count else "?"
                    name = running[-1].rpartition("/")[2]
                    report(float(share[-1]) / 100.0 if share else 0.0, f"test {len(running)} of {total}: {name}")
        except BaseException:
            process.terminate()
            raise
    return process.returncode, output


def _address(test: str) -> str:
    """Name of a test in the form of pytest's report: ``folder.module.test[parameters]``."""
    name, bracket, parameters = test.partition("[")
    return name.replace(".py::", ".").replace("::", ".").replace("/", ".") + bracket + parameters


def _address_of(test: ElementTree.Element) -> str:
    return f"{test.get('classname', '')}.{test.get('name', '')}".strip(".")


def _error(problem: ElementTree.Element) -> str:
    """What went wrong, in one line."""
    message = problem.get("message", "").strip().partition("\n")[0]
    if message.startswith(_PASSED_UNEXPECTEDLY):
        return f"marked as a miss, but it holds: {message.removeprefix(_PASSED_UNEXPECTEDLY).strip()}"
    details = [line for line in (problem.text or "").splitlines() if line.startswith("E ")]
    return details[-1].removeprefix("E").strip() if message == "collection failure" and details else message


def _missed(tests: Iterable[ElementTree.Element]) -> set[str]:
    """Addresses of the tests that failed as expected."""
    return {_address_of(test) for test in tests for skip in test.iter("skipped") if skip.get("type") == "pytest.xfail"}


def _line(entry: Mapping[str, Any], missed: Collection[str]) -> Line:
    line = Line(**{field.name: entry[field.name] for field in fields(Line)})
    unexpected = not line.accepted and _address(line.test) not in missed
    return replace(line, verdict="failed") if unexpected else line


def _curves(entries: Iterable[Mapping[str, Any]]) -> tuple[Curve, ...]:
    """One curve for each title: what several tests have recorded under the same one belongs together."""
    curves: dict[str, Curve] = {}
    for entry in entries:
        curve = Curve(**{field.name: entry[field.name] for field in fields(Curve)})
        before = curves[curve.title].series if curve.title in curves else ()
        series = tuple((label, x, y) for label, x, y in curve.series)
        curves[curve.title] = replace(curve, series=before + series)
    return tuple(curves.values())
