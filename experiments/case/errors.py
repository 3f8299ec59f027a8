"""Errors of input in one sentence for people, which names the key of the case file."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from meshes.errors import InputError


@contextmanager
def about(table: str) -> Iterator[None]:
    """Name the table of the case file that an error of input inside the block is about.

    Args:
        table: such as ``lesions[2]``.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{table}: {error}") from None


def explain(error: ValidationError, model: type[BaseModel], name: str) -> str:
    """One sentence about the first error: file, key, value, what is allowed; and how many more errors there are.

    Args:
        error: what pydantic raised.
        model: the model of the whole document.
        name: how to call the file.
    """
    sentences: dict[str, str] = {}
    for item in error.errors(include_url=False):
        if _is_echo(item):
            continue
        key, field, section = _locate(model, item["loc"])
        sentences.setdefault(key, f"{name}: {_sentence(item, key, field, section)}")
    first, *rest = sentences.values()
    more = f" (and {len(rest)} more {'problem' if len(rest) == 1 else 'problems'})" if rest else ""
    return first + more


def _is_echo(item: Any) -> bool:
    """Whether a list counts as too short only because its items are wrong, each with an error of its own."""
    return item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]


def _locate(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[str, FieldInfo | None, type[BaseModel] | None]:
    """Dotted key, its field and the section that holds it; what pydantic appends for unions is dropped."""
    key = ""
    section: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for part in location:
        if isinstance(part, int):
            key += f"[{part + 1}]"
            continue
        if section is None:
            if field is not None and _is_mapping(field):
                key += f".{part}"
            break
        key += f".{part}" if key else part
        field = section.model_fields.get(part)
        if field is None:
            break
        section_below = _nested_model(field.annotation)
        if section_below is None and part == location[-1]:
            break
        section = section_below
    return key, field, section


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    """The section inside ``annotation``, looking through optional values and tuples."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType):
        for argument in get_args(annotation):
            if (found := _nested_model(argument)) is not None:
                return found
    return None


def _is_table_list(annotation: Any) -> bool:
    """Whether ``annotation`` is a tuple of sections, perhaps an optional one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_table_list(argument) for argument in get_args(annotation))
    return get_origin(annotation) is tuple and _nested_model(annotation) is not None


def _heading(key: str, one_of_several: bool = False) -> str:
    """How the table with this key is headed in the case file."""
    name = re.sub(r"\[\d+\]", "", key)
    return f"[[{name}]]" if one_of_several or key.endswith("]") else f"[{name}]"


def _sentence(item: Any, key: str, field: FieldInfo | None, section: type[BaseModel] | None) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        known = section.model_fields if section is not None else {}
        return _unknown_key(key, {name: _is_table_list(entry.annotation) for name, entry in known.items()})
    if kind == "missing":
        return f"{key} is missing; {_choice(field)}" if field is not None else f"{key} is missing"
    if kind == "value_error":
        text = str(item["ctx"]["error"])
        return f"{key}: {text}" if key else text
    if field is None:
        return f"{key}: {item['msg']}"
    if item["loc"][-1] == "[key]":
        return _unknown_key(key, dict.fromkeys(map(str, _literals(get_args(field.annotation)[0])), False))
    if _is_table_list(field.annotation):
        return _table_list(item, key)
    if _nested_model(field.annotation) is not None:
        return f"{key} = {_show(item['input'])} must be a table of keys and values, as in {_heading(key)}"
    if kind == "path_type":
        return f"{key} = {_show(item['input'])} must be a path in quotation marks"
    if kind == "string_type" and not field.json_schema_extra:
        return f"{key} = {_show(item['input'])} must be a text in quotation marks"
    return f"{key} = {_show(item['input'])} is not allowed; {_choice(field)}"


def _table_list(item: Any, key: str) -> str:
    """Sentence about a key that takes several tables."""
    if item["type"] == "too_long":
        return f"{key} has {item['ctx']['actual_length']} tables; at most {item['ctx']['max_length']} are allowed"
    heading = _heading(key, one_of_several=True)
    if item["type"] == "too_short":
        return f"{key} is an empty list; write at least one table {heading} or leave {key} out"
    return f"{key} = {_show(item['input'])} is not a list of tables; write {heading} above each table"


def _unknown_key(key: str, known: dict[str, bool]) -> str:
    """Sentence about a key that is not among ``known``: key -> whether it takes several tables."""
    prefix, _, last = key.rpartition(".")
    place = _heading(prefix) if prefix else "the case file"
    nearest = difflib.get_close_matches(last, known, n=1, cutoff=0.4)
    if not nearest:
        return f"{key} is not a known key; {place} knows: {', '.join(known)}"
    hint = f"[[{nearest[0]}]]" if known[nearest[0]] else repr(nearest[0])
    return f"{key} is not a known key; did you mean {hint}?"


def _show(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # whole numbers of thousands of digits, and tables in tables without end
        return "a value too long to show"
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else text[:57] + "..."


def _choice(field: FieldInfo | None) -> str:
    """What the field allows, as an instruction."""
    if field is None:
        return "see 'vertebroplasty schema'"
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if "allowed" in extra:
        return f"choose {extra['allowed']}"
    literals = _literals(field.annotation)
    if literals:
        return "choose " + ", ".join(repr(value) for value in literals[:-1]) + f" or {literals[-1]!r}"
    low = next((entry.ge for entry in field.metadata if hasattr(entry, "ge")), None)
    high = next((entry.le for entry in field.metadata if hasattr(entry, "le")), None)
    unit = str(extra.get("unit", "1"))
    suffix = {"1": "(dimensionless)", "gauge": "(gauge)"}.get(unit, unit)
    kinds = {field.annotation, *get_args(field.annotation)}
    whole = "a whole number, " if int in kinds else ""
    if low is not None and high is not None:
        return f"choose {whole}{low:g} to {high:g} {suffix}"
    if bool in kinds or bool in {part for kind in kinds for part in get_args(kind)}:
        return "choose true or false"
    return f"choose {field.description}"


def _literals(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return ()
