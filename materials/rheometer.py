"""Bone cement as the user's own rheometer has measured it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.cement import ARRHENIUS, PLAIN_BUNDLE, ROOM_TEMPERATURE, arrhenius
from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

HIGHEST_INDEX = 1.5
"""Power-law index above which a table is refused: cement thins with shear, and no noise bends a flat curve so far
(tag D)."""


@dataclass(frozen=True)
class ViscosityFall:
    """A viscosity that falls with age at one shear rate.

    Attributes:
        shear_rate: 1/s.
        start: age of the larger viscosity in s.
        end: later age of the smaller viscosity in s.
        before: the larger viscosity in MPa s.
        after: the smaller viscosity in MPa s.
    """

    shear_rate: float
    start: float
    end: float
    before: float
    after: float

    @property
    def share(self) -> float:
        """What is lost of the larger viscosity; 0 where it never falls."""
        return 1.0 - self.after / self.before


@dataclass(frozen=True, eq=False)
class TabulatedCement:
    """Power laws mu = K(t) g^(n(t) - 1) through measured viscosities.

    At each age of the table, K and n follow from the least-squares line of log mu over log g. Between the ages log K
    and n are linear; before the first and after the last age they are held constant, so cement that grows older than
    the table thickens no further. Shear rates outside of the table's range count as its ends.

    Attributes:
        age: (m,) time since mixing of each measurement in s, at the reference temperature.
        shear_rate: (m,) shear rate of each measurement in 1/s.
        measured_viscosity: (m,) viscosity in MPa s.
        reference_temperature: temperature of the measurement in degrees Celsius.
        activation_energy: of curing in kJ/mol.
        end_of_working: age in s after which the cement is no longer injected; by default the last age of the table.
        shear_constant: constant C of :func:`materials.cement.pore_shear_rate`.
    """

    age: FloatArray
    shear_rate: FloatArray
    measured_viscosity: FloatArray
    reference_temperature: float = quantity(23.0, "degC", ROOM_TEMPERATURE, "M", 4.0, 40.0)
    activation_energy: float = quantity(45.0, "kJ/mol", ARRHENIUS, "D", 0.0, 200.0)
    end_of_working: float | None = quantity(None, "s", "last age of the table", "D", 0.0, 1e5, optional=True)
    shear_constant: float = quantity(1.0, "1", PLAIN_BUNDLE, "D", 0.1, 10.0)

    def __post_init__(self) -> None:
        """Check the table and the ranges of the values.

        Raises:
            ValueError: the columns differ in length, hold something that is no positive number (an age may be zero),
                repeat a measurement, or have fewer than two ages or fewer than two shear rates at an age; or a fitted
                index is not above 0, as of a viscosity that falls as fast as the shear rate rises, or is above
                :data:`HIGHEST_INDEX`.
        """
        table = self._table
        if len({len(column) for column in table}) != 1:
            raise ValueError(
                f"the rheometer table has {len(table[0])} ages, {len(table[1])} shear rates and {len(table[2])} "
                "viscosities; it must have as many of each"
            )
        for name, unit, column in zip(
            ("ages", "shear rates", "viscosities"), ("s", "1/s", "MPa s"), table, strict=True
        ):
            bad = ~np.isfinite(column) | (column < 0.0 if name == "ages" else column <= 0.0)
            if bad.any():
                allowed = "at least 0" if name == "ages" else "above 0"
                raise ValueError(
                    f"the rheometer table holds {column[bad][0]:g} {unit} among its {name}; "
                    f"they must be {allowed} {unit}"
                )
        check_ranges(self)
        ages, counts = np.unique(table[0], return_counts=True)
        if len(ages) < 2:
            raise ValueError(
                f"the number of ages in the rheometer table is {len(ages)}; at least 2 show how the cement thickens"
            )
        pairs, repeats = np.unique(np.stack(table[:2]), axis=1, return_counts=True)
        if repeats.max() > 1:
            age, rate = pairs[:, repeats.argmax()]
            raise ValueError(
                f"the rheometer table gives the viscosity at {_minutes(age)} and {rate:g} 1/s {repeats.max()} times; "
                "keep one"
            )
        if counts.min() < 2:
            raise ValueError(
                f"the rheometer table has one shear rate at the age of {_minutes(ages[counts.argmin()])}; it needs at "
                "least 2, so give measurements that belong together the same age"
            )
        ages, index = self._laws[0], self._laws[2].round(9) + 0.0  # rounding must not decide at an end, nor leave -0
        for worst, wrong, rule in (
            (index.argmin(), index.min() <= 0.0, "the viscosity must fall more slowly than the shear rate rises"),
            (index.argmax(), index.max() > HIGHEST_INDEX, "the viscosity must not rise so fast with the shear rate"),
        ):
            if wrong:
                raise ValueError(
                    f"the power-law index fitted at the age of {_minutes(ages[worst])} is {index[worst]:.2g}, not "
                    f"above 0 and up to {HIGHEST_INDEX:g}; {rule}, so check shear rates and viscosities at this age"
                )

    @cached_property
    def largest_misfit(self) -> float:
        """Largest deviation of the fitted laws from a measured viscosity, relative to the latter."""
        age, rate, measured = self._table
        fitted = self.consistency(age) * rate ** (self.index(age) - 1.0)
        return float(np.abs(fitted / measured - 1.0).max())

    @cached_property
    def largest_fall(self) -> ViscosityFall:
        """Where the fitted laws lose most of an earlier viscosity, at one end of the table's shear rates.

        Between two ages log viscosity is linear in age and in the log of the shear rate, so the largest fall lies
        between ages of the table and at one of the ends.
        """
        ages, rates = self._laws[0], np.array([self.shear_rate_low, self.shear_rate_high])
        viscosity = self.viscosity(rates, ages[:, None])
        lost = 1.0 - viscosity / np.maximum.accumulate(viscosity, axis=0)
        end, column = np.unravel_index(lost.argmax(), lost.shape)
        start = viscosity[: end + 1, column].argmax()
        return ViscosityFall(
            shear_rate=float(rates[column]),
            start=float(ages[start]),
            end=float(ages[end]),
            before=float(viscosity[start, column]),
            after=float(viscosity[end, column]),
        )

    @property
    def shear_rate_low(self) -> float:
        """Smallest shear rate of the table in 1/s."""
        return float(self._table[1].min())

    @property
    def shear_rate_high(self) -> float:
        """Largest shear rate of the table in 1/s."""
        return float(self._table[1].max())

    @property
    def working_time(self) -> float:
        """Age in s after which the cement is no longer injected."""
        return float(self._table[0].max()) if self.end_of_working is None else self.end_of_working

    def consistency(self, age: ArrayLike) -> FloatArray:
        """Viscosity at a shear rate of 1 1/s in MPa s, at ages in s."""
        ages, log_consistency, _ = self._laws
        return np.exp(np.interp(np.asarray(age, dtype=float), ages, log_consistency))

    def index(self, age: ArrayLike) -> FloatArray:
        """Power-law index n (1) at ages in s."""
        ages, _, index = self._laws
        return np.asarray(np.interp(np.asarray(age, dtype=float), ages, index))

    def viscosity(self, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
        """Viscosity in MPa s at shear rates in 1/s and ages in s, broadcast against each other."""
        rate = np.clip(shear_rate, self.shear_rate_low, self.shear_rate_high)
        return self.consistency(age) * rate ** (self.index(age) - 1.0)

    def ageing_rate(self, temperature_c: ArrayLike) -> FloatArray:
        """Seconds by which the cement ages in a second at a temperature in degrees Celsius."""
        return arrhenius(temperature_c, self.reference_temperature, self.activation_energy)

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(m,) ages, shear rates and viscosities."""
        age, rate, viscosity = (
            np.atleast_1d(np.asarray(column, dtype=float))
            for column in (self.age, self.shear_rate, self.measured_viscosity)
        )
        return age, rate, viscosity

    @cached_property
    def _laws(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(a,) ascending ages with the log K and the n fitted at each."""
        age, rate, viscosity = self._table
        ages = np.unique(age)
        lines = [np.polyfit(np.log(rate[age == one]), np.log(viscosity[age == one]), 1) for one in ages]
        slopes, intercepts = np.array(lines).T
        return ages, intercepts, 1.0 + slopes


def _minutes(age: float) -> str:
    """An age in s as the tables of rheometers have it."""
    return f"{age / 60.0:g} min"
