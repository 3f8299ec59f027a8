"""A process that computes cases one after the other, so that one that hangs or crashes takes nothing with it.

A child, whose argument is ``MODULE:FUNCTION``, reads requests, one line of JSON each, from standard input, and answers
with one line each. It ends with its parent, in the middle of a case if need be.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import Any

from experiments.results.store import json_text
from fem.errors import ConvergenceError
from meshes.errors import InputError

type Solver = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From a request to what is known of the finished case, both as JSON holds them."""


class UnfitWorkerError(Exception):
    """This process cannot compute the case that was meant: its software or its files are others."""


KINDS: Mapping[type[Exception], str] = {
    InputError: "input",
    ConvergenceError: "not converged",
    MemoryError: "memory",
    UnfitWorkerError: "unfit worker",
}
"""Error that is no bug -> what the row of the case calls it."""


def solver_of(name: str) -> Solver:
    """The function ``MODULE:FUNCTION``."""
    module, _, function = name.partition(":")
    solver: Solver = getattr(import_module(module), function)
    return solver


def attempt(solver: Solver, request: Mapping[str, Any]) -> str:
    """The answer to a request as one line: ``{"outcome": ...}``, or ``{"error": {"kind", "message"}}``."""
    try:
        return json_text({"outcome": solver(request)})
    except Exception as error:
        kind = next((name for of, name in KINDS.items() if isinstance(error, of)), "bug")
        message = traceback.format_exc() if kind == "bug" else str(error) or kind
        return json_text({"error": {"kind": kind, "message": message}})


def main() -> None:
    """Answer requests until standard input ends."""
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    requests: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(requests,), daemon=True).start()
    solver = solver_of(sys.argv[1])
    while True:
        answers.write(attempt(solver, json.loads(requests.get())) + "\n")
        answers.flush()


def _listen(requests: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # the parent has gone: a case under way has nobody to report to
