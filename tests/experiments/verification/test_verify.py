"""A suite of a few tiny tests is run and its page is read: holds, misses, failures and what did not run."""

import math
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from evidence import Evidence as Recorder
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.verification.page import IMAGES, PAGE, Counts, page, rows, write_page
from experiments.verification.suite import SOURCES, Curve, Evidence, Line, check_suite, run_suite, suite_checksum
from meshes.errors import InputError

CONFTEST = "from evidence import *\n"

SETTINGS = "[pytest]\naddopts = -ra -m 'not slow'\nmarkers = slow: long\n"

CASES = """
from functools import partial
import pytest

def check(evidence, quantity, computed, **band):
    evidence.check(
        case="V3 tube", quantity=quantity, computed=computed, source="exact", kind="verification", **band
    )

def test_holds(evidence):
    check(evidence, "drop [kPa]", 100.5, expected=100.0, within=0.01)

miss = partial(pytest.mark.xfail, strict=True, raises=AssertionError)

@miss(reason="2 kPa")
def test_known_miss(evidence):
    check(evidence, "known [kPa]", 2.0, expected=1.0, high=1.5)

def test_fails(evidence):
    check(evidence, "unexpected [kPa]", 0.1, expected=1.0, low=0.5)

@miss(reason="2 kPa")
def test_control(evidence):
    check(evidence, "control [kPa]", 2.0, high=1.5, about="alternative")

@miss(reason="2 kPa")
def test_what_nobody_has_told(evidence):
    check(evidence, "unheard [kPa]", 2.0, high=1.5, about="open")

def test_control_inside(evidence):
    check(evidence, "control inside [kPa]", 1.0, high=1.5, about="alternative")

def test_control_outside(evidence):
    check(evidence, "control outside [kPa]", 2.0, high=1.5, about="alternative")

def test_crashes(evidence):
    check(evidence, "before the crash [kPa]", 1.0, low=0.0)
    raise ValueError("no such | tube")

@miss(reason="2 kPa")
def test_crashes_where_a_miss_is_known(evidence):
    check(evidence, "no number [kPa]", float("nan"), expected=1.0, high=1.5)

@miss(reason="2 kPa")
def test_says_nothing(evidence):
    assert not evidence

def test_swallows(evidence):
    with pytest.raises(AssertionError):
        check(evidence, "swallowed [kPa]", 0.1, low=0.5)

@miss(reason="was 3 kPa")
def test_holds_at_last(evidence):
    check(evidence, "at last [kPa]", 1.0, expected=1.0, within=0.1)

@pytest.mark.slow
def test_long(evidence):
    check(evidence, "long [kPa]", 1.0, low=0.0)
    for x in (1.0, 2.0):
        evidence.curve(case="V3 tube", title="Drop", x_label="x", y_label="y", series=[(f"{x}", [1, 2], [x, x])])

@pytest.mark.skipif(True, reason="no compiler")
def test_skipped(evidence):
    check(evidence, "skipped [kPa]", 1.0, low=0.0)
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("suite")
    for name in ("verification", "validation"):
        (root / "tests" / name).mkdir(parents=True)
    shutil.copy(SOURCES / "tests" / "evidence.py", root / "tests")
    (root / "tests" / "conftest.py").write_text(CONFTEST)
    (root / "pytest.ini").write_text(SETTINGS)
    (root / "tests" / "verification" / "test_tube.py").write_text(CASES)
    (root / "tests" / "validation" / "test_broken.py").write_text("import no_such_module\n")
    return root


def test_every_test_becomes_what_it_is(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k test_holds")
    notes: list[tuple[float, str]] = []
    found = run_suite(suite, report=lambda share, note: notes.append((share, note)))
    assert {line.quantity: line.verdict for line in found.lines} == {
        "drop [kPa]": "holds",
        "known [kPa]": "miss",
        "control [kPa]": "rejected",
        "unheard [kPa]": "undecided",
        "control inside [kPa]": "not rejected",
        "control outside [kPa]": "failed",
        "unexpected [kPa]": "failed",
        "before the crash [kPa]": "holds",
        "swallowed [kPa]": "failed",
        "at last [kPa]": "holds",
    }
    assert (found.lines[0].low, found.lines[0].high, found.lines[1].low) == (99.0, 101.0, None)
    tube = "tests.verification.test_tube."
    assert list(found.failures) == [
        "tests.validation.test_broken",
        f"{tube}test_fails",
        f"{tube}test_control_outside",
        f"{tube}test_crashes",
        f"{tube}test_crashes_where_a_miss_is_known",
        f"{tube}test_says_nothing",
        f"{tube}test_holds_at_last",
        f"{tube}test_swallows",
    ]
    assert found.failures["tests.validation.test_broken"] == "ModuleNotFoundError: No module named 'no_such_module'"
    assert "V3 tube, unexpected [kPa]: 0.1" in found.failures[f"{tube}test_fails"]
    assert found.failures[f"{tube}test_crashes"] == "ValueError: no such | tube"
    assert "computed nan is no finite number" in found.failures[f"{tube}test_crashes_where_a_miss_is_known"]
    assert "records neither a line nor a curve" in found.failures[f"{tube}test_says_nothing"]
    swallowed = "swallowed [kPa] lies outside its band, but the test does not fail"
    assert found.failures[f"{tube}test_swallows"] == swallowed
    assert found.failures[f"{tube}test_holds_at_last"] == "marked as a miss, but it holds: was 3 kPa"
    assert found.skipped == {"no compiler": 1}
    assert found.left_out == ("tests/verification/test_tube.py::test_long",)
    assert notes[-1] == (1.0, "test 13 of 13: test_tube.py::test_skipped")


def test_long_tests_run_where_they_are_asked_for(suite: Path) -> None:
    found = run_suite(suite, slow=True)
    assert found.left_out == ()
    assert found.lines[-1].quantity == "long [kPa]"
    (curve,) = found.curves
    assert [label for label, _, _ in curve.series] == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("end", "code", "known"),
    [
        ("__import__('os')._exit(7)", 7, "failed"),
        ("__import__('os')._exit(0)", 0, "failed"),
        ("pytest.exit('enough')", 2, "miss"),
        ("pytest.exit('enough', returncode=0)", 0, "miss"),
        # As in a terminal: processes in the background may have been started without this handler.
        ("import signal; signal.signal(2, signal.default_int_handler); signal.raise_signal(2)", 2, "miss"),
    ],
)
def test_an_interrupted_run_is_a_failure_of_the_test_that_ran(
    end: str, code: int, known: str, suite: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(suite, tmp_path / "suite")
    (root / "tests" / "validation" / "test_broken.py").unlink()
    tests = root / "tests" / "verification" / "test_tube.py"
    tests.write_text(CASES.partition("def test_fails")[0] + f"def test_ends():\n    {end}\n\ndef test_after(): ...\n")
    found = run_suite(root)
    assert found.failures == {
        "tests.verification.test_tube.test_ends": (
            f"the run was interrupted (exit code {code}); what comes after did not run"
        )
    }
    assert [line.verdict for line in found.lines] == ["holds", known]


def test_the_checksum_of_the_suite_changes_with_a_band(suite: Path, tmp_path: Path) -> None:
    root = shutil.copytree(suite, tmp_path / "suite")
    (root / "tests" / "verification" / "notes.txt").write_text("no test")
    assert suite_checksum(root) == suite_checksum(suite)
    (root / "tests" / "verification" / "test_tube.py").write_text(CASES.replace("within=0.01", "within=0.02"))
    assert suite_checksum(root) != suite_checksum(suite)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"computed": math.inf, "low": 0.0}, "computed inf is no finite number"),
        ({"low": 2.0, "high": 1.0}, "2 to 1 is no band"),
        ({"high": math.nan}, "-inf to nan is no band"),
        ({}, "-inf to inf is no band"),
        ({"within": 0.1}, "needs an expected value other than 0"),
        ({"low": 0.0, "kind": "rumour"}, "kind 'rumour' is none of"),
    ],
)
def test_a_line_that_compares_nothing_is_refused(values: dict[str, Any], words: str) -> None:
    line = {"case": "V3", "quantity": "drop [kPa]", "computed": 1.0, "source": "exact", "kind": "verification"}
    with pytest.raises(ValueError, match=words):
        Recorder("test").check(**{**line, **values})


def test_a_place_without_tests_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"source folder .* 'uv run vertebroplasty verify'"):
        check_suite(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pytest is not installed"):
        check_suite()


def line(case: str, computed: float, kind: str = "published", **values: object) -> Line:
    band: dict[str, object] = {"expected": 2.0, "low": 1.0, "high": 4.0, "accepted": True, "verdict": "holds", **values}
    source = str(band.pop("source", "S | M"))
    return Line("t", kind, case, "pressure [kPa]", source, computed, **band)  # type: ignore[arg-type]


CURVE = Curve(
    "V8 void", "Pressure", "volume [ml]", "pressure [kPa]", (("a", [1, 2], [3, 4]), ("exact", [1, 2], [3, 3])), True
)
LINES = (
    line("V10 hole", 2.5, "order", low=1.5, high=None),
    line("V8 void", 0.5, accepted=False, verdict="miss"),
    line("V7 share", 0.6, accepted=False, verdict="rejected"),
    line("V7 share", 2.0, source="control", verdict="not rejected"),
    line("V16 masses", 0.7, accepted=False, verdict="undecided"),
    line("V9 syringe", 1e-9, "verification", expected=0.0, low=None, high=1e-8),
    line("V9 syringe", -3e-9, "verification", expected=0.0, low=None, high=1e-8),
    line("V6 cannula", 2.01, low=1.98, high=2.02),
    line("V12 filled", 2.0, "by construction"),
)
LEFT_OUT = ("tests/validation/test_a.py::test_b[1 | 2]", "tests/validation/test_a.py::test_c", "tests/d/test_e.py::f")
EVIDENCE = Evidence(LINES, (CURVE,), {}, {"no compiler": 2}, LEFT_OUT)


def test_rows_are_in_the_order_of_the_cases_and_show_the_worst_of_several_tests() -> None:
    found = rows(LINES)
    cases = ["V6 cannula", "V7 share", "V7 share", "V8 void", "V9 syringe", "V10 hole", "V12 filled", "V16 masses"]
    assert [row.line.case for row in found] == cases
    assert found[1].markdown.endswith("| -70 % | rejected |")
    found = [row for row in found if row.line.verdict in ("holds", "miss")]
    assert found[0].markdown == "| V6 cannula | pressure [kPa] | 2 | ± 1 % | S \\| M | 2.01 | +0.5 % | holds |"
    assert found[1].markdown == "| V8 void | pressure [kPa] | 2 | 1 to 4 | S \\| M | 0.5 | -75 % | **miss** |"
    assert (
        found[2].markdown == "| V9 syringe | pressure [kPa] | 0 | ≤ 1e-08 | S \\| M | 1e-09 (worst of 2) |  | holds |"
    )
    assert found[3].markdown == "| V10 hole | pressure [kPa] | 2 | ≥ 1.5 | S \\| M | 2.5 | +25 % | holds |"


@pytest.mark.parametrize(
    ("low", "high", "computed", "worst"),
    [
        (0.9, None, (0.91, 5.0), 0.91),
        (0.9, None, (0.8, 0.7), 0.7),
        (None, 3.0, (-9.0, 2.5), 2.5),
        (1.0, 4.0, (1.5, 3.9, 2.0), 3.9),
        (1.0, 4.0, (0.5, 4.2), 0.5),
    ],
)
def test_the_worst_of_several_is_the_nearest_to_an_end_of_the_band_or_the_farthest_beyond(
    low: float | None, high: float | None, computed: tuple[float, ...], worst: float
) -> None:
    (row,) = rows(line("V10 hole", value, expected=None, low=low, high=high) for value in computed)
    assert (row.line.computed, row.tests) == (worst, len(computed))


def test_the_page_says_what_was_run_and_counts() -> None:
    text = page(EVIDENCE, False, date(2026, 1, 2), {"Pressure": "images/verification/pressure.svg"})
    for words in (
        "`vertebroplasty verify` wrote this page on 2026-01-02",
        "**3 hold, 1 is a miss, 1 is undecided, 6 are not posed, 0 failed; of 2 alternatives and controls 1 is "
        "rejected.**",
        f", tests {suite_checksum()}; python",
        "3 long tests were not run; `vertebroplasty verify --slow` runs them:\n\n"
        "- validation/test_a.py: `test_b[1 | 2]`, `test_c`\n- d/test_e.py: `f`\n",
        "2 tests did not run: no compiler.",
        "| V17 heat of the setting cement | no thermal model | not posed |",
        "![Pressure](images/verification/pressure.svg)",
    ):
        assert words in text
    assert "## Failed" not in text
    before, _, last = text.partition("## By construction")
    assert "V12" not in before
    assert "| V12 filled | pressure [kPa] | 2 | 1 to 4 | S \\| M | 2 | +0 % | holds |" in last
    assert "##" not in last
    failed = page(Evidence((), (), {"tests.validation.a": "it | broke"}, {}, ()), True, date(2026, 1, 2), {})
    assert "| `validation.a` | it \\| broke | **failed** |" in failed


def test_plots_are_drawn_and_the_same_page_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_page(tmp_path / name, EVIDENCE, False, date(2026, 1, 2))
    names = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*.*"))]
    assert [name.as_posix() for name in names] == [
        "images/verification/pressure.svg",
        "images/verification/published.svg",
        "verification.md",
    ]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    drawn = (tmp_path / "one" / names[0]).read_text()
    for word in ("volume [ml]", "pressure [kPa]", "exact"):
        assert word in drawn


def test_the_page_in_the_docs_has_its_plots_and_no_others() -> None:
    docs = SOURCES / "docs"
    linked = re.findall(r"\]\((images/[^)]+)\)", (docs / PAGE).read_text())
    assert sorted(linked) == sorted(path.relative_to(docs).as_posix() for path in (docs / IMAGES).iterdir())


@pytest.mark.parametrize(("failures", "code"), [({}, 0), ({"tests.validation.a": "it broke"}, 1)])
def test_misses_do_not_count_and_failures_do(
    failures: dict[str, str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Evidence(LINES, (), failures, {}, ())
    monkeypatch.setattr("experiments.verification.page.run_suite", lambda **_: found)
    result = CliRunner().invoke(app, ["verify", "-o", str(tmp_path / "out")])
    assert result.exit_code == code, result.output
    assert str(Counts.of(found)) in result.output
    assert ("failed: tests.validation.a: it broke" in result.output) == bool(failures)
    assert (tmp_path / "out" / "verification.md").exists()
    again = CliRunner().invoke(app, ["verify", "-o", str(tmp_path / "out")])
    assert again.exit_code == code


def test_results_of_a_run_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": "vertebroplasty-case-1"}')
    result = CliRunner().invoke(app, ["verify", "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds other results" in result.output
