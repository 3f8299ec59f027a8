"""Cement beside a simulated metastasis: a core of the body replaced by muscle paste, or by a void with some paste.

Li 2015 (10.1186/s13018-015-0160-5; abstract read, tag S): 18 vertebrae T8 to L4, a central core of cancellous bone
removed and its place filled with 100 % (no void) or 30 % (void) of fresh muscle paste, 20 % of the body's volume of
cement injected unipedicularly at 3 ml/min; largest intravertebral pressure 5.09 and 1.20 kPa, n = 9 each, P = 0.001.

The size of the core, the cement, the place of the tip and that of the probe were not seen. Assumed (tag D): the body of
T12, in the middle of these levels; the core an ellipsoid in the middle with the body's proportions and 20 % of its
volume; medium cement from 5 min on, at room temperature throughout; the probe in the other half of the body, halfway
between the middle and its right wall, as through the other pedicle, reading the mean over a ball of 3 mm. The paste is
:func:`materials.tissue.tumour_tissue` without vessels. Where it fills 30 %, it lies at the far end of the core, and
blood fills the rest. The tip lies 3 mm inside the core on the left pedicle's side, or in bone 2 mm beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from clinical_body import VertebralBody, half_extents
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.history import FieldSnapshot
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.partition import Partition
from fem.porous import PorousMedium
from materials.cannula import Cannula
from materials.cement import CEMENTS
from materials.marrow import NewtonianMarrow
from materials.tissue import Obstacle, tumour_tissue
from meshes.inclusions import cells_in_ellipsoid
from meshes.parametric import parametric_body

RATE, CEMENT_SHARE = 50.0, 0.2
LEVEL = "T12"
PROBE, PROBE_RADIUS = (-0.5, 0.0, 0.0), 3.0
TOWARDS_PEDICLE, TOWARDS_FRONT = np.array([0.447, 0.894, 0.0]), np.array([0.639, -0.769, 0.0])
READINGS = 40

BLOOD = 4e-9
"""Viscosity of blood in MPa s (tag M)."""


@dataclass(frozen=True)
class Metastasis:
    """One of the two groups of the experiment, as the model poses it.

    Attributes:
        filled: share of the core that paste fills.
        mobile: whether cement can push the paste out of the pores; an obstacle of next to no permeability else.
        tip: whether the cannula opens inside the core or in the bone beside it.
        viscosity: of the paste in MPa s.
        void_viscosity: of what fills the core besides paste, in MPa s.
        outlet_multiplier: on the conductance of all outlets.
        core_share: of the body's volume.
        spread: whether a share of paste is mixed evenly with the blood.
        size: of the mesh in mm.
    """

    filled: float
    mobile: bool = True
    tip: Literal["inside", "beside"] = "inside"
    viscosity: float = field(default_factory=lambda: tumour_tissue("osteolytic").viscosity)
    void_viscosity: float = BLOOD
    outlet_multiplier: float = 1.0
    core_share: float = 0.2
    spread: bool = False
    size: float = 3.0


@dataclass(frozen=True)
class Pressures:
    """Largest pressures over the injection in kPa above the resting one, and the cement in the core in ml.

    ``probe``, ``body`` and ``core`` are means over the ball at the probe, the body and the core.
    """

    probe: float
    body: float
    core: float
    tip: float
    cement_in_core: float


@cache
def measure(case: Metastasis) -> Pressures:
    """Inject and read the pressures."""
    extents = half_extents(LEVEL)
    volume = parametric_body(LEVEL, case.size).volume
    scale = (case.core_share * volume / (4.0 / 3.0 * np.pi * extents.prod())) ** (1.0 / 3.0)
    tip = _tip(case, scale * extents)
    body = VertebralBody.build(LEVEL, case.size, outlet_multiplier=case.outlet_multiplier, opening=tip)
    mesh = body.mesh
    core = cells_in_ellipsoid(mesh, np.zeros(3), scale * extents)
    paste, blood = _filling(case, body, core)
    tissue = tumour_tissue("osteolytic")
    porosity, permeability = body.medium.porosity.copy(), body.medium.permeability.copy()
    porosity[core], permeability[core] = tissue.porosity, tissue.permeability * np.eye(3)
    if not case.mobile:
        permeability[paste > 0.0] *= Obstacle().permeability_factor
    medium = PorousMedium(porosity, permeability)
    cannula, law = Cannula(11), CEMENTS["medium"]
    opening = NeedleOpening.place(mesh, medium, tip, 0.5 * cannula.bore, "open end")
    plan = InjectionPlan(
        (Stage((Bolus(0, CEMENT_SHARE * mesh.volume, RATE),)),), start_age=300.0, output_count=READINGS
    )
    volumes, places = mesh.cell_volumes, np.linalg.norm(mesh.cell_centroids - body.point(*PROBE), axis=1)
    parts = np.flatnonzero(places <= PROBE_RADIUS), np.arange(len(volumes)), core
    readings: list[list[float]] = []
    filled: list[float] = []

    def read(snapshot: FieldSnapshot) -> None:
        readings.append([float(np.average(snapshot.pressure[part], weights=volumes[part])) for part in parts])
        filled.append(float((snapshot.saturation * porosity * volumes)[core].sum()))

    injection = Injection.build(
        Partition.build(mesh), medium, body.walls, [Needle(opening, cannula)], law, _fluids(case, paste, blood), plan
    )
    history = injection.run(read)
    injection.destroy()
    probe, whole, inside = 1e3 * np.max(readings, axis=0)
    return Pressures(float(probe), float(whole), float(inside), 1e3 * history.peak_tip_pressure, 1e-3 * filled[-1])


def _filling(
    case: Metastasis, body: VertebralBody, core: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m,) shares of paste and of blood in the pores."""
    paste, blood = np.zeros(len(body.mesh.cells)), np.zeros(len(body.mesh.cells))
    if case.spread or case.filled == 1.0:
        paste[core] = case.filled
    else:
        far = core[np.argsort(body.mesh.cell_centroids[core] @ TOWARDS_PEDICLE)]
        volume = np.cumsum(body.mesh.cell_volumes[far])
        paste[far[: int(np.abs(volume - case.filled * volume[-1]).argmin()) + 1]] = 1.0
    blood[core] = 1.0 - paste[core]
    return paste, blood


def _fluids(case: Metastasis, paste: NDArray[np.float64], blood: NDArray[np.float64]) -> DisplacedFluids:
    """What is there of paste that can move and of blood."""
    fluids = [("paste", case.viscosity, paste)] if case.mobile else []
    if blood.any():
        fluids.append(("blood", case.void_viscosity, blood))
    names, viscosities, shares = zip(*fluids, strict=True) if fluids else ((), (), np.empty((0, 0)))
    return DisplacedFluids(NewtonianMarrow().viscosity, tuple(names), np.array(viscosities), np.array(shares))


def _tip(case: Metastasis, semi_axes: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = case.tip == "inside"
    surface = semi_axes * (TOWARDS_PEDICLE if inside else TOWARDS_FRONT)
    distance = float(np.linalg.norm(surface))
    return surface * ((distance - 3.0 if inside else distance + 2.0) / distance)
