"""What a run depends on: versions of the packages, of Python and of the platform."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "vertebroplasty",
    "TPTBox",
    "SimpleITK",
    "dolfinx-solver-real",
    "gmsh",
    "h5py",
    "mpich",
    "nibabel",
    "numba",
    "numpy",
    "pyacvd",
    "pydantic",
    "pyvista",
    "scipy",
    "vtk",
)
"""Distributions whose versions can change a result."""


def versions() -> dict[str, str]:
    """Package -> version, with ``python`` and ``platform``; ``"missing"`` where a package is not installed."""
    listing = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            listing[name] = version(name)
        except PackageNotFoundError:
            listing[name] = "missing"
    return listing


def command() -> str:
    """The command line as it was given; that of a script, of a notebook's kernel or of a worker where it is theirs."""
    program = Path(sys.argv[0])
    name = (
        "vertebroplasty"
        if program.stem == "vertebroplasty" or program.parent.name == "vertebroplasty"
        else program.name
    )
    return shlex.join([name or "python", *sys.argv[1:]])


def now() -> str:
    """Date and time, as ISO 8601 with the offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
