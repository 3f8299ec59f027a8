"""The voxels of a NIfTI file and their grid.

A file is read only where its header leaves one reading: readers differ in whether they follow the sform, the qform or
the voxel sizes, and in what they make of content that is longer than the header says.
"""

from __future__ import annotations

import gzip
import itertools
import zlib
from pathlib import Path
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError

ENDINGS = (".nii", ".nii.gz")
CHUNK = 1 << 22
"""Bytes of a file's content that are held at a time while it is measured."""
MOST_VOXELS = 1 << 30
"""Voxels of four large CTs of 512 x 512 x 1000; more is a damaged header, and would fill the memory."""
DISAGREEMENT = 0.1
"""Voxels by which the corners of two descriptions of one grid may lie apart: headers have single precision."""
CODES = range(6)
"""What ``sform_code`` and ``qform_code`` may be."""
FARTHEST = 1e4
"""mm from the scanner's origin to a corner; no scanner is so large, and single precision loses hundredths there."""
LENGTH_UNITS = {1: "metres", 3: "micrometres"}
"""Codes of lengths in ``xyzt_units`` other than 2, mm, and 0, unknown, which every reader takes as mm."""


def read_nifti(path: Path, what: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read one 3-D volume.

    Args:
        path: file that ends in .nii or .nii.gz.
        what: how messages call it.

    Returns:
        (nx, ny, nz) numbers with slope and intercept applied, and the (4, 4) affine from voxel indices to RAS mm.

    Raises:
        InputError: unreadable or cut short, not one 3-D volume of numbers, without an orientation, or with a header
            that contradicts itself or the length of the file.
    """
    if not path.is_file():
        raise InputError(f"{what} {path} is no file; give one NIfTI file ({' or '.join(ENDINGS)})")
    if not path.name.lower().endswith(ENDINGS):
        raise InputError(f"{what} {path} does not end in {' or '.join(ENDINGS)}; convert it to .nii.gz")
    try:
        stored = nib.loadsave.load(path)
        if not isinstance(stored, nib.nifti1.Nifti1Image):
            raise InputError(f"{what} {path} is {type(stored).__name__}, not NIfTI; convert it to .nii.gz")
        shape = _volume(stored, path, what)
        header = _header_as_stored(stored, path)
        _check_length(header, path, what)
        values = np.asanyarray(stored.dataobj).reshape(shape)
        affine = np.asarray(stored.affine, dtype=np.float64)
        grids = _grids(header)
    except InputError:
        raise
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            f"{what} {path} is not a readable NIfTI file ({_first_line(error)}); export it again"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{what} {path} is damaged or cut short ({_first_line(error)}); export it again") from error
    except MemoryError as error:
        raise InputError(f"{what} {path} does not fit into the memory; crop it to the vertebra") from error
    _check_orientation(header, path, what)
    _check_affine(affine, path, what)
    _check_grids(header, grids, shape, path, what)
    return values, affine


def _volume(stored: nib.nifti1.Nifti1Image, path: Path, what: str) -> tuple[int, ...]:
    """Shape of the one volume, once the header promises one of numbers that memory can hold."""
    shape: tuple[int, ...] = stored.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    dtype = stored.get_data_dtype()
    if dtype.kind not in "iufb":
        raise InputError(f"{what} {path} holds colours or complex numbers ({dtype}); one number a voxel is needed")
    if len(shape) != 3 or min(shape) < 2:
        raise InputError(
            f"{what} {path} is {times(shape)}; one 3-D volume with at least 2 voxels along each axis is needed"
        )
    if np.prod(shape, dtype=float) > MOST_VOXELS:
        raise InputError(
            f"{what} {path} has {times(shape)} voxels by its header; at most {MOST_VOXELS} are read, so crop it to the "
            "vertebra or export it again"
        )
    return shape


def _check_length(header: nib.nifti1.Nifti1Header, path: Path, what: str) -> None:
    """Read the file to its end, where gzip keeps a check sum, and compare its length with what the header says.

    Raises:
        OSError, EOFError, zlib.error: the content is not what was once compressed.
        InputError: it is longer or shorter than the header says.
    """
    held = 0
    with _opened(path) as content:
        while part := content.read(CHUNK):
            held += len(part)
    needed = header.get_data_offset() + int(np.prod(header.get_data_shape())) * header.get_data_dtype().itemsize
    if held != needed:
        raise InputError(
            f"{what} {path} is damaged or cut short: it holds {held} bytes, but its header describes {needed}; export "
            "it again"
        )


def _header_as_stored(stored: nib.nifti1.Nifti1Image, path: Path) -> nib.nifti1.Nifti1Header:
    """The header without what nibabel mends in silence, such as codes that it does not know."""
    with _opened(path) as content:
        return type(stored.header).from_fileobj(content, check=False)


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _grids(header: nib.nifti1.Nifti1Header) -> dict[str, NDArray[np.float64]]:
    """The affines to RAS mm that the header gives, by their names."""
    found = {"sform": header.get_sform(coded=True)[0], "qform": header.get_qform(coded=True)[0]}
    return {name: affine for name, affine in found.items() if affine is not None}


def _check_orientation(header: nib.nifti1.Nifti1Header, path: Path, what: str) -> None:
    for form in ("sform", "qform"):
        if (code := int(header[f"{form}_code"])) not in CODES:
            raise InputError(f"{what} {path} has {form}_code = {code}; NIfTI knows 0 to 5, so export it again")
    if header["sform_code"] == 0 and header["qform_code"] == 0:
        raise InputError(
            f"{what} {path} does not say where left and right are (its sform and qform codes are 0); convert it again "
            "from DICOM with its orientation"
        )
    if (unit := int(header["xyzt_units"]) % 8) not in (0, 2):
        raise InputError(
            f"{what} {path} gives its lengths in {LENGTH_UNITS.get(unit, f'the unknown unit {unit}')} by its header; "
            "mm are needed, so convert it again"
        )


def _check_grids(
    header: nib.nifti1.Nifti1Header,
    grids: dict[str, NDArray[np.float64]],
    shape: tuple[int, ...],
    path: Path,
    what: str,
) -> None:
    """Refuse a grid that no scanner has, and a header of several grids, of which readers choose different ones."""
    used, *others = grids.items()
    name, affine = used
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    corners = np.array(list(itertools.product(*[(0, size - 1) for size in shape])))
    if (far := np.abs(corners @ affine[:3, :3].T + affine[:3, 3]).max()) > FARTHEST:
        raise InputError(
            f"{what} {path} lies {far:.3g} mm from the scanner's origin by its header, at most {FARTHEST:g} mm are "
            "allowed; export it again"
        )
    apart = {"pixdim": float((corners.max(axis=0) * np.abs(spacing - np.abs(header["pixdim"][1:4]))).max())}
    for other, grid in others:
        apart[other] = float(np.abs(corners @ (grid - affine)[:3, :3].T + (grid - affine)[:3, 3]).max())
    for other, distance in apart.items():
        if not distance <= DISAGREEMENT * spacing.min():
            raise InputError(
                f"{what} {path} describes two grids: its {name} and its {other} differ by up to {distance:.3g} mm, at "
                f"most {DISAGREEMENT:g} voxels are allowed; export it again"
            )


def _check_affine(affine: NDArray[np.float64], path: Path, what: str) -> None:
    if not np.isfinite(affine).all():
        raise InputError(f"{what} {path} has NaN or infinite numbers in its affine; export it again")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() < 1e-3 or abs(np.linalg.det(affine[:3, :3] / np.maximum(spacing, 1e-12))) < 1e-3:
        raise InputError(
            f"{what} {path} has a singular affine (voxel spacing {times(spacing)} mm); spacings must be above "
            "0.001 mm along three different directions"
        )
    directions = affine[:3, :3] / spacing
    angle = np.degrees(np.arccos(np.abs(np.triu(directions.T @ directions, 1)).max()))
    if angle < 89.9:
        raise InputError(
            f"{what} {path} has a sheared grid (two voxel axes meet at {angle:.1f} degrees, 90 +- 0.1 are allowed), as "
            "from a tilted gantry; resample it to a rectangular grid"
        )


def times(numbers: Any) -> str:
    """Numbers as of a grid: "2 x 3 x 4"."""
    return " x ".join(f"{number:.4g}" for number in numbers)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
