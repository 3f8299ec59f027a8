"""Bone cement: shear-thinning and ageing viscosity.

Viscosities are in MPa s (1 Pa s = 1e-6 MPa s), shear rates in 1/s, ages in s after mixing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_BANDS = "bands of low, medium and high viscosity cement"
_AGEING = "consistency reaches 1000 Pa s at the end of the working time"


class Rheology(Protocol):
    """Viscosity of a fluid that thins with shear and thickens with age."""

    @property
    def index(self) -> float:
        """Power-law index n (1)."""
        ...

    def consistency(self, age: ArrayLike) -> FloatArray:
        """Viscosity at a shear rate of 1 1/s in MPa s, at an age in s."""
        ...

    def viscosity(self, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
        """Viscosity in MPa s at a shear rate in 1/s and an age in s."""
        ...


@dataclass(frozen=True)
class Cement:
    """mu = K(t) min(max(g, g_min), g_max)^(n - 1), with K(t) = K_ref 2^((t - t_ref) / t_double).

    K is the viscosity at 1 1/s, t the time since mixing. The plateau below ``shear_rate_low`` is the Newtonian limit
    at rest. The doubling time is chosen so that K reaches 1000 Pa s, the upper end of what can be injected, when the
    working time ends: t_double = (t_work - t_ref) / log2(1000 Pa s / K_ref). Valid from the dough stage (about 2 min)
    to the end of the working time; ``doubling_time`` None is a cement that does not age.
    """

    name: str = "medium"
    reference_consistency: float = quantity(1e-4, "MPa s", _BANDS, "M", 1e-10, 1e-1)
    index: float = quantity(0.5, "1", "power laws of 0.3 to 0.7 for bone cement", "M", 0.2, 1.0)
    reference_age: float = quantity(300.0, "s", "usual age at the start of the injection", "M", 0.0, 3600.0)
    doubling_time: float | None = quantity(108.0, "s", _AGEING, "D", 1.0, 1e5, optional=True)
    working_time: float = quantity(660.0, "s", "working until 8 to 12 min after mixing", "M", 60.0, 7200.0)
    shear_rate_low: float = quantity(0.01, "1/s", "plateau of the viscosity at rest", "M", 1e-6, 1.0)
    shear_rate_high: float = quantity(1000.0, "1/s", "far above the rates in bone and cannula", "M", 1.0, 1e6)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def baseline(self) -> Cement:
        """The preset of this cement's name, against which the manifest tells defaults from the user's own values."""
        return CEMENTS.get(self.name, CEMENTS["medium"])

    def consistency(self, age: ArrayLike) -> FloatArray:
        """Viscosity at a shear rate of 1 1/s in MPa s, at an age in s after mixing."""
        elapsed = np.asarray(age, dtype=float) - self.reference_age
        if self.doubling_time is None:
            return np.full_like(elapsed, self.reference_consistency)
        return self.reference_consistency * np.exp2(elapsed / self.doubling_time)

    def viscosity(self, shear_rate: ArrayLike, age: ArrayLike) -> FloatArray:
        """Viscosity in MPa s at a shear rate in 1/s and an age in s after mixing."""
        rate = np.clip(shear_rate, self.shear_rate_low, self.shear_rate_high)
        return self.consistency(age) * rate ** (self.index - 1.0)


CEMENTS = {
    "low": Cement("low", 3e-5, 0.7, doubling_time=83.0, working_time=720.0),
    "medium": Cement(),
    "high": Cement("high", 4e-4, 0.4, doubling_time=227.0, working_time=600.0),
}
"""Presets by name: 30, 100 and 400 Pa s at 1 1/s, five minutes after mixing (tag M)."""


def newtonian_cement(viscosity: float) -> Cement:
    """A cement of constant viscosity in MPa s, for verification against exact solutions."""
    return Cement("newtonian", viscosity, 1.0, doubling_time=None)


def pore_shear_rate(
    speed: ArrayLike,
    saturation: ArrayLike,
    permeability: ArrayLike,
    relative_permeability: ArrayLike,
    porosity: ArrayLike,
    constant: float = 1.0,
) -> FloatArray:
    """Shear rate of cement in the pores, g = 4 C |u| / (S sqrt(8 k k_r phi)), in 1/s.

    The Newtonian wall shear rate 4 v / R of a bundle of tubes of radius R = sqrt(8 k k_r / phi) in which the cement
    moves with its own interstitial speed v = |u| / (S phi). C = 1 is the plain bundle (tag M).

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
