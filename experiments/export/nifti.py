"""Volumes on the voxels of a CT as NIfTI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pyvista
from numpy.typing import NDArray

from experiments.results.finished_case import FinishedCase
from experiments.results.grids import cells_around
from meshes.images.grids import RAS_TO_LPS
from meshes.images.image import Image

SCANNER = 1
"""``sform_code`` and ``qform_code`` of coordinates in the scanner's frame."""

FINEST = 0.75
"""mm between the points over which a voxel's value is averaged, at most."""


def write_nifti(path: Path, image: Image, intent: str = "", step: float = 0.0) -> Path:
    """Write an image so that every reader finds it where the CT is.

    Args:
        path: file that ends in .nii or .nii.gz.
        image: values with the affine to the scanner's LPS mm; NIfTI has RAS, so x and y change sign here.
        intent: what the values are, at most 15 letters.
        step: s between the images, where the values have a fourth dimension.
    """
    values: NDArray[Any] = np.asarray(image.values)
    file = nib.Nifti1Image(values, RAS_TO_LPS @ image.affine)
    file.set_sform(file.affine, SCANNER)
    file.set_qform(file.affine, SCANNER)
    file.header.set_xyzt_units("mm", "sec")
    file.header["intent_name"] = intent
    if values.ndim == 4:
        file.header.set_zooms((*file.header.get_zooms()[:3], step))
    nib.save(file, path)
    return path


def saturation_on_scan(case: FinishedCase, step: int = -1) -> Image:
    """The cement's saturation on the voxels of the CT around the vertebra.

    Every voxel has the mean over points in it that lie no further apart than :data:`FINEST`; outside of the body the
    saturation is 0.

    Args:
        case: a finished case.
        step: stored time; negative steps count from the end.

    Returns:
        (nx, ny, nz) single precision, with the affine of :meth:`experiments.results.finished_case.FinishedCase.ct`.
    """
    ct, mesh = case.ct(), case.mesh
    corners = ct.to_indices(case.frame.to_scanner(mesh.points))
    low = np.maximum(np.floor(corners.min(axis=0) - 0.5).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0) + 0.5).astype(int) + 1, ct.values.shape)
    counts = np.ceil(ct.spacing / FINEST).astype(int)
    axes = [
        start + (np.arange((end - start) * count) + 0.5) / count - 0.5
        for start, end, count in zip(low, high, counts, strict=True)
    ]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = case.frame.to_frame(ct.to_world(indices.reshape(-1, 3)))
    cells = cells_around(mesh, pyvista.PolyData(points))
    values = np.append(case.saturation(step), 0.0)[cells]
    (nx, ny, nz), (kx, ky, kz) = high - low, counts
    saturation = np.zeros(ct.values.shape, dtype=np.float32)
    window = tuple(slice(start, end) for start, end in zip(low, high, strict=True))
    saturation[window] = values.reshape(nx, kx, ny, ky, nz, kz).mean(axis=(1, 3, 5))
    return Image(saturation, ct.affine)
