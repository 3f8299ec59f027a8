"""Elastic constants of every cell: transversely isotropic about the superior-inferior axis, or isotropic.

With the axis along +z the compliance in (xx, yy, zz, yz, xz, xy) is

    | 1/Et     -nt/Et   -na/Ea                            |
    | -nt/Et   1/Et     -na/Ea                            |
    | -na/Ea   -na/Ea   1/Ea                              |
    |                             1/Ga                    |
    |                                    1/Ga             |
    |                                       2 (1 + nt)/Et |

with the axial modulus Ea, the transverse modulus Et, the axial and transverse Poisson's ratios na and nt, and the axial
shear modulus Ga (Lekhnitskii 1963, Theory of elasticity of an anisotropic elastic body; tag M). Its inverse is

    C12 = Et (nt + na^2 Et/Ea) / ((1 + nt) D),  C13 = na Et / D,  C33 = Ea (1 - nt) / D,  C44 = Ga,
    C66 = Et / (2 (1 + nt)),  C11 = C12 + 2 C66,  with D = 1 - nt - 2 na^2 Et/Ea.

The energy is positive for every strain where Ea, Et, Ga and D are positive and -1 < nt < 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

CONSTANTS = ("C12", "C13", "C33", "C44", "C66")
"""The stiffnesses that :attr:`ElasticMaterial.constants` holds, in this order."""


@dataclass(frozen=True, eq=False)
class ElasticMaterial:
    """Elastic constants in the order of the whole mesh and the same on every rank; the axis is +z.

    There is one set of them for every cell, (cells,), or for each of its integration points, (cells, 4) in the order
    of :func:`fem.mechanics.integration.integration_points`. All five may be given as numbers or arrays; they are kept
    as arrays of their common shape.

    Attributes:
        axial_modulus: Young's modulus along z in MPa.
        transverse_modulus: Young's modulus across z in MPa.
        axial_poisson_ratio: strain across z over strain along z, loaded along z.
        transverse_poisson_ratio: strain across the load over strain along it, both across z.
        axial_shear_modulus: shear modulus in the planes that hold z, in MPa.
    """

    axial_modulus: FloatArray
    transverse_modulus: FloatArray
    axial_poisson_ratio: FloatArray
    transverse_poisson_ratio: FloatArray
    axial_shear_modulus: FloatArray

    def __post_init__(self) -> None:
        """Bring the constants to one shape and refuse those that would yield energy under some strain.

        Raises:
            ValueError: the shapes differ, or the tensor of a cell is not positive definite.
        """
        names = [item.name for item in fields(self)]
        arrays = np.broadcast_arrays(*(np.asarray(getattr(self, name), dtype=float) for name in names))
        for name, array in zip(names, arrays, strict=True):
            object.__setattr__(self, name, array)
        for name in ("axial_modulus", "transverse_modulus", "axial_shear_modulus"):
            self._require(getattr(self, name) > 0.0, f"{name} must be positive")
        self._require(np.abs(self.transverse_poisson_ratio) < 1.0, "transverse_poisson_ratio must lie between -1 and 1")
        self._require(
            self._definiteness > 0.0,
            "1 - transverse_poisson_ratio - 2 axial_poisson_ratio^2 transverse_modulus / axial_modulus must be "
            "positive (below 0.5 for one Poisson's ratio and one modulus)",
        )

    @classmethod
    def isotropic(cls, modulus: ArrayLike, poisson_ratio: ArrayLike) -> Self:
        """Isotropic cells.

        Args:
            modulus: (cells,) or (cells, 4) Young's modulus in MPa.
            poisson_ratio: of the same shape, or one for all cells.

        Raises:
            ValueError: a modulus is not positive, or a Poisson's ratio is not above -1 and below 0.5.
        """
        modulus = np.asarray(modulus, dtype=float)
        ratio = np.asarray(poisson_ratio, dtype=float)
        # Above -1 the shear modulus has the sign of Young's modulus; where it is not, the checks refuse it.
        with np.errstate(divide="ignore", invalid="ignore"):
            shear = modulus / (2.0 * (1.0 + ratio))
        return cls(modulus, modulus, ratio, ratio, shear)

    @classmethod
    def transversely_isotropic(
        cls, axial_modulus: ArrayLike, transverse_modulus: ArrayLike, poisson_ratio: ArrayLike
    ) -> Self:
        """Cells of two moduli and one Poisson's ratio.

        It is that of both directions where the axis is the stiffer one. Where it is the softer one, as across a layered
        wall, the axial ratio falls with the square root of axial over transverse modulus, so that the tensor stays as
        definite as an isotropic one (tag D).

        The shear modulus follows from Saint-Venant's rule 1/Ga = 1/Et + (1 + 2 na)/Ea (Lekhnitskii 1963; tag M), which
        is exact for isotropic cells.

        Args:
            axial_modulus: (cells,) or (cells, 4) Young's modulus along z in MPa.
            transverse_modulus: of the same shape, Young's modulus across z in MPa.
            poisson_ratio: of the same shape, or one for all cells.

        Raises:
            ValueError: a modulus is not positive, or the tensor of a cell is not positive definite.
        """
        axial, transverse = np.asarray(axial_modulus, dtype=float), np.asarray(transverse_modulus, dtype=float)
        ratio = np.asarray(poisson_ratio, dtype=float)
        # Constants that make the denominator vanish are impossible, and the checks refuse them.
        with np.errstate(divide="ignore", invalid="ignore"):
            along = ratio * np.sqrt(np.minimum(axial / transverse, 1.0))
            shear = axial * transverse / (axial + transverse * (1.0 + 2.0 * along))
        return cls(axial, transverse, along, ratio, shear)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.axial_modulus)

    @property
    def mean_axial_modulus(self) -> FloatArray:
        """(cells,) mean of the axial modulus over each cell in MPa."""
        return self.axial_modulus if self.axial_modulus.ndim < 2 else self.axial_modulus.mean(axis=1)

    @property
    def constants(self) -> FloatArray:
        """(cells, 5) or (cells, 4, 5) stiffnesses in MPa in the order of ``CONSTANTS``; C11 = C12 + 2 C66."""
        ratio = self.transverse_modulus / self.axial_modulus
        axial, transverse, definiteness = self.axial_poisson_ratio, self.transverse_poisson_ratio, self._definiteness
        c12 = self.transverse_modulus * (transverse + axial**2 * ratio) / ((1.0 + transverse) * definiteness)
        c13 = axial * self.transverse_modulus / definiteness
        c33 = self.axial_modulus * (1.0 - transverse) / definiteness
        c66 = self.transverse_modulus / (2.0 * (1.0 + transverse))
        return np.stack([c12, c13, c33, self.axial_shear_modulus, c66], axis=-1)

    @property
    def _definiteness(self) -> FloatArray:
        """D of the module's text: what is left of 1 when the directions couple."""
        ratio = self.transverse_modulus / self.axial_modulus
        return 1.0 - self.transverse_poisson_ratio - 2.0 * self.axial_poisson_ratio**2 * ratio

    def _require(self, holds: NDArray[np.bool_], rule: str) -> None:
        wrong = int(np.size(holds) - np.count_nonzero(holds))
        if wrong:
            raise ValueError(f"{wrong} of {np.size(holds)} sets of elastic constants are impossible: {rule}")
