"""What heat does to tissue: Arrhenius damage and thermal dose."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.curing import QUARINI, ZERO_CELSIUS
from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

ERIKSSON = "47 degC for 1 min: Eriksson & Albrektsson 1983"
"""Source of the smallest dose that injures bone for good."""

_GAUSS = (0.5 - math.sqrt(3.0) / 6.0, 0.5 + math.sqrt(3.0) / 6.0)


@dataclass(frozen=True)
class ThermalDamage:
    """Two measures of heat that tissue has taken.

    Arrhenius: Omega = integral of A exp(-B / T) dt; tissue is dead where Omega is 1. Dose: minutes at 43 degC that do
    as much (Sapareto & Dewey 1984, 10.1016/0360-3016(84)90379-1, tag M), CEM43 = integral of r^(43 - T) dt with r =
    0.5 from 43 degC on and 0.25 below; bone is injured for good where it passes ``lethal_dose``.
    """

    log_frequency: float = quantity(98.0, "log10 of 1/s", QUARINI, "S", 1.0, 300.0)
    activation_temperature: float = quantity(75000.0, "K", QUARINI, "S", 1e3, 3e5)
    lethal_dose: float = quantity(960.0, "s at 43 degC", f"{ERIKSSON}, which is 16 min", "D", 1.0, 1e5)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)

    def damage(self, length: float, before_c: ArrayLike, after_c: ArrayLike) -> FloatArray:
        """Omega (1) that a time of ``length`` s adds, the temperature going linearly from one value to another."""
        return _mean(self._damage_rate, before_c, after_c) * length

    def dose(self, length: float, before_c: ArrayLike, after_c: ArrayLike) -> FloatArray:
        """Dose in s at 43 degC that a time of ``length`` s adds, the temperature going linearly."""
        return _mean(self._dose_rate, before_c, after_c) * length

    def _damage_rate(self, temperature_c: FloatArray) -> FloatArray:
        exponent = math.log(10.0) * self.log_frequency - self.activation_temperature / (temperature_c + ZERO_CELSIUS)
        return np.exp(np.minimum(exponent, 300.0))

    def _dose_rate(self, temperature_c: FloatArray) -> FloatArray:
        rate = np.where(temperature_c >= 43.0, 0.5, 0.25) ** (43.0 - temperature_c)
        return np.minimum(rate, 1e30)


def _mean(rate: Callable[[FloatArray], FloatArray], before_c: ArrayLike, after_c: ArrayLike) -> FloatArray:
    """Mean of a rate between two temperatures, by Gauss's rule of two points."""
    before, after = np.asarray(before_c, dtype=float), np.asarray(after_c, dtype=float)
    first, second = (rate(before + share * (after - before)) for share in _GAUSS)
    return 0.5 * (first + second)
