"""The heat of an injection: it follows every step, and tells the cement's clock how warm the cement is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fem.heat.contents import CementContents
from fem.heat.heat import Displaced, Heat
from fem.heat.leak_pools import LeakPool
from fem.heat.state import HeatState
from fem.injection.injection_state import InjectionState
from fem.injection.plan import InjectionPlan
from fem.injection.warmth import WarmthState
from materials.cement import Rheology
from materials.curing import Curing, conversion_after

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FollowedHeat:
    """What is known of the heat at one time of an injection.

    Attributes:
        heat: in the voxels.
        pools: site -> where what has leaked there lies.
        ageing: (local cells,) s by which cement ages in a second in each cell; None where the clock is the plan's.
    """

    heat: HeatState
    pools: Mapping[str, LeakPool] = field(default_factory=dict)
    ageing: FloatArray | None = None


@dataclass(frozen=True)
class InjectionHeat:
    """The law; see :class:`fem.injection.warmth_law.WarmthLaw`.

    Attributes:
        heat: the law of the heat.
        contents: reads states for their cement.
        plan: of the injection.
        cement: whose clock it is.
        room_temperature: of the cement in the syringe in degrees Celsius.
        coupled: whether the cement's clock follows the temperatures; else it runs as the plan says.
        observe: called with the heat at the start and after every step, or None.
    """

    heat: Heat
    contents: CementContents
    plan: InjectionPlan
    cement: Rheology
    room_temperature: float
    coupled: bool
    observe: Callable[[HeatState], None] | None = None

    def begin(self, state: InjectionState) -> FollowedHeat:
        """Everything at body temperature, no cement yet."""
        count = self.heat.medium.grid.count
        temperature = np.full(count, self.heat.medium.body_temperature)
        start = self.heat.start(temperature, np.zeros(count), np.zeros(count), state.time)
        self._tell(start)
        return FollowedHeat(start, {}, self._ageing(start))

    def follow(self, known: WarmthState, before: InjectionState, after: InjectionState) -> FollowedHeat:
        """The heat after the transport of a step; collective.

        Raises:
            ConvergenceError: a solve did not reach its tolerance, or the balance of energy is off.
        """
        assert isinstance(known, FollowedHeat)
        length = after.time - before.time
        if length <= 0.0:
            return known
        pools = self.contents.pools_of(after, known.pools)
        displaced = Displaced(
            self.contents.of(after, pools),
            self.contents.entering(after, length),
            self.room_temperature,
            syringe_conversion(self.heat.curing, self.plan.start_age + before.time, self.room_temperature),
        )
        heat = self.heat.move(known.heat, length, displaced)
        self._tell(heat)
        return FollowedHeat(heat, pools, self._ageing(heat))

    def _tell(self, heat: HeatState) -> None:
        if self.observe is not None:
            self.observe(heat)

    def _ageing(self, state: HeatState) -> FloatArray | None:
        if not self.coupled:
            return None
        partition = self.contents.flow.partition
        temperature = partition.local_cells(self.contents.shares @ state.temperature)
        return self.cement.ageing_rate(temperature)


def syringe_conversion(curing: Curing, age: float, temperature_c: float) -> float:
    """Conversion (1) of cement that has been at one temperature since it was mixed, ``age`` s ago."""
    limit = curing.attainable(temperature_c)
    return float(conversion_after(curing, np.array([curing.start]), age, temperature_c, temperature_c, limit)[0])
