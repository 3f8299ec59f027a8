"""A clinical study, and the series of which one that was held out consists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.cohorts.published_number import Published


@dataclass(frozen=True)
class Series:
    """A published series that shares its virtual patients with others, as what is known of them differs little.

    Attributes:
        name: short one, with which its quantities begin.
        source: DOI or the like.
        about: who was treated, and what differs from the cohort or is not told.
        vertebrae: how many were treated; None where that is not told.
        numbers: that it published.
    """

    name: str
    source: str
    about: str
    vertebrae: int | None
    numbers: tuple[Published, ...]


@dataclass(frozen=True)
class Study:
    """A clinical study.

    Attributes:
        name: of its ready cohort.
        about: what it is.
        patients: how many it has; of series that were held out, how many the largest single one has.
        vertebrae: how many were treated, likewise.
        numbers: that it published.
        left_out: what of it is not simulated.
        event: column of the leaks that it tells by level.
        by_level: level -> leaks and vertebrae; empty where it does not tell.
        series: of which the numbers come, where they were held out; empty of one of the five.
    """

    name: str
    about: str
    patients: int
    vertebrae: int
    numbers: tuple[Published, ...]
    left_out: str = ""
    event: str = "leak"
    by_level: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    series: tuple[Series, ...] = ()

    @classmethod
    def held_out(
        cls, name: str, about: str, patients: int, vertebrae: int, series: tuple[Series, ...], left_out: str
    ) -> Study:
        """Of several series, each of whose numbers tells whose it is and is compared with cohorts of its size."""
        numbers = tuple(
            replace(number, quantity=f"{one.name}: {number.quantity}", vertebrae=one.vertebrae)
            for one in series
            for number in one.numbers
        )
        return cls(name, about, patients, vertebrae, numbers, left_out, series=series)
