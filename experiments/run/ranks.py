"""Ranks that share a run end together: what one of them cannot do, none goes on waiting for.

MPI itself ends nobody: a rank that leaves with an error while the others wait for it leaves them waiting.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, cast

from meshes.errors import InputError, SeveralProblemsError

if TYPE_CHECKING:
    from mpi4py import MPI

EXIT_ERROR, EXIT_INPUT, EXIT_CONVERGENCE, EXIT_INTERRUPTED = 1, 2, 3, 130
"""Exit codes: an error of the software, of the input, a computation that did not converge, an interruption."""

PATIENCE = 2.0
"""s in which ranks that fail for the same reason all come to say so."""

FORWARDING = 0.5
"""s for the launcher to pass on what a rank has said, before all ranks are ended."""


def on_root[Outcome](comm: MPI.Comm, task: Callable[[], Outcome]) -> Outcome:
    """What ``task`` gives on rank 0, on every rank; an error there is raised on all of them."""
    outcome: Outcome | None = None
    error: BaseException | None = None
    if comm.rank == 0:
        try:
            outcome = task()
        except BaseException as raised:
            error = raised
    found = comm.bcast(None if error is None else _sendable(error), root=0)
    if found is not None:
        raise error or found
    return cast("Outcome", comm.bcast(outcome, root=0))


@contextmanager
def ending_together(comm: MPI.Comm) -> Iterator[None]:
    """Let no rank wait for one that failed: an error on some ranks ends all of them, one on all ranks is raised.

    Args:
        comm: ranks that share the work of the block.
    """
    try:
        yield
    except BaseException as error:
        if not all_fail(comm):
            abort(comm, error)
        raise


def all_fail(comm: MPI.Comm) -> bool:
    """Whether all ranks come here within :data:`PATIENCE`, as they do when they fail for the same reason."""
    request, start = comm.Ibarrier(), time.monotonic()
    while not request.Test():
        if time.monotonic() - start > PATIENCE:
            return False
        time.sleep(0.01)
    return True


def abort(comm: MPI.Comm, error: BaseException) -> NoReturn:
    """Say what happened on this rank and end all of them with its exit code."""
    sys.stdout.flush()
    sentence = one_line(error)
    print("".join(traceback.format_exception(error)) if sentence is None else sentence, file=sys.stderr, flush=True)
    time.sleep(FORWARDING)  # a launcher drops what it has not passed on by the abort
    comm.Abort(exit_code(error))
    # some launchers take a moment to end this process
    os._exit(exit_code(error))


def exit_code(error: BaseException) -> int:
    """The exit code that tells what kind of error it is."""
    if isinstance(error, InputError):
        return EXIT_INPUT
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, RuntimeError):
        from fem.errors import ConvergenceError

        if isinstance(error, ConvergenceError):
            return EXIT_CONVERGENCE
    return EXIT_ERROR


def one_line(error: BaseException) -> str | None:
    """The error for people, in one line, or in one for each of several problems; None for a bug, with its traceback."""
    if isinstance(error, SeveralProblemsError):
        return "\n".join(f"error: {sentence}" for sentence in error.sentences)
    sentences = {
        EXIT_INPUT: f"error: {error}",
        EXIT_CONVERGENCE: f"error: did not converge: {error}",
        EXIT_INTERRUPTED: "interrupted; nothing unfinished was written",
    }
    sentence = sentences.get(exit_code(error))
    return None if sentence is None else " ".join(sentence.split())


def _sendable(error: BaseException) -> BaseException:
    """``error``, or its words where it does not survive the way to another rank."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
