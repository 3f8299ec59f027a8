"""Entries of the results by their dotted names, as tables have them for columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin

from experiments.results.parts.base import Part, Quantity
from experiments.results.parts.manifest import Manifest
from experiments.results.parts.results import Results

_STEP = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")


@cache
def quantity_of(name: str) -> Quantity | None:
    """What is known of an entry of ``results.json``, or else of ``manifest.json``; None where there is no such entry.

    The label tells what the entry is of, too, as in "cement leaked, disc superior".

    Args:
        name: such as ``injection.leaks.disc_superior.volume_ml``; entries of lists count from 1, as in
            ``injection.needles[1].injected_ml``.
    """
    return _found(Results, name) or _found(Manifest, name)


def _found(root: type[Part], name: str) -> Quantity | None:
    labels: list[str] = []
    of: list[str] = []
    kind: Any = root
    quantity: Quantity | None = None
    for step in name.split("."):
        match = _STEP.fullmatch(step)
        if match is None:
            return None
        if (values := kind_of_values(kind)) is not None:
            kind = values
            of.append(step.replace("_", " "))
        elif isinstance(kind, type) and issubclass(kind, Part) and match[1] in kind.model_fields:
            quantity = kind.quantity(match[1])
            (of if quantity.holds_state else labels).append(quantity.label)
            kind = given_kind(kind.model_fields[match[1]].annotation)
        else:
            return None
        if match[2] is not None:
            kind = get_args(kind)[0] if get_args(kind) else None
            of.append(f"{match[1].removesuffix('s')} {match[2]}")
    if quantity is None or kind_of_values(kind) is not None or (isinstance(kind, type) and issubclass(kind, Part)):
        return None
    return replace(quantity, label=", ".join(filter(None, [*labels, *of])))


def given_kind(annotation: Any) -> Any:
    """The type of an entry where it is given: without None."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if len(kinds) == 1 and NoneType in get_args(annotation) else annotation


def kind_of_values(kind: Any) -> Any:
    """The type of the values of a table with open names; None where it is no such table."""
    origin = get_origin(kind)
    return get_args(kind)[1] if isinstance(origin, type) and issubclass(origin, Mapping) else None
