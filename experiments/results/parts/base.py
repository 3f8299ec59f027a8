"""What all parts of ``results.json`` and ``manifest.json`` share: how an entry is declared and told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

Series = Sequence[float]
"""Numbers in the order of time or height."""

Point = tuple[float, float, float]
"""A place or a direction in the anatomical frame: +x left, +y posterior, +z superior."""


@dataclass(frozen=True)
class Quantity:
    """What is known of an entry besides its value.

    Attributes:
        label: what people read.
        unit: clinical unit; ``"1"`` for pure numbers, empty for words and for what holds further entries.
        description: one sentence.
        percent: whether people read it in percent.
        signed: whether zero has no meaning of its own, so that ratios say nothing.
        holds_state: whether it holds all that is known of one elastic state.
    """

    label: str
    unit: str = ""
    description: str = ""
    percent: bool = False
    signed: bool = False
    holds_state: bool = False

    @property
    def column(self) -> str:
        """The label with the unit in brackets, where it has one."""
        return self.label if self.unit in ("", "1") else f"{self.label} [{self.unit}]"


def number(unit: str, label: str, description: str, *, signed: bool = False, optional: bool = False) -> Any:
    """Declare a number, or several of one kind.

    Args:
        unit: clinical unit, ``"1"`` for pure numbers.
        label: what people read.
        description: one sentence.
        signed: whether zero has no meaning of its own, so that ratios say nothing.
        optional: whether files may lack it.
    """
    return _entry(Quantity(label, unit, description, signed=signed), optional)


def share(label: str, description: str, *, optional: bool = False) -> Any:
    """Declare a part of a whole, which people read in percent; the other arguments are those of :func:`number`."""
    return _entry(Quantity(label, "1", description, percent=True), optional)


def text(label: str, description: str, *, optional: bool = False) -> Any:
    """Declare words, or yes and no; arguments as of :func:`number`."""
    return _entry(Quantity(label, "", description), optional)


def table(label: str, description: str, *, optional: bool = False) -> Any:
    """Declare further entries below a name; the label may be empty. Arguments as of :func:`number`."""
    return _entry(Quantity(label, "", description), optional)


def state(name: str, description: str, *, optional: bool = False) -> Any:
    """Declare all that is known of one elastic state, such as ``"intact"``."""
    return _entry(Quantity(name, "", description, holds_state=True), optional)


def _entry(quantity: Quantity, optional: bool) -> Any:
    known = {"unit": quantity.unit, "percent": quantity.percent, "signed": quantity.signed}
    extra: dict[str, Any] = {name: value for name, value in known.items() if value}
    if quantity.holds_state:
        extra["state"] = True
    return Field(
        default=None if optional else ...,
        title=quantity.label or None,
        description=quantity.description,
        json_schema_extra=extra,
    )


class Part(BaseModel):
    """A table of a file: frozen, no unknown names, no infinities. What a case does not have is left out of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def quantity(cls, name: str) -> Quantity:
        """What is known of an entry of this table.

        Raises:
            KeyError: there is none of this name.
        """
        field = cls.model_fields[name]
        extra: Mapping[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        return Quantity(
            field.title or "",
            str(extra.get("unit", "")),
            field.description or "",
            bool(extra.get("percent")),
            bool(extra.get("signed")),
            bool(extra.get("state")),
        )

    def plain(self) -> dict[str, Any]:
        """The content as plain data, as the file holds it."""
        return self.model_dump(mode="json", exclude_unset=True)

    def with_values(self, **values: Any) -> Self:
        """The same with other values of some entries."""
        return self.model_copy(update=values)
