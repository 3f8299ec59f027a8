"""The walls of one case: outlets by share, the foramen, the needle's track and the defects of the case file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.approach import NeedlePath
from experiments.case import Case, Defect
from experiments.laws import Laws
from experiments.units import to_internal
from fem.porous import PorousMedium
from fem.walls import SITE_BEHIND_WALL, Opening, Walls, build_walls
from meshes.frame import AnatomicalFrame
from meshes.regions import facets_in_disc, wall_point
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh

WALL_PLACES: dict[str, tuple[str, float, tuple[float, float, float]]] = {
    "left_wall": ("left", 1.0, (-1.0, 0.0, 0.0)),
    "right_wall": ("left", -1.0, (1.0, 0.0, 0.0)),
    "anterior_wall": ("depth", 0.0, (0.0, 1.0, 0.0)),
    "posterior_wall": ("depth", 1.0, (0.0, -1.0, 0.0)),
    "inferior_endplate": ("height", 0.0, (0.0, 0.0, 1.0)),
    "superior_endplate": ("height", 1.0, (0.0, 0.0, -1.0)),
}
"""Wall -> the fraction that it fixes, its value there, and the direction into the body in the anatomical frame."""


def defect_point(defect: Defect, frame: AnatomicalFrame) -> NDArray[np.float64]:
    """(3,) point in mm on or near the wall that the defect opens."""
    key, value, _ = WALL_PLACES[defect.wall]
    given = {name: getattr(defect, name) for name in ("left", "depth", "height") if name != key}
    return frame.point(**given, **{key: value})


def refinements(
    case: Case, frame: AnatomicalFrame, tip: NDArray[np.float64], opening_radius: float
) -> list[Refinement]:
    """Where the mesh is finer than elsewhere: around the needle's opening and, if asked for, the defects."""
    finer = []
    size = to_internal(case.mesh.needle_size_mm, "mm")
    if size < to_internal(case.mesh.size_mm, "mm"):
        finer.append(Refinement(_triple(tip), _triple(tip), 2.0 * opening_radius, size))
    if case.mesh.defect_size_mm is not None:
        for defect in case.defects:
            wall = defect_point(defect, frame)
            end = wall + to_internal(defect.depth_mm or 0.0, "mm") * np.array(WALL_PLACES[defect.wall][2])
            radius = 0.5 * to_internal(defect.diameter_mm, "mm")
            size = to_internal(case.mesh.defect_size_mm, "mm")
            finer.append(Refinement(_triple(wall), _triple(end), radius, size))
    return finer


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])


def case_walls(case: Case, laws: Laws, mesh: TetMesh, frame: AnatomicalFrame, path: NeedlePath) -> Walls:
    """Conductance and permission of every boundary facet."""
    outlets = laws.outlets.group_conductances()
    track = Opening("needle_track", path.track_facets, outlets.pop("needle_track"))
    openings = [track]
    if case.outlets.foramen_open:
        foramen = mesh.facet_regions["basivertebral_foramen"]
        openings.append(Opening("basivertebral_foramen", foramen, outlets.pop("basivertebral_foramen")))
    for defect in case.defects:
        facets = facets_in_disc(mesh, defect.wall, defect_point(defect, frame), to_internal(defect.diameter_mm, "mm"))
        area = float(mesh.facet_areas[facets].sum())
        conductance = laws.defect.conductance_per_area(laws.marrow.viscosity) * area
        openings.append(Opening(SITE_BEHIND_WALL[defect.wall], facets, conductance))
    return build_walls(mesh, outlets, openings)


def lost_bone(
    defects: Sequence[Defect], mesh: TetMesh, frame: AnatomicalFrame
) -> list[tuple[Defect, NDArray[np.int64]]]:
    """The cells behind each defect whose bone is lost: a round hole along the anatomical axis that leads inwards."""
    found = []
    for defect in defects:
        if defect.depth_mm is None:
            continue
        diameter = to_internal(defect.diameter_mm, "mm")
        centre = wall_point(mesh, defect.wall, defect_point(defect, frame))
        inwards = np.array(WALL_PLACES[defect.wall][2])
        arms = mesh.cell_centroids - centre
        depth = arms @ inwards
        aside = np.linalg.norm(arms - depth[:, None] * inwards, axis=1)
        inside = (depth <= to_internal(defect.depth_mm, "mm")) & (depth >= -diameter) & (aside <= 0.5 * diameter)
        found.append((defect, np.flatnonzero(inside)))
    return found


def with_lost_bone(medium: PorousMedium, laws: Laws, lost: Sequence[tuple[Defect, NDArray[np.int64]]]) -> PorousMedium:
    """``medium`` with cavities where bone is lost."""
    porosity, permeability = medium.porosity.copy(), medium.permeability.copy()
    for defect, cells in lost:
        porosity[cells] = laws.defect.cavity_porosity
        permeability[cells] = laws.defect.cavity_permeability(to_internal(defect.diameter_mm, "mm")) * np.eye(3)
    return PorousMedium(porosity, permeability)
