"""The viewer beside a run: told of every step, in nobody's way."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browsing import browser  # noqa: F401  (pytest finds the fixture here)
from typer.testing import CliRunner

from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.cli.view import tell_address
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_case
from experiments.run.watching import Watch
from experiments.viewer.charts import charts_of
from experiments.viewer.live import LiveViewer
from experiments.viewer.live_fields import Beginning, LiveFields

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CASE = """
title = "watched"
[patient]
demo = true
[mesh]
size_mm = 3.0
[injection]
volume_ml = 0.8
[mechanics]
enabled = false
[output]
pictures = false
"""


@pytest.fixture(scope="module")
def watched() -> tuple[CaseOutcome, list[Any]]:
    """A run, and what its viewer was told."""
    told: list[Any] = []
    content = {
        "patient": {"demo": True},
        "mesh": {"size_mm": 3.0},
        "injection": {"volume_ml": 0.8},
        "mechanics": {"enabled": False},
    }
    return run_case(build_case(content), watch=Watch(told.append, "run", "watched")), told


def test_each_step_is_told(watched: tuple[CaseOutcome, list[Any]]) -> None:
    outcome, (beginning, *steps, ended) = watched
    injection = outcome.results.injection
    assert injection is not None
    assert isinstance(beginning, Beginning)
    assert beginning.title == "watched"
    assert [step.time_s for step in steps] == pytest.approx(injection.course.time_s)
    assert [step.tip_pressure_kpa for step in steps] == pytest.approx(injection.course.tip_pressure_kpa)
    assert [step.leaked_ml for step in steps] == pytest.approx(injection.course.leaked_ml)
    np.testing.assert_allclose(steps[-1].saturation, outcome.saturation, atol=1e-6)
    np.testing.assert_allclose(steps[-1].pressure_kpa, 1e3 * outcome.snapshots[-1].pressure, rtol=1e-5, atol=1e-6)
    assert steps[-1].in_veins is not None
    assert ended == "injection ended: volume reached; the run goes on"


def test_fields_grow_with_the_run(watched: tuple[CaseOutcome, list[Any]]) -> None:
    beginning, first, *steps, _ = watched[1]
    fields = LiveFields(beginning, first)
    assert fields.front(0).n_cells == 0
    assert "needles" in {body.layer for body in fields.bodies()}
    for step in steps:
        fields.append(step)
    assert fields.times[-1] == steps[-1].time_s
    volume = fields.front(len(steps)).volume
    assert volume > 0.3 * 800.0  # mm3 that were injected, in bone that is part solid
    tip = beginning.plan.needles[0].tip
    assert fields.told(tip, 1e9)["cement saturation"] not in ("0", "")
    assert len(charts_of([fields.course])) == 3


def test_a_port_in_use_costs_the_view_alone(
    watched: tuple[CaseOutcome, list[Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        viewer = LiveViewer(taken.getsockname()[1], tell_address)
        for message in watched[1][:2]:
            viewer.tell(message)
        viewer.wait()
    viewer.tell(watched[1][1])
    said = capfd.readouterr().err
    assert "cannot be listened on" in said
    assert "the run goes on without a view" in said


def test_the_page_follows_the_run_and_does_not_hold_it(tmp_path: Path, browser: "Browser") -> None:  # noqa: F811
    process = _started(tmp_path)
    assert process.stdout is not None
    address = next(line for line in process.stdout if line.startswith("Open ")).removeprefix("Open ").strip()
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address)
    page.wait_for_selector("canvas")
    page.close()
    page = browser.new_page(viewport={"width": 1280, "height": 850})
    page.goto(address)
    page.locator("#status", has_text="the run has ended").wait_for(timeout=120_000)
    assert page.locator("#clock").inner_text() == "0:16.0 min"
    assert page.locator(".chart img").count() == 3
    page.close()
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "cement injected" in said
    assert json.loads((tmp_path / "out" / "results.json").read_text())["injection"]["injected_ml"] == pytest.approx(0.8)


def test_ctrl_c_ends_run_and_viewer(tmp_path: Path) -> None:
    process = _started(tmp_path)
    assert process.stderr is not None
    assert "read" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted; nothing unfinished was written"
    assert _all_gone(process.pid)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "0"], "--port belongs to --view"),
        (["--view", "--patients", "x"], "--view belongs to a single run"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    refused = CliRunner().invoke(app, ["run", str(tmp_path / "case.toml"), *arguments])
    assert refused.exit_code == 2
    assert sentence in refused.output


def test_prescribed_cement_has_nothing_to_watch(tmp_path: Path) -> None:
    shape = "[[prescribed_cement.shapes]]\nleft = 0.0\ndepth = 0.5\nheight = 0.5\nvolume_ml = 2.0\n"
    (tmp_path / "case.toml").write_text(f"[patient]\ndemo = true\n{shape}")
    refused = CliRunner().invoke(app, ["run", str(tmp_path / "case.toml"), "--view"])
    assert refused.exit_code == 2
    assert "prescribed cement has none" in refused.output


def _all_gone(group: int, patience: float = 20.0) -> bool:
    """Whether no process of a group is left."""
    begin = time.monotonic()
    while time.monotonic() - begin < patience:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def _started(folder: Path) -> "subprocess.Popen[str]":
    (folder / "case.toml").write_text(CASE)
    command = [sys.executable, "-m", "vertebroplasty", "run", "case.toml", "-o", "out", "--view", "--port", "0"]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
