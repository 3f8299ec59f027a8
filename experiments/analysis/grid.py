"""Effects in a full grid of values: the exact decomposition of an output into main effects and interactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GridEffects:
    """An output over a grid whose values all count the same.

    The functional analysis of variance (Sobol 1993; Saltelli et al. 2010, 10.1016/j.cpc.2009.09.018) of a full grid has
    no error: it says how the output varies over these very values.

    Attributes:
        values: (levels, levels, ...) the output, with the missing cases filled in.
        filled: cases that were missing and are filled in by :func:`fill`.
        fill_error: leave-one-out error of the filling in units of the output, None where nothing was missing.
    """

    values: NDArray[np.float64]
    filled: int = 0
    fill_error: float | None = None

    @property
    def variance(self) -> float:
        """Of the output over the grid."""
        return float(self.values.var())

    def means(self, *axes: int) -> NDArray[np.float64]:
        """Mean for every level of some factors over all values of the others."""
        others = tuple(axis for axis in range(self.values.ndim) if axis not in axes)
        return np.asarray(self.values.mean(axis=others))

    def first(self, axis: int) -> float:
        """Share of the variance that one factor explains alone."""
        return float(self.means(axis).var()) / self.variance

    def total(self, axis: int) -> float:
        """Share of the variance in which a factor takes part, alone or with others."""
        return float(self.values.var(axis=axis).mean()) / self.variance

    def pair(self, one: int, other: int) -> float:
        """Share of the variance that two factors explain together beyond what each explains alone."""
        return float(self.means(one, other).var()) / self.variance - self.first(one) - self.first(other)


def grid_effects(codes: Sequence[NDArray[np.int64]], values: NDArray[np.float64]) -> GridEffects | None:
    """The effects in a grid, or None where too few cases are finished to tell them.

    Args:
        codes: of each factor (cases,) the number of its level; together every combination once.
        values: (cases,) the output, NaN where a case is missing.
    """
    shape = tuple(int(code.max()) + 1 for code in codes)
    cube = np.full(shape, np.nan)
    cube[tuple(codes)] = values
    if np.isfinite(cube).all():
        return GridEffects(cube)
    return fill(cube)


def fill(cube: NDArray[np.float64]) -> GridEffects | None:
    """Fill missing cases by least squares with main effects and pairs, or main effects alone where these need fewer.

    Returns:
        The grid with its leave-one-out error, or None where the finished cases do not determine the main effects.
    """
    places = np.array(np.unravel_index(np.arange(cube.size), cube.shape))
    known = np.isfinite(cube).ravel()
    mains = [_contrasts(places[axis], levels) for axis, levels in enumerate(cube.shape)]
    pairs = [(one[:, :, None] * other[:, None, :]).reshape(cube.size, -1) for one, other in combinations(mains, 2)]
    for terms in (mains + pairs, mains):
        matrix = np.hstack([np.ones((cube.size, 1)), *terms])
        count = int(known.sum())
        if count > matrix.shape[1] and np.linalg.matrix_rank(matrix[known]) == matrix.shape[1]:
            break
    else:
        return None
    left, singular, right = np.linalg.svd(matrix[known], full_matrices=False)
    flat = cube.ravel()
    coefficients = right.T @ ((left.T @ flat[known]) / singular)
    leverage = np.minimum((left**2).sum(axis=1), 1.0 - 1e-9)
    residual = (flat[known] - matrix[known] @ coefficients) / (1.0 - leverage)
    whole = np.where(known, flat, matrix @ coefficients).reshape(cube.shape)
    return GridEffects(whole, int((~known).sum()), float(np.sqrt(np.mean(residual**2))))


def _contrasts(codes: NDArray[np.int64], levels: int) -> NDArray[np.float64]:
    """(cases, levels - 1) sum contrasts of a factor."""
    return np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])[codes]
