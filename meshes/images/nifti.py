"""The voxels of a NIfTI file and their grid.

A file is read only where its header leaves one reading: readers differ in whether they follow the sform, the qform or
the voxel sizes, and in what they make of content that is longer than the header says.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.volumeutils import apply_read_scaling
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.grids import CHUNK, Volume, check_affine, check_shape, corners, first_line, read_numbers

ENDINGS = (".nii", ".nii.gz")
DISAGREEMENT = 0.1
"""Voxels by which the corners of two descriptions of one grid may lie apart: headers have single precision."""
CODES = range(6)
"""What ``sform_code`` and ``qform_code`` may be."""
LENGTH_UNITS = {1: "metres", 3: "micrometres"}
"""Codes of lengths in ``xyzt_units`` other than 2, mm, and 0, unknown, which every reader takes as mm."""


def read_nifti(path: Path, what: str) -> Volume:
    """Read one 3-D volume.

    Args:
        path: file that ends in .nii or .nii.gz.
        what: how messages call it.

    Returns:
        The numbers as they are stored, or in single precision with slope and intercept applied.

    Raises:
        InputError: unreadable or cut short, not one 3-D volume of numbers, without an orientation, or with a header
            that contradicts itself or the length of the file.
    """
    try:
        stored = nib.loadsave.load(path)
        if not isinstance(stored, nib.nifti1.Nifti1Image):
            raise InputError(f"{what} {path} is {type(stored).__name__}, not NIfTI; convert it to .nii.gz")
        shape = _volume(stored, path, what)
        header = _header_as_stored(stored, path)
        values = _values(header, path, what).reshape(shape, order="F")
        affine = np.asarray(stored.affine, dtype=np.float64)
        grids = _grids(header)
    except InputError:
        raise
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            f"{what} {path} is not a readable NIfTI file ({first_line(error)}); export it again"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{what} {path} is damaged or cut short ({first_line(error)}); export it again") from error
    except MemoryError as error:
        raise InputError(f"{what} {path} does not fit into the memory; crop it to the vertebra") from error
    _check_orientation(header, path, what)
    check_affine(affine, shape, path, what)
    _check_grids(header, grids, shape, path, what)
    return Volume(values, affine)


def _volume(stored: nib.nifti1.Nifti1Image, path: Path, what: str) -> tuple[int, ...]:
    """Shape of the one volume, once the header promises one of numbers that memory can hold."""
    shape: tuple[int, ...] = stored.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    dtype = stored.get_data_dtype()
    if dtype.kind not in "iufb":
        raise InputError(f"{what} {path} holds colours or complex numbers ({dtype}); one number a voxel is needed")
    check_shape(shape, path, what)
    return shape


def _values(header: nib.nifti1.Nifti1Header, path: Path, what: str) -> NDArray[Any]:
    """All numbers of a file, which is read to its end, where gzip keeps a check sum.

    Raises:
        OSError, EOFError, zlib.error: the content is not what was once compressed.
        InputError: it is longer or shorter than the header says.
    """
    dtype, start = header.get_data_dtype(), header.get_data_offset()
    count = int(np.prod(header.get_data_shape()))
    slope, intercept = header.get_slope_inter()
    with _opened(path) as content:
        content.read(start)
        values = read_numbers(content, dtype, count, path, what)
    if slope in (None, 1.0) and intercept in (None, 0.0):
        return values
    # Single precision holds every CT number and label; numbers that it cannot hold are for those who check values.
    scaled = np.empty(count, dtype=np.float32 if max(abs(slope), abs(intercept)) < 1e6 else np.float64)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        scaled[part] = apply_read_scaling(values[part], slope, intercept)
    return scaled


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
    """Refuse a header of several grids, of which readers choose different ones."""
    used, *others = grids.items()
    name, affine = used
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    outermost = corners(shape)
    apart = {"pixdim": float((outermost.max(axis=0) * np.abs(spacing - np.abs(header["pixdim"][1:4]))).max())}
    for other, grid in others:
        apart[other] = float(np.abs(outermost @ (grid - affine)[:3, :3].T + (grid - affine)[:3, 3]).max())
    for other, distance in apart.items():
        if not distance <= DISAGREEMENT * spacing.min():
            raise InputError(
                f"{what} {path} describes two grids: its {name} and its {other} differ by up to {distance:.3g} mm, at "
                f"most {DISAGREEMENT:g} voxels are allowed; export it again"
            )
