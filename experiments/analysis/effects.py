"""Main effects in a sample: the mean of an output in groups of an input, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.bootstrap import mean_interval
from experiments.analysis.factor import Factor

THIRDS: tuple[str, ...] = ("low", "middle", "high")
LEAST_GROUP = 5
"""Cases from which on a mean has an interval."""


@dataclass(frozen=True)
class GroupMean:
    """The mean of an output over the cases of a group.

    Attributes:
        group: name of the group.
        centre: median of the input in the group, None where it is no number.
        cases: how many there are.
        mean: of the output.
        low: end of the interval, NaN where there are too few cases.
        high: the other end.
    """

    group: str
    centre: float | None
    cases: int
    mean: float
    low: float
    high: float


def group_means(
    factor: Factor, values: NDArray[np.float64], clusters: NDArray[np.int64] | None = None
) -> list[GroupMean]:
    """Means over the levels of an input, or over the thirds of one that is sampled from many numbers.

    Args:
        factor: the input.
        values: (cases,) the output, NaN where a case has none.
        clusters: (cases,) cases of the same number are drawn together; every case by itself where left out.
    """
    known = np.isfinite(values)
    if factor.continuous and factor.numbers is not None:
        cuts = np.quantile(factor.numbers[known], (1.0 / 3.0, 2.0 / 3.0))
        codes, names = np.searchsorted(cuts, factor.numbers, side="right"), THIRDS
    else:
        codes, names = factor.codes, factor.levels
    members = np.arange(len(values)) if clusters is None else clusters
    found = []
    for number, name in enumerate(names):
        inside = known & (codes == number)
        if not inside.any():
            continue
        low = high = np.nan
        if len(np.unique(members[inside])) >= LEAST_GROUP:
            low, high = mean_interval(values[inside], members[inside])
        centre = None if factor.numbers is None else float(np.median(factor.numbers[inside]))
        found.append(GroupMean(name, centre, int(inside.sum()), float(values[inside].mean()), low, high))
    return found
