"""One segmented vertebra, read from CT and masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.axes import find_axes, mirror_agreement
from meshes.body_split import SplitError, split_body
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame, FrameError, frame_of_body
from meshes.images.image import Image, check_same_grid, read_ct, read_mask
from meshes.images.labels import CORPUS, LabelChoice, PartLabels, choose_label, choose_parts, label_maps
from meshes.images.units import HOUNSFIELD, ImageUnits

MARGIN = 8.0
"""mm of CT kept around the vertebra."""
LARGEST_ISLAND = 0.05
"""Share of a vertebra that may lie apart and is dropped as stray voxels."""
SMALLEST_BODY = 1000.0
"""mm3; the smallest thoracic bodies of adults measure some 5000 mm3 (M)."""
SYMMETRY_LIMIT = 0.85
"""Overlap of the body with its mirror image below which the frame deserves a look."""
Box = tuple[slice, slice, slice]
FACES = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))


@dataclass(frozen=True)
class Vertebra:
    """A vertebra on the grid of its CT.

    Attributes:
        level: name such as ``"L3"``.
        label: its number in the mask, the first of the body's where its parts have numbers of their own.
        label_map: convention of that number, ``"number"``, ``"parts"`` or ``"binary"``.
        ct: float32 values in LPS voxel order, cropped to the vertebra and a margin.
        body: (nx, ny, nz) mask of the vertebral body on the CT's grid.
        arch: (nx, ny, nz) mask of the rest of the vertebra.
        frame: anatomical frame of the body.
        warnings: sentences for the reader of the results.
        provenance: how the vertebra was read, for the manifest.
        units: what the values of ``ct`` count.
        margin: mm of CT kept around the vertebra.
    """

    level: str
    label: int
    label_map: str
    ct: Image
    body: NDArray[np.bool_]
    arch: NDArray[np.bool_]
    frame: AnatomicalFrame
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    units: ImageUnits = HOUNSFIELD
    margin: float = MARGIN

    @property
    def body_volume(self) -> float:
        """Volume of the body's voxels in mm3."""
        return float(self.body.sum()) * self.ct.voxel_volume


def read_vertebra(
    ct: Path,
    mask: Path,
    level: str | None = None,
    labels: str | int | None = None,
    subregions: Path | None = None,
    parts: PartLabels | None = None,
    units: ImageUnits = HOUNSFIELD,
    margin: float = MARGIN,
) -> Vertebra:
    """Read one vertebra from a CT and its segmentation.

    Args:
        ct: NIfTI file or DICOM folder.
        mask: NIfTI label mask on the same grid.
        level: vertebra, such as ``"L3"``; may be left out where the mask holds one vertebra.
        labels: ``"verse"``, ``"totalsegmentator_v1"``, ``"totalsegmentator_v2"``, or the vertebra's number in the mask;
            None to infer the convention where only one fits.
        subregions: NIfTI mask of the vertebra's parts, TPTBox subregions (41 arch ... 50 corpus) without ``parts``.
        parts: numbers of body and arch in ``subregions``, or in ``mask`` without them; without both the body is found
            by shape.
        units: what the values of ``ct`` count.
        margin: mm of CT to keep around the vertebra.

    Raises:
        InputError: one sentence for anything about the files that would make the results wrong.
    """
    for name, path in (("CT", ct), ("mask", mask), ("subregion mask", subregions)):
        if path is not None and not Path(path).exists():
            raise InputError(f"{name} {path} does not exist; check the path")
    labelled = read_mask(mask)
    if not labelled.values.any():
        raise InputError(f"mask {mask} is empty: all its voxels are 0; export the segmentation again")
    image = read_ct(ct, units)
    check_same_grid(image, labelled)
    heights = _heights(labelled)
    if parts is not None and subregions is None:
        choice = choose_parts(heights, Path(mask), level, parts)
    else:
        choice = choose_label(heights, Path(mask), level, labels)
    warnings: list[str] = []
    whole = np.isin(labelled.values, choice.labels)
    box = ndimage.find_objects(whole.astype(np.uint8))[0]
    whole[box] = _one_piece(whole[box], f"{choice} in mask {mask}", warnings)
    box = ndimage.find_objects(whole.astype(np.uint8))[0]
    _refuse_cut(box, labelled, choice)
    window = _window(box, whole.shape, labelled.spacing, margin)
    grid = image.crop(window)
    whole = whole[window]
    parted = labelled if parts is not None else None
    if subregions is not None:
        parted = read_mask(subregions, "subregion mask")
        check_same_grid(image, parted, "subregion mask")
    numbers = None if parted is None else parted.values[window]
    body, arch, body_provenance = _body_and_arch(
        whole, grid, numbers, parts or CORPUS, choice, Path(subregions or mask), warnings
    )
    axes = find_axes(body, arch, grid, None if parts is not None else numbers)
    try:
        frame = frame_of_body(body, grid, axes.axes, axes.method)
    except FrameError as error:
        raise InputError(
            f"the body of {choice.level} in mask {subregions or mask} has no shape of a body: {error}; correct the "
            "segmentation"
        ) from error
    symmetry = mirror_agreement(body, grid, frame.origin, frame.axes[0])
    if axes.method != "landmarks":
        warnings.append(f"anatomical frame without landmarks: {axes.description}")
    if symmetry < SYMMETRY_LIMIT:
        warnings.append(
            f"the body overlaps its mirror image by {symmetry:.2f} (below {SYMMETRY_LIMIT}): check the anatomical frame"
        )
    provenance = {
        "level": choice.level,
        "label": choice.label,
        "label_map": choice.label_map,
        "label_map_reason": choice.reason,
        **body_provenance,
        "frame_method": axes.method,
        "frame_axes": axes.description,
        "endplate_wedge_deg": axes.endplates.wedge_angle,
        "endplate_residual_mm": axes.endplates.residual,
        "mirror_overlap": symmetry,
        "voxel_spacing_mm": [float(value) for value in np.round(grid.spacing, 6)],
    }
    return Vertebra(
        choice.level,
        choice.label,
        choice.label_map,
        grid,
        body,
        arch,
        frame,
        tuple(warnings),
        provenance,
        units,
        margin,
    )


def _heights(mask: Image) -> dict[int, float]:
    """Label -> height of its centroid in mm, for every label except 0."""
    heights = {}
    for number, box in enumerate(ndimage.find_objects(mask.values), start=1):
        if box is not None:
            corner = [part.start for part in box]
            centroid = np.argwhere(mask.values[box] == number).mean(axis=0) + corner
            heights[number] = float(mask.to_world(centroid)[2])
    return heights


def _one_piece(region: NDArray[np.bool_], name: str, warnings: list[str]) -> NDArray[np.bool_]:
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


def _refuse_cut(box: Box, mask: Image, choice: LabelChoice) -> None:
    """Refuse a vertebra that touches a face of the image."""
    touched = [
        (axis, name)
        for axis, names in enumerate(FACES)
        for name, cut in zip(names, (box[axis].start == 0, box[axis].stop == mask.values.shape[axis]), strict=True)
        if cut
    ]
    if not touched:
        return
    names = " and ".join(name for _, name in touched)
    complete = _nearest_complete_box(mask, choice)
    amounts = []
    for axis in dict.fromkeys(axis for axis, _ in touched):
        seen = (box[axis].stop - box[axis].start) * mask.spacing[axis]
        missing = (complete[axis].stop - complete[axis].start) * mask.spacing[axis] - seen if complete else 0.0
        estimate = f", about {missing:.0f} mm are missing beside the nearest complete vertebra" if missing > 0 else ""
        amounts.append(f"{seen:.0f} mm are seen{estimate}")
    raise InputError(
        f"{choice} in mask {mask.path} is cut by the {names} "
        f"{'face' if len(touched) == 1 else 'faces'} of the image ({'; '.join(amounts)}); choose a complete vertebra "
        "or a larger field of view"
    )


def _nearest_complete_box(mask: Image, choice: LabelChoice) -> Box | None:
    """Bounding box of the complete vertebra whose number lies nearest, or None."""
    if choice.label_map not in label_maps():
        return None
    boxes = ndimage.find_objects(mask.values)
    complete = [
        (abs(number - choice.label), number)
        for number in label_maps()[choice.label_map].levels.values()
        if number <= len(boxes)
        and boxes[number - 1] is not None
        and all(
            part.start > 0 and part.stop < size for part, size in zip(boxes[number - 1], mask.values.shape, strict=True)
        )
    ]
    return boxes[min(complete)[1] - 1] if complete else None


def _window(box: Box, shape: tuple[int, ...], spacing: NDArray[np.float64], margin: float) -> Box:
    """The box with a margin, clipped to the image."""
    margins = np.ceil(margin / np.round(spacing, 6)).astype(int).tolist()
    first, second, third = (
        slice(max(part.start - margin, 0), min(part.stop + margin, size))
        for part, margin, size in zip(box, margins, shape, strict=True)
    )
    return first, second, third


def _body_and_arch(
    whole: NDArray[np.bool_],
    grid: Image,
    numbers: NDArray[np.int32] | None,
    parts: PartLabels,
    choice: LabelChoice,
    path: Path,
    warnings: list[str],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
    """Body, arch and where they are from; ``numbers`` are those of the parts, None where the shape has to tell them."""
    provenance: dict[str, Any]
    _refuse_small(whole, grid, f"{choice.level} in mask {path}")
    if numbers is not None and parts is CORPUS:
        body = whole & np.isin(numbers, parts.body)
        if not body.any():
            there = ", ".join(str(number) for number in np.unique(numbers[whole]))
            raise InputError(
                f"subregion mask {path} holds no corpus (49, 50) inside {choice.level}, only {there}; give the "
                "subregions of this vertebra or leave them out"
            )
        provenance = {"body_source": "subregions 49 and 50"}
    elif numbers is not None:
        parts.check(np.unique(numbers[whole]), f"{choice.level} of mask {path}")
        if parts.arch:
            whole = whole & np.isin(numbers, (*parts.body, *parts.arch))
        body = whole & np.isin(numbers, parts.body)
        provenance = {"body_source": f"labels {', '.join(map(str, parts.body))} as given"}
    else:
        try:
            split = split_body(whole, np.round(grid.spacing, 6))
        except SplitError as error:
            raise InputError(
                f"the body of {choice.level} in mask {path} cannot be told from the arch: {error}; give a "
                "subregion mask"
            ) from error
        body = split.body
        provenance = {"body_source": "split from the arch by the spinal canal", "canal_area_mm2": split.canal_area}
        if split.arch.any():
            warnings.append("no subregion mask: the body was split from the arch along the anterior edge of the canal")
        else:
            provenance["body_source"] = "mask without arch, taken as body"
            warnings.append(
                "the mask holds no arch: it is taken as the body alone, and posterior is where the image's header says"
            )
    body = _one_piece(body, f"the body of {choice.level} in mask {path}", warnings)
    filled = ndimage.binary_fill_holes(body)
    provenance["voxels_filled"] = int(filled.sum() - body.sum())
    _refuse_small(filled, grid, f"the body of {choice.level} in mask {path}")
    return filled, whole & ~filled, provenance


def _refuse_small(region: NDArray[np.bool_], grid: Image, name: str) -> None:
    """Refuse a region that is smaller than the smallest body."""
    volume = float(region.sum()) * grid.voxel_volume
    if volume < SMALLEST_BODY:
        raise InputError(
            f"{name} has {volume / 1000:.2g} ml, at least {SMALLEST_BODY / 1000:g} ml are expected; "
            "check label and level"
        )
