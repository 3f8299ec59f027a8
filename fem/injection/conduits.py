"""The conduits of openings in the walls: what fills them, and how cement moves through them.

Every facet of an opening has its share of the conduits: their open area A, and the volume A L of their length L. Cement
that enters grows a column from their inner end; the displaced phase stands before it up to the outer end. Together they
resist as one fluid in the whole length would, of the viscosity

    mu = (l / L) mu_path + (1 - l / L) mu_d,

with the apparent viscosity mu_path of the column's power law at its age, and for the length l the mean one of the step
that comes (:mod:`materials.column`), at the speed that a cell full of cement would give it. What comes in when a column
has reached the end pushes as much out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fem.injection.walls import Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cement import Rheology
from materials.column import growth_of_share, mean_share
from materials.leak_path import conduit_viscosity

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ConduitState:
    """What fills the conduits behind this rank's boundary facets.

    Attributes:
        speed: (b,) mm/s of cement that enters from a cell full of it, at which its viscosity is taken.
        viscosity: (b,) of what fills the conduits in MPa s.
        content: (b,) cement in mm3.
        entry_time: (b,) mean time in s at which it left the needle; where there is none, that of what may come.
        step: length of the last step in s, for which the next solve foresees how columns grow.
    """

    speed: FloatArray
    viscosity: FloatArray
    content: FloatArray
    entry_time: FloatArray
    step: float


class Column(NamedTuple):
    """Cement in conduits: its (r,) apparent viscosities in MPa s, and the (r,) exponents n of its power law."""

    viscosity: FloatArray
    exponent: FloatArray


@dataclass(frozen=True)
class Conduits:
    """The law of the conduits behind this rank's boundary facets; what changes is a :class:`ConduitState`.

    Attributes:
        cement: rheology of the cement.
        rows: (r,) facets among the b that have conduits.
        length: (r,) of these in mm.
        shear_per_speed: (r,) see :func:`~materials.leak_path.conduit_viscosity`, in 1/mm.
        dimensions: (r,) see there.
        area: (b,) cross-section in mm2 of the conduits that each facet has.
        conductance: (b,) their conductance to a fluid of unit viscosity in mm3.
        volume: (b,) in mm3.
        in_bone: (b,) whether they lie in the bone, so that what is in them has not leaked.
        approach: (b,) resistance over viscosity in 1/mm3 of the bone between each facet and its conduits.
        barrier: (b,) MPa above the pressure outside from which cement passes; infinite at intact walls.
    """

    cement: Rheology
    rows: NDArray[np.int64]
    length: FloatArray
    shear_per_speed: FloatArray
    dimensions: FloatArray
    area: FloatArray
    conductance: FloatArray
    volume: FloatArray
    in_bone: NDArray[np.bool_]
    approach: FloatArray
    barrier: FloatArray

    @classmethod
    def build(cls, partition: Partition, medium: PorousMedium, walls: Walls, cement: Rheology) -> Conduits:
        """Pick this rank's facets.

        Args:
            partition: the distributed mesh.
            medium: porosity and permeability in the order of the whole mesh, on every rank.
            walls: the law of every boundary facet.
            cement: rheology of the cement.
        """
        rows = partition.boundary.original
        opening, area = walls.opening[rows], walls.open_area[rows]
        conductance, volume, approach = np.zeros((3, len(rows)))
        in_bone, barrier = np.zeros(len(rows), dtype=bool), np.full(len(rows), np.inf)
        pore_radius = partition.local_cells(medium.pore_radius)[partition.boundary.cells]
        length, shear_per_speed, dimensions = np.zeros((3, len(rows)))
        for number, item in enumerate(walls.openings):
            facets = np.flatnonzero(opening == number)
            length[facets] = item.path.length
            shear_per_speed[facets], dimensions[facets] = item.path.shear_per_speed, item.path.dimensions
            conductance[facets] = area[facets] * item.path.conductance_per_area
            volume[facets] = area[facets] * item.path.length
            in_bone[facets] = item.in_bone
            approach[facets] = item.approach * item.area / area[facets]
            barrier[facets] = item.path.barrier(pore_radius[facets])
        own = np.flatnonzero(length)
        law = (length[own], shear_per_speed[own], dimensions[own])
        return cls(cement, own, *law, area, conductance, volume, in_bone, approach, barrier)

    def initial_state(self) -> ConduitState:
        """No cement in any of them, and none that flows."""
        nothing = np.zeros(len(self.area))
        return ConduitState(nothing, np.full(len(nothing), np.inf), nothing, nothing, 0.0)

    def driven(
        self, state: ConduitState, rate: FloatArray, age: FloatArray, displaced_viscosity: FloatArray
    ) -> ConduitState:
        """The speeds that the last solve asks for, and the viscosities at these.

        While a column grows, a speed that is too high makes it too long and the next speed too low. Under a constant
        pressure an error of the speed's logarithm would change by -e, with the relative change e of the viscosity over
        that of the speed; where e is positive, 1 / (1 + e) of the change cures it at once.

        Args:
            state: of the last solve.
            rate: (b,) mm3/s that it lets into the conduits from cells full of cement.
            age: (b,) age in s of the cement in them.
            displaced_viscosity: (b,) of what stands before it in MPa s.
        """
        rows = self.rows
        before, standing = state.speed[rows], displaced_viscosity[rows]
        column = self._column(before, age[rows])
        filling, way = state.content[rows] / self.volume[rows], state.step / self.length
        share, growth = (law(filling, before * way, column.exponent) for law in (mean_share, growth_of_share))
        excess = share * (column.viscosity * (growth + column.exponent - 1.0) - standing * growth)
        change = np.maximum(excess / (share * column.viscosity + (1.0 - share) * standing), 0.0)
        wanted = rate[rows] / self.area[rows]
        steady = (change == 0.0) | (before == 0.0) | (wanted == 0.0)
        ratio = np.divide(wanted, before, out=np.ones(len(rows)), where=~steady)
        after = np.where(steady, wanted, before * ratio ** (1.0 / (1.0 + change)))
        column = self._column(after, age[rows])
        share = mean_share(filling, after * way, column.exponent)
        speed, viscosity = state.speed.copy(), state.viscosity.copy()
        speed[rows], viscosity[rows] = after, share * column.viscosity + (1.0 - share) * standing
        return replace(state, speed=speed, viscosity=viscosity)

    def take_in(self, state: ConduitState, volume: FloatArray, length: float) -> tuple[ConduitState, FloatArray]:
        """What is in the conduits after a step, and the (b,) cement in mm3 that has left the bone in it.

        Args:
            state: before the step.
            volume: (b,) cement in mm3 that comes in.
            length: of the step in s.
        """
        total = state.content + volume
        left = np.where(self.in_bone, np.maximum(total - self.volume, 0.0), volume)
        return replace(state, content=np.minimum(total, self.volume), step=length), left

    def mix(self, before: ConduitState, after: ConduitState, volume: FloatArray, time: FloatArray) -> ConduitState:
        """The state after a step with the times at which its cement left the needle, which is mixed along a conduit.

        Args:
            before: the state before the step.
            after: what is in the conduits after it.
            volume: (b,) cement in mm3 that has come in.
            time: (b,) s at which that left the needle.
        """
        total = before.content + volume
        mixed = np.divide(before.content * before.entry_time + volume * time, total, out=time.copy(), where=total > 0.0)
        return replace(after, entry_time=mixed)

    def held(self, state: ConduitState) -> float:
        """Cement in mm3 in conduits of this rank that lie in the bone."""
        return float(state.content[self.in_bone].sum())

    def _column(self, speed: FloatArray, age: FloatArray) -> Column:
        consistency, index = self.cement.consistency(age), self.cement.index(age)
        low, high = self.cement.shear_rate_low, self.cement.shear_rate_high
        law = (self.shear_per_speed, self.dimensions)
        return Column(conduit_viscosity(*law, speed, consistency, index, low, high), index)
