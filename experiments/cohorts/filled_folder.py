"""The folder of a cohort or a trial is filled by files, which it keeps, and goes on with the same settings alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from meshes.errors import InputError


def fill(path: Path, kind: str, files: Mapping[Path, Path], same: Callable[[], bool]) -> None:
    """Make a folder with files in it, or go on in it.

    Args:
        path: the folder.
        kind: what it holds, as in "cohort".
        files: place in the folder -> file that is kept there; the last one is the user's.
        same: tells of a folder with all of them whether its settings are those of the files.

    Raises:
        InputError: the folder holds something else, or one of other settings, or cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, not a folder; choose another folder with -o")
    if path.is_dir() and any(path.iterdir()):
        if not all(place.exists() for place in files):
            raise InputError(f"{path}: is not empty and holds no {kind}; choose another folder with -o")
        if not same():
            name = [*files.values()][-1].name
            raise InputError(f"{path}: holds a {kind} of other settings than {name}; choose another folder with -o")
    try:
        path.mkdir(parents=True, exist_ok=True)
        for place, source in files.items():
            place.write_bytes(source.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror}); choose another folder") from None
