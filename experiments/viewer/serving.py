"""Serving the viewer: to this machine alone, with a token, until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from experiments.case.placed_needles import CaseText
from experiments.pictures.plan import Plan
from experiments.results.finished_case import FinishedCase
from experiments.viewer.access import AccessGuard
from experiments.viewer.moved_needles import MovedNeedles
from meshes.errors import InputError

HOST = "127.0.0.1"

LARGEST_NUMBER_OF_CASES = 2

# takes the address and the port at which browsers can come
Ready = Callable[[str, int], None]


def read_cases(folders: Sequence[Path]) -> list[FinishedCase]:
    """The cases of the folders.

    Raises:
        InputError: there are more than fit beside each other, or one is not the folder of a finished run.
    """
    if len(folders) > LARGEST_NUMBER_OF_CASES:
        raise InputError(
            f"{len(folders)} folders do not fit side by side; name one or two, or 'vertebroplasty report' all of them"
        )
    return [FinishedCase.read(folder) for folder in folders]


def serve(cases: Sequence[FinishedCase], port: int, ready: Ready) -> None:
    """Serve the viewer until it is interrupted.

    Args:
        cases: one finished case, or two side by side.
        port: to listen on; 0 for any that is free.
        ready: called with the address and the port as soon as browsers can come.

    Raises:
        InputError: the port is in use, or not ours to take.
    """
    prepare_trame()
    from experiments.viewer.case_fields import CaseFields
    from experiments.viewer.page import ViewerPage
    from experiments.viewer.side_by_side import SideBySideScene

    with closing(SideBySideScene([CaseFields(case) for case in cases])) as scene:
        serve_page(ViewerPage(scene).server, port, ready)


def serve_plan(
    plan: Plan,
    needles: MovedNeedles,
    source: CaseText,
    title: str,
    port: int,
    ready: Ready,
) -> None:
    """Serve a plan, whose needles can be moved, until it is interrupted.

    Args:
        plan: what is shown.
        needles: of the plan; at least one.
        source: the case file that the moved needles are written for.
        title: of the case.
        port: to listen on; 0 for any that is free.
        ready: called with the address and the port as soon as browsers can come.

    Raises:
        InputError: the port is in use, or not ours to take.
    """
    prepare_trame()
    from experiments.viewer.plan_page import PlanPage
    from experiments.viewer.plan_scene import PlanScene

    with closing(PlanScene(plan)) as scene:
        serve_page(PlanPage(scene, needles, source, title).server, port, ready)


def prepare_trame() -> None:
    """Keep trame from reading the command line of the program, and wslink from printing to standard output."""
    os.environ.update({"TRAME_ARGS": "--server", "WSLINK_READY_MSG": "", "WSLINK_FOLLOW_SYMLINKS": "0"})


def serve_page(server: Any, port: int, ready: Ready, begin: Callable[[], None] | None = None) -> None:
    """Serve a page until it is interrupted.

    Args:
        server: of the page.
        port: to listen on; 0 for any that is free.
        ready: called with the address and the port as soon as browsers can come.
        begin: called before, where tasks can be started.

    Raises:
        InputError: the port is in use, or not ours to take.
    """
    guard = AccessGuard()
    # PETSc, where it was loaded, lets a page that is closed while a picture is on its way end the process
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for name in ("wslink.protocol", "aiohttp.server"):
        logging.getLogger(name).addFilter(_worth_telling)

    def bind(web: Any) -> None:
        web.app.middlewares.insert(0, guard.middleware())

    def started(**_: Any) -> None:
        asyncio.get_running_loop().set_exception_handler(_report)
        if begin is not None:
            begin()
        ready(f"http://{HOST}:{server.port}/?token={guard.token}", server.port)

    server.controller.on_server_bind.add(bind)
    server.controller.on_server_ready.add(started)
    try:
        server.start(
            host=HOST, port=port, timeout=0, open_browser=False, show_connection_info=False, disable_logging=True
        )
    except OSError as error:
        # asyncio's own words tell the address again
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise InputError(f"--port {port}: cannot be listened on ({reason}); choose another --port") from None


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of what went wrong in a task; a page that is closed while a picture is on its way is nothing wrong."""
    if not isinstance(context.get("exception"), ConnectionResetError):
        loop.default_exception_handler(context)


def _worth_telling(record: logging.LogRecord) -> bool:
    """The same of what is logged about an exception, or while one is being handled."""
    error = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
    return not isinstance(error, ConnectionResetError)
