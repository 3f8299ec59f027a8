"""Polymerisation of bone cement: how fast it converts, and how much heat that sets free.

Conversion w goes from nearly 0 at mixing to 1. Energies are in mJ (N mm), so that 1 J/m3 is 1e-6 mJ/mm3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

ZERO_CELSIUS = 273.15
"""K."""

GAS_CONSTANT = 8.314462618e-3
"""kJ/(mol K)."""

QUARINI = "as coded for Quarini, Learmonth & Gheduzzi 2006, Proc IMechE H 220:625"
BORZACCHIELLO = f"Borzacchiello 1998, {QUARINI}"
LI = f"Li 2003, {QUARINI}"

_LARGEST_CHANGE = 0.1
"""Share of the time that a reaction takes that one inner step may last; halving it moves a demo's peak by 0.01 K."""


class Curing(Protocol):
    """Kinetics and heat of one cement."""

    @property
    def start(self) -> float:
        """Conversion at mixing (1)."""
        ...

    @property
    def heat(self) -> float:
        """Heat that full conversion sets free in mJ per mm3 of cement."""
        ...

    def attainable(self, peak_c: ArrayLike) -> FloatArray:
        """Conversion (1) at which the reaction ends in cement that has been so warm, in degrees Celsius."""
        ...

    def rate(self, conversion: ArrayLike, temperature_c: ArrayLike, attainable: ArrayLike) -> FloatArray:
        """Conversion in a second (1/s), at a temperature in degrees Celsius and up to the attainable conversion."""
        ...

    def speed(self, temperature_c: ArrayLike) -> FloatArray:
        """Largest rate in 1/s at a temperature in degrees Celsius: what a step in time is measured against."""
        ...


@dataclass(frozen=True)
class AutocatalyticCuring:
    """dw/dt = K_0 exp(-E / (R T)) w^m (w_max - w)^n.

    Radicals that have formed speed the reaction up, and cement that has become glass stops it: where the glass
    transition of the polymer counts, w_max = T / T_g in K, 1 at most, at the highest temperature so far.
    """

    name: str = "borzacchiello_1"
    frequency: float = quantity(1.2088e4, "1/s", BORZACCHIELLO, "S", 1e-3, 1e14)
    activation_energy: float = quantity(33.24, "kJ/mol", BORZACCHIELLO, "S", 1.0, 200.0)
    exponent_formed: float = quantity(0.98, "1", BORZACCHIELLO, "S", 0.1, 2.0)
    exponent_left: float = quantity(1.14, "1", BORZACCHIELLO, "S", 0.1, 3.0)
    reaction_heat: float = quantity(1.0e5, "J/kg", BORZACCHIELLO, "S", 0.0, 1e6)
    density: float = quantity(1.1e-6, "kg/mm3", BORZACCHIELLO, "S", 0.8e-6, 2.5e-6)
    start: float = quantity(1e-6, "1", BORZACCHIELLO, "S", 1e-12, 0.2)
    glass_transition: float | None = quantity(378.0, "K", BORZACCHIELLO, "S", 300.0, 450.0, optional=True)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)

    @property
    def baseline(self) -> AutocatalyticCuring:
        """The published set of this name, against which the manifest tells defaults from the user's own values."""
        return CURINGS.get(self.name, CURINGS["borzacchiello_1"])

    @property
    def heat(self) -> float:
        """Heat that full conversion sets free in mJ per mm3 of cement."""
        return 1e3 * self.reaction_heat * self.density

    def attainable(self, peak_c: ArrayLike) -> FloatArray:
        """Conversion (1) at which the reaction ends in cement that has been so warm, in degrees Celsius."""
        peak = np.asarray(peak_c, dtype=float)
        if self.glass_transition is None:
            return np.ones_like(peak)
        return np.minimum((peak + ZERO_CELSIUS) / self.glass_transition, 1.0)

    def rate(self, conversion: ArrayLike, temperature_c: ArrayLike, attainable: ArrayLike) -> FloatArray:
        """Conversion in a second (1/s), at a temperature in degrees Celsius and up to the attainable conversion."""
        formed = np.maximum(conversion, self.start)
        left = np.maximum(np.asarray(attainable) - formed, 0.0)
        return self._frequency(temperature_c) * formed**self.exponent_formed * left**self.exponent_left

    def speed(self, temperature_c: ArrayLike) -> FloatArray:
        """Largest rate in 1/s at a temperature in degrees Celsius."""
        return self._frequency(temperature_c)

    def _frequency(self, temperature_c: ArrayLike) -> FloatArray:
        kelvin = np.asarray(temperature_c, dtype=float) + ZERO_CELSIUS
        return self.frequency * np.exp(-self.activation_energy / GAS_CONSTANT / kelvin)


CURINGS = {
    "borzacchiello_1": AutocatalyticCuring(),
    "borzacchiello_2": AutocatalyticCuring("borzacchiello_2", 9.484e3, 31.27, 0.98, 1.064, 1.23e5),
    "li": AutocatalyticCuring("li", 5.206e9, 67.891, 1.05, 1.10, 1.00e5, start=1.019e-4, glass_transition=None),
}
"""Published sets by name."""


@dataclass(frozen=True)
class MeasuredCuring:
    """A curve of conversion over time from calorimetry at one temperature, carried to others by Arrhenius's law.

    dw/dt = g(w) exp(E / R (1 / T_ref - 1 / T)), with the slope g of the curve, which is straight between its points,
    where it has the conversion w. What the curve ends with is all that converts.

    Attributes:
        time: (k,) since mixing in s, rising, from 0.
        conversion: (k,) (1), rising.
    """

    time: tuple[float, ...]
    conversion: tuple[float, ...]
    reaction_heat: float = quantity(1.0e5, "J/kg", BORZACCHIELLO, "S", 0.0, 1e6)
    density: float = quantity(1.1e-6, "kg/mm3", BORZACCHIELLO, "S", 0.8e-6, 2.5e-6)
    reference_temperature: float = quantity(37.0, "degC", "temperature of the calorimetry; the case file's", "D", 4, 90)
    activation_energy: float = quantity(
        45.0, "kJ/mol", "factor 2 for 12 degrees: Nicholas 2007, 10.1007/s10856-007-0125-2", "D", 0.0, 200.0
    )

    def __post_init__(self) -> None:
        """Check ranges and curve."""
        check_ranges(self)
        time, conversion = np.asarray(self.time), np.asarray(self.conversion)
        if len(time) < 3 or len(time) != len(conversion):
            raise ValueError("a curve of conversion needs three points or more, each with a time and a conversion")
        if time[0] != 0.0 or (np.diff(time) <= 0.0).any() or (np.diff(conversion) <= 0.0).any():
            raise ValueError("a curve of conversion begins at time 0, and time and conversion rise from point to point")
        if conversion[0] < 0.0 or conversion[-1] > 1.0:
            raise ValueError(f"a conversion lies between 0 and 1, not {conversion[0]:g} to {conversion[-1]:g}")

    @property
    def start(self) -> float:
        """Conversion at mixing (1)."""
        return self.conversion[0]

    @property
    def heat(self) -> float:
        """Heat that full conversion sets free in mJ per mm3 of cement."""
        return 1e3 * self.reaction_heat * self.density

    def attainable(self, peak_c: ArrayLike) -> FloatArray:
        """Conversion (1) that the curve ends with."""
        return np.full(np.shape(peak_c), self.conversion[-1])

    def rate(self, conversion: ArrayLike, temperature_c: ArrayLike, attainable: ArrayLike) -> FloatArray:
        """Conversion in a second (1/s), at a temperature in degrees Celsius and up to the attainable conversion."""
        now = np.asarray(conversion, dtype=float)
        piece = np.searchsorted(self.conversion, now, side="right") - 1
        slope = (np.diff(self.conversion) / np.diff(self.time))[np.clip(piece, 0, len(self.time) - 2)]
        return np.where(now < attainable, slope * self._factor(temperature_c), 0.0)

    def speed(self, temperature_c: ArrayLike) -> FloatArray:
        """Largest rate in 1/s at a temperature in degrees Celsius."""
        steepest = float(np.max(np.diff(self.conversion) / np.diff(self.time)))
        return 4.0 * steepest * self._factor(temperature_c)

    def _factor(self, temperature_c: ArrayLike) -> FloatArray:
        kelvin = np.asarray(temperature_c, dtype=float) + ZERO_CELSIUS
        reference = self.reference_temperature + ZERO_CELSIUS
        return np.exp(self.activation_energy / GAS_CONSTANT * (1.0 / reference - 1.0 / kelvin))


def conversion_after(
    curing: Curing,
    conversion: ArrayLike,
    length: float,
    before_c: ArrayLike,
    after_c: ArrayLike,
    attainable: ArrayLike,
) -> FloatArray:
    """Conversion after a time in which the temperature goes linearly from one value to another.

    By Heun's rule of second order in inner steps that are short against the reaction.

    Args:
        curing: the law.
        conversion: (k,) at the start.
        length: of the time in s.
        before_c: (k,) temperature at its start in degrees Celsius.
        after_c: (k,) temperature at its end.
        attainable: (k,) conversion at which the reaction ends.

    Returns:
        (k,) conversion at the end, no less than at the start and no more than attainable where it was not above.
    """
    now = np.array(conversion, dtype=float)
    before, after, limit = np.broadcast_arrays(before_c, after_c, attainable)
    if not now.size or length <= 0.0:
        return now
    fastest = float(np.max(curing.speed(np.maximum(before, after))))
    steps = max(1, int(np.ceil(fastest * length / _LARGEST_CHANGE)))
    step, highest = length / steps, np.maximum(now, limit)
    for number in range(steps):
        start = before + (after - before) * (number / steps)
        end = before + (after - before) * ((number + 1) / steps)
        first = curing.rate(now, start, limit)
        second = curing.rate(np.minimum(now + step * first, highest), end, limit)
        now = np.minimum(now + 0.5 * step * (first + second), highest)
    return now
