"""The porous medium that cement flows through, as plain arrays per cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PorousMedium:
    """Porosity and permeability of every cell, in the order of the mesh.

    Attributes:
        porosity: (m,) in (0, 1].
        permeability: (m, 3, 3) symmetric positive tensors in mm2.
    """

    porosity: NDArray[np.float64]
    permeability: NDArray[np.float64]

    @classmethod
    def transversely_isotropic(
        cls, porosity: NDArray[np.float64], axial: NDArray[np.float64], transverse: NDArray[np.float64]
    ) -> PorousMedium:
        """A medium with its own permeability along z and another across it, both (m,) in mm2."""
        tensors = np.zeros((len(porosity), 3, 3))
        tensors[:, 0, 0] = tensors[:, 1, 1] = transverse
        tensors[:, 2, 2] = axial
        return cls(porosity, tensors)

    @property
    def mean_permeability(self) -> NDArray[np.float64]:
        """(m,) geometric mean of the principal permeabilities in mm2."""
        return np.cbrt(np.linalg.det(self.permeability))

    @property
    def pore_radius(self) -> NDArray[np.float64]:
        """(m,) radius in mm of the bundle of tubes that conducts as the medium does, sqrt(8 k / phi).

        The tubes of :func:`materials.cement.pore_shear_rate`; 0.4 mm at k = 0.02 mm2 and phi = 0.9.
        """
        return np.sqrt(8.0 * self.mean_permeability / self.porosity)
