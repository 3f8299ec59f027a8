"""Cement that a CT shows: by a mask or a threshold, and the CT with bone in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.errors import InputError
from meshes.images.image import Image, Mask, check_same_grid, read_mask
from meshes.images.regrid import looked_up, whole_voxels
from meshes.images.segments import is_cement
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
        resampled: a sentence if its mask was resampled, else "".
    """

    voxels: NDArray[np.bool_]
    inside: float
    outside: float
    kind: Literal["mask", "threshold"]
    source: str
    resampled: str = ""


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


def read_cement_mask(path: Path, vertebra: Vertebra, resample: bool = False) -> ScannedCement:
    """Read a mask of cement on the grid of the CT.

    Every number but 0 is cement. Of a file with several named segments those count whose names hold "cement" or "PMMA".

    Args:
        path: file of one of :data:`meshes.images.formats.SEGMENTATIONS`, of the whole CT or of a part that holds the
            vertebra and the margin around it.
        vertebra: vertebra that holds the cement.
        resample: whether to resample a mask on another grid onto that of the CT, with nearest neighbour.

    Raises:
        InputError: unreadable, on another grid, empty, without cement in the body, or with several segments of which
            none is named as cement.
    """
    image = read_mask(path, "cement mask", is_cement)
    if not image.values.any():
        raise InputError(f"cement mask {path} is empty: all its voxels are 0; export the segmentation again")
    if len(image.names) > 1:
        cement = [number for number, name in image.names.items() if is_cement(name)]
        if not cement:
            raise InputError(
                f"cement mask {path} has the segments {', '.join(image.names.values())}, none of which is named as "
                "cement; rename it or export it alone"
            )
        image = replace(image, values=np.where(np.isin(image.values, cement), image.values, 0))
    voxels = on_voxels(image, vertebra, "cement mask", resample)
    resampled = whole_voxels(vertebra.ct, image) is None
    told = f"the cement mask {path} lies on another grid than the CT and was resampled onto it with nearest neighbour"
    return replace(_scanned(voxels != 0, vertebra, "mask", f"cement mask {path}"), resampled=told if resampled else "")


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


def on_voxels(image: Mask, vertebra: Vertebra, what: str, resample: bool = False) -> NDArray[Any]:
    """The part of a mask on the voxels of a vertebra's CT.

    Args:
        image: mask on the grid of the whole CT, or of a part of it that holds what is kept of it.
        vertebra: whose CT.
        what: how messages call the mask.
        resample: whether to look up a mask on another grid with nearest neighbour.

    Raises:
        InputError: it lies on another grid.
    """
    ct = vertebra.ct
    aligned = whole_voxels(ct, image) is not None
    if (aligned and image.part_of_scan) or (resample and not aligned):
        return looked_up(ct, image)
    start = np.rint(image.to_indices(ct.affine[:3, 3])).astype(int)
    beyond = int(bool(vertebra.cut))  # layers of voxels that the image of a vertebra that it cuts has more than the CT
    if (start < -beyond).any() or (start + ct.values.shape > np.array(image.values.shape) + beyond).any():
        raise InputError(
            f"{what} {image.path} and CT {ct.path} lie on different grids: the mask does not cover "
            f"{vertebra.level} and {vertebra.margin:g} mm around it; resample the mask onto the CT with nearest "
            "neighbour, as --resample or patient.resample = true do"
        )
    if not aligned:
        check_same_grid(ct, _nearest_part(image, ct), what)
    return looked_up(ct, image)


def _nearest_part(image: Mask, ct: Image) -> Image:
    """What of a mask lies next to the voxels of a part of the CT, to name how their grids differ."""
    start = np.rint(image.to_indices(ct.affine[:3, 3])).astype(int)
    low = np.clip(start, 0, np.array(image.values.shape) - 1)
    high = np.clip(start + ct.values.shape, low + 1, image.values.shape)
    first, second, third = (slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    return image.crop((first, second, third))


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
