"""What is read off the state of an injection for its history: the record of a step, and the fields at one time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from fem.injection.flow import CoupledFlow
from fem.injection.history import FieldSnapshot, NeedleState, StepRecord
from fem.injection.injection_state import InjectionState
from fem.injection.plan import InjectionPlan
from meshes.leak_sites import SITES


@dataclass(frozen=True)
class Recorder:
    """Reads states; every method is to be called on all ranks.

    Attributes:
        plan: what is asked.
        flow: the laws of the flow.
        needle_numbers: (places,) the needle that has its tip there.
    """

    plan: InjectionPlan
    flow: CoupledFlow
    needle_numbers: NDArray[np.int64]

    def fluid_volumes(self, saturation: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k,) volume in mm3 of each fluid besides marrow on all ranks, from their (k, local cells) shares."""
        own = slice(0, self.flow.partition.owned_cells)
        pores = (self.flow.pore_volume * (1.0 - saturation))[own]
        return self.flow.partition.comm.allreduce(shares[:, own] @ pores)

    def record(self, state: InjectionState) -> StepRecord:
        """The numbers of a state.

        Raises:
            ConvergenceError: a balance or a saturation misses what every step has to keep.
        """
        comm, own = self.flow.partition.comm, slice(0, self.flow.partition.owned_cells)
        balance, names = state.balance, self.flow.fluids.names
        stored = comm.allreduce(float((state.saturation * self.flow.pore_volume)[own].sum()))
        in_veins = 0.0 if state.flow.veins is None else float(state.flow.veins.content.sum())
        in_conduits = comm.allreduce(self.flow.walls.conduits.held(state.flow.walls.conduits))
        lowest = comm.allreduce(float(state.saturation[own].min(initial=1.0)), op=MPI.MIN)
        highest = comm.allreduce(float(state.saturation[own].max(initial=0.0)), op=MPI.MAX)
        record = StepRecord(
            time=state.time,
            needles=self._needle_states(state),
            stored=stored,
            in_veins=in_veins,
            in_conduits=in_conduits,
            leaked=dict(zip(SITES, balance.leaked.tolist(), strict=True)),
            displaced_out=balance.displaced_out,
            inflow=balance.inflow,
            fluid_out=dict(zip(names, balance.fluid_out.tolist(), strict=True)),
            open_sites=state.open_sites,
            front_ratio=self._front_ratio(state),
            balance_error=balance.balance_error(stored, in_veins + in_conduits),
            tracer_error=balance.tracer_error(self.fluid_volumes(state.saturation, state.fluid_shares)),
            divergence_error=state.flow.pressure.divergence_defect / self.plan.rate,
            saturation_range=(lowest, highest),
            pressure_iterations=state.flow.solver_iterations,
            sweeps=state.sweeps,
            picard_iterations=state.flow.picard_iterations,
            sealing_solves=state.sealing_solves,
        )
        record.check()
        return record

    def snapshot(self, state: InjectionState, record: StepRecord) -> FieldSnapshot | None:
        """The fields of a state beside its numbers; None on ranks other than 0."""
        gather = self.flow.partition.gather_cells
        saturation = gather(state.saturation)
        pressure, velocity = gather(self.flow.cell_pressure(state.flow)), gather(self.flow.cell_velocity(state.flow))
        shares = [gather(share) for share in state.fluid_shares]
        if saturation is None or pressure is None or velocity is None:
            return None
        named = zip(self.flow.fluids.names, shares, strict=True)
        fluids = {name: share for name, share in named if share is not None}
        veins, filling = self.flow.vessels.veins, None
        if veins is not None and state.flow.veins is not None:
            filling = state.flow.veins.content / veins.grid.volume
        return FieldSnapshot(record, saturation, pressure, velocity, fluids, filling)

    def _front_ratio(self, state: InjectionState) -> float | None:
        """Viscosity ratio at the front, on all ranks."""
        own, saturation = slice(0, self.flow.partition.owned_cells), state.saturation
        weight = (self.flow.pore_volume * np.clip(saturation * (1.0 - saturation), 0.0, 1.0))[own]
        local = np.array([float(weight @ np.log(state.flow.viscosity_ratio[own])), float(weight.sum())])
        logarithm, total = self.flow.partition.comm.allreduce(local)
        return math.exp(logarithm / total) if total > 0.0 else None

    def _needle_states(self, state: InjectionState) -> tuple[NeedleState, ...]:
        rates, injected = state.flow.rates, state.balance.injected
        pressures, states = state.needle_pressures, []
        for number in range(len(injected)):
            places = np.flatnonzero((self.needle_numbers == number) & (rates > 0.0))
            if len(places) and pressures is not None:
                place = places[0]
                tip, syringe = float(pressures.tip[place]), float(pressures.syringe[place])
                states.append(NeedleState(float(rates[place]), float(injected[number]), tip, syringe))
            else:
                states.append(NeedleState(injected=float(injected[number])))
        return tuple(states)
