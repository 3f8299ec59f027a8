"""Published numbers beside simulated ones: the pool, its error, and the band of cohorts of the study's size.

A pool is a sample itself. So each cohort of the band is drawn from a pool that is drawn again, and the band of a small
pool is wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts.observed import Table
from experiments.cohorts.published_number import Published
from experiments.cohorts.statistics import Area, CutOff, Difference, OddsRatio, Ratio, Statistic, Tested, regression
from experiments.cohorts.study import Study
from experiments.cohorts.verdict import Verdict, verdict
from experiments.results.probability import LEVEL

DRAWS = 400
"""Cohorts that are drawn for a band, and pools for an error."""

SIGNIFICANT = 0.05
"""P-value below which the studies call an effect significant."""

SEED = 23
"""Of the draws, so that the same pool gives the same bands."""

Stage = Literal["A", "B"]


@dataclass(frozen=True)
class Compared:
    """One published number beside the simulated one.

    Attributes:
        published: the number.
        simulated: by the whole pool.
        error: standard deviation over pools that are drawn again by patient: its Monte Carlo error.
        low: end of the band that holds 95 % of cohorts of the study's size, the pool's own error included.
        high: the other end.
        known: share of the drawn cohorts that give the number.
        separated: share of the drawn cohorts whose regression is separated; their estimate is Firth's.
        firth: whether the estimate of the pool is Firth's as well.
        significant: share of the drawn cohorts in which the study's own test of the effect has P < .05; NaN of a number
            that is no effect.
        verdict: by :mod:`experiments.cohorts.verdict`.
        stage: of the settings.
    """

    published: Published
    simulated: float
    error: float
    low: float
    high: float
    known: float
    separated: float
    firth: bool
    significant: float
    verdict: Verdict
    stage: Stage


def compare(table: Table, study: Study, stage: Stage = "A", draws: int | None = None) -> list[Compared]:
    """Judge every published number of a study.

    Args:
        table: the pool.
        study: what is published.
        stage: of the settings by which the pool was computed.
        draws: how often cohorts and pools are drawn; :data:`DRAWS` times where it is left out.
    """
    rng = np.random.default_rng(SEED)
    patients = len(np.unique(table["patient"]))
    pools = [_drawn(table, patients, rng) for _ in range(DRAWS if draws is None else draws)]

    def size(number: Published) -> int:
        """Patients of a cohort with as many vertebrae as the series has."""
        of_series = number.vertebrae
        return study.patients if of_series is None else max(1, round(of_series * patients / len(table)))

    sizes = dict.fromkeys(size(number) for number in study.numbers)
    cohorts = {count: [_drawn(pool, count, rng) for pool in pools] for count in sizes}
    return [_compared(one, table, cohorts[size(one)], pools, stage) for one in study.numbers]


def _drawn(table: Table, patients: int, rng: np.random.Generator) -> Table:
    """The table of patients that are drawn with replacement and with all their vertebrae, each a patient of its own."""
    _, codes = np.unique(table["patient"], return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    drawn = [members[place] for place in rng.integers(len(members), size=patients)]
    found = table.rows(np.concatenate(drawn))
    numbers = np.repeat(np.arange(patients, dtype=np.float64), [len(rows) for rows in drawn])
    return Table({**found.columns, "patient": numbers})


def _compared(
    published: Published, table: Table, cohorts: Sequence[Table], pools: Sequence[Table], stage: Stage
) -> Compared:
    statistic = published.statistic
    simulated = statistic.of(table)
    of_cohorts, of_pools = (np.array([statistic.of(one) for one in drawn]) for drawn in (cohorts, pools))
    low, high = _ends(of_cohorts)
    known = float(np.isfinite(of_cohorts).mean())
    separated, by_firth = 0.0, False
    if isinstance(statistic, OddsRatio):
        fits = [regression(one, statistic.event, statistic.predictors) for one in cohorts]
        separated = float(np.mean([fit.separated for fit in fits]))
        by_firth = regression(table, statistic.event, statistic.predictors).separated
    significant = np.nan
    if isinstance(statistic, Tested):
        significant = float(np.mean([statistic.p_value(one) < SIGNIFICANT for one in cohorts]))
    told = (published.estimate, published.low, published.high)
    return Compared(
        published,
        simulated,
        float(np.std(of_pools[np.isfinite(of_pools)])) if np.isfinite(of_pools).any() else np.nan,
        low,
        high,
        known,
        separated,
        by_firth,
        significant,
        verdict(told, (simulated, low, high), statistic.null, known, _rarer(table, statistic)),
        stage,
    )


def _rarer(table: Table, statistic: Statistic) -> int | None:
    """Vertebrae with the rarer outcome of the event that a number is about; None for a number without one."""
    if not isinstance(statistic, Difference | Ratio | OddsRatio | Area | CutOff):
        return None
    events = int((table[statistic.event] > 0.5).sum())
    return min(events, len(table) - events)


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.nan, np.nan
    low, high = np.quantile(finite, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    return float(low), float(high)
