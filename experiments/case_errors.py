"""From pydantic's list of errors to one sentence for people."""

from __future__ import annotations

import difflib
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


def explain(error: ValidationError, model: type[BaseModel], name: str) -> str:
    """One sentence about the first error: file, key, value, what is allowed; and how many more errors there are.

    Args:
        error: what pydantic raised.
        model: the model of the whole document.
        name: how to call the file.
    """
    sentences: dict[str, str] = {}
    for item in error.errors(include_url=False):
        key, field, section = _locate(model, item["loc"])
        sentences.setdefault(key, f"{name}: {_sentence(item, key, field, section)}")
    first, *rest = sentences.values()
    more = f" (and {len(rest)} more {'problem' if len(rest) == 1 else 'problems'})" if rest else ""
    return first + more


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


def _sentence(item: Any, key: str, field: FieldInfo | None, section: type[BaseModel] | None) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        known = list(section.model_fields) if section is not None else []
        return _unknown_key(key, known)
    if kind == "missing":
        return f"{key} is missing; {_choice(field)}" if field is not None else f"{key} is missing"
    if kind == "value_error":
        text = str(item["ctx"]["error"])
        return f"{key}: {text}" if key else text
    if field is None:
        return f"{key}: {item['msg']}"
    if item["loc"][-1] == "[key]":
        return _unknown_key(key, [str(value) for value in _literals(get_args(field.annotation)[0])])
    if get_origin(field.annotation) is tuple:
        return _table_list(item, key)
    if _nested_model(field.annotation) is not None:
        return f"{key} = {_show(item['input'])} must be a table of keys and values, as in [{key}]"
    if kind == "path_type":
        return f"{key} = {_show(item['input'])} must be a path in quotation marks"
    if kind == "string_type" and not field.json_schema_extra:
        return f"{key} = {_show(item['input'])} must be a text in quotation marks"
    return f"{key} = {_show(item['input'])} is not allowed; {_choice(field)}"


def _table_list(item: Any, key: str) -> str:
    """Sentence about a key that takes several tables."""
    name = key.partition("[")[0]
    if item["type"] == "too_long":
        return f"{name} has {item['ctx']['actual_length']} tables; at most {item['ctx']['max_length']} are allowed"
    return f"{key} = {_show(item['input'])} is not a list of tables; write [[{name}]] above each table"


def _unknown_key(key: str, known: list[str]) -> str:
    prefix, _, last = key.rpartition(".")
    place = f"[{prefix}]" if prefix else "the case file"
    nearest = difflib.get_close_matches(last, known, n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"{place} knows: {', '.join(known)}"
    return f"{key} is not a known key; {hint}"


def _show(value: Any) -> str:
    text = repr(value)
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
    whole = "a whole number, " if field.annotation is int else ""
    if low is not None and high is not None:
        return f"choose {whole}{low:g} to {high:g} {suffix}"
    if field.annotation is bool:
        return "choose true or false"
    return f"choose {field.description}"


def _literals(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return ()
