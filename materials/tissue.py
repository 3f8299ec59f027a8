"""What takes the place of bone and marrow: tumours, clefts, and the cavities of balloons and broken walls.

Pressures are in MPa above the resting intraosseous pressure, viscosities in MPa s, permeabilities in mm2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

Kind = Literal["osteolytic", "osteoblastic"]
Growth = Literal["slow", "moderate", "rapid"]

GROWTH_POINTS: dict[Growth, float] = {"slow": 1.0, "moderate": 2.0, "rapid": 4.0}
"""Growth class of the primary tumour -> its points in the score of Tomita 2001, Spine 26:298 (tag M)."""

_GROWTH_RULE = "moderate: {}; other classes in proportion to their points after Tomita 2001, Spine 26:298"
_PRESSURE = _GROWTH_RULE.format("1 kPa, inside the 0.1 to 9 kPa of tumour models, Lunt 2008, 10.1186/1471-2407-8-2")
_VESSELS = _GROWTH_RULE.format(
    "3 K / (R L) of a ball of R = 14 mm whose vessels feed a rim of L = (K / (Lp S/V))^(1/2) = 0.27 mm, with the "
    "tissue's K = 3.1e-14 m2/(Pa s) and Lp S/V = 0.42 1/(s MPa), Baxter & Jain 1989, 10.1016/0026-2862(89)90074-5"
)
_CALIBRE = "cube root of the vascularity over that of moderate growth: Murray 1926, 10.1073/pnas.12.3.207"
_BLOOD = "blood mixed with marrow: the least viscosity of bovine marrow, 0.04 Pa s, Bryant 1989"
_WIDE = "wider voids take next to none of the pressure; keeps the contrast to bone solvable"


@dataclass(frozen=True)
class TumourTissue:
    """Bone of a metastasis and the tumour tissue in its pores.

    An undisturbed tumour is some 1e9 times less permeable than bone (1e-17 m2, from the confined creep of La Barbera
    2025, 10.3390/jcm14092913): cement does not percolate through it. So the tissue is a viscous fluid in the pores of
    what bone is left, which cement pushes ahead, or an obstacle if it is not mobile (:class:`Obstacle`). Its viscosity
    is that of a soft paste such as minced muscle at the 1 to 10 1/s of injection, tens of Pa s: muscle homogenates
    flow with a yield value (Hamm 1975, 10.1111/j.1745-4603.1975.tb01126.x), and muscle paste is the tumour substitute
    of experiments (J Orthop Surg Res 10:20).

    Fluid seeps out of vessels through all of a tumour, but the tissue lets only that of its rim pass. Since the model
    knows one displaced phase, what comes out of vessels moves tissue, too; so the exchange is that of the rim, spread
    over the lesion, and the resting pressure stays far below the interstitial one wherever the pores drain well.

    Interstitial pressure, exchange with the vessels and calibre of the draining veins follow the growth class, in
    proportion to its points: the hypothesis of clinical authors that faster tumours have a richer blood supply and
    higher pressure. In tumour models the pressure was not related to the density of vessels (Lunt 2008). The rule is
    an assumption; each value can be given instead.

    Attributes:
        kind: whether the tumour dissolves or forms bone.
        growth: growth class of the primary tumour.
        density: bone mineral density in g/cm3.
        porosity: of what bone is left.
        permeability: in mm2.
        viscosity: of the tissue in the pores in MPa s.
        modulus_factor: factor on the modulus that the bone law gives at ``density``.
        interstitial_pressure: pressure in MPa at which the exchange with the vessels stands still.
        vascular_conductance: rate per volume and pressure difference at which vessels feed the lesion in 1/(s MPa).
        vein_calibre_factor: factor on the diameter of the veins that drain the body.
    """

    kind: Kind = "osteolytic"
    growth: Growth = "moderate"
    density: float = quantity(0.0, "g/cm3", "porosity law at the porosity; blastic: 440 HU times 0.8e-3", "M", 0.0, 1.5)
    porosity: float = quantity(0.95, "1", "few trabeculae left; blastic: porosity law at the density", "M", 0.05, 1.0)
    permeability: float = quantity(0.07, "mm2", "bone law at the lesion's porosity", "D", 1e-8, 1.0)
    viscosity: float = quantity(3e-5, "MPa s", "soft paste such as minced muscle, 30 Pa s", "M", 1e-8, 1e-2)
    modulus_factor: float = quantity(
        1.0, "1", "bone volume explains the stiffness: Nazarian 2008, Calcif Tissue Int 83:368", "M", 0.01, 10.0
    )
    interstitial_pressure: float = quantity(1e-3, "MPa", _PRESSURE, "M", 0.0, 0.02)
    vascular_conductance: float = quantity(0.025, "1/(s MPa)", _VESSELS, "D", 0.0, 1000.0)
    vein_calibre_factor: float = quantity(1.0, "1", _CALIBRE, "D", 0.1, 5.0)

    def __post_init__(self) -> None:
        """Check the kind, the growth class and the ranges of the values."""
        if self.kind not in _DISEASED_BONE:
            raise ValueError(f"TumourTissue.kind = {self.kind!r} is not one of {', '.join(_DISEASED_BONE)}")
        if self.growth not in GROWTH_POINTS:
            raise ValueError(f"TumourTissue.growth = {self.growth!r} is not one of {', '.join(GROWTH_POINTS)}")
        check_ranges(self)

    @property
    def baseline(self) -> TumourTissue:
        """The preset of this kind and growth, against which the manifest tells defaults from the user's own values."""
        return tumour_tissue(self.kind, self.growth)


_DISEASED_BONE: dict[Kind, dict[str, float]] = {
    "osteolytic": {},
    "osteoblastic": {"density": 0.35, "porosity": 0.65, "permeability": 1.4e-3},
}


def tumour_tissue(kind: Kind, growth: Growth = "moderate") -> TumourTissue:
    """The preset of a kind of lesion and a growth class.

    Pressure and vascular conductance are in proportion to the points of the class, the calibre of veins to the cube
    root of these, as vessels that carry more blood widen at equal shear (Murray's law).
    """
    vascularity = GROWTH_POINTS[growth] / GROWTH_POINTS["moderate"]
    moderate = TumourTissue()
    return TumourTissue(
        kind,
        growth,
        interstitial_pressure=vascularity * moderate.interstitial_pressure,
        vascular_conductance=vascularity * moderate.vascular_conductance,
        vein_calibre_factor=vascularity ** (1.0 / 3.0),
        **_DISEASED_BONE[kind],
    )


@dataclass(frozen=True)
class Obstacle:
    """Tissue that cement must go round: next to no permeability, but not zero, so that its pressure is defined."""

    permeability_factor: float = quantity(
        1e-6, "1", "cement does not enter within the time of an injection", "D", 0.0, 1.0
    )

    def __post_init__(self) -> None:
        """Check the range of the factor."""
        check_ranges(self)


@dataclass(frozen=True)
class Cleft:
    """The intravertebral cleft of a pseudarthrosis: a void between fragments, full of fluid."""

    porosity: float = quantity(1.0, "1", "void", "D", 0.5, 1.0)
    viscosity: float = quantity(4e-8, "MPa s", _BLOOD, "M", 2e-8, 1e-3)
    largest_permeability: float = quantity(1.0, "mm2", _WIDE, "D", 1e-3, 100.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def permeability(self, opening: float) -> float:
        """Permeability in mm2 of a gap of an ``opening`` in mm, h^2 / 12, up to the cap."""
        return min(opening**2 / 12.0, self.largest_permeability)


@dataclass(frozen=True)
class BalloonCavity:
    """What the balloon of a kyphoplasty leaves: a cavity, and around it the bone that it has pushed aside."""

    porosity: float = quantity(1.0, "1", "void", "D", 0.5, 1.0)
    viscosity: float = quantity(4e-8, "MPa s", _BLOOD, "M", 2e-8, 1e-3)
    largest_permeability: float = quantity(1.0, "mm2", _WIDE, "D", 1e-3, 100.0)
    shell_thickness: float = quantity(2.0, "mm", "rim of compacted bone seen around a cavity", "M", 0.0, 10.0)
    lowest_porosity: float = quantity(0.3, "1", "randomly packed fragments", "M", 0.01, 0.9)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def permeability(self, radius: float) -> float:
        """Permeability in mm2 of the cavity as a tube of its ``radius`` in mm, R^2 / 8, up to the cap."""
        return min(_tube_permeability(radius), self.largest_permeability)

    def compacted_porosity(self, porosity: ArrayLike, cavity_solid_volume: float, shell_volume: float) -> FloatArray:
        """Porosity of the shell once it has taken up the bone of the cavity, evenly by volume.

        Bone volume is conserved: each cell's porosity falls by cavity_solid_volume / shell_volume. Where that would
        undercut ``lowest_porosity`` or the porosity was below it, the porosity stays there, and the bone that does not
        fit is taken to be pushed further out.

        Args:
            porosity: (cells,) porosity of the shell before.
            cavity_solid_volume: bone in the cavity before, sum of (1 - porosity) over its volume, in mm3.
            shell_volume: of the shell in mm3.
        """
        before = np.asarray(porosity, dtype=float)
        return np.minimum(before, np.maximum(before - cavity_solid_volume / shell_volume, self.lowest_porosity))


@dataclass(frozen=True)
class DefectCavity:
    """What is left of the bone behind a hole in the wall: next to nothing, with marrow in it."""

    porosity: float = quantity(0.98, "1", "next to no bone is left", "D", 0.5, 1.0)

    def __post_init__(self) -> None:
        """Check the range of the porosity."""
        check_ranges(self)

    def permeability(self, diameter: float) -> float:
        """Permeability in mm2 of the cavity as a tube of its ``diameter`` in mm, R^2 / 8."""
        return _tube_permeability(0.5 * diameter)


def _tube_permeability(radius: float) -> float:
    return radius**2 / 8.0


def mixed_viscosity(shares: ArrayLike, viscosities: ArrayLike, marrow_viscosity: float) -> FloatArray:
    """Viscosity of marrow mixed with other fluids, log mu = sum of shares times log mu (Arrhenius 1887, tag M).

    Args:
        shares: (k, m) share of each fluid in the displaced phase of each cell; what is missing to one is marrow.
        viscosities: (k,) in MPa s.
        marrow_viscosity: in MPa s.

    Returns:
        (m,) viscosities in MPa s.
    """
    ratios = np.log(np.asarray(viscosities, dtype=float) / marrow_viscosity)
    return marrow_viscosity * np.exp(ratios @ np.asarray(shares, dtype=float))
