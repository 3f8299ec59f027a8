"""What the flow knows at one time of an injection, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.injection.needle_tips import TipSurroundings
from fem.injection.vein_state import VeinState
from fem.injection.veins import LinearVeins
from fem.injection.wall_flow import WallState
from fem.pressure.pressure_field import PressureField


@dataclass(frozen=True)
class PoreFluids:
    """What fills the pores of this rank's cells, ghosts included.

    Attributes:
        saturation: (local cells,) of cement.
        age: (local cells,) age of the cement in s on its own clock.
        displaced_shares: (k, local cells) share of each fluid besides marrow in the displaced phase.
        conduit_age: (boundary facets,) age of the cement in the conduits behind them in s.
        vein_age: (pieces,) age of the cement in the veins in s; None without veins.
    """

    saturation: NDArray[np.float64]
    age: NDArray[np.float64]
    displaced_shares: NDArray[np.float64]
    conduit_age: NDArray[np.float64]
    vein_age: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class FlowState:
    """The flow at one time, on this rank: what transport moves along, and what the next solve starts from.

    Attributes:
        pressure: pressures and fluxes of the last solve.
        walls: what passes the walls.
        veins: what is in the veins; None without any.
        around: what stands around the needles' source cells.
        rates: (places,) in mm3/s.
        source_pressure: (places,) mean pressure around the source cells in MPa.
        speed: (local cells,) Darcy speed in mm/s, ghosts included.
        cement_viscosity: (local cells,) in MPa s.
        displaced_viscosity: (local cells,) in MPa s.
        sealed: (local cells,) whether vessels take up nothing because the cell would overfill.
        picard_iterations: pressure solves that the last fixed point took.
        solver_iterations: conjugate-gradient iterations since they were set to zero.
    """

    pressure: PressureField
    walls: WallState
    veins: VeinState | None
    around: TipSurroundings
    rates: NDArray[np.float64]
    source_pressure: NDArray[np.float64]
    speed: NDArray[np.float64]
    cement_viscosity: NDArray[np.float64]
    displaced_viscosity: NDArray[np.float64]
    sealed: NDArray[np.bool_]
    picard_iterations: int = 0
    solver_iterations: int = 0

    @property
    def viscosity_ratio(self) -> NDArray[np.float64]:
        """(local cells,) viscosity of cement over that of the displaced phase."""
        return self.cement_viscosity / self.displaced_viscosity


@dataclass(frozen=True)
class LinearFlow:
    """What the assembled pressure takes to be linear.

    Attributes:
        walls: active set and law of the walls.
        veins: law of the veins; None without any.
        driven: whether fluid flows without any injection, on any rank.
    """

    walls: WallState
    veins: LinearVeins | None
    driven: bool
