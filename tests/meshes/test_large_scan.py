"""A scan of 512 x 512 x 800 voxels to the mesh of one vertebra: memory and processor time, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from meshes.demo_patient import DemoPatient

SHAPE, CORNER = (512, 512, 800), (200, 220, 380)
MOST_MEMORY_GB, LONGEST_S = 3.0, 20.0

READING = """
import resource, sys, time
from pathlib import Path
from meshes.body_mesh import mesh_body
from meshes.vertebra import read_vertebra
start = time.process_time()
ct, mask, subregions = (Path(name) for name in sys.argv[1:])
mesh = mesh_body(read_vertebra(ct, mask, "L3", "verse", subregions), 1.5)
print(mesh.volume, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time() - start)
"""


def padded(files: DemoPatient, folder: Path) -> list[Path]:
    """The demo patient in a scan full of noisy air, and in masks that are empty around it."""
    noise = np.random.default_rng(0).integers(-1020, -980, (SHAPE[0] // 8, *SHAPE[1:])).astype(np.int16)
    paths = []
    for name in ("ct", "mask", "subregions"):
        image = nib.load(getattr(files, name))
        values = np.asanyarray(image.dataobj)
        large = np.tile(noise, (8, 1, 1)) if name == "ct" else np.zeros(SHAPE, dtype=np.uint8)
        large[tuple(slice(start, start + size) for start, size in zip(CORNER, values.shape, strict=True))] = values
        affine = image.affine.copy()
        affine[:3, 3] -= affine[:3, :3] @ CORNER
        paths.append(folder / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(large, affine), paths[-1])
    return paths


@pytest.mark.slow
def test_a_large_scan_needs_little_memory_and_time(demo_files: DemoPatient, tmp_path: Path) -> None:
    paths = padded(demo_files, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", READING, *map(str, paths)], check=True, capture_output=True, text=True, timeout=600
    )
    volume, memory_kb, seconds = map(float, done.stdout.split()[-3:])
    print(f"{memory_kb / 1024**2:.2f} GB, {seconds:.1f} s")
    assert volume == pytest.approx(39.3e3, rel=0.02)
    assert memory_kb / 1024**2 < MOST_MEMORY_GB
    assert seconds < LONGEST_S
