"""Meshes that the cases of a sweep share: made once, kept as files named by what they follow from."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.case.identity import code_version
from meshes.tetmesh import TetMesh


@dataclass(frozen=True)
class SharedMeshes:
    """Makes meshes, or finds them made.

    Attributes:
        folder: where they are kept; where it cannot be written they are made again for every case.
    """

    folder: Path

    def __call__(self, function: Callable[..., TetMesh], *arguments: Any) -> TetMesh:
        """The mesh that a function of :mod:`meshes` makes of its arguments."""
        digest = hashlib.sha256()
        for part in (code_version(), function.__qualname__, *arguments):
            _feed(digest, part)
        path = self.folder / f"{digest.hexdigest()}.npz"
        with _alone(path.with_suffix(".lock")) as possible:
            if not possible:
                return function(*arguments)
            if path.exists():
                return TetMesh.load(path)
            mesh = function(*arguments)
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
