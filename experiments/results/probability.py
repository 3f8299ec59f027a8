"""Probabilities from independent cases, with Wilson's interval."""

from __future__ import annotations

from dataclasses import dataclass

from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.95
"""Confidence level of all intervals."""


@dataclass(frozen=True)
class Probability:
    """A share of cases as an estimate of a probability.

    Attributes:
        events: cases in which it happened.
        cases: all of them.
        low: end of Wilson's interval (Wilson 1927, 10.1080/01621459.1927.10502953).
        high: the other end.
    """

    events: int
    cases: int
    low: float
    high: float

    @classmethod
    def of(cls, events: int, cases: int) -> Probability:
        """The probability from at least one case."""
        low, high = proportion_confint(events, cases, alpha=1.0 - LEVEL, method="wilson")
        return cls(events, cases, float(low) if events else 0.0, float(high) if events < cases else 1.0)

    @property
    def estimate(self) -> float:
        """The share."""
        return self.events / self.cases
