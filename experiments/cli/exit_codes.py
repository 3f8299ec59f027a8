"""How a command ends: errors as one line and an exit code, on all ranks, and nothing else running on.

Errors of input end with exit code 2, computations that do not converge with 3, interruptions with 130; any other error
is a bug and keeps its traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import typer

from meshes.errors import InputError

EXIT_INPUT, EXIT_CONVERGENCE, EXIT_INTERRUPTED = 2, 3, 130

IMPORT_SECONDS = 0.05
"""s between two looks whether an import has ended."""


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors of a command into one line on standard error and an exit code; end all ranks if one fails."""
    signal.signal(signal.SIGTERM, _interrupt)
    # one that is ignored, as in the background of a shell, stays so
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    except InputError as error:
        _leave(f"error: {error}", EXIT_INPUT)
    except KeyboardInterrupt:
        _leave("interrupted; nothing unfinished was written", EXIT_INTERRUPTED)
    except RuntimeError as error:
        from fem.errors import ConvergenceError

        if not isinstance(error, ConvergenceError):
            _abort_other_ranks(error)
            raise
        _leave(f"error: did not converge: {error}", EXIT_CONVERGENCE)
    except Exception as error:
        _abort_other_ranks(error)
        raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Let a termination clean up like Ctrl-C; an import ends first, since VTK crashes where one is broken off."""
    if _imports(frame):
        threading.Timer(IMPORT_SECONDS, os.kill, (os.getpid(), number)).start()
        return
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported in this frame or in one that waits for it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave(message: str, code: int) -> NoReturn:
    """Print ``message`` once and leave; a rank that fails alone speaks for itself and ends the others."""
    together = _all_ranks_leave()
    if rank() == 0 or not together:
        print(" ".join(message.split()), file=sys.stderr, flush=True)
    if not together:
        _abort(code)
    raise typer.Exit(code)


def _all_ranks_leave(patience: float = 2.0) -> bool:
    """Whether all ranks come here within ``patience`` seconds, as they do when they fail for the same reason."""
    if not _started_mpi():
        return True
    from mpi4py import MPI

    request, start = MPI.COMM_WORLD.Ibarrier(), time.monotonic()
    while not request.Test():
        if time.monotonic() - start > patience:
            return False
        time.sleep(0.01)
    return True


def _abort_other_ranks(error: Exception) -> None:
    """End a run on several ranks after an error that is ours, with its traceback."""
    if _started_mpi():
        import traceback

        traceback.print_exception(error)
        _abort(1)


def _abort(code: int) -> None:
    if _started_mpi():
        from mpi4py import MPI

        sys.stdout.flush()
        MPI.COMM_WORLD.Abort(code)


def _started_mpi() -> bool:
    """Whether this process is one of several MPI ranks and has started MPI."""
    module = sys.modules.get("mpi4py.MPI")
    return module is not None and module.Is_initialized() and module.COMM_WORLD.size > 1


def rank() -> int:
    """Rank of this process, from the launcher, so that it is known before MPI starts."""
    for name in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return 0
