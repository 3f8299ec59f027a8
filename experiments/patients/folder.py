"""Patients of a folder: a sub-folder for each, or files that go together by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from experiments.case.sections.base import joined
from experiments.patients.row import PatientRow
from meshes.errors import InputError
from meshes.images.formats import ENDINGS

ROLES = {
    "ct": ("ct", "image", "0000"),
    "subregions": ("subregions", "seg-(?:spine|subreg).*_msk"),
    "mask": ("mask", "masks", "seg", "segmentation", "segmentations", "seg-vert.*_msk"),
}
"""Key of ``[patient]`` -> what the name of its file is, or ends with after a point, a dash or an underscore.

``0000`` is nnU-Net's first channel; ``seg-vert_msk`` and the like are those of VerSe and TPTBox."""

OPTIONAL = ("subregions",)

EXPECTED = (
    "a sub-folder for each patient with ct.nii.gz and mask.nii.gz, or files such as sub-001_ct.nii.gz and "
    "sub-001_seg.nii.gz"
)

_PATTERNS = {
    role: re.compile(rf"(?:(?P<name>.+?)[._-])?(?:{'|'.join(words)})", re.IGNORECASE | re.DOTALL)
    for role, words in ROLES.items()
}

Files = dict[str, list[Path]]


def patients_of_folder(folder: Path) -> list[PatientRow]:
    """The patients of a folder by their names.

    Raises:
        InputError: it holds none, or both kinds, or a patient lacks a file or has two for one purpose.
    """
    entries = _entries(folder)
    pairs = _by_name(entry for entry in entries if not entry.is_dir())
    folders = {entry.name: _roles(_entries(entry)) for entry in entries if entry.is_dir()}
    folders = {name: files for name, files in folders.items() if files}
    if not pairs and not folders:
        raise InputError(f"{folder}: holds no patients; it needs {EXPECTED}; or give a table of patients (.csv)")
    if pairs and folders:
        raise InputError(
            f"{folder}: holds both files such as {next(iter(next(iter(pairs.values())).values()))[0].name} and "
            f"sub-folders with images such as {next(iter(folders))}; move one kind away"
        )
    found = pairs or folders
    wrong = [sentence for name, files in found.items() if (sentence := _misfit(name, files))]
    if wrong:
        more = f" ({len(wrong) - 1} more of {len(found)} patients do not fit either)" if len(wrong) > 1 else ""
        raise InputError(f"{folder}: {wrong[0]}{more}; move the patient away, or give a table of patients (.csv)")
    return [
        PatientRow(name, {role: str(paths[0].resolve()) for role, paths in files.items()})
        for name, files in found.items()
    ]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); make it readable or move it away") from None


def _role(path: Path) -> tuple[str, str] | None:
    """Role of a file, and whose it is by the part of its name before; None of what has no role."""
    stem = path.name
    if not path.is_dir():
        ending = next((end for end in sorted(ENDINGS, key=len, reverse=True) if stem.lower().endswith(end)), None)
        if ending is None:
            return None
        stem = stem[: -len(ending)]
    for role, pattern in _PATTERNS.items():
        if (match := pattern.fullmatch(stem)) is not None:
            return role, match["name"] or ""
    return None


def _roles(entries: Iterable[Path]) -> Files:
    """Role -> files that may have it, of one patient's folder."""
    found: Files = {}
    for entry in entries:
        if (known := _role(entry)) is not None:
            found.setdefault(known[0], []).append(entry)
    return found


def _by_name(entries: Iterable[Path]) -> dict[str, Files]:
    """Patient -> role -> files, where the beginning of the name tells the patient."""
    found: dict[str, Files] = {}
    for entry in entries:
        if (known := _role(entry)) is not None and known[1]:
            found.setdefault(known[1], {}).setdefault(known[0], []).append(entry)
    return found


def _misfit(name: str, files: Mapping[str, list[Path]]) -> str:
    """What is wrong with the files of a patient; empty where nothing is."""
    for role in ROLES:
        several = files.get(role, [])
        if len(several) > 1:
            return f"{name} has {len(several)} files for the {role}, {joined([path.name for path in several])}"
        if not several and role not in OPTIONAL:
            there = joined([path.name for paths in files.values() for path in paths])
            word = ROLES[role][0]
            return f"{name} has no {role}, which is called {word}.nii.gz or ..._{word}.nii.gz, beside {there}"
    return ""
