"""Statistics of arms of patients, each with an interval, and the verdict that an interval gives beside a band."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.bootstrap import RESAMPLES, SEED, percentile_interval
from experiments.analysis.logistic import Predictor, logistic
from experiments.results.probability import Probability
from experiments.verification.injected import PLACES, Injected

FEW = 5
"""Events of an arm below which the bootstrap says nothing: the interval then follows from Wilson's of both arms."""

LEAST_CASES = 10
"""Finished patients below which there is no verdict."""

Arms = Mapping[str, Mapping[int, Injected]]
"""Arm -> number of the patient -> what came of it."""

Verdict = Literal["met", "missed", "undecided", "not run"]


@dataclass(frozen=True)
class Band:
    """Accepted values, ends included."""

    low: float = -math.inf
    high: float = math.inf

    def __str__(self) -> str:
        """As tables have it."""
        if math.isinf(self.high):
            return f"≥ {self.low:g}"
        return f"≤ {self.high:g}" if math.isinf(self.low) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: NaN where there is none.
        low: end of the 95 % interval.
        high: the other end.
        cases: patients that it stands on, of the smallest arm.
        remark: what a reader must know; empty for nothing.
    """

    value: float
    low: float
    high: float
    cases: int
    remark: str = ""

    def verdict(self, band: Band) -> Verdict:
        """``met`` where the interval lies in the band, ``missed`` where it lies outside, else ``undecided``."""
        if self.cases < LEAST_CASES:
            return "not run" if self.cases == 0 else "undecided"
        if not all(map(math.isfinite, (self.value, self.low))):
            return "undecided"
        if band.low <= self.low and self.high <= band.high:
            return "met"
        return "missed" if self.high < band.low or self.low > band.high else "undecided"


class Statistic(Protocol):
    """One number of some arms."""

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms that it needs."""
        ...

    def of(self, arms: Arms) -> Estimate:
        """The number with its interval."""
        ...


@dataclass(frozen=True)
class Share:
    """Share of an arm with an observed leak, with Wilson's interval.

    Attributes:
        arm: name of the arm.
        place: one of :data:`experiments.verification.injected.PLACES`.
    """

    arm: str
    place: str

    def __post_init__(self) -> None:
        """Check the place."""
        _check_place(self.place)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arm."""
        return (self.arm,)

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        return _share([one.leaks_at(self.place) for one in arms.get(self.arm, {}).values()])


@dataclass(frozen=True)
class RiskRatio:
    """Share with an observed leak in one arm over that in another, over the patients that both have.

    The interval is a bootstrap over patients; with fewer than :data:`FEW` events in an arm it goes from the low end of
    Wilson's interval of the first arm over the high end of the second's to the reverse, which is wider.
    """

    arm: str
    over: str
    place: str

    def __post_init__(self) -> None:
        """Check the place."""
        _check_place(self.place)

    @property
    def arms(self) -> tuple[str, ...]:
        """Both arms."""
        return self.arm, self.over

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        first, second = _paired(arms, self.arm, self.over, lambda one: float(one.leaks_at(self.place)))
        if not len(first):
            return _none()
        counts = int(first.sum()), int(second.sum())
        told = f"{counts[0]} against {counts[1]} of {len(first)}"
        value = counts[0] / counts[1] if counts[1] else math.nan
        if min(counts) >= FEW:
            return Estimate(value, *_bootstrap(_ratio, first, second), len(first), told)
        low, high = (Probability.of(count, len(first)) for count in counts)
        ends = low.low / high.high, low.high / high.low if high.low else math.inf
        return Estimate(value, *ends, len(first), told)


@dataclass(frozen=True)
class PressureRatio:
    """Mean pressure in one arm over that in another, over the patients that both have, with a bootstrap over patients.

    Attributes:
        arm: name of the arm.
        over: name of the other one.
        sensor: at the tip, or the mean of the bone without cement.
    """

    arm: str
    over: str
    sensor: Literal["tip", "far"]

    @property
    def arms(self) -> tuple[str, ...]:
        """Both arms."""
        return self.arm, self.over

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        first, second = _paired(arms, self.arm, self.over, lambda one: float(getattr(one, self.sensor)))
        if not len(first):
            return _none()
        told = f"{first.mean():.3g} over {second.mean():.3g} kPa"
        return Estimate(_ratio(first, second), *_bootstrap(_ratio, first, second), len(first), told)


@dataclass(frozen=True)
class MedianOnset:
    """Median of the ml injected when the first leak is observed, of the patients of an arm that leak."""

    arm: str

    @property
    def arms(self) -> tuple[str, ...]:
        """The arm."""
        return (self.arm,)

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        onsets = np.array([one.onset for one in arms.get(self.arm, {}).values()])
        leaked = onsets[np.isfinite(onsets)]
        told = f"{len(leaked)} of {len(onsets)} leak"
        if not len(leaked):
            return Estimate(math.nan, math.nan, math.nan, len(onsets), told)
        return Estimate(float(np.median(leaked)), *_bootstrap(np.median, leaked), len(onsets), told)


@dataclass(frozen=True)
class OddsRatio:
    """Odds ratio of an observed leak per unit of one of several predictors, by logistic regression over an arm.

    Attributes:
        arm: name of the arm.
        place: one of :data:`experiments.verification.injected.PLACES`.
        predictor: the one that is asked for.
        predictors: name -> its value for a finished patient.
    """

    arm: str
    place: str
    predictor: str
    predictors: Mapping[str, Callable[[Injected], float]]

    def __post_init__(self) -> None:
        """Check the place."""
        _check_place(self.place)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arm."""
        return (self.arm,)

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        patients = list(arms.get(self.arm, {}).values())
        if not patients:
            return _none()
        events = np.array([one.leaks_at(self.place) for one in patients])
        columns = [
            Predictor(name, "+1", np.array([value(one) for one in patients])) for name, value in self.predictors.items()
        ]
        found = logistic(columns, events)
        told = " ".join((f"{events.sum()} of {len(events)} leak.", *found.remarks))
        for ratio in found.ratios:
            if ratio.predictor.name == self.predictor:
                return Estimate(ratio.estimate, ratio.low, ratio.high, len(patients), told)
        return Estimate(math.nan, math.nan, math.nan, len(patients), told)


@dataclass(frozen=True)
class SamePlace:
    """Share of an arm's leaking patients in whom most cement left at the site where most of another arm's fluid did.

    The remark has the share that chance would give: the mean over all pairs of different patients.
    """

    arm: str
    shown_by: str

    @property
    def arms(self) -> tuple[str, ...]:
        """Both arms."""
        return self.arm, self.shown_by

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        first, second = arms.get(self.arm, {}), arms.get(self.shown_by, {})
        both = sorted(first.keys() & second.keys())
        if not both:
            return _none()
        leaking = [number for number in both if first[number].observed and second[number].observed]
        places = np.array([first[number].most() for number in leaking])
        shown = np.array([second[number].most() for number in leaking])
        found = _share([bool(same) for same in places == shown])
        told = f"{len(leaking)} of {len(both)} leak and have a venogram that leaves the bone"
        if len(leaking) > 1:
            agree = places[:, None] == shown[None, :]
            chance = (agree.sum() - np.trace(agree)) / (len(leaking) * (len(leaking) - 1))
            told += f"; other patients' venograms agree in {chance:.2f}"
        return Estimate(found.value, found.low, found.high, found.cases if leaking else len(both), told)


@dataclass(frozen=True)
class Known:
    """A number that needs no run."""

    value: Callable[[], float]

    @property
    def arms(self) -> tuple[str, ...]:
        """None."""
        return ()

    def of(self, arms: Arms) -> Estimate:
        """See :class:`Statistic`."""
        value = self.value()
        return Estimate(value, value, value, LEAST_CASES)


def _check_place(place: str) -> None:
    if place not in PLACES:
        raise ValueError(f"{place!r} is none of {', '.join(PLACES)}")


def _none() -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, 0)


def _share(events: Sequence[bool]) -> Estimate:
    if not events:
        return _none()
    found = Probability.of(sum(events), len(events))
    return Estimate(found.estimate, found.low, found.high, len(events), f"{found.events} of {found.cases}")


def _paired(
    arms: Arms, arm: str, over: str, value: Callable[[Injected], float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A value of the patients that both arms have, in each of them."""
    first, second = arms.get(arm, {}), arms.get(over, {})
    both = sorted(first.keys() & second.keys())
    return np.array([value(first[number]) for number in both]), np.array([value(second[number]) for number in both])


def _ratio(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    below = second.mean()
    return float(first.mean() / below) if below else math.nan


def _bootstrap(statistic: Callable[..., float], *columns: NDArray[np.float64]) -> tuple[float, float]:
    """Interval of a statistic over patients that are drawn again, the same in all columns."""
    count = len(columns[0])
    draws = np.random.default_rng(SEED).integers(count, size=(RESAMPLES, count))
    return percentile_interval([float(statistic(*(column[rows] for column in columns))) for rows in draws])
