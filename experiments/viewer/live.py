"""A viewer beside a run, in a process of its own, which is told of each step and holds nothing up."""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import signal
import sys
from multiprocessing.queues import Queue
from typing import TYPE_CHECKING, Any

from experiments.viewer.live_fields import Beginning, LiveFields, LiveStep
from experiments.viewer.serving import Ready, prepare_trame, serve_page
from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.viewer.page import ViewerPage

PATIENCE = 1.0
"""s between two looks, before the injection, whether the run is still there."""

LOOK = 0.1
"""The same in s between two looks for new steps."""


class LiveViewer:
    """The viewer as the run sees it. What it is told is sent from a thread, so that nothing waits for a browser.

    Args:
        port: to listen on; 0 for any that is free.
        ready: called in the viewer's process with its address and port; a function of a module.
    """

    def __init__(self, port: int, ready: Ready) -> None:
        """Start the process, which shows nothing before the injection begins."""
        context = multiprocessing.get_context("spawn")
        self._messages: Queue[Any] = context.Queue()
        # a viewer that is gone reads no more; the run ends nevertheless
        self._messages.cancel_join_thread()
        self._process = context.Process(target=_show, args=(self._messages, port, ready), daemon=True)
        # Ctrl-C reaches every process of a terminal; the viewer's must not break off before it can ignore it
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def tell(self, message: Beginning | LiveStep | str) -> None:
        """Tell of the beginning, then of each step; a text says how the run stands."""
        if self._process.is_alive():
            self._messages.put(message)

    def wait(self) -> None:
        """Let people look until they interrupt it."""
        try:
            self._process.join()
        except KeyboardInterrupt:
            self.close()

    def close(self) -> None:
        """End the viewer."""
        self._process.terminate()
        self._process.join()


def _show(messages: Queue[Any], port: int, ready: Ready) -> None:
    """Serve the viewer until the process is ended, or its run is gone."""
    # what Ctrl-C ends is for the run to say
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_trame()
    from experiments.viewer.page import ViewerPage
    from experiments.viewer.side_by_side import SideBySideScene

    beginning = _next(messages)
    fields = LiveFields(beginning, _next(messages))
    page = ViewerPage(SideBySideScene([fields]))

    def started() -> None:
        page.follow(_follow(messages, fields, page))

    try:
        serve_page(page.server, port, ready, started)
    except InputError as error:
        print(f"warning: {error}; the run goes on without a view", file=sys.stderr, flush=True)


def _next(messages: Queue[Any]) -> Any:
    """The next message; ends the process if the run is gone."""
    while True:
        try:
            return messages.get(timeout=PATIENCE)
        except queue.Empty:
            _end_without_run()


async def _follow(messages: Queue[Any], fields: LiveFields, page: ViewerPage) -> None:
    """Take up what the run tells."""
    status = "injecting"
    while True:
        news = []
        while True:
            try:
                news.append(messages.get_nowait())
            except queue.Empty:
                break
        for message in news:
            if isinstance(message, LiveStep):
                fields.append(message)
            else:
                status = message
        if news:
            page.grow(status)
        _end_without_run()
        await asyncio.sleep(LOOK)


def _end_without_run() -> None:
    run = multiprocessing.parent_process()
    if run is not None and not run.is_alive():
        sys.exit()
