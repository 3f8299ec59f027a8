"""What a run tells while it goes on: the log of the library on standard error, on rank 0, above the bars."""

from __future__ import annotations

import logging

from rich.console import Console
from rich.logging import RichHandler

from experiments.cli.exit_codes import rank

PACKAGES = ("experiments", "fem", "materials", "meshes")
"""Whose log is shown; other packages speak as they do anywhere."""

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""Level of none, one and two ``-v``."""


def show_log(verbosity: int) -> Console:
    """Show the log.

    Args:
        verbosity: number of ``-v``; at 0 only warnings are shown, as Python does by itself.

    Returns:
        The console that the log goes to, for all else that is shown meanwhile.
    """
    console = Console(stderr=True)
    if not verbosity or rank() != 0:
        return console
    handler = RichHandler(console=console, show_path=False) if console.is_terminal else logging.StreamHandler()
    if not console.is_terminal:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for package in PACKAGES:
        logger = logging.getLogger(package)
        logger.addHandler(handler)
        logger.setLevel(LEVELS[min(verbosity, 2)])
    return console
