"""A surrogate of an output: polynomials of the sampled inputs, whose coefficients are its Sobol indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.stats import norm

from experiments.analysis.bootstrap import SEED, resamples
from experiments.analysis.factor import Factor
from experiments.results.probability import LEVEL

DEGREES = (1, 2, 3)
FOLDS = 10
RESAMPLES = 300
LEAST_CASES = 20
"""Cases below which no surrogate is fitted."""

LEAST_SKILL = 0.5
"""Share of the variance of cases it has not seen that a surrogate must explain for its indices to be shown (tag D)."""

Term = tuple[int, ...]
"""Numbers of the factors that take part in a column."""


@dataclass(frozen=True)
class Share:
    """A share of the surrogate's variance with an interval of 1.96 bootstrap standard deviations, inside 0 to 1.

    Quantiles of the draws would not do: fits to fewer different cases follow their noise, which moves every draw.
    """

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Surrogate:
    """Ridge regression on orthonormal polynomials of the inputs' shares of probability (polynomial chaos).

    The squares of the coefficients add up to the variance, so that Sobol indices follow from them without sampling
    (Sudret 2008, 10.1016/j.ress.2007.04.002).

    Attributes:
        degree: largest degree of a polynomial.
        cases: finished cases that it was fitted to.
        skill: share of the variance explained for cases it has not seen, by cross-validation; below 0 it is worse than
            the mean.
        error: root mean square error for cases it has not seen, in units of the output.
        first: of each factor, the share that it explains alone.
        total: of each factor, the share in which it takes part.
        pairs: two factors -> the share that they explain together beyond each alone.
    """

    degree: int
    cases: int
    skill: float
    error: float
    first: tuple[Share, ...]
    total: tuple[Share, ...]
    pairs: dict[tuple[int, int], Share]

    @property
    def usable(self) -> bool:
        """Whether it predicts well enough for its indices to say something."""
        return self.skill >= LEAST_SKILL


def fit(
    factors: Sequence[Factor],
    points: NDArray[np.float64],
    values: NDArray[np.float64],
    clusters: NDArray[np.int64] | None = None,
) -> Surrogate | None:
    """Fit a surrogate; its degree and its penalty have the least leave-one-out error.

    Args:
        factors: the varied inputs.
        points: (cases, factors) shares of probability below each value; not used of factors with levels.
        values: (cases,) the output, NaN where a case has none.
        clusters: (cases,) cases that share values and stay together in cross-validation and bootstrap.

    Returns:
        None where there are fewer than :data:`LEAST_CASES` of them.
    """
    from sklearn.model_selection import GroupKFold, KFold

    known = np.isfinite(values)
    groups = (np.arange(len(values)) if clusters is None else clusters)[known]
    if len(np.unique(groups)) < LEAST_CASES:
        return None
    y = values[known]
    columns = {degree: _columns(factors, points[known], degree, known) for degree in DEGREES}
    degree, penalty = _choose(columns, y)
    predicted = np.empty_like(y)
    folds = KFold(FOLDS, shuffle=True, random_state=SEED) if clusters is None else GroupKFold(FOLDS)
    for seen, unseen in folds.split(y, groups=None if clusters is None else groups):
        there = {order: (matrix[seen], terms) for order, (matrix, terms) in columns.items()}
        fold_degree, fold_penalty = _choose(there, y[seen])
        matrix = columns[fold_degree][0]
        mean, coefficients = _ridge(matrix[seen], y[seen], fold_penalty)
        predicted[unseen] = mean + matrix[unseen] @ coefficients
    residual = float(np.mean((predicted - y) ** 2))
    matrix, terms = columns[degree]
    names = _combined(len(factors))
    whole = np.array(_shares(_ridge(matrix, y, penalty)[1], terms, names))
    draws = [_shares(_ridge(matrix[rows], y[rows], penalty)[1], terms, names) for rows in resamples(groups, RESAMPLES)]
    reach = norm.ppf((1.0 + LEVEL) / 2.0) * np.nanstd(draws, axis=0, ddof=1)
    low, high = np.maximum(whole - reach, 0.0), np.minimum(whole + reach, 1.0)
    shares = {
        name: Share(float(estimate), float(least), float(most))
        for name, estimate, least, most in zip(names, whole, low, high, strict=True)
    }
    return Surrogate(
        degree,
        len(y),
        1.0 - residual / float(y.var()),
        float(np.sqrt(residual)),
        tuple(shares["first", (i,)] for i in range(len(factors))),
        tuple(shares["total", (i,)] for i in range(len(factors))),
        {pair: shares["pair", pair] for pair in combinations(range(len(factors)), 2)},
    )


def _columns(
    factors: Sequence[Factor], points: NDArray[np.float64], degree: int, known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], list[Term]]:
    """(cases, columns) main effects up to a degree and products of two within it, and the factors of each column."""
    bases = []
    for index, factor in enumerate(factors):
        if factor.continuous:
            bases.append([(order, column) for order, column in enumerate(_legendre(points[:, index], degree).T, 1)])
        else:
            bases.append([(1, column) for column in _levels(factor)[factor.codes[known]].T])
    columns = [column for basis in bases for _, column in basis]
    terms: list[Term] = [(index,) for index, basis in enumerate(bases) for _ in basis]
    for one, other in combinations(range(len(factors)), 2):
        for first_order, first in bases[one]:
            for second_order, second in bases[other]:
                if first_order + second_order <= degree:
                    columns.append(first * second)
                    terms.append((one, other))
    return np.column_stack(columns), terms


def _legendre(shares: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """(cases, degree) polynomials that are orthonormal for shares between 0 and 1."""
    scale = np.sqrt(2.0 * np.arange(1, degree + 1) + 1.0)
    return np.asarray(legendre.legvander(2.0 * shares - 1.0, degree)[:, 1:] * scale, dtype=np.float64)


def _levels(factor: Factor) -> NDArray[np.float64]:
    """(levels, levels - 1) functions of the levels that are orthonormal for their frequencies in the design."""
    root = np.sqrt(np.bincount(factor.codes) / len(factor.codes))
    start = np.column_stack([root, np.diag(root)[:, :-1]])
    return np.asarray(np.linalg.qr(start)[0][:, 1:] / root[:, None], dtype=np.float64)


def _choose(columns: dict[int, tuple[NDArray[np.float64], list[Term]]], y: NDArray[np.float64]) -> tuple[int, float]:
    """Degree and penalty with the least leave-one-out error."""
    from sklearn.linear_model import RidgeCV

    best = (-np.inf, 0, 0.0)
    for degree, (matrix, _) in columns.items():
        model = RidgeCV(alphas=np.geomspace(1e-6, 1e3, 28), scoring=None).fit(matrix, y)
        best = max(best, (float(model.best_score_), degree, float(model.alpha_)))
    return best[1], best[2]


def _ridge(matrix: NDArray[np.float64], y: NDArray[np.float64], penalty: float) -> tuple[float, NDArray[np.float64]]:
    """Mean for columns of 0, and coefficients."""
    centre = matrix.mean(axis=0)
    shifted = matrix - centre
    gram = shifted.T @ shifted + penalty * np.eye(matrix.shape[1])
    coefficients = np.linalg.solve(gram, shifted.T @ (y - y.mean()))
    return float(y.mean() - centre @ coefficients), np.asarray(coefficients, dtype=np.float64)


def _combined(factors: int) -> list[tuple[str, Term]]:
    """What shares are told of: each factor alone, each in all, and pairs."""
    single: list[Term] = [(index,) for index in range(factors)]
    return [
        *(("first", term) for term in single),
        *(("total", term) for term in single),
        *(("pair", pair) for pair in combinations(range(factors), 2)),
    ]


def _shares(coefficients: NDArray[np.float64], terms: list[Term], names: list[tuple[str, Term]]) -> list[float]:
    """Shares of the surrogate's variance in the order of ``names``."""
    parts: dict[Term, float] = {}
    for term, coefficient in zip(terms, coefficients, strict=True):
        parts[term] = parts.get(term, 0.0) + float(coefficient**2)
    whole = sum(parts.values()) or np.nan

    def part(kind: str, asked: Term) -> float:
        if kind == "total":
            return sum(share for term, share in parts.items() if set(asked) & set(term))
        return parts.get(asked, 0.0)

    return [part(kind, asked) / whole for kind, asked in names]
