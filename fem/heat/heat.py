"""The heat of a vertebra with curing cement: steps while cement flows, and adaptive ones until it has cooled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fem.errors import ConvergenceError
from fem.heat.displacement import VoxelFlow, carried, joined, no_flow, potential_flow
from fem.heat.medium import Conduction, HeatMedium
from fem.heat.state import EnergyBudget, Exposure, HeatState
from fem.heat.temperature import StepMatrix, TemperatureSolver
from materials.curing import Curing, conversion_after
from materials.thermal_damage import ThermalDamage

FloatArray = NDArray[np.float64]

ENERGY_LIMIT = 1e-8
"""What the balance of energy may miss, over all that came in or left."""

STEP_TOLERANCE = 0.05
"""K by which one step may miss the temperature of a voxel by its own estimate (docs/theory/heat.md, tag D)."""

COUPLING_TOLERANCE = 2e-3
"""K that the reaction of a step would set free in any voxel beside what its temperature was solved with."""

_FIRST_STEP, _LARGEST_STEP, _LEAST_STEP = 0.25, 30.0, 1e-3
_FASTEST_RISE = 2.0
"""K that the reaction of a step may set free in any voxel while cement still flows."""
_COUPLING_LIMIT = 20
_TOO_FAST = (
    "the cement cures faster, or with more heat, than can be followed; look at heat.calorimetry and at the values of "
    "curing in [laws]"
)
_FLUID_TOLERANCE = 1e-4
"""Of the flow of displaced fluid, which is warmed and cooled by differences alone; that of cement carries heat."""


class _UnsettledError(ConvergenceError):
    """Reaction and temperature of a step did not settle; a shorter one may."""


@dataclass(frozen=True)
class Displaced:
    """Cement that moves in a step.

    Attributes:
        cement: (n,) mm3 in each voxel after it.
        entering: (n,) mm3 that have come out of needles into each voxel in it.
        temperature: of these in degrees Celsius.
        conversion: of these.
    """

    cement: FloatArray
    entering: FloatArray
    temperature: float
    conversion: float


@dataclass(frozen=True)
class Heat:
    """The law; what changes in time is a :class:`HeatState`.

    Attributes:
        medium: the voxels.
        curing: the cement's reaction.
        damage: what heat does to tissue.
        body: (n,) voxels through whose pores displaced fluid moves.
        outlet: (n,) conductance of their way out over that of a face.
        solver: of the temperature, with PETSc's objects.
        tolerance: K that a step may miss.
    """

    medium: HeatMedium
    curing: Curing
    damage: ThermalDamage
    body: NDArray[np.bool_]
    outlet: FloatArray
    solver: TemperatureSolver
    tolerance: float = STEP_TOLERANCE

    def start(
        self, temperature: FloatArray, cement: FloatArray, conversion: FloatArray, time: float = 0.0
    ) -> HeatState:
        """The state at a time: (n,) degrees Celsius, mm3 of cement and its conversion."""
        stored = self._stored(temperature, cement)
        # What stands in the voxels at the start counts as brought in.
        budget = EnergyBudget(injected=stored, stored=stored, turnover=abs(stored))
        return HeatState(
            time=time,
            temperature=temperature.copy(),
            cement=cement.copy(),
            conversion=conversion.copy(),
            exposure=Exposure.begin(temperature),
            budget=budget,
            step=_FIRST_STEP,
        )

    def move(self, state: HeatState, length: float, displaced: Displaced) -> HeatState:
        """The state after ``length`` s in which cement has moved.

        Raises:
            ConvergenceError: a solve did not reach its tolerance, or the balance of energy is off.
        """
        parts = max(1, math.ceil(length / self._longest_while_reacting(state, length)))
        while True:
            try:
                return self._moved_in(state, length, displaced, parts)
            except _UnsettledError:
                parts *= 2
                if length / parts < _LEAST_STEP:
                    raise

    def _moved_in(self, state: HeatState, length: float, displaced: Displaced, parts: int) -> HeatState:
        """The same in a number of equal parts."""
        first = state.cement
        for part in range(1, parts + 1):
            cement = first + (displaced.cement - first) * (part / parts)
            share = replace(displaced, cement=cement, entering=displaced.entering / parts)
            state = self._moved(state, length / parts, share)
        return replace(state, slope=None, step=_FIRST_STEP)

    def rest(self, state: HeatState, until: float, observe: Callable[[HeatState], None] | None = None) -> HeatState:
        """The state at a later time, no cement having moved since.

        Steps are as long as the estimate of their error allows: backward Euler misses dt^2 T'' / 2, and the difference
        between its result and the tangent of the step before, times dt / (2 dt + dt_before), is just that.

        Args:
            state: to start from.
            until: time in s.
            observe: called with the state after every step.

        Raises:
            ConvergenceError: a solve did not reach its tolerance, a step got too short, or the balance is off.
        """
        step, before_length = state.step, state.last_step
        conduction = self.medium.conduction(state.cement)
        while state.time < until * (1.0 - 1e-12):
            step = min(step, until - state.time)
            if until - state.time - step < 0.01 * step:
                step = until - state.time
            self.solver.fill(self._entries(state.cement, step, conduction))
            try:
                trial, error = self._solved(state, step, conduction, state.conversion), 0.0
            except _UnsettledError:
                step *= 0.4
                if step < _LEAST_STEP:
                    raise
                continue
            if state.slope is not None:
                change = trial.temperature - state.temperature - step * state.slope
                error = float(np.abs(change).max()) * step / (2.0 * step + before_length)
                if error > 2.0 * self.tolerance:
                    step *= max(0.2, 0.9 * math.sqrt(self.tolerance / error))
                    if step < _LEAST_STEP:
                        raise ConvergenceError(
                            f"At {state.time:.0f} s steps of the temperature fell below {_LEAST_STEP} s: {_TOO_FAST}"
                        )
                    continue
                longer = 0.9 * math.sqrt(self.tolerance / max(error, 1e-12))
                following = step * min(max(longer, 0.3), 1.6)
            else:
                following = step
            before_length = step
            state = replace(trial, step=min(following, _LARGEST_STEP), last_step=step)
            step = state.step
            if observe is not None:
                observe(state)
        return state

    def _moved(self, state: HeatState, length: float, displaced: Displaced) -> HeatState:
        """One step in which cement moves."""
        grid = self.medium.grid
        grown = displaced.cement - state.cement
        cement_flow, fluid_flow = no_flow(grid), no_flow(grid)
        heart = np.flatnonzero(displaced.entering > 0.0)
        if not len(heart) and grown.any():
            # Between boluses vessels may still move it, from where there is most.
            heart = np.array([int(np.argmax(state.cement))])
        if len(heart):
            members = joined(grid, (displaced.cement > 0.0) | (state.cement > 0.0), heart)
            cement_flow = potential_flow(grid, members, (displaced.entering - grown) / length)
            inside = np.where(self.body, grown, 0.0) / length
            fluid_flow = potential_flow(grid, self.body, inside, self.outlet, _FLUID_TOLERANCE)
        conversion = carried(
            grid, cement_flow, length, state.cement, state.conversion, displaced.entering, displaced.conversion
        )
        conduction = self.medium.conduction(displaced.cement)
        self.solver.fill(self._entries(state.cement, length, conduction, cement_flow, fluid_flow, displaced.entering))
        return self._solved(replace(state, slope=None), length, conduction, conversion, displaced, fluid_flow)

    def _entries(
        self,
        before: FloatArray,
        length: float,
        conduction: Conduction,
        cement_flow: VoxelFlow | None = None,
        fluid_flow: VoxelFlow | None = None,
        entering: FloatArray | None = None,
    ) -> StepMatrix:
        """The matrix of a step with (n,) mm3 of cement before it; without flows that of a step at rest."""
        medium, grid = self.medium, self.medium.grid
        diagonal = medium.capacity(before) + length * (conduction.sides + conduction.blood)
        if entering is not None:
            diagonal += medium.cement_capacity * entering
        to_above, to_below = [], []
        for axis, conductance in enumerate(conduction.faces):
            up = down = length * conductance
            if cement_flow is not None and fluid_flow is not None:
                cement = length * medium.cement_capacity * cement_flow.faces[axis]
                fluid = length * medium.displaced_capacity * fluid_flow.faces[axis]
                down = up + np.maximum(-cement, 0.0) + np.maximum(-fluid, 0.0)
                up = up + np.maximum(cement, 0.0) + np.maximum(fluid, 0.0)
            grid.above(diagonal, axis)[...] += up
            grid.below(diagonal, axis)[...] += down
            to_above.append(up)
            to_below.append(down)
        return StepMatrix(diagonal, tuple(to_above), tuple(to_below))

    def _solved(
        self,
        state: HeatState,
        length: float,
        conduction: Conduction,
        conversion: FloatArray,
        displaced: Displaced | None = None,
        fluid_flow: VoxelFlow | None = None,
    ) -> HeatState:
        """The state after a step: temperature and reaction at their fixed point, and what follows from them."""
        medium, body = self.medium, self.medium.body_temperature
        cement = state.cement if displaced is None else displaced.cement
        load = medium.capacity(state.cement) * (state.temperature - body)
        if displaced is not None:
            load = load + medium.cement_capacity * displaced.entering * (displaced.temperature - body)
        full = np.flatnonzero(cement > 0.0)
        released = np.zeros(len(cement))
        before = state.temperature[full]
        old, limit = conversion[full], self.curing.attainable(np.maximum(state.exposure.peak[full], before))
        heat, capacity = self.curing.heat * cement[full], medium.capacity(cement)[full]
        guess = state.temperature + (0.0 if state.slope is None else length * state.slope)
        converted = conversion_after(self.curing, old, length, before, guess[full], limit)
        for _ in range(_COUPLING_LIMIT):
            released[full] = heat * (converted - old)
            guess = body + self.solver.solve(load + released, guess - body)
            again = conversion_after(self.curing, old, length, before, guess[full], limit)
            change = float((np.abs(again - converted) * heat / capacity).max(initial=0.0))
            if change < COUPLING_TOLERANCE:
                break
            converted = again
        else:
            raise _UnsettledError(
                f"Reaction and temperature did not settle within {_COUPLING_LIMIT} rounds at {state.time:.1f} s; the "
                f"last one still changed it by {change:.1e} K: {_TOO_FAST}"
            )
        new = conversion.copy()
        new[full] = converted
        budget = self._budget(
            state, length, conduction, guess - body, cement, float(released.sum()), displaced, fluid_flow
        )
        if budget.error > ENERGY_LIMIT:
            raise ConvergenceError(
                f"At {state.time:.1f} s the balance of energy is off by {budget.error:.1e}; {ENERGY_LIMIT:.0e} is "
                "allowed."
            )
        return HeatState(
            time=state.time + length,
            temperature=guess,
            cement=cement,
            conversion=new,
            exposure=state.exposure.after(self.damage, length, state.temperature, guess),
            budget=budget,
            step=state.step,
            slope=(guess - state.temperature) / length,
        )

    def _budget(
        self,
        state: HeatState,
        length: float,
        conduction: Conduction,
        warmth: FloatArray,
        cement: FloatArray,
        reaction: float,
        displaced: Displaced | None,
        fluid_flow: VoxelFlow | None,
    ) -> EnergyBudget:
        """The budget after a step that ends with (n,) K above the temperature of the body."""
        medium, grid, before = self.medium, self.medium.grid, state.budget
        blood = length * float(conduction.blood @ warmth)
        sides = length * float(conduction.sides @ warmth)
        injected = left = 0.0
        if displaced is not None and fluid_flow is not None:
            entering = float(displaced.entering.sum())
            injected = medium.cement_capacity * entering * (displaced.temperature - medium.body_temperature)
            left = float((medium.tissue_capacity * (cement - state.cement)) @ warmth)
            for axis, rate in enumerate(fluid_flow.faces):
                fall = grid.below(warmth, axis) - grid.above(warmth, axis)
                left -= length * medium.displaced_capacity * float((rate * fall).sum())
        return EnergyBudget(
            reaction=before.reaction + reaction,
            injected=before.injected + injected,
            blood=before.blood + blood,
            sides=before.sides + sides,
            displaced=before.displaced + left,
            stored=self._stored(warmth + medium.body_temperature, cement),
            turnover=before.turnover + abs(reaction) + abs(injected) + abs(blood) + abs(sides) + abs(left),
        )

    def _stored(self, temperature: FloatArray, cement: FloatArray) -> float:
        """Energy in mJ in the voxels above the temperature of the body."""
        return float(self.medium.capacity(cement) @ (temperature - self.medium.body_temperature))

    def _longest_while_reacting(self, state: HeatState, length: float) -> float:
        """Length in s in which the reaction sets free no more than :data:`_FASTEST_RISE` in a voxel."""
        full = np.flatnonzero(state.cement > 0.0)
        if not len(full):
            return length
        temperature, conversion = state.temperature[full], state.conversion[full]
        limit = self.curing.attainable(state.exposure.peak[full])
        rise = self.curing.heat * state.cement[full] * self.curing.rate(conversion, temperature, limit)
        fastest = float((rise / self.medium.capacity(state.cement)[full]).max())
        return length if fastest <= 0.0 else max(_FASTEST_RISE / fastest, 0.05)
