import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import ready_demo
from evidence import (  # noqa: F401  (pytest finds them here)
    evidence,
    pytest_addoption,
    pytest_collection_finish,
    pytest_deselected,
    pytest_runtest_protocol,
)
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from ranks import on_ranks  # noqa: F401
from shared import Shared, shared  # noqa: F401

from meshes.demo_patient import DemoPatient, demo_patient
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes of the tests share the cores
os.environ.setdefault("MPIR_CVAR_POLLS_BEFORE_YIELD", "1")  # ranks that wait for others let these compute
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # and what others of them have compiled

TESTS = Path(__file__).parent
FIRST = ("experiments/export/test_export.py", "experiments/cli/test_cli.py", "experiments/pictures/test_figures.py")
"""What begins: in a new clone the first lets numba compile, while the other process of two needs nothing of that."""

FAST_FOLDERS = ("materials", "meshes", "fem/pressure", "fem/measures", "experiments/case", "experiments/sweep")
"""Where a test is fast, unless it takes the real patient or a finished run, or starts ranks."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare ``-m fast`` the import of modules that hold no fast test."""
    if config.getoption("markexpr") != "fast" or not collection_path.is_relative_to(TESTS):
        return None
    folder = collection_path if collection_path.is_dir() else collection_path.parent
    near = any(folder.is_relative_to(TESTS / fast) or (TESTS / fast).is_relative_to(folder) for fast in FAST_FOLDERS)
    return None if near else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests, and let the modules without any begin, so that no process ends long after the others."""
    long = set()
    for item in items:
        folder = item.path.parent.relative_to(TESTS)
        inside = any(folder.is_relative_to(fast) for fast in FAST_FOLDERS)
        marks = {mark.name for mark in item.iter_markers()}
        if inside and "shared" not in item.fixturenames and not marks & {"slow", "image", "mpi", "calculix"}:
            item.add_marker("fast")
        else:
            long.add(item.path)
    order = {TESTS / name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: (order.get(item.path, len(FIRST)), item.path not in long))


@pytest.fixture(scope="session")
def demo_files() -> DemoPatient:
    """Paths of the demo patient's CT and masks."""
    return demo_patient()


@pytest.fixture(scope="session")
def demo_vertebra(shared: Shared) -> Vertebra:  # noqa: F811
    """L3 of the demo patient, read with its subregions."""
    return ready_demo.demo_vertebra(shared)


@pytest.fixture(scope="session")
def demo_mesh(shared: Shared) -> Callable[..., TetMesh]:  # noqa: F811
    """Mesh of the demo patient's body by its size in mm, refinements and holes, made once for each."""
    return partial(ready_demo.demo_mesh, shared)


@pytest.fixture(scope="session")
def rewrite(demo_files: DemoPatient) -> Callable[..., DemoPatient]:
    """Write the demo patient's three files again: in another voxel order, turned, or with changed values."""

    def write(
        folder: Path,
        order: str | None = None,
        rotation: NDArray[np.float64] | None = None,
        change: Callable[[str, NDArray], NDArray] | None = None,
    ) -> DemoPatient:
        paths = {}
        for name in ("ct", "mask", "subregions"):
            image = nib.load(getattr(demo_files, name))
            if order is not None:
                image = image.as_reoriented(ornt_transform(io_orientation(image.affine), axcodes2ornt(order)))
            values, affine = np.asanyarray(image.dataobj), image.affine
            if rotation is not None:
                affine = np.block([[rotation, np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]]) @ affine
            if change is not None:
                values = change(name, values)
            paths[name] = folder / f"{name}.nii.gz"
            nib.save(nib.Nifti1Image(values, affine), paths[name])
        return DemoPatient(**paths)

    return write
