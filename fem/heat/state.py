"""What is known of the heat at one time, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from materials.thermal_damage import ThermalDamage

FloatArray = NDArray[np.float64]

THRESHOLDS_C = (45.0, 47.0, 50.0, 55.0, 60.0)
"""Temperatures in degrees Celsius above which time is counted."""

_COOLEST = 39.0
"""Degrees Celsius below which damage and dose of 10 minutes are less than 1e-4 of what is lethal."""


@dataclass(frozen=True)
class EnergyBudget:
    """Energies in mJ since the start, above the temperature of the body.

    Attributes:
        reaction: set free by cement that converts.
        injected: brought by cement out of needles, below zero where that is colder than the body.
        blood: given to blood.
        sides: passed out through the sides of the box.
        displaced: taken along by fluid that has left the body or made way for cement outside.
        stored: in the voxels.
        turnover: sum of all that came in or left, without sign, which errors are compared with.
    """

    reaction: float = 0.0
    injected: float = 0.0
    blood: float = 0.0
    sides: float = 0.0
    displaced: float = 0.0
    stored: float = 0.0
    turnover: float = 0.0

    @property
    def error(self) -> float:
        """What the balance misses, over all that came in or left."""
        missed = self.reaction + self.injected - self.blood - self.sides - self.displaced - self.stored
        return abs(missed) / self.turnover if self.turnover > 0.0 else 0.0


@dataclass(frozen=True)
class Exposure:
    """What every voxel has been through.

    Attributes:
        peak: (n,) highest temperature in degrees Celsius.
        seconds_above: (thresholds, n) s above each of :data:`THRESHOLDS_C`.
        damage: (n,) Arrhenius damage Omega.
        dose: (n,) s at 43 degrees Celsius.
    """

    peak: FloatArray
    seconds_above: FloatArray
    damage: FloatArray
    dose: FloatArray

    @classmethod
    def begin(cls, temperature: FloatArray) -> Self:
        """Nothing has happened yet at (n,) degrees Celsius."""
        nothing = np.zeros(len(temperature))
        return cls(temperature.copy(), np.zeros((len(THRESHOLDS_C), len(temperature))), nothing, nothing)

    def after(self, law: ThermalDamage, length: float, before: FloatArray, after: FloatArray) -> Exposure:
        """The exposure after a step of ``length`` s in which the (n,) temperature went linearly."""
        peak = np.maximum(self.peak, after)
        hot = np.flatnonzero(np.maximum(before, after) > _COOLEST)
        if not len(hot):
            return replace(self, peak=peak)
        start, end = before[hot], after[hot]
        seconds, damage, dose = self.seconds_above.copy(), self.damage.copy(), self.dose.copy()
        low, high = np.minimum(start, end), np.maximum(start, end)
        for number, threshold in enumerate(THRESHOLDS_C):
            # Where the temperature does not change, the share above is 0 or 1.
            share = np.clip((high - threshold) / np.maximum(high - low, 1e-12), 0.0, 1.0)
            seconds[number, hot] += length * share
        damage[hot] += law.damage(length, start, end)
        dose[hot] += law.dose(length, start, end)
        return Exposure(peak, seconds, damage, dose)


@dataclass(frozen=True)
class HeatState:
    """Everything that changes in time, the same on every rank.

    Attributes:
        time: since the start of the injection in s.
        temperature: (n,) of each voxel in degrees Celsius.
        cement: (n,) mm3 in each voxel.
        conversion: (n,) of the cement there.
        exposure: what every voxel has been through.
        budget: energies since the start.
        step: length in s that the next step may have.
        last_step: length in s of the last step.
        slope: (n,) K/s of the last step; None where none is known or where it does not go on.
    """

    time: float
    temperature: FloatArray
    cement: FloatArray
    conversion: FloatArray
    exposure: Exposure
    budget: EnergyBudget
    step: float
    last_step: float = 0.0
    slope: FloatArray | None = None
