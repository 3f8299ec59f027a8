"""Stages are timed and announced; the time left follows the pace of what is done."""

import io
import re
import time

import pytest
from rich.console import Console

from experiments.results.progress import Progress


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120)


def output(target: Console) -> str:
    stream = target.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_stages_are_recorded_in_their_order() -> None:
    progress = Progress()
    with progress.stage("mesh"):
        time.sleep(0.02)
    with progress.stage("flow") as stage:
        stage.update(0.5)
    assert list(progress.seconds) == ["mesh", "flow"]
    assert 0.02 <= progress.seconds["mesh"] < 1.0
    assert progress.records[0].peak_memory_mb > 10.0


def test_a_stage_that_fails_is_not_recorded() -> None:
    progress = Progress()
    with pytest.raises(RuntimeError), progress.stage("mesh"):
        raise RuntimeError
    assert progress.seconds == {}


def test_without_a_terminal_every_stage_is_one_line_with_the_time_left() -> None:
    target = console(terminal=False)
    with Progress(visible=True, console=target) as progress:
        progress.plan({"mesh": 1.0, "flow": 3.0})
        for name in ("mesh", "flow"):
            with progress.stage(name) as stage:
                time.sleep(0.05)
                stage.update(0.5, "half")
    lines = output(target).splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"\[1/2\] mesh: \d+\.\d s, about \d+ s left", lines[0])
    assert re.fullmatch(r"\[2/2\] flow: \d+\.\d s", lines[1])


def test_time_left_is_the_rest_of_the_plan_at_the_pace_of_what_is_done() -> None:
    target = console(terminal=False)
    with Progress(visible=True, console=target) as progress:
        progress.plan({"mesh": 0.001, "flow": 3.0})  # the first stage takes 100 times its plan
        with progress.stage("mesh"):
            time.sleep(0.1)
    minutes = re.search(r"about (\d+) min", output(target))
    assert minutes is not None
    assert 5 <= int(minutes.group(1)) < 60


def test_on_a_terminal_bars_show_the_stage_and_the_whole_run() -> None:
    target = console(terminal=True)
    with Progress(visible=True, console=target) as progress:
        progress.plan({"flow": 3.0})
        with progress.stage("flow") as stage:
            time.sleep(0.01)
            stage.update(0.25, "1.00 ml")
            time.sleep(0.2)
    text = output(target)
    for word in ("flow", "whole run", "left", "1.00 ml"):
        assert word in text


def test_silent_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress, progress.stage("mesh"):
        pass
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
