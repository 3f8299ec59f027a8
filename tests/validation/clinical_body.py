"""A mean osteoporotic vertebral body, filled through one cannula as in the clinic.

Assumed, since no paper gives its specimens' bone (tag D unless said): a parametric body of a level, porosity 0.90 (the
demo patient's median is 0.91), permeability of the default law, walls that let marrow seep at the default conductance
and hold cement, marrow of 0.1 Pa s, cement at 23 degrees in the syringe and at 37 in the bone. The tip lies to the left
of the midline in front of the middle, and cells are smaller than its opening there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.history import InjectionHistory
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.walls import Walls, build_walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.bone import KozenyCarmanMartin
from materials.cannula import GAUGES, Cannula
from materials.cement import CEMENTS
from materials.marrow import NewtonianMarrow
from materials.outlets import MarrowOutlets
from meshes.parametric import level_dimensions, parametric_body
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh

POROSITY = 0.90
BODY_TEMPERATURE = 37.0
TIP = (0.2, -0.5, 0.0)
"""Of the half extents of the body, to the left, to the back and upwards."""

SMALLEST_OPENING = 0.5 * GAUGES[13][0]
"""Radius in mm of the narrowest cannula's opening that is put to the test."""


@dataclass(frozen=True)
class VertebralBody:
    """A body, its bone and its walls."""

    level: str
    mesh: TetMesh
    medium: PorousMedium
    walls: Walls

    @classmethod
    def build(
        cls,
        level: str,
        size: float,
        permeability_multiplier: float = 1.0,
        outlet_multiplier: float = 1.0,
        opening: Sequence[float] | None = None,
        radius: float = SMALLEST_OPENING,
    ) -> VertebralBody:
        """Mesh the mean body of a ``level``.

        Args:
            level: T5 to L5.
            size: edge length in mm, but for 0.8 radii of the opening within two radii of its middle.
            permeability_multiplier: on the default law.
            outlet_multiplier: on the conductance of all outlets.
            opening: (3,) mm, :data:`TIP` by default.
            radius: of the opening in mm.
        """
        x, y, z = TIP * half_extents(level) if opening is None else opening
        mesh = parametric_body(level, size, [Refinement((x, y, z), (x, y, z), 2.0 * radius, 0.8 * radius)])
        law, porosity = KozenyCarmanMartin(multiplier=permeability_multiplier), np.full(len(mesh.cells), POROSITY)
        medium = PorousMedium.transversely_isotropic(porosity, law.axial(porosity), law.transverse(porosity))
        outlets = MarrowOutlets(conductance=outlet_multiplier * MarrowOutlets().conductance)
        return cls(level, mesh, medium, build_walls(mesh, outlets.group_conductances()))

    @property
    def half_extents(self) -> NDArray[np.float64]:
        """(3,) mm from the centre to the walls."""
        return half_extents(self.level)

    def point(self, left: float, back: float, up: float) -> NDArray[np.float64]:
        """(3,) mm of a point given as shares of the half extents."""
        return np.array([left, back, up]) * self.half_extents

    def inject(
        self, cannula: Cannula, cement: str, start_age: float, volume: float = 4000.0, rate: float = 50.0
    ) -> InjectionHistory:
        """Inject a preset of cement from an age in s on: mm3 at mm3/s."""
        law = CEMENTS[cement]
        opening = NeedleOpening.place(self.mesh, self.medium, self.point(*TIP), 0.5 * cannula.bore, "open end")
        plan = InjectionPlan(
            (Stage((Bolus(0, volume, rate),)),), start_age=start_age, body_ageing=law.ageing_rate(BODY_TEMPERATURE)
        )
        injection = Injection.build(
            Partition.build(self.mesh),
            self.medium,
            self.walls,
            [Needle(opening, cannula)],
            law,
            DisplacedFluids(NewtonianMarrow().viscosity),
            plan,
        )
        history = injection.run()
        injection.destroy()
        return history


def half_extents(level: str) -> NDArray[np.float64]:
    """(3,) mm from the centre to the walls of a level's body."""
    body = level_dimensions()[level]
    return 0.5 * np.array([body.width, body.depth, body.height])


def mean_over_time(times: Sequence[float], values: Sequence[float]) -> float:
    """Mean of values at times that are not evenly spaced."""
    return float(np.trapezoid(values, times) / (times[-1] - times[0]))
