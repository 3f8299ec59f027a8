"""Each computed number beside what it should be, kept for the page that `vertebroplasty verify` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

KINDS = ("verification", "order", "cross-check", "published", "by construction")
"""What a line is; one that is so by construction is no evidence for the model."""

VERDICTS = {"model": ("holds", "miss"), "alternative": ("not rejected", "rejected"), "open": ("undecided", "undecided")}
"""What a line speaks about -> its verdict inside and outside of the band: the model as it is; a rejected alternative or
a control, which ought to lie outside; a reference that does not say enough of what was done to decide either way."""


class Evidence:
    """What one test shows: lines of the table and plots, appended to a file where one is asked for."""

    def __init__(self, test: str, file: Path | None = None) -> None:
        """Name the test, and the file of JSON lines, if any."""
        self._test, self._file = test, file
        self._count = 0

    def require_records(self) -> None:
        """Refuse a test that has shown nothing.

        Raises:
            ValueError: it has recorded neither a line nor a curve.
        """
        if not self._count:
            raise ValueError(f"{self._test}: takes the fixture 'evidence', but records neither a line nor a curve")

    def check(
        self,
        *,
        case: str,
        quantity: str,
        computed: float,
        source: str,
        kind: str,
        expected: float | None = None,
        low: float = -math.inf,
        high: float = math.inf,
        within: float | None = None,
        about: str = "model",
    ) -> None:
        """Record one line of the table, and fail where the computed value lies outside its band.

        Args:
            case: what stands in the first column; several lines may share it.
            quantity: what is computed, with its unit in brackets, or [-].
            computed: value of the model.
            source: of the expected value: author, year, DOI and tag; "exact", "cross-check" or "fitted order".
            kind: one of :data:`KINDS`.
            expected: the value it should have, or None where only a band is known.
            low: smallest accepted value.
            high: largest accepted value.
            within: largest accepted relative error, in the place of ``low`` and ``high``.
            about: one of :data:`VERDICTS`.

        Raises:
            AssertionError: the computed value lies outside its band.
            ValueError: there is nothing to compare: a value that is not finite, no band or none that holds a number, an
                unknown kind or subject. An expected failure does not cover this one.
        """
        if within is not None:
            if not expected:
                raise ValueError(f"{case}, {quantity}: a relative error needs an expected value other than 0")
            low, high = sorted((expected * (1.0 - within), expected * (1.0 + within)))
        if kind not in KINDS:
            raise ValueError(f"{case}, {quantity}: kind {kind!r} is none of {KINDS}")
        if about not in VERDICTS:
            raise ValueError(f"{case}, {quantity}: about {about!r} is none of {tuple(VERDICTS)}")
        if not math.isfinite(computed):
            raise ValueError(f"{case}, {quantity}: computed {computed} is no finite number")
        if not low <= high or (math.isinf(low) and math.isinf(high)):
            raise ValueError(f"{case}, {quantity}: {low:g} to {high:g} is no band")
        accepted = bool(low <= computed <= high)
        self._append(
            kind=kind,
            case=case,
            quantity=quantity,
            expected=None if expected is None else float(expected),
            low=None if math.isinf(low) else float(low),
            high=None if math.isinf(high) else float(high),
            source=source,
            computed=float(computed),
            accepted=accepted,
            verdict=VERDICTS[about][0 if accepted else 1],
        )
        beside = "" if expected is None else f" beside {expected:.6g}"
        assert accepted, f"{case}, {quantity}: {computed:.6g}{beside} lies outside {low:.6g} to {high:.6g} ({source})"

    def check_error(self, case: str, quantity: str, error: float, high: float, source: str = "exact") -> None:
        """Record an error without a unit, whose exact value is 0, and fail where it is too large."""
        self.check(
            case=case,
            quantity=f"{quantity} [-]",
            expected=0.0,
            computed=error,
            high=high,
            source=source,
            kind="verification",
        )

    def curve(
        self,
        *,
        case: str,
        title: str,
        x_label: str,
        y_label: str,
        series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
        log: bool = False,
    ) -> None:
        """Record the data of one plot.

        Args:
            case: the case of the table that it belongs to.
            title: what the plot shows.
            x_label: label of the horizontal axis, with its unit.
            y_label: label of the vertical axis, with its unit.
            series: label, x and y of each curve; a label that begins with "exact" is drawn as a line without marks.
            log: whether both axes are logarithmic.
        """
        self._append(
            case=case,
            title=title,
            x_label=x_label,
            y_label=y_label,
            series=[(label, [float(v) for v in x], [float(v) for v in y]) for label, x, y in series],
            log=log,
        )

    def _append(self, **record: Any) -> None:
        self._count += 1
        _write(self._file, {"test": self._test, **record})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that asks for the file."""
    parser.addoption("--evidence", metavar="FILE", type=Path, help="append computed numbers to FILE, as JSON lines")


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Name the tests that are left out."""
    for item in items:
        _write(item.config.getoption("--evidence"), {"left_out": item.nodeid})


def pytest_collection_finish(session: pytest.Session) -> None:
    """Name the tests that will run."""
    for item in session.items:
        _write(item.config.getoption("--evidence"), {"selected": item.nodeid})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Name a test once it has run to its end, whatever came of it: a run that stops before does not get here."""
    outcome = yield
    _write(item.config.getoption("--evidence"), {"ended": item.nodeid})
    return outcome


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Iterator[Evidence]:
    """Computed numbers beside what they should be: checked, and recorded with --evidence=FILE."""
    shown = Evidence(request.node.nodeid, request.config.getoption("--evidence"))
    yield shown
    shown.require_records()


def _write(file: Path | None, record: dict[str, Any]) -> None:
    if file is not None:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
