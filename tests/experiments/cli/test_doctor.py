"""The doctor finds a healthy machine healthy and reports what is missing instead of failing."""

import sys

import pytest

from experiments.cli import doctor
from experiments.cli.doctor import Check, examine, render_ball
from experiments.run.environment import versions


def test_a_ball_is_really_rendered() -> None:
    assert render_ball().endswith("draws")


def test_a_crash_of_a_library_is_a_finding() -> None:
    check = doctor._verdict("rendering", "import os; os.abort()", "install it")
    assert check == Check("rendering", False, "exit code -6; install it")


def test_a_missing_package_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.run.environment.PACKAGES", ("no-such-package",))
    assert versions()["no-such-package"] == "missing"


def test_a_missing_compiler_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    (check,) = doctor._compiler()
    assert check.passed is False
    assert "apt install gcc" in check.detail


def test_missing_optional_parts_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    (movies,), (browser,) = doctor._movies(), doctor._browser()
    assert (movies.passed, browser.passed) == (None, None)
    assert "'apt-get install ffmpeg' or 'pip install imageio-ffmpeg'" in movies.detail
    assert "'apt-get install chromium'" in browser.detail


def test_a_probe_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def _broken() -> list[Check]:
        raise OSError("no such thing")

    for name in (
        "_petsc",
        "_petsc_packages",
        "_meshing",
        "_rendering",
        "_movies",
        "_browser",
        "_demo_patient",
        "_threads",
    ):
        monkeypatch.setattr(doctor, name, list)
    monkeypatch.setattr(doctor, "_compiler", _broken)
    assert examine()[-1] == Check("broken", False, "OSError: no such thing")


def test_this_machine_has_what_a_run_needs() -> None:
    checks = {check.name: check for check in examine()}
    assert [check for check in checks.values() if check.passed is False] == []
    assert checks["PETSc with MUMPS"].detail in ("yes", "no")
    assert "PETSc" in checks["finite elements"].detail
