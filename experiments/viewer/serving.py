"""Serving the viewer: to this machine alone, with a token, until Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments.results.finished_case import FinishedCase
from experiments.viewer.access import AccessGuard
from meshes.errors import InputError

HOST = "127.0.0.1"

LARGEST_NUMBER_OF_CASES = 2


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


def serve(cases: Sequence[FinishedCase], port: int, ready: Callable[[str, int], None]) -> None:
    """Serve the viewer until it is interrupted.

    Args:
        cases: one finished case, or two side by side.
        port: to listen on; 0 for any that is free.
        ready: called with the address and the port as soon as browsers can come.

    Raises:
        InputError: the port is in use, or not ours to take.
    """
    # trame reads the command line of the program otherwise, and wslink prints to standard output
    os.environ.update({"TRAME_ARGS": "--server", "WSLINK_READY_MSG": "", "WSLINK_FOLLOW_SYMLINKS": "0"})
    from experiments.viewer.page import ViewerPage
    from experiments.viewer.side_by_side import SideBySideScene

    guard, scene = AccessGuard(), SideBySideScene(cases)
    server = ViewerPage(scene).server

    def bind(web: Any) -> None:
        web.app.middlewares.insert(0, guard.middleware())

    def started(**_: Any) -> None:
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
    finally:
        scene.close()
