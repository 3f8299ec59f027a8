"""What the cells exchange with vessels: those of tumours, and the veins of the bone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.injection.flow_state import FlowState, PoreFluids
from fem.injection.veins import LinearVeins, VeinFlow
from fem.pressure.exchange import Exchange


@dataclass(frozen=True)
class Vessels:
    """The law of the vessels of this rank's cells.

    Attributes:
        tumours: between their vessels and cells, or None.
        veins: what enters the veins, or None.
    """

    tumours: Exchange | None
    veins: VeinFlow | None

    @property
    def at_rest(self) -> bool:
        """Whether no vessel drives a flow without any injection."""
        return self.tumours is None and (self.veins is None or self.veins.outside_pressure == 0.0)

    def present(self, cells: int) -> NDArray[np.bool_]:
        """(cells,) whether there are vessels in each local cell."""
        there = np.zeros(cells, dtype=bool) if self.tumours is None else self.tumours.conductance > 0.0
        return there if self.veins is None else there | self.veins.entries.drained

    def linearise(self, state: FlowState, fluids: PoreFluids) -> tuple[Exchange | None, LinearVeins | None]:
        """What cells exchange with all vessels, about the last solve, and the law of the veins."""
        tumours = None
        if self.tumours is not None:
            open_share = np.where(state.sealed, 0.0, np.clip(1.0 - fluids.saturation, 0.0, 1.0))
            tumours = replace(self.tumours, conductance=self.tumours.conductance * open_share)
        if self.veins is None or state.veins is None or fluids.vein_age is None:
            return tumours, None
        veins = self.veins.linearise(
            state.veins,
            fluids.saturation,
            state.cement_viscosity,
            state.displaced_viscosity,
            state.sealed,
            fluids.vein_age,
        )
        return (veins.exchange if tumours is None else veins.exchange.beside(tumours)), veins
