"""Patients of a table: a CSV file with a line for each."""

from __future__ import annotations

import csv
import io
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.case.keys import key_at, section_keys
from experiments.case.schema import Case
from experiments.case.sections.base import joined
from experiments.case.sections.patient import Patient
from experiments.patients.row import PatientRow
from experiments.sweep.paths import CasePath
from meshes.errors import InputError

NAME = "patient"
"""Column with the names of the patients."""

NEEDED = (NAME, "ct", "mask")

LARGEST_TABLE = 10 << 20
"""Bytes of a table that are read; one of ten thousand patients has about two million."""


def patients_of_table(path: Path) -> list[PatientRow]:
    """The patients of a CSV file in the order of its lines.

    Columns are :data:`NEEDED`, keys of ``[patient]``, and paths of other keys such as ``injection.volume_ml``. Commas
    or semicolons separate them; files count from the folder of the table. An empty cell of a key of ``[patient]``
    leaves it out.

    Raises:
        InputError: the file cannot be read, or lacks a column or a cell, or has one that belongs nowhere.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > LARGEST_TABLE:
            raise InputError(f"{path}: is larger than {LARGEST_TABLE >> 20} MB, so it is no table of patients")
        text = raw.decode("utf-8-sig")
        head = text.partition("\n")[0]
        delimiter = ";" if ";" in head and "," not in head else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        listed = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a folder or a CSV file of patients"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a CSV text file ({error}); save the table as CSV in UTF-8") from None
    if not listed:
        raise InputError(
            f"{path}: is empty; it needs a line of column names, {','.join(NEEDED)}, and one for each patient"
        )
    (_, columns), *rest = listed
    _check_columns(path, columns)
    if not rest:
        raise InputError(f"{path}: lists no patients below its column names; add a line for each")
    rows = [_row(path, line, columns, cells) for line, cells in rest]
    if twice := _repeated([row.name for row in rows]):
        raise InputError(f"{path}: names {twice[0]!r} in several lines; give every line a name of its own")
    return rows


def _check_columns(path: Path, columns: list[str]) -> None:
    if missing := [name for name in NEEDED if name not in columns]:
        raise InputError(f"{path}: the column {missing[0]} is missing; the first line must name {', '.join(NEEDED)}")
    if twice := _repeated(columns):
        raise InputError(f"{path}: the first line names the column {twice[0]!r} twice; keep one of them")
    known = section_keys(Patient)
    for name in columns:
        inside = name not in (NAME, *known) and key_at(Case, CasePath.parse(name).steps) is None
        if name == "demo" or (inside and not name.startswith("laws.")):
            raise InputError(
                f"{path}: {name!r} is no column of patients; beside {joined(NEEDED)} these are "
                f"{joined(list(known)[3:])}, and keys of the case file with their table, such as injection.volume_ml"
            )


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _row(path: Path, line: int, columns: list[str], cells: list[str]) -> PatientRow:
    if len(cells) > len(columns):
        raise InputError(f"{path}, line {line}: has {len(cells)} cells for {len(columns)} columns; put texts in quotes")
    given = dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=True))
    name = given.pop(NAME)
    patient: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    for column, cell in given.items():
        key = column.removeprefix("patient.")
        of_patient = key in section_keys(Patient)
        if not cell:
            if of_patient and column not in NEEDED:
                continue
            raise InputError(f"{path}, line {line}: {column} is empty; fill it in, or leave out the line or the column")
        (patient if of_patient else changes)[key if of_patient else column] = _value(path, column, cell)
    if not name or len(name) > 200 or not name.isprintable():
        raise InputError(f"{path}, line {line}: {NAME} = {name!r} is no name; give 1 to 200 printable characters")
    return PatientRow(name, patient, changes)


def _value(path: Path, column: str, cell: str) -> Any:
    """What a cell says: a file's absolute path, or a value as in TOML, texts also without quotation marks."""
    steps = CasePath.parse(column).steps
    key = key_at(Case, steps) or key_at(Case, ("patient", *steps))
    if key is not None and key.file:
        return str(path.parent.resolve() / Path(cell).expanduser())
    if key is not None and key.path == "patient.level":
        return cell
    try:
        said = tomllib.loads(f"value = {cell}")
    except (RecursionError, ValueError):
        return cell
    return said["value"] if len(said) == 1 else cell


def changed_paths(rows: list[PatientRow]) -> Mapping[str, list[Any]]:
    """Path of each key that the table changes -> its values by patient."""
    return {path: [row.changes[path] for row in rows] for path in rows[0].changes}
