"""How the two phases share the pores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class RelativePermeability(Protocol):
    """Share of the permeability that each phase has, at a cement saturation S in [0, 1]."""

    def cement(self, saturation: ArrayLike) -> FloatArray:
        """Relative permeability of cement; zero at S = 0, one at S = 1."""
        ...

    def marrow(self, saturation: ArrayLike) -> FloatArray:
        """Relative permeability of marrow; one at S = 0, zero at S = 1."""
        ...


@dataclass(frozen=True)
class LinearRelativePermeability:
    """k_rc = S and k_rm = 1 - S: phases that move side by side in large pores without capillarity (tag M)."""

    def cement(self, saturation: ArrayLike) -> FloatArray:
        """Relative permeability of cement, S."""
        return np.array(saturation, dtype=float)

    def marrow(self, saturation: ArrayLike) -> FloatArray:
        """Relative permeability of marrow, 1 - S."""
        return 1.0 - np.asarray(saturation, dtype=float)
