"""Designs: which values every case of a sweep gives its varied keys."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from experiments.sweep.sweep_file import LARGEST_SWEEP, SweepFile, Vary
from meshes.errors import InputError

MORRIS_LEVELS = 4
"""Levels between which the trajectories of Morris step (Campolongo et al. 2007, 10.1016/j.envsoft.2006.10.004)."""


def combinations(sweep_file: SweepFile) -> list[tuple[Any, ...]]:
    """The varied values of every case, in the order of ``sweep_file.vary``; the same file gives the same values.

    Raises:
        InputError: the design has more than :data:`~experiments.sweep.sweep_file.LARGEST_SWEEP` cases.
    """
    size = number_of_cases(sweep_file)
    if size > LARGEST_SWEEP:
        raise InputError(f'design = "{sweep_file.design}" makes {size} cases; at most {LARGEST_SWEEP} are allowed')
    if sweep_file.design == "grid":
        return list(product(*(levels(vary) for vary in sweep_file.vary)))
    if sweep_file.design == "zipped":
        return list(zip(*(levels(vary) for vary in sweep_file.vary), strict=True))
    points = sample(sweep_file)
    sampled = [vary for vary in sweep_file.vary if not vary.crossed]
    drawn = zip(*(quantiles(vary, points[:, index]) for index, vary in enumerate(sampled)), strict=True)
    ways = list(product(*(levels(vary) for vary in sweep_file.vary if vary.crossed)))
    return [_in_order(sweep_file, case, way) for case in drawn for way in ways]


def number_of_cases(sweep_file: SweepFile) -> int:
    """How many cases the design has."""
    if sweep_file.design == "grid":
        return int(np.prod([len(vary.values or ()) or vary.count or 0 for vary in sweep_file.vary], dtype=object))
    if sweep_file.design == "zipped":
        return len(levels(sweep_file.vary[0]))
    per_point = {"sobol": len(sweep_file.vary) + 2, "morris": len(sweep_file.vary) + 1}.get(sweep_file.design, 1)
    crossed = int(np.prod([len(levels(vary)) for vary in sweep_file.vary if vary.crossed], dtype=object))
    return per_point * crossed * (sweep_file.count or 0)


def sample(sweep_file: SweepFile) -> NDArray[np.float64]:
    """(points, sampled) points of a sampling design in the unit cube, without the values that are crossed with them.

    Sobol points are Saltelli's for first-order and total indices (Saltelli et al. 2010, 10.1016/j.cpc.2009.09.018).
    """
    count, dimension = sweep_file.count or 0, sum(not vary.crossed for vary in sweep_file.vary)
    if sweep_file.design == "random":
        return np.random.default_rng(sweep_file.seed).random((count, dimension))
    if sweep_file.design == "latin-hypercube":
        return np.asarray(stats.qmc.LatinHypercube(dimension, rng=sweep_file.seed).random(count))
    problem = {
        "num_vars": dimension,
        "names": [vary.path for vary in sweep_file.vary],
        "bounds": [[0.0, 1.0]] * dimension,
    }
    if sweep_file.design == "sobol":
        from SALib.sample import sobol

        return np.asarray(sobol.sample(problem, count, calc_second_order=False, seed=sweep_file.seed))
    from SALib.sample import morris

    return np.asarray(morris.sample(problem, count, num_levels=MORRIS_LEVELS, seed=sweep_file.seed))


def levels(vary: Vary) -> list[Any]:
    """The values of a list or a range; those of a range between whole numbers stay whole where all of them are."""
    if vary.values is not None:
        return list(vary.values)
    if vary.start is None or vary.stop is None or vary.count is None:
        raise ValueError("a checked design lists values or a range")
    spaced = np.geomspace if vary.log else np.linspace
    numbers = spaced(vary.start, vary.stop, vary.count)
    if isinstance(vary.start, int) and isinstance(vary.stop, int) and np.array_equal(numbers, np.round(numbers)):
        return [int(number) for number in numbers]
    return [float(number) for number in numbers]


def quantiles(vary: Vary, shares: NDArray[np.float64]) -> list[Any]:
    """The values below which the given shares, 0 to 1, of the distribution lie; lists and ranges weigh all the same."""
    if vary.distribution is None or vary.distribution == "categorical":
        values = list(vary.choices or levels(vary)) if vary.distribution else levels(vary)
        bounds = np.cumsum(vary.weights or np.ones(len(values)))
        places = np.searchsorted(bounds / bounds[-1], shares, side="right")
        return [values[min(place, len(values) - 1)] for place in places]
    return [float(value) for value in _continuous(vary).ppf(shares)]


def _in_order(sweep_file: SweepFile, sampled: tuple[Any, ...], crossed: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a case in the order of ``sweep_file.vary``."""
    left = {True: list(crossed), False: list(sampled)}
    return tuple(left[vary.crossed].pop(0) for vary in sweep_file.vary)


def _continuous(vary: Vary) -> Any:
    """The distribution of a checked ``vary`` as SciPy has it."""
    given = {key: getattr(vary, key) for key in ("low", "high", "mean", "sd", "median", "geometric_sd")}
    low, high, mean, sd, median, spread = given.values()
    match vary.distribution:
        case "uniform":
            return stats.uniform(low, high - low)
        case "log-uniform":
            return stats.loguniform(low, high)
        case "normal":
            return stats.norm(mean, sd)
        case "truncated-normal":
            return stats.truncnorm((low - mean) / sd, (high - mean) / sd, mean, sd)
        case _:
            return stats.lognorm(np.log(spread), scale=median)
