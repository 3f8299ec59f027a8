"""Young's modulus of bone from its density: laws fitted to cores of human bone, and what bounds them.

The CT gives a density in equivalent mineral (BMD, g/cm3). Each law was fitted to one of three densities: that of the
QCT itself, that of the ash, or the apparent density of the wet bone; :class:`DensityScales` converts. The laws hold
along the main direction of the trabeculae, which is superior-inferior in a vertebra. All moduli are in MPa.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_KOPPERDAHL = "Kopperdahl 2002, J Orthop Res 20:801"
_MORGAN = "Morgan 2003, 10.1016/s0021-9290(03)00071-x"
_KELLER = "Keller 1994, J Biomech 27:1159"
_KEYAK = "Keyak 1998, J Biomech 31:125; coefficients as in PMC6069821, table 1"
_WALLE = "Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094"


class DensityModulusLaw(Protocol):
    """Bone mineral density -> Young's modulus."""

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        ...


@dataclass(frozen=True)
class DensityScales:
    """Ash density = slope * BMD + offset; apparent density = ash density / ash fraction.

    QCT densities in equivalent hydroxyapatite and in equivalent K2HPO4 are taken as the same, and as that of the ash.
    For hydroxyapatite phantoms Schileo 2008 (10.1016/j.jbiomech.2008.05.017, tag M) found 0.877 and 0.079 g/cm3, whose
    offset would give marrow without bone a modulus.
    """

    ash_slope: float = quantity(1.0, "1", "QCT density taken as ash density", "M", 0.5, 1.5)
    ash_offset: float = quantity(0.0, "g/cm3", "QCT density taken as ash density", "M", -0.1, 0.2)
    ash_fraction: float = quantity(0.6, "1", "ash over apparent density", "M", 0.4, 0.8)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def ash(self, density: FloatArray) -> FloatArray:
        """Ash density in g/cm3 at a BMD in g/cm3, 0 where it would be negative."""
        return np.maximum(self.ash_slope * np.asarray(density, dtype=float) + self.ash_offset, 0.0)

    def apparent(self, density: FloatArray) -> FloatArray:
        """Apparent density of the wet bone in g/cm3 at a BMD in g/cm3, 0 where it would be negative."""
        return self.ash(density) / self.ash_fraction


@dataclass(frozen=True)
class KopperdahlModulus:
    """E = slope * BMD + intercept, of human vertebral cancellous bone, in QCT density.

    Fitted for 0.05 to 0.3 g/cm3; negative below 0.011 g/cm3.
    """

    slope: float = quantity(3230.0, "MPa cm3/g", _KOPPERDAHL, "M", 100.0, 20000.0)
    intercept: float = quantity(-34.7, "MPa", _KOPPERDAHL, "M", -500.0, 500.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        return self.slope * np.asarray(density, dtype=float) + self.intercept


@dataclass(frozen=True)
class MorganModulus:
    """E = coefficient * apparent density^exponent, of human vertebral cancellous bone.

    Fitted for apparent densities of 0.11 to 0.35 g/cm3.
    """

    coefficient: float = quantity(4730.0, "MPa", _MORGAN, "M", 100.0, 50000.0)
    exponent: float = quantity(1.56, "1", _MORGAN, "M", 1.0, 3.0)
    scales: DensityScales = field(default_factory=DensityScales)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        return self.coefficient * self.scales.apparent(density) ** self.exponent


@dataclass(frozen=True)
class KellerModulus:
    """E = coefficient * ash density^exponent, of human vertebral and femoral bone together.

    From cancellous to compact bone. PMC6069821, table 1, prints the exponent 2.51, and 1890 MPa and 1.92 for the
    vertebrae alone.
    """

    coefficient: float = quantity(10500.0, "MPa", _KELLER, "M", 100.0, 50000.0)
    exponent: float = quantity(2.57, "1", _KELLER, "M", 1.0, 3.0)
    scales: DensityScales = field(default_factory=DensityScales)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        return self.coefficient * self.scales.ash(density) ** self.exponent


@dataclass(frozen=True)
class KeyakModulus:
    """Two power laws of the ash density with a line between them, of human femoral bone from cancellous to compact.

    E = 33900 r^2.20 up to r = 0.27 g/cm3, 5307 r + 469 up to 0.6 g/cm3, 10200 r^2.01 above. With the printed
    coefficients the pieces meet to 0.07 and 0.09 MPa (at 1902 and 3653 MPa). Imai used it for vertebrae
    (PMC4441400).
    """

    low_coefficient: float = quantity(33900.0, "MPa", _KEYAK, "M", 100.0, 1e5)
    low_exponent: float = quantity(2.20, "1", _KEYAK, "M", 1.0, 3.0)
    middle_slope: float = quantity(5307.0, "MPa cm3/g", _KEYAK, "M", 100.0, 50000.0)
    middle_intercept: float = quantity(469.0, "MPa", _KEYAK, "M", -5000.0, 5000.0)
    high_coefficient: float = quantity(10200.0, "MPa", _KEYAK, "M", 100.0, 1e5)
    high_exponent: float = quantity(2.01, "1", _KEYAK, "M", 1.0, 3.0)
    low_end: float = quantity(0.27, "g/cm3", _KEYAK, "M", 0.05, 0.5)
    high_start: float = quantity(0.60, "g/cm3", _KEYAK, "M", 0.5, 1.5)
    scales: DensityScales = field(default_factory=DensityScales)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        ash = self.scales.ash(density)
        low = self.low_coefficient * ash**self.low_exponent
        middle = self.middle_slope * ash + self.middle_intercept
        high = self.high_coefficient * ash**self.high_exponent
        return np.where(ash <= self.low_end, low, np.where(ash < self.high_start, middle, high))


@dataclass(frozen=True)
class WalleModulus:
    """E = coefficient * BMD^exponent, the recipe of a published benchmark of vertebral models, in QCT density.

    It goes with a Poisson's ratio of 0.3 and discs of PMMA.
    """

    coefficient: float = quantity(2980.0, "MPa", _WALLE, "M", 100.0, 50000.0)
    exponent: float = quantity(1.05, "1", _WALLE, "M", 1.0, 3.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        return self.coefficient * np.maximum(density, 0.0) ** self.exponent


MODULUS_LAWS: dict[str, type[DensityModulusLaw]] = {
    "kopperdahl": KopperdahlModulus,
    "morgan": MorganModulus,
    "keller": KellerModulus,
    "keyak": KeyakModulus,
    "walle": WalleModulus,
}
"""The laws by the names that case files use."""


@dataclass(frozen=True)
class BoneModulus:
    """E = max(law(BMD), lowest): the bound keeps the elastic problem well posed where the CT shows no bone."""

    law: DensityModulusLaw = field(default_factory=KopperdahlModulus)
    lowest: float = quantity(10.0, "MPa", "about 1/10 of osteoporotic bone, for a well-posed problem", "D", 1e-3, 1e3)

    def __post_init__(self) -> None:
        """Check the range of the bound."""
        check_ranges(self)

    def modulus(self, density: FloatArray) -> FloatArray:
        """Young's modulus in MPa at a BMD in g/cm3."""
        return np.maximum(self.law.modulus(density), self.lowest)


@dataclass(frozen=True)
class TransverseIsotropy:
    """Modulus along the superior-inferior axis over that across it, which rises as bone is lost.

    Age takes horizontal trabeculae first. The ratio is ``dense_ratio`` above ``dense_density``, ``porotic_ratio`` below
    ``porotic_density`` and linear between them.
    """

    dense_ratio: float = quantity(2.0, "1", "2 to 4, rising with bone loss", "M", 1.0, 6.0)
    porotic_ratio: float = quantity(4.0, "1", "2 to 4, rising with bone loss", "M", 1.0, 6.0)
    dense_density: float = quantity(0.20, "g/cm3", "young lumbar bone: 227 HU times 0.8e-3 g/cm3/HU", "D", 0.1, 0.5)
    porotic_density: float = quantity(0.05, "g/cm3", "lower end of the density-modulus fits", "D", 0.0, 0.1)

    def __post_init__(self) -> None:
        """Check the ranges of the values and their order."""
        check_ranges(self)
        if not self.dense_ratio <= self.porotic_ratio:
            raise ValueError(
                f"TransverseIsotropy.dense_ratio = {self.dense_ratio:g} is above "
                f"TransverseIsotropy.porotic_ratio = {self.porotic_ratio:g}"
            )
        if not self.porotic_density < self.dense_density:
            raise ValueError(
                f"TransverseIsotropy.porotic_density = {self.porotic_density:g} g/cm3 is not below "
                f"TransverseIsotropy.dense_density = {self.dense_density:g} g/cm3"
            )

    def ratio(self, density: FloatArray) -> FloatArray:
        """Axial over transverse Young's modulus at a BMD in g/cm3."""
        return np.interp(
            np.asarray(density, dtype=float),
            [self.porotic_density, self.dense_density],
            [self.porotic_ratio, self.dense_ratio],
        )


@dataclass(frozen=True)
class BoneDamage:
    """Share of its modulus that fractured bone keeps."""

    factor: float = quantity(1.0, "1", "undamaged", "D", 0.05, 1.0)

    def __post_init__(self) -> None:
        """Check the range of the factor."""
        check_ranges(self)


@dataclass(frozen=True)
class CorticalBone:
    """The compact bone of the shell of walls and endplates.

    Its modulus is no value of the density-modulus laws, which were fitted to cancellous bone.
    """

    density: float = quantity(1.0, "g/cm3", "solid bone of 1.1 g/cm3 with a tenth of pores", "D", 0.5, 1.3)
    modulus: float = quantity(
        4700.0, "MPa", "osteoporotic cortex, PMC12452785 table 3; 8350 in osteopenic, 12000 in normal bone", "S",
        500.0, 20000.0,
    )  # fmt: skip
    usual_thickness: float = quantity(0.35, "mm", "mean of L1, Silva 1994", "S", 0.05, 2.0)
    least_measured: float = quantity(0.09, "mm", "least of 0.09 to 0.86 mm, Silva 1994", "S", 0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def thickness(self, excess: float, trabecular: float) -> float:
        """Thickness in mm of the shell that holds as much mineral as the CT shows above the bone inside.

        Blur spreads the mineral of the shell and makes it look thick, but leaves its amount per area as it is
        (Treece 2010, 10.1016/j.media.2010.01.003). Where less than the thinnest shell is left, the CT does not show it,
        and it has the usual thickness.

        Args:
            excess: mineral per area above that of its surroundings in g/cm3 mm.
            trabecular: BMD of the bone inside in g/cm3.
        """
        found = excess / (self.density - trabecular)
        return found if found >= self.least_measured else self.usual_thickness
