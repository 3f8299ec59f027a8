"""Bone filled with cement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

_KINZL = "Kinzl 2012, J Biomech 45:1478 and 45:2732"


@dataclass(frozen=True)
class CementBoneComposite:
    """E = E_bone + S max(E_filled - E_bone, 0), with E_filled = E_cement contact shrinkage (1 - p)^2.

    In filled human vertebral bone the modulus is set by the cement, its porosity p, incomplete contact (-20 %) and
    shrinkage (-24 %); the bone volume fraction has no effect (Kinzl 2012). So at S = 1 the modulus does not depend on
    the bone, save where the bone alone is stiffer: cement never softens it. The square of the solid share is the usual
    law of porous solids (tag M). Valid for 0 <= S <= 1.
    """

    cement_modulus: float = quantity(
        1937.0, "MPa", "PMMA by ISO 5833, 1937 +- 478 MPa, PMC3698342", "M", 100.0, 10000.0
    )
    contact: float = quantity(0.80, "1", _KINZL, "M", 0.1, 1.0)
    shrinkage: float = quantity(0.76, "1", _KINZL, "M", 0.1, 1.0)
    cement_porosity: float = quantity(0.0, "1", "bulk cement as tested by ISO 5833", "M", 0.0, 0.6)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def filled_modulus(self) -> float:
        """Young's modulus in MPa of bone whose pores are full of cement."""
        return self.cement_modulus * self.contact * self.shrinkage * (1.0 - self.cement_porosity) ** 2

    def modulus(self, bone_modulus: ArrayLike, saturation: ArrayLike) -> NDArray[np.float64]:
        """Young's modulus of each cell in MPa.

        Args:
            bone_modulus: (cells,) modulus of the bone alone in MPa.
            saturation: (cells,) cement saturation.
        """
        bone = np.asarray(bone_modulus, dtype=float)
        return bone + np.asarray(saturation, dtype=float) * np.maximum(self.filled_modulus - bone, 0.0)
