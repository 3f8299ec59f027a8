"""The voxels of a DICOM series and their grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from meshes.errors import InputError

UNEVEN_SLICES = 0.02
"""Share by which the gaps between slices may differ before slices count as missing."""


def read_dicom_series(folder: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read the one CT series in ``folder``, rescaled to HU.

    Args:
        folder: folder that holds the slices of exactly one series.

    Returns:
        (nx, ny, nz) HU and the (4, 4) affine from voxel indices to the scanner's LPS mm.

    Raises:
        InputError: no series, several series, missing slices, a tilted gantry, or unreadable files.
    """
    series = SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise InputError(f"CT {folder} holds no DICOM series; give a NIfTI file or the folder with the slices")
    if len(series) > 1:
        raise InputError(f"CT {folder} holds {len(series)} DICOM series; leave only the one to simulate in the folder")
    files = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    if len(files) < 2:
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


def _check_slices(reader: SimpleITK.ImageSeriesReader, count: int, volume: SimpleITK.Image, folder: Path) -> None:
    """Refuse gaps and tilt, which ITK fills with an even, upright grid."""
    positions = np.array(
        [[float(part) for part in reader.GetMetaData(k, "0020|0032").split("\\")] for k in range(count)]
    )
    steps = np.diff(positions, axis=0)
    gaps = np.linalg.norm(steps, axis=1)
    if np.ptp(gaps) > UNEVEN_SLICES * np.median(gaps):
        raise InputError(
            f"CT {folder} has slices {gaps.min():.2f} to {gaps.max():.2f} mm apart; slices are missing or unevenly "
            "spaced, so export the whole series"
        )
    normal = np.reshape(volume.GetDirection(), (3, 3))[:, 2]
    tilt = np.degrees(np.arccos(np.clip(np.abs(steps[0] @ normal) / gaps[0], 0.0, 1.0)))
    if tilt > 0.1:
        raise InputError(
            f"CT {folder} was taken with the gantry tilted by {tilt:.1f} degrees; resample it to a rectangular grid"
        )
