"""``trial.json``: what two treatments of the same vertebrae have in common and what not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.cohorts.number_cells import digits, or_none
from experiments.cohorts.paired import NumberNeeded, Paired
from experiments.cohorts.trial_pairs import Pairs
from experiments.results.store import json_text


@dataclass(frozen=True)
class Outcome:
    """A quantity that the arms are compared in.

    Attributes:
        quantity: as people call it.
        column: of the table of treated vertebrae.
        unit: ``""`` of a share.
        event: whether it is yes or no.
        harm: whether it is an event to be avoided, for which there is a number needed to treat.
    """

    quantity: str
    column: str
    unit: str = ""
    event: bool = False
    harm: bool = False


OUTCOMES = (
    Outcome("any leak", "leak", event=True, harm=True),
    Outcome("leak into the canal", "leak_canal", event=True, harm=True),
    Outcome("leak into vessels", "leak_vessel", event=True, harm=True),
    Outcome("leak into a disc", "leak_disc", event=True, harm=True),
    Outcome("paravertebral leak", "leak_paravertebral", event=True, harm=True),
    Outcome("leak along the needle", "leak_needle_track", event=True, harm=True),
    Outcome("massive leak", "massive", event=True, harm=True),
    Outcome("volume leaked", "leaked_ml", "ml"),
    Outcome("volume injected", "injected_ml", "ml"),
    Outcome("volume filled", "cement_ml", "ml"),
    Outcome("share of the body filled", "cement_percent", "%"),
    Outcome("cement on both sides, confluent", "confluent", event=True),
    Outcome("stiffness gained", "stiffness_gained", "N/mm"),
)
"""In the order of the table; leaks are those that the cohort's way to look for them shows."""


@dataclass(frozen=True)
class TrialRow:
    """An outcome in both arms."""

    outcome: Outcome
    paired: Paired

    @property
    def needed(self) -> NumberNeeded | None:
        """The number needed to treat; None of what is no harm."""
        paired = self.paired
        return NumberNeeded.of(paired.difference, paired.low, paired.high) if self.outcome.harm else None


def write_trial(pairs: Pairs, target: Path) -> list[TrialRow]:
    """Compare what is finished in both arms and write it; outcomes that no pair has are left out.

    Args:
        pairs: of the trial.
        target: JSON file.
    """
    rows = compare_arms(pairs)
    target.write_text(json_text(_content(pairs, rows), indent=1) + "\n", encoding="utf-8")
    return rows


def compare_arms(pairs: Pairs) -> list[TrialRow]:
    """The rows of a trial; none without a pair."""
    if not len(pairs.first):
        return []
    found = [TrialRow(one, Paired.of(pairs.first, pairs.second, one.column, one.event)) for one in OUTCOMES]
    return [row for row in found if row.paired.vertebrae]


def shown(row: TrialRow) -> tuple[str, str, str, str, str]:
    """Quantity, both arms, difference with its interval, and number needed to treat, as people read them."""
    outcome, paired = row.outcome, row.paired
    scale, unit = (100.0, "%") if outcome.event else (1.0, outcome.unit)
    first, second = (f"{digits(scale * value)} {unit}" for value in (paired.first, paired.second))
    low, high = (digits(scale * value) for value in (paired.low, paired.high))
    points = "points" if unit == "%" else unit
    change = f"{digits(scale * paired.difference)} ({low} to {high}) {points}"
    return outcome.quantity, first, second, change, "" if row.needed is None else needed_in_words(row.needed)


def needed_in_words(needed: NumberNeeded) -> str:
    """``12 (5 to 40)``, below 0 where the second arm does harm; ``not shown`` where no difference is within."""
    number = [] if math.isnan(needed.number) else [_count(needed.number)]
    if not needed.holds_none:
        return f"{number[0]} ({_count(needed.low)} to {_count(needed.high)})"
    ends = ["∞" if math.isnan(end) else _count(end) for end in (needed.low, needed.high)]
    return f"{', '.join([*number, 'not shown'])} ({' to ∞ to '.join(ends).replace('∞ to ∞', '∞')})"


def _content(pairs: Pairs, rows: list[TrialRow]) -> dict[str, Any]:
    trial = pairs.trial
    return {
        "format": "vertebroplasty-trial",
        "title": trial.settings.title,
        "cohort": trial.settings.cohort,
        "code": pairs.code,
        "arms": list(trial.arms),
        "vertebrae": len(pairs.first),
        "patients": len(set(pairs.first["patient"].tolist())),
        "failed": pairs.failed,
        "left_out": pairs.left_out,
        "rows": [_row(row, pairs.left_out) for row in rows],
    }


def _row(row: TrialRow, failed: int) -> dict[str, Any]:
    outcome, paired, needed = row.outcome, row.paired, row.needed
    found: dict[str, Any] = {
        "quantity": outcome.quantity,
        "unit": outcome.unit or "1",
        "first": paired.first,
        "second": paired.second,
        "difference": paired.difference,
        "low": or_none(paired.low),
        "high": or_none(paired.high),
        "number_needed_to_treat": None if needed is None else or_none(needed.number),
        "number_needed_to_treat_low": None if needed is None else or_none(needed.low),
        "number_needed_to_treat_high": None if needed is None else or_none(needed.high),
        "holds_zero": not (paired.low > 0.0 or paired.high < 0.0),
        "mcnemar_p": or_none(paired.mcnemar_p),
        "patients": paired.patients,
        "vertebrae": paired.vertebrae,
        "failed": failed,
    }
    return found


def _count(value: float) -> str:
    """Whole vertebrae, rounded away from 0, as the number needed is told."""
    return f"{math.copysign(math.ceil(abs(value) - 1e-9), value):.0f}".replace("-", "−")
