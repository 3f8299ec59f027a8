"""A small vertebra as images: body, arch and canal on voxels of 2 mm, cheap to read many times."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

SPACING = 2.0
SHAPE = (30, 36, 22)
LABEL = 22
ARCH, CORPUS = 41, 50


@dataclass(frozen=True)
class PhantomFiles:
    """Files of the phantom."""

    ct: Path
    mask: Path
    subregions: Path


def subregions() -> NDArray[np.uint8]:
    """(nx, ny, nz) arch and corpus in LPS voxel order: an elliptic cylinder with a ring behind it."""
    x, y, z = SPACING * (np.indices(SHAPE) + 0.5)
    body = ((x - 30.0) / 20.0) ** 2 + ((y - 22.0) / 15.0) ** 2 < 1.0
    from_canal = np.hypot(x - 30.0, y - 48.0)
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[(from_canal > 8.0) & (from_canal < 15.0) & (z > 12.0) & (z < 28.0)] = ARCH
    values[body & (z > 8.0) & (z < 36.0)] = CORPUS
    return values


def hounsfield() -> NDArray[np.int16]:
    """(nx, ny, nz) HU: soft tissue with fat, trabecular bone, and a shell that voxels of 2 mm blur."""
    noise = np.random.default_rng(7).integers(-20, 20, SHAPE)
    bone = subregions() > 0
    inner = bone.copy()
    for axis in range(3):
        inner &= np.roll(bone, 1, axis) & np.roll(bone, -1, axis)
    return (np.where(bone, np.where(inner, 120, 500), -60) + noise).astype(np.int16)


def affine_ras() -> NDArray[np.float64]:
    """(4, 4) from voxel indices in LPS order to RAS mm."""
    affine = np.diag([-SPACING, -SPACING, SPACING, 1.0])
    affine[:3, 3] = [40.0, 25.0, -310.0]
    return affine


def save(path: Path, values: NDArray, affine: NDArray | None = None) -> Path:
    nib.save(nib.Nifti1Image(values, affine_ras() if affine is None else affine), path)
    return path


def write_phantom(folder: Path) -> PhantomFiles:
    parts = subregions()
    return PhantomFiles(
        ct=save(folder / "ct.nii", hounsfield()),
        mask=save(folder / "mask.nii", (LABEL * (parts > 0)).astype(np.uint8)),
        subregions=save(folder / "subregions.nii", parts),
    )
