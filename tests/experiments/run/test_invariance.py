"""What must not matter does not: the voxel order of a lesion's mask and the kind of processor."""

import copy
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from test_pipeline import differences

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.model.preparation import Preparation, prepare
from experiments.results.progress import Progress
from meshes.demo_patient import DemoPatient

PLAIN = """
mesh = { size_mm = 4.0, needle_size_mm = 1.4 }
outside = { canal_kpa = 1.5, disc_kpa = 4.0, veins_kpa = 0.5, soft_tissue_kpa = 1.0 }
output = { pictures = false, field_times = 2 }
mechanics = { degree = 1 }
injection = { order = "together", leak_limit_ml = 0.03 }
veins = { network = "none", basivertebral_number = 0 }

[patient]
demo = true

[[needles]]
side = "left"
left = 0.35
depth = 0.45
volume_ml = 0.8
withdraw_mm = 3.0

[[needles]]
side = "right"
left = -0.35
depth = 0.82
opening = "side"
boluses = [{ volume_ml = 0.1 }, { volume_ml = 3.0, pause_before_s = 10.0 }]

[[lesions]]
kind = "osteolytic"
fraction = 0.3
growth = "rapid"
destroys_walls = false

[[defects]]
wall = "posterior_wall"
left = -0.35
height = 0.5
diameter_mm = 10.0
"""
"""Two needles at once, one with a pause, a lesion, pressures outside, and a leak that ends it long before all is in."""

PROCEDURE = f"""{PLAIN}
[[cavities]]
kind = "balloon"
left = 0.35
depth = 0.4
height = 0.5
volume_ml = 0.8
"""
"""The same with a cavity."""


def prepared(folder: Path) -> Preparation:
    lesion = {"kind": "osteolytic", "label": 3, "mask": "lesion.nii.gz"}
    mesh = {"size_mm": 4.0, "needle_size_mm": 1.4}
    content = {"patient": {"demo": True}, "mesh": mesh, "veins": {"network": "none"}, "lesions": [lesion]}
    case = build_case(content, "case.toml", folder)
    return prepare(case, Laws.of_case(case), Progress())


@pytest.mark.parametrize("order", ["SRA", *(pytest.param(order, marks=pytest.mark.slow) for order in ("RAS", "LPI"))])
def test_a_lesion_mask_in_another_voxel_order_is_the_same_lesion(
    order: str, demo_files: DemoPatient, tmp_path: Path
) -> None:
    image = nib.load(demo_files.mask)
    # A box in one corner of the body, so that every exchange or turn of axes moves it.
    first, last = (np.argwhere(np.asanyarray(image.dataobj) == 22).mean(axis=0) + step for step in (-9.0, 3.0))
    voxels = np.moveaxis(np.indices(image.shape), 0, -1)
    values = 3 * ((voxels >= first) & (voxels <= last * [1.0, 1.05, 0.95])).all(axis=-1).astype(np.int16)
    lesion = nib.Nifti1Image(values, image.affine)
    nib.save(lesion, tmp_path / "lesion.nii.gz")
    expected = prepared(tmp_path).tissues
    turned = lesion.as_reoriented(ornt_transform(io_orientation(lesion.affine), axcodes2ornt(order)))
    assert turned.shape != lesion.shape or not np.array_equal(turned.affine, lesion.affine)
    nib.save(turned, tmp_path / "lesion.nii.gz")
    found = prepared(tmp_path).tissues
    assert expected.summary["lesion_1"].volume_ml > 0.3
    assert found.summary["lesion_1"].volume_ml == pytest.approx(expected.summary["lesion_1"].volume_ml, rel=1e-6)
    assert np.array_equal(found.cells["lesion_1"], expected.cells["lesion_1"])


def results_of(
    folder: Path, name: str, *launcher: str, procedure: str = PROCEDURE, **environment: str
) -> dict[str, Any]:
    """What a procedure's run writes, in a process of its own."""
    (folder / "case.toml").write_text(procedure)
    command = [*launcher, sys.executable, "-m", "vertebroplasty", "run", "case.toml", "-o", name]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder, env=variables)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads((folder / name / "results.json").read_text())
    return results


def check_equal(*results: dict[str, Any]) -> None:
    """Whether two results agree to six digits."""
    results = copy.deepcopy(results)
    injection = results[0]["injection"]
    assert injection["stop_reason"] == "leak_limit:canal_posterior_wall"
    assert all(needle["injected_ml"] > 0.2 for needle in injection["needles"])
    for state in ("intact", "augmented"):
        # Couplings that all but vanish, such as of shear and bending, are measured by the stiffnesses that they couple.
        first, second = (np.array(found["stiffness"][state].pop("matrix")) for found in results)
        scale = np.sqrt(np.diag(first))
        assert np.abs((first - second) / np.outer(scale, scale)).max() <= 1e-6
    assert differences(*results, 1e-6) == []


OLDER_PROCESSOR = {"OPENBLAS_CORETYPE": "Prescott", "NUMBA_CPU_NAME": "x86-64"}
"""What OpenBLAS and numba do on a processor with neither AVX nor fused operations."""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of another kind")
def test_an_older_processor_gives_the_results_of_this_one(tmp_path: Path) -> None:
    check_equal(results_of(tmp_path, "this"), results_of(tmp_path, "older", **OLDER_PROCESSOR))


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of another kind")
def test_an_older_processor_makes_the_same_mesh_to_the_bit() -> None:
    variables = [{**os.environ, **environment} for environment in ({}, OLDER_PROCESSOR)]
    found = [
        subprocess.run([sys.executable, "-c", MESH], capture_output=True, check=True, env=env) for env in variables
    ]
    assert len(found[0].stdout) == 64
    assert found[0].stdout == found[1].stdout


MESH = """
import hashlib
import sys

from meshes.body_mesh import mesh_body
from meshes.demo_patient import demo_patient
from meshes.sampling import voxel_weights
from meshes.vertebra import read_vertebra

files = demo_patient()
vertebra = read_vertebra(files.ct, files.mask, files.level, subregions=files.subregions)
mesh = mesh_body(vertebra, 2.0)
weights = voxel_weights(mesh, vertebra)
parts = [mesh.points, mesh.cells, *mesh.facet_regions.values(), weights.data, weights.indices]
sys.stdout.write(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""
