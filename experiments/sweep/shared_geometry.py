"""Meshes that the cases of a sweep share, and what follows from them and the images alone.

Meshes are made once and kept as files named by what they follow from; each process remembers what it used last.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast, get_type_hints

import numpy as np

from experiments.case.identity import code_version
from meshes.tetmesh import TetMesh

REMEMBERED = 12
"""Results that a process remembers: of two or three bodies, some 10 MB each on a mesh of 3 mm."""


@dataclass(frozen=True)
class SharedGeometry:
    """Calls pure functions of :mod:`meshes`, or knows what they gave for equal arguments.

    Attributes:
        folder: where meshes are kept; where it cannot be written every process makes its own.
    """

    folder: Path
    _results: OrderedDict[str, Any] = field(default_factory=OrderedDict, repr=False, compare=False)

    def __call__[Result](self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What ``function`` makes of its arguments."""
        digest = hashlib.sha256()
        for part in (code_version(), function.__module__, function.__qualname__, *arguments):
            _feed(digest, part)
        name = digest.hexdigest()
        if name not in self._results:
            self._results[name] = self._made(name, function, arguments)
            if len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        self._results.move_to_end(name)
        return cast("Result", self._results[name])

    def _made(self, name: str, function: Callable[..., object], arguments: tuple[Any, ...]) -> object:
        """Load a mesh, or make and keep it; all else is computed, without waiting for other processes."""
        if get_type_hints(function).get("return") is not TetMesh:
            return function(*arguments)
        path = self.folder / f"{name}.npz"
        with _alone(path.with_suffix(".lock")) as possible:
            if possible and path.exists():
                return TetMesh.load(path)
            mesh = cast("TetMesh", function(*arguments))
            if possible:
                with suppress(OSError):
                    mesh.save(path)
            return mesh


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Let one process at a time into the block, or tell that there is no such file to agree on."""
    try:
        path.parent.mkdir(exist_ok=True)
        file = path.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        yield False
        return
    with file:
        yield True


def _feed(digest: Any, value: Any) -> None:
    """Add a value to a checksum: arrays by content, data classes by their fields, all else as Python writes it."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for item in fields(value):
            _feed(digest, getattr(value, item.name))
    elif isinstance(value, Mapping):
        _feed(digest, tuple(value.items()))
    elif isinstance(value, tuple | list):
        digest.update(f"{len(value)}".encode())
        for entry in value:
            _feed(digest, entry)
    else:
        digest.update(f"{value!r};".encode())
