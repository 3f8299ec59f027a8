"""A block of foam full of marrow substitute, with one path through which cement leaks.

Habib 2010 (ijssurgery 4(1):26; abstract read, tag S): cement of low and of high viscosity injected at several times
after mixing into an established leakage model; mass of leaked cement. Size and pores of the foam, its filling, the
path, the needle, rate, volume and temperature were not seen. Assumed (tag D): 40 x 30 x 25 mm of foam, about a
vertebral body, of porosity 0.9 and permeability 2e-8 m2, marrow of 0.1 Pa s, walls that drain it at the conductance of
a body's outlets; the path is one tube of 3 mm diameter and 12 mm length in the middle of a wall, 6 mm from the tip; 8
ml at 3 ml/min, all at room temperature; the software's presets of low and high viscosity, of 1.2 g/ml (tag M).

The mass of low over that of high viscosity at 3.5 min is 2.06, 1.96 and 1.88 with edges of 4, 3 and 2.5 mm, 2.7 and
1.7 with paths of 2 and 4 mm diameter, 1.5 with one of 5 mm length and 4.8 with the tip 10 mm from it. A channel
drilled through the foam towards a tip in its middle hardly leaks at all. So the unseen geometry decides the masses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from phantoms import box

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.history import InjectionHistory
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.walls import Opening, Walls
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.cement import CEMENTS
from materials.leak_path import LeakPath
from materials.marrow import NewtonianMarrow
from materials.outlets import MarrowOutlets
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh

LENGTHS, EDGE = (40.0, 30.0, 25.0), 4.0
POROSITY, PERMEABILITY = 0.9, 2e-2
PATH_DIAMETER, PATH_LENGTH, TIP_DISTANCE = 3.0, 12.0, 6.0
VOLUME, RATE = 8000.0, 50.0
DENSITY = 1.2e-3
"""g/mm3 of cement (tag M)."""

SITE = "paravertebral_left"
"""Name under which the mass balance keeps the path."""


@dataclass(frozen=True)
class Leak:
    """What came through the path, in g, and the largest tip pressure in kPa."""

    mass: float
    tip_pressure: float


@cache
def leak(cement: str, age: float) -> Leak:
    """Inject a preset of cement from an age in s on."""
    history = _inject(cement, age)
    return Leak(DENSITY * history.last.leaked[SITE], 1e3 * history.peak_tip_pressure)


def _inject(cement: str, age: float) -> InjectionHistory:
    cannula = Cannula(11)
    tip = (LENGTHS[0] - TIP_DISTANCE, 0.5 * LENGTHS[1], 0.5 * LENGTHS[2])
    mesh = box(LENGTHS, EDGE, [Refinement(tip, tip, cannula.bore, 0.4 * cannula.bore)])
    medium = PorousMedium(
        np.full(len(mesh.cells), POROSITY), np.tile(PERMEABILITY * np.eye(3), (len(mesh.cells), 1, 1))
    )
    injection = Injection.build(
        Partition.build(mesh),
        medium,
        _walls(mesh),
        [Needle(NeedleOpening.place(mesh, medium, np.array(tip), 0.5 * cannula.bore, "open end"), cannula)],
        CEMENTS[cement],
        DisplacedFluids(NewtonianMarrow().viscosity),
        InjectionPlan((Stage((Bolus(0, VOLUME, RATE),)),), start_age=age),
    )
    history = injection.run()
    injection.destroy()
    return history


def _walls(mesh: TetMesh) -> Walls:
    """Vents everywhere, and the path where facets lie nearest to its mouth, as many as its cross-section needs."""
    areas, count = mesh.facet_areas, len(mesh.facets)
    wall = mesh.facet_regions["x_max"]
    off = np.linalg.norm(mesh.facet_centroids[wall, 1:] - 0.5 * np.array(LENGTHS[1:]), axis=1)
    mouth = wall[off <= max(0.5 * PATH_DIAMETER, 0.8 * EDGE)]
    path, area = LeakPath("tube", PATH_DIAMETER, PATH_LENGTH), 0.25 * math.pi * PATH_DIAMETER**2
    to_marrow = area * path.conductance_per_area / NewtonianMarrow().viscosity
    share = areas[mouth] / areas[mouth].sum()
    conductance = MarrowOutlets().conductance * areas / areas.sum()
    opening, open_area = np.full(count, -1), np.zeros(count)
    conductance[mouth], opening[mouth], open_area[mouth] = to_marrow * share, 0, area * share
    return Walls(conductance, np.zeros(count), opening, open_area, (Opening(SITE, mouth, path, area, to_marrow),))
