"""Which of the drawn attributes carry a leak: a surrogate of its probability, checked on patients it has not seen.

The surrogate is a logistic regression on splines of all attributes that vary, with a penalty. It is additive in the log
odds; what attributes do together beyond that counts as unexplained, like the chance of where veins and lines of a
fracture run. What it explains is told as Brier's skill: the share of the variance of the event, in patients of other
folds, that its probability takes away.

Attributes go together: levels with sizes, gauges with levels. So they are told in groups that belong together, each
twice: what it explains *alone*, with all that goes with it, and what is *lost* without it, which only it explains. Of a
group that is independent of all others these are its first-order and its total Sobol index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import SplineTransformer, StandardScaler

from experiments.analysis.bootstrap import SEED, percentile_interval
from experiments.cohorts.observed import Table
from experiments.cohorts.statistics import Area
from experiments.cohorts.verdict import LEAST_RARER

GROUPS: Mapping[str, tuple[str, ...]] = {
    "level and size": ("level", "real_shape", "width_mm", "depth_mm", "height_mm"),
    "sex, age and density": ("man", "age", "density"),
    "structure of the bone": ("heterogeneity_sd", "heterogeneity_length_mm"),
    "fracture": ("collapse", "old_fracture", "height_loss", "cleft", "cortical_disruption"),
    "veins": ("branches", "vein_calibre_mm"),
    "metastasis": ("growth", "lesion_share", "lytic"),
    "destroyed posterior wall": ("wall_defect", "wall_defect_share"),
    "needles and tips": ("bilateral", "gauge", "tip_depth", "tip_aside", "tip_height"),
    "cement and its age": ("viscosity", "minutes"),
    "planned volume and rate": ("planned_ml", "rate_ml_per_min"),
    "what ends the operation": ("finish_line", "leak_limit_ml"),
    "balloon": ("balloon_ml",),
}
"""Group -> columns that stand before the injection; the T-score is left out, since it follows from the density."""

EVENTS: Mapping[str, str] = {
    "any leak": "leak",
    "into the canal": "leak_canal",
    "into vessels": "leak_vessel",
    "into a disc": "leak_disc",
}

KNOTS, FEW_VALUES = 4, 8
"""Knots of a cubic spline, and different values up to which a column is taken as it is."""

PENALTIES = (0.003, 0.03, 0.3)
"""Inverse strengths of the penalty, of which cross-validation inside the other folds chooses."""

FOLDS, INNER_FOLDS = 5, 3
DRAWS = 1000

FloatArray = NDArray[np.float64]
Places = NDArray[np.int64]


class Fold(NamedTuple):
    """Rows that a fit sees, those that it is asked for, and folds of the first, by which its penalty is chosen."""

    seen: Places
    unseen: Places
    inner: tuple[tuple[Places, Places], ...]


@dataclass(frozen=True)
class Carried:
    """What a group of attributes explains of an event.

    Attributes:
        group: name.
        alone: share of the variance that the group explains by itself.
        alone_error: standard deviation over patients that are drawn again.
        lost: share that is lost without it.
        lost_error: its standard deviation.
        strongest: column of the group that tells the event best by itself.
        upwards: whether larger values of it go with the event.
    """

    group: str
    alone: float
    alone_error: float
    lost: float
    lost_error: float
    strongest: str
    upwards: bool


@dataclass(frozen=True)
class Sensitivity:
    """The surrogate of an event and what carries it.

    Attributes:
        share: of vertebrae with the event.
        auc: area under the ROC curve in patients that the surrogate has not seen.
        slope: of the events over the surrogate's log odds there: 1 where it is calibrated, below where it overstates.
        skill: Brier's skill there; 0 is no better than the share alone.
        low: end of the 95 % interval of the skill over patients that are drawn again.
        high: the other end.
        groups: empty where it is not usable.
    """

    share: float
    auc: float
    slope: float
    skill: float
    low: float
    high: float
    groups: tuple[Carried, ...]

    @property
    def usable(self) -> bool:
        """Whether it is better than the share alone beyond chance."""
        return self.low > 0.0


def sensitivity(table: Table, event: str) -> Sensitivity | None:
    """Fit and check a surrogate of an event.

    Intervals and errors draw patients again with the probabilities that other folds gave them; the fits are not
    repeated.

    Args:
        table: the pool.
        event: column of yes and no.

    Returns:
        None where fewer than :data:`experiments.cohorts.verdict.LEAST_RARER` vertebrae have the rarer outcome.
    """
    happened = table[event] > 0.5
    if min(happened.sum(), (~happened).sum()) < LEAST_RARER:
        return None
    _, patients = np.unique(table["patient"], return_inverse=True)
    columns = {group: _columns(table, names) for group, names in GROUPS.items()}
    columns = {group: found for group, found in columns.items() if found.shape[1]}
    folds = _folds(happened, patients)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        whole = _predicted(list(columns.values()), happened, folds)
        losses = [_predicted([], happened, folds), whole]
        for group in columns:
            rest = [found for other, found in columns.items() if other != group]
            losses += [_predicted([columns[group]], happened, folds), _predicted(rest, happened, folds)]
    skills, drawn = _skills(np.array(losses), happened, patients)
    low, high = percentile_interval(drawn[:, 0])
    groups = [
        Carried(
            group,
            skills[place],
            float(drawn[:, place].std(ddof=1)),
            skills[0] - skills[place + 1],
            float((drawn[:, 0] - drawn[:, place + 1]).std(ddof=1)),
            *_strongest(table, GROUPS[group], event),
        )
        for place, group in zip(range(1, len(skills), 2), columns, strict=True)
    ]
    usable = low > 0.0
    return Sensitivity(
        float(happened.mean()),
        float(roc_auc_score(happened, whole)),
        _slope(whole, happened),
        skills[0],
        low,
        high,
        tuple(sorted(groups, key=lambda one: -one.lost)) if usable else (),
    )


def _columns(table: Table, names: Sequence[str]) -> FloatArray:
    """(rows, columns) standardised splines and plain columns of attributes that vary."""
    found: list[FloatArray] = []
    for name in names:
        values = table[name]
        if not np.isfinite(values).all() or not np.ptp(values):
            continue
        column = values[:, None]
        if len(np.unique(values)) > FEW_VALUES:
            column = SplineTransformer(KNOTS, knots="quantile", include_bias=False).fit_transform(column)
        found.append(StandardScaler().fit_transform(column))
    return np.hstack(found) if found else np.empty((len(table), 0))


def _folds(happened: NDArray[np.bool_], patients: NDArray[np.int64]) -> list[Fold]:
    """Each with the folds inside of what it sees, patients whole."""
    outer = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    inner = StratifiedGroupKFold(INNER_FOLDS, shuffle=True, random_state=SEED)
    return [
        Fold(seen, unseen, tuple(inner.split(seen, happened[seen], patients[seen])))
        for seen, unseen in outer.split(patients, happened, patients)
    ]


def _predicted(columns: Sequence[FloatArray], happened: NDArray[np.bool_], folds: Sequence[Fold]) -> FloatArray:
    """(rows,) probability of the event by a fit to the other folds; their share without columns."""
    predicted = np.empty(len(happened))
    matrix = np.hstack(columns) if columns else None
    for fold in folds:
        seen, unseen = fold.seen, fold.unseen
        if matrix is None:
            predicted[unseen] = happened[seen].mean()
        else:
            penalty = _penalty(matrix[seen], happened[seen], fold.inner)
            predicted[unseen] = _chance(matrix[seen], happened[seen], penalty, matrix[unseen])
    return predicted


def _penalty(matrix: FloatArray, happened: NDArray[np.bool_], folds: Sequence[tuple[Places, Places]]) -> float:
    def loss(penalty: float) -> float:
        parts = [
            (_chance(matrix[seen], happened[seen], penalty, matrix[unseen]) - happened[unseen]) ** 2
            for seen, unseen in folds
        ]
        return float(np.concatenate(parts).sum())

    return min(PENALTIES, key=loss)


def _chance(matrix: FloatArray, happened: NDArray[np.bool_], penalty: float, asked: FloatArray) -> FloatArray:
    """(asked,) probability by a fit to cases."""
    fit = LogisticRegression(C=penalty, solver="newton-cholesky").fit(matrix, happened)
    chance: FloatArray = expit(asked @ fit.coef_[0] + fit.intercept_[0])
    return chance


def _skills(
    predicted: FloatArray, happened: NDArray[np.bool_], patients: NDArray[np.int64]
) -> tuple[list[float], FloatArray]:
    """Brier's skill of each row of predictions but the first, which is the null; (draws, rows) of pools drawn again."""
    losses = (predicted - happened) ** 2
    by_patient = np.array([np.bincount(patients, one) for one in losses])
    count = by_patient.shape[1]
    weights = np.random.default_rng(SEED).multinomial(count, np.full(count, 1.0 / count), size=DRAWS)
    null, *others = by_patient.sum(axis=1)
    drawn = weights @ by_patient.T
    return [float(1.0 - one / null) for one in others], 1.0 - drawn[:, 1:] / drawn[:, :1]


def _slope(predicted: FloatArray, happened: NDArray[np.bool_]) -> float:
    odds = logit(np.clip(predicted, 1e-6, 1.0 - 1e-6))[:, None]
    if not np.ptp(odds):
        return np.nan
    return float(LogisticRegression(C=np.inf, solver="newton-cholesky").fit(odds, happened).coef_[0, 0])


def _strongest(table: Table, names: Sequence[str], event: str) -> tuple[str, bool]:
    areas = {name: Area(name, event).of(table) - 0.5 for name in names if np.ptp(table[name]) > 0.0}
    name = max(areas, key=lambda one: abs(areas[one]))
    return name, areas[name] > 0.0
