"""Distributions from which virtual patients and operations are drawn: small, frozen, with unit, source and tag.

Each is asked for the value at a share of its probability, so that one even random number decides one property and
correlated numbers give correlated properties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import stats
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]


class _Declared(BaseModel):
    """What every distribution says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unit: str = Field(default="1", description="unit of the values")
    source: str = Field(min_length=3, description="author, year and DOI, or the reason for the choice")
    tag: Literal["S", "M", "D"] = Field(
        description="S read in the source, M not checked against it, D derived or chosen"
    )


class _Continuous(_Declared):
    """A distribution of numbers."""

    def _law(self) -> Any:
        """The frozen distribution of SciPy."""
        raise NotImplementedError

    def at(self, share: ArrayLike) -> FloatArray:
        """Values at shares of the probability, 0 to 1, in the unit of the distribution; same shape."""
        raise NotImplementedError

    @property
    def expected(self) -> float:
        """Mean."""
        return float(self._law().mean())

    @property
    def spread(self) -> float:
        """Standard deviation."""
        return float(self._law().std())


class Normal(_Continuous):
    """A normal distribution, cut to bounds where they are given; mean and deviation are those before the cut."""

    kind: Literal["normal"] = "normal"
    mean: float
    sd: float = Field(gt=0.0)
    low: float | None = None
    high: float | None = None

    def at(self, share: ArrayLike) -> FloatArray:
        """Values at shares of the probability."""
        least, largest = ndtr(self._bounds())
        return np.asarray(self.mean + self.sd * ndtri(least + np.asarray(share) * (largest - least)))

    def _bounds(self) -> tuple[float, float]:
        """In standard deviations from the mean."""
        low = -math.inf if self.low is None else (self.low - self.mean) / self.sd
        high = math.inf if self.high is None else (self.high - self.mean) / self.sd
        return low, high

    def _law(self) -> Any:
        return stats.truncnorm(*self._bounds(), loc=self.mean, scale=self.sd)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Normal:
        _check_order(self.low, self.high)
        return self


class Uniform(_Continuous):
    """All values between two bounds alike."""

    kind: Literal["uniform"] = "uniform"
    low: float
    high: float

    def at(self, share: ArrayLike) -> FloatArray:
        """Values at shares of the probability."""
        return self.low + np.asarray(share) * (self.high - self.low)

    def _law(self) -> Any:
        return stats.uniform(self.low, self.high - self.low)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Uniform:
        _check_order(self.low, self.high)
        return self


class LogNormal(_Continuous):
    """A log-normal distribution."""

    kind: Literal["log-normal"] = "log-normal"
    median: float = Field(gt=0.0)
    geometric_sd: float = Field(gt=1.0)

    def at(self, share: ArrayLike) -> FloatArray:
        """Values at shares of the probability."""
        return np.asarray(self.median * self.geometric_sd ** ndtri(share))

    def _law(self) -> Any:
        return stats.lognorm(math.log(self.geometric_sd), scale=self.median)


class Pieces(_Continuous):
    """Even between the given edges, with a weight for each piece: what a study tells as shares of classes."""

    kind: Literal["pieces"] = "pieces"
    edges: tuple[float, ...] = Field(min_length=2)
    weights: tuple[Annotated[float, Field(ge=0.0)], ...] = Field(min_length=1)

    def at(self, share: ArrayLike) -> FloatArray:
        """Values at shares of the probability."""
        return np.interp(
            np.asarray(share, dtype=np.float64), np.cumsum([0.0, *self.weights]) / sum(self.weights), self.edges
        )

    def _law(self) -> Any:
        return stats.rv_histogram((np.array(self.weights), np.array(self.edges)), density=False)

    @model_validator(mode="after")
    def _weight_for_each(self) -> Pieces:
        if len(self.edges) != len(self.weights) + 1 or sum(self.weights) <= 0.0:
            raise ValueError(f"{len(self.edges)} edges need {len(self.edges) - 1} weights, not all of them 0")
        for low, high in zip(self.edges, self.edges[1:], strict=False):
            _check_order(low, high)
        return self


class Fixed(_Continuous):
    """One value for all."""

    kind: Literal["fixed"] = "fixed"
    value: float

    def at(self, share: ArrayLike) -> FloatArray:
        """The value, in the shape of the shares."""
        return np.full(np.shape(share), self.value)

    @property
    def expected(self) -> float:
        """The value."""
        return self.value

    @property
    def spread(self) -> float:
        """None."""
        return 0.0


class Choice(_Declared):
    """Named values with weights, which are counts or shares."""

    kind: Literal["choice"] = "choice"
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _some_weight(self) -> Choice:
        if sum(self.weights.values()) <= 0.0:
            raise ValueError("the weights are all 0; give one of the names a weight")
        return self

    @property
    def shares(self) -> Mapping[str, float]:
        """Name -> probability."""
        total = math.fsum(self.weights.values())
        return {name: weight / total for name, weight in self.weights.items()}

    def at(self, share: float) -> str:
        """The name at a share of the probability, 0 to 1, in the order of the weights."""
        bounds = np.cumsum(list(self.shares.values()))
        possible = [number for number, weight in enumerate(self.weights.values()) if weight > 0.0]
        found = int(np.searchsorted(bounds, share, side="right"))
        return list(self.weights)[min(max(found, possible[0]), possible[-1])]


# Any distribution of numbers; pydantic's mark in it is nothing that the reference could show.
Distribution = Annotated[Normal | Uniform | LogNormal | Pieces | Fixed, Field(discriminator="kind")]


def chance(share: float, source: str, tag: Literal["S", "M", "D"]) -> Choice:
    """Yes with a probability, no else."""
    return Choice(weights={"yes": share, "no": 1.0 - share}, source=source, tag=tag)


def _check_order(low: float | None, high: float | None) -> None:
    if low is not None and high is not None and not low < high:
        raise ValueError(f"{low:g} is not below {high:g}; exchange or correct them")
