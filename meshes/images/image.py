"""Medical images on a voxel grid, read into one voxel order and one world frame.

Every image is brought to the voxel order that lies closest to left, posterior, superior (LPS), so the same patient
stored in another order gives the same arrays. The affine leads from voxel indices to the scanner's LPS millimetres, as
ITK and DICOM have it; readers give affines to RAS as NIfTI has it, so x and y change sign once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.formats import read_labels, read_scan
from meshes.images.grids import RAS_TO_LPS, corners, times
from meshes.images.segments import flattened
from meshes.images.units import HOUNSFIELD, ImageUnits

THICKEST_SLICE = 3.0
"""Largest voxel spacing in mm along any axis: above it neither endplates nor pedicles are resolved."""
HIGHEST_SOFT_TISSUE_MINIMUM = -20.0
"""HU: every CT of a spine holds fat or air, so its smallest value lies below this, unless it is masked."""
LOWEST_BONE_MAXIMUM = 200.0
"""HU: every CT of a spine holds cortical bone, so its largest value lies above this."""
HU_RANGE = (-8192.0, 32767.0)
"""HU that scanners store, padding below and metal above included."""
LARGEST_LABEL = 65535
GRID_TOLERANCE = 0.05
"""mm by which the corners of two grids may differ: headers keep their affines in single precision."""
_FACE_DECIMALS = 9  # of a voxel: far above rounding, far below what any affine is known to


@dataclass(frozen=True)
class Image:
    """Values on a regular voxel grid.

    Attributes:
        values: (nx, ny, nz) array.
        affine: (4, 4) from voxel indices to the scanner's LPS mm.
        path: file or folder it was read from, or None.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]
    path: Path | None = None

    @property
    def spacing(self) -> NDArray[np.float64]:
        """(3,) distances between voxel centres in mm."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def to_world(self, indices: NDArray[Any]) -> NDArray[np.float64]:
        """LPS mm of (..., 3) voxel indices."""
        return np.asarray(indices) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_indices(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Fractional voxel indices of (..., 3) points in LPS mm."""
        return (np.asarray(points) - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def nearest_voxels(self, points: NDArray[Any]) -> NDArray[np.int64]:
        """Indices of the voxels that (..., 3) points in LPS mm lie in, beyond the grid as well.

        A point within 1e-9 voxels of the face between two belongs to the one of higher index: whole rows of points lie
        on such faces where one grid divides another, and their last digits differ between processors.
        """
        return np.floor(np.round(self.to_indices(points), _FACE_DECIMALS) + 0.5).astype(np.int64)

    def crop(self, window: tuple[slice, slice, slice]) -> Image:
        """The part of the image inside ``window``, at the same place in the world."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world(np.array([part.start for part in window]))
        return replace(self, values=np.ascontiguousarray(self.values[window]), affine=affine)


@dataclass(frozen=True)
class Mask(Image):
    """Whole numbers on a regular voxel grid.

    Attributes:
        names: number -> name of the segment, where the file names its segments.
        part_of_scan: whether the file's format lets its grid end where its segments do, inside of the scan.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    part_of_scan: bool = False


def read_ct(path: Path, units: ImageUnits = HOUNSFIELD) -> Image:
    """Read a CT from one file or a folder with one DICOM series.

    Args:
        path: file of one of :data:`meshes.images.formats.IMAGES`, or DICOM folder.
        units: what its values count.

    Returns:
        Image of whole numbers as they are stored, or of float32, in LPS voxel order, in ``units``.

    Raises:
        InputError: unreadable, not 3-D, NaN or infinite values, damaged or sheared affine, slices thicker than 3 mm, or
            values that cannot be in ``units``.
    """
    path = Path(path)
    volume = read_scan(path)
    image = canonical_image(volume.values, volume.affine, path)
    _check_geometry(image, "CT")
    _check_units(image.values, path, units)
    return replace(image, values=image.values.astype(np.float32)) if image.values.dtype.kind == "f" else image


def read_mask(path: Path, what: str = "mask", wanted: Callable[[str], bool] | None = None) -> Mask:
    """Read a label mask.

    Args:
        path: file of one of :data:`meshes.images.formats.SEGMENTATIONS`.
        what: how messages call it.
        wanted: which names of segments count where the file's segments may overlap; None for all.

    Returns:
        Labels of 8 or 16 bits in LPS voxel order.

    Raises:
        InputError: unreadable, not 3-D, labels that are negative or not whole numbers, segments that overlap, or a
            damaged or sheared affine.
    """
    path = Path(path)
    volume = read_labels(path, what, wanted)
    labels = volume.values
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError(f"{what} {path} holds NaN or infinite values; labels must be whole numbers >= 0")
    if labels.dtype.kind == "f" and not (labels == np.rint(labels)).all():
        odd = float(labels[labels != np.rint(labels)][0])
        raise InputError(
            f"{what} {path} holds values such as {odd:g}; labels must be whole numbers >= 0, so resample masks with "
            "nearest neighbour and do not give a CT as mask"
        )
    low, high = labels.min(), labels.max()
    if low < 0 or high > LARGEST_LABEL:
        raise InputError(
            f"{what} {path} holds values from {low:g} to {high:g}; labels must be whole numbers from 0 to "
            f"{LARGEST_LABEL}"
        )
    labels, names = flattened(
        labels.astype(np.uint8 if high < 256 else np.uint16, copy=False), volume.segments, wanted, path, what
    )
    image = canonical_image(labels, volume.affine, path)
    _check_geometry(image, what)
    return Mask(image.values, image.affine, path, names, volume.part_of_scan)


def check_same_grid(first: Image, second: Image, second_name: str = "mask") -> None:
    """Raise ``InputError`` naming the difference where two images do not lie on the same voxels of the world."""
    if difference := grid_difference(first, second):
        raise InputError(
            f"{second_name} {second.path} and CT {first.path} lie on different grids: {difference}; resample the "
            f"{second_name} onto the CT with nearest neighbour, as --resample or patient.resample = true do"
        )


def grid_difference(first: Image, second: Image) -> str:
    """How the grid of ``second`` differs from that of ``first``, in words; "" where they are the same."""
    if first.values.shape != second.values.shape:
        return f"{times(second.values.shape)} against {times(first.values.shape)} voxels (both in LPS order)"
    outermost = corners(first.values.shape)
    offset = second.to_world(outermost) - first.to_world(outermost)
    if np.abs(offset).max() <= GRID_TOLERANCE:
        return ""
    if np.ptp(offset, axis=0).max() <= GRID_TOLERANCE:
        shift = ", ".join(f"{value:.2f}" for value in offset[0])
        return f"shifted by ({shift}) mm in LPS, at most {GRID_TOLERANCE} mm is allowed"
    if not np.allclose(first.spacing, second.spacing, rtol=1e-3):
        return f"voxels of {times(second.spacing)} mm against {times(first.spacing)} mm"
    return (
        f"the corners lie up to {np.linalg.norm(offset, axis=1).max():.2f} mm apart because the axes point "
        f"differently, at most {GRID_TOLERANCE} mm is allowed"
    )


def canonical_image(values: NDArray[Any], affine_ras: NDArray[Any], path: Path | None = None) -> Image:
    """Bring an array with its RAS affine to LPS voxel order and LPS mm.

    Args:
        values: (nx, ny, nz) in any voxel order.
        affine_ras: (4, 4) from voxel indices to RAS mm, as NIfTI has it.
        path: where the values come from.
    """
    affine = np.asarray(affine_ras, dtype=np.float64)
    to_lps = ornt_transform(io_orientation(affine), axcodes2ornt("LPS"))
    ordered: NDArray[Any] = apply_orientation(values, to_lps)  # a view: the voxels of a large scan are not copied
    return Image(ordered, RAS_TO_LPS @ affine @ inv_ornt_aff(to_lps, values.shape), path)


def _check_geometry(image: Image, what: str) -> None:
    coarsest = image.spacing.max()
    if coarsest > THICKEST_SLICE + 0.01:
        raise InputError(
            f"{what} {image.path} has slices {coarsest:.2f} mm apart; at most {THICKEST_SLICE:g} mm are allowed, so "
            "use a thinner reconstruction"
        )


def _check_units(values: NDArray[Any], path: Path, units: ImageUnits) -> None:
    """Refuse values that no image of a spine has in these units."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        share = 100.0 * (1.0 - np.isfinite(values).mean())
        raise InputError(
            f"CT {path} holds NaN or infinite values ({share:.3g} % of the voxels); every voxel needs its "
            f"{units.symbol}"
        )
    low, high = float(values.min()), float(values.max())
    air, bone, *stored = (
        limit * units.per_hounsfield for limit in (HIGHEST_SOFT_TISSUE_MINIMUM, LOWEST_BONE_MAXIMUM, *HU_RANGE)
    )
    below = f"below {air:g} and " if units.has_air else ""
    plausible = f"a CT of a spine reaches {below}above {bone:g} {units.symbol}"
    found = f"CT {path} is not in {units.symbol}: its values run from {low:g} to {high:g} ({values.dtype})"
    remedy = "export the original CT" if units is HOUNSFIELD else "export the calibrated image, or give the CT in HU"
    if low >= 0 and high <= 255 and (units.has_air or (values == np.rint(values)).all()):
        raise InputError(f"{found}, as an 8-bit or rescaled image or a mask, while {plausible}; {remedy}")
    if low < stored[0] or high > stored[1]:
        raise InputError(f"{found}, while {units.symbol} lie between {stored[0]:g} and {stored[1]:g}; {remedy}")
    if (units.has_air and low > air) or high < bone:
        if units is HOUNSFIELD:
            remedy += (
                ' with its rescale slope and intercept applied, or set bone.units = "mg/cm3" where these are densities'
            )
        raise InputError(f"{found}, while {plausible}; {remedy}")
