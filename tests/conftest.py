import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from evidence import (  # noqa: F401  (pytest finds them here)
    evidence,
    pytest_addoption,
    pytest_collection_finish,
    pytest_deselected,
    pytest_runtest_protocol,
)
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from shared import Shared, shared  # noqa: F401  (pytest finds it here)

from meshes.body_mesh import mesh_body
from meshes.demo_patient import DemoPatient, demo_patient
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes of the tests share the cores


@pytest.fixture(scope="session")
def demo_files() -> DemoPatient:
    """Paths of the demo patient's CT and masks."""
    return demo_patient()


@pytest.fixture(scope="session")
def demo_vertebra(demo_files: DemoPatient, shared: Shared) -> Vertebra:  # noqa: F811
    """L3 of the demo patient, read with its subregions."""
    files = demo_files
    return shared("vertebra", lambda: read_vertebra(files.ct, files.mask, files.level, subregions=files.subregions))


@pytest.fixture(scope="session")
def demo_mesh(demo_vertebra: Vertebra, shared: Shared) -> Callable[..., TetMesh]:  # noqa: F811
    """Mesh of the demo patient's body by its size in mm and its refinements, made once for each."""

    def mesh(size: float, refinements: Sequence[Refinement] = ()) -> TetMesh:
        finer = list(refinements)
        name = hashlib.sha256(repr((float(size), finer)).encode()).hexdigest()
        return shared(f"mesh-{name[:16]}", lambda: mesh_body(demo_vertebra, size, finer))

    return mesh


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
