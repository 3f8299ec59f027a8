"""A computed number beside the published one, and the band in which it is accepted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One line of the validation table.

    Attributes:
        quantity: what is compared, with its unit.
        expected: published value.
        source: author and year, with the tag S (read), M (from memory) or D (derived).
        computed: value of the model.
        low: smallest accepted value.
        high: largest accepted value.
    """

    quantity: str
    expected: float
    source: str
    computed: float
    low: float
    high: float

    @property
    def accepted(self) -> bool:
        """Whether the computed value lies in the band."""
        return self.low <= self.computed <= self.high

    @property
    def line(self) -> str:
        """Quantity, expected, source, computed, error, verdict."""
        error = self.computed / self.expected - 1.0
        verdict = "accepted" if self.accepted else "missed"
        return (
            f"{self.quantity}, {self.expected:.4g} (accepted {self.low:.4g} to {self.high:.4g}), {self.source}, "
            f"{self.computed:.4g}, {error:+.0%}, {verdict}"
        )

    def check(self) -> None:
        """Print the line and fail where the computed value lies outside the band."""
        print(self.line)
        assert self.accepted, self.line
