"""Directions of a vertebra, from its own shape and landmarks.

The superior axis is the bisector of the endplates. The left axis follows the paired processes of the arch where they
are labelled, otherwise the centroids of body and arch, otherwise the image's posterior direction. Everything is
measured in grid millimetres, so the axes turn exactly with the image. Neighbours play no part: they may be missing or
cut off.

TPTBox's own endplate landmarks lie on the rim, along a spline through the neighbours. On the demo patient, resampled in
nine orientations, their superior axis scatters by 0.6 degrees and leans 2 degrees off the endplates, and their left
axis scatters by 0.9; the endplates scatter by 0.3 and the processes by 0.1 degrees. TPTBox's landmarks serve as an
independent check in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.endplates import Endplates, fit_endplates
from meshes.errors import InputError
from meshes.frame import orthonormal_axes
from meshes.images.image import Image
from meshes.interpolation import linear_values

PROCESS_PAIRS = ((43, 44), (45, 46), (47, 48))
"""TPTBox numbers, left and right, of the costal, superior articular and inferior articular processes."""


@dataclass(frozen=True)
class VertebraAxes:
    """Directions of a vertebra and how they were found.

    Attributes:
        axes: (3, 3) rows left, posterior, superior in LPS.
        method: ``"landmarks"`` where processes are labelled, otherwise ``"principal_axes"``.
        description: how, for the manifest.
        endplates: the fitted endplates, normals in grid axes.
    """

    axes: NDArray[np.float64]
    method: str
    description: str
    endplates: Endplates


def find_axes(
    body: NDArray[np.bool_], arch: NDArray[np.bool_], grid: Image, subregions: NDArray[np.int32] | None
) -> VertebraAxes:
    """Find the anatomical directions of one vertebra.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        arch: (nx, ny, nz) mask of the rest of the vertebra; may be empty.
        grid: image in LPS voxel order whose grid the masks lie on.
        subregions: (nx, ny, nz) TPTBox subregions, or None.

    Raises:
        InputError: the labels of left and right processes lie on the other side of the image.
    """
    # Rounded, so that spacings recovered from a turned affine give the very same axes.
    spacing = np.round(grid.spacing, 6)
    endplates = fit_endplates(body, spacing, np.array([0.0, 0.0, 1.0]))
    superior = endplates.bisector
    left, pairs = _left_by_processes(arch, subregions, spacing)
    if left is not None:
        method = "landmarks"
        description = f"bisector of the endplates and {pairs} pairs of processes"
        if left[0] <= 0:
            raise InputError(
                "the subregion labels of the left processes (43, 45, 47) lie on the patient's right; the subregion "
                "mask or the orientation in its header is mirrored, so export it again"
            )
    elif arch.any():
        method = "principal_axes"
        description = "bisector of the endplates and the centroids of body and arch (no labelled processes)"
        posterior = (np.argwhere(arch).mean(axis=0) - np.argwhere(body).mean(axis=0)) * spacing
        left = np.cross(posterior, superior)
    else:
        method = "principal_axes"
        description = "bisector of the endplates and the body's principal axis nearest to the image's left (no arch)"
        left = _principal_axis_nearest_left(body, spacing, superior)
    axes = orthonormal_axes(left, superior)
    return VertebraAxes(axes @ (grid.affine[:3, :3] / grid.spacing).T, method, description, endplates)


def mirror_agreement(
    body: NDArray[np.bool_], grid: Image, origin: NDArray[np.float64], left: NDArray[np.float64]
) -> float:
    """Dice overlap of a body with its mirror image across the midsagittal plane; 1 is perfect symmetry.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        grid: image whose grid the mask lies on.
        origin: (3,) a point of the plane in LPS mm.
        left: (3,) unit normal of the plane in LPS.
    """
    points = grid.to_world(np.argwhere(body))
    mirrored = points - 2.0 * ((points - origin) @ left)[:, None] * left
    inside = linear_values(body.astype(np.float32), grid.to_indices(mirrored))
    return float((inside >= 0.5).mean())


def _left_by_processes(
    arch: NDArray[np.bool_], subregions: NDArray[np.int32] | None, spacing: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, int]:
    """Sum of the vectors from right to left processes, so that wide pairs, whose direction is surer, weigh more."""
    if subregions is None:
        return None, 0
    vectors = []
    for numbers in PROCESS_PAIRS:
        sides = [np.argwhere(arch & (subregions == number)) for number in numbers]
        if all(len(side) for side in sides):
            vectors.append((sides[0].mean(axis=0) - sides[1].mean(axis=0)) * spacing)
    return (np.sum(vectors, axis=0), len(vectors)) if vectors else (None, 0)


def _principal_axis_nearest_left(
    body: NDArray[np.bool_], spacing: NDArray[np.float64], superior: NDArray[np.float64]
) -> NDArray[np.float64]:
    points = np.argwhere(body) * spacing
    points -= points.mean(axis=0)
    across = points - (points @ superior)[:, None] * superior
    _, directions = np.linalg.eigh(across.T @ across)
    candidates = directions[:, 1:].T
    nearest = candidates[np.argmax(np.abs(candidates[:, 0]))]
    return nearest * np.sign(nearest[0])
