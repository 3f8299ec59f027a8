"""What cement displaces: marrow, the fluids that fill lesions and cavities, and the exchange with tumour vessels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DisplacedFluids:
    """The displaced phase: marrow, and fluids that fill the pores of some cells when the injection starts.

    Attributes:
        marrow_viscosity: MPa s.
        names: of the k fluids besides marrow.
        viscosities: (k,) MPa s.
        shares: (k, m) share of each fluid in the displaced phase of each cell at the start, in the order of the mesh;
            what is missing to one is marrow.
    """

    marrow_viscosity: float
    names: tuple[str, ...] = ()
    viscosities: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    shares: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    def local_shares(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k, local cells) shares in the given cells of the mesh."""
        return np.ascontiguousarray(self.shares[:, cells]) if self.names else np.empty((0, len(cells)))


@dataclass(frozen=True)
class VascularExchange:
    """Fluid that the vessels of a tumour give off or take up, in proportion to the pressure difference.

    The rate into a cell is conductance (p_vessel - p) times the share of the displaced phase: vessels whose pores are
    full of cement are cut off (Baxter and Jain 1989, 10.1016/0026-2862(89)90074-5).

    Attributes:
        conductance: (m,) in mm3/(s MPa), zero outside of tumours.
        pressure: (m,) at which the exchange stands still, in MPa above the resting intraosseous pressure.
    """

    conductance: NDArray[np.float64]
    pressure: NDArray[np.float64]
