"""Which reader a file needs, by its ending, and which file of a folder holds a vertebra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meshes.errors import InputError
from meshes.images import metaimage, nifti, nrrd
from meshes.images.dicom import read_dicom_series
from meshes.images.dicom_segmentation import read_dicom_segmentation
from meshes.images.grids import RAS_TO_LPS, Volume
from meshes.images.segments import level_of_name

IMAGES = "NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd)"
SEGMENTATIONS = (
    "NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr, .seg.nrrd), MetaImage (.mha, .mhd) or DICOM segmentation (.dcm)"
)
READERS: dict[str, Callable[[Path, str], Volume]] = {
    **dict.fromkeys(nifti.ENDINGS, nifti.read_nifti),
    ".nrrd": nrrd.read_nrrd,
    nrrd.DETACHED: nrrd.read_nrrd,
    ".mha": metaimage.read_metaimage,
    ".mhd": metaimage.read_metaimage,
}
"""Ending of a file -> its reader."""
DICOM = ".dcm"
ENDINGS = (*READERS, DICOM)


def read_scan(path: Path) -> Volume:
    """Read a CT from one file, or from a folder with one DICOM series."""
    _check_there(path, "CT")
    if path.is_dir():
        values, affine = read_dicom_series(path)
        return Volume(values, RAS_TO_LPS @ affine)
    volume = _reader(path, "CT", IMAGES)(path, "CT")
    if volume.values.ndim != 3:
        raise InputError(f"CT {path} is a segmentation with layers; give the CT itself")
    return volume


def read_labels(path: Path, what: str, wanted: Callable[[str], bool] | None = None) -> Volume:
    """Read a segmentation from one file; ``wanted`` names count where segments may overlap."""
    _check_there(path, what)
    if path.is_dir():
        raise InputError(f"{what} {path} is a folder; give one file: {SEGMENTATIONS}")
    if path.name.lower().endswith(DICOM):
        return read_dicom_segmentation(path, what, wanted)
    return _reader(path, what, SEGMENTATIONS)(path, what)


def file_of_level(path: Path, level: str | None, what: str) -> Path:
    """The file of a folder of masks, one for each structure, that holds a vertebra; ``path`` itself if it is a file.

    Args:
        path: mask, or folder with masks such as ``vertebrae_L3.nii.gz``, as TotalSegmentator writes them.
        level: vertebra asked for.
        what: how messages call it.

    Raises:
        InputError: the folder holds no mask of the vertebra, or several.
    """
    if not path.is_dir():
        return path
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        ending = next((end for end in sorted(ENDINGS, key=len, reverse=True) if file.name.lower().endswith(end)), None)
        if ending and (named := level_of_name(file.name[: -len(ending)].removesuffix(".seg"))):
            found.setdefault(named, []).append(file)
    if not found:
        raise InputError(f"{what} {path} is a folder without a mask such as vertebrae_L3.nii.gz; give one file")
    if level is None:
        raise InputError(f"{what} {path} holds masks of {', '.join(found)}; choose one with the level")
    files = found.get(level.strip().upper(), [])
    if len(files) != 1:
        several = (
            f"several masks of {level} ({', '.join(file.name for file in files)})" if files else f"no mask of {level}"
        )
        raise InputError(f"{what} {path} holds {several}; it has masks of {', '.join(found)}, so give one file")
    return files[0]


def companions(path: Path) -> tuple[Path, ...]:
    """Files besides ``path`` that hold a part of its image, as the voxels of a .mhd or .nhdr."""
    for ending, companion in ((".mhd", metaimage.companion), (nrrd.DETACHED, nrrd.companion)):
        if path.name.lower().endswith(ending) and path.is_file() and (voxels := companion(path)) is not None:
            return (voxels,)
    return ()


def _check_there(path: Path, what: str) -> None:
    if not path.exists():
        raise InputError(f"{what} {path} does not exist; check the path")
    if not path.is_dir() and not path.is_file():
        raise InputError(f"{what} {path} is no file; give one NIfTI file ({' or '.join(nifti.ENDINGS)})")


def _reader(path: Path, what: str, formats: str) -> Callable[[Path, str], Volume]:
    if what == "CT" and path.name.lower().endswith(DICOM):
        raise InputError(f"{what} {path} is one file of DICOM; give the folder with all slices of the series")
    for ending, reader in READERS.items():
        if path.name.lower().endswith(ending):
            return reader
    raise InputError(
        f"{what} {path} does not end in {' or '.join(nifti.ENDINGS)}, nor as another format that is read ({formats}); "
        "convert it to .nii.gz"
    )
