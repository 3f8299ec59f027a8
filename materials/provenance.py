"""Physical values that know their unit, source, provenance tag and range.

A law is a frozen dataclass whose fields are declared with :func:`quantity`; from the declaration follow the check of
ranges, the listing in the manifest and the documentation. A quantity is a number, an array of numbers, or a mapping
from names to numbers (shares); its bounds are one number for all entries or one for each.

Tags: ``S`` read in the cited source, ``M`` from general knowledge and not checked against the source, ``D`` derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass, replace
from typing import Any

import numpy as np

TAGS = ("S", "M", "D")
"""Provenance tags of declared values."""

Bound = float | tuple[float, ...] | Mapping[str, float] | None
"""One bound for every entry of a quantity, one bound per entry, or none."""


def quantity(
    default: Any, unit: str, source: str, tag: str, low: Bound = None, high: Bound = None, optional: bool = False
) -> Any:
    """Declare a dataclass field that holds a physical value.

    Args:
        default: value in ``unit``: a number, a tuple of numbers, or a mapping from names to numbers.
        unit: unit of the value, in the project's internal system (mm, N, s, MPa) unless it is dimensionless ("1").
        source: author, year and DOI, or the derivation.
        tag: ``"S"``, ``"M"`` or ``"D"``.
        low: smallest allowed value (for all entries, or one per entry), or None.
        high: largest allowed value (for all entries, or one per entry), or None.
        optional: whether None is allowed, meaning that the effect is switched off.

    Raises:
        ValueError: the tag is unknown.
    """
    if tag not in TAGS:
        raise ValueError(f"provenance tag {tag!r} is not one of {', '.join(TAGS)}")
    metadata = {"unit": unit, "source": source, "tag": tag, "low": low, "high": high, "optional": optional}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check_ranges(law: Any) -> None:
    """Raise ``ValueError`` naming the first field of ``law`` that lies outside its declared range."""
    for item in fields(law):
        if "unit" not in item.metadata:
            continue
        value = getattr(law, item.name)
        if value is None and item.metadata["optional"]:
            continue
        for name, entry, low, high in _entries(item, value):
            if not (low is None or entry >= low) or not (high is None or entry <= high) or not np.isfinite(entry):
                raise ValueError(
                    f"{type(law).__name__}.{name} = {entry!r} {item.metadata['unit']} is outside the allowed range "
                    f"{as_range(low, high)} {item.metadata['unit']}"
                )


def describe(law: Any) -> dict[str, dict[str, Any]]:
    """List the quantities of ``law``: field name -> value, unit, source, tag and range.

    A value that differs from the declared default is listed with source ``"case file"`` and tag ``"user"``. A law that
    comes in presets has a property ``baseline``, the preset it started from; its values then count as the defaults.
    Laws inside ``law`` are listed too, under dotted names.
    """
    listing: dict[str, dict[str, Any]] = {}
    baseline = getattr(law, "baseline", None)
    for item in fields(law):
        value = getattr(law, item.name)
        if is_dataclass(value) and not isinstance(value, type):
            listing.update({f"{item.name}.{name}": entry for name, entry in describe(value).items()})
        if "unit" not in item.metadata:
            continue
        default = _default(item) if baseline is None else getattr(baseline, item.name)
        is_default = _same(value, default)
        listing[item.name] = {
            "value": value.tolist() if isinstance(value, np.ndarray) else value,
            "unit": item.metadata["unit"],
            "source": item.metadata["source"] if is_default else "case file",
            "tag": item.metadata["tag"] if is_default else "user",
            "low": item.metadata["low"],
            "high": item.metadata["high"],
        }
    return listing


def with_values[Law](law: Law, values: Mapping[str, float]) -> Law:
    """``law`` with other values of some of its quantities.

    Args:
        law: a frozen dataclass, perhaps with laws inside.
        values: name as :func:`describe` lists it -> value; where the law holds a whole number, a whole number.

    Raises:
        ValueError: the values are out of range or do not go with each other.
    """
    changes: dict[str, Any] = {}
    inside: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        own, _, rest = name.partition(".")
        if rest:
            inside.setdefault(own, {})[rest] = value
        else:
            changes[own] = int(value) if isinstance(getattr(law, own), int) else value
    changes |= {own: with_values(getattr(law, own), below) for own, below in inside.items()}
    return replace(law, **changes)  # type: ignore[type-var]


def _default(item: Field[Any]) -> Any:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, Mapping) or isinstance(default, Mapping) or value is None or default is None:
        return value == default
    return bool(np.array_equal(value, default))


def as_range(low: float | None, high: float | None) -> str:
    """An allowed range in words, such as "0.05 to 5"."""
    if low is None or high is None:
        return f"above {low}" if high is None else f"up to {high}"
    return f"{low} to {high}"


def _entries(item: Field[Any], value: Any) -> list[tuple[str, float, float | None, float | None]]:
    """(name, value, low, high) of each number that a quantity holds."""
    low, high = item.metadata["low"], item.metadata["high"]
    if isinstance(value, Mapping):
        return [(f"{item.name}[{key!r}]", number, _bound(low, key), _bound(high, key)) for key, number in value.items()]
    if np.ndim(value) == 0:
        return [(item.name, value, low, high)]
    numbers = np.asarray(value, dtype=float).ravel().tolist()
    return [(f"{item.name}[{i}]", number, _bound(low, i), _bound(high, i)) for i, number in enumerate(numbers)]


def _bound(bound: Bound, key: Any) -> float | None:
    if isinstance(bound, Mapping):
        return bound.get(key)
    if isinstance(bound, tuple):
        return bound[key]
    return bound
