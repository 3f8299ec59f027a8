"""A vertebra before its operation against that after it: motion, heights, and cement in former bone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.units import to_clinical
from experiments.results.builders import height_results
from experiments.results.parts.scan import BeforeResults
from experiments.scans.heights import heights_of
from experiments.scans.leaks import OutsideCement
from experiments.scans.postoperative import PostoperativeScan
from experiments.scans.registration import RigidMotion, register_bodies
from meshes.body_heights import PLACES, body_heights
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.surface import Surface, nearest_points
from meshes.vertebra import Vertebra
from meshes.voxel_surface import voxel_surface

LEAST_DICE = 0.6
"""Overlap of the registered bodies below which they are not the same vertebra (tag D)."""


def before_results(before: Vertebra, scan: PostoperativeScan, outside: OutsideCement) -> BeforeResults:
    """Set the vertebra of a pre-operative CT beside that of the post-operative one.

    Heights before are taken at the places of the body after, carried into the scan before.

    Args:
        before: vertebra in the CT before.
        scan: vertebra and cement after.
        outside: leaks after.

    Raises:
        InputError: the two bodies do not fit each other.
    """
    motion = register_bodies(before, scan.vertebra)
    dice = _dice(before, scan.vertebra, motion)
    if dice < LEAST_DICE:
        raise InputError(
            f"the body of {before.level} in {before.ct.path} does not fit that of {scan.vertebra.level} in "
            f"{scan.vertebra.ct.path}: registered, they overlap by {dice:.2f} (Dice, at least {LEAST_DICE} is "
            "expected); check that both are the same vertebra of the same patient"
        )
    now = heights_of(scan.vertebra)
    try:
        then = body_heights(before.body, before.ct, _carried(scan.vertebra.frame, motion.inverse))
    except ValueError as error:
        raise InputError(
            f"the heights of {before.level} before cannot be measured: {error}; correct the mask"
        ) from None
    cement = scan.inside.copy()
    for leak in outside.leaks:
        cement[tuple(leak.voxels.T)] = True
    in_bone = _inside(before, motion.inverse(scan.vertebra.ct.to_world(np.argwhere(cement)))).mean()
    volume = float(cement.sum()) * scan.voxel
    way = motion(before.frame.origin) - before.frame.origin
    return BeforeResults(
        before_to_after=tuple(tuple(row) for row in motion.matrix.tolist()),
        rotation_deg=motion.angle,
        translation_mm=float(np.linalg.norm(way)),
        body_dice=dice,
        surface_distance_mm=_surface_distance(before, scan.vertebra, motion),
        heights=height_results(then),
        height_change_mm={place: getattr(now, place) - getattr(then, place) for place in PLACES},
        body_ml=to_clinical(before.body_volume, "ml"),
        cement_in_bone_ml=to_clinical(float(in_bone) * volume, "ml"),
        cement_in_bone_share=float(in_bone),
    )


def _carried(frame: AnatomicalFrame, motion: RigidMotion) -> AnatomicalFrame:
    """A frame moved along."""
    return AnatomicalFrame(motion(frame.origin), frame.axes @ motion.matrix[:3, :3].T, frame.extents, frame.method)


def _inside(vertebra: Vertebra, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether (n, 3) points in the scanner's LPS mm lie in the body."""
    index = vertebra.ct.to_indices(points).T
    return ndimage.map_coordinates(vertebra.body.astype(np.float32), index, order=1) >= 0.5


def _dice(before: Vertebra, after: Vertebra, motion: RigidMotion) -> float:
    points = motion.inverse(after.ct.to_world(np.argwhere(after.body)))
    common = float(_inside(before, points).sum()) * after.ct.voxel_volume
    return 2.0 * common / (before.body_volume + after.body_volume)


def _surface_distance(before: Vertebra, after: Vertebra, motion: RigidMotion) -> float:
    """Mean distance of each surface's points to the other surface, both ways."""
    first = voxel_surface(before.body, before.ct, before.frame)
    first = Surface(after.frame.to_frame(motion(before.frame.to_scanner(first.points))), first.triangles)
    second = voxel_surface(after.body, after.ct, after.frame)
    ways = [
        np.linalg.norm(nearest_points(one, other.points) - other.points, axis=1).mean()
        for one, other in ((first, second), (second, first))
    ]
    return float(np.mean(ways))
