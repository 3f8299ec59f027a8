"""Bone filled with cement: laws for its Young's modulus between that of the bone and that of the cement.

A law acts on one modulus at a time. Where the bone is stiffer along the superior-inferior axis than across it, the law
takes either modulus in the same way, so that a cell becomes isotropic in proportion to its saturation and is isotropic
when it is full, unless the bone alone is stiffer than the filled bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from materials.provenance import check_ranges, quantity

_ISO_5833 = "PMMA by ISO 5833, 1937 +- 478 MPa, PMC3698342"
_KINZL = "Kinzl 2012, J Biomech 45:1478 and 45:2732"


class CompositeLaw(Protocol):
    """Modulus of bone and cement saturation -> modulus of both together."""

    @property
    def cement_modulus(self) -> float:
        """Young's modulus in MPa of the cement in bulk."""
        ...

    @property
    def filled_modulus(self) -> float:
        """Young's modulus in MPa of bone whose pores are full of cement, unless the bone alone is stiffer."""
        ...

    def modulus(self, bone_modulus: ArrayLike, saturation: ArrayLike) -> NDArray[np.float64]:
        """Young's modulus of each cell in MPa.

        Args:
            bone_modulus: (cells,) modulus of the bone alone in MPa.
            saturation: (cells,) cement saturation.
        """
        ...


@dataclass(frozen=True)
class CementBoneComposite:
    """E = E_bone^(1 - S) max(E_filled, E_bone)^S, with E_filled = E_cement contact shrinkage (1 - p)^2.

    In filled human vertebral bone the modulus is set by the cement, its porosity p, incomplete contact (-20 %) and
    shrinkage (-24 %); the bone volume fraction has no effect (Kinzl 2012). So at S = 1 the modulus does not depend on
    the bone, save where the bone alone is stiffer: cement never softens it. The square of the solid share is the usual
    law of porous solids (tag M). Valid for 0 <= S <= 1.
    """

    cement_modulus: float = quantity(1937.0, "MPa", _ISO_5833, "S", 100.0, 10000.0)
    contact: float = quantity(0.80, "1", _KINZL, "S", 0.1, 1.0)
    shrinkage: float = quantity(0.76, "1", _KINZL, "S", 0.1, 1.0)
    cement_porosity: float = quantity(0.0, "1", "bulk cement as tested by ISO 5833", "M", 0.0, 0.6)

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        check_ranges(self)

    @property
    def filled_modulus(self) -> float:
        """Young's modulus in MPa of bone whose pores are full of cement, unless the bone alone is stiffer."""
        return self.cement_modulus * self.contact * self.shrinkage * (1.0 - self.cement_porosity) ** 2

    def modulus(self, bone_modulus: ArrayLike, saturation: ArrayLike) -> NDArray[np.float64]:
        """Young's modulus of each cell in MPa; the arguments are those of :meth:`CompositeLaw.modulus`."""
        return _between(bone_modulus, self.filled_modulus, saturation)


@dataclass(frozen=True)
class BulkCement:
    """E = E_bone^(1 - S) max(E_cement, E_bone)^S: filled bone as stiff as bulk cement, the naive law to compare with.

    Against tests of augmented cadaver vertebrae, models with the properties of bulk cement erred by 65 % in stiffness
    (RMS; 2008, 10.1243/09544119JEIM285), which is why it is not the default.
    """

    cement_modulus: float = quantity(1937.0, "MPa", _ISO_5833, "S", 100.0, 10000.0)

    def __post_init__(self) -> None:
        """Check the range of the modulus."""
        check_ranges(self)

    @property
    def filled_modulus(self) -> float:
        """Young's modulus in MPa of bone whose pores are full of cement, unless the bone alone is stiffer."""
        return self.cement_modulus

    def modulus(self, bone_modulus: ArrayLike, saturation: ArrayLike) -> NDArray[np.float64]:
        """Young's modulus of each cell in MPa; the arguments are those of :meth:`CompositeLaw.modulus`."""
        return _between(bone_modulus, self.filled_modulus, saturation)


COMPOSITES: dict[str, type[CompositeLaw]] = {"kinzl": CementBoneComposite, "bulk": BulkCement}
"""The laws by the names that case files use."""


def _between(bone_modulus: ArrayLike, filled_modulus: float, saturation: ArrayLike) -> NDArray[np.float64]:
    """From the bone's modulus at saturation 0 to the filled one at 1, never below the bone's.

    A cell that is part full is a mixture of filled and of empty bone, mostly cut by the front. Its modulus lies between
    the harmonic mean (one behind the other along the load) and the arithmetic one (side by side), as the geometric mean
    does (Lichtenecker 1926; tag M for the mean, D for its use).
    """
    bone = np.asarray(bone_modulus, dtype=float)
    return bone * (np.maximum(filled_modulus, bone) / bone) ** np.asarray(saturation, dtype=float)
