"""What passes the walls of the body: a law per facet, piecewise linear in the pressure behind it.

With the pressure p in the body and p_o outside, an intact wall of conductance G (to marrow of viscosity mu_m) passes

    G mu_m / mu_d (1 - S) (p - p_o)   for p > p_o:  the displaced phase, of viscosity mu_d,
    G (p - p_o)                       for p < p_o:  marrow or blood that flows back.

An opening also passes cement, by the tube or slot law of its conduits, above the entry pressure p_e:

    A c S / mu_path (p - p_o - p_e)   for p > p_o + p_e,

with the open area A, the conductance c per area and the apparent viscosity mu_path of the power law at the speed in the
conduits. A facet that the front of cement (S = 0.5) has passed keeps only a share of its entry pressure: there is no
new front to push in. Traces that numerical diffusion carries ahead of the front do not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fem import profiling
from fem.injection.walls import Walls
from fem.partition import Partition
from materials.cement import Rheology
from materials.leak_path import LeakPath
from meshes.leak_sites import SITES

LARGEST_CONDUCTANCE_RATIO = 1e4
"""Largest conductance of a wall over that of the cell behind it: more changes the pressure drop by less than 1e-4."""

FRONT_SATURATION = 0.5
"""Saturation behind a wall above which the front of cement has come there (tag D)."""

OVERFILL_TOLERANCE = 1e-9
"""How far above one a saturation may lie before the wall behind its cell is kept from seeping."""


class WallFlow:
    """This rank's share of the walls, and the state of their law.

    Attributes:
        cells: (b,) local cell behind each facet.
        openings: (b,) whether cement may pass.
    """

    def __init__(self, partition: Partition, walls: Walls, cement: Rheology, marrow_viscosity: float) -> None:
        """Pick this rank's facets; all of them closed to cement at first.

        Args:
            partition: the distributed mesh.
            walls: the law of every boundary facet.
            cement: rheology of the cement.
            marrow_viscosity: viscosity in MPa s that the conductances are told for.
        """
        boundary = partition.boundary
        rows = boundary.original
        self._partition, self._cement, self._marrow_viscosity = partition, cement, marrow_viscosity
        self.cells = boundary.cells
        self._facets = boundary.facets
        self._conductance = walls.conductance[rows]
        self._outside = walls.outside_pressure[rows]
        self._site = walls.site[rows]
        opening = walls.opening[rows]
        self.openings = opening >= 0
        self._paths = [(item.path, np.flatnonzero(opening == number)) for number, item in enumerate(walls.openings)]
        self._open_conductance, self._threshold = np.zeros(len(rows)), np.full(len(rows), np.inf)
        self._reopening = np.full(len(rows), np.inf)
        for path, facets in self._paths:
            self._open_conductance[facets] = walls.open_area[rows][facets] * path.conductance_per_area
            self._threshold[facets] = path.entry_pressure
            self._reopening[facets] = path.front.reopening_share * path.entry_pressure
        self._passing = np.zeros(len(rows), dtype=bool)
        self._entering = np.zeros(len(rows), dtype=bool)
        self._asked = self._passing, self._entering
        self._sealed = np.zeros(len(rows), dtype=bool)
        self._path_viscosity = np.full(len(rows), np.inf)
        # Of the last linearisation: slopes of the displaced phase and of cement at full saturation of each, the law.
        self._seep, self._leak, self._filled = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
        self._slope, self._zero = np.zeros(len(rows)), np.zeros(len(rows))
        # Of the last solve: pressure above the outside, rate, and cement's rate.
        self._drive, self._flux, self._cement_rate = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))

    @property
    def at_rest(self) -> bool:
        """Whether the pressure outside is the resting one everywhere, on all ranks."""
        return not self._partition.comm.allreduce(bool(self._outside.any()))

    @profiling.Event("vpWallLaw")
    def update_active_set(self, age: NDArray[np.float64]) -> None:
        """Take up the state, and the viscosity in the conduits, that the last solve asks for.

        Args:
            age: (local cells,) age of the cement in s.
        """
        self._passing, self._entering = self._asked
        for path, facets in self._paths:
            self._path_viscosity[facets] = self._driven_viscosity(path, facets, age)

    def viscosity_change(self, age: NDArray[np.float64]) -> float:
        """How much the speed of the last solve changes the viscosity of cement in the conduits that it was made with.

        Args:
            age: (local cells,) age of the cement in s.

        Returns:
            Sum over this rank's facets of the cement rate in mm3/s times the relative change of the viscosity.
        """
        change = 0.0
        for path, facets in self._paths:
            step = np.abs(self._driven_viscosity(path, facets, age) / self._path_viscosity[facets] - 1.0)
            change += float((self._cement_rate[facets] * step).sum())
        return change

    def _driven_viscosity(self, path: LeakPath, facets: NDArray[np.int64], age: NDArray[np.float64]) -> NDArray[Any]:
        there = age[self.cells[facets]]
        consistency, index = self._cement.consistency(there), self._cement.index(there)
        # The speed of the last solve, not that which its pressure would drive: where the rate is given, that swings.
        drive = np.maximum(self._drive[facets] - self._threshold[facets], 0.0)
        speed = path.conductance_per_area * drive / self._path_viscosity[facets]
        low, high = self._cement.shear_rate_low, self._cement.shear_rate_high
        return path.apparent_viscosity(speed, consistency, index, low, high)

    @profiling.Event("vpWallLaw")
    def linearise(
        self, saturation: NDArray[np.float64], displaced_viscosity: NDArray[np.float64], stiffness: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Conductance (b,) in mm3/(s MPa) and pressure (b,) in MPa of no flow, in the present state.

        Args:
            saturation: (local cells,) cement saturation.
            displaced_viscosity: (local cells,) viscosity of the displaced phase in MPa s.
            stiffness: (b,) conductance of the cell behind each facet in mm3/(s MPa).
        """
        filled = np.clip(saturation[self.cells], 0.0, 1.0)
        self._seep = np.where(
            self._sealed, 0.0, self._conductance * self._marrow_viscosity / displaced_viscosity[self.cells]
        )
        self._leak = np.where(self.openings, self._open_conductance / self._path_viscosity, 0.0)
        seep, leak = self._seep * (1.0 - filled), np.where(self._passing, self._leak * filled, 0.0)
        # Sealing raises the pressure, so that what entered through a wall may now leave: it is closed as well.
        slope = np.where(self._entering & ~self._sealed, self._conductance, seep + leak)
        threshold = np.where(self._passing, self._threshold, 0.0)
        share = np.divide(leak, slope, out=np.zeros_like(slope), where=slope > 0.0)
        self._slope = np.minimum(slope, LARGEST_CONDUCTANCE_RATIO * stiffness)
        self._zero = self._outside + share * threshold
        self._filled = filled
        return self._slope, self._zero

    @profiling.Event("vpWallLaw")
    def take_solution(self, facet_pressure: NDArray[np.float64], wall_flux: NDArray[np.float64]) -> float:
        """Take over a solve, and note the state that its pressure asks for.

        Args:
            facet_pressure: (local facets,) in MPa.
            wall_flux: (b,) rate out through each facet in mm3/s.

        Returns:
            Sum over this rank's facets of the rate in mm3/s by which the linearised law missed the law itself.
        """
        self._drive = facet_pressure[self._facets] - self._outside
        self._flux = wall_flux.copy()
        passing = self.openings & (self._drive > self._threshold) & (self._filled > 0.0)
        entering = self._drive < 0.0
        beyond = np.subtract(self._drive, self._threshold, out=np.zeros_like(self._drive), where=passing)
        self._cement_rate = self._leak * self._filled * beyond
        marrow = self._seep * (1.0 - self._filled) * self._drive
        law = np.where(entering, self._conductance * self._drive, marrow + self._cement_rate)
        changed = (passing != self._passing) | (entering != self._entering)
        self._asked = passing, entering
        return float(np.abs(law - self._flux)[changed].sum())

    def outflow(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per local cell: the rate in mm3/s through walls that cement is passing, and the ratio M of its composition.

        A cell with several such walls leaks through all of them what it would through one.
        """
        cells = len(self._partition.cell_facets)
        passing = self._leaking()
        where = self.cells[passing]
        rate = np.bincount(where, self._flux[passing], minlength=cells)
        cement = np.bincount(where, self._cement_weight()[passing], minlength=cells)
        marrow = np.bincount(where, (self._seep * self._drive)[passing], minlength=cells)
        ratio = np.divide(marrow, cement, out=np.ones(cells), where=cement > 0.0)
        return rate, np.maximum(ratio, 1e-12)

    def leak_rates(self, cell_leak: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cement in mm3/s through each site on this rank, from the (local cells,) rates out of each cell."""
        passing = self._leaking()
        weight = np.where(passing, self._cement_weight(), 0.0)
        total = np.bincount(self.cells, weight, minlength=len(cell_leak))[self.cells]
        share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0.0)
        rate = share * cell_leak[self.cells]
        return np.bincount(self._site[passing], rate[passing], minlength=len(SITES))

    def total_outflow(self) -> NDArray[np.float64]:
        """(local cells,) rate in mm3/s of all that leaves each cell through its walls."""
        return np.bincount(self.cells, np.maximum(self._flux, 0.0), minlength=len(self._partition.cell_facets))

    def inflow(self) -> float:
        """Rate in mm3/s of all that enters through this rank's walls."""
        return float(np.maximum(-self._flux, 0.0).sum())

    def seal(self, saturation: NDArray[np.float64]) -> bool:
        """Close walls that only the displaced phase leaves through where their cell would overfill; were there any?"""
        marrow_only = ~self._leaking() & (self._flux > 0.0)
        overfull = marrow_only & (saturation[self.cells] > 1.0 + OVERFILL_TOLERANCE) & ~self._sealed
        self._sealed |= overfull
        return bool(overfull.any())

    def unseal(self) -> None:
        """Let all walls seep again."""
        self._sealed[:] = False

    def lower_entry_pressures(self) -> None:
        """Facets that the front of cement is passing now open more easily from now on."""
        passing = self._leaking() & (self._filled > FRONT_SATURATION)
        self._threshold[passing] = self._reopening[passing]

    def cement_behind_openings(self, saturation: NDArray[np.float64]) -> float:
        """Largest saturation behind an opening of this rank."""
        return float(saturation[self.cells[self.openings]].max(initial=0.0))

    def _leaking(self) -> NDArray[np.bool_]:
        """(b,) whether cement leaves through each facet."""
        return self._passing & (self._flux > 0.0) & (self._cement_weight() > 0.0)

    def _cement_weight(self) -> NDArray[np.float64]:
        """(b,) rate in mm3/s at which each facet would pass cement from a cell that is full of it."""
        drive = np.subtract(self._drive, self._threshold, out=np.zeros_like(self._drive), where=self.openings)
        return self._leak * np.maximum(drive, 0.0)
