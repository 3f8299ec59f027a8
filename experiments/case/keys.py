"""The keys of a case file or a sweep file as its sections declare them: one walk for all who need to know the keys.

Errors, the page ``docs/case-file.md``, the values that keys give the laws, sweeps and reports take from here what a key
is called, means and may be.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Key:
    """A key of a file, as its section declares it.

    Attributes:
        path: dotted, without the numbers of tables that may occur several times, as ``needles.boluses.volume_ml``.
        description: what it is, with its unit in brackets where it has one.
        unit: clinical unit, ``"1"`` for pure numbers and empty for what is no number.
        low: smallest allowed value, or None.
        high: largest allowed value, or None.
        allowed: what it may be, in words; empty where its type alone says it.
        required: whether every file must give it.
        default: value where the file leaves it out; None where it must not, or where a law owns the default.
        source: of the default, or empty.
        tag: provenance of the default, ``"S"``, ``"M"`` or ``"D"``, or empty.
        sets: quantities of laws that it sets, by their names in the manifest; ``[]`` stands for the number of its table
            among several, or for the name in an open table.
        file: kind of the file that it names, or empty.
        section: the table or tables that it holds, if any.
        several: whether its table may occur several times.
        names: of values that it takes where it is an open table, empty where it takes any; None elsewhere.
    """

    path: str
    description: str
    unit: str
    low: float | None
    high: float | None
    allowed: str
    required: bool
    default: Any
    source: str
    tag: str
    sets: tuple[str, ...]
    file: str
    section: type[BaseModel] | None
    several: bool
    names: tuple[str, ...] | None

    @classmethod
    def of(cls, path: str, field: FieldInfo) -> Key:
        """The key that ``field`` declares."""
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        several, section = _tables(field.annotation)
        low = next((entry.ge for entry in field.metadata if hasattr(entry, "ge")), None)
        high = next((entry.le for entry in field.metadata if hasattr(entry, "le")), None)
        unit = str(extra.get("unit", ""))
        sets: Any = extra.get("sets", ())
        mapping = get_args(field.annotation) if get_origin(field.annotation) is dict else ()
        return cls(
            path=path,
            description=field.description or "",
            unit=unit,
            low=low,
            high=high,
            allowed=str(extra.get("allowed", "")) or _allowed(field.annotation, low, high, unit),
            required=field.is_required(),
            default=None if field.is_required() else field.get_default(call_default_factory=True),
            source=str(extra.get("source", "")),
            tag=str(extra.get("tag", "")),
            sets=tuple(sets),
            file=str(extra.get("file", "")),
            section=section,
            several=several,
            names=tuple(map(str, _choices(mapping[0]))) if mapping else None,
        )

    @property
    def name(self) -> str:
        """The key without its table."""
        return self.path.rpartition(".")[2]

    @property
    def meaning(self) -> str:
        """The description without the unit."""
        return self.description.removesuffix(f" [{self.unit}]")

    def quantities(self, entry: str) -> tuple[str, ...]:
        """The quantities of laws that it sets, by the number of its table or its name in an open table."""
        return tuple(name.replace("[]", f"[{entry}]") for name in self.sets)

    @property
    def heading(self) -> str:
        """How the table that it holds is headed in the file."""
        return f"[[{self.path}]]" if self.several else f"[{self.path}]"


@dataclass(frozen=True)
class KeyValue:
    """The value that a key has in one file.

    Attributes:
        key: the key.
        place: its path with the numbers of tables and the name in an open table, as ``needles[2].left``.
        entry: number of its table among several, or its name in an open table; empty elsewhere.
        value: in the key's unit.
        given: whether the file gives it; otherwise it is the key's default.
    """

    key: Key
    place: str
    entry: str
    value: Any
    given: bool

    @property
    def sets(self) -> tuple[str, ...]:
        """The quantities of laws that it sets, such as ``cannulas[2].length``."""
        return self.key.quantities(self.entry)


@cache
def section_keys(section: type[BaseModel], table: str = "") -> Mapping[str, Key]:
    """Name -> key of the keys that stand in a section itself.

    Args:
        section: a table, or the whole file.
        table: its dotted path; empty for the whole file.
    """
    prefix = f"{table}." if table else ""
    return {name: Key.of(f"{prefix}{name}", field) for name, field in section.model_fields.items()}


@cache
def all_keys(section: type[BaseModel], table: str = "") -> Mapping[str, Key]:
    """Dotted path -> key of all keys in a section and the sections inside it, each before those that it holds."""
    found: dict[str, Key] = {}
    for key in section_keys(section, table).values():
        found[key.path] = key
        if key.section is not None:
            found |= all_keys(key.section, key.path)
    return found


def key_at(section: type[BaseModel], steps: Sequence[str | int]) -> Key | None:
    """The key at a place in a file; the names in an open table belong to the key of the table.

    Args:
        section: the whole file.
        steps: names of tables and keys; numbers of tables among them do not matter.
    """
    keys, names = all_keys(section), [step for step in steps if isinstance(step, str)]
    if (key := keys.get(".".join(names))) is not None:
        return key
    table = keys.get(".".join(names[:-1]))
    return table if table is not None and table.names is not None else None


def key_values(document: BaseModel) -> Iterator[KeyValue]:
    """Every value that is not None in a file that was read, in the order of the keys."""
    yield from _values(document, "", "", "")


def _values(document: BaseModel, table: str, place: str, entry: str) -> Iterator[KeyValue]:
    for name, key in section_keys(type(document), table).items():
        value, there = getattr(document, name), f"{place}{name}"
        given = name in document.model_fields_set
        if value is None:
            continue
        if key.several:
            for number, inside in enumerate(value, 1):
                yield from _values(inside, key.path, f"{there}[{number}].", str(number))
        elif key.section is not None:
            yield from _values(value, key.path, f"{there}.", entry)
        elif key.names is not None:
            for inner, number in value.items():
                yield KeyValue(key, f"{there}.{inner}", inner, number, given)
        else:
            yield KeyValue(key, there, entry, value, given)


def _tables(annotation: Any) -> tuple[bool, type[BaseModel] | None]:
    """Whether a type holds several tables, and their section; looks through optional values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return False, annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType):
        for argument in get_args(annotation):
            several, section = _tables(argument)
            if section is not None:
                return several or get_origin(annotation) is tuple, section
    return False, None


def _choices(annotation: Any) -> tuple[Any, ...]:
    """What a type of named values allows; looks through optional values."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(filter(None, map(_choices, get_args(annotation))), ())
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _allowed(annotation: Any, low: float | None, high: float | None, unit: str) -> str:
    """What the type and the bounds of a key allow, in words."""
    if choices := _choices(annotation):
        return ", ".join(repr(value) for value in choices[:-1]) + f" or {choices[-1]!r}"
    kinds = {annotation, *get_args(annotation)}
    if low is not None and high is not None:
        suffix = {"": "(dimensionless)", "1": "(dimensionless)", "gauge": "(gauge)"}.get(unit, unit)
        return f"{'a whole number, ' if int in kinds else ''}{low:g} to {high:g} {suffix}"
    if bool in kinds or bool in {part for kind in kinds for part in get_args(kind)}:
        return "true or false"
    return ""
