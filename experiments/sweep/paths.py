"""Dotted paths into a case, such as ``needles[1].left``: reading, writing, units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from experiments.case.keys import key_at
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_clinical
from meshes.errors import InputError

_STEP = re.compile(r"([A-Za-z_]\w*)(?:\[([1-9]\d*)\])?")


@dataclass(frozen=True)
class CasePath:
    """A place in a case.

    Attributes:
        text: as people write it; several tables of one name count from 1, and all after ``laws.`` is one name.
        steps: names, and indices from 0.
    """

    text: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> CasePath:
        """Read a path.

        Raises:
            InputError: it is none.
        """
        if text.startswith("laws."):
            return cls(text, ("laws", text.removeprefix("laws.").strip('"')))
        steps: list[str | int] = []
        for part in text.split("."):
            match = _STEP.fullmatch(part)
            if match is None:
                raise InputError(
                    f"path = {text!r} is no key of a case file; write it as in mesh.size_mm or needles[1].left"
                )
            steps.append(match[1])
            if match[2] is not None:
                steps.append(int(match[2]) - 1)
        return cls(text, tuple(steps))

    def put(self, content: dict[str, Any], value: Any) -> None:
        """Set the value in the tables of a case file; tables that are missing are made, the first of several too.

        Raises:
            InputError: the path goes through something that is no table, or past the last of several tables.
        """
        place: Any = content
        for step, following in zip(self.steps, (*self.steps[1:], None), strict=True):
            if isinstance(step, str) and not isinstance(place, dict):
                raise InputError(f"path = {self.text!r} goes through a value that is no table; correct the path")
            if isinstance(step, int):
                if not isinstance(place, list) or step > len(place) or (step == len(place) > 0):
                    count = len(place) if isinstance(place, list) else 0
                    raise InputError(f"path = {self.text!r}: the base case gives {count} such tables; add them to it")
                if step == len(place):
                    place.append({})
            if following is None:
                place[step] = value
            elif isinstance(step, str):
                place = place.setdefault(step, [] if isinstance(following, int) else {})
            else:
                place = place[step]

    def value(self, case: Case) -> Any:
        """The value in a complete case, or the one of the law where the case leaves it to a law, or None."""
        found: Any = case
        for step in self.steps:
            try:
                named = isinstance(step, str) and not isinstance(found, dict)
                found = getattr(found, str(step)) if named else found[step]
            except (AttributeError, KeyError, IndexError, TypeError):
                found = None
                break
        return self._of_law(case) if found is None else found

    def unit(self, case: Case) -> str:
        """Its unit, ``"1"`` for pure numbers and ``""`` for what is no number.

        Args:
            case: a case with its laws, to which some units belong.
        """
        if self.steps[0] == "laws":
            entry = Laws.of_case(case).describe().get(str(self.steps[-1]))
            return "" if entry is None else str(entry["unit"])
        return unit_of(self.steps)

    def _of_law(self, case: Case) -> Any:
        """The value that a law has for this key, in the key's unit."""
        listing = Laws.of_case(case).describe()
        if self.steps[0] == "laws":
            name = str(self.steps[-1])
            return listing[name]["value"] if name in listing else None
        key = key_at(Case, self.steps)
        if key is None:
            return None
        numbers = [str(step + 1) for step in self.steps if isinstance(step, int)]
        names = key.quantities(numbers[-1] if numbers else str(self.steps[-1]))
        return to_clinical(listing[names[0]]["value"], key.unit) if names and names[0] in listing else None


def unit_of(steps: tuple[str | int, ...]) -> str:
    """Unit of a key of the case file, ``""`` for what has none; keys of an open table have that of the table."""
    key = key_at(Case, steps)
    return "" if key is None else key.unit
