"""One vertebra found in a scan and its mask, as voxels around it.

Of a scan that fills the memory only what lies around the vertebra is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.errors import InputError
from meshes.image_cut import Face, complete_box, touched_faces
from meshes.images.formats import file_of_level
from meshes.images.image import Image, Mask, read_ct, read_mask
from meshes.images.labels import LabelChoice, PartLabels, choose_label, choose_parts
from meshes.images.regrid import Box, label_boxes, on_grid_of
from meshes.images.segments import is_vertebra
from meshes.images.units import ImageUnits
from meshes.mask_border import border_warnings

MARGIN = 8.0
"""mm of CT kept around the vertebra by default."""
LARGEST_ISLAND = 0.05
"""Share of a vertebra that may lie apart and is dropped as stray voxels."""


@dataclass(frozen=True)
class Segmentation:
    """The voxels of one vertebra.

    Attributes:
        choice: which numbers of the mask it has, and why.
        grid: CT in float32 around the vertebra.
        whole: (nx, ny, nz) mask of the vertebra.
        numbers: (nx, ny, nz) of its parts; None where the shape has to tell them.
        faces: of the image, that the vertebra touches.
        resampled: sentences on masks that were resampled.
        warnings: sentences for the reader of the results, these included.
    """

    choice: LabelChoice
    grid: Image
    whole: NDArray[np.bool_]
    numbers: NDArray[Any] | None
    faces: tuple[Face, ...]
    resampled: tuple[str, ...]
    warnings: tuple[str, ...]


def find_segmentation(
    ct: Path,
    mask: Path,
    level: str | None,
    labels: str | int | Mapping[str, int | str] | None,
    subregions: Path | None,
    parts: PartLabels | None,
    units: ImageUnits,
    margin: float,
    resample: bool,
) -> Segmentation:
    """Find a vertebra; the arguments are those of :func:`meshes.vertebra.read_vertebra`.

    Raises:
        InputError: a file cannot be used, or the mask does not show the vertebra in one piece.
    """
    for name, path in (("CT", ct), ("mask", mask), ("subregion mask", subregions)):
        if path is not None and not Path(path).exists():
            raise InputError(f"{name} {path} does not exist; check the path")
    mask = file_of_level(Path(mask), level, "mask")
    stored = read_mask(mask, wanted=is_vertebra)
    if not stored.values.any():
        raise InputError(f"mask {mask} is empty: all its voxels are 0; export the segmentation again")
    image = read_ct(ct, units)
    labelled, resampled = on_grid_of(image, stored, resample)
    boxes = label_boxes(labelled.values)
    heights = _heights(labelled, boxes)
    if parts is not None and subregions is None:
        choice = choose_parts(heights, mask, level, parts)
    else:
        choice = choose_label(heights, mask, level, labels, labelled.names)
    warnings: list[str] = []
    box, whole = _one_vertebra(labelled, boxes, choice, f"{choice} in mask {mask}", warnings)
    faces = touched_faces(box, labelled, complete_box(boxes, choice.column, choice.label, labelled.values.shape))
    if resampled:
        faces += _faces_of_mask(stored, choice)
    window = _window(box, labelled.values.shape, labelled.spacing, margin)
    grid = image.crop(window)
    corner, name = np.array([part.start for part in box]), f"{choice} in mask {mask}"
    warnings += border_warnings(whole, corner, image, labelled.values, units, name)
    parted = labelled if parts is not None else None
    resamplings = [resampled]
    if subregions is not None:
        del stored, labelled
        parted, resampled = on_grid_of(image, read_mask(subregions, "subregion mask"), resample, "subregion mask")
        resamplings.append(resampled)
    told = tuple(sentence for sentence in resamplings if sentence)
    return Segmentation(
        choice=choice,
        grid=replace(grid, values=grid.values.astype(np.float32)),
        whole=np.pad(whole, [(b.start - w.start, w.stop - b.stop) for b, w in zip(box, window, strict=True)]),
        numbers=None if parted is None else np.ascontiguousarray(parted.values[window]),
        faces=tuple(faces),
        resampled=told,
        warnings=(*warnings, *told),
    )


def _heights(mask: Image, boxes: Sequence[Box | None]) -> dict[int, float]:
    """Label -> height of its centroid in mm, for every label except 0."""
    heights = {}
    for number, box in enumerate(boxes, start=1):
        if box is not None:
            corner = [part.start for part in box]
            centroid = np.argwhere(mask.values[box] == number).mean(axis=0) + corner
            heights[number] = float(mask.to_world(centroid)[2])
    return heights


def one_piece(region: NDArray[np.bool_], name: str, warnings: list[str]) -> NDArray[np.bool_]:
    """Keep the largest connected piece; refuse where the second is no stray island."""
    pieces, count = ndimage.label(region, structure=np.ones((3, 3, 3)))
    if count == 1:
        return region
    sizes = np.bincount(pieces.ravel())[1:]
    total, second = sizes.sum(), np.sort(sizes)[-2]
    if second > LARGEST_ISLAND * total:
        raise InputError(
            f"{name} falls into {count} pieces, the second with {100 * second / total:.0f} % of the voxels (at most "
            f"{100 * LARGEST_ISLAND:.0f} % are allowed); correct the segmentation"
        )
    warnings.append(f"{name}: dropped {total - sizes.max()} stray voxels in {count - 1} islands")
    return pieces == 1 + np.argmax(sizes)


def _one_vertebra(
    mask: Mask, boxes: Sequence[Box | None], choice: LabelChoice, name: str, warnings: list[str]
) -> tuple[Box, NDArray[np.bool_]]:
    """The box around the chosen vertebra, and its voxels in the box."""
    around = [box for label in choice.labels if (box := boxes[label - 1]) is not None]
    first, second, third = (
        slice(min(box[axis].start for box in around), max(box[axis].stop for box in around)) for axis in range(3)
    )
    whole = one_piece(np.isin(mask.values[first, second, third], choice.labels), name, warnings)
    inner = label_boxes(whole)[0]
    if inner is None:
        raise ValueError("a piece has voxels")
    a, b, c = (
        slice(outer.start + part.start, outer.start + part.stop)
        for outer, part in zip((first, second, third), inner, strict=True)
    )
    return (a, b, c), whole[inner]


def _faces_of_mask(mask: Mask, choice: LabelChoice) -> list[Face]:
    """The faces at which a mask of its own grid cuts the vertebra, whatever the CT shows beyond."""
    if mask.part_of_scan:
        return []
    boxes = label_boxes(mask.values)
    complete = complete_box(boxes, choice.column, choice.label, mask.values.shape)
    faces = [
        face
        for label in choice.labels
        if (box := boxes[label - 1]) is not None
        for face in touched_faces(box, mask, complete)
    ]
    return list({(face.axis, face.last): face for face in faces}.values())


def _window(box: Box, shape: tuple[int, ...], spacing: NDArray[np.float64], margin: float) -> Box:
    """The box with a margin, clipped to the image."""
    margins = np.ceil(margin / np.round(spacing, 6)).astype(int).tolist()
    first, second, third = (
        slice(max(part.start - margin, 0), min(part.stop + margin, size))
        for part, margin, size in zip(box, margins, shape, strict=True)
    )
    return first, second, third


def without_holes(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(nx, ny, nz) region with all that it encloses: ``scipy.ndimage.binary_fill_holes`` in a tenth of its time.

    Args:
        region: (nx, ny, nz) voxels, which share faces with what they enclose.
    """
    filled = region.copy()
    for box in ndimage.find_objects(region.astype(np.uint8)):
        pieces, _ = ndimage.label(np.pad(~region[box], 1, constant_values=True))
        filled[box] = (pieces != pieces[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return filled
