"""The case file: one TOML document, in clinical units, that says everything about one simulated injection.

A :class:`Case` is frozen and complete: every value that the file leaves out has a default with its unit, source and
provenance tag (``S`` read in the source, ``M`` not checked against it, ``D`` derived), or None where the constitutive
law in ``materials`` owns the default.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from experiments.case_errors import explain
from experiments.sections import (
    Bone,
    Cement,
    Defect,
    Injection,
    Marrow,
    Mechanics,
    Mesh,
    Needle,
    Outlets,
    Output,
    Patient,
    Section,
)
from meshes.errors import InputError


class Case(Section):
    """One simulated vertebroplasty, in clinical units."""

    title: str = Field(default="", max_length=200, description="a name for people")
    patient: Patient = Field(
        description="whose vertebra", json_schema_extra={"allowed": "ct, mask and level, or demo = true, in [patient]"}
    )
    mesh: Mesh = Mesh()
    bone: Bone = Bone()
    cement: Cement = Cement()
    marrow: Marrow = Marrow()
    needle: Needle = Needle()
    injection: Injection = Injection()
    outlets: Outlets = Outlets()
    defects: tuple[Defect, ...] = Field(default=(), max_length=10, description="openings in the walls")
    mechanics: Mechanics = Mechanics()
    output: Output = Output()

    @model_validator(mode="after")
    def _working_time_after_start(self) -> Case:
        limit, start = self.injection.working_time_min, self.cement.injected_after_mixing_min
        if limit is not None and limit <= start:
            raise ValueError(
                f"injection.working_time_min = {limit:g} is not after cement.injected_after_mixing_min = {start:g}; "
                "both count in minutes from mixing"
            )
        return self


CASES = Path(__file__).parent / "cases"
"""Folder of the case files that come with the software."""

FILES = ("mask", "subregions")
PATHS = ("ct", *FILES)
"""Keys of [patient] that name an image; the CT may also be a folder with one DICOM series."""


def read_case(path: Path) -> Case:
    """Read and check a case file.

    Args:
        path: TOML file; relative paths inside it count from its folder.

    Raises:
        InputError: the file is missing, is no TOML, has an unknown key or a value out of range, or names an image that
            does not exist.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such case file; 'vertebroplasty demo' shows a complete run without one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None
    return build_case(content, path.name, path.parent)


def build_case(content: dict[str, Any], name: str = "case", folder: Path | None = None) -> Case:
    """Check ``content``, the tables of a case file, and complete it with the defaults.

    Args:
        content: section -> key -> value, in clinical units.
        name: how messages call the file.
        folder: where relative paths count from; the current folder by default.

    Raises:
        InputError: one sentence with the first thing that is wrong and how many more there are.
    """
    try:
        case = Case.model_validate(content)
    except ValidationError as error:
        raise InputError(explain(error, Case, name)) from None
    base = (folder or Path()).resolve()
    resolved: dict[str, Path] = {}
    for key in PATHS:
        given = getattr(case.patient, key)
        if given is None:
            continue
        resolved[key] = base / given.expanduser()
        if key in FILES and resolved[key].is_dir():
            raise InputError(
                f"{name}: patient.{key} = {str(given)!r} is a folder, not a file; give one NIfTI file (.nii or .nii.gz)"
            )
        if not resolved[key].exists():
            raise InputError(f"{name}: patient.{key} = {str(given)!r} does not exist (looked for {resolved[key]})")
    return case.model_copy(update={"patient": case.patient.model_copy(update=resolved)})


def demo_case(defect: bool = False, size_mm: float | None = None) -> Case:
    """The demo: a real osteoporotic L3, 4 ml from the left; with ``defect`` the posterior wall is open."""
    path = CASES / ("demo_defect.toml" if defect else "demo.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    if size_mm is not None:
        content.setdefault("mesh", {})["size_mm"] = size_mm
    return build_case(content, path.name, path.parent)


def defaults_used(case: Case) -> dict[str, dict[str, Any]]:
    """The physical values that the case file left to this module: ``section.key`` -> value, unit, source, tag.

    Values that are None belong to a law in ``materials``, which lists them itself.
    """
    listing: dict[str, dict[str, Any]] = {}
    for name in Case.model_fields:
        section = getattr(case, name)
        if not isinstance(section, Section):
            continue
        for key, info in type(section).model_fields.items():
            extra = info.json_schema_extra
            value = getattr(section, key)
            if key in section.model_fields_set or value is None or not isinstance(extra, dict) or "tag" not in extra:
                continue
            listing[f"{name}.{key}"] = {
                "value": value,
                "unit": extra["unit"],
                "source": extra["source"],
                "tag": extra["tag"],
            }
    return listing


def json_schema() -> dict[str, Any]:
    """JSON Schema of the case file."""
    return Case.model_json_schema()
