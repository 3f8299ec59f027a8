"""Sensitivity indices of the designs that are made for them, by SALib: Sobol's and Morris's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.bootstrap import RESAMPLES, SEED
from experiments.results.probability import LEVEL
from experiments.sweep.design import MORRIS_LEVELS

LEAST_BLOCKS = 4
"""Whole blocks or trajectories below which nothing is estimated."""


@dataclass(frozen=True)
class SobolIndices:
    """First-order and total indices with the half widths of their bootstrap intervals.

    Attributes:
        first: (factors,) share of the variance that each explains alone.
        first_half: (factors,) half width of the interval.
        total: (factors,) share in which each takes part.
        total_half: (factors,) half width of the interval.
        blocks: whole blocks of cases that were used.
        dropped: blocks with a case that is missing.
    """

    first: NDArray[np.float64]
    first_half: NDArray[np.float64]
    total: NDArray[np.float64]
    total_half: NDArray[np.float64]
    blocks: int
    dropped: int


@dataclass(frozen=True)
class MorrisMeasures:
    """Elementary effects, in units of the output over the whole range of each input.

    Attributes:
        mean: (factors,) mu.
        absolute: (factors,) mu*, the mean of the effects without their signs.
        absolute_half: (factors,) half width of its bootstrap interval.
        deviation: (factors,) sigma, which interactions and curvature raise.
        trajectories: whole trajectories that were used.
        dropped: trajectories with a case that is missing.
    """

    mean: NDArray[np.float64]
    absolute: NDArray[np.float64]
    absolute_half: NDArray[np.float64]
    deviation: NDArray[np.float64]
    trajectories: int
    dropped: int


def sobol_indices(values: NDArray[np.float64], factors: int) -> SobolIndices | None:
    """Indices from Saltelli's points (Saltelli et al. 2010, 10.1016/j.cpc.2009.09.018).

    Args:
        values: (cases,) the output in the order of the design, NaN where a case is missing.
        factors: how many inputs the design varies.

    Returns:
        None where fewer than :data:`LEAST_BLOCKS` blocks are whole, or all their values are the same.
    """
    from SALib.analyze import sobol

    blocks = values.reshape(-1, factors + 2)
    whole = np.isfinite(blocks).all(axis=1)
    used = blocks[whole]
    if len(used) < LEAST_BLOCKS or not np.ptp(used):
        return None
    found = sobol.analyze(_problem(factors), used.ravel(), False, num_resamples=RESAMPLES, conf_level=LEVEL, seed=SEED)
    return SobolIndices(
        np.asarray(found["S1"]),
        np.asarray(found["S1_conf"]),
        np.asarray(found["ST"]),
        np.asarray(found["ST_conf"]),
        len(used),
        len(blocks) - len(used),
    )


def morris_measures(points: NDArray[np.float64], values: NDArray[np.float64]) -> MorrisMeasures | None:
    """Measures from trajectories (Campolongo et al. 2007, 10.1016/j.envsoft.2006.10.004).

    Args:
        points: (cases, factors) in the unit cube.
        values: (cases,) the output in the order of the design, NaN where a case is missing.

    Returns:
        None where fewer than :data:`LEAST_BLOCKS` trajectories are whole.
    """
    from SALib.analyze import morris

    factors = points.shape[1]
    whole = np.isfinite(values.reshape(-1, factors + 1)).all(axis=1)
    if whole.sum() < LEAST_BLOCKS:
        return None
    used = np.repeat(whole, factors + 1)
    found = morris.analyze(
        _problem(factors),
        points[used],
        values[used],
        num_resamples=RESAMPLES,
        conf_level=LEVEL,
        num_levels=MORRIS_LEVELS,
        seed=SEED,
    )
    mean, absolute, half, deviation = (
        np.asarray(found[key], dtype=float) for key in ("mu", "mu_star", "mu_star_conf", "sigma")
    )
    return MorrisMeasures(mean, absolute, half, deviation, int(whole.sum()), int((~whole).sum()))


def _problem(factors: int) -> dict[str, object]:
    return {"num_vars": factors, "names": [f"x{i}" for i in range(factors)], "bounds": [[0.0, 1.0]] * factors}
