"""One needle against two over the same patients: pairs of cases that differ in nothing else that varies."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar

from experiments.analysis.bootstrap import mean_interval
from experiments.analysis.sample import Sample, grouped
from experiments.sweep.table import INPUT

_SIDE = re.compile(rf"{re.escape(INPUT)}needles\[\d+\]\.side")
LEAST_PATIENTS = 5
"""Patients below which a mean difference has no bootstrap interval."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of finished rows, one with needles from one side and one from both.

    Attributes:
        one_sided: (pairs,) row of the unilateral case.
        two_sided: (pairs,) row of the bilateral case.
        patients: (pairs,) number of the patient, or of the vertebra where there are several.
        unpaired: finished rows without a partner.
    """

    one_sided: NDArray[np.int64]
    two_sided: NDArray[np.int64]
    patients: NDArray[np.int64]
    unpaired: int


@dataclass(frozen=True)
class Difference:
    """Bilateral minus unilateral over pairs.

    Attributes:
        pairs: that have the output in both cases.
        mean: of the difference.
        low: end of the bootstrap interval over patients, NaN where there are too few.
        high: the other end.
        least: smallest difference.
        largest: largest difference.
    """

    pairs: int
    mean: float
    low: float
    high: float
    least: float
    largest: float


@dataclass(frozen=True)
class Discordance:
    """Leaks over pairs.

    Attributes:
        both: pairs that leak either way.
        one_only: that leak unilaterally alone.
        two_only: that leak bilaterally alone.
        neither: that do not leak.
        p_value: of McNemar's exact test that both are equally frequent.
    """

    both: int
    one_only: int
    two_only: int
    neither: int
    p_value: float


def laterality(sample: Sample) -> list[str | None]:
    """(rows,) ``unilateral`` or ``bilateral`` by the sides of the needles, None without needles."""
    columns = [name for name in sample.rows.column_names if _SIDE.fullmatch(name)]
    sides = [sample.rows[name].to_pylist() for name in columns]
    found: list[str | None] = []
    for row in zip(*sides, strict=True):
        used = set(row) - {None}
        found.append(None if not used else "unilateral" if len(used) == 1 else "bilateral")
    return found or [None] * sample.finished


def pairs_of(sample: Sample) -> Pairs | None:
    """The pairs of a sample, None where the sides of the needles do not vary, or needles vary in more than that."""
    sides = laterality(sample)
    if {"unilateral", "bilateral"} - set(sides):
        return None
    keys = [factor.codes[sample.case_indices].tolist() for factor in sample.factors if not changes_sides(factor.path)]
    if sample.sweep_file.design == "random":
        keys.append(sample.clusters[sample.case_indices].tolist())
    members: dict[int, dict[str, list[int]]] = {}
    for row, key in enumerate(grouped(keys) if keys else np.zeros(sample.finished, dtype=int)):
        members.setdefault(int(key), {}).setdefault(str(sides[row]), []).append(row)
    if any(len(rows) > 1 for group in members.values() for rows in group.values()):
        return None
    whole = [group for group in members.values() if len(group) == 2]
    one = np.array([group["unilateral"][0] for group in whole], dtype=np.int64)
    two = np.array([group["bilateral"][0] for group in whole], dtype=np.int64)
    if not len(one):
        return None
    several = len(set(sample.vertebrae.tolist())) > 1
    patients = (sample.vertebrae if several else sample.patients)[one]
    return Pairs(one, two, patients, sample.finished - 2 * len(whole))


def changes_sides(path: str) -> bool:
    """Whether a varied key may change on which sides needles enter."""
    return path == "needles" or bool(re.fullmatch(r"needles\[\d+\](\.side)?", path))


def difference(pairs: Pairs, values: NDArray[np.float64]) -> Difference | None:
    """Paired difference of an output, None where no pair has it.

    Args:
        pairs: the pairs.
        values: (rows,) the output of the finished rows, NaN where one has none.
    """
    changes = values[pairs.two_sided] - values[pairs.one_sided]
    known = np.isfinite(changes)
    if not known.any():
        return None
    changes, patients = changes[known], pairs.patients[known]
    low = high = np.nan
    if len(np.unique(patients)) >= LEAST_PATIENTS:
        low, high = mean_interval(changes, patients)
    return Difference(len(changes), float(changes.mean()), low, high, float(changes.min()), float(changes.max()))


def discordance(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> Discordance:
    """Leaks of pairs with McNemar's exact test (McNemar 1947, 10.1007/BF02295996).

    Args:
        one: (pairs,) whether the unilateral case leaked.
        two: (pairs,) whether the bilateral case leaked.
    """
    counts = (int((one & two).sum()), int((one & ~two).sum()), int((~one & two).sum()), int((~one & ~two).sum()))
    both, one_only, two_only, neither = counts
    p_value = float(mcnemar([[both, one_only], [two_only, neither]], exact=True).pvalue)
    return Discordance(both, one_only, two_only, neither, p_value)
