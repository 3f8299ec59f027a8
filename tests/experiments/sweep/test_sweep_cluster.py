"""A sweep on workers of a running scheduler, in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sweep_stand_in import SOLVER
from test_sweep_engine import computed, plan_of

from experiments.sweep.cluster import Cluster
from experiments.sweep.engine import SweepProgress, run_sweep
from experiments.sweep.folder import SweepFolder


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start ``dask`` with these arguments, for as long as the test lasts."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    with ExitStack() as stack:

        def dask(*arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments], stderr=subprocess.DEVNULL, start_new_session=True
            )
            stack.callback(process.wait)
            stack.callback(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
            return process

        yield dask


@pytest.mark.slow
def test_a_sweep_ends_though_one_of_two_workers_is_killed(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    start("scheduler", "--host", address, "--no-dashboard")
    workers = [start("worker", address, "--nthreads", "1", "--no-dashboard") for _ in range(2)]
    log = tmp_path / "log"
    plan = plan_of([0.1 * step for step in range(5, 35)], f"log={log} seconds=0.3")
    most = 0

    def kill_one(progress: SweepProgress) -> None:
        nonlocal most
        most = max(most, progress.workers)
        if progress.finished > 6 and progress.workers == 2 and workers[0].poll() is None:
            os.killpg(workers[0].pid, signal.SIGKILL)

    progress = run_sweep(
        plan, SweepFolder(tmp_path / "sweep"), Cluster(scheduler=address), watch=kill_one, solver=SOLVER
    )
    assert (progress.finished, progress.failed, progress.workers, most) == (30, 0, 1, 2)
    assert len(computed(log)) <= 31
