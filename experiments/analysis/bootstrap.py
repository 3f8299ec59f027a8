"""Intervals by drawing cases again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.results.probability import LEVEL

RESAMPLES = 1000
SEED = 1
"""Of every draw, so that the same sweep gives the same intervals."""


def resamples(clusters: NDArray[np.int64], count: int) -> Iterator[NDArray[np.int64]]:
    """Rows drawn with replacement, whole clusters at a time.

    Args:
        clusters: (rows,) cluster of each row.
        count: how often to draw.
    """
    different, codes = np.unique(clusters, return_inverse=True)
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    rng = np.random.default_rng(SEED)
    for _ in range(count):
        yield np.concatenate([members[place] for place in rng.integers(len(different), size=len(different))])


def mean_interval(values: NDArray[np.float64], clusters: NDArray[np.int64]) -> tuple[float, float]:
    """Percentile interval of a mean over rows that are drawn by whole clusters.

    Args:
        values: (rows,) values.
        clusters: (rows,) cluster of each row.
    """
    different, codes = np.unique(clusters, return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    draws = np.random.default_rng(SEED).integers(len(different), size=(RESAMPLES, len(different)))
    return percentile_interval(sums[draws].sum(axis=1) / counts[draws].sum(axis=1))


def percentile_interval(draws: ArrayLike) -> tuple[float, float]:
    """The ends between which :data:`LEVEL` of the draws lie; NaN where there are none."""
    known = np.asarray(draws, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0))
    return float(low), float(high)
