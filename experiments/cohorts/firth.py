"""Logistic regression after Firth: estimates that stay finite where a plane separates the events.

D. Firth 1993, 10.1093/biomet/80.1.27; G. Heinze & M. Schemper 2002, 10.1002/sim.1047. The likelihood is multiplied by
the root of the determinant of the information, which takes the first-order bias of maximum likelihood away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

ROUNDS = 500
TOLERANCE = 1e-7
"""Of the coefficients in the last round, in units of their columns' standard deviations."""
LARGEST_STEP = 5.0
"""Of a coefficient in one round, in units of its column's standard deviation."""


def firth(columns: NDArray[np.float64], events: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Coefficients of the penalised likelihood, the constant first.

    Args:
        columns: (cases, predictors), linearly independent of each other and of a constant.
        events: (cases,) whether the event happened.

    Raises:
        ValueError: the rounds do not settle.
    """
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    matrix = np.column_stack([np.ones(len(columns)), (columns - centre) / spread])
    slopes, best = np.zeros(matrix.shape[1]), -np.inf
    step = np.zeros_like(slopes)
    for _ in range(ROUNDS):
        likelihood = _penalised(matrix, events, slopes + step)
        if likelihood < best:
            step *= 0.5
        else:
            slopes, best = slopes + step, likelihood
            step = np.clip(_step(matrix, events, slopes), -LARGEST_STEP, LARGEST_STEP)
        if np.isfinite(best) and np.abs(step).max() < TOLERANCE:
            scaled = slopes[1:] / spread
            return np.append(slopes[0] - scaled @ centre, scaled)
    raise ValueError(f"Firth's regression of {len(events)} cases does not settle in {ROUNDS} rounds")


def _penalised(matrix: NDArray[np.float64], events: NDArray[np.bool_], slopes: NDArray[np.float64]) -> float:
    """Logarithm of the penalised likelihood."""
    chance = expit(matrix @ slopes)
    _, information = np.linalg.slogdet(matrix.T @ ((chance * (1.0 - chance))[:, None] * matrix))
    signed = np.where(events, 1.0, -1.0) * (matrix @ slopes)
    return float(0.5 * information - np.logaddexp(0.0, -signed).sum())


def _step(matrix: NDArray[np.float64], events: NDArray[np.bool_], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of scoring, by the information without the penalty."""
    chance = expit(matrix @ slopes)
    weight = chance * (1.0 - chance)
    inverse = np.linalg.pinv(matrix.T @ (weight[:, None] * matrix), hermitian=True)
    leverage = weight * np.einsum("ij,jk,ik->i", matrix, inverse, matrix)
    found: NDArray[np.float64] = inverse @ (matrix.T @ (events - chance + leverage * (0.5 - chance)))
    return found
