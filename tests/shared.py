"""Expensive things that a test run makes once, in whichever of its processes asks first, and keeps in its folder."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest


class Shared:
    """Values by name, pickled in the folder of the test run; what the processes hold are copies of their own."""

    def __init__(self, folder: Path) -> None:
        """Name the folder, which is there."""
        self.folder = folder
        self._held: dict[str, Any] = {}

    def __call__[T](self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, called by the first process that asks for ``name`` while the others wait."""
        if name not in self._held:
            file = self.folder / f"{name}.pickle"
            with (self.folder / f"{name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not file.exists():
                    made = make()
                    part = file.with_suffix(".part")
                    part.write_bytes(pickle.dumps(made))
                    part.rename(file)
            self._held[name] = pickle.loads(file.read_bytes())
        held: T = self._held[name]
        return held

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is one of those handed out, and so stays what and where it is."""
        return any(value is held for held in self._held.values())


def shared_by(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """What the processes of this test run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return _of_folder(folder)


@cache
def _of_folder(folder: Path) -> Shared:
    return Shared(folder)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Makes something once for all processes of the run: ``shared(name, make)``."""
    return shared_by(tmp_path_factory)
