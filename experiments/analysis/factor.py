"""A varied input of a sweep as analyses need it: its values by case, its levels, and whose it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.results.wording import brief, heading, words
from experiments.sweep.sweep_file import Vary

Kind = Literal["patient", "procedure", "model"]

KINDS: Mapping[Kind, tuple[str, ...]] = {
    "patient": ("patient", "bone", "marrow", "lesions", "cavities", "veins", "walls", "outlets", "outside", "defects"),
    "procedure": ("needles", "injection", "cement", "cannulas", "syringe"),
}
"""Whose the tables of the case file are; the law values ``laws.…`` count by the law. The others are the model's."""

PATIENT_LAWS = (
    "basivertebral_veins",
    "segmental_veins",
    "vein_distributions",
    "vein_walls",
    "damage",
    "defect_cavity",
    "fissures",
    "shell",
    "failure",
)
"""Laws of the patient's body that have other names than the tables of the case file."""


@dataclass(frozen=True)
class Factor:
    """A varied input.

    Attributes:
        path: key of the case file.
        unit: of its numbers, ``"1"`` for pure ones and ``""`` for what is no number.
        vary: what the sweep file says of it.
        codes: (cases,) number of the level of every case of the design.
        levels: names of the different values, in the order of numbers or of their first use.
        numbers: (cases,) the values, None where they are no numbers.
    """

    path: str
    unit: str
    vary: Vary
    codes: NDArray[np.int64]
    levels: tuple[str, ...]
    numbers: NDArray[np.float64] | None

    @classmethod
    def of(cls, vary: Vary, unit: str, values: Sequence[Any]) -> Factor:
        """The factor of a ``[[vary]]``.

        Args:
            vary: what the sweep file says of it.
            unit: its unit.
            values: its value in every case of the design.
        """
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            numbers = np.array(values, dtype=float)
            different, codes = np.unique(numbers, return_inverse=True)
            return cls(vary.path, unit, vary, codes, number_names(different.tolist()), numbers)
        texts = [json.dumps(value, sort_keys=True) for value in values]
        order = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        codes = np.array([order[text] for text in texts])
        firsts = [values[texts.index(text)] for text in order]
        return cls(vary.path, unit, vary, codes, tuple(level_names(vary.path, firsts)), None)

    @property
    def name(self) -> str:
        """As people write it, without the unit: ``injection.volume_ml`` -> ``injection volume``."""
        return readable(self.path, self.unit)

    @property
    def label(self) -> str:
        """The name with the unit."""
        return heading(self.name, self.unit)

    @property
    def kind(self) -> Kind:
        """Whose value it is."""
        first = self.path.removeprefix("laws.").strip('"').partition(".")[0].partition("[")[0]
        if first in PATIENT_LAWS:
            return "patient"
        return next((kind for kind, tables in KINDS.items() if first in tables), "model")

    @property
    def identity(self) -> bool:
        """Whether its values are vertebrae, which group cases and explain nothing by their names."""
        return self.path.partition(".")[0] == "patient"

    @property
    def continuous(self) -> bool:
        """Whether it is sampled from a distribution of numbers or from a range of many."""
        if self.vary.distribution is not None:
            return self.vary.distribution != "categorical"
        return self.vary.values is None and self.numbers is not None and len(self.levels) > MOST_LEVELS

    @property
    def logarithmic(self) -> bool:
        """Whether its ratios count, not its differences."""
        return self.vary.log or self.vary.distribution in ("log-uniform", "log-normal")

    def scaled(self) -> NDArray[np.float64]:
        """(cases,) the numbers, or their decimal logarithms where ratios count.

        Raises:
            ValueError: the values are no numbers.
        """
        if self.numbers is None:
            raise ValueError(f"{self.path} has no numbers")
        return np.log10(self.numbers) if self.logarithmic else self.numbers


MOST_LEVELS = 6
"""Levels of a sampled range of numbers up to which it counts as so many groups."""


def number_names(numbers: Sequence[float]) -> tuple[str, ...]:
    """Four digits of each of different numbers, or all digits where four do not tell them apart."""
    names = tuple(brief(number) for number in numbers)
    return names if len(set(names)) == len(names) else tuple(map(repr, numbers))


def level_names(path: str, values: Sequence[Any]) -> list[str]:
    """Short names for values that are no numbers: words, or for tables what tells them apart."""
    if all(isinstance(value, str | bool | int | float) for value in values):
        names = [words(str(value)) for value in values]
        return names if len(set(names)) == len(names) else [str(value) for value in values]
    for describe in (laterality_of, _short):
        described = [describe(value) for value in values]
        if None not in described and len(set(described)) == len(described):
            return [str(name) for name in described]
    return [f"{readable(path, '')} {number}" for number in range(1, len(values) + 1)]


def laterality_of(value: Any) -> str | None:
    """``unilateral`` or ``bilateral`` for a list of needles, None for anything else."""
    if not isinstance(value, list) or not value or not all(isinstance(entry, Mapping) for entry in value):
        return None
    if not any({"side", "left", "gauge", "depth"} & set(entry) for entry in value):
        return None
    return "unilateral" if len({entry.get("side", "left") for entry in value}) == 1 else "bilateral"


def _short(value: Any) -> str | None:
    """The values of a table in one line, where they are few."""
    tables = [value] if isinstance(value, Mapping) else value
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        return None
    if not tables:
        return "none"
    text = "; ".join(", ".join(f"{words(str(key))} {entry}" for key, entry in table.items()) for table in tables)
    return text if len(text) <= LONGEST_LEVEL else None


LONGEST_LEVEL = 40
"""Letters of the name of a level."""


def readable(path: str, unit: str) -> str:
    """A dotted name as words, without the unit at its end."""
    slug = unit.lower().replace("/(", "/").replace(")", "").replace("/", "_per_").replace(" ", "_")
    for ending in (slug, slug.rpartition("_per_")[0], slug.removeprefix("deg")):
        if ending and path.endswith(f"_{ending}"):
            path = path.removesuffix(f"_{ending}")
            break
    return words(path.removeprefix("laws.").strip('"').replace(".", " "))
