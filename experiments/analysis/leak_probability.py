"""What decides the probability of a leak, in a random sample whose points all run through the same random networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import designs
from experiments.analysis.bootstrap import RESAMPLES, percentile_interval, resamples
from experiments.analysis.factor import Factor
from experiments.analysis.finding import Finding
from experiments.analysis.leaks import Leaks
from experiments.analysis.sample import Sample
from experiments.analysis.surrogate import LEAST_CASES, LEAST_SKILL, fit
from experiments.analysis.table import ResultTable, Value, cell

NETWORK = "veins.seed"
"""Key of the case file that is crossed with the sampled points."""

INDEX_HEADINGS = {key: heading for key, heading in designs.INDEX_HEADINGS.items() if key != "output"}


class Shares(NamedTuple):
    """Shares of the variance of whether a case leaks, by a two-way analysis of variance with random effects.

    ``inputs`` decide whichever the network: the variance of the probability of a leak. ``network`` decides whatever the
    inputs. ``together`` hangs on which network meets which inputs.
    """

    inputs: float
    network: float
    together: float


@dataclass(frozen=True)
class LeakSample:
    """Leaks of sampled points through networks, where all networks of a point are finished.

    Attributes:
        factors: the sampled inputs, with the levels of each point.
        points: (points, factors) share of probability below each value.
        leaked: (points, networks) whether cement leaked.
    """

    factors: tuple[Factor, ...]
    points: NDArray[np.float64]
    leaked: NDArray[np.float64]

    @classmethod
    def of(cls, sample: Sample) -> LeakSample | None:
        """None where a sample is none of this kind, or nothing of it is finished."""
        crossed = [factor for factor in sample.factors if factor.vary.crossed]
        if [factor.path for factor in crossed] != [NETWORK] or (leaks := Leaks.of(sample)) is None:
            return None
        networks = len(crossed[0].levels)
        leaked = np.full(sample.total, np.nan)
        leaked[sample.case_indices[leaks.rows]] = leaks.leaked
        by_point = leaked.reshape(-1, networks)
        whole = np.isfinite(by_point).all(axis=1)
        if not whole.any():
            return None
        columns = [index for index, factor in enumerate(sample.factors) if not factor.vary.crossed]
        factors = tuple(
            replace(
                factor,
                codes=factor.codes[::networks][whole],
                numbers=None if factor.numbers is None else factor.numbers[::networks][whole],
            )
            for factor in sample.drawn
        )
        return cls(factors, sample.points()[::networks][whole][:, columns], by_point[whole])

    @property
    def probability(self) -> NDArray[np.float64]:
        """(points,) share of the networks that leak."""
        return self.leaked.mean(axis=1)


def describe(sample: Sample) -> Iterator[Finding]:
    """The findings of a sample that is crossed with the seeds of networks; none of others."""
    found = LeakSample.of(sample)
    if found is None:
        return
    yield _variance(found)
    yield _indices(found)


def variance_shares(leaked: NDArray[np.float64]) -> Shares:
    """Shares of the variance of (points, networks) leaks; NaN where all or none leak, or there is one of either."""
    points, networks = leaked.shape
    if min(points, networks) < 2 or not np.ptp(leaked):
        return Shares(np.nan, np.nan, np.nan)
    by_point, by_network = leaked.mean(axis=1), leaked.mean(axis=0)
    residual = leaked - by_point[:, None] - by_network[None, :] + leaked.mean()
    rest = float((residual**2).sum()) / ((points - 1) * (networks - 1))
    of_inputs = max(float(by_point.var(ddof=1)) - rest / networks, 0.0)
    of_network = max(float(by_network.var(ddof=1)) - rest / points, 0.0)
    whole = of_inputs + of_network + rest
    return Shares(of_inputs / whole, of_network / whole, rest / whole)


def reliability(leaked: NDArray[np.float64]) -> float:
    """Share of the variance of points' estimated probabilities that is no chance of the networks drawn; at least 0."""
    networks = leaked.shape[1]
    estimated = leaked.mean(axis=1)
    variance = float(estimated.var(ddof=1))
    chance = float((estimated * (1.0 - estimated)).mean()) / (networks - 1)
    return max(1.0 - chance / variance, 0.0) if variance > 0.0 else np.nan


def _variance(found: LeakSample) -> Finding:
    points, networks = found.leaked.shape
    whole = variance_shares(found.leaked)
    draws = np.array([variance_shares(found.leaked[rows]) for rows in resamples(np.arange(points), RESAMPLES)])
    parts = {
        "inputs, whichever the network": 0,
        "network, whatever the inputs": 1,
        "which network meets which inputs": 2,
    }
    rows: list[dict[str, Value]] = []
    for name, column in parts.items():
        low, high = percentile_interval(draws[:, column])
        rows.append({"part": name, "share": whole[column], "low": low, "high": high})
    told = (
        f"{points} points with {networks} networks each; {found.leaked.mean():.2f} of all leak.",
        f"Intervals draw points again; {networks} networks are few for the second row.",
    )
    headings = {"part": "decided by", "share": "share of the variance", "low": "95 % low", "high": "high"}
    title = "Whether a case leaks: shares of the variance of inputs and networks"
    return Finding(ResultTable("leak_variance", title, headings, rows, told))


def _indices(found: LeakSample) -> Finding:
    title = "Probability of a leak: Sobol indices of a surrogate over the sampled inputs"
    points = len(found.leaked)
    if points < LEAST_CASES or not np.ptp(found.probability):
        told = f"{points} whole points, {found.probability.mean():.2f} leak: no surrogate."
        return Finding(ResultTable("leak_indices", title, INDEX_HEADINGS, [], (told,)))
    surrogate = fit(found.factors, found.points, found.probability)
    if surrogate is None:
        raise ValueError("enough points have a surrogate")
    known = reliability(found.leaked)
    told = (
        f"Polynomials of degree {surrogate.degree}, checked on points they had not seen: they explain "
        f"{cell(surrogate.skill)} of the variance of the points' shares, of which {cell(known)} is no chance of the "
        f"networks drawn; root mean square error {cell(surrogate.error)}."
    )
    if not surrogate.skill >= LEAST_SKILL * known:
        told += f" That is less than {100 * LEAST_SKILL:.0f} % of what can be explained, so no indices are shown."
        return Finding(ResultTable("leak_indices", title, INDEX_HEADINGS, [], (told,)))
    rows: list[dict[str, Value]] = [
        {
            "input": factor.name,
            **{"first": first.estimate, "first_low": first.low, "first_high": first.high},
            **{"total": total.estimate, "total_low": total.low, "total_high": total.high},
        }
        for factor, first, total in zip(found.factors, surrogate.first, surrogate.total, strict=True)
    ]
    rows.sort(key=lambda row: -float(row["total"] or 0.0))
    return Finding(ResultTable("leak_indices", title, INDEX_HEADINGS, rows, (told,)))
