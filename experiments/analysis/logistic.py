"""Logistic regression of an event on the sampled inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.discrete.discrete_model import Logit

from experiments.analysis.factor import Factor
from experiments.analysis.separation import Separation, separation
from experiments.results.probability import LEVEL

EVENTS_PER_COEFFICIENT = 10
"""Cases of the rarer outcome per coefficient below which odds ratios are biased away from 1 (Peduzzi et al. 1996,
10.1016/S0895-4356(96)00236-3)."""

MANY_CLUSTERS = 30
"""Vertebrae below which intervals that are robust by vertebra are too narrow (Cameron, Gelbach & Miller 2008,
10.1162/rest.90.3.414)."""


@dataclass(frozen=True)
class Predictor:
    """A column of the regression.

    Attributes:
        name: of the input, for a level of a list also of the level.
        per: the change that the odds ratio belongs to, in words.
        values: (cases,) numbers, in that change.
    """

    name: str
    per: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class OddsRatio:
    """The odds ratio of a predictor with its interval and the p-value of 1."""

    predictor: Predictor
    estimate: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class LogisticFit:
    """A logistic regression, or why there is none.

    Attributes:
        ratios: of each predictor; empty where there is none.
        remarks: what a reader must know.
    """

    ratios: tuple[OddsRatio, ...]
    remarks: tuple[str, ...]


def predictors(factors: Sequence[Factor], places: NDArray[np.int64]) -> list[Predictor]:
    """The columns of a regression: numbers per standard deviation, lists as one column for each level but the first.

    Args:
        factors: the varied inputs.
        places: (cases,) case of the design that each case is of.
    """
    columns = []
    for factor in factors:
        if factor.identity:
            continue
        if factor.numbers is not None:
            scaled = factor.scaled()[places]
            spread = float(scaled.std(ddof=1))
            if spread > 0.0:
                unit = "" if factor.unit in ("", "1") else f" {factor.unit}"
                per = f"factor {10.0**spread:.3g}" if factor.logarithmic else f"+{spread:.3g}{unit}"
                columns.append(Predictor(factor.name, per, (scaled - scaled.mean()) / spread))
            continue
        present = np.unique(factor.codes[places])
        for code in present[1:]:
            per = f"instead of {factor.levels[present[0]]}"
            values = (factor.codes[places] == code).astype(float)
            columns.append(Predictor(f"{factor.name}: {factor.levels[code]}", per, values))
    return columns


def logistic(
    columns: Sequence[Predictor],
    events: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None = None,
    of: str = "vertebrae",
) -> LogisticFit:
    """Fit by maximum likelihood; with clusters, standard errors are robust by cluster and t has clusters - 1 degrees.

    Args:
        columns: predictors.
        events: (cases,) whether the event happened.
        clusters: (cases,) cases that belong together; None where all are independent.
        of: what the clusters are.
    """
    rarer = int(min(events.sum(), (~events).sum()))
    if rarer == 0:
        return LogisticFit(
            (), (f"{'All' if events.any() else 'None'} of the {len(events)} cases leaked: no regression.",)
        )
    if not columns:
        return LogisticFit((), ("Nothing is sampled that could explain leaks: no regression.",))
    matrix = np.column_stack([column.values for column in columns])
    whole = np.column_stack([np.ones(len(matrix)), matrix])
    if np.linalg.matrix_rank(whole) < whole.shape[1]:
        return LogisticFit((), (f"{len(events)} cases do not tell {len(columns)} inputs apart: no regression.",))
    if (kind := separation(matrix, events)) is not None:
        return LogisticFit((), (_separated(kind, columns, events),))
    remarks = []
    if rarer < EVENTS_PER_COEFFICIENT * len(columns):
        remarks.append(
            f"Only {rarer} cases of the rarer outcome for {len(columns)} coefficients: odds ratios are biased away "
            f"from 1; {EVENTS_PER_COEFFICIENT} for each are needed."
        )
    groups = 0 if clusters is None else len(np.unique(clusters))
    blind = clusters is not None and groups <= len(columns) + 1
    if blind:
        remarks.append(
            f"{groups} {of} for {len(columns) + 1} coefficients: too few for intervals and p-values that are robust by "
            "them, so none are given."
        )
    elif clusters is not None:
        narrow = f", which makes them too narrow below {MANY_CLUSTERS}" if groups < MANY_CLUSTERS else ""
        remarks.append(f"Intervals and p-values are robust by {groups} {of}{narrow}.")
    model = Logit(events.astype(float), whole)
    if clusters is None:
        found, quantile = model.fit(disp=0, maxiter=200), stats.norm
    else:
        found = model.fit(disp=0, maxiter=200, cov_type="cluster", cov_kwds={"groups": clusters})
        quantile = stats.t(max(groups - 1, 1))
    reach = float(quantile.ppf((1.0 + LEVEL) / 2.0))
    ratios = []
    for column, slope, error in zip(columns, found.params[1:], found.bse[1:], strict=True):
        error = np.nan if blind else float(error)
        ends = np.exp([slope, slope - reach * error, slope + reach * error])
        p_value = float(2.0 * quantile.sf(abs(slope / error)))
        ratios.append(OddsRatio(column, float(ends[0]), float(ends[1]), float(ends[2]), p_value))
    return LogisticFit(tuple(ratios), tuple(remarks))


def _separated(kind: Separation, columns: Sequence[Predictor], events: NDArray[np.bool_]) -> str:
    """The sentence in the place of numbers."""
    alone = [column.name for column in columns if separation(column.values[:, None], events) is not None]
    by = (
        " and ".join(alone) + (" alone" if len(alone) == 1 else ", each alone,") if alone else "several inputs together"
    )
    return (
        f"{kind.capitalize()} separation: {by} tell{'s' if len(alone) == 1 else ''} leaks from the rest without error, "
        "so that odds ratios have no finite estimate; sample more cases or wider distributions."
    )
