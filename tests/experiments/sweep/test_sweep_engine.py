"""The engine with a stand-in for the computation: nothing lost, nothing twice, every error a row."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from distributed import LocalCluster
from sweep_stand_in import SOLVER
from typer.testing import CliRunner

from experiments.case.identity import case_identity
from experiments.case.schema import read_case
from experiments.cli.main import app
from experiments.cli.sweep import chosen_numbers
from experiments.sweep.cases import Plan, plan_cases
from experiments.sweep.cluster import Cluster
from experiments.sweep.engine import SweepProgress, run_sweep
from experiments.sweep.folder import SweepFolder
from experiments.sweep.sweep_file import SweepFile
from experiments.sweep.table import SweepTable
from meshes.errors import InputError

TWO_WORKERS = Cluster(workers=2, dashboard="127.0.0.1:0")
CODE = "0.0.0+test"
VOLUMES = [0.1 * step for step in range(5, 29)]


def stand_in_for_children(patch: pytest.MonkeyPatch) -> None:
    """Let children find the stand-in, and cases be of a version of its own."""
    patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    patch.setattr("experiments.case.identity.code_version", lambda: CODE)


@pytest.fixture(autouse=True)
def _stand_in_for_children(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_children(monkeypatch)


def plan_of(volumes: list[float], title: str = "") -> Plan:
    """Cases with these volumes, of a version that does not depend on whether somebody edits the sources meanwhile."""
    content = {
        "base": {"title": title, "patient": {"demo": True}},
        "vary": [{"path": "injection.volume_ml", "values": volumes}],
    }
    with mock.patch("experiments.case.identity.code_version", return_value=CODE):
        return plan_cases(SweepFile.model_validate(content), "study.toml", Path())


def run(plan: Plan, path: Path, **keys: Any) -> SweepProgress:
    return run_sweep(plan, SweepFolder(path), TWO_WORKERS, solver=SOLVER, **keys)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """Two cases and the folder of their sweep, which has ended; to be copied."""
    plan, folder = plan_of([1.0, 2.0]), tmp_path_factory.mktemp("finished") / "sweep"
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_children(patch)
        run(plan, folder)
    return plan, folder


def computed(log: Path) -> list[str]:
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def test_every_case_becomes_a_row_once(tmp_path: Path) -> None:
    log, seen = tmp_path / "log", []
    plan = plan_of([1.0, 2.0, 3.0, 2.0], f"log={log}")
    progress = run(plan, tmp_path / "sweep", watch=seen.append)
    assert (progress.total, progress.finished, progress.failed, progress.running) == (3, 3, 0, 0)
    assert progress.worst_balance == 1e-14
    assert seen[0].finished == 0
    table = SweepTable.read(tmp_path / "sweep")
    assert table.rows["injection.leaked_ml"].to_pylist() == [1.0, 4.0, 9.0, 4.0]
    assert sorted(computed(log)) == sorted(plan.different)
    again = run(plan, tmp_path / "sweep")
    assert (again.earlier, again.finished) == (3, 3)
    assert len(computed(log)) == 3
    (tmp_path / "sweep" / "rows" / f"{plan.cases[0].identity}.json").write_text("{}")
    assert (run(plan, tmp_path / "sweep").finished, len(computed(log))) == (3, 4)
    longer = plan_of([3.0, 1.0, 4.0, 2.0], f"log={log}")
    assert run(longer, tmp_path / "sweep").earlier == 3
    assert len(computed(log)) == 5
    assert SweepTable.read(tmp_path / "sweep").rows["injection.leaked_ml"].to_pylist() == [9.0, 1.0, 16.0, 4.0]


def test_a_sweep_without_the_finished_cases_of_a_folder_is_refused(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "sweep"
    run(plan_of([1.0, 2.0, 5.0], f"log={log} then=input"), folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    other = plan_of([1.0, 5.0, 3.0], f"log={log} then=input")
    with pytest.raises(InputError, match=r"sweep: holds 1 finished case that this sweep does not have; choose another"):
        run(other, folder)
    with mock.patch("test_sweep_engine.CODE", "0.0.1+test"):
        newer = replace(plan_of([1.0, 2.0, 5.0], f"log={log} then=input"), code="0.0.1+test")
    with pytest.raises(InputError, match=r"holds 2 finished cases .* by vertebroplasty \S+, this is 0\.0\.1\+test;"):
        run(newer, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert len(computed(log)) == 3
    # a case that failed is no result: it may be mended and leave the sweep
    assert run(plan_of([1.0, 2.0, 3.0], f"log={log} then=input"), folder).earlier == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"inputs": {}, "outcome": 1}',
        b'{"inputs": {}, "outcome": {"results": []}, "seconds": 1.0}',
        b'{"inputs": {}, "outcome": {"results": {"injection": 3}}, "seconds": 1.0}',
        b'{"inputs": {}, "outcome": {"results": {"injection": {"mass_balance_error": null}}}, "seconds": 1.0}',
        b'{"inputs": {}, "error": "it failed", "seconds": 1.0}',
        b'{"inputs": {}, "error": {"kind": "bug"}, "seconds": 1.0}',
    ],
)
def test_a_row_that_cannot_be_understood_is_computed_again(
    finished: tuple[Plan, Path], tmp_path: Path, content: bytes
) -> None:
    plan, folder = finished
    shutil.copytree(folder, tmp_path / "sweep")
    (tmp_path / "sweep" / "rows" / f"{plan.cases[0].identity}.json").write_bytes(content)
    assert SweepTable.read(tmp_path / "sweep").rows["number"].to_pylist() == [2]
    progress = run(plan, tmp_path / "sweep", retry=True)
    assert (progress.earlier, progress.finished, progress.failed) == (1, 2, 0)
    assert SweepTable.read(tmp_path / "sweep").rows["injection.leaked_ml"].to_pylist() == [1.0, 4.0]


def test_a_row_that_cannot_be_read_ends_the_sweep_with_a_sentence(finished: tuple[Plan, Path], tmp_path: Path) -> None:
    plan, folder = finished
    shutil.copytree(folder, tmp_path / "sweep")
    row = tmp_path / "sweep" / "rows" / f"{plan.cases[0].identity}.json"
    row.rename(tmp_path / "kept.json")
    row.mkdir()
    for again in (lambda: run(plan, tmp_path / "sweep"), lambda: SweepTable.read(tmp_path / "sweep")):
        with pytest.raises(InputError, match=rf"{row.name}: cannot be read \(Is a directory\); make it readable or"):
            again()
    row.rmdir()
    (tmp_path / "kept.json").rename(row)
    assert run(plan, tmp_path / "sweep").earlier == 2


@pytest.mark.parametrize(
    ("then", "error"),
    [
        ("input", r"input: the needle misses the body; move it"),
        ("diverge", r"not converged: the pressure did not converge"),
        ("bug", r"bug: Traceback[\s\S]*ZeroDivisionError: one over nothing"),
        ("nan", r"bug: [\s\S]*not JSON compliant"),
        ("abort", r"crash: its process was killed by SIGABRT \(2 times\); it printed last:\n[\s\S]*PETSc gave up"),
        ("hang", r"time limit: did not end within the time limit of 2 s"),
    ],
)
def test_a_failure_is_a_row_with_its_case_file(tmp_path: Path, then: str, error: str) -> None:
    plan = plan_of([3.0, 5.0, 3.5], f"then={then}")
    progress = run(plan, tmp_path / "sweep", time_limit=2.0 if then == "hang" else 60.0)
    assert (progress.finished, progress.failed) == (2, 1)
    rows = SweepTable.read(tmp_path / "sweep").rows
    assert rows["status"].to_pylist() == ["finished", "failed", "finished"]
    assert rows["input.injection.volume_ml"].to_pylist() == [3.0, 5.0, 3.5]
    assert re.match(error, rows["error"].to_pylist()[1])
    (kept,) = (tmp_path / "sweep" / "failed").iterdir()
    assert kept.name == "000002.toml"
    assert case_identity(read_case(kept)).case == plan.cases[1].identity


def test_a_process_is_replaced_after_some_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.sweep.case_process.CASES_PER_PROCESS", 2)
    log = tmp_path / "log"
    run_sweep(
        plan_of(VOLUMES[:5], f"log={log}"),
        SweepFolder(tmp_path / "sweep"),
        Cluster(workers=1, dashboard="127.0.0.1:0"),
        solver=SOLVER,
    )
    processes = [line.split()[1] for line in log.read_text().splitlines()]
    assert sorted(Counter(processes).values()) == [1, 2, 2]


def test_a_worker_of_another_version_ends_the_sweep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the worker inproc://\S+ runs another version"):
        run(plan_of([3.0, 5.0], "then=unfit"), tmp_path / "sweep")
    assert not (tmp_path / "sweep" / "failed").exists()


def test_failed_cases_run_again_when_asked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    plan = plan_of([3.0, 5.0], f"log={log} then=diverge")
    for retry, runs in ((False, 2), (False, 2), (True, 3)):
        assert run(plan, tmp_path / "sweep", retry=retry).failed == 1
        assert len(computed(log)) == runs


def test_a_case_survives_one_death_of_its_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    plan = plan_of([3.0], f"log={log} seconds=1")
    killed: list[int] = []

    def kill_once(progress: SweepProgress) -> None:
        if log.exists() and not killed:
            killed.append(int(log.read_text().split()[1]))
            os.kill(killed[0], signal.SIGKILL)

    assert run(plan, tmp_path / "sweep", watch=kill_once).finished == 1
    assert computed(log) == [plan.cases[0].identity] * 2


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def assert_no_children(log: Path) -> None:
    """No process that computed a case is left, a moment later at the latest."""
    children = {int(line.split()[1]) for line in log.read_text().splitlines()}
    deadline = time.monotonic() + 10.0
    while left := [child for child in children if b"case_process_main" in _command(child)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def drive(folder: Path) -> None:
    """What a process does that is going to be killed."""
    run(plan_of(VOLUMES, f"log={folder}/log seconds=0.03"), folder / "sweep")


def test_three_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    draw = random.Random(20261121)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    rows = tmp_path / "sweep" / "rows"
    for kill in range(3):
        driver = processes.Process(target=drive, args=(tmp_path,))
        driver.start()
        target = draw.randint(3, 7) * (kill + 1)
        deadline = time.monotonic() + 60.0
        while len(list(rows.glob("*.json"))) < target and time.monotonic() < deadline:
            time.sleep(draw.uniform(0.0, 0.03))
        driver.kill()
        driver.join()
        assert driver.exitcode == -signal.SIGKILL
        assert_no_children(tmp_path / "log")
        for path in rows.glob("*.json"):
            assert json.loads(path.read_text())["outcome"]["results"]
    before = set(computed(tmp_path / "log"))
    assert len(before) < len(VOLUMES)
    plan = plan_of(VOLUMES, f"log={tmp_path}/log seconds=0.03")
    known = len(list(rows.glob("*.json")))
    progress = run(plan, tmp_path / "sweep")
    assert (progress.earlier, progress.finished, progress.failed) == (known, len(VOLUMES), 0)
    table = SweepTable.read(tmp_path / "sweep")
    assert table.rows["identity"].to_pylist() == [case.identity for case in plan.cases]
    assert not list((tmp_path / "sweep").rglob("*.part"))
    times = Counter(computed(tmp_path / "log"))
    # Each kill costs no more than the cases that were under way, one per worker.
    assert sum(times.values()) - len(VOLUMES) <= 3 * 2


def test_an_interrupt_leaves_a_table_and_no_children(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def interrupt(progress: SweepProgress) -> None:
        if progress.finished:
            raise KeyboardInterrupt

    slow = plan_of([1.0, 2.0, 3.0, *(0.5 + 0.01 * step for step in range(10))], f"log={log} seconds=0.2")
    with pytest.raises(KeyboardInterrupt):
        run(slow, tmp_path / "sweep", watch=interrupt)
    assert (tmp_path / "sweep" / "results.parquet").exists()
    assert_no_children(log)
    assert run(slow, tmp_path / "sweep").finished == 13


def test_a_full_disk_is_said_and_finished_cases_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of([1.0, 2.0, 3.0, 4.0])
    write = Path.write_text

    def full(path: Path, text: str, **keys: Any) -> int:
        if path.parent.name == "rows" and len(list(path.parent.glob("*.json"))) == 2:
            write(path, text[:100], **keys)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, text, **keys)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(
            InputError, match=r"cannot write there \(No space left on device\); finished cases are whole"
        ):
            run(plan, tmp_path / "sweep")
    assert not list((tmp_path / "sweep").rglob("*.part"))
    progress = run(plan, tmp_path / "sweep")
    assert (progress.earlier, progress.finished) == (2, 4)


def test_a_place_that_cannot_hold_a_sweep_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of([1.0])
    (tmp_path / "thesis.txt").write_text("precious")
    for place, complaint in (
        (tmp_path, "is not empty and holds no sweep"),
        (tmp_path / "thesis.txt", "is a file"),
        (tmp_path / "thesis.txt" / "sweep", "cannot write there"),
    ):
        with pytest.raises(InputError, match=complaint):
            run(plan, place)
    assert (tmp_path / "thesis.txt").read_text() == "precious"
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(InputError, match="MB are free; make room"):
        run(plan, tmp_path / "sweep")


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    plan = plan_of([1.0])
    run(plan, tmp_path / "sweep")
    with (tmp_path / "sweep" / "sweep.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process runs a sweep there"):
            run(plan, tmp_path / "sweep")


def test_a_scheduler_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.sweep.cluster.CONNECT_TIMEOUT", 0.2)
    with pytest.raises(InputError, match=r"--scheduler tcp://127\.0\.0\.1:9: no scheduler of Dask answers there"):
        run_sweep(
            plan_of([1.0]), SweepFolder(tmp_path / "sweep"), Cluster(scheduler="tcp://127.0.0.1:9"), solver=SOLVER
        )


def test_a_dry_run_counts_the_workers_behind_a_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.sweep.engine.time_one", lambda *arguments: 30.0)
    options = ["--ready", "bone-density", "--dry-run", "-o", str(tmp_path / "sweep")]
    for there, told in ((3, "6 min 00 s on 3 workers"), (0, "18 min 00 s on one worker; the scheduler has none yet")):
        with LocalCluster(n_workers=there, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
            outcome = CliRunner().invoke(app, ["sweep", *options, "--scheduler", cluster.scheduler_address])
        assert told in outcome.output
    outcome = CliRunner().invoke(app, ["sweep", *options, "--workers", "5"])
    assert "3 min 36 s on 5 workers" in outcome.output


def test_fields_are_kept_of_chosen_cases_and_made_up_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    plan = plan_of([1.0, 2.0, 3.0, 2.0], f"log={log}")
    run(plan, tmp_path / "sweep", keep_fields={2})
    cases = tmp_path / "sweep" / "cases"
    assert [path.name for path in cases.iterdir()] == ["000002"]
    assert len(computed(log)) == 3
    run(plan, tmp_path / "sweep", keep_fields={2, 4})  # 4 is the same case as 2
    assert len(computed(log)) == 3
    progress = run(plan, tmp_path / "sweep", keep_fields={1, 2})
    assert computed(log)[3:] == [plan.cases[0].identity]
    assert sorted(path.name for path in cases.iterdir()) == ["000001", "000002"]
    assert (progress.finished, progress.total) == (3, 3)
    assert SweepTable.read(tmp_path / "sweep").rows.num_rows == 4


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [(None, set()), ("all", {1, 2, 3, 4}), ("ALL", {1, 2, 3, 4}), ("2", {2}), ("1, 3-4", {1, 3, 4})],
)
def test_cases_are_chosen_by_numbers(chosen: str | None, numbers: set[int]) -> None:
    assert chosen_numbers(chosen, 4) == numbers


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [("0", "choose of 1 to 4"), ("3-5", "choose of 1 to 4"), ("4-3", "choose of 1 to 4"), ("x", "'x' is no number"),
     ("1,,2", "'' is no number"), ("-2", "'-2' is no number"), ("1-", "'1-' is no number")],
)  # fmt: skip
def test_numbers_of_no_case_are_one_sentence(chosen: str, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        chosen_numbers(chosen, 4)
