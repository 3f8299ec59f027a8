"""The case file: one TOML document, in clinical units, that says everything about one simulated injection.

A :class:`Case` is frozen and complete: every value that the file leaves out has a default with its unit, source and
provenance tag (``S`` read in the source, ``M`` not checked against it, ``D`` derived), or None where the constitutive
law in ``materials`` owns the default.
"""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from experiments.case.errors import explain
from experiments.case.input_files import with_absolute_paths
from experiments.case.keys import key_values
from experiments.case.sections import (
    Bone,
    Cavity,
    Cement,
    Defect,
    Fracture,
    Heat,
    Injection,
    Lesion,
    Marrow,
    Mechanics,
    Mesh,
    Needle,
    Observation,
    Outlets,
    Output,
    Outside,
    Patient,
    PrescribedCement,
    Section,
    Veins,
    Walls,
)
from experiments.case.sections.base import joined, physical_table
from experiments.case.sections.needles import (
    LARGEST_VOLUME_ML,
    LEAST_BOLUS_ML,
    LEAST_VOLUME_ML,
    VOLUME_TOLERANCE_ML,
    Bolus,
)
from meshes.errors import InputError

SAME_TIP = 0.02
"""Two tips that differ by less than this in every fraction of the body are in the same place."""


INJECTION_TABLES = ("cement", "marrow", "needles", "injection", "veins", "outlets", "outside", "observation")
"""Tables that describe an injection alone and have nothing to say about prescribed cement."""


LawValue = Annotated[float, Field(strict=True)]
"""Value of a law's quantity in the unit of the law; the law holds its range."""


class Case(Section):
    """One simulated vertebroplasty, in clinical units."""

    title: str = Field(default="", max_length=200, description="a name for people")
    patient: Patient = Field(
        description="whose vertebra", json_schema_extra={"allowed": "ct, mask and level, or demo = true, in [patient]"}
    )
    mesh: Mesh = Mesh()
    bone: Bone = Bone()
    fracture: Fracture | None = Field(default=None, description="a compression fracture of the body")
    cement: Cement = Cement()
    marrow: Marrow = Marrow()
    needles: tuple[Needle, ...] = Field(
        default=(Needle(),), min_length=1, max_length=4, description="the needles, in the order in which they inject"
    )
    injection: Injection = Injection()
    prescribed_cement: PrescribedCement | None = Field(default=None, description="cement instead of an injection")
    lesions: tuple[Lesion, ...] = Field(default=(), max_length=5, description="metastases in the body")
    cavities: tuple[Cavity, ...] = Field(default=(), max_length=4, description="clefts and balloon cavities")
    veins: Veins = Veins()
    walls: Walls = Walls()
    outlets: Outlets = Outlets()
    outside: Outside = Outside()
    defects: tuple[Defect, ...] = Field(default=(), max_length=10, description="openings in the walls")
    observation: Observation = Observation()
    heat: Heat = Heat()
    mechanics: Mechanics = Mechanics()
    output: Output = Output()
    laws: dict[str, LawValue] = physical_table(
        "as the manifest lists it",
        "values of the laws by the names under which the manifest lists them",
        'numbers by names in quotation marks, as in "cement.activation_energy" = 50.0',
    )

    @model_validator(mode="after")
    def _injected_or_prescribed(self) -> Case:
        if self.prescribed_cement is None:
            return self
        keys = ["conductance_ml_per_s_kpa", "missing_shell"]
        if self.mechanics.cortex != "shell":
            keys.insert(0, "thickness_mm")
        if idle := self.gives(*INJECTION_TABLES) + [f"walls.{key}" for key in self.walls.gives(*keys)]:
            raise ValueError(
                f"prescribed_cement takes the place of an injection, which {joined(idle)} "
                f"{'describes' if len(idle) == 1 else 'describe'}; remove {joined(idle)} or prescribed_cement"
            )
        return self

    @model_validator(mode="after")
    def _scanned_as_it_is(self) -> Case:
        if self.fracture is not None and self.prescribed_cement is not None and self.prescribed_cement.shapes is None:
            raise ValueError(
                "fracture breaks the body of the CT, but a CT with cement in it shows the body as it is; remove "
                "fracture or give prescribed_cement its shapes"
            )
        return self

    @model_validator(mode="after")
    def _densities_where_none_are_hounsfield(self) -> Case:
        if self.bone.units == "hu":
            return self
        if self.patient.demo:
            raise ValueError(
                'bone.units = "mg/cm3" does not go with patient.demo, whose CT is in HU; remove units or name a '
                "calibrated image"
            )
        if self.prescribed_cement is not None and self.prescribed_cement.threshold_hu is not None:
            raise ValueError(
                'prescribed_cement.threshold_hu is in HU, but bone.units = "mg/cm3" says that the image holds '
                "densities; give the cement as a mask"
            )
        return self

    @model_validator(mode="after")
    def _ogo_with_its_modulus(self) -> Case:
        if self.mechanics.yield_law == "ogo" and self.bone.modulus_law != "walle":
            raise ValueError(
                'mechanics.yield_law = "ogo" goes with bone.modulus_law = "walle", not '
                f'"{self.bone.modulus_law}"; both are one recipe'
            )
        return self

    @model_validator(mode="after")
    def _working_time_after_start(self) -> Case:
        limit, start = self.injection.working_time_min, self.cement.injected_after_mixing_min
        if limit is not None and limit <= start:
            raise ValueError(
                f"injection.working_time_min = {limit:g} is not after cement.injected_after_mixing_min = {start:g}; "
                "both count in minutes from mixing: raise the first, lower the second, or leave the first out for "
                "the cement's own"
            )
        return self

    @model_validator(mode="after")
    def _tips_apart(self) -> Case:
        for number, needle in enumerate(self.needles, 1):
            for earlier, other in enumerate(self.needles[: number - 1], 1):
                if not (needle.by_fractions and other.by_fractions):
                    continue
                if all(abs(a - b) < SAME_TIP for a, b in zip(needle.target, other.target, strict=True)):
                    left, depth, height = needle.target
                    raise ValueError(
                        f"needles[{number}] has its tip where needles[{earlier}] has it (left = {left:g}, depth = "
                        f"{depth:g}, height = {height:g}); give it another side, left, depth or height"
                    )
        return self

    @model_validator(mode="after")
    def _volumes_agree(self) -> Case:
        own = [needle.own_volume_ml for needle in self.needles]
        given = math.fsum(volume for volume in own if volume is not None)
        planned = self.injection.volume_ml
        if None in own:
            least = own.count(None) * LEAST_BOLUS_ML
            if planned - given < least:
                others = [f"needles[{number}]" for number, volume in enumerate(own, 1) if volume is None]
                raise ValueError(
                    f"injection.volume_ml = {planned:g} leaves too little for {joined(others)}, because the other "
                    f"needles take {given:g} ml; enlarge it to {given + least:g} ml at least or give every needle its "
                    "volume_ml"
                )
        elif "volume_ml" in self.injection.model_fields_set and abs(given - planned) > VOLUME_TOLERANCE_ML:
            raise ValueError(
                f"the needles' volumes add up to {given:g} ml, but injection.volume_ml = {planned:g} ml; make them "
                "agree or leave injection.volume_ml out"
            )
        elif not LEAST_VOLUME_ML <= given <= LARGEST_VOLUME_ML:
            raise ValueError(
                f"the needles' volumes add up to {given:g} ml; choose {LEAST_VOLUME_ML:g} to {LARGEST_VOLUME_ML:g} ml "
                "in all"
            )
        return self

    @property
    def boluses(self) -> tuple[tuple[Bolus, ...], ...]:
        """The boluses of each needle; what the file leaves open is one bolus of an equal share of what is left."""
        own = [needle.own_volume_ml for needle in self.needles]
        left = self.injection.volume_ml - math.fsum(volume for volume in own if volume is not None)
        return tuple(
            needle.boluses or (Bolus(volume_ml=left / own.count(None) if volume is None else volume),)
            for needle, volume in zip(self.needles, own, strict=True)
        )


DERIVED = "derived"
"""Tag of a value that follows from others in the case file."""

CASES = Path(__file__).parents[1] / "cases"
"""Folder of the case files that come with the software."""

SLIPS = {
    r"=\s*[-+]?\d+,\d": "; decimals have a point, as in 0.2",
    r"=\s*[A-Za-z]": '; words stand in quotation marks, as in viscosity = "low", and true and false are small',
    r"=\s*(#.*)?$": "; the key has no value",
}
"""Line that is no TOML -> what to do about it."""

LARGEST_FILE = 1 << 20
"""Bytes of a case file that are read; the cases that come along have some hundred."""


def read_case(path: Path) -> Case:
    """Read and check a case file.

    Args:
        path: TOML file; relative paths inside it count from its folder.

    Raises:
        InputError: the file is missing, is no TOML, has an unknown key or a value out of range, or names an image that
            does not exist.
    """
    return build_case(read_tables(path), path.name, path.parent)


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a case file, not yet checked.

    Raises:
        InputError: the file is missing or is no TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}{_slip(text, error)}") from None
    except RecursionError:
        raise InputError(f"{path}: nests tables or lists too deeply; a case needs four levels at most") from None
    except ValueError:  # of Python's limit on the digits of a whole number
        raise InputError(f"{path}: holds a number with thousands of digits; write it as in 1e-9") from None


def read_text(path: Path) -> str:
    """The text of a case file.

    Raises:
        InputError: the file is missing, too large, or no text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such case file; 'vertebroplasty demo' shows a complete run without one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a text file ({error})") from None
    if len(raw) > LARGEST_FILE:
        raise InputError(f"{path}: is larger than {LARGEST_FILE} bytes, so it is no case file; name the right file")
    return text


def _slip(text: str, error: tomllib.TOMLDecodeError) -> str:
    """The line that is no TOML, and what is usually meant by one like it."""
    place = re.search(r"at line (\d+)", str(error))
    lines = text.splitlines()
    if place is None or not 0 < int(place[1]) <= len(lines):
        return ""
    line = lines[int(place[1]) - 1].strip()
    hint = next((hint for pattern, hint in SLIPS.items() if re.search(pattern, line)), "")
    return f", {line!r}{hint}"


def build_case(content: dict[str, Any], name: str = "case", folder: Path | None = None) -> Case:
    """Check ``content``, the tables of a case file, and complete it with the defaults.

    Args:
        content: section -> key -> value, in clinical units.
        name: how messages call the file.
        folder: where relative paths count from; the current folder by default.

    Raises:
        InputError: a sentence for each thing that is wrong.
    """
    try:
        case = Case.model_validate(content)
    except ValidationError as error:
        raise explain(error, Case, name) from None
    return _with_total_volume(with_absolute_paths(case, (folder or Path()).resolve(), name))


def _with_total_volume(case: Case) -> Case:
    """``case`` with the planned volume that its needles add up to, where all of them have their own."""
    volumes = [needle.own_volume_ml for needle in case.needles]
    if None in volumes or "volume_ml" in case.injection.model_fields_set:
        return case
    total = math.fsum(volume for volume in volumes if volume is not None)
    # nobody gave it, so it does not count as set
    values = {**dict(case.injection), "volume_ml": total}
    injection = type(case.injection).model_construct(case.injection.model_fields_set, **values)
    return case.model_copy(update={"injection": injection})


def demo_case(defect: bool = False, size_mm: float | None = None) -> Case:
    """The demo: a real osteoporotic L3, 4 ml from the left; with ``defect`` the posterior wall is open."""
    path = CASES / ("demo_defect.toml" if defect else "demo.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    if size_mm is not None:
        content.setdefault("mesh", {})["size_mm"] = size_mm
    return build_case(content, path.name, path.parent)


def defaults_used(case: Case) -> dict[str, dict[str, Any]]:
    """The physical values that the case file left to this module: ``section.key`` -> value, unit, source, tag.

    Values that are None belong to a law in ``materials``, which lists them itself. The tag of what follows from other
    keys is :data:`DERIVED`.
    """
    used = {
        item.place: {"value": item.value, "unit": item.key.unit, "source": item.key.source, "tag": item.key.tag}
        for item in key_values(case)
        if item.key.tag and not item.given
    }
    if "injection.volume_ml" in used and all(needle.own_volume_ml is not None for needle in case.needles):
        used["injection.volume_ml"] |= {"source": "the needles' volumes added up", "tag": DERIVED}
    return used


def json_schema() -> dict[str, Any]:
    """JSON Schema of the case file."""
    return Case.model_json_schema()
