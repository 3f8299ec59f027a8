"""The defects of the case file on the body: where they lie, what they open and which bone is lost behind them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.case.schema import Case
from experiments.case.sections import Defect
from experiments.case.units import to_internal
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.holes import Hole, hole_size
from meshes.mouths import Mouth
from meshes.regions import facets_in_disc, region_facets, wall_point
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.wall_damage import facets_of_fraction, fracture_mouth

WALL_PLACES: dict[str, tuple[str, float, tuple[float, float, float]]] = {
    "left_wall": ("left", 1.0, (-1.0, 0.0, 0.0)),
    "right_wall": ("left", -1.0, (1.0, 0.0, 0.0)),
    "anterior_wall": ("depth", 0.0, (0.0, 1.0, 0.0)),
    "posterior_wall": ("depth", 1.0, (0.0, -1.0, 0.0)),
    "inferior_endplate": ("height", 0.0, (0.0, 0.0, 1.0)),
    "superior_endplate": ("height", 1.0, (0.0, 0.0, -1.0)),
}
"""Wall -> the fraction that it fixes, its value there, and the direction into the body in the anatomical frame."""

MIDDLE = {"left": 0.0, "depth": 0.5, "height": 0.5}
"""Fractions of the body's middle, about which a wall's destroyed part is refined unless it is placed."""

LEAST_FRACTURE = 0.9
"""Share of a fracture's length that must lie on its wall (tag D)."""

_ROUNDS = 6  # each leaves a quarter of the distance where the wall leans by 30 degrees
_PLANES = {
    "left": (1, 2),
    "depth": (0, 2),
    "height": (0, 1),
}  # the axes along which a fracture runs at 0 and 90 degrees


def defect_point(defect: Defect, frame: AnatomicalFrame) -> NDArray[np.float64]:
    """(3,) point in mm on or near the wall that the defect opens."""
    key, value, _ = WALL_PLACES[defect.wall]
    given = {name: getattr(defect, name) for name in MIDDLE}
    fractions = {name: MIDDLE[name] if given[name] is None else given[name] for name in MIDDLE} | {key: value}
    return frame.point(**fractions)


def defect_facets(defect: Defect, mesh: TetMesh, frame: AnatomicalFrame) -> NDArray[np.int64]:
    """Facets of the boundary that a disc or the destroyed part of a wall opens.

    Args:
        defect: disc or destroyed part.
        mesh: body with named facets.
        frame: of the body.

    Raises:
        InputError: the wall is missing on the mesh.
    """
    point = defect_point(defect, frame)
    if defect.diameter_mm is not None:
        return facets_in_disc(mesh, defect.wall, point, to_internal(defect.diameter_mm, "mm"))
    placed = bool(defect.gives(*MIDDLE))
    return facets_of_fraction(mesh, defect.wall, defect.fraction or 0.0, point if placed else None)


def check_height(defect: Defect, mesh: TetMesh, frame: AnatomicalFrame) -> None:
    """Refuse a height beyond 0 and 1 that the defect's wall does not reach.

    Raises:
        InputError: the wall ends before it, or is missing on the mesh.
    """
    if defect.height is None or 0.0 <= defect.height <= 1.0:
        return
    z = mesh.points[mesh.facets[region_facets(mesh, defect.wall)], 2]
    low, high = (frame.fractions(np.array([0.0, 0.0, end]))[2] for end in (z.min(), z.max()))
    if not low <= defect.height <= high:
        raise InputError(
            f"height = {defect.height:g} lies beyond the {defect.wall}, which reaches from {low:.2f} to {high:.2f} of "
            "the height through the body's middle; choose a height between them"
        )


def fracture(defect: Defect, mesh: TetMesh, frame: AnatomicalFrame) -> Mouth:
    """The surface in front of a fracture.

    Raises:
        InputError: the wall is missing on the mesh, or the fracture reaches beyond it.
    """
    start, end = (_over(mesh, defect.wall, end) for end in _fracture_ends(defect, frame))
    length = to_internal(defect.fracture_length_mm or 0.0, "mm")
    on_wall = wall_point(mesh, defect.wall, end) - wall_point(mesh, defect.wall, start)
    reached = float(np.linalg.norm(on_wall[list(_PLANES[WALL_PLACES[defect.wall][0]])]))
    if reached < LEAST_FRACTURE * length:
        raise InputError(
            f"only {reached:.1f} mm of fracture_length_mm = {length:g} lie on the {defect.wall}; "
            "shorten, move or turn the fracture"
        )
    return fracture_mouth(mesh, defect.wall, start, end)


def lost_bone(defect: Defect, mesh: TetMesh, frame: AnatomicalFrame) -> NDArray[np.int64]:
    """Cells behind a disc whose bone is lost: a round hole along the anatomical axis that leads inwards, if any."""
    if defect.diameter_mm is None or defect.depth_mm is None:
        return np.empty(0, dtype=np.int64)
    diameter = to_internal(defect.diameter_mm, "mm")
    centre = wall_point(mesh, defect.wall, defect_point(defect, frame))
    inwards = np.array(WALL_PLACES[defect.wall][2])
    arms = mesh.cell_centroids - centre
    depth = arms @ inwards
    aside = np.linalg.norm(arms - depth[:, None] * inwards, axis=1)
    inside = (depth <= to_internal(defect.depth_mm, "mm")) & (depth >= -diameter) & (aside <= 0.5 * diameter)
    return np.flatnonzero(inside)


def holes(case: Case, frame: AnatomicalFrame) -> list[Hole]:
    """The discs among the defects, whose outlines the mesh follows."""
    return [
        Hole(defect.wall, _triple(defect_point(defect, frame)), to_internal(defect.diameter_mm, "mm"))
        for defect in case.defects
        if defect.diameter_mm is not None
    ]


def refinements(case: Case, frame: AnatomicalFrame) -> list[Refinement]:
    """Where the mesh is finer for the defects: at discs, so that they come out round, elsewhere if the case asks.

    A destroyed part of a wall counts as a disc of its share of the rectangle between the body's extents.
    """
    finer = []
    for defect in case.defects:
        if case.mesh.defect_size_mm is not None:
            finer.append(_refinement(defect, frame, to_internal(case.mesh.defect_size_mm, "mm")))
        elif defect.diameter_mm is not None:
            size = min(hole_size(to_internal(defect.diameter_mm, "mm")), to_internal(case.mesh.size_mm, "mm"))
            finer.append(_refinement(defect, frame, size))
    return finer


def _refinement(defect: Defect, frame: AnatomicalFrame, size: float) -> Refinement:
    start = end = defect_point(defect, frame)
    radius = size
    if defect.diameter_mm is not None:
        radius = 0.5 * to_internal(defect.diameter_mm, "mm")
        end = start + to_internal(defect.depth_mm or 0.0, "mm") * np.array(WALL_PLACES[defect.wall][2])
    elif defect.fraction is not None:
        across = [axis for axis, name in enumerate(MIDDLE) if name != WALL_PLACES[defect.wall][0]]
        area = float(np.prod(np.ptp(frame.extents[across], axis=1)))
        radius = math.sqrt(defect.fraction * area / math.pi)
    else:
        start, end = _fracture_ends(defect, frame)
    return Refinement(_triple(start), _triple(end), radius, size)


def _over(mesh: TetMesh, wall: str, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) point moved across its wall until the wall's nearest point lies straight across from it, if any does.

    On a wall that caves in the nearest point alone would lie aside of it.
    """
    across = ("left", "depth", "height").index(WALL_PLACES[wall][0])
    moved = point.copy()
    for _ in range(_ROUNDS):
        moved[across] = wall_point(mesh, wall, moved)[across]
    return moved


def _fracture_ends(defect: Defect, frame: AnatomicalFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both (3,) ends of a fracture in mm on or near its wall."""
    angle = to_internal(defect.fracture_angle_deg or 0.0, "deg")
    half = np.zeros(3)
    half[list(_PLANES[WALL_PLACES[defect.wall][0]])] = math.cos(angle), math.sin(angle)
    half *= 0.5 * to_internal(defect.fracture_length_mm or 0.0, "mm")
    centre = defect_point(defect, frame)
    return centre - half, centre + half


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
