"""Where the needle goes: from the plan's fractions to a tip, an axis and the facets that the needle crosses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case import Needle
from experiments.units import to_internal
from meshes.errors import InputError
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

PATH_SAMPLES = 50
REACH_OUTSIDE = 1.5
"""mm by which the needle's axis may leave the segmented bone between pedicle and tip."""


@dataclass(frozen=True)
class NeedlePath:
    """A straight needle in the anatomical frame.

    Attributes:
        tip: (3,) mm.
        direction: (3,) unit vector from the entry to the tip.
        track_facets: rows of ``mesh.facets`` that the needle crosses on its way into the body.
        camber: angle to the sagittal plane in rad, positive when the tip points to the midline.
        sagittal: angle to the axial plane in rad, positive when the tip points down.
    """

    tip: NDArray[np.float64]
    direction: NDArray[np.float64]
    track_facets: NDArray[np.int64]
    camber: float
    sagittal: float


def needle_tip(needle: Needle, vertebra: Vertebra) -> NDArray[np.float64]:
    """(3,) tip in mm in the anatomical frame.

    Raises:
        InputError: the target lies outside the bone.
    """
    left, depth, height = needle.target
    tip = vertebra.frame.point(left, depth, height)
    if outside_body(vertebra, tip[None])[0] > 0.0:
        raise InputError(
            f"needle: the target (left = {left:g}, depth = {depth:g}, height = {height:g}, fractions of the body) lies "
            f"outside the bone of {vertebra.level}; move it towards the middle (left 0, depth 0.5, height 0.5)"
        )
    return tip


def plan_path(needle: Needle, vertebra: Vertebra, mesh: TetMesh, outer_diameter: float) -> NeedlePath:
    """Lay the needle through the pedicle, or along its angles, to its tip.

    Args:
        needle: the plan.
        vertebra: the bone.
        mesh: the mesh of its body.
        outer_diameter: of the needle in mm.

    Raises:
        InputError: the target or the path lies outside the bone, or the body has no pedicle on that side.
    """
    tip = needle_tip(needle, vertebra)
    side = 1.0 if needle.side == "left" else -1.0
    if needle.approach == "transpedicular":
        pedicle = mesh.facet_regions[f"{needle.side}_pedicle"]
        if not len(pedicle):
            raise InputError(
                f"needle.approach = 'transpedicular': the mask shows no {needle.side} pedicle; use approach = 'angles' "
                "with camber_deg and sagittal_deg"
            )
        entry = np.average(mesh.facet_centroids[pedicle], axis=0, weights=mesh.facet_areas[pedicle])
        direction = (tip - entry) / np.linalg.norm(tip - entry)
        _check_path(vertebra, entry, tip, needle.side)
    else:
        camber = to_internal(needle.camber_deg or 0.0, "deg")
        sagittal = to_internal(needle.sagittal_deg or 0.0, "deg")
        direction = np.array(
            [
                -side * math.sin(camber) * math.cos(sagittal),
                -math.cos(camber) * math.cos(sagittal),
                -math.sin(sagittal),
            ]
        )
    return NeedlePath(
        tip=tip,
        direction=direction,
        track_facets=_crossed_facets(mesh, tip, direction, 0.5 * outer_diameter),
        camber=math.atan2(-side * direction[0], -direction[1]),
        sagittal=math.asin(-direction[2]),
    )


def outside_body(vertebra: Vertebra, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) distance in mm of (n, 3) points of the anatomical frame from the nearest body voxel, 0 inside."""
    return _outside(vertebra.body, vertebra, points)


def _outside(mask: NDArray[np.bool_], vertebra: Vertebra, points: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = ndimage.distance_transform_edt(~mask, sampling=vertebra.ct.spacing)
    voxels = np.rint(vertebra.ct.to_indices(vertebra.frame.to_scanner(points))).astype(int)
    inside = ((voxels >= 0) & (voxels < mask.shape)).all(axis=1)
    found = np.full(len(points), np.inf)
    found[inside] = distance[tuple(voxels[inside].T)]
    return found


def _check_path(vertebra: Vertebra, entry: NDArray[np.float64], tip: NDArray[np.float64], side: str) -> None:
    samples = entry + np.linspace(0.0, 1.0, PATH_SAMPLES)[:, None] * (tip - entry)
    reach = float(_outside(vertebra.body | vertebra.arch, vertebra, samples).max())
    if reach > REACH_OUTSIDE:
        raise InputError(
            f"needle: the straight path from the {side} pedicle to the target leaves the bone by {reach:.1f} mm "
            f"(allowed 0 to {REACH_OUTSIDE:g} mm); move needle.left to the {side} or change needle.height"
        )


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
