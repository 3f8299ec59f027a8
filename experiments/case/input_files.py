"""The files that a case reads, wherever its sections have keys for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.case.keys import key_values, section_keys
from experiments.case.sections.base import FOLDERS, Section
from meshes.errors import InputError, input_error


def input_files(case: Section) -> dict[str, Path]:
    """Role -> file of every input that ``case`` names; those of the patient have their key alone as role."""
    values = (item for item in key_values(case) if isinstance(item.value, Path))
    return {item.place.removeprefix("patient."): item.value for item in values}


def file_keys(table: Section) -> dict[str, Any]:
    """The keys of a table that name no file or one, as pydantic's ``exclude`` takes them.

    The same case may find its files elsewhere. A word that stands in the place of a file is not among them.
    """
    found: dict[str, Any] = {}
    for name, key in section_keys(type(table)).items():
        value = getattr(table, name)
        inside: Any = None
        if key.file:
            inside = value is None or isinstance(value, Path)
        elif key.several:
            inside = {number: entry for number, part in enumerate(value or ()) if (entry := file_keys(part))}
        elif key.section is not None and value is not None:
            inside = file_keys(value)
        if inside:
            found[name] = inside
    return found


def with_absolute_paths[Table: Section](table: Table, folder: Path, name: str) -> Table:
    """``table`` with absolute paths of the files that it names, all of which exist.

    Args:
        table: a section of a case, or the case.
        folder: where relative paths count from.
        name: how messages call the case file.

    Raises:
        InputError: files are missing or of another kind, with a sentence for each.
    """
    problems: list[str] = []
    found = _with_absolute_paths(table, folder, f"{name}: ", problems)
    if problems:
        raise input_error(problems)
    return found


def _with_absolute_paths[Table: Section](table: Table, folder: Path, place: str, problems: list[str]) -> Table:
    """The same of a table at a place in words; adds what is wrong to the problems."""
    changed: dict[str, Any] = {}
    for key, entry in section_keys(type(table)).items():
        value = getattr(table, key)
        if value is None:
            continue
        if isinstance(value, Path):
            try:
                changed[key] = _existing(value, entry.file, folder, f"{place}{key}")
            except InputError as error:
                problems.append(str(error))
        elif entry.several:
            tables = tuple(
                _with_absolute_paths(inside, folder, f"{place}{key}[{number}].", problems)
                for number, inside in enumerate(value, 1)
            )
            if tables != value:
                changed[key] = tables
        elif entry.section is not None:
            inside = _with_absolute_paths(value, folder, f"{place}{key}.", problems)
            if inside != value:
                changed[key] = inside
    return table.model_copy(update=changed) if changed else table


def _existing(given: Path, kind: str, base: Path, key: str) -> Path:
    """The absolute path of a file."""
    path = base / given.expanduser()
    try:
        folder, there, file = path.is_dir(), path.exists(), path.is_file()
    except OSError as error:
        raise InputError(f"{key} = {str(given)!r} cannot be found ({error.strerror}); correct the path") from None
    if folder and kind not in FOLDERS:
        raise InputError(f"{key} = {str(given)!r} is a folder, not a file; give one {kind}")
    if not there:
        raise InputError(f"{key} = {str(given)!r} does not exist (looked for {path})")
    if not folder and not file:
        raise InputError(f"{key} = {str(given)!r} is a device or a pipe; give one {kind}")
    return path
