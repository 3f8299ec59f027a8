"""A case file and its patients as the plan of a sweep."""

from __future__ import annotations

import copy
from pathlib import Path

from pydantic import ValidationError

from experiments.case.errors import explain
from experiments.case.keys import key_values
from experiments.case.schema import Case, build_case, read_tables
from experiments.case.sections.base import PLACED
from experiments.patients.folder import patients_of_folder
from experiments.patients.row import PatientRow
from experiments.patients.table import changed_paths, patients_of_table
from experiments.sweep.cases import Plan, plan_cases
from experiments.sweep.paths import CasePath
from experiments.sweep.sweep_file import LARGEST_SWEEP, SweepFile
from meshes.errors import InputError

SHARED = ("level", "labels", "resample", "body_labels", "arch_labels")
"""Keys of ``[patient]`` that hold for all patients where the case file gives them; the others are one patient's own."""


def read_patients(path: Path) -> list[PatientRow]:
    """The patients of a folder or of a table.

    Raises:
        InputError: they cannot be read, or there are too many of them.
    """
    rows = patients_of_folder(path) if path.is_dir() else patients_of_table(path)
    if len(rows) > LARGEST_SWEEP:
        raise InputError(f"{path}: holds {len(rows)} patients; at most {LARGEST_SWEEP} are allowed")
    return rows


def plan_patients(case_file: Path, patients: Path) -> Plan:
    """The plan of a case file for every patient: a sweep that varies ``[patient]`` and what the table changes.

    Args:
        case_file: TOML file; of its ``[patient]`` only :data:`SHARED` counts, so that it may lack the rest.
        patients: folder or table.

    Raises:
        InputError: case file or patients cannot be used, or the plan is tied to one patient's scan.
    """
    rows, tables = read_patients(patients), read_tables(case_file)
    own = tables.get("patient")
    shared = {key: own[key] for key in SHARED if key in own} if isinstance(own, dict) else {}
    given = [{**shared, **row.patient} for row in rows]
    for row, patient in zip(rows, given, strict=True):
        if "level" not in patient:
            raise InputError(
                f"{case_file.name}: [patient] has no level, and {row.name} of {patients} has none of its own; add the "
                "level that all have, or a column level to a table of patients"
            )
    changed = changed_paths(rows)
    base = copy.deepcopy({**tables, "patient": given[0]})
    for path, values in changed.items():
        CasePath.parse(path).put(base, values[0])
    _refuse_places(
        build_case(base, f"{case_file.name} with {rows[0].name}", case_file.parent), case_file.name, set(changed)
    )
    content = {
        "title": str(tables.get("title", ""))[:200],
        "design": "zipped",
        "base": base,
        "vary": [
            {"path": "patient", "values": given, "names": [row.name for row in rows]},
            *({"path": path, "values": values} for path, values in changed.items()),
        ],
    }
    try:
        sweep_file = SweepFile.model_validate(content)
    except ValidationError as error:
        raise explain(error, SweepFile, str(patients)) from None
    return plan_cases(sweep_file, case_file.name, case_file.parent)


def _refuse_places(case: Case, name: str, changed: set[str]) -> None:
    """Refuse files of the plan that lie in the coordinates of one scan.

    Raises:
        InputError: there is one that the table does not change for every patient.
    """
    for item in key_values(case):
        own = item.place.startswith("patient.") or item.place in changed
        if isinstance(item.value, Path) and item.key.file in PLACED and not own:
            raise InputError(
                f"{name}: {item.place} = {item.value.name!r} lies in the coordinates of one scan, so it fits "
                "one patient alone; say the place by fractions of the body (left, depth, height), or give every "
                f"patient a file of its own in the column {item.place} of a table"
            )
