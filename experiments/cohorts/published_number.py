"""One published number, and how it is made of what papers tell: counts, means with deviations, odds ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments.cohorts.statistics import Deviation, Difference, Mean, OddsRatio, Statistic
from experiments.results.probability import Probability

REACH = 1.96
"""Standard errors on either side of an estimate of which its 95 % interval is made where a study gives deviations."""

ONE_PLACE = "each vertebra counts where most of its cement went, as the study's places add up to its leaks (D)"
BOTH_WAYS = "the tables leave the coding open: posed both ways"


@dataclass(frozen=True)
class Published:
    """One published number.

    Attributes:
        quantity: what it is.
        statistic: that it is of a table.
        unit: ``-`` for a pure number.
        estimate: the number.
        low: end of its 95 % interval; NaN where none is told or follows.
        high: the other end.
        seen: whether the project had looked at it before.
        remark: what was assumed to compare it.
        vertebrae: of the series whose number it is; None for the size of the whole study.
    """

    quantity: str
    statistic: Statistic
    unit: str
    estimate: float
    low: float = math.nan
    high: float = math.nan
    seen: bool = False
    remark: str = ""
    vertebrae: int | None = None


def share(
    quantity: str,
    column: str,
    events: int,
    of: int,
    *,
    where: tuple[str, float] | None = None,
    seen: bool = False,
    remark: str = "",
) -> Published:
    """A share, told as events of a count, with Wilson's interval; ``where`` as of :class:`Mean`."""
    found = Probability.of(events, of)
    about = f"{events} of {of}" + (f"; {remark}" if remark else "")
    return Published(quantity, Mean(column, where), "-", found.estimate, found.low, found.high, seen, about)


def mean(quantity: str, column: str, unit: str, mean: float, sd: float, count: int, remark: str = "") -> Published:
    """A mean, told with its deviation and count."""
    reach = REACH * sd / math.sqrt(count)
    return Published(quantity, Mean(column), unit, mean, mean - reach, mean + reach, remark=remark)


def deviation(quantity: str, column: str, unit: str, sd: float, count: int, remark: str = "") -> Published:
    """A standard deviation, told with its count."""
    reach = REACH * sd / math.sqrt(2.0 * (count - 1))
    return Published(quantity, Deviation(column), unit, sd, sd - reach, sd + reach, remark=remark)


def difference(
    quantity: str,
    column: str,
    event: str,
    unit: str,
    with_event: tuple[float, float, int],
    without: tuple[float, float, int],
    *,
    seen: bool = False,
    remark: str = "",
) -> Published:
    """Of two means, each told with its deviation and count."""
    (one, one_sd, ones), (other, other_sd, others) = with_event, without
    reach = REACH * math.hypot(one_sd / math.sqrt(ones), other_sd / math.sqrt(others))
    apart = one - other
    told = f"{one:g} against {other:g}" + (f"; {remark}" if remark else "")
    return Published(quantity, Difference(column, event), unit, apart, apart - reach, apart + reach, seen, told)


def share_difference(
    quantity: str, column: str, event: str, ones: tuple[int, int], others: tuple[int, int], remark: str = ""
) -> Published:
    """Of two shares, each told as events of a count."""
    (one, of_one), (other, of_other) = ones, others
    shares = [
        (events / count, math.sqrt(events * (count - events)) / count, count)
        for events, count in ((one, of_one), (other, of_other))
    ]
    told = f"{one} of {of_one} against {other} of {of_other}" + (f"; {remark}" if remark else "")
    found = difference(quantity, column, event, "-", *shares)
    return Published(quantity, found.statistic, "-", found.estimate, found.low, found.high, remark=told)


def odds(
    quantity: str,
    event: str,
    predictors: tuple[str, ...],
    of_column: str,
    told: tuple[float, float, float],
    *,
    inverse: bool = False,
    seen: bool = False,
    remark: str = "",
) -> Published:
    """An odds ratio, told with its interval."""
    return Published(quantity, OddsRatio(event, predictors, of_column, inverse), "-", *told, seen, remark)


def counted_odds(
    quantity: str, event: str, predictor: str, ones: tuple[int, int], others: tuple[int, int], *, seen: bool = False
) -> Published:
    """The odds ratio of a predictor of yes and no, told as events of a count with and without it; Woolf's interval."""
    (one, of_one), (other, of_other) = ones, others
    cells = (one, of_one - one, other, of_other - other)
    ratio = cells[0] * cells[3] / (cells[1] * cells[2])
    reach = math.exp(REACH * math.sqrt(sum(1.0 / cell for cell in cells)))
    told = f"{one} of {of_one} against {other} of {of_other}"
    return odds(quantity, event, (predictor,), predictor, (ratio, ratio / reach, ratio * reach), seen=seen, remark=told)


def both_ways(
    quantity: str,
    event: str,
    predictors: tuple[str, ...],
    of_column: str,
    told: tuple[float, float, float],
    names: tuple[str, str],
) -> tuple[Published, Published]:
    """The odds ratio if the table counts the first name as 1, and if it counts the second."""
    estimate, low, high = told
    turned = (1.0 / estimate, 1.0 / high, 1.0 / low)
    first, second = names
    return (
        odds(quantity, event, predictors, of_column, told, remark=f"{BOTH_WAYS}; here {first} counts as 1"),
        odds(quantity, event, predictors, of_column, turned, remark=f"{BOTH_WAYS}; here {second} counts as 1"),
    )
