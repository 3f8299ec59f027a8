"""The demo's L3 at another size: a body of the mean volume that a clinical series gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from meshes.demo_patient import demo_patient

DEMO_BODY_ML = 39.26
"""Volume of the demo's vertebral body by its mask."""


def scaled_patient(folder: Path, body_ml: float) -> dict[str, Any]:
    """The table ``[patient]`` of the demo's spine, scaled alike in all directions.

    HU and voxels stay and their spacing changes. The files are written once and found again.

    Args:
        folder: for the images.
        body_ml: volume of the scaled L3's body.
    """
    demo = demo_patient()
    own = folder / f"body_{body_ml:g}_ml"
    own.mkdir(parents=True, exist_ok=True)
    paths = {}
    for role, source in (("ct", demo.ct), ("mask", demo.mask), ("subregions", demo.subregions)):
        paths[role] = own / f"{role}.nii"
        if not paths[role].exists():
            _write_scaled(source, paths[role], (body_ml / DEMO_BODY_ML) ** (1.0 / 3.0))
    return {**{role: str(path.resolve()) for role, path in paths.items()}, "level": demo.level, "labels": demo.labels}


def _write_scaled(source: Path, target: Path, factor: float) -> None:
    image = nibabel.nifti1.load(source)
    affine = np.asarray(image.affine) @ np.diag([factor, factor, factor, 1.0])
    scaled = nibabel.nifti1.Nifti1Image(np.asanyarray(image.dataobj), affine)
    part = target.with_suffix(".part.nii")
    nibabel.nifti1.save(scaled, part)
    part.replace(target)
