"""What a run depends on: versions of the packages, of Python and of the platform."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

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
