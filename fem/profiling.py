"""Stages and events of PETSc's log, by which ``-log_view`` tells where the time of a run goes.

Stages are the parts of a run one after the other, events what happens again and again within them. The name of an
event has at most 16 letters, the width of its column.
"""

from __future__ import annotations

from contextlib import ContextDecorator

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

_CLASS = PETSc.Log.Class("vertebroplasty")


class Stage(ContextDecorator):
    """A stage, around a block or every call of a function."""

    def __init__(self, name: str) -> None:
        """Register the stage, or find the one of this name."""
        self._stage = PETSc.Log.Stage(name)

    def __enter__(self) -> None:
        """Begin the stage."""
        self._stage.push()

    def __exit__(self, *_: object) -> None:
        """Go back to the stage before."""
        self._stage.pop()


class Event(ContextDecorator):
    """An event, around a block or every call of a function."""

    def __init__(self, name: str) -> None:
        """Register the event, or find the one of this name."""
        self._event = PETSc.Log.Event(name, _CLASS)

    def __enter__(self) -> None:
        """Begin the event."""
        self._event.begin()

    def __exit__(self, *_: object) -> None:
        """End the event."""
        self._event.end()
