"""A thoracic body with open veins, filled through a cannula that opens at its front or at its side.

Heini & Allred 2002 (abstract read, tag S): T10 and T11, 8 gauge, low-viscosity cement, 2, 4 and 8 ml. Through a front
opening cement leaked into veins after 3 to 4 ml in 5 of 8 bodies and came into the third of four lateral zones, just
beyond the midline, in 3 of 8; through a side opening it came there in 6 of 8, and no leak is reported. Cement, rate,
temperature, place of the tip and size of the veins were not seen. Assumed (tag D) is the body of
:mod:`clinical_body` with the software's low-viscosity cement from 3.5 min after mixing on, at 3 ml/min and room
temperature, and the veins of :mod:`materials.leak_path` at the foramen, with their channel, and at both sides. The side
opening is a window towards the midline, one bore wide and two long, as in the case file.

The tip decides whether veins leak at all. Ahead of the middle, as assumed, none does, with cement as thin as 3 Pa s,
veins of 3 mm or in T11 as well; at 0.7 of the depth T10 leaks from 7.7 ml on, and from 3.2 ml on with cement of one
minute. So what was not seen decides, and the onset tells little about the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from clinical_body import TIP, VertebralBody, half_extents
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.history import FieldSnapshot, InjectionHistory
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.walls import Opening, Walls, build_walls
from fem.partition import Partition
from fem.tetrahedron_cuts import share_above
from materials.bone import KozenyCarmanMartin
from materials.cannula import Cannula
from materials.cement import CEMENTS
from materials.leak_path import BasivertebralVeins, SegmentalVeins
from materials.marrow import NewtonianMarrow
from materials.observation import EqualVolume
from materials.outlets import MarrowOutlets
from meshes.tetmesh import TetMesh
from meshes.veins import basivertebral_channel, segmental_mouths

RATE, ROOM_AGE = 50.0, 210.0
READINGS = (2000.0, 4000.0, 6000.0, 8000.0)
"""mm3 of cement at which the fields are read."""

FRONT_VOLUME = 20.0
"""mm3 of cement that must lie beyond a plane for its front to count as beyond it."""

CANNULA = Cannula(8)
SEEN = EqualVolume().venous_volume
VEINS = ("basivertebral_foramen", "segmental_veins_left", "segmental_veins_right")


@dataclass(frozen=True)
class Filling:
    """What came of an injection: volumes in ml.

    Attributes:
        onset: injected when veins began to leak, or infinite.
        leaked: into veins, in all.
        across: injected volume -> how far cement has come beyond the midline, as a share of the half width; negative
            where it has not come there.
        stop_reason: why it ended.
    """

    onset: float
    leaked: float
    across: dict[float, float]
    stop_reason: str


@dataclass(frozen=True)
class Approach:
    """What a body is filled through, and when.

    Attributes:
        level: of the body.
        opening: of the cannula.
        tip: of the half extents of the body, to the left, to the back and upwards.
        start_age: of the cement in s at the start.
        size: of the mesh in mm.
    """

    level: str
    opening: Literal["front", "side"] = "front"
    tip: tuple[float, float, float] = TIP
    start_age: float = ROOM_AGE
    size: float = 3.0


@cache
def fill(approach: Approach) -> Filling:
    """Inject 8 ml."""
    place, radius = _opening(approach)
    body = _with_channel(VertebralBody.build(approach.level, approach.size, opening=place, radius=radius))
    snapshots: list[FieldSnapshot] = []
    history = _inject(body, approach, NeedleOpening.place(body.mesh, body.medium, place, radius, "open end"), snapshots)
    onsets = [onset.injected for site in VEINS if (onset := history.onset(site, SEEN))]
    return Filling(
        onset=1e-3 * min(onsets, default=math.inf),
        leaked=1e-3 * sum(history.last.leaked[site] for site in VEINS),
        across={1e-3 * shot.record.injected: _across(body, shot.saturation) for shot in snapshots[1:]},
        stop_reason=history.stop_reason,
    )


def _opening(approach: Approach) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and radius in mm of the sphere over which cement enters."""
    tip = approach.tip * half_extents(approach.level)
    if approach.opening == "front":
        return tip, 0.5 * CANNULA.bore
    return _window(VertebralBody.build(approach.level, approach.size), tip)


def _inject(
    body: VertebralBody, approach: Approach, opening: NeedleOpening, snapshots: list[FieldSnapshot]
) -> InjectionHistory:
    plan = InjectionPlan(
        (Stage((Bolus(0, READINGS[-1], RATE),)),), start_age=approach.start_age, output_count=len(READINGS)
    )
    injection = Injection.build(
        Partition.build(body.mesh),
        body.medium,
        veined_walls(body.mesh),
        [Needle(opening, CANNULA)],
        CEMENTS["low"],
        DisplacedFluids(NewtonianMarrow().viscosity),
        plan,
    )
    history = injection.run(snapshots.append)
    injection.destroy()
    return history


def _window(body: VertebralBody, tip: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and radius in mm of the window's sphere; the needle comes from the middle of the left pedicle."""
    pedicle = body.mesh.facet_centroids[body.mesh.facet_regions["left_pedicle"]].mean(axis=0)
    direction = (tip - pedicle) / np.linalg.norm(tip - pedicle)
    inwards = np.array([-1.0, 0.0, 0.0]) + direction[0] * direction
    inwards /= np.linalg.norm(inwards)
    centre = tip - CANNULA.bore * direction + 0.5 * CANNULA.outer_diameter * inwards
    return centre, CANNULA.bore * math.sqrt(2.0 / math.pi)


def _with_channel(body: VertebralBody) -> VertebralBody:
    """The body with the channel of its basivertebral veins."""
    cells = basivertebral_channel(body.mesh)
    foramen = body.mesh.facet_areas[body.mesh.facet_regions["basivertebral_foramen"]].sum()
    permeability = body.medium.permeability.copy()
    permeability[cells] *= KozenyCarmanMartin().largest / permeability[cells, 2:, 2:]
    permeability[cells, 1, 1] += BasivertebralVeins().channel_permeability(float(foramen))
    return replace(body, medium=replace(body.medium, permeability=permeability))


def veined_walls(mesh: TetMesh) -> Walls:
    """Intact walls of the default conductance, with open veins that drain at least their groups' share."""
    outlets = MarrowOutlets().group_conductances()
    found: list[Opening] = []
    trunk, branches = BasivertebralVeins(), SegmentalVeins()
    places = [("basivertebral_foramen", mesh.facet_regions["basivertebral_foramen"], trunk)]
    for side in ("left", "right"):
        mouths = segmental_mouths(mesh, f"{side}_wall", branches.number)
        places += [(f"segmental_veins_{side}", mouth.facets, branches) for mouth in mouths]
    for group, veins in (("basivertebral_foramen", trunk), ("segmental_veins", branches)):
        own = [(site, facets) for site, facets, law in places if law is veins]
        share = outlets.pop(group) / len(own)
        to_marrow = veins.area * veins.path().conductance_per_area / NewtonianMarrow().viscosity
        found += [Opening(site, facets, veins.path(), veins.area, max(to_marrow, share)) for site, facets in own]
    return build_walls(mesh, outlets, found)


def _across(body: VertebralBody, saturation: NDArray[np.float64]) -> float:
    """The plane beyond which :data:`FRONT_VOLUME` of cement with S > 0.5 lies, from the midline to the right wall."""
    mesh = body.mesh
    cement = np.where(saturation > 0.5, saturation, 0.0) * body.medium.porosity * mesh.cell_volumes
    corners = -mesh.points[mesh.cells, 0]
    low, high = corners.min(), corners.max()
    for _ in range(40):
        middle = 0.5 * (low + high)
        beyond = float(cement @ share_above(corners, middle))
        low, high = (middle, high) if beyond > FRONT_VOLUME else (low, middle)
    return float(low / body.half_extents[0])
