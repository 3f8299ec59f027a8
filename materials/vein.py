"""Veins inside the bone, and cement that moves in them as a plug."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.cement import Rheology
from materials.leak_path import LeakPath
from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_UNIT_TUBE = LeakPath("tube", 1.0, 1.0)
"""Of which a tube of another diameter is the image: 8 v / d is what counts of its speed."""


@dataclass(frozen=True)
class IntraosseousVeins:
    """What cement and marrow meet at the veins of a network.

    The blood in them is so thin that they have the pressure outside wherever no cement plugs them: 1 ml/(s kPa) in a
    vein of 1.5 mm and 30 mm, twenty times what all outlets of the body conduct to marrow.
    """

    collapse_pressure: float = quantity(
        0.0, "MPa", "a vein in a bony canal stays open; not measured, 0 to 2 kPa to be swept", "D", 0.0, 0.05
    )
    opening_pressure: float = quantity(
        0.0, "MPa", "a front in pores carries what the wider vein asks for; not measured, to be swept", "D", 0.0, 0.05
    )
    wall_entry_factor: float = quantity(
        1.0, "1", "the wall of a sinusoid is no barrier to cement beside the bone; not measured", "D", 1e-4, 1.0
    )
    contact_radius: float = quantity(
        1.5, "mm", "bone around a vein that gives off fluid to it; wider than its cells", "D", 0.1, 10.0
    )

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def threshold(self) -> float:
        """MPa above the pressure outside from which cement enters a vein that no cement plugs."""
        return self.collapse_pressure + self.opening_pressure


@dataclass(frozen=True)
class PlugFlow:
    """Mean speed of cement in tubes under a pressure gradient: the inverse of its apparent viscosity.

    A power law between two Newtonian ends: creep below the lowest shear rate and thinned flow above the highest.

    Attributes:
        creep: (k,) speed over gradient in mm2/(MPa s) of the slow end.
        creep_gradient: (k,) gradient in MPa/mm at which it ends.
        thinned: (k,) speed over gradient of the fast end.
        thinned_gradient: (k,) gradient at which it begins.
        exponent: (k,) of the gradient in between, 1 / n.
    """

    creep: FloatArray
    creep_gradient: FloatArray
    thinned: FloatArray
    thinned_gradient: FloatArray
    exponent: FloatArray

    @classmethod
    def of_cement(cls, diameter: ArrayLike, cement: Rheology, age: ArrayLike) -> Self:
        """Cement of (k,) ages in s in tubes of (k,) diameters in mm."""
        diameter = np.asarray(diameter, dtype=float)
        consistency, index = cement.consistency(age), cement.index(age)
        low, high = cement.shear_rate_low, cement.shear_rate_high

        def end(shear_rate: float) -> tuple[FloatArray, FloatArray]:
            viscosity = _UNIT_TUBE.apparent_viscosity(shear_rate / 8.0, consistency, index, low, high)
            mobility = diameter**2 * _UNIT_TUBE.conductance_per_area / viscosity
            return mobility, shear_rate * diameter / 8.0 / mobility

        return cls(*end(low), *end(high), 1.0 / index)
