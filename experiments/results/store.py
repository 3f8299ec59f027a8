"""A case directory: written beside its place under a temporary name, moved there when it is whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from experiments.results.format import FORMAT, FORMAT_VERSION, is_ours
from experiments.results.parts.base import Part
from meshes.errors import InputError

OUR_NAMES = frozenset(
    {
        *("manifest.json", "results.json", "fields.vtkhdf", "surface.vtp", "ct.nii.gz", "mechanics.vtu", "mesh.vtu"),
        *("mechanics_intact.vtu", "veins.vtp", "vein_cement.vtp"),
        *("heat_peak.nii.gz", "heat_damage.nii.gz", "heat_course.nii.gz"),
        *("cement.nii.gz", "measures.csv"),
        *("report.html", "pictures", "animation.mp4", "animation.gif", "export"),
        *("comparison.csv", "comparison.json", "comparison.png", "agreement.png"),
        *("verification.md", "images"),
        *("analysis.json", "tables", "plots"),
    }
)
"""Everything that this software writes at the top of the directory of a case, comparison, analysis or evidence page."""


@contextmanager
def case_directory(target: Path) -> Iterator[Path]:
    """Give a temporary directory to fill; when the block ends well it becomes ``target``, otherwise it is removed.

    An older complete case directory at ``target`` stays untouched until then and is replaced as a whole.

    Raises:
        InputError: see :func:`check_target`.
        DiskFullError: the disk is full.
    """
    check_target(target)
    target = target.resolve()
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".unfinished", dir=target.parent))
    except OSError as error:
        raise _not_writable(target, error) from None
    try:
        yield work
        work.chmod(0o777 & ~_umask())
        check_target(target)
        _put_in_place(work, target)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        for folder in missing:
            try:
                folder.rmdir()
            except OSError:
                break
        if is_full(error):
            raise DiskFullError(
                f"{target}: the disk is full; make room or choose another with -o; {UNTOUCHED}"
            ) from None
        raise


class DiskFullError(InputError):
    """There is no room where something is to be written."""


UNTOUCHED = "nothing was written, and what stood there still does"


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left where something is written."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def in_place_of(target: Path) -> Iterator[Path]:
    """Give a path for a file or a folder to make; when the block ends well, it takes the place of ``target``.

    For what belongs to a finished case and can be made again. What stands at ``target`` stays untouched until then.

    Raises:
        InputError: nothing can be written there, or a folder stands where a file should, or the other way round.
        DiskFullError: the disk is full.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".unfinished", dir=target.parent))
    except OSError as error:
        raise _not_writable(target, error) from None
    try:
        made = work / target.name
        yield made
        if target.exists() and target.is_dir() != made.is_dir():
            raise InputError(f"{target}: is in the way; choose another place with -o")
        if made.is_dir():
            _put_in_place(made, target)
        else:
            made.replace(target)
    except OSError as error:
        if is_full(error):
            raise DiskFullError(f"{target}: the disk is full; make room and run this again; {UNTOUCHED}") from None
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_target(target: Path) -> None:
    """Refuse a place for results that is not writable, or not free, empty or an older case directory of ours.

    Raises:
        InputError: something else is there, or nothing can be written there.
    """
    try:
        _refuse_foreign(target)
        _try_to_write(target)
    except OSError as error:
        raise _not_writable(target, error) from None


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: is a file, not a folder; choose another folder with -o")
    if target.resolve() == Path.cwd() or target.resolve() in Path.cwd().parents:
        raise InputError(f"{target}: is the current folder or holds it; choose a folder of its own with -o")
    names = {entry.name for entry in target.iterdir()}
    if not names:
        return
    if not _is_ours(target):
        raise InputError(
            f"{target}: is not empty and holds no manifest.json of vertebroplasty, so it is not overwritten; "
            "choose another folder with -o"
        )
    if foreign := sorted(names - OUR_NAMES):
        raise InputError(
            f"{target}: holds {foreign[0]!r}, which vertebroplasty did not write, so the folder is not replaced; "
            "move it away or choose another folder with -o"
        )


def _try_to_write(target: Path) -> None:
    """Make and remove a folder in the nearest folder above ``target`` that exists: permissions alone do not tell."""
    above = next(folder for folder in target.resolve().parents if folder.exists())
    if not above.is_dir():
        raise InputError(f"{target}: {above} is a file, not a folder; choose another folder with -o")
    Path(tempfile.mkdtemp(prefix=f".{target.resolve().name}.", suffix=".unfinished", dir=above)).rmdir()


def _not_writable(target: Path, error: OSError) -> InputError:
    return InputError(f"{target}: cannot write there ({error.strerror}); choose another folder with -o")


def write_manifest(folder: Path, manifest: Part | Mapping[str, Any]) -> None:
    """Write ``manifest.json`` into a case directory, mark it as ours and seal what stands in the directory by then."""
    path = folder / "manifest.json"
    files = {entry.name: _checksum(entry) for entry in folder.iterdir() if entry.is_file() and entry != path}
    content = manifest.plain() if isinstance(manifest, Part) else manifest
    write_json(path, {**content, "format": FORMAT, "format_version": FORMAT_VERSION, "files": files})
    written = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**written, "seal": _seal(written)})


def is_whole(folder: Path, manifest: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether a manifest and the named files beside it are as they were written.

    Args:
        folder: case directory.
        manifest: content of its ``manifest.json``.
        names: files that are needed.

    Raises:
        OSError: a file cannot be read.
    """
    content = {key: value for key, value in manifest.items() if key != "seal"}
    files = content.get("files")
    if manifest.get("format") != FORMAT or manifest.get("seal") != _seal(content) or not isinstance(files, dict):
        return False
    return all(files.get(name) == _checksum(folder / name) for name in names)


def _seal(content: Mapping[str, Any]) -> str:
    """SHA-256 in hex of a manifest without its seal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_results(folder: Path, results: Part | Mapping[str, Any]) -> None:
    """Write ``results.json`` into a case directory."""
    write_json(folder / "results.json", results.plain() if isinstance(results, Part) else results)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write :func:`json_text` with indents to ``path``, in the place of what stands there."""
    made = path.with_name(f".{path.name}.unfinished")
    try:
        made.write_text(json_text(content, indent=2) + "\n", encoding="utf-8")
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def json_text(content: Mapping[str, Any], indent: int | None = None) -> str:
    """``content`` as JSON with sorted keys; NumPy numbers and arrays become plain numbers and lists.

    Raises:
        ValueError: a number is not finite; such a result is an error and is not stored.
    """
    return json.dumps(content, indent=indent, sort_keys=True, allow_nan=False, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _is_ours(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return is_ours(manifest)


def _put_in_place(work: Path, target: Path) -> None:
    """Rename ``work`` to ``target``; what was there goes only after the new directory is in its place."""
    if not target.exists():
        work.rename(target)
        return
    old = work.with_suffix(".replaced")
    target.rename(old)
    try:
        work.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
