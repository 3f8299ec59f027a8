"""Bone cement: shear-thinning and ageing viscosity.

Viscosities are in MPa s (1 Pa s = 1e-6 MPa s), shear rates in 1/s. Ages are equivalent ages in s: the time since mixing
on the clock of a cement that is kept at its reference temperature. Warmer cement is older than the time since mixing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

ARRHENIUS = "factor 2 for 12 degrees: Nicholas 2007, 10.1007/s10856-007-0125-2"
"""Source of the activation energy of curing."""

ROOM_TEMPERATURE = "test temperature of bone cement, ISO 5833"
"""Source of the reference temperature."""

PLAIN_BUNDLE = "plain bundle of tubes; Christopher & Middleman 1965, 10.1021/i160016a011, have 0.69"
"""Source of the constant of the shear rate in the pores."""

CHRISTOPHER_MIDDLEMAN = math.sqrt(12.0 / 25.0)
"""Constant of the shear rate in the pores that makes the bundle that of Christopher & Middleman 1965."""

_GAS_CONSTANT = 8.314462618e-3  # kJ/(mol K)
_ZERO_CELSIUS = 273.15  # K
_BANDS = "bands of low, medium and high viscosity cement"
_AGEING = "consistency reaches 1000 Pa s at the end of the working time"
_STAGES = "dough after 2 to 5 min, working until 8 to 12 min, set after 10 to 20 min"


class Rheology(Protocol):
    """Viscosity of a fluid that thins with shear and thickens with age."""

    @property
    def shear_rate_low(self) -> float:
        """Shear rate in 1/s below which the viscosity is that at this rate."""
        ...

    @property
    def shear_rate_high(self) -> float:
        """Shear rate in 1/s above which the viscosity is that at this rate."""
        ...

    @property
    def shear_constant(self) -> float:
        """Constant C (1) of :func:`pore_shear_rate`."""
        ...

    @property
    def working_time(self) -> float:
        """Age in s after which the cement is no longer injected."""
        ...

    def consistency(self, age: ArrayLike) -> FloatArray:
        """Viscosity at a shear rate of 1 1/s in MPa s, at ages in s."""
        ...

    def index(self, age: ArrayLike) -> FloatArray:
        """Power-law index n (1) at ages in s."""
        ...

    def viscosity(self, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
        """Viscosity in MPa s at shear rates in 1/s and ages in s, broadcast against each other."""
        ...

    def ageing_rate(self, temperature_c: ArrayLike) -> FloatArray:
        """Seconds by which the cement ages in a second at temperatures in degrees Celsius."""
        ...


@dataclass(frozen=True)
class Cement:
    """mu = min(K(t) min(max(g, g_min), g_max)^(n(t) - 1), mu_max).

    With the shear rate g and the age t,

        K(t) = K_ref 2^((t - t_ref) / t_double) up to the end of the working time,
        n(t) = n_ref - index_rate (t - t_ref), but no less than ``lowest_index`` and no more than 1.

    The doubling time is chosen so that K reaches 1000 Pa s, the upper end of what can be injected, when the working
    time ends: t_double = (t_work - t_ref) / log2(1000 Pa s / K_ref). From there cement cures faster: log K rises
    linearly to the plateau mu_max at the setting time, and ageing ends. Valid from the dough time to the end of the
    working time. ``doubling_time`` None is a cement that does not age at all.
    """

    name: str = "medium"
    reference_consistency: float = quantity(1e-4, "MPa s", _BANDS, "M", 1e-10, 1e-1)
    reference_index: float = quantity(0.5, "1", "power laws of 0.3 to 0.7 for bone cement", "M", 0.2, 1.0)
    index_rate: float = quantity(
        3e-4, "1/s", "the presets stay above an index of 0.3 while they are worked with", "M", 0.0, 1e-2
    )
    lowest_index: float = quantity(0.2, "1", "below the range of bone cement, 0.3 to 0.7", "M", 0.05, 1.0)
    reference_age: float = quantity(300.0, "s", "usual age at the start of the injection", "M", 0.0, 3600.0)
    doubling_time: float | None = quantity(108.0, "s", _AGEING, "D", 1.0, 1e5, optional=True)
    reference_temperature: float = quantity(23.0, "degC", ROOM_TEMPERATURE, "M", 4.0, 40.0)
    activation_energy: float = quantity(45.0, "kJ/mol", ARRHENIUS, "D", 0.0, 200.0)
    dough_time: float = quantity(180.0, "s", _STAGES, "M", 0.0, 3600.0)
    working_time: float = quantity(660.0, "s", _STAGES, "M", 60.0, 7200.0)
    setting_time: float = quantity(960.0, "s", _STAGES, "M", 60.0, 14400.0)
    shear_rate_low: float = quantity(0.01, "1/s", "plateau of the viscosity at rest", "M", 1e-6, 1.0)
    shear_rate_high: float = quantity(1000.0, "1/s", "far above the rates in bone and cannula", "M", 1.0, 1e6)
    largest_viscosity: float = quantity(
        0.075, "MPa s", "plateau of cured cement, 75e3 Pa s: Nicholas 2007, 10.1007/s10856-007-0125-2", "S", 1e-6, 10.0
    )
    shear_constant: float = quantity(1.0, "1", PLAIN_BUNDLE, "D", 0.1, 10.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values, the order of the stages and the bound of the index."""
        check_ranges(self)
        if not self.dough_time < self.working_time < self.setting_time:
            raise ValueError(
                f"Cement.dough_time = {self.dough_time:g} s, working_time = {self.working_time:g} s and setting_time = "
                f"{self.setting_time:g} s must follow each other in this order"
            )
        if self.reference_index < self.lowest_index:
            raise ValueError(
                f"Cement.reference_index = {self.reference_index:g} is below lowest_index = {self.lowest_index:g}"
            )

    @property
    def baseline(self) -> Cement:
        """The preset of this cement's name, against which the manifest tells defaults from the user's own values."""
        return CEMENTS.get(self.name, CEMENTS["medium"])

    def consistency(self, age: ArrayLike) -> FloatArray:
        """Viscosity at a shear rate of 1 1/s in MPa s, at ages in s."""
        reference, plateau = math.log(self.reference_consistency), math.log(self.largest_viscosity)
        age = np.asarray(age, dtype=float)
        if self.doubling_time is None:
            return np.full_like(age, self.reference_consistency)
        slope = math.log(2.0) / self.doubling_time
        end_of_working = min(reference + slope * (self.working_time - self.reference_age), plateau)
        working = reference + slope * (age - self.reference_age)
        curing = np.interp(age, [self.working_time, self.setting_time], [end_of_working, plateau])
        return np.exp(np.minimum(np.where(age <= self.working_time, working, curing), plateau))

    def index(self, age: ArrayLike) -> FloatArray:
        """Power-law index n (1) at ages in s."""
        elapsed = np.minimum(np.asarray(age, dtype=float), self.setting_time) - self.reference_age
        rate = 0.0 if self.doubling_time is None else self.index_rate
        return np.clip(self.reference_index - rate * elapsed, self.lowest_index, 1.0)

    def viscosity(self, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
        """Viscosity in MPa s at shear rates in 1/s and ages in s, broadcast against each other."""
        rate = np.clip(shear_rate, self.shear_rate_low, self.shear_rate_high)
        return np.minimum(self.consistency(age) * rate ** (self.index(age) - 1.0), self.largest_viscosity)

    def ageing_rate(self, temperature_c: ArrayLike) -> FloatArray:
        """Seconds by which the cement ages in a second at temperatures in degrees Celsius; see :func:`arrhenius`."""
        return arrhenius(temperature_c, self.reference_temperature, self.activation_energy)


CEMENTS = {
    "low": Cement("low", 3e-5, 0.7, doubling_time=83.0, dough_time=240.0, working_time=720.0, setting_time=1080.0),
    "medium": Cement(),
    "high": Cement("high", 4e-4, 0.4, doubling_time=227.0, dough_time=120.0, working_time=600.0, setting_time=840.0),
}
"""Presets by name: 30, 100 and 400 Pa s at 1 1/s, five minutes after mixing (tag M)."""


def newtonian_cement(viscosity: float) -> Cement:
    """A cement of constant viscosity in MPa s, for verification against exact solutions."""
    return Cement("newtonian", viscosity, 1.0, index_rate=0.0, doubling_time=None)


def arrhenius(temperature_c: ArrayLike, reference_c: float, activation_energy: float) -> FloatArray:
    """Rate of a reaction over its rate at the reference temperature, exp(E / R (1 / T_ref - 1 / T)).

    Args:
        temperature_c: temperatures in degrees Celsius.
        reference_c: reference temperature in degrees Celsius.
        activation_energy: E in kJ/mol.
    """
    warming = 1.0 / (reference_c + _ZERO_CELSIUS) - 1.0 / (np.asarray(temperature_c, dtype=float) + _ZERO_CELSIUS)
    return np.exp(activation_energy / _GAS_CONSTANT * warming)


def pore_shear_rate(
    speed: ArrayLike,
    saturation: ArrayLike,
    permeability: ArrayLike,
    relative_permeability: ArrayLike,
    porosity: ArrayLike,
    constant: float = 1.0,
) -> FloatArray:
    """Shear rate of cement in the pores, g = 4 C |u| / (S sqrt(8 k k_r phi)), in 1/s.

    The wall shear rate 4 v / R that a Newtonian fluid would have in a bundle of tubes of radius R = sqrt(8 k k_r / phi)
    in which the cement moves with its own interstitial speed v = |u| / (S phi); the viscosity that goes with it is
    :func:`bundle_viscosity`. C = 1 is the plain bundle (tag D). C = sqrt(12 / 25) is the bundle of Christopher &
    Middleman 1965 (10.1021/i160016a011, tag M), whose tubes wind by 25 / 12.

    Args:
        speed: Darcy speed of the cement in mm/s.
        saturation: cement saturation S.
        permeability: permeability k in mm2.
        relative_permeability: relative permeability k_r of the cement.
        porosity: porosity phi.
        constant: C, dimensionless.

    Returns:
        Shear rates in 1/s, zero where there is no cement to be sheared.
    """
    tube = np.asarray(saturation, dtype=float) * np.sqrt(
        8.0 * np.asarray(permeability, dtype=float) * np.asarray(relative_permeability, dtype=float) * porosity
    )
    numerator = 4.0 * constant * np.abs(np.asarray(speed, dtype=float))
    numerator, tube = np.broadcast_arrays(numerator, tube)
    return np.divide(numerator, tube, out=np.zeros(tube.shape), where=tube > 0.0)


def bundle_viscosity(cement: Rheology, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
    """Viscosity of the Newtonian fluid that a bundle of tubes holds back as much, in MPa s.

    mu_b = ((3 n + 1) / (4 n))^n mu(g, t): at the same mean speed the wall of a tube shears a power-law fluid faster
    than a Newtonian one by (3 n + 1) / (4 n) (Rabinowitsch 1929, 10.1515/zpch-1929-14502, tag M). With the shear rate g
    of :func:`pore_shear_rate` it is exact for tubes, and for C = sqrt(12 / 25) the effective viscosity of Christopher &
    Middleman 1965, mu_b |u|^(1 - n) = K / 12 (9 + 3 / n)^n (150 k phi)^((1 - n) / 2). The factor, 1.15 at most, stands
    at the plateaus of the viscosity as well, as it does in conduits.

    Args:
        cement: rheology of the cement.
        shear_rate: apparent shear rate g at the walls of the pores in 1/s.
        age: age of the cement in s.
    """
    n = cement.index(age)
    return ((3.0 * n + 1.0) / (4.0 * n)) ** n * cement.viscosity(shear_rate, age)
