"""How a command ends: errors as one line and an exit code, on all ranks, and nothing else running on.

Errors of input end with exit code 2, computations that do not converge with 3, interruptions with 130; any other error
is a bug and keeps its traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from experiments.run.ranks import abort, all_fail, exit_code, one_line

IMPORT_SECONDS = 0.05
"""s between two looks whether an import has ended."""


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors of a command into one line on standard error and an exit code; end all ranks if one fails."""
    interruption = _Interruption()
    signal.signal(signal.SIGTERM, interruption)
    # one that is ignored, as in the background of a shell, stays so
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interruption)
    try:
        yield
    except typer.Exit:
        raise
    except (Exception, KeyboardInterrupt) as raised:
        # where it comes into a callback, libraries pass it on as an error of their own
        error = KeyboardInterrupt() if interruption.came else raised
        _end_all(error)
        sentence = one_line(error)
        if rank() == 0:
            if sentence is None:
                raise
            print(sentence, file=sys.stderr, flush=True)
        raise typer.Exit(exit_code(error)) from None


class _Interruption:
    """Lets a termination clean up like Ctrl-C; an import ends first, since VTK crashes where one is broken off."""

    came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal up."""
        if _imports(frame):
            threading.Timer(IMPORT_SECONDS, os.kill, (os.getpid(), number)).start()
            return
        self.came = True
        raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported in this frame or in one that waits for it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end_all(error: BaseException) -> None:
    """End all ranks where this one fails alone; ranks that fail together leave on their own, and one speaks."""
    started = sys.modules.get("mpi4py.MPI")
    if started is None or not started.Is_initialized() or started.COMM_WORLD.size == 1:
        return
    if not all_fail(started.COMM_WORLD):
        abort(started.COMM_WORLD, error)


def start_ranks() -> None:
    """Start MPI where a launcher started this process: before that, a launcher may not notice that a rank failed."""
    if _launched():
        from mpi4py import MPI  # noqa: F401


def rank() -> int:
    """Rank of this process, from the launcher, so that it is known before MPI starts."""
    return _launched()[0] if _launched() else 0


def _launched() -> list[int]:
    """What a launcher says of the rank of this process; nothing where it was started alone."""
    variables = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
    return [int(os.environ[name]) for name in variables if os.environ.get(name, "").isdecimal()]
