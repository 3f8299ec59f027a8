"""The fixed point of pressure, viscosities, walls and rates at one time of an injection, by Picard iteration.

The mobility of a cell is S / mu_c + (1 - S) / mu_d. The viscosity of cement follows from the speed that the pressure
drives it with, the state of a wall from the pressure behind it, and the rate of a needle at its pressure limit from
all of them: a Picard iteration, each with one pressure solve at the viscosities and wall states of the solve before,
goes on until the viscosities change by less than :data:`VISCOSITY_TOLERANCE` and the walls keep their state. A step
begins with the speeds of the one before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.needle_tips import NeedleTips, PressureResponse
from fem.injection.wall_flow import OVERFILL_TOLERANCE, WallFlow
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.darcy import RELATIVE_TOLERANCE, DarcyPressure
from materials.cement import Rheology, pore_shear_rate
from materials.tissue import mixed_viscosity

logger = logging.getLogger(__name__)

VISCOSITY_TOLERANCE = 0.2
"""Root mean square, over the cement, of the relative change of its viscosity by the last solve. It changes at the
front, where cement has just come in, and the next step sees it there: with this, one solve is enough for most steps,
and the tip pressure of the demo differs by 0.02 % from that with 0.001."""

CONDUIT_TOLERANCE = 0.02
"""Relative change by the last solve of the viscosity in conduits, times their share of the planned rate."""

WALL_TOLERANCE = 1e-6
"""Rate that walls in the wrong state may miss in the last round, over the planned rate."""

PICARD_LIMIT = 100
"""Picard iterations after which the fixed point is given up."""

_RESPONSE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class PoreFluids:
    """What fills the pores of this rank's cells, ghosts included.

    Attributes:
        saturation: (local cells,) of cement.
        age: (local cells,) age of the cement in s on its own clock.
        fluids: (k, local cells) share of each fluid besides marrow in the displaced phase.
    """

    saturation: NDArray[np.float64]
    age: NDArray[np.float64]
    fluids: NDArray[np.float64]


class CoupledFlow:
    """The flow in one body.

    Attributes:
        pressure: the pressure problem, with the fluxes of the last solve.
        walls: what passes the walls.
        tips: the needles.
        rates: (places,) rates of the last solve in mm3/s.
        cement_viscosity: (local cells,) in MPa s.
        displaced_viscosity: (local cells,) in MPa s.
        picard_iterations: of the last fixed point.
        iterations: conjugate-gradient iterations since the last call of :meth:`count_iterations`.
    """

    def __init__(
        self,
        partition: Partition,
        medium: PorousMedium,
        walls: WallFlow,
        tips: NeedleTips,
        cement: Rheology,
        fluids: DisplacedFluids,
        exchange: VascularExchange | None,
        pressure_limit: float,
        flow_scale: float,
    ) -> None:
        """Set up everything that does not change from step to step.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: what passes the walls.
            tips: the needles.
            cement: rheology of the cement.
            fluids: the displaced phase.
            exchange: fluid that tumour vessels exchange, or None.
            pressure_limit: largest syringe pressure in MPa.
            flow_scale: rate in mm3/s that errors of rates are compared with.
        """
        self.partition, self.walls, self.tips = partition, walls, tips
        self._comm, self._cement, self._fluids = partition.comm, cement, fluids
        self._pressure_limit, self._scale = pressure_limit, flow_scale
        self._porosity = partition.local_cells(medium.porosity)
        self._mean_permeability = partition.local_cells(medium.mean_permeability)
        vessel_pressure, self._exchange = None, np.zeros(len(self._porosity))
        if exchange is not None:
            vessel_pressure = partition.local_cells(exchange.pressure)
            self._exchange = partition.local_cells(exchange.conductance)
        self.pressure = DarcyPressure(partition, partition.local_cells(medium.permeability), vessel_pressure)
        self._driven = exchange is not None or not walls.at_rest
        self._speed = partition.cell_vector()
        self._weight = partition.cell_volumes * self._porosity
        self._weight[partition.owned_cells :] = 0.0
        self._sealed = np.zeros(len(self._porosity), dtype=bool)
        self.cement_viscosity = np.ones(len(self._porosity))
        self.displaced_viscosity = np.full(len(self._porosity), fluids.marrow_viscosity)
        self.rates = np.zeros(tips.count)
        self.picard_iterations = self.iterations = 0

    @property
    def driven_at_rest(self) -> bool:
        """Whether fluid flows without any injection, because of pressures outside or of tumour vessels."""
        return self._driven

    @property
    def viscosity_ratio(self) -> NDArray[np.float64]:
        """(local cells,) viscosity of cement over that of the displaced phase."""
        return self.cement_viscosity / self.displaced_viscosity

    def solve_resting_pressure(self, filling: PoreFluids) -> float:
        """Find the pressure before any injection, from which tip pressures count; returns its largest value in MPa."""
        if not self._driven:
            return 0.0
        self.solve_fixed_point(np.zeros(self.tips.count), filling, 0.0)
        self.tips.resting_pressure[:] = self.tips.mean_pressures(self.pressure.facet_pressure)
        return float(self._comm.allreduce(float(self.pressure.facet_pressure.max()), op=MPI.MAX))

    def solve_fixed_point(self, planned: NDArray[np.float64], filling: PoreFluids, syringe_age: float) -> None:
        """Picard iteration over viscosities, wall states and pressure.

        Args:
            planned: (places,) planned rates in mm3/s; a place with a rate conducts as if it were full of cement, since
                the cannula is full of it when the injection starts.
            filling: what fills the pores.
            syringe_age: age of the cement in the syringe in s.

        Raises:
            ConvergenceError: a solve or the iteration did not reach their tolerance.
        """
        self.walls.unseal()
        self._sealed[:] = False
        self.displaced_viscosity[:] = mixed_viscosity(
            filling.fluids, self._fluids.viscosities, self._fluids.marrow_viscosity
        )
        self.tips.note_surroundings(filling.saturation)
        filling = self._with_full_cannulas(planned, filling, syringe_age)
        for self.picard_iterations in range(1, PICARD_LIMIT + 1):
            self.cement_viscosity[:] = self._driven_viscosity(filling)
            self.walls.update_active_set(filling.age)
            missed = self._solve(planned, filling, syringe_age)
            change, conduits = self._viscosity_change(filling)
            logger.debug(
                "Picard iteration %d: viscosity changed by %.1e, conduits by %.1e, walls missed %.1e of the rate",
                *(self.picard_iterations, change, conduits, missed),
            )
            if change <= VISCOSITY_TOLERANCE and conduits <= CONDUIT_TOLERANCE and missed <= WALL_TOLERANCE:
                return
        raise ConvergenceError(
            f"Viscosity, walls and pressure found no fixed point within {PICARD_LIMIT} iterations: the "
            f"viscosity still changed by "
            f"{change:.1e}, the conduits by {conduits:.1e} and the walls by {missed:.1e} of the rate."
        )

    def seal(self, saturation: NDArray[np.float64]) -> bool:
        """Stop the seep out of cells that it would overfill, through walls and into vessels; was there any?"""
        overfull = (
            (saturation > 1.0 + OVERFILL_TOLERANCE) & (self._exchange > 0.0) & (self.pressure.exchange_rate < 0.0)
        )
        overfull &= ~self._sealed
        self._sealed |= overfull
        return bool(self._comm.allreduce(self.walls.seal(saturation) or bool(overfull.any()), op=MPI.LOR))

    def solve_sealed(self, planned: NDArray[np.float64], filling: PoreFluids, syringe_age: float) -> None:
        """Solve once more with the viscosities and states of the walls at hand, after walls have been sealed."""
        self._solve(planned, filling, syringe_age)

    def count_iterations(self) -> int:
        """Conjugate-gradient iterations since the last call."""
        count, self.iterations = self.iterations, 0
        return count

    def tip_pressures(self, syringe_age: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(places,) tip and syringe pressures in MPa at the present rates; 0 where nothing is injected."""
        tip, syringe = np.zeros(self.tips.count), np.zeros(self.tips.count)
        means = self.tips.mean_pressures(self.pressure.facet_pressure)
        for place in np.flatnonzero(self.rates):
            rate = float(self.rates[place])
            tip[place] = self.tips.tip_pressure(int(place), float(means[place]), rate, syringe_age)
            syringe[place] = self.tips.syringe_pressure(int(place), float(tip[place]), rate, syringe_age)
        return tip, syringe

    def _with_full_cannulas(self, planned: NDArray[np.float64], filling: PoreFluids, syringe_age: float) -> PoreFluids:
        """The same filling, where the cement that a source lacks to be full, as it conducts, comes from the syringe."""
        sources = self.tips.shares[planned > 0.0].sum(axis=0) > 0.0
        present = np.where(sources, np.clip(filling.saturation, 0.0, 1.0), 1.0)
        return replace(filling, age=present * filling.age + (1.0 - present) * syringe_age)

    def _driven_viscosity(self, filling: PoreFluids) -> NDArray[np.float64]:
        """(local cells,) viscosity of cement in MPa s at the speed of the last solve."""
        shear_rate = pore_shear_rate(
            self._speed.array, 1.0, self._mean_permeability, 1.0, self._porosity, self._cement.shear_constant
        )
        return self._cement.viscosity(shear_rate, filling.age)

    def _viscosity_change(self, filling: PoreFluids) -> tuple[float, float]:
        """How much the last solve changes the viscosities that it was made with.

        Returns:
            Root mean square of the relative change over the cement, and that in the conduits times their share of the
            planned rate.
        """
        weight = self._weight * np.maximum(filling.saturation, 0.0)
        weight[: self.partition.owned_cells] += self.tips.shares[:, : self.partition.owned_cells].sum(axis=0)
        squares = weight @ (self._driven_viscosity(filling) / self.cement_viscosity - 1.0) ** 2
        conduits = self.walls.viscosity_change(filling.age)
        total = self._comm.allreduce(np.array([float(squares), float(weight.sum()), conduits]))
        return float(np.sqrt(total[0] / total[1])), float(total[2] / self._scale)

    def _solve(self, planned: NDArray[np.float64], filling: PoreFluids, syringe_age: float) -> float:
        """Pressure, fluxes and rates at the present viscosities; returns what the walls missed of the planned rate."""
        active = planned > 0.0
        source_cells = self.tips.shares[active].sum(axis=0) > 0.0
        saturation = np.where(source_cells, 1.0, filling.saturation)
        mobility = saturation / self.cement_viscosity + (1.0 - saturation) / self.displaced_viscosity
        stiffness = self.pressure.wall_stiffness(mobility)
        conductance, zero = self.walls.linearise(filling.saturation, self.displaced_viscosity, stiffness)
        exchange = np.where(self._sealed, 0.0, self._exchange * np.clip(1.0 - filling.saturation, 0.0, 1.0))

        def solve(rates: NDArray[np.float64], accuracy: float = RELATIVE_TOLERANCE) -> NDArray[np.float64]:
            source = rates @ self.tips.shares
            self.pressure.solve(mobility, source, conductance, zero, exchange, accuracy, self._scale)
            self.iterations += self.pressure.iterations
            return self.tips.mean_pressures(self.pressure.facet_pressure)

        self.rates = planned.copy()
        if not active.any() or not np.isfinite(self._pressure_limit):
            solve(planned)
        elif not self._within_limit(means := solve(planned), syringe_age):
            # Entry pressures of open sites, too, drive a flow that is not in proportion to the rates.
            driven = self._driven or self._comm.allreduce(bool(zero.any()), op=MPI.LOR)
            response = self._response(planned, means, driven, solve)
            self.rates = self.tips.pressure_limited_rates(planned, response, self._pressure_limit, syringe_age)
            solve(self.rates)
        self._speed.array[:] = self.pressure.cell_speed()
        # On both sides of a border between ranks a cell must have one viscosity, or cement is lost there.
        self._speed.scatter_forward()
        missed = self.walls.take_solution(self.pressure.facet_pressure, self.pressure.wall_flux)
        return float(self._comm.allreduce(missed) / self._scale)

    def _within_limit(self, means: NDArray[np.float64], age: float) -> bool:
        """Whether no syringe pressure is above the limit at the planned rates."""
        for place in np.flatnonzero(self.rates):
            rate = float(self.rates[place])
            tip = self.tips.tip_pressure(int(place), float(means[place]), rate, age)
            if self.tips.syringe_pressure(int(place), tip, rate, age) > self._pressure_limit:
                return False
        return True

    def _response(
        self,
        planned: NDArray[np.float64],
        means: NDArray[np.float64],
        driven: bool,
        solve: Callable[[NDArray[np.float64], float], NDArray[np.float64]],
    ) -> PressureResponse:
        """Mean pressures around the sources as an affine function of the rates, from those at the planned rates."""
        places = np.flatnonzero(planned)
        base = solve(np.zeros_like(planned), _RESPONSE_TOLERANCE) if driven else np.zeros_like(planned)
        slopes = np.zeros((self.tips.count, self.tips.count))
        for place in places[1:]:
            alone = np.zeros_like(planned)
            alone[place] = planned[place]
            slopes[:, place] = (solve(alone, _RESPONSE_TOLERANCE) - base) / planned[place]
        slopes[:, places[0]] = (means - base - slopes @ planned) / planned[places[0]]
        return base, slopes
