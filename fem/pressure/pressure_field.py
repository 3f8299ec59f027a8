"""A solution of the pressure problem as a value, from which a later solve can start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.partition import Partition


@dataclass(frozen=True)
class PressureField:
    """This rank's part of a solution, ghosts included.

    Attributes:
        relative_pressure: (local facets,) pressure in MPa above ``reference``, as the solver holds it: where fluid
            moves easily, differences of the pressure itself would be lost in its last digits.
        reference: MPa.
        flux: (local cells, 4) volume rate in mm3/s out of each cell through its facets.
        wall_flux: (b,) volume rate in mm3/s out through each boundary facet.
        exchange_rate: (local cells,) volume rate in mm3/s that each cell takes from vessels.
        source: (local cells,) volume rate in mm3/s into each cell from needles.
        mobility: (local cells,) total mobility in 1/(MPa s).
        divergence_defect: largest |sum of the facet fluxes - source| of a cell in mm3/s, on all ranks.
    """

    relative_pressure: NDArray[np.float64]
    reference: float
    flux: NDArray[np.float64]
    wall_flux: NDArray[np.float64]
    exchange_rate: NDArray[np.float64]
    source: NDArray[np.float64]
    mobility: NDArray[np.float64]
    divergence_defect: float

    @classmethod
    def still(cls, partition: Partition) -> PressureField:
        """No pressure and no flow."""
        facets, cells = partition.facet_map.size_local + partition.facet_map.num_ghosts, len(partition.cell_facets)
        nothing = np.zeros(cells)
        return cls(
            relative_pressure=np.zeros(facets),
            reference=0.0,
            flux=np.zeros((cells, 4)),
            wall_flux=np.zeros(len(partition.boundary.facets)),
            exchange_rate=nothing,
            source=nothing,
            mobility=np.ones(cells),
            divergence_defect=0.0,
        )

    @property
    def facet_pressure(self) -> NDArray[np.float64]:
        """(local facets,) pressure in MPa."""
        return self.relative_pressure + self.reference
