"""Two treatments of the same vertebrae: differences within them, and the number needed to treat."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar

from experiments.cohorts.observed import Table
from experiments.results.probability import LEVEL

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class NumberNeeded:
    """Vertebrae to be treated the second way instead of the first to prevent one event; below 0 to cause one.

    Where the interval of the difference holds 0, that of the number runs from ``low`` through no difference, which
    is infinitely many, to ``high`` (Altman 1998, 10.1136/bmj.317.7168.1309).

    Attributes:
        number: NaN without a difference.
        low: end of its interval; NaN where it is infinite.
        high: the other end.
        holds_none: whether the interval holds no difference.
    """

    number: float
    low: float
    high: float
    holds_none: bool

    @classmethod
    def of(cls, difference: float, low: float, high: float) -> NumberNeeded:
        """The number for a difference in risk and its interval."""
        holds = not (low > 0.0 or high < 0.0)
        ends = (low if low < 0.0 or not holds else 0.0, high if high > 0.0 or not holds else 0.0)
        number, first, last = (-1.0 / value if value else math.nan for value in (difference, *ends))
        return cls(number, first, last, holds)


@dataclass(frozen=True)
class Paired:
    """A quantity in two treatments of the same vertebrae.

    Attributes:
        first: its mean in the first arm; a share where it is yes or no.
        second: the same in the second.
        difference: mean of the second less the first.
        low: end of the interval of the difference, by patient.
        high: the other end.
        vertebrae: pairs in which it is known.
        patients: to whom they belong.
        mcnemar_p: P-value of McNemar's exact test, which takes all vertebrae for independent; NaN for what is no event.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    vertebrae: int
    patients: int
    mcnemar_p: float

    @classmethod
    def of(cls, first: Table, second: Table, column: str, event: bool) -> Paired:
        """Compare a column of two tables with the same vertebrae in the same order.

        Args:
            first: the first arm.
            second: the second.
            column: name.
            event: whether it is yes or no.
        """
        one, two = first[column], second[column]
        known = np.isfinite(one) & np.isfinite(two)
        one, two, patients = one[known], two[known], first["patient"][known]
        if not len(one):
            return cls(*(math.nan,) * 5, 0, 0, math.nan)
        change = two - one
        low, high = interval(change, patients, event)
        return cls(
            float(one.mean()),
            float(two.mean()),
            float(change.mean()),
            low,
            high,
            len(one),
            len(np.unique(patients)),
            _mcnemar(one, two) if event else math.nan,
        )


def interval(change: FloatArray, patients: FloatArray, event: bool) -> tuple[float, float]:
    """95 % interval of the mean of differences, whose vertebrae of one patient go together; NaN for one patient.

    Of Student's t with robust errors by patient. Events are so few that two patients are added to them, one with a
    difference of 1 and one of -1 (Bonett & Price 2012, 10.3102/1076998611411915): without any event, too, the interval
    has a width.

    Args:
        change: (pairs,) second less first.
        patients: (pairs,) whose they are.
        event: whether the differences are those of yes and no.
    """
    if event:
        change = np.append(change, [1.0, -1.0])
        patients = np.append(patients, patients.max() + np.array([1.0, 2.0]))
    _, groups = np.unique(patients, return_inverse=True)
    if groups.max() == 0:
        return math.nan, math.nan
    fit = OLS(change, np.ones(len(change))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = fit.conf_int(alpha=1.0 - LEVEL)[0]
    return float(low), float(high)


def _mcnemar(one: FloatArray, two: FloatArray) -> float:
    counts = [[int(np.sum(((one > 0.5) == a) & ((two > 0.5) == b))) for b in (True, False)] for a in (True, False)]
    return float(mcnemar(counts, exact=True).pvalue)
