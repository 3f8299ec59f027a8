"""The heat of one case: laid out beside the injection, followed through it, and on until it has gone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.heat_medium import heat_medium
from experiments.model.heated_places import Surroundings, surroundings_of
from experiments.model.preparation import InjectionSetup, Preparation
from experiments.results.parts.solvers import HeatSolver
from experiments.results.progress import Progress
from experiments.run.heat_output import HeatOutcome, HeatRecord
from fem import profiling
from fem.heat.contents import CementContents, settled
from fem.heat.heat import Heat
from fem.heat.injection_heat import FollowedHeat, InjectionHeat, syringe_conversion
from fem.heat.state import HeatState
from fem.heat.temperature import TemperatureSolver
from fem.injection.history import InjectionHistory
from fem.injection.injection import Injection

FloatArray = NDArray[np.float64]

SURFACE_OUTLET = 0.1
"""Conductance of a voxel at the body's surface to displaced fluid, over that between voxels: the fluid leaves through
veins and walls all around, and how warm it is ahead of the cement makes no difference (tag D)."""

_SURFACE = 0.98  # share of the body below which a voxel counts as one at its surface


@dataclass(frozen=True)
class CaseHeat:
    """The heat of one case.

    Attributes:
        case: what is asked.
        laws: of the case.
        surroundings: the voxels, and what is in them.
        law: of the heat.
        record: what is kept of the course.
    """

    case: Case
    laws: Laws
    surroundings: Surroundings
    law: Heat
    record: HeatRecord

    @classmethod
    def build(cls, case: Case, laws: Laws, prepared: Preparation, comm: MPI.Comm) -> CaseHeat | None:
        """Lay the voxels out; None where no temperatures are asked for."""
        if laws.curing is None or laws.thermal is None or laws.thermal_damage is None or laws.surroundings is None:
            return None
        surroundings = surroundings_of(
            prepared.vertebra,
            prepared.mesh,
            prepared.tissues,
            laws.surroundings,
            to_internal(case.heat.voxel_mm, "mm"),
            to_internal(case.heat.margin_mm, "mm"),
        )
        medium = heat_medium(
            surroundings,
            prepared.mesh,
            prepared.tissues,
            laws.thermal,
            laws.surroundings,
            to_internal(case.cement.body_temperature_c, "degC"),
        )
        body = surroundings.body > 0.0
        law = Heat(
            medium=medium,
            curing=laws.curing,
            damage=laws.thermal_damage,
            body=body,
            outlet=np.where(body & (surroundings.body < _SURFACE), SURFACE_OUTLET, 0.0),
            solver=TemperatureSolver(medium.grid, comm),
        )
        return cls(case, laws, surroundings, law, HeatRecord())

    def beside(self, injection: Injection, setup: InjectionSetup, exits: dict[str, float]) -> Injection:
        """The injection with the heat following it.

        Args:
            injection: as it is without.
            setup: of it.
            exits: leak site -> diameter in mm of the widest vein of a network that leads there.
        """
        contents = CementContents.build(
            self.law.medium,
            self.surroundings.bone,
            self.surroundings.shares,
            injection.flow,
            self.laws.leak_geometry(exits),
        )
        warmth = InjectionHeat(
            heat=self.law,
            contents=contents,
            plan=setup.plan,
            cement=self.laws.cement,
            room_temperature=to_internal(self.case.cement.room_temperature_c, "degC"),
            coupled=self.case.heat.sets_clock,
            observe=self.record.note,
        )
        return replace(injection, warmth=warmth)

    def finish(
        self, prepared: Preparation, history: InjectionHistory | None, saturation: FloatArray, progress: Progress
    ) -> HeatOutcome:
        """Follow the heat until the time that the case asks for.

        Args:
            prepared: what the injection started from.
            history: of it, with the heat that has followed it; None where the cement is prescribed.
            saturation: (cells,) of the cement.
            progress: where the stage is shown.
        """
        until = to_internal(self.case.heat.until_min, "min")
        with profiling.Stage("Heat"), progress.stage("heat") as stage:
            if history is None:
                state = self._placed(prepared, saturation)
            else:
                assert isinstance(history.warmth, FollowedHeat)
                state = history.warmth.heat
            start = state.time

            def note(state: HeatState) -> None:
                self.record.note(state)
                stage.update((state.time - start) / max(until - start, 1e-9))

            try:
                state = self.law.rest(state, until, note)
            finally:
                self.law.solver.destroy()
        age = to_internal(self.case.cement.injected_after_mixing_min, "min")
        solver = self.law.solver
        done = HeatSolver(
            steps=len(self.record.times) - 1,
            solves=solver.solves,
            iterations_per_solve=solver.iterations / max(solver.solves, 1),
            energy_balance_error=state.budget.error,
        )
        return HeatOutcome(self.surroundings, self.law.medium, self.law.damage, state, self.record, age, done)

    def _placed(self, prepared: Preparation, saturation: FloatArray) -> HeatState:
        """Cement that is in its place at once, at the temperature and the age at which it would be injected."""
        room, cells = to_internal(self.case.cement.room_temperature_c, "degC"), prepared.mesh.cell_volumes
        medium, shares = self.law.medium, self.surroundings.shares
        content = shares.T @ (cells * prepared.tissues.medium.porosity * saturation)
        cement = settled(medium.grid, np.asarray(content), medium.room)
        age = to_internal(self.case.cement.injected_after_mixing_min, "min")
        converted = syringe_conversion(self.law.curing, age, room)
        warmth = medium.cement_capacity * cement / medium.capacity(cement)
        temperature = medium.body_temperature + warmth * (room - medium.body_temperature)
        state = self.law.start(temperature, cement, np.where(cement > 0.0, converted, 0.0))
        self.record.note(state)
        return state
