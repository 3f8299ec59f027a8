"""Functions on several MPI ranks: one launch serves a whole test run, since ranks take long to load what they compute.

``on_ranks(count, function, *arguments)`` gives what ``function(communicator, *arguments)`` returns on rank 0 of
``count`` ranks. The function stands at the top of a module; what it takes and returns can be pickled.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from shared import Shared

if TYPE_CHECKING:
    from mpi4py import MPI

RANKS = 3

PATIENCE = 300.0
"""s that a function may take."""

WAKING = 0.01
"""s between two looks for work: ranks that wait in MPI would take the processors from those that compute."""


class Ranks:
    """Hands functions to the ranks, and starts them where no process of the test run has."""

    def __init__(self, folder: Path) -> None:
        """Keep the address and the messages of the ranks in a folder of the test run."""
        self.folder = folder
        self._address, self._said = folder / "ranks.address", folder / "ranks.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __call__[T](self, count: int, function: Callable[..., T], *arguments: Any) -> T:
        """What ``function(communicator, *arguments)`` returns on rank 0 of ``count`` ranks."""
        assert count <= RANKS
        with self._turn() as connection:
            connection.send(sys.path)
            connection.send((function.__module__, function.__name__, count, arguments))
            assert connection.poll(PATIENCE), f"{function.__name__} on {count} ranks takes longer than {PATIENCE} s"
            try:
                found: T = connection.recv()
            except (EOFError, ConnectionError):
                time.sleep(1.0)  # the launcher passes on what the ranks say
                pytest.fail(f"{function.__name__} on {count} ranks:\n{self._said.read_text()}")
            return found

    def _turn(self) -> Connection:
        """A connection to the ranks, once they have done what other processes gave them."""
        while True:
            with (self.folder / "ranks.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    connection = Client(self._address.read_text())
                except OSError:
                    self._start()
                    connection = Client(self._address.read_text())
            try:
                connection.recv()
            except (EOFError, ConnectionError):  # they have ended meanwhile
                connection.close()
            else:
                return connection

    def _start(self) -> None:
        self._address.unlink(missing_ok=True)
        launcher = Path(sys.executable).with_name("mpiexec")
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [launcher, "-n", str(RANKS), sys.executable, __file__, self._address],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        while not self._address.exists():
            assert self._process.poll() is None, self._said.read_text()
            time.sleep(WAKING)

    def close(self) -> None:
        """End the ranks that this process started, after what others have given them."""
        if self._process is None:
            return
        if self._process.poll() is None:
            with self._turn() as connection:
                connection.send(sys.path)
                connection.send(None)
        self._process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="session")
def on_ranks(shared: Shared) -> Iterator[Ranks]:
    """Carries functions out on several ranks."""
    ranks = Ranks(shared.folder)
    yield ranks
    ranks.close()


def serve(address: Path) -> None:
    """Carry out on these ranks what processes of the test run ask for, until one of them asks to end."""
    import dolfinx_solver  # noqa: F401
    from mpi4py import MPI
    from petsc4py import PETSc  # noqa: F401  (starts on all ranks together)

    _share_a_core()
    world = MPI.COMM_WORLD
    channel = world.Dup()
    jobs = _asked(channel, address) if world.rank == 0 else _told(channel)
    for paths, (module, name, count, arguments), answer in jobs:
        if world.rank < count:
            sys.path[:] = paths
            communicator = world.Create_group(world.group.Incl(range(count)))
            try:
                found = getattr(importlib.import_module(module), name)(communicator, *arguments)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                time.sleep(0.5)  # the launcher drops what it has not passed on
                world.Abort(1)
            if world.rank == 0:
                answer(found)


def _share_a_core() -> None:
    """Keep the ranks together where cores are few: one that waits there hands the core over to one that computes."""
    if sys.platform == "linux":
        cores = os.sched_getaffinity(0)
        if len(cores) < RANKS + 2:
            os.sched_setaffinity(0, {max(cores)})


def _asked(channel: MPI.Comm, address: Path) -> Iterator[tuple[list[str], Any, Callable[[Any], None]]]:
    """Jobs for rank 0, which passes them on."""
    listener = Listener(backlog=16)
    part = address.with_suffix(".part")
    part.write_text(str(listener.address))
    part.rename(address)
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    while True:
        with listener.accept() as connection:
            connection.send("your turn")
            sys.path[:] = paths = connection.recv()
            job = connection.recv()
            for rank in range(1, channel.size):
                channel.send((paths, job), rank)
            if job is None:
                return
            yield paths, job, connection.send


def _told(channel: MPI.Comm) -> Iterator[tuple[list[str], Any, Callable[[Any], None]]]:
    """The same jobs for the other ranks."""
    while True:
        while not channel.Iprobe(source=0):
            time.sleep(WAKING)
        paths, job = channel.recv(source=0)
        if job is None:
            return
        yield paths, job, lambda found: None


def _end_with_the_tests() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
