"""Cement that a CT shows: by a mask or a threshold, and the CT with bone in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.errors import InputError
from meshes.images.image import Image, check_same_grid, read_mask
from meshes.vertebra import Vertebra

RIM = 1
"""Voxels around the cement, across their faces, in which CT mixes it with bone (tag D)."""

SHELL = 3.0
"""mm below the body's surface that do not count as trabecular bone: CT smears the cortex over some 3 mm (tag D)."""

LEAST_VOXELS = 50
"""Trabecular voxels that a median needs (tag D)."""


@dataclass(frozen=True)
class ScannedCement:
    """Cement on the grid of the CT of one vertebra.

    Attributes:
        voxels: (nx, ny, nz) whether a voxel is cement, inside the body and around it.
        inside: its volume in the body in mm3.
        outside: its volume within the margin around the vertebra, but outside of the body, in mm3.
        kind: ``"mask"`` or ``"threshold"``.
        source: where it was read from, in words.
    """

    voxels: NDArray[np.bool_]
    inside: float
    outside: float
    kind: Literal["mask", "threshold"]
    source: str


@dataclass(frozen=True)
class BoneUnderCement:
    """What stands in for the bone that cement hides.

    Attributes:
        vertebra: the vertebra, with ``value`` in the CT where the body is cement or at its rim.
        value: median of the trabecular bone that is left, in the units of the CT.
        volume: of the body's voxels that were replaced, in mm3.
    """

    vertebra: Vertebra
    value: float
    volume: float


def read_cement_mask(path: Path, vertebra: Vertebra) -> ScannedCement:
    """Read a mask of cement on the grid of the CT; every number but 0 is cement.

    Args:
        path: NIfTI file, of the whole CT or of a part that holds the vertebra and the margin around it.
        vertebra: vertebra that holds the cement.

    Raises:
        InputError: unreadable, on another grid, empty, or without cement in the body.
    """
    image = read_mask(path, "cement mask")
    if not image.values.any():
        raise InputError(f"cement mask {path} is empty: all its voxels are 0; export the segmentation again")
    return _scanned(on_voxels(image, vertebra, "cement mask") != 0, vertebra, "mask", f"cement mask {path}")


def cement_by_threshold(vertebra: Vertebra, low: float, high: float) -> ScannedCement:
    """Take what lies between two CT numbers, both included, as cement.

    Args:
        vertebra: a post-operative scan.
        low: HU.
        high: HU.

    Raises:
        InputError: the body holds no such voxel.
    """
    ct = vertebra.ct.values
    return _scanned(
        (ct >= low) & (ct <= high), vertebra, "threshold", f"CT {vertebra.ct.path} from {low:g} to {high:g} HU"
    )


def bone_under_cement(cement: ScannedCement, vertebra: Vertebra) -> BoneUnderCement:
    """Put the trabecular median in the place of all cement, leaked one too, and of the rim of one voxel around it.

    Trabecular bone is what lies 3 mm or more below the body's surface and outside of the cement and its rim.

    Raises:
        InputError: the cement leaves too little bone to take a median from.
    """
    hidden = ndimage.binary_dilation(cement.voxels, iterations=RIM)
    depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
    trabecular = (depth >= SHELL) & ~hidden
    if trabecular.sum() < LEAST_VOXELS:
        raise InputError(
            f"{cement.source} leaves {int(trabecular.sum())} voxels of trabecular bone in {vertebra.level}, but the "
            f"density under the cement is taken from {LEAST_VOXELS} at least; check the mask or raise the threshold"
        )
    value = float(np.median(vertebra.ct.values[trabecular]))
    values = np.where(hidden, np.float32(value), vertebra.ct.values)
    return BoneUnderCement(
        replace(vertebra, ct=replace(vertebra.ct, values=values)),
        value,
        float((hidden & vertebra.body).sum()) * vertebra.ct.voxel_volume,
    )


def on_voxels(image: Image, vertebra: Vertebra, what: str) -> NDArray[np.int32]:
    """The part of a mask on the voxels of a vertebra's CT.

    Args:
        image: mask on the grid of the whole CT, or of a part of it that holds what is kept of it.
        vertebra: whose CT.
        what: how messages call the mask.

    Raises:
        InputError: it lies on another grid.
    """
    ct = vertebra.ct
    start = np.rint(image.to_indices(ct.affine[:3, 3])).astype(int)
    stop = start + ct.values.shape
    if (start < 0).any() or (stop > image.values.shape).any():
        raise InputError(
            f"{what} {image.path} and CT {ct.path} lie on different grids: the mask does not cover "
            f"{vertebra.level} and {vertebra.margin:g} mm around it; resample the mask onto the CT with nearest "
            "neighbour"
        )
    first, second, third = (slice(low, high) for low, high in zip(start.tolist(), stop.tolist(), strict=True))
    part = image.crop((first, second, third))
    check_same_grid(ct, part, what)
    return part.values


def _scanned(
    voxels: NDArray[np.bool_], vertebra: Vertebra, kind: Literal["mask", "threshold"], source: str
) -> ScannedCement:
    inside, around = int((voxels & vertebra.body).sum()), int((voxels & ~vertebra.body).sum())
    volume = vertebra.ct.voxel_volume
    if inside == 0:
        raise InputError(
            f"{source} shows no cement in the body of {vertebra.level} ({around * volume / 1000:.2g} ml within "
            f"{vertebra.margin:g} mm around it); check the level, the mask or the threshold"
        )
    return ScannedCement(voxels, inside * volume, around * volume, kind, source)
