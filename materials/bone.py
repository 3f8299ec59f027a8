"""Cancellous bone: from CT numbers to density, porosity, permeability and Young's modulus.

Every law takes and returns arrays of any shape. Densities (BMD, calcium hydroxyapatite equivalent) are in g/cm3,
permeabilities in mm2 (1 m2 = 1e6 mm2) and moduli in MPa.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from materials.heterogeneity import TrabecularHeterogeneity
from materials.modulus import BoneModulus
from materials.provenance import check_ranges, quantity

FloatArray = NDArray[np.float64]

_BAROUD = "Baroud 2004, J Biomech 37:189"


class CalibrationLaw(Protocol):
    """Value of the CT -> bone mineral density."""

    def image_value(self, density: float) -> float:
        """Value of the CT of a BMD in g/cm3."""
        ...

    def density(self, values: FloatArray) -> FloatArray:
        """BMD in g/cm3 of values of the CT."""
        ...


class PorosityLaw(Protocol):
    """Bone mineral density -> porosity, between two bounds."""

    @property
    def low(self) -> float:
        """Smallest porosity that the law returns."""
        ...

    @property
    def high(self) -> float:
        """Largest porosity that the law returns."""
        ...

    @property
    def without_bone(self) -> float:
        """BMD in g/cm3 of what holds no bone at all."""
        ...

    def porosity(self, density: FloatArray) -> FloatArray:
        """Porosity (1) at a BMD in g/cm3."""
        ...


class PermeabilityLaw(Protocol):
    """Porosity -> transversely isotropic permeability, up to a cap."""

    @property
    def largest(self) -> float:
        """Largest axial permeability in mm2 that the law returns."""
        ...

    def axial(self, porosity: FloatArray) -> FloatArray:
        """Superior-inferior permeability in mm2."""
        ...

    def transverse(self, porosity: FloatArray) -> FloatArray:
        """Permeability in the transverse plane in mm2."""
        ...


@dataclass(frozen=True)
class LinearCalibration:
    """BMD = slope * HU + intercept.

    Valid for one scanner and tube voltage; the default is a rule of thumb for 120 kVp, good to about 25 %, to be
    replaced by a phantom or phantomless calibration.
    """

    slope: float = quantity(0.8e-3, "g/cm3/HU", "rule of thumb at 120 kVp, +-25 %", "M", 0.3e-3, 2.0e-3)
    intercept: float = quantity(0.0, "g/cm3", "rule of thumb at 120 kVp", "M", -0.2, 0.2)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def density(self, values: FloatArray) -> FloatArray:
        """BMD in g/cm3 of CT numbers in HU; negative where the marrow is fatty."""
        return self.slope * np.asarray(values, dtype=float) + self.intercept

    def image_value(self, density: float) -> float:
        """CT number in HU of a BMD in g/cm3."""
        return (density - self.intercept) / self.slope


@dataclass(frozen=True)
class CalibratedImage:
    """The values of the CT are BMD in mg/cm3 already."""

    def density(self, values: FloatArray) -> FloatArray:
        """BMD in g/cm3 of densities in mg/cm3."""
        return 1e-3 * np.asarray(values, dtype=float)

    def image_value(self, density: float) -> float:
        """Density in mg/cm3 of a BMD in g/cm3."""
        return 1e3 * density


CALIBRATIONS: dict[str, type[LinearCalibration] | type[CalibratedImage]] = {
    "hu": LinearCalibration,
    "mg/cm3": CalibratedImage,
}
"""What the values of the CT count -> its calibration."""


@dataclass(frozen=True)
class LinearPorosity:
    """phi = 1 - (BMD + marrow_deficit) / (solid_density + marrow_deficit), clamped to [low, high].

    A voxel of bone and marrow by volume has BMD = (1 - phi) solid_density - phi marrow_deficit. Fatty marrow is less
    dense to X-rays than the water that the BMD scale counts as zero, so BMD underestimates bone. Without the deficit
    the trabecular median of an osteoporotic body, 53 HU, would mean a bone volume fraction of 0.04, below the
    0.057-0.138 measured in human vertebrae (Kinzl 2012, J Biomech 45:1478); with it, 0.085. Valid for the fatty marrow
    of elderly patients.
    """

    solid_density: float = quantity(1.1, "g/cm3", "BV/TV = BMD / (1.0 to 1.2 g/cm3)", "M", 0.9, 1.3)
    marrow_deficit: float = quantity(
        0.056, "g/cm3", "marrow of -70 HU (3/4 fat of -100 HU, 1/4 of 20 HU) times 0.8e-3 g/cm3/HU", "D", 0.0, 0.1
    )
    low: float = quantity(0.60, "1", "range of the permeability law", "M", 0.0, 1.0)
    high: float = quantity(0.98, "1", "range of the permeability law", "M", 0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values and the order of the bounds."""
        check_ranges(self)
        if not self.low < self.high:
            raise ValueError(f"LinearPorosity.low = {self.low} 1 is not below LinearPorosity.high = {self.high} 1")

    @property
    def without_bone(self) -> float:
        """BMD in g/cm3 of marrow alone."""
        return -self.marrow_deficit

    def porosity(self, density: FloatArray) -> FloatArray:
        """Porosity (1) at a BMD in g/cm3."""
        solid_above_marrow = self.solid_density + self.marrow_deficit
        return np.clip(1.0 - (density + self.marrow_deficit) / solid_above_marrow, self.low, self.high)


def martin_specific_surface(porosity: FloatArray) -> FloatArray:
    """Specific surface of bone in 1/mm at a porosity.

    S = 32.3 phi - 93.9 phi^2 + 134 phi^3 - 101 phi^4 + 28.8 phi^5 (Martin 1984, tag M), for 0 <= phi <= 1.
    """
    p = np.asarray(porosity, dtype=float)
    return p * (32.3 + p * (-93.9 + p * (134.0 + p * (-101.0 + p * 28.8))))


@dataclass(frozen=True)
class KozenyCarmanMartin:
    """k = multiplier * min(factor * phi^3 / (5 S(phi)^2), cap) along the superior-inferior axis.

    S is Martin's specific surface; the transverse permeability is ``transverse_factor`` times the axial one. The
    factor and the cap put the law between Nauman 1999 (10.1114/1.195, at most 2.0e-8 m2) and Baroud 2004 (4.45e-8 m2
    axial, 3.44e-8 m2 transverse): 1e-8 m2 at phi = 0.85, 2e-8 at 0.90, 7e-8 at 0.95. Valid for 0.5 <= phi <= 0.98; the
    uncertainty is a factor of ten, which ``multiplier`` carries, outside the cap.
    """

    factor: float = quantity(0.3, "1", "between Nauman 1999, 10.1114/1.195, and Baroud 2004", "D", 0.01, 10.0)
    cap: float = quantity(
        0.1, "mm2", "1e-7 m2, three standard deviations above the mean of Baroud 2004", "D", 1e-6, 10.0
    )
    transverse_factor: float = quantity(0.78, "1", _BAROUD, "S", 0.02, 1.0)
    multiplier: float = quantity(1.0, "1", "scatter between Nauman 1999 and Baroud 2004", "D", 0.1, 10.0)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def largest(self) -> float:
        """Largest axial permeability in mm2 that the law returns."""
        return self.multiplier * self.cap

    def axial(self, porosity: FloatArray) -> FloatArray:
        """Superior-inferior permeability in mm2."""
        kozeny_carman = porosity**3 / (5.0 * martin_specific_surface(porosity) ** 2)
        return self.multiplier * np.minimum(self.factor * kozeny_carman, self.cap)

    def transverse(self, porosity: FloatArray) -> FloatArray:
        """Permeability in the transverse plane in mm2."""
        return self.transverse_factor * self.axial(porosity)


@dataclass(frozen=True)
class BlurredShell:
    """How deep below the surface CT shows the shell instead of the bone that is there."""

    voxels: float = quantity(
        2.0, "1", "50 HU in the demo, with voxels of 1.5 mm, from 3 mm on; 300 HU at the wall", "D", 0.0, 4.0
    )
    least: float = quantity(
        3.0, "mm", "50 HU in the demo from 3 mm on, also where its image is resampled to finer voxels", "D", 0.0, 6.0
    )

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def reach(self, spacing: FloatArray) -> FloatArray:
        """(3,) depth in mm of the mantle along the axes of a grid with voxels of (3,) mm; ``voxels`` = 0: no mantle."""
        if self.voxels == 0.0:
            return np.zeros(3)
        return np.maximum(self.voxels * np.asarray(spacing, dtype=float), self.least)


@dataclass(frozen=True)
class BoneField:
    """Bone of each cell.

    Attributes:
        bmd: (cells,) volume-weighted mean density in g/cm3, as the CT shows it.
        porosity: (cells,) porosity.
        permeability_axial: (cells,) superior-inferior permeability in mm2.
        permeability_transverse: (cells,) permeability in the transverse plane in mm2.
        modulus: (cells, points) Young's modulus along the superior-inferior axis in MPa at the points of each cell.
        transverse_modulus: (cells, points) the same across that axis.
        poisson_ratio: one for all cells.
        bound_shares: share of the cells at each bound of the laws: ``porosity_low``, ``porosity_high``,
            ``permeability_cap`` and ``modulus_low``.
    """

    bmd: FloatArray
    porosity: FloatArray
    permeability_axial: FloatArray
    permeability_transverse: FloatArray
    modulus: FloatArray
    transverse_modulus: FloatArray
    poisson_ratio: float
    bound_shares: dict[str, float]


@dataclass(frozen=True)
class BoneModel:
    """The laws that turn the CT numbers inside a cell into the bone of that cell."""

    calibration: CalibrationLaw = field(default_factory=LinearCalibration)
    porosity: PorosityLaw = field(default_factory=LinearPorosity)
    permeability: PermeabilityLaw = field(default_factory=KozenyCarmanMartin)
    modulus: BoneModulus = field(default_factory=BoneModulus)
    blurred_shell: BlurredShell = field(default_factory=BlurredShell)
    heterogeneity: TrabecularHeterogeneity = field(default_factory=TrabecularHeterogeneity)
    material_length: float = quantity(
        1.5, "mm", "as wide as a cube of 5 mm, from where bone is a continuum (Harrigan 1988)", "D", 0.0, 5.0
    )
    poisson_ratio: float = quantity(0.3, "1", "customary for cancellous bone", "M", 0.0, 0.49)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    def evaluate(
        self,
        hounsfield: FloatArray,
        weights: csr_array,
        solid: FloatArray,
        volumes: FloatArray | None = None,
        interior: FloatArray | None = None,
        centroids: FloatArray | None = None,
    ) -> BoneField:
        """Evaluate the laws for every cell.

        Porosity and permeability follow from the mean density of the bone inside the cell, the permeability also from
        the place of its centroid. The modulus is that of the density at points of the cell, so that it varies inside
        it, and is the same in both directions.

        Args:
            hounsfield: (voxels,) CT numbers in HU.
            weights: (cells, voxels) sparse matrix: share of each voxel in the volume of each cell, rows sum to 1.
            solid: (cells, points) CT numbers of the bone that bears at points of each cell, in HU.
            volumes: (cells,) volumes that weight the shares at the bounds; equal ones by default.
            interior: (voxels,) CT numbers of the bone that fluids flow through, in HU; ``hounsfield`` by default.
            centroids: (cells, 3) places in mm at which the heterogeneity is taken; none by default.

        Returns:
            The bone of each cell.
        """
        voxel_density = self.calibration.density(np.asarray(hounsfield, dtype=float).ravel())
        pores = voxel_density if interior is None else self.calibration.density(np.asarray(interior).ravel())
        porosity = self.porosity.porosity(weights @ pores)
        axial = self.permeability.axial(porosity)
        factor = 1.0 if centroids is None else self.heterogeneity.factor(centroids)
        modulus = self.modulus.modulus(self.calibration.density(np.asarray(solid, dtype=float)))
        tolerance = 1e-9
        shares = {
            "porosity_low": porosity <= self.porosity.low * (1.0 + tolerance),
            "porosity_high": porosity >= self.porosity.high * (1.0 - tolerance),
            "permeability_cap": axial >= self.permeability.largest * (1.0 - tolerance),
            "modulus_low": (modulus <= self.modulus.lowest * (1.0 + tolerance)).mean(axis=1),
        }
        return BoneField(
            bmd=weights @ voxel_density,
            porosity=porosity,
            permeability_axial=factor * axial,
            permeability_transverse=factor * self.permeability.transverse(porosity),
            modulus=modulus,
            transverse_modulus=modulus,
            poisson_ratio=self.poisson_ratio,
            bound_shares={
                name: float(np.average(at_bound.astype(float), weights=volumes)) for name, at_bound in shares.items()
            },
        )
