"""What all tables of a case file share: how a key is declared, and the names of places."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from meshes.leak_sites import SITES

if TYPE_CHECKING:
    Site = str
else:
    Site = Literal[SITES]
"""Where cement can leave a vertebra."""

Endplate = Literal["superior_endplate", "inferior_endplate"]
"""The walls towards the discs."""

Wall = Literal[Endplate, "posterior_wall", "anterior_wall", "left_wall", "right_wall"]
"""Named parts of the body's surface that have a bony shell."""

Region = Literal[Wall, "left_pedicle", "right_pedicle"]
"""Named parts of the body's surface, without the foramen of the basivertebral veins."""

Side = Literal["left", "right"]

Choice = Annotated[bool, Field(strict=True)]
"""True or false, and nothing that merely counts as it."""

PROJECT = "project choice"

SCAN = "NIfTI, NRRD or MetaImage file, or DICOM folder"
MASK = "NIfTI, NRRD or MetaImage file, or DICOM segmentation"
MASKS = f"{MASK}, or folder with one mask for each structure"
CSV = "CSV file (.csv)"
LINES = "file of polylines (.vtp, .vtk or .csv)"
LINE_MARKUP = "line markup of 3D Slicer (.mrk.json)"
FOLDERS = (SCAN, MASKS)
"""Kinds of input files, and those that may be folders."""

PLACED = (SCAN, MASK, MASKS, LINES, LINE_MARKUP)
"""Kinds of input files whose content lies in the coordinates of one scan."""

FRACTIONS = ("left", "depth", "height")
"""The keys that place a point in the body."""


def physical(
    default: Any,
    unit: str,
    description: str,
    low: float | None = None,
    high: float | None = None,
    source: str = PROJECT,
    tag: str = "D",
    sets: str | tuple[str, ...] = (),
) -> Any:
    """Declare a physical value of the case file.

    Args:
        default: in ``unit``; ``...`` where every case must give it, None where a law owns it or nothing is asked for.
        unit: clinical unit, a key of :data:`experiments.case.units.INTERNAL`.
        description: what it is, without the unit.
        low: smallest allowed value.
        high: largest allowed value.
        source: of the default.
        tag: provenance of the default.
        sets: the law's quantity that it sets, or several, by the names that the manifest has for them; ``[]`` in a name
            stands for the number of the key's table. The law's unit must be the internal one of ``unit``.
    """
    return Field(
        default=default,
        ge=low,
        le=high,
        strict=True,
        description=f"{description} [{unit}]",
        json_schema_extra={"unit": unit, "source": source, "tag": tag, **_sets(sets)},
    )


def physical_list(numbers: str, unit: str, description: str, example: str) -> Any:
    """Declare an optional list of physical values; the items' type holds their range.

    Args:
        numbers: how many numbers in which range, in words.
        unit: clinical unit.
        description: what they are.
        example: how they are written.
    """
    return Field(
        default=None,
        description=f"{description} [{unit}]",
        json_schema_extra={"unit": unit, "source": PROJECT, "tag": "D", "allowed": f"{numbers}, as in {example}"},
    )


def physical_table(unit: str, description: str, allowed: str, sets: str | tuple[str, ...] = ()) -> Any:
    """Declare a table from names to physical values, empty by default; the values' type holds their range.

    ``sets`` is as in :func:`physical`; ``[]`` stands for a name of the table.
    """
    return Field(
        default_factory=dict,
        description=f"{description} [{unit}]",
        json_schema_extra={"unit": unit, "allowed": allowed, **_sets(sets)},
    )


def _sets(names: str | tuple[str, ...]) -> dict[str, Any]:
    names = (names,) if isinstance(names, str) else names
    return {"sets": list(names)} if names else {}


def input_file(kind: str, description: str) -> Any:
    """Declare a file that the case reads, none by default; relative to the case file's folder.

    Args:
        kind: what the file must be, such as :data:`MASK`.
        description: what is in it.
    """
    return Field(default=None, description=description, json_schema_extra={"file": kind})


def _not_empty(value: Any) -> Any:
    # An empty text would stand for the case file's own folder.
    if isinstance(value, str) and not value.strip():
        raise ValueError("the path is empty; name a file or leave the key out")
    return value


InputPath = Annotated[Path, BeforeValidator(_not_empty)]
"""A file or folder that the case reads; relative to the case file's folder."""


class Section(BaseModel):
    """A table of the case file: frozen, no unknown keys, no infinities, named values in any case of letters.

    What its docstring says stands above its keys in ``docs/case-file.md``.
    """

    notes: ClassVar[str] = ""
    """What stands below its keys in ``docs/case-file.md``, in Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any, info: ValidationInfo) -> Any:
        """A word that is one of the key's own but for its case, as that."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        words = named_values(cls.model_fields[info.field_name].annotation)
        return value if value in words else next((word for word in words if word.lower() == value.lower()), value)

    def gives(self, *keys: str) -> list[str]:
        """Those of ``keys`` that the case file gives a value."""
        return [key for key in keys if key in self.model_fields_set and getattr(self, key) is not None]


def named_values(annotation: Any) -> tuple[str, ...]:
    """The words that a type allows by name; looks through optional values."""
    if get_origin(annotation) is Literal:
        return tuple(word for word in get_args(annotation) if isinstance(word, str))
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(word for part in get_args(annotation) for word in named_values(part))
    return ()


class Companions(NamedTuple):
    """The keys that describe a shape together with the key that chooses it."""

    needed: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


def chosen_shape(section: Section, shapes: Mapping[str, Companions]) -> str:
    """The one key of ``shapes`` that ``section`` gives, once all keys beside it fit.

    Args:
        section: a table that describes something in one of several ways.
        shapes: the key that chooses a shape -> the keys that belong to this shape.

    Raises:
        ValueError: no shape or several are given, a key is missing, or a key belongs to another shape.
    """
    chosen = section.gives(*shapes)
    if not chosen:
        ways = [f"{key} with {joined(needed)}" if needed else key for key, (needed, _) in shapes.items()]
        raise ValueError(f"give {joined(ways, ', or')}")
    if len(chosen) > 1:
        raise ValueError(f"{joined(chosen)} exclude each other; keep one of them")
    key = chosen[0]
    needed, allowed = shapes[key]
    if missing := [name for name in needed if not section.gives(name)]:
        raise ValueError(f"{key} needs {joined(missing)} as well")
    others = dict.fromkeys(name for companions in shapes.values() for group in companions for name in group)
    if strange := section.gives(*(name for name in others if name not in needed + allowed)):
        raise ValueError(f"{joined(strange)} {'does' if len(strange) == 1 else 'do'} not go with {key}; keep one shape")
    return key


def joined(names: Sequence[str], word: str = "and") -> str:
    """The names as people list them: "a", "a and b", "a, b and c"."""
    space = "" if word.startswith(",") else " "
    return f"{space}{word} ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
