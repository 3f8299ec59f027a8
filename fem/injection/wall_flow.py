"""What passes the walls of the body: a law per facet, piecewise linear in the pressure behind it.

With the pressure p in the body and p_o outside, an intact wall of conductance G (to marrow of viscosity mu_m) passes

    G mu_m / mu_d (1 - S) (p - p_o)   for p > p_o:  the displaced phase, of viscosity mu_d,
    G (p - p_o)                       for p < p_o:  marrow or blood that flows back.

An opening also passes cement, by the tube or slot law of its conduits, above the barrier p_b that it asks beyond the
pores (:meth:`materials.leak_path.LeakPath.barrier`):

    A c S / mu (p - p_o - p_b)   for p > p_o + p_b,

with the open area A, the conductance c per area and the viscosity mu of what fills the conduits
(:mod:`fem.injection.conduits`). Where these are narrower than the facets, cement has to come through bone that the mesh
does not show, which resists R to unit viscosity: 1 / (mu / (A c) + R mu_c) then stands for A c / mu, with the viscosity
mu_c in the cell behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem import profiling
from fem.injection.cell_outflow import CellOutflow
from fem.injection.conduits import Conduits, ConduitState
from fem.injection.walls import Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cement import Rheology

LARGEST_CONDUCTANCE_RATIO = 1e4
"""Largest conductance of a wall over that of the cell behind it: more changes the pressure drop by less than 1e-4."""

OVERFILL_TOLERANCE = 1e-9
"""How far above one a saturation may lie before the wall behind its cell is kept from seeping."""


@dataclass(frozen=True)
class WallState:
    """What a pressure solve has left at this rank's walls, and how the law stood in it.

    Attributes:
        cement_passes: (b,) whether the law let cement out through each facet.
        flows_back: (b,) whether the law let fluid in there.
        sealed: (b,) whether the wall is closed to the displaced phase, because its cell would overfill.
        conduits: what fills the conduits.
        saturation: (b,) cement saturation behind each facet, between 0 and 1.
        displaced_conductance: (b,) in mm3/(s MPa) to the displaced phase where it fills the cell behind.
        cement_conductance: (b,) in mm3/(s MPa) to cement where it fills the cell behind.
        pressure_drop: (b,) pressure behind each facet less that outside in MPa.
        drive: (b,) MPa by which the pressure drop exceeds the barrier of the opening, 0 where it does not.
        flux: (b,) rate out in mm3/s.
    """

    cement_passes: NDArray[np.bool_]
    flows_back: NDArray[np.bool_]
    sealed: NDArray[np.bool_]
    conduits: ConduitState
    saturation: NDArray[np.float64]
    displaced_conductance: NDArray[np.float64]
    cement_conductance: NDArray[np.float64]
    pressure_drop: NDArray[np.float64]
    drive: NDArray[np.float64]
    flux: NDArray[np.float64]

    @property
    def full_cement_flux(self) -> NDArray[np.float64]:
        """(b,) rate in mm3/s at which each facet would pass cement from a cell that is full of it."""
        return self.cement_conductance * self.drive

    @property
    def cement_flux(self) -> NDArray[np.float64]:
        """(b,) rate in mm3/s at which each facet passes cement by the law."""
        return self.cement_conductance * self.saturation * self.drive

    @property
    def displaced_flux(self) -> NDArray[np.float64]:
        """(b,) rate in mm3/s at which each facet passes the displaced phase by the law."""
        return self.displaced_conductance * (1.0 - self.saturation) * self.pressure_drop

    @property
    def leaks(self) -> NDArray[np.bool_]:
        """(b,) whether cement leaves through each facet."""
        return self.cement_passes & (self.flux > 0.0) & (self.full_cement_flux > 0.0)


@dataclass(frozen=True)
class WallFlow:
    """The law of this rank's share of the walls; what changes in time is a :class:`WallState`.

    Attributes:
        partition: the distributed mesh.
        conduits: of the openings.
        marrow_viscosity: MPa s that the conductances are told for.
        conductance: (b,) of each facet to marrow in mm3/(s MPa).
        outside_pressure: (b,) MPa.
        site: (b,) index of the site behind each facet in :data:`~meshes.leak_sites.SITES`, -1 at intact walls.
        openings: (b,) whether cement may pass.
    """

    partition: Partition
    conduits: Conduits
    marrow_viscosity: float
    conductance: NDArray[np.float64]
    outside_pressure: NDArray[np.float64]
    site: NDArray[np.int64]
    openings: NDArray[np.bool_]

    @classmethod
    def build(
        cls, partition: Partition, medium: PorousMedium, walls: Walls, cement: Rheology, marrow_viscosity: float
    ) -> WallFlow:
        """Pick this rank's facets.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: the law of every boundary facet.
            cement: rheology of the cement.
            marrow_viscosity: viscosity in MPa s that the conductances are told for.
        """
        rows = partition.boundary.original
        return cls(
            partition=partition,
            conduits=Conduits.build(partition, medium, walls, cement),
            marrow_viscosity=marrow_viscosity,
            conductance=walls.conductance[rows],
            outside_pressure=walls.outside_pressure[rows],
            site=walls.site[rows],
            openings=walls.opening[rows] >= 0,
        )

    @property
    def cells(self) -> NDArray[np.int32]:
        """(b,) local cell behind each facet."""
        return self.partition.boundary.cells

    @property
    def at_rest(self) -> bool:
        """Whether the pressure outside is the resting one everywhere, on all ranks."""
        return not self.partition.comm.allreduce(bool(self.outside_pressure.any()))

    def initial_state(self) -> WallState:
        """No flow, and all facets closed to cement."""
        nothing, nowhere = np.zeros(len(self.cells)), np.zeros(len(self.cells), dtype=bool)
        return WallState(
            cement_passes=nowhere,
            flows_back=nowhere,
            sealed=nowhere,
            conduits=self.conduits.initial_state(),
            saturation=nothing,
            displaced_conductance=nothing,
            cement_conductance=nothing,
            pressure_drop=nothing,
            drive=nothing,
            flux=nothing,
        )

    @profiling.Event("vpWallLaw")
    def update_active_set(
        self, state: WallState, age: NDArray[np.float64], displaced_viscosity: NDArray[np.float64]
    ) -> WallState:
        """The active set, and the viscosity in the conduits, that the last solve asks for.

        Args:
            state: of the last solve.
            age: (b,) age of the cement in the conduits in s.
            displaced_viscosity: (local cells,) viscosity of the displaced phase in MPa s.
        """
        cement_passes, flows_back = self._active_set(state)
        # The rate of the last solve, not that which its pressure would drive: where the rate is given, that swings.
        rate, displaced = state.full_cement_flux, displaced_viscosity[self.cells]
        conduits = self.conduits.driven(state.conduits, rate, age, displaced)
        return replace(state, cement_passes=cement_passes, flows_back=flows_back, conduits=conduits)

    def viscosity_change(self, state: WallState, driven: ConduitState) -> float:
        """How much the speed of the last solve changes the viscosity in the conduits that it was made with.

        Args:
            state: of the last solve.
            driven: what it asks for.

        Returns:
            Sum over this rank's facets of the cement rate in mm3/s times the relative change of the viscosity.
        """
        at = self.openings
        change = driven.viscosity[at] / state.conduits.viscosity[at] - 1.0
        return float((state.cement_flux[at] * np.abs(change)).sum())

    @profiling.Event("vpWallLaw")
    def linearise(
        self,
        state: WallState,
        saturation: NDArray[np.float64],
        displaced_viscosity: NDArray[np.float64],
        cement_viscosity: NDArray[np.float64],
        cell_conductance: NDArray[np.float64],
    ) -> tuple[WallState, NDArray[np.float64], NDArray[np.float64]]:
        """The law with its active set held: a conductance and a pressure of no flow for each facet.

        Args:
            state: the active set and the viscosities in the conduits.
            saturation: (local cells,) cement saturation.
            displaced_viscosity: (local cells,) viscosity of the displaced phase in MPa s.
            cement_viscosity: (local cells,) viscosity of cement in the pores in MPa s.
            cell_conductance: (b,) conductance of the cell behind each facet in mm3/(s MPa).

        Returns:
            The state with what the law is made of, (b,) conductances in mm3/(s MPa), and (b,) pressures in MPa.
        """
        filled = np.clip(saturation[self.cells], 0.0, 1.0)
        viscosity = displaced_viscosity[self.cells]
        to_displaced = np.where(state.sealed, 0.0, self.conductance * self.marrow_viscosity / viscosity)
        conduits = self.conduits.conductance / state.conduits.viscosity
        to_cement = conduits / (1.0 + conduits * self.conduits.approach * cement_viscosity[self.cells])
        seepage, leak = to_displaced * (1.0 - filled), np.where(state.cement_passes, to_cement * filled, 0.0)
        # Sealing raises the pressure, so that what entered through a wall may now leave: it is closed as well.
        slope = np.where(state.flows_back & ~state.sealed, self.conductance, seepage + leak)
        barrier = np.where(state.cement_passes, self.conduits.barrier, 0.0)
        share = np.divide(leak, slope, out=np.zeros_like(slope), where=slope > 0.0)
        law = replace(state, saturation=filled, displaced_conductance=to_displaced, cement_conductance=to_cement)
        conductance = np.minimum(slope, LARGEST_CONDUCTANCE_RATIO * cell_conductance)
        return law, conductance, self.outside_pressure + share * barrier

    @profiling.Event("vpWallLaw")
    def take_solution(
        self, state: WallState, facet_pressure: NDArray[np.float64], wall_flux: NDArray[np.float64]
    ) -> tuple[WallState, float]:
        """Take over a solve.

        Args:
            state: the law that it was made with.
            facet_pressure: (local facets,) in MPa.
            wall_flux: (b,) rate out through each facet in mm3/s.

        Returns:
            The state after it, and the sum over this rank's facets of the rate in mm3/s by which the linearised law
            missed the law itself.
        """
        drop = facet_pressure[self.partition.boundary.facets] - self.outside_pressure
        drive = np.maximum(drop - self.conduits.barrier, 0.0)
        after = replace(state, pressure_drop=drop, drive=drive, flux=wall_flux.copy())
        cement_passes, flows_back = self._active_set(after)
        law = np.where(flows_back, self.conductance * drop, after.displaced_flux + after.cement_flux)
        changed = (cement_passes != state.cement_passes) | (flows_back != state.flows_back)
        return after, float(np.abs(law - wall_flux)[changed].sum())

    def outflow(self, state: WallState) -> CellOutflow:
        """What leaves each cell through walls that cement is passing."""
        cells = len(self.partition.cell_facets)
        leaks = state.leaks
        where = self.cells[leaks]
        rate = np.bincount(where, state.flux[leaks], minlength=cells)
        cement = np.bincount(where, state.full_cement_flux[leaks], minlength=cells)
        displaced = np.bincount(where, (state.displaced_conductance * state.pressure_drop)[leaks], minlength=cells)
        return CellOutflow(rate, cement, displaced)

    def cement_rates(self, state: WallState, cell_cement: NDArray[np.float64]) -> NDArray[np.float64]:
        """(b,) cement in mm3/s into the conduits of each facet, from the (local cells,) rates out through walls."""
        weight = np.where(state.leaks, state.full_cement_flux, 0.0)
        total = np.bincount(self.cells, weight, minlength=len(cell_cement))[self.cells]
        return np.divide(weight, total, out=np.zeros_like(weight), where=total > 0.0) * cell_cement[self.cells]

    def total_outflow(self, state: WallState) -> NDArray[np.float64]:
        """(local cells,) rate in mm3/s of all that leaves each cell through its walls."""
        return np.bincount(self.cells, np.maximum(state.flux, 0.0), minlength=len(self.partition.cell_facets))

    def inflow(self, state: WallState) -> float:
        """Rate in mm3/s of all that enters through this rank's walls."""
        return float(np.maximum(-state.flux, 0.0).sum())

    def seal(self, state: WallState, saturation: NDArray[np.float64]) -> tuple[WallState, bool]:
        """Close walls that only the displaced phase leaves through where their cell would overfill; were there any?"""
        displaced_only = ~state.leaks & (state.flux > 0.0)
        overfull = displaced_only & (saturation[self.cells] > 1.0 + OVERFILL_TOLERANCE) & ~state.sealed
        return replace(state, sealed=state.sealed | overfull), bool(overfull.any())

    def unseal(self, state: WallState) -> WallState:
        """Let the displaced phase seep through all walls again."""
        return replace(state, sealed=np.zeros_like(state.sealed))

    def cement_behind_openings(self, saturation: NDArray[np.float64]) -> float:
        """Largest saturation behind an opening of this rank."""
        return float(saturation[self.cells[self.openings]].max(initial=0.0))

    def _active_set(self, state: WallState) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(b,) whether the pressure of a solve lets cement out of each facet, and whether it lets fluid in."""
        cement_passes = (state.drive > 0.0) & (state.saturation > 0.0)
        return cement_passes, state.pressure_drop < 0.0
