"""Where bone, and bone filled with cement, yields: yield stresses in tension and compression from Young's modulus.

Bone yields at strains that depend little on its density, so that its yield stress follows its modulus. Both laws give
the stresses along one axis in MPa; the surface that goes through them is named with the law.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from materials.modulus import WalleModulus
from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_MORGAN_KEAVENY = "Morgan & Keaveny 2001, 10.1016/S0021-9290(01)00011-2"
_KOPPERDAHL = "Kopperdahl 2002, J Orthop Res 20:801, as in Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094"


class YieldLaw(Protocol):
    """Young's modulus -> yield stresses."""

    @property
    def surface(self) -> Literal["mohr_coulomb", "drucker_prager"]:
        """Surface of :mod:`fem.mechanics.yield_surface` through the yield stresses."""
        ...

    def strengths(self, modulus: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Yield stress in uniaxial tension and in uniaxial compression in MPa of bone with a modulus in MPa."""
        ...


@dataclass(frozen=True)
class YieldStrain:
    """Vertebral cancellous bone yields at the same strains whatever its density, in compression later than in tension.

    Between both uniaxial stresses lies Drucker and Prager's cone, the smooth surface of pressure-dependent strength
    (tag M for its use for bone). With the hardly different yield strains here it is nearly von Mises' cylinder; under
    pressure from all sides it never yields, so that confined bone comes out too strong.
    """

    compression: float = quantity(0.0077, "1", _MORGAN_KEAVENY, "M", 0.001, 0.05)
    tension: float = quantity(0.0070, "1", _MORGAN_KEAVENY, "M", 0.001, 0.05)

    def __post_init__(self) -> None:
        """Check the ranges of the values and their order."""
        check_ranges(self)
        if self.tension > self.compression:
            raise ValueError(
                f"YieldStrain.tension = {self.tension:g} is above YieldStrain.compression = {self.compression:g}"
            )

    @property
    def surface(self) -> Literal["drucker_prager"]:
        """Drucker and Prager's cone."""
        return "drucker_prager"

    def strengths(self, modulus: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Yield stress in uniaxial tension and in uniaxial compression in MPa of bone with a modulus in MPa."""
        return self.tension * modulus, self.compression * modulus


@dataclass(frozen=True)
class OgoYield:
    """Yield stress = coefficient * BMD^exponent, the same in tension and compression, of a published recipe.

    The recipe's Mohr-Coulomb surface with equal strengths is Tresca's. Its modulus is 2980 BMD^1.05
    (:class:`materials.modulus.WalleModulus`), which tells the density from the modulus; so the law goes with that one.
    """

    coefficient: float = quantity(37.4, "MPa", _KOPPERDAHL, "M", 1.0, 500.0)
    exponent: float = quantity(1.39, "1", _KOPPERDAHL, "M", 1.0, 3.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def surface(self) -> Literal["mohr_coulomb"]:
        """Mohr and Coulomb's surface."""
        return "mohr_coulomb"

    def strengths(self, modulus: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Yield stress in uniaxial tension and in uniaxial compression in MPa of bone with a modulus in MPa."""
        law = WalleModulus()
        density = (np.asarray(modulus, dtype=float) / law.coefficient) ** (1.0 / law.exponent)
        stress = self.coefficient * density**self.exponent
        return stress, stress


YIELD_LAWS: dict[str, type[YieldLaw]] = {"morgan_keaveny": YieldStrain, "ogo": OgoYield}
"""The laws by the names that case files use."""


@dataclass(frozen=True)
class CementStrength:
    """Yield stresses of cement in bulk, and of the interface between filled and empty bone.

    Filled bone yields at the strains of the cement, so that its strength is knocked down as its modulus is. Bone that
    is part full lies between both by the geometric mean, as its modulus does. It holds the interface, which bears no
    more tension than ``interface_tension`` or than the bone itself, and in compression no more than ``LARGEST_RATIO``
    times that.
    """

    compression: float = quantity(70.0, "MPa", "least that ISO 5833 asks of PMMA", "M", 10.0, 200.0)
    tension: float = quantity(
        35.0, "MPa", "PMMA in bulk: 24 to 49 MPa, Lewis 1997, J Biomed Mater Res 38:155", "M", 1.0, 100.0
    )
    interface_tension: float = quantity(1.28, "MPa", "Mann 1997, J Biomech 30:339", "M", 0.01, 50.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values and their order."""
        check_ranges(self)
        if self.tension > self.compression:
            raise ValueError(
                f"CementStrength.tension = {self.tension:g} MPa is above CementStrength.compression = "
                f"{self.compression:g} MPa"
            )

    def strengths(
        self, bone: tuple[FloatArray, FloatArray], saturation: FloatArray, knocked_down: float
    ) -> tuple[FloatArray, FloatArray]:
        """Yield stress in uniaxial tension and in uniaxial compression in MPa of bone with cement in it.

        Args:
            bone: the same of the bone alone.
            saturation: of cement, 0 to 1.
            knocked_down: modulus of filled bone over that of the cement in bulk.
        """
        tension, compression = (
            alone * (np.maximum(knocked_down * full, alone) / alone) ** saturation
            for alone, full in zip(bone, (self.tension, self.compression), strict=True)
        )
        interface = (saturation > PART_FULL) & (saturation < 1.0 - PART_FULL)
        held = np.minimum(tension, np.maximum(bone[0], self.interface_tension))
        tension = np.where(interface, held, tension)
        limit = np.maximum(LARGEST_RATIO * tension, bone[1])
        return tension, np.where(interface, np.minimum(compression, limit), compression)


LARGEST_RATIO = 3.0
"""Compressive over tensile yield stress of the interface, at most. Drucker and Prager's cone is closed towards biaxial
compression up to here (tag D)."""

PART_FULL = 0.01
"""Saturation from which a place counts as part full of cement, and by which a full one may fall short of 1 (tag D)."""


@dataclass(frozen=True)
class BoneStrength:
    """Where bone with and without cement yields, and how little stiffness it has left beyond that."""

    law: YieldLaw = field(default_factory=YieldStrain)
    cement: CementStrength = field(default_factory=CementStrength)
    hardening: float = quantity(0.001, "1", "for a definite tangent; 0.1 % of the strength of the demo", "D", 0.0, 0.2)

    def __post_init__(self) -> None:
        """Check the range of the hardening."""
        check_ranges(self)

    def strengths(
        self, bone_modulus: FloatArray, saturation: FloatArray, knocked_down: float
    ) -> tuple[FloatArray, FloatArray]:
        """Yield stress in uniaxial tension and in uniaxial compression in MPa.

        Args:
            bone_modulus: Young's modulus of the bone without its cement in MPa.
            saturation: of cement, 0 to 1.
            knocked_down: modulus of filled bone over that of the cement in bulk.
        """
        return self.cement.strengths(self.law.strengths(bone_modulus), saturation, knocked_down)
