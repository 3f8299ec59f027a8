"""The parent's side of a process that computes cases: time limit, death, and what it said last.

Not a pool of ``pebble`` or ``multiprocessing``: the workers of a Dask cluster are daemonic processes, which may have no
children of that kind, and a case there outlives a parent that is killed and leaves no last words.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from threading import local
from typing import IO, Any, cast

from experiments.results.store import json_text

SOLVER = "experiments.sweep.case_solver:solve"
"""What computes the cases of a sweep."""

CHILD = "from experiments.sweep.case_process_main import main; main()"
"""What a child runs; not as ``-m``, which would load the module twice, with two classes of every error."""

ATTEMPTS = 2
"""Fresh processes in which a case may run whose process dies: the first may have been killed for another's sake."""

CASES_PER_PROCESS = 50
"""Cases that one process computes before a fresh one takes over, so that what libraries leak does not add up."""

KEPT_OUTPUT = 2000
"""Characters of what a dead process had printed last that its error keeps."""

_alive: weakref.WeakSet[CaseProcess] = weakref.WeakSet()
_own = local()


class CaseProcess:
    """A child that computes cases by ``solver``, started when it is needed and again after it was killed.

    Args:
        solver: ``MODULE:FUNCTION``; see :mod:`experiments.sweep.case_process_main`.
    """

    def __init__(self, solver: str) -> None:
        """Start nothing yet."""
        self.solver = solver
        self._child: subprocess.Popen[str] | None = None
        self._printed: IO[str] | None = None
        self._cases = 0
        self._closed = False
        _alive.add(self)

    def solve(self, request: Mapping[str, Any], time_limit: float | None = None) -> dict[str, Any]:
        """Let the child compute a case.

        Args:
            request: what the solver takes.
            time_limit: seconds after which the child is killed; None for as long as it takes.

        Returns:
            ``{"outcome": ...}`` or ``{"error": {"kind", "message"}}``, and ``seconds``.
        """
        start = time.perf_counter()
        line = json_text(request)
        answer = self._ask(line, time_limit)
        for _ in range(ATTEMPTS - 1):
            if answer.get("error", {}).get("kind") == "crash" and not self._closed:
                answer = self._ask(line, time_limit)
        return {**answer, "seconds": time.perf_counter() - start}

    def close(self) -> None:
        """Kill the child, in the middle of a case if need be; no other is started."""
        self._closed = True
        self._kill()

    def _ask(self, line: str, time_limit: float | None) -> dict[str, Any]:
        child, printed = self._running()
        self._cases += 1
        requests, answers = cast("IO[str]", child.stdin), cast("IO[str]", child.stdout)
        try:
            requests.write(line + "\n")
            requests.flush()
        except BrokenPipeError:
            return self._died(child, printed)
        if not select.select([answers], [], [], time_limit)[0]:
            self._kill()
            return _error("time limit", f"did not end within the time limit of {time_limit:g} s and was killed")
        answer = answers.readline()
        return json.loads(answer) if answer.endswith("\n") else self._died(child, printed)

    def _running(self) -> tuple[subprocess.Popen[str], IO[str]]:
        """The child and what it prints; both are new where there is none alive."""
        if self._closed:
            raise RuntimeError("the process was closed")
        if self._cases >= CASES_PER_PROCESS:
            self._kill()
        if self._child is None or self._child.poll() is not None or self._printed is None:
            self._cases = 0
            self._printed = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
            self._child = subprocess.Popen(
                [sys.executable, "-c", CHILD, self.solver],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # an interruption is for the parent to handle
            )
        return self._child, self._printed

    def _died(self, child: subprocess.Popen[str], printed: IO[str]) -> dict[str, Any]:
        code = child.wait()
        cause = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        printed.seek(0)
        words = printed.read()[-KEPT_OUTPUT:].strip()
        self._child = None
        return _error(
            "crash", f"its process {cause} ({ATTEMPTS} times)" + (f"; it printed last:\n{words}" if words else "")
        )

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def solve_in_process(solver: str, request: Mapping[str, Any], time_limit: float | None) -> dict[str, Any]:
    """Compute a case in the child that belongs to this thread: what a worker of the cluster does."""
    process: CaseProcess | None = getattr(_own, "process", None)
    if process is None or process.solver != solver:
        process = _own.process = CaseProcess(solver)
    return process.solve(request, time_limit)


def close_all() -> None:
    """Kill the children of this process."""
    for process in list(_alive):
        process.close()


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message}}
