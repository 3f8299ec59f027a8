"""Errors of input in one sentence for people, which names the key of the case file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ValidationError

from experiments.case.keys import Key, all_keys, section_keys
from experiments.case.sections.base import joined
from meshes.errors import InputError, input_error

FRACTION = "fraction of the "
"""What the meaning of a key says where it counts in half widths, depths and heights of the body."""

SHARE = "share of "
"""How the meaning of a key begins that counts parts of a whole."""

LARGEST_FRACTION = 1.0
"""No place in the body has more, and no part of a whole; larger numbers are taken for mm or percent."""


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


def explain(error: ValidationError, model: type[BaseModel], name: str) -> InputError:
    """The error for people, with a sentence about each problem: file, key, value, what is allowed.

    Args:
        error: what pydantic raised.
        model: the model of the whole document.
        name: how to call the file.
    """
    sentences: dict[str, str] = {}
    for item in error.errors(include_url=False):
        if _is_echo(item):
            continue
        place, key, section = _locate(model, item["loc"])
        sentences.setdefault(place, f"{name}: {_sentence(item, place, key, section, model)}")
    return input_error(list(sentences.values()))


def _is_echo(item: Any) -> bool:
    """Whether a list counts as too short only because its items are wrong, each with an error of its own."""
    return item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]


def _locate(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, Key | None, type[BaseModel] | None]:
    """Place in the file, its key and the section around an unknown one; what pydantic appends for unions is dropped."""
    place = ""
    section: type[BaseModel] | None = model
    key: Key | None = None
    for part in location:
        if isinstance(part, int):
            place += f"[{part + 1}]"
            continue
        if section is None:
            if key is not None and key.names is not None:
                place += f".{part}"
            break
        place += f".{part}" if place else part
        key = section_keys(section).get(part)
        if key is None:
            break
        section = key.section
    return place, key, section


def _heading(place: str, one_of_several: bool = False) -> str:
    """How the table at this place is headed in the file."""
    name = re.sub(r"\[\d+\]", "", place)
    return f"[[{name}]]" if one_of_several or place.endswith("]") else f"[{name}]"


def _sentence(item: Any, place: str, key: Key | None, section: type[BaseModel] | None, model: type[BaseModel]) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        known = section_keys(section) if section is not None else {}
        return _unknown_key(place, {name: entry.several for name, entry in known.items()}, model)
    if kind == "missing":
        return f"{place} is missing; {_choice(key)}" if key is not None else f"{place} is missing"
    if kind == "value_error":
        text = str(item["ctx"]["error"])
        return f"{place}: {text}" if place else text
    if key is None:
        return f"{place}: {item['msg']}"
    if item["loc"][-1] == "[key]":
        return _unknown_key(place, dict.fromkeys(key.names or (), False), model)
    if key.several:
        return _table_list(item, place)
    if key.section is not None:
        return f"{place} = {_show(item['input'])} must be a table of keys and values, as in {_heading(place)}"
    if kind == "path_type":
        return f"{place} = {_show(item['input'])} must be a path in quotation marks"
    if kind == "string_type" and not key.allowed:
        return f"{place} = {_show(item['input'])} must be a text in quotation marks"
    return f"{place} = {_show(item['input'])} is not allowed; {_choice(key)}{_other_unit(item, key)}{_quoted(item)}"


def _quoted(item: Any) -> str:
    """What is said of a number in quotation marks."""
    if item["type"] not in ("float_type", "int_type") or not isinstance(item["input"], str):
        return ""
    try:
        float(item["input"])
    except ValueError:
        return ""
    return ", without quotation marks"


def _other_unit(item: Any, key: Key) -> str:
    """What is said where a fraction of the body was given in mm, or a share in percent."""
    beyond = item["type"] in ("less_than_equal", "greater_than_equal")
    if key.unit != "1" or not beyond or abs(item["input"]) <= LARGEST_FRACTION:
        return ""
    if FRACTION in key.meaning:
        return f"; it is a {key.meaning[key.meaning.index(FRACTION) :].split(':')[0]}, not in mm"
    return "; it is a share, not in percent" if key.meaning.startswith(SHARE) else ""


def _table_list(item: Any, place: str) -> str:
    """Sentence about a key that takes several tables."""
    if item["type"] == "too_long":
        return f"{place} has {item['ctx']['actual_length']} tables; at most {item['ctx']['max_length']} are allowed"
    heading = _heading(place, one_of_several=True)
    if item["type"] == "too_short":
        return f"{place} is an empty list; write at least one table {heading} or leave {place} out"
    return f"{place} = {_show(item['input'])} is not a list of tables; write {heading} above each table"


def _unknown_key(place: str, known: dict[str, bool], model: type[BaseModel]) -> str:
    """Sentence about a key that is not among ``known``: key -> whether it takes several tables."""
    prefix, _, last = place.rpartition(".")
    table = _heading(prefix) if prefix else "the case file"
    tables = [key.path.rpartition(".")[0] for key in all_keys(model).values() if key.name == last]
    if homes := [all_keys(model)[home].heading for home in tables if home]:
        return f"{place} is not a known key; {last} stands in {joined(homes, 'or')}"
    begins = [name for name in known if name.startswith(f"{last}_")]
    nearest = begins[:1] or difflib.get_close_matches(last, known, n=1, cutoff=0.4)
    if not nearest:
        return f"{place} is not a known key; {table} knows: {', '.join(known)}"
    hint = f"[[{nearest[0]}]]" if known[nearest[0]] else repr(nearest[0])
    return f"{place} is not a known key; did you mean {hint}?"


def _show(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # whole numbers of thousands of digits, and tables in tables without end
        return "a value too long to show"
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else text[:57] + "..."


def _choice(key: Key | None) -> str:
    """What the key may be, as an instruction."""
    return "see 'vertebroplasty schema'" if key is None else f"choose {key.allowed or key.description}"
