"""Where the needles go: from the plan's fractions to tips, axes, the places of the openings and the facets crossed.

Everything but the facets follows from the vertebra's voxels, so that a mesh can be made finer around the openings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.case.sections import Needle
from experiments.case.units import to_clinical, to_internal
from experiments.model.bone import PEDICLE_LENGTH, Bone
from experiments.model.drawn_needle import drawn_ends
from experiments.model.needle_doubts import doubts
from experiments.model.pedicle import SAMPLE_STEP, parapedicular_entry, pedicle_by_shape, sign_of
from experiments.model.pedicle_clearance import PedicleClearance
from materials.cannula import Cannula
from meshes.errors import InputError
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

REACH_OUTSIDE = 1.5
"""mm by which the needle's axis may leave the segmented bone between its entry and the tip."""

WITHDRAWAL_STEP = 1.5
"""mm between the places of a needle that is drawn back, at most: below the smallest bore (1.6 mm, 14G), so that the
openings of neighbouring places overlap (tag D)."""

SHAFT_BEHIND_ENTRY = 15.0
"""mm of the shaft behind a parapedicular entry that should run beside the pedicle: about a pedicle's length (tag M)."""

FREE_ENTRY_REACH = 3.0
"""mm between a free needle's entry and the pedicle's base above which the run warns (tag D)."""

NEAR_TIP = 5.0
"""mm behind the tip in which the shaft is looked at beside the body's wall; behind that it comes through one (D)."""

MOVE_TARGET = "move the target towards the needle's side, change its height"
"""What to do about a way to a target that leaves the bone."""


@dataclass(frozen=True)
class NeedlePath:
    """A straight needle in the anatomical frame.

    Attributes:
        number: which needle of the procedure this is, from 0.
        side: ``"left"`` or ``"right"``, where it enters.
        tip: (3,) mm, where it ends before it is drawn back.
        direction: (3,) unit vector from the entry to the tip.
        entry: (3,) mm, where its axis enters the body.
        camber: angle to the sagittal plane in rad, positive when the tip points to the midline.
        sagittal: angle to the axial plane in rad, positive when the tip points down.
        outer_diameter: of the needle in mm.
        opening_positions: (n, 3) mm, the places of the opening one after the other while the needle is drawn back.
        opening_radius: mm of the sphere that stands for the opening.
        clearance: bone around the shaft in the pedicle; None where it takes another way, or the mask shows none.
        warnings: sentences for the reader of the results.
        track_facets: rows of the mesh's ``facets`` that the needle crosses on its way into the body; see
            :func:`with_track`.
    """

    number: int
    side: str
    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    entry: NDArray[np.float64]
    camber: float
    sagittal: float
    outer_diameter: float
    opening_positions: NDArray[np.float64]
    opening_radius: float
    clearance: PedicleClearance | None = None
    warnings: tuple[str, ...] = ()
    track_facets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def plan_paths(
    needles: Sequence[Needle], cannulas: Sequence[Cannula], vertebra: Vertebra, measured: Bone | None = None
) -> tuple[NeedlePath, ...]:
    """Lay every needle to its tip: through the pedicle, beside it, or along its angles.

    Args:
        needles: the plan.
        cannulas: what each needle is made of.
        vertebra: the bone.
        measured: the same bone, for callers that lay many plans in it; measured anew by default.

    Raises:
        InputError: a target, a path or an opening lies outside the bone, the mask shows no pedicle on a needle's side,
            or two needles open in the same place.
    """
    bone = measured or Bone(vertebra)
    paths = tuple(
        _plan_path(number, needle, cannula, bone)
        for number, (needle, cannula) in enumerate(zip(needles, cannulas, strict=True))
    )
    for one, other in combinations(paths, 2):
        arms = one.opening_positions[:, None] - other.opening_positions
        distance, least = float(np.linalg.norm(arms, axis=2).min()), one.opening_radius + other.opening_radius
        if distance < least:
            raise InputError(
                f"needles[{other.number + 1}] opens {distance:.1f} mm from where needles[{one.number + 1}] does, but "
                f"their openings need {least:.1f} mm at least; move one of the targets or withdraw_mm"
            )
    return paths


def with_track(path: NeedlePath, mesh: TetMesh) -> NeedlePath:
    """``path`` with the facets of ``mesh`` that the needle crosses."""
    return replace(path, track_facets=_crossed_facets(mesh, path.tip, path.direction, 0.5 * path.outer_diameter))


def angles_of(direction: NDArray[np.float64], side: str) -> tuple[float, float]:
    """Camber and sagittal angle in rad of a (3,) unit vector of a needle that enters on ``side``."""
    return math.atan2(-sign_of(side) * direction[0], -direction[1]), math.asin(-direction[2])


def direction_of(camber: float, sagittal: float, side: str) -> NDArray[np.float64]:
    """(3,) unit vector from the entry to the tip, of angles in rad; the inverse of :func:`angles_of`."""
    return np.array(
        [
            -sign_of(side) * math.sin(camber) * math.cos(sagittal),
            -math.cos(camber) * math.cos(sagittal),
            -math.sin(sagittal),
        ]
    )


class _Way(NamedTuple):
    """A needle's straight way through the body, in mm, and what its reader should know."""

    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    entry: NDArray[np.float64]
    warnings: tuple[str, ...]


def _plan_path(number: int, needle: Needle, cannula: Cannula, bone: Bone) -> NeedlePath:
    name = f"needles[{number + 1}]"
    find = {
        "transpedicular": _through_pedicle,
        "parapedicular": _beside_pedicle,
        "free": _along_angles,
        "drawn": _along_line,
    }
    tip, direction, entry, warnings = find[needle.approach](needle, bone, name)
    camber, sagittal = angles_of(direction, needle.side)
    opening, radius = tip, 0.5 * cannula.bore
    if needle.opening == "side":
        opening, radius = _side_window(tip, direction, cannula, sign_of(needle.side))
    in_pedicle = _line(entry, entry - PEDICLE_LENGTH * direction)
    clearance = PedicleClearance.along(in_pedicle, cannula.outer_diameter, needle.side, bone.vertebra)
    within = float(bone.within_body(_line(tip, tip - NEAR_TIP * direction)).min())
    doubted = doubts(name, needle.side, tip, camber, cannula.outer_diameter, clearance, within)
    return NeedlePath(
        number=number,
        side=needle.side,
        tip=tip,
        direction=direction,
        entry=entry,
        camber=camber,
        sagittal=sagittal,
        outer_diameter=cannula.outer_diameter,
        opening_positions=_withdrawn(opening, direction, to_internal(needle.withdraw_mm, "mm"), bone, name),
        opening_radius=radius,
        clearance=clearance,
        warnings=(*warnings, *doubted),
    )


def _through_pedicle(needle: Needle, bone: Bone, name: str) -> _Way:
    """From the pedicle's centre to the target, or along the angles down to the target's depth."""
    warnings: tuple[str, ...] = ()
    if bone.has_arch:
        centres, areas = bone.pedicle(needle.side, needle.approach, name)
        entry = np.average(centres, axis=0, weights=areas)
    else:
        entry = pedicle_by_shape(bone.vertebra, needle.side, name)
        warnings = (
            f"{name}: the mask shows no arch, so the centre of the {needle.side} pedicle is taken from the body's "
            "shape and the needle's way behind the body is not checked",
        )
    tip = _tip_along_angles(needle, bone, entry, name) if needle.by_angles else _target(needle, bone, name)
    direction = _unit(tip - entry)
    remedy = "change camber_deg and sagittal_deg" if needle.by_angles else MOVE_TARGET
    start = f"the {needle.side} pedicle"
    if bone.has_arch:
        _check_way(bone.outside_bone(_line(entry - PEDICLE_LENGTH * direction, tip)), name, start, remedy)
    else:
        _check_way(bone.outside_body(_line(entry, tip)), name, start, remedy)
    return _Way(tip, direction, entry, warnings)


def _beside_pedicle(needle: Needle, bone: Bone, name: str) -> _Way:
    """From the side wall beside the pedicle to the target."""
    tip = _target(needle, bone, name)
    contact, _ = bone.pedicle(needle.side, needle.approach, name)
    entry = parapedicular_entry(bone.vertebra, contact, needle.side, name)
    _check_way(bone.outside_body(_line(entry, tip)), name, f"its entry beside the {needle.side} pedicle", MOVE_TARGET)
    direction = _unit(tip - entry)
    return _Way(tip, direction, entry, _warn_through_pedicle(bone, entry, direction, needle.side, name))


def _along_angles(needle: Needle, bone: Bone, name: str) -> _Way:
    """To the target at the needle's angles."""
    return _straight_in(_target(needle, bone, name), _direction(needle), needle.side, bone, name, MOVE_TARGET)


def _along_line(needle: Needle, bone: Bone, name: str) -> _Way:
    """Along the line that was drawn."""
    if needle.line is None:
        raise ValueError("a checked needle that is drawn has a line")
    start, tip = drawn_ends(needle.line, bone.vertebra, needle.side, name)
    return _straight_in(tip, _unit(tip - start), needle.side, bone, name, "draw the line through the bone")


def _straight_in(
    tip: NDArray[np.float64], direction: NDArray[np.float64], side: str, bone: Bone, name: str, remedy: str
) -> _Way:
    """The way to a tip from where its axis enters the body."""
    entry = _way_back(bone, tip, direction)
    _check_way(bone.outside_body(_line(entry, tip)), name, "its entry into the body", remedy)
    return _Way(tip, direction, entry, _warn_beside_pedicle(bone, entry, side, name))


def _target(needle: Needle, bone: Bone, name: str) -> NDArray[np.float64]:
    left, depth, height = needle.target
    tip = bone.vertebra.frame.point(left, depth, height)
    if bone.outside_body(tip[None])[0] > 0.0:
        raise InputError(
            f"{name}: the target (left = {left:g}, depth = {depth:g}, height = {height:g}, fractions of the body) lies "
            f"outside the bone of {bone.vertebra.level}; move it towards the middle (left 0, depth 0.5, height 0.5)"
        )
    return tip


def _tip_along_angles(needle: Needle, bone: Bone, entry: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """(3,) point in mm where the axis from ``entry`` at the needle's angles comes to the target's depth."""
    frame, direction = bone.vertebra.frame, _direction(needle)
    middle = frame.point(0.0, needle.depth, 0.5)
    forwards = middle[1] - entry[1]
    if forwards >= 0.0:
        raise InputError(
            f"{name}.depth = {needle.depth:g} lies behind the base of the {needle.side} pedicle at depth "
            f"{frame.fractions(entry)[1]:.2f} (fractions of the body), from which its angles lead forwards; choose a "
            "smaller one, 0.25 is usual"
        )
    tip: NDArray[np.float64] = entry + forwards / direction[1] * direction
    if bone.outside_body(tip[None])[0] > 0.0:
        camber, sagittal = (to_clinical(angle, "deg") for angle in angles_of(_unit(middle - entry), needle.side))
        raise InputError(
            f"{name}: at camber_deg = {needle.camber_deg:g} and sagittal_deg = {needle.sagittal_deg:g} the axis "
            f"through the {needle.side} pedicle comes to depth = {needle.depth:g} outside the bone of "
            f"{bone.vertebra.level}; {camber:.0f} and {sagittal:.0f} deg would lead to the middle of the body there"
        )
    return tip


def _direction(needle: Needle) -> NDArray[np.float64]:
    """(3,) unit vector along the needle's own angles."""
    return direction_of(
        to_internal(needle.camber_deg or 0.0, "deg"), to_internal(needle.sagittal_deg or 0.0, "deg"), needle.side
    )


def _way_back(bone: Bone, tip: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) point in mm at which the axis enters the body for the first time on its way to the tip."""
    reach = float(np.linalg.norm(np.array(bone.vertebra.body.shape) * bone.vertebra.ct.spacing))
    points = tip - np.arange(0.0, reach, SAMPLE_STEP)[:, None] * direction
    entry: NDArray[np.float64] = points[np.flatnonzero(bone.outside_body(points) == 0.0)[-1]]
    return entry


def _line(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points from ``start`` to ``end``, :data:`SAMPLE_STEP` apart."""
    count = max(math.ceil(float(np.linalg.norm(end - start)) / SAMPLE_STEP), 1)
    return start + np.linspace(0.0, 1.0, count + 1)[:, None] * (end - start)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def _check_way(outside: NDArray[np.float64], name: str, start: str, remedy: str) -> None:
    """Refuse a way whose points lie too far ``outside`` the bone, in mm."""
    reach = float(outside.max())
    if reach > REACH_OUTSIDE:
        raise InputError(
            f"{name}: the straight path from {start} to the target leaves the bone by {reach:.1f} mm (allowed 0 to "
            f"{REACH_OUTSIDE:g} mm); {remedy} or take another approach"
        )


def _warn_beside_pedicle(bone: Bone, entry: NDArray[np.float64], side: str, name: str) -> tuple[str, ...]:
    contact, _ = bone.contact[side]
    if not len(contact):
        return ()
    beside = float(np.linalg.norm(contact - entry, axis=1).min())
    if beside <= FREE_ENTRY_REACH:
        return ()
    return (
        f"{name} enters the body {beside:.0f} mm beside the base of its {side} pedicle: check that its angles spare "
        "the canal and the nerve roots",
    )


def _warn_through_pedicle(
    bone: Bone, entry: NDArray[np.float64], direction: NDArray[np.float64], side: str, name: str
) -> tuple[str, ...]:
    shaft = _line(entry, entry - SHAFT_BEHIND_ENTRY * direction)
    within = float((bone.outside_bone(shaft) == 0.0).mean()) * SHAFT_BEHIND_ENTRY
    if within <= REACH_OUTSIDE:
        return ()
    return (
        f"{name}: {within:.0f} mm of the shaft behind its parapedicular entry run through the {side} pedicle or its "
        "processes; a target nearer to the midline leads the needle beside them",
    )


def _side_window(
    tip: NDArray[np.float64], direction: NDArray[np.float64], cannula: Cannula, sign: float
) -> tuple[NDArray[np.float64], float]:
    """Centre (3,) and radius in mm of the sphere that stands for a window in the shaft just behind the tip.

    The window faces the midsagittal plane and is taken as one bore wide and two long; its sphere has the radius of a
    circle as large (tag M).
    """
    to_midline = np.array([-math.copysign(1.0, tip[0]) if tip[0] else -sign, 0.0, 0.0])
    outwards = to_midline - (to_midline @ direction) * direction
    outwards /= np.linalg.norm(outwards)
    centre = tip - cannula.bore * direction + 0.5 * cannula.outer_diameter * outwards
    return centre, cannula.bore * math.sqrt(2.0 / math.pi)


def _withdrawn(
    opening: NDArray[np.float64], direction: NDArray[np.float64], distance: float, bone: Bone, name: str
) -> NDArray[np.float64]:
    """(n, 3) places of an opening in mm in equal steps of :data:`WITHDRAWAL_STEP` at most, all of them in the body."""
    way = _line(opening, opening - distance * direction)
    outside = np.flatnonzero(bone.outside_body(way) > 0.0)
    if len(outside) and outside[0] == 0:
        raise InputError(
            f"{name}.opening = 'side': the window beside the tip lies outside the bone of {bone.vertebra.level}; move "
            "the target away from the wall or choose opening = 'front'"
        )
    if len(outside):
        possible = math.floor(10.0 * (outside[0] - 1) * distance / (len(way) - 1)) / 10.0
        raise InputError(
            f"{name}.withdraw_mm = {distance:g} draws the opening out of the body of {bone.vertebra.level}; choose 0 "
            f"to {possible:g} mm"
        )
    steps = math.ceil(distance / WITHDRAWAL_STEP)
    return opening - np.linspace(0.0, distance, steps + 1)[:, None] * direction


def _crossed_facets(
    mesh: TetMesh, tip: NDArray[np.float64], direction: NDArray[np.float64], radius: float
) -> NDArray[np.int64]:
    """Facets within ``radius`` of the axis where it first leaves the body, going back from the tip; at least one."""
    arms = mesh.facet_centroids - tip
    behind = -arms @ direction
    distance = np.linalg.norm(arms + behind[:, None] * direction, axis=1)
    candidates = np.flatnonzero((behind > 0.0) & (mesh.facet_normals @ direction < 0.0))
    seed = candidates[np.argmin(distance[candidates])]
    near = np.linalg.norm(mesh.facet_centroids[candidates] - mesh.facet_centroids[seed], axis=1) < 4.0 * radius
    crossed = candidates[near & (distance[candidates] <= radius)]
    return crossed if len(crossed) else np.array([seed])
