"""The numbers that studies publish, each as a function of a table of treated vertebrae."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning, PerfectSeparationWarning

from experiments.analysis.roc import youden
from experiments.analysis.separation import separation
from experiments.cohorts.firth import firth
from experiments.cohorts.observed import Table

LARGE = 12.0
"""Coefficient per standard deviation from which on a fit is suspected to be separated."""


class Statistic(Protocol):
    """A number of a table, NaN where the table does not give one."""

    @property
    def null(self) -> float | None:
        """Its value where nothing goes with anything; None where it is no effect."""
        ...

    def of(self, table: Table) -> float:
        """The number."""
        ...


@runtime_checkable
class Tested(Protocol):
    """An effect that studies test."""

    def p_value(self, table: Table) -> float:
        """Of no effect; NaN where there is nothing to test."""
        ...


@dataclass(frozen=True)
class Mean:
    """Mean of a column; a share where the column is yes or no.

    Attributes:
        column: name.
        where: column and value of the rows that count; None for all.
    """

    column: str
    where: tuple[str, float] | None = None
    null: float | None = None

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        values = _chosen(table, self.column, self.where)
        return float(values.mean()) if len(values) else np.nan


@dataclass(frozen=True)
class Deviation:
    """Standard deviation of a column; attributes as :class:`Mean`."""

    column: str
    where: tuple[str, float] | None = None
    null: float | None = None

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        values = _chosen(table, self.column, self.where)
        return float(values.std(ddof=1)) if len(values) > 1 else np.nan


@dataclass(frozen=True)
class Median:
    """Median of a column; attributes as :class:`Mean`."""

    column: str
    where: tuple[str, float] | None = None
    null: float | None = None

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        values = _chosen(table, self.column, self.where)
        return float(np.median(values)) if len(values) else np.nan


@dataclass(frozen=True)
class ShareOfLevels:
    """Share with an event among some levels.

    Attributes:
        event: column.
        levels: numbers in the column ``level``.
    """

    event: str
    levels: tuple[int, ...]
    null: float | None = None

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        rows = np.isin(table["level"], self.levels)
        return float(table[self.event][rows].mean()) if rows.any() else np.nan


@dataclass(frozen=True)
class Difference:
    """Mean of a column where an event happened less that where it did not.

    Attributes:
        column: what is compared.
        event: column of yes and no.
        centre: ``"mean"`` or ``"median"``.
    """

    column: str
    event: str
    centre: str = "mean"
    null: float | None = 0.0

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        law = Median if self.centre == "median" else Mean
        return law(self.column, (self.event, 1.0)).of(table) - law(self.column, (self.event, 0.0)).of(table)

    def p_value(self, table: Table) -> float:
        """Of Mann and Whitney's test for medians, of the chi-squared test for shares, else of Welch's t-test."""
        one, other = (_chosen(table, self.column, (self.event, value)) for value in (1.0, 0.0))
        if min(len(one), len(other)) < 2 or np.ptp(np.append(one, other)) == 0.0:
            return np.nan
        if self.centre == "median":
            return float(stats.mannwhitneyu(one, other).pvalue)
        if set(np.unique(np.append(one, other))) <= {0.0, 1.0}:
            counts = [[group.sum(), len(group) - group.sum()] for group in (one, other)]
            return float(stats.chi2_contingency(counts, correction=False).pvalue)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # groups that do not vary
            return float(stats.ttest_ind(one, other, equal_var=False).pvalue)


@dataclass(frozen=True)
class Ratio:
    """Mean of a column where something holds over that where it does not: of yes and no, the relative risk.

    Attributes:
        column: what is compared.
        event: column of yes and no.
    """

    column: str
    event: str
    null: float | None = 1.0

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        one, other = (Mean(self.column, (self.event, value)).of(table) for value in (1.0, 0.0))
        return one / other if other else np.nan

    def p_value(self, table: Table) -> float:
        """That of the difference."""
        return Difference(self.column, self.event).p_value(table)


@dataclass(frozen=True)
class OddsRatio:
    """Odds ratio per unit of a predictor in a logistic regression.

    Attributes:
        event: column of yes and no.
        predictors: columns of the regression.
        of_column: the predictor whose odds ratio it is.
        inverse: whether the predictor counts the other way round.
    """

    event: str
    predictors: tuple[str, ...]
    of_column: str
    inverse: bool = False
    null: float | None = 1.0

    def of(self, table: Table) -> float:
        """See :class:`Statistic`; Firth's estimate where the maximum likelihood has none."""
        slopes = regression(table, self.event, self.predictors).slopes
        ratio = float(np.exp(slopes[self.of_column])) if self.of_column in slopes else np.nan
        return 1.0 / ratio if self.inverse else ratio

    def p_value(self, table: Table) -> float:
        """Of Wald's test; NaN where there is no maximum likelihood."""
        return regression(table, self.event, self.predictors).p_values.get(self.of_column, np.nan)


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve by which a column tells an event; above 0.5 where larger values go with it."""

    column: str
    event: str
    null: float | None = 0.5

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        values, events = _pairs(table, self.column, self.event)
        return float(roc_auc_score(events, values)) if 0 < events.sum() < len(events) else np.nan

    def p_value(self, table: Table) -> float:
        """Of Mann and Whitney's test, which asks the same."""
        return Difference(self.column, self.event, "median").p_value(table)


@dataclass(frozen=True)
class CutOff:
    """Value of a column from which on an event is told best (Youden)."""

    column: str
    event: str
    null: float | None = None

    def of(self, table: Table) -> float:
        """See :class:`Statistic`."""
        values, events = _pairs(table, self.column, self.event)
        return youden(values, events) if 0 < events.sum() < len(events) else np.nan


@dataclass(frozen=True)
class Regression:
    """A logistic regression of a table.

    Attributes:
        slopes: predictor -> coefficient; empty where there is nothing to fit.
        separated: whether a plane separates the events, so that the coefficients are Firth's.
        p_values: predictor -> that of Wald's test; empty where the events are separated.
    """

    slopes: Mapping[str, float]
    separated: bool
    p_values: Mapping[str, float] = field(default_factory=dict)


def regression(table: Table, event: str, predictors: tuple[str, ...]) -> Regression:
    """Fit by maximum likelihood, or after Firth where that is separated; columns that do not vary are left out."""
    key = (event, predictors)
    if key not in table.fits:
        table.fits[key] = _fitted(table, event, predictors)
    found: Regression = table.fits[key]
    return found


def _fitted(table: Table, event: str, predictors: tuple[str, ...]) -> Regression:
    matrix = np.column_stack([table[name] for name in predictors])
    known = np.isfinite(matrix).all(axis=1)
    matrix, events = matrix[known], table[event][known] > 0.5
    varying = [place for place in range(matrix.shape[1]) if len(matrix) and np.ptp(matrix[:, place]) > 0.0]
    names, matrix = [predictors[place] for place in varying], matrix[:, varying]
    if not names or not 0 < events.sum() < len(events):
        return Regression({}, separated=False)
    whole = np.column_stack([np.ones(len(matrix)), matrix])
    if np.linalg.matrix_rank(whole) < whole.shape[1]:
        return Regression({}, separated=False)
    found = _maximum_likelihood(whole, matrix, events)
    if found is None:
        try:
            slopes = dict(zip(names, firth(matrix, events)[1:].tolist(), strict=True))
        except ValueError:  # too few different cases for so many predictors: no number, which the verdict counts
            slopes = {}
        return Regression(slopes, separated=True)
    slopes, p_values = (dict(zip(names, values[1:].tolist(), strict=True)) for values in found)
    return Regression(slopes, False, p_values)


def _maximum_likelihood(
    whole: NDArray[np.float64], matrix: NDArray[np.float64], events: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Coefficients and their p-values, or None where a plane separates the events."""
    with warnings.catch_warnings():
        for kind in (ConvergenceWarning, HessianInversionWarning, PerfectSeparationWarning, RuntimeWarning):
            warnings.simplefilter("ignore", kind)
        try:
            found = Logit(events.astype(float), whole).fit(disp=0, maxiter=100)
            slopes, p_values = np.asarray(found.params, dtype=np.float64), np.asarray(found.pvalues, dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
    suspect = not found.mle_retvals["converged"] or np.abs(slopes[1:] * matrix.std(axis=0)).max() > LARGE
    return None if suspect and separation(matrix, events) is not None else (slopes, p_values)


def _chosen(table: Table, column: str, where: tuple[str, float] | None) -> NDArray[np.float64]:
    values = table[column]
    if where is not None:
        values = values[table[where[0]] == where[1]]
    return values[np.isfinite(values)]


def _pairs(table: Table, column: str, event: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = table[column]
    known = np.isfinite(values)
    return values[known], table[event][known] > 0.5
