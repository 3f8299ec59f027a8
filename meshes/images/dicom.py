"""The voxels of a DICOM series and their grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from numpy.typing import NDArray

from meshes.errors import InputError

UNEVEN_SLICES = 0.02
"""Share by which the gaps between slices may differ before slices count as missing."""

UNEVEN_PIXELS = 1e-3
"""mm in pixel sizes, and share in directions, by which slices of one series may differ."""
POSITION, DIRECTIONS, PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
NUMBERS = {POSITION: 3, DIRECTIONS: 6, PIXEL_SPACING: 2}
"""Tag -> how many numbers it holds."""
PREAMBLE = 128
"""Bytes before the mark of a DICOM file."""
META_GROUP, TRANSFER_SYNTAX = b"\x02\0", b"\x02\0\x10\0"
IMPLICIT = b"1.2.840.10008.1.2"
PLAIN_SYNTAXES = (IMPLICIT, b"1.2.840.10008.1.2.1")
"""Little-endian transfer syntaxes whose elements can be followed without unpacking; the first names no kinds."""
SHORT_KINDS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Kinds of values whose lengths take two bytes; those of all others take four, after two that are empty."""
UNDEFINED_LENGTH = 0xFFFFFFFF


def read_dicom_series(folder: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read the one CT series in ``folder``, rescaled to HU.

    Args:
        folder: folder that holds the slices of exactly one series.

    Returns:
        (nx, ny, nz) HU and the (4, 4) affine from voxel indices to the scanner's LPS mm.

    Raises:
        InputError: no series, several series, missing slices, a tilted gantry, or unreadable files.
    """
    for path in sorted(folder.iterdir()):
        if path.is_file():
            _check_lengths(path)
    series = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise InputError(f"CT {folder} holds no DICOM series; give a NIfTI file or the folder with the slices")
    if len(series) > 1:
        raise InputError(f"CT {folder} holds {len(series)} DICOM series; leave only the one to simulate in the folder")
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    if len(files) < 2:
        if (frames := _frames(Path(files[0]))) > 1:
            raise InputError(
                f"CT {folder} holds an enhanced CT with {frames} frames in one file, which is not read; export it as a "
                "series with a file for each slice, or as NIfTI"
            )
        raise InputError(f"CT {folder} holds a single slice; the whole series is needed")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        volume = reader.Execute()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"CT {folder} cannot be read as a DICOM series ({reason}); export it again") from error
    _check_slices(reader, len(files), volume, folder)
    values = SimpleITK.GetArrayFromImage(volume).transpose(2, 1, 0)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(volume.GetDirection(), (3, 3)) * np.asarray(volume.GetSpacing())
    affine[:3, 3] = volume.GetOrigin()
    return values, affine


def _frames(path: Path) -> int:
    """Frames of a file that holds several slices; 1 where it does not say."""
    try:
        return int(pydicom.dcmread(path, stop_before_pixels=True).get("NumberOfFrames") or 1)
    except (OSError, ValueError, TypeError, AttributeError, pydicom.errors.InvalidDicomError):
        return 1


def _check_lengths(path: Path) -> None:
    """Refuse a file in which a value is longer than what is left of the file: GDCM would reserve gigabytes for it.

    Elements are followed as far as their lengths are given, which sequences and compressed pixels need not have; files
    without the mark of DICOM are left alone (DICOM PS3.5, chapter 7; PS3.10, chapter 7).
    """
    size, syntax = path.stat().st_size, b""
    with path.open("rb") as file:
        if file.read(PREAMBLE + 4)[PREAMBLE:] != b"DICM":
            return
        while len(start := file.read(8)) == 8:
            tag, kind, length = start[:4], start[4:6], int.from_bytes(start[6:8], "little")
            if tag[:2] != META_GROUP and syntax not in PLAIN_SYNTAXES:
                return
            if tag[:2] != META_GROUP and syntax == IMPLICIT:
                length = int.from_bytes(start[4:8], "little")
            elif kind not in SHORT_KINDS:
                length = int.from_bytes(file.read(4), "little")
            if length == UNDEFINED_LENGTH:
                return
            if file.tell() + length > size:
                raise InputError(
                    f"CT {path} is damaged or cut short: it describes {file.tell() + length} bytes, but holds {size}; "
                    "export the series again"
                )
            if tag == TRANSFER_SYNTAX:
                syntax = file.read(length).rstrip(b"\0 ")
            else:
                file.seek(length, os.SEEK_CUR)


def _numbers(reader: SimpleITK.ImageSeriesReader, slices: int, tag: str, folder: Path) -> NDArray[np.float64]:
    """(slices, n) numbers that a tag holds in every slice."""
    try:
        rows = [[float(part) for part in reader.GetMetaData(k, tag).split("\\")] for k in range(slices)]
        return np.array(rows, dtype=np.float64).reshape(slices, NUMBERS[tag])
    except (RuntimeError, ValueError) as error:
        raise InputError(f"CT {folder} has slices that do not say where they lie; export it again") from error


def _check_slices(reader: SimpleITK.ImageSeriesReader, count: int, volume: SimpleITK.Image, folder: Path) -> None:
    """Refuse gaps and tilt, which ITK fills with an even, upright grid."""
    direction = np.reshape(volume.GetDirection(), (3, 3))
    for tag, used in ((DIRECTIONS, direction[:, :2].T.ravel()), (PIXEL_SPACING, volume.GetSpacing()[1::-1])):
        if not np.abs(_numbers(reader, count, tag, folder) - used).max() <= UNEVEN_PIXELS:
            raise InputError(
                f"CT {folder} has slices of different pixel sizes or directions; keep those of one reconstruction"
            )
    positions = _numbers(reader, count, POSITION, folder)
    steps = np.diff(positions, axis=0)
    step = np.median(steps, axis=0)
    gaps = steps @ direction[:, 2]
    distance = float(np.linalg.norm(step))
    if distance == 0.0 or not np.linalg.norm(steps - step, axis=1).max() <= UNEVEN_SLICES * distance:
        raise InputError(
            f"CT {folder} has slices {gaps.min():.2f} to {gaps.max():.2f} mm apart; slices are missing, there twice or "
            "unevenly spaced, so export the whole series"
        )
    tilt = np.degrees(np.arccos(np.clip(np.abs(step @ direction[:, 2]) / distance, 0.0, 1.0)))
    if tilt > 0.1:
        raise InputError(
            f"CT {folder} was taken with the gantry tilted by {tilt:.1f} degrees; resample it to a rectangular grid"
        )
