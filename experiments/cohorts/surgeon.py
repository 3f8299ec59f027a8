"""How the vertebrae are treated: the surgeon as rules with scatter, and the rules by which a study stopped."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from pydantic import Field

from experiments.case.sections.base import Section
from experiments.case.sections.needles import LEAST_BOLUS_ML
from experiments.cohorts.distributions import Choice, Distribution, Fixed, Normal, Uniform
from experiments.cohorts.virtual_patient import VirtualVertebra

PATIENT_STREAMS = 100
"""Streams of random numbers from here on belong to the operation, those below to the patient."""

AIMS = 6
"""How often a needle is set before a vertebra counts as refused (tag D)."""

STEP_ASIDE = 0.06
"""Share of the half width by which a tip moves to its needle's side after each way that left the bone (tag D)."""

BALLOON_SHARE = 0.75
"""Of its volume that a balloon gets after each that did not fit: it is filled until it meets the walls (tag D)."""

LEAST_ASIDE = 0.08
"""Share of the half width that a tip of two keeps from the midline at least, so that they do not meet (tag D)."""


class _Stream(IntEnum):
    """Random numbers of its own for every property of an operation; the numbers never change."""

    SIDES = PATIENT_STREAMS
    ASIDE = PATIENT_STREAMS + 1
    DEPTH = PATIENT_STREAMS + 2
    HEIGHT = PATIENT_STREAMS + 3
    VISCOSITY = PATIENT_STREAMS + 4
    MINUTES = PATIENT_STREAMS + 5
    VOLUME = PATIENT_STREAMS + 6
    RATE = PATIENT_STREAMS + 7
    FINISH = PATIENT_STREAMS + 8
    LEAK = PATIENT_STREAMS + 9
    GAUGE = PATIENT_STREAMS + 10
    BALLOON = PATIENT_STREAMS + 11


class Surgeon(Section):
    """Rules of a study's operations; what a study does not tell has the default.

    What comes first of planned volume, finish line, leak that is seen, working time and pressure ends an operation.
    """

    sides: Choice = Field(
        default=Choice(weights={"left": 1, "right": 1, "both": 0}, source="either side alike", tag="D"),
        description="pedicles through which needles go",
    )
    gauge_thoracic: Choice = Field(
        default=Choice(weights={"13": 1}, source="13G thoracic in the confluent-separated series", tag="D"),
        description="needle of thoracic vertebrae",
    )
    gauge_lumbar: Choice = Field(
        default=Choice(weights={"11": 1}, source="11G lumbar in the confluent-separated series", tag="D"),
        description="needle of lumbar vertebrae",
    )
    tip_depth: Distribution = Field(
        default=Normal(mean=0.25, sd=0.07, low=0.08, high=0.8, source="anterior third; 2.5 mm of error", tag="D"),
        description="depth of the tip, 0 anterior, 1 posterior",
    )
    tip_aside_one: Distribution = Field(
        default=Normal(mean=0.2, sd=0.12, low=-0.1, high=0.6, source="one needle, turned to the midline", tag="D"),
        description="distance of a single tip from the midline to its side, as a share of the half width",
    )
    tip_aside_two: Distribution = Field(
        default=Normal(
            mean=0.38, sd=0.1, low=LEAST_ASIDE, high=0.7, source="two needles in the axes of pedicles", tag="D"
        ),
        description="the same of two",
    )
    tip_height: Distribution = Field(
        default=Normal(mean=0.5, sd=0.08, low=0.2, high=0.8, source="middle of the body; 2 mm of error", tag="D"),
        description="height of the tip, 0 inferior, 1 superior",
    )
    viscosity: Choice = Field(
        default=Choice(weights={"medium": 1}, source="cement like toothpaste", tag="D"),
        description="class of the cement",
    )
    minutes: Distribution = Field(
        default=Normal(mean=6.0, sd=0.7, low=3.5, high=9.0, unit="min", source="toothpaste at 23 degrees", tag="D"),
        description="age of the cement when the injection starts",
    )
    volume_thoracic_ml: Distribution = Field(
        default=Fixed(
            value=6.0, unit="ml", source="as much as the finish line allows, two large syringes at most", tag="D"
        ),
        description="largest volume that is planned for a thoracic vertebra, all needles together",
    )
    volume_lumbar_ml: Distribution = Field(
        default=Fixed(
            value=8.0, unit="ml", source="as much as the finish line allows, two large syringes at most", tag="D"
        ),
        description="the same of a lumbar vertebra",
    )
    bolus_ml: Distribution | None = Field(default=None, description="what one cannula holds; without, all in one")
    bolus_pause_s: Distribution = Field(
        default=Fixed(value=20.0, unit="s", source="change of a cannula", tag="D"), description="pause between boluses"
    )
    needle_pause_s: Distribution = Field(
        default=Fixed(value=30.0, unit="s", source="change of the side", tag="D"),
        description="pause between two needles, which inject in turn",
    )
    rate_ml_per_min: Distribution = Field(
        default=Normal(
            mean=3.0, sd=0.8, low=1.0, high=6.0, unit="ml/min", source="experiments use 3 to 4 ml/min", tag="D"
        ),
        description="rate of the injection",
    )
    finish_line: Distribution | None = Field(
        default=Uniform(low=0.75, high=0.833, source="posterior quarter to sixth of the body (quoted advice)", tag="S"),
        description="depth of the cement's front at which the surgeon stops",
    )
    leak_seen_ml: Distribution | None = Field(
        default=None, description="leak at any one site that is seen under the C-arm and ends the operation"
    )
    pressure_limit_kpa: Distribution | None = Field(default=None, description="largest pressure in the syringe")
    needle_length_mm: Distribution | None = Field(default=None, description="length of the cannula")
    balloon_ml: Distribution | None = Field(
        default=None, description="volume of a balloon that was inflated around each tip, in kyphoplasty"
    )


def operation_tables(
    surgeon: Surgeon, seed: int, vertebra: VirtualVertebra, aim: int = 1, astray: int = 0, tight: int = 0
) -> dict[str, Any]:
    """Tables of the case file: needles, cement, injection and balloons.

    Args:
        surgeon: rules.
        seed: of the cohort.
        vertebra: that is treated.
        aim: 1, and more where earlier needles or balloons did not fit and were set again.
        astray: in how many of the earlier aims the way of a needle left the bone.
        tight: in how many of them a balloon did not fit.
    """
    operation = _Operation(surgeon, seed, vertebra, aim, STEP_ASIDE * astray)
    tables: dict[str, Any] = {
        "cement": {
            "viscosity": surgeon.viscosity.at(operation.share(_Stream.VISCOSITY)),
            "injected_after_mixing_min": operation.value(surgeon.minutes, _Stream.MINUTES),
        },
        "needles": operation.needles(),
        "injection": operation.injection(),
    }
    if surgeon.balloon_ml is not None:
        volume = round(BALLOON_SHARE**tight * operation.value(surgeon.balloon_ml, _Stream.BALLOON), 4)
        tables["cavities"] = [
            {"kind": "balloon", **{key: needle[key] for key in ("left", "depth", "height")}, "volume_ml": volume}
            for needle in tables["needles"]
        ]
    return tables


class _Operation:
    """One operation while it is drawn."""

    def __init__(self, surgeon: Surgeon, seed: int, vertebra: VirtualVertebra, aim: int, outwards: float) -> None:
        self._surgeon, self._aim, self._outwards = surgeon, aim, outwards
        self._seed, self._vertebra = seed, vertebra
        self._thoracic = vertebra.level.startswith("T")
        self._sides = surgeon.sides.at(self.share(_Stream.SIDES))

    def share(self, stream: _Stream, place: int = 0, aim: int = 0) -> float:
        """An even random number: of a needle by its place, and of an aim where that counts."""
        key = (self._vertebra.patient, self._vertebra.number, stream, place, aim)
        return float(np.random.Generator(np.random.PCG64(np.random.SeedSequence(self._seed, spawn_key=key))).random())

    def value(self, law: Distribution, stream: _Stream, place: int = 0, aim: int = 0) -> float:
        """A number, rounded to what a case file says."""
        return round(float(law.at(self.share(stream, place, aim))), 4)

    def needles(self) -> list[dict[str, Any]]:
        """The table of each needle."""
        surgeon, both = self._surgeon, self._sides == "both"
        gauge = (surgeon.gauge_thoracic if self._thoracic else surgeon.gauge_lumbar).at(self.share(_Stream.GAUGE))
        aside = surgeon.tip_aside_two if both else surgeon.tip_aside_one
        found = []
        for place, side in enumerate(("left", "right") if both else (self._sides,)):
            distance = round(self.value(aside, _Stream.ASIDE, place, self._aim) + self._outwards, 4)
            needle: dict[str, Any] = {
                "side": side,
                "gauge": int(gauge),
                "left": distance if side == "left" else -distance,
                "depth": self.value(surgeon.tip_depth, _Stream.DEPTH, place, self._aim),
                "height": self.value(surgeon.tip_height, _Stream.HEIGHT, place, self._aim),
            }
            if surgeon.needle_length_mm is not None:
                needle["length_mm"] = surgeon.needle_length_mm.expected
            if surgeon.bolus_ml is not None:
                needle["boluses"] = self._boluses(self._volume() / (2 if both else 1))
            found.append(needle)
        return found

    def injection(self) -> dict[str, Any]:
        """The table of the injection: rate, volume and what ends it."""
        surgeon = self._surgeon
        table: dict[str, Any] = {
            "rate_ml_per_min": self.value(surgeon.rate_ml_per_min, _Stream.RATE),
            "order": "in_turn",
            "pause_between_needles_s": surgeon.needle_pause_s.expected,
            "leak_limit_ml": 15.0,
        }
        if surgeon.bolus_ml is None:
            table["volume_ml"] = self._volume()
        if surgeon.finish_line is not None:
            table["front_limit_depth"] = self.value(surgeon.finish_line, _Stream.FINISH)
        if surgeon.leak_seen_ml is not None:
            table["leak_limit_ml"] = self.value(surgeon.leak_seen_ml, _Stream.LEAK)
        if surgeon.pressure_limit_kpa is not None:
            table["pressure_limit_kpa"] = surgeon.pressure_limit_kpa.expected
        return table

    def _volume(self) -> float:
        law = self._surgeon.volume_thoracic_ml if self._thoracic else self._surgeon.volume_lumbar_ml
        return self.value(law, _Stream.VOLUME)

    def _boluses(self, volume: float) -> list[dict[str, float]]:
        """Full cannulas and what is left, with a pause before each but the first."""
        if self._surgeon.bolus_ml is None:
            return []
        one = self._surgeon.bolus_ml.expected
        parts = [one] * int(volume / one)
        if (rest := volume - sum(parts)) >= LEAST_BOLUS_ML:
            parts.append(round(rest, 4))
        pause = self._surgeon.bolus_pause_s.expected
        return [{"volume_ml": part} | ({"pause_before_s": pause} if place else {}) for place, part in enumerate(parts)]
