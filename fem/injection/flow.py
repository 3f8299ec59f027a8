"""The fixed point of pressure, viscosities, walls and rates at one time of an injection, by Picard iteration.

The mobility of a cell is S / mu_c + (1 - S) / mu_d. The viscosity of cement follows from the speed that the pressure
drives it with, the state of a wall from the pressure behind it, and the rate of a needle at its pressure limit from
all of them: a Picard iteration, each with one pressure solve at the viscosities and wall states of the solve before,
goes on until the viscosities change by less than :data:`VISCOSITY_TOLERANCE` and the walls keep their state. A step
begins with the speeds of the one before.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from mpi4py import MPI

import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.injection.cell_outflow import CellOutflow
from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.flow_state import FlowState, LinearFlow, PoreFluids
from fem.injection.needle_tips import NeedleTips, TipSurroundings
from fem.injection.veins import VeinFlow
from fem.injection.vessels import Vessels
from fem.injection.wall_flow import OVERFILL_TOLERANCE, WallFlow
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.darcy import RELATIVE_TOLERANCE, DarcyPressure
from fem.pressure.exchange import Exchange
from fem.pressure.pressure_field import PressureField
from materials.cement import Rheology, bundle_viscosity, pore_shear_rate
from materials.tissue import mixed_viscosity

logger = logging.getLogger(__name__)

VISCOSITY_TOLERANCE = 0.2
"""Root mean square, over the cement, of the relative change of its viscosity by the last solve. It changes at the
front, where cement has just come in, and the next step sees it there: with this, one solve is enough for most steps,
and the tip pressure of the demo differs by 0.02 % from that with 0.001."""

CONDUIT_TOLERANCE = 0.02
"""Relative change by the last solve of the viscosity in conduits, times their share of the planned rate."""

WALL_TOLERANCE = 1e-6
"""Rate that walls in the wrong state may miss in the last iteration, over the planned rate."""

VEIN_TOLERANCE = 1e-3
"""Rate that the linear law of the veins may miss in the last iteration, over the planned rate."""

ROUGH_TOLERANCE = 1e-6
"""Residual of the pressure over the sources, in the iterations that the step before had to follow up; only what settles
is solved sharply."""

PICARD_LIMIT = 100
"""Picard iterations after which the fixed point is given up."""


@dataclass(frozen=True)
class CoupledFlow:
    """The laws of the flow in one body; what changes in time is a :class:`FlowState`.

    The pressure problem holds a workspace, which no result depends on: from the same state, the same bits come out.

    Attributes:
        partition: the distributed mesh.
        pressure: the pressure problem.
        walls: what passes the walls.
        vessels: what cells exchange with vessels.
        tips: the needles.
        cement: rheology of the cement.
        fluids: the displaced phase.
        pressure_limit: largest syringe pressure in MPa.
        flow_scale: rate in mm3/s that errors of rates are compared with.
        porosity: (local cells,).
        mean_permeability: (local cells,) in mm2.
        pore_volume: (local cells,) in mm3, 0 in ghosts.
        driven_at_rest: whether fluid flows without any injection, because of pressures outside or of tumour vessels.
        cell_vector: part of the workspace, for an exchange between ranks.
    """

    partition: Partition
    pressure: DarcyPressure
    walls: WallFlow
    vessels: Vessels
    tips: NeedleTips
    cement: Rheology
    fluids: DisplacedFluids
    pressure_limit: float
    flow_scale: float
    porosity: NDArray[np.float64]
    mean_permeability: NDArray[np.float64]
    pore_volume: NDArray[np.float64]
    driven_at_rest: bool
    cell_vector: la.Vector[np.float64]

    @classmethod
    def build(
        cls,
        partition: Partition,
        medium: PorousMedium,
        walls: WallFlow,
        veins: VeinFlow | None,
        tips: NeedleTips,
        cement: Rheology,
        fluids: DisplacedFluids,
        exchange: VascularExchange | None,
        pressure_limit: float,
        flow_scale: float,
    ) -> CoupledFlow:
        """Pick this rank's cells and set the pressure problem up.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: what passes the walls.
            veins: what enters the veins, or None.
            tips: the needles.
            cement: rheology of the cement.
            fluids: the displaced phase.
            exchange: fluid that tumour vessels exchange, or None.
            pressure_limit: largest syringe pressure in MPa.
            flow_scale: rate in mm3/s that errors of rates are compared with.
        """
        porosity = partition.local_cells(medium.porosity)
        pore_volume = partition.cell_volumes * porosity
        pore_volume[partition.owned_cells :] = 0.0
        tumours = None
        if exchange is not None:
            tumours = Exchange(partition.local_cells(exchange.conductance), partition.local_cells(exchange.pressure))
        vessels = Vessels(tumours, veins)
        return cls(
            partition=partition,
            pressure=DarcyPressure(partition, partition.local_cells(medium.permeability)),
            walls=walls,
            vessels=vessels,
            tips=tips,
            cement=cement,
            fluids=fluids,
            pressure_limit=pressure_limit,
            flow_scale=flow_scale,
            porosity=porosity,
            mean_permeability=partition.local_cells(medium.mean_permeability),
            pore_volume=pore_volume,
            driven_at_rest=not (walls.at_rest and vessels.at_rest),
            cell_vector=partition.cell_vector(),
        )

    def initial_state(self) -> FlowState:
        """No flow, in marrow."""
        nothing, nowhere = np.zeros(len(self.porosity)), np.zeros(self.tips.count)
        return FlowState(
            pressure=PressureField.still(self.partition),
            walls=self.walls.initial_state(),
            veins=None if self.vessels.veins is None else self.vessels.veins.initial_state(),
            around=TipSurroundings(resting_pressure=nowhere, saturation=nowhere),
            rates=nowhere,
            source_pressure=nowhere,
            speed=nothing,
            cement_viscosity=np.ones(len(nothing)),
            displaced_viscosity=np.full(len(nothing), self.fluids.marrow_viscosity),
            sealed=np.zeros(len(nothing), dtype=bool),
        )

    def solve_resting_pressure(self, fluids: PoreFluids) -> FlowState:
        """The flow before any injection, from whose pressure tip pressures count."""
        state = self.initial_state()
        if not self.driven_at_rest:
            return state
        state = self.solve_fixed_point(state, np.zeros(self.tips.count), fluids, 0.0)
        return replace(state, around=replace(state.around, resting_pressure=state.source_pressure))

    def largest_pressure(self, state: FlowState) -> float:
        """Largest pressure in MPa, on all ranks."""
        return float(self.partition.comm.allreduce(float(state.pressure.facet_pressure.max()), op=MPI.MAX))

    def solve_fixed_point(
        self, before: FlowState, planned: NDArray[np.float64], fluids: PoreFluids, syringe_age: float
    ) -> FlowState:
        """Picard iteration over viscosities, active set of the walls and pressure.

        Args:
            before: the flow at the time before, whose speeds the first viscosities are of.
            planned: (places,) planned rates in mm3/s; a place with a rate conducts as if it were full of cement, since
                the cannula is full of it when the injection starts.
            fluids: what fills the pores.
            syringe_age: age of the cement in the syringe in s.

        Raises:
            ConvergenceError: a solve or the iteration did not reach its tolerance.
        """
        self.pressure.restore(before.pressure)
        state = replace(
            before,
            walls=self.walls.unseal(before.walls),
            around=replace(before.around, saturation=self.tips.mean_saturations(fluids.saturation)),
            displaced_viscosity=mixed_viscosity(
                fluids.displaced_shares, self.fluids.viscosities, self.fluids.marrow_viscosity
            ),
            sealed=np.zeros_like(before.sealed),
        )
        fluids = self._with_full_cannulas(planned, fluids, syringe_age)
        driven = self._driven(state, fluids)
        for iteration in range(1, PICARD_LIMIT + 1):
            state, again = driven, iteration > 1
            linear = self._linearised(state, planned, fluids)
            rough = iteration < before.picard_iterations
            for tolerance in (ROUGH_TOLERANCE, RELATIVE_TOLERANCE) if rough else (RELATIVE_TOLERANCE,):
                solved, missed, veins = self._solve(state, linear, planned, syringe_age, tolerance, again)
                driven = self._driven(solved, fluids)
                change, conduits = self._viscosity_change(solved, driven, fluids.saturation)
                logger.debug(
                    "Picard iteration %d: viscosity changed by %.1e, conduits by %.1e, walls missed %.1e, veins %.1e",
                    *(iteration, change, conduits, missed, veins),
                )
                settled = change <= VISCOSITY_TOLERANCE and conduits <= CONDUIT_TOLERANCE
                settled &= missed <= WALL_TOLERANCE and veins <= VEIN_TOLERANCE
                if not settled:
                    break
                state = replace(state, solver_iterations=solved.solver_iterations)
            if settled:
                return replace(solved, pressure=self.pressure.field(), picard_iterations=iteration)
        raise ConvergenceError(
            f"Viscosity, walls and pressure found no fixed point within {PICARD_LIMIT} iterations: the viscosity still "
            f"changed by {change:.1e}, the conduits by {conduits:.1e}, the walls by {missed:.1e} and the veins by "
            f"{veins:.1e} of the rate."
        )

    def seal(self, state: FlowState, saturation: NDArray[np.float64]) -> tuple[FlowState, bool]:
        """Stop the seepage out of cells that it would overfill, through walls and into vessels; was there any?"""
        taken_up = self.vessels.present(len(saturation)) & (self.displaced_exchange(state) < 0.0)
        overfull = (saturation > 1.0 + OVERFILL_TOLERANCE) & taken_up & ~state.sealed
        walls, any_wall = self.walls.seal(state.walls, saturation)
        found = self.partition.comm.allreduce(any_wall or bool(overfull.any()), op=MPI.LOR)
        return (replace(state, walls=walls, sealed=state.sealed | overfull) if found else state), bool(found)

    def solve_sealed(
        self, state: FlowState, planned: NDArray[np.float64], fluids: PoreFluids, syringe_age: float
    ) -> FlowState:
        """One more solve with the viscosities and the active set at hand, after walls have been sealed."""
        self.pressure.restore(state.pressure)
        state, _, _ = self._solve(state, self._linearised(state, planned, fluids), planned, syringe_age)
        return replace(state, pressure=self.pressure.field())

    def outflow(self, state: FlowState, saturation: NDArray[np.float64]) -> CellOutflow:
        """What leaves each local cell through all that cement is passing."""
        walls, veins = self.walls.outflow(state.walls), self.vessels.veins
        return walls if veins is None or state.veins is None else walls + veins.outflow(state.veins, saturation)

    def displaced_exchange(self, state: FlowState) -> NDArray[np.float64]:
        """(local cells,) rate in mm3/s at which cells take the displaced phase from vessels; cement is not in it."""
        rate, veins = state.pressure.exchange_rate, self.vessels.veins
        return rate if veins is None or state.veins is None else rate + veins.cement_out(state.veins)

    def cell_pressure(self, state: FlowState) -> NDArray[np.float64]:
        """(local cells,) pressure in MPa."""
        self.pressure.restore(state.pressure)
        return self.pressure.cell_pressure()

    def cell_velocity(self, state: FlowState) -> NDArray[np.float64]:
        """(local cells, 3) Darcy velocity in mm/s."""
        self.pressure.restore(state.pressure)
        return self.pressure.cell_velocity()

    def _with_full_cannulas(self, planned: NDArray[np.float64], fluids: PoreFluids, syringe_age: float) -> PoreFluids:
        """The same fluids, where the cement that a source lacks to be full, as it conducts, comes from the syringe."""
        sources = self.tips.shares[planned > 0.0].sum(axis=0) > 0.0
        present = np.where(sources, np.clip(fluids.saturation, 0.0, 1.0), 1.0)
        return replace(fluids, age=present * fluids.age + (1.0 - present) * syringe_age)

    def _driven(self, state: FlowState, fluids: PoreFluids) -> FlowState:
        """The state with the viscosities and the active set of the walls that its pressure and its speeds ask for."""
        shear_rate = pore_shear_rate(
            state.speed, 1.0, self.mean_permeability, 1.0, self.porosity, self.cement.shear_constant
        )
        return replace(
            state,
            cement_viscosity=bundle_viscosity(self.cement, shear_rate, fluids.age),
            walls=self.walls.update_active_set(state.walls, fluids.conduit_age, state.displaced_viscosity),
        )

    def _viscosity_change(
        self, state: FlowState, driven: FlowState, saturation: NDArray[np.float64]
    ) -> tuple[float, float]:
        """How much the last solve changes the viscosities that it was made with.

        Args:
            state: after it.
            driven: the same with the viscosities that it asks for.
            saturation: (local cells,) of cement.

        Returns:
            Root mean square of the relative change over the cement, and that in the conduits times their share of the
            planned rate.
        """
        owned = self.partition.owned_cells
        weight = self.pore_volume * np.maximum(saturation, 0.0)
        weight[:owned] += self.tips.shares[:, :owned].sum(axis=0)
        squares = weight @ (driven.cement_viscosity / state.cement_viscosity - 1.0) ** 2
        conduits = self.walls.viscosity_change(state.walls, driven.walls.conduits)
        total = self.partition.comm.allreduce(np.array([float(squares), float(weight.sum()), conduits]))
        return float(np.sqrt(total[0] / total[1])), float(total[2] / self.flow_scale)

    def _linearised(self, state: FlowState, planned: NDArray[np.float64], fluids: PoreFluids) -> LinearFlow:
        """Assemble the pressure at the viscosities and the active set of a state.

        Args:
            state: that the last solve has left.
            planned: (places,) in mm3/s.
            fluids: what fills the pores.
        """
        source_cells = self.tips.shares[planned > 0.0].sum(axis=0) > 0.0
        saturation = np.where(source_cells, 1.0, fluids.saturation)
        mobility = saturation / state.cement_viscosity + (1.0 - saturation) / state.displaced_viscosity
        walls, conductance, zero_flow_pressure = self.walls.linearise(
            state.walls,
            fluids.saturation,
            state.displaced_viscosity,
            state.cement_viscosity,
            self.pressure.wall_stiffness(mobility),
        )
        exchange, veins = self.vessels.linearise(state, fluids)
        self.pressure.assemble(mobility, conductance, zero_flow_pressure, exchange)
        # Entry pressures of open sites, too, drive a flow that is not in proportion to the rates.
        apart = bool(zero_flow_pressure.any()) or (exchange is not None and exchange.drives)
        return LinearFlow(walls, veins, self.driven_at_rest or self.partition.comm.allreduce(apart, op=MPI.LOR))

    def _solve(
        self,
        state: FlowState,
        linear: LinearFlow,
        planned: NDArray[np.float64],
        syringe_age: float,
        tolerance: float = RELATIVE_TOLERANCE,
        again: bool = False,
    ) -> tuple[FlowState, float, float]:
        """Pressure, fluxes and rates by the law that was assembled last.

        Args:
            state: that the law is linear about.
            linear: that law.
            planned: (places,) in mm3/s.
            syringe_age: in s.
            tolerance: of the pressure.
            again: whether the solve before was for the same moment.

        Returns:
            The state after it, whose pressure still stands in the workspace alone, and what the walls and the veins
            missed of the planned rate.
        """
        iterations = state.solver_iterations

        def solve(rates: NDArray[np.float64], accuracy: float = tolerance) -> NDArray[np.float64]:
            nonlocal iterations
            self.pressure.solve_assembled(rates @ self.tips.shares, max(accuracy, tolerance), self.flow_scale)
            iterations += self.pressure.iterations
            return self.tips.mean_pressures(self.pressure.facet_pressure)

        rates, means = planned.copy(), solve(planned)
        limit = self.pressure_limit
        if np.isfinite(limit) and self.tips.pressures(rates, means, syringe_age, state.around)[1].max() > limit:
            response = self.tips.response(planned, means, linear.driven, solve)
            rates = self.tips.pressure_limited_rates(planned, response, limit, syringe_age, state.around)
            means = solve(rates)
        walls, missed = self.walls.take_solution(linear.walls, self.pressure.facet_pressure, self.pressure.wall_flux)
        filling, veins_missed = state.veins, 0.0
        if state.veins is not None and linear.veins is not None and (veins := self.vessels.veins) is not None:
            filling, veins_missed = veins.take_solution(state.veins, linear.veins, self.pressure.mean_pressure())
            veins_missed /= self.flow_scale
            if again and veins_missed > VEIN_TOLERANCE:
                filling = veins.stepped_back(state.veins, filling, linear.veins)
        after = replace(
            state,
            walls=walls,
            veins=filling,
            rates=rates,
            source_pressure=means,
            speed=self._speed_with_ghosts(),
            solver_iterations=iterations,
        )
        return after, float(self.partition.comm.allreduce(missed) / self.flow_scale), veins_missed

    def _speed_with_ghosts(self) -> NDArray[np.float64]:
        """(local cells,) Darcy speed in mm/s; on both sides of a border between ranks a cell must have one."""
        speed = self.pressure.cell_speed()
        if self.partition.comm.size > 1:
            self.cell_vector.array[:] = speed
            self.cell_vector.scatter_forward()
            speed[:] = self.cell_vector.array
        return speed
