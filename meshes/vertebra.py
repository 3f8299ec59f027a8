"""One segmented vertebra, read from CT and masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.axes import find_axes, mirror_agreement
from meshes.body_split import SplitError, split_body
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame, FrameError, frame_of_body
from meshes.image_cut import cut_arch, layers_around, named, with_layers
from meshes.images.image import Image
from meshes.images.labels import CORPUS, LabelChoice, PartLabels
from meshes.images.units import HOUNSFIELD, ImageUnits
from meshes.segmentation import MARGIN, find_segmentation, one_piece, without_holes

SMALLEST_BODY = 1000.0
"""mm3; the smallest thoracic bodies of adults measure some 5000 mm3 (M)."""
SYMMETRY_LIMIT = 0.85
"""Overlap of the body with its mirror image below which the frame deserves a look."""


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
        cut: where faces of the image cut the arch, in words; "" where the vertebra is whole.
        cut_points: (n, 3) LPS mm of the arch's voxels at these faces.
        column: level -> number of all vertebrae that are known in the mask.
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
    cut: str = ""
    cut_points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))
    column: Mapping[str, int] = field(default_factory=dict)

    @property
    def body_volume(self) -> float:
        """Volume of the body's voxels in mm3."""
        return float(self.body.sum()) * self.ct.voxel_volume


def read_vertebra(
    ct: Path,
    mask: Path,
    level: str | None = None,
    labels: str | int | Mapping[str, int | str] | None = None,
    subregions: Path | None = None,
    parts: PartLabels | None = None,
    units: ImageUnits = HOUNSFIELD,
    margin: float = MARGIN,
    resample: bool = False,
) -> Vertebra:
    """Read one vertebra from a CT and its segmentation.

    Args:
        ct: file of one of :data:`meshes.images.formats.IMAGES`, or DICOM folder.
        mask: label mask on the same grid, a file of one of :data:`meshes.images.formats.SEGMENTATIONS`, or folder with
            one mask for each structure.
        level: vertebra, such as ``"L3"``; may be left out where the mask holds one vertebra.
        labels: ``"verse"``, ``"totalsegmentator_v1"``, ``"totalsegmentator_v2"``, the vertebra's number in the mask, or
            level -> number or name of a segment; None to go by the names of segments, or to infer the convention where
            only one fits.
        subregions: mask of the vertebra's parts, TPTBox subregions (41 arch ... 50 corpus) without ``parts``.
        parts: numbers of body and arch in ``subregions``, or in ``mask`` without them; without both the body is found
            by shape.
        units: what the values of ``ct`` count.
        margin: mm of CT to keep around the vertebra.
        resample: whether to resample masks on other grids onto that of the CT, with nearest neighbour.

    Raises:
        InputError: one sentence for anything about the files that would make the results wrong.
    """
    found = find_segmentation(ct, mask, level, labels, subregions, parts, units, margin, resample)
    choice, grid, numbers, file = found.choice, found.grid, found.numbers, Path(subregions or mask)
    warnings = [*found.warnings]
    try:
        body, arch, body_provenance = _body_and_arch(
            found.whole, grid, numbers, parts or CORPUS, choice, file, warnings
        )
    except InputError as error:
        if not found.faces:
            raise
        raise InputError(f"{choice} in mask {mask} is cut by the {named(found.faces)}: {error}") from error
    cut, cut_points = cut_arch(body, arch, grid, found.faces, f"{choice} in mask {mask}")
    if cut:
        warnings.append(
            f"{choice.level} is cut by the {cut}: its body is whole, so results of the body alone stand, but not "
            "those of the whole vertebra"
        )
        layers = layers_around(body | arch)
        grid = with_layers(grid, layers)
        body, arch = np.pad(body, layers), np.pad(arch, layers)
        numbers = None if numbers is None else np.pad(numbers, layers)
    axes = find_axes(body, arch, grid, None if parts is not None else numbers)
    try:
        frame = frame_of_body(body, grid, axes.axes, axes.method)
    except FrameError as error:
        raise InputError(
            f"the body of {choice.level} in mask {file} has no shape of a body: {error}; correct the segmentation"
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
        "resampled": list(found.resampled),
        "cut": cut,
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
        cut,
        cut_points,
        choice.column,
    )


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
    body = one_piece(body, f"the body of {choice.level} in mask {path}", warnings)
    filled = without_holes(body)
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
