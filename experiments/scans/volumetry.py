"""Volumes as the series of 585 vertebrae defines them: body in front of the pedicles, halves by the endplates' middles.

10.1186/s12891-022-05135-w. Its authors count bone from 226 HU on with what it encloses; here the mask tells bone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.sections.base import Side
from experiments.case.units import to_clinical
from experiments.results.parts.scan import VolumetryResults
from experiments.scans.postoperative import PostoperativeScan
from meshes.body_split import SplitError, split_body

SLAB = 3.0
"""mm in front of and behind the middle coronal plane in which the endplates' edges are looked for (tag D)."""

DEPTH = 4.0
"""mm below the top of the endplate, and above that of the lower one, in which its width is taken (tag D)."""


def volumetry_results(scan: PostoperativeScan, puncture_side: Side | None) -> VolumetryResults:
    """Measure a scan as the series does.

    Args:
        scan: vertebra and cement.
        puncture_side: where the needle went in; None where nobody says.
    """
    body = body_before_pedicles(scan)
    cement = scan.cement.voxels & body
    places = scan.places(cement)
    middle = midline(scan, body)
    offset = places[:, 0] - np.polyval(middle, places[:, 2])
    left = np.clip(0.5 + offset / scan.voxel_width[0], 0.0, 1.0)
    halves = {"left": float(left.sum()) * scan.voxel, "right": float((1.0 - left).sum()) * scan.voxel}
    volume, of_cement = float(body.sum()) * scan.voxel, float(cement.sum()) * scan.voxel
    punctured = None if puncture_side is None else halves[puncture_side]
    return VolumetryResults(
        body_ml=to_clinical(volume, "ml"),
        cement_ml=to_clinical(of_cement, "ml"),
        cement_ratio=of_cement / volume,
        cement_by_side_ml={name: to_clinical(half, "ml") for name, half in halves.items()},
        puncture_side=puncture_side,
        puncture_side_ml=None if punctured is None else to_clinical(punctured, "ml"),
        puncture_side_ratio=None if punctured is None else punctured / volume,
    )


def body_before_pedicles(scan: PostoperativeScan) -> NDArray[np.bool_]:
    """The vertebra in front of the plane along the anterior edge of the canal; its body where there is no canal."""
    vertebra = scan.vertebra
    try:
        split = split_body(vertebra.body | vertebra.arch, np.round(vertebra.ct.spacing, 6))
    except SplitError:
        return vertebra.body
    return ndimage.binary_fill_holes(split.body)


def midline(scan: PostoperativeScan, body: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Coefficients of x over z in mm of the line through the midpoints of both endplates in the coronal plane."""
    places = scan.places(body)
    slab = places[np.abs(places[:, 1]) <= SLAB]
    low, high = slab[:, 2].min(), slab[:, 2].max()
    ends = []
    for edge in (slab[slab[:, 2] <= low + DEPTH], slab[slab[:, 2] >= high - DEPTH]):
        ends.append((float(edge[:, 2].mean()), 0.5 * float(edge[:, 0].min() + edge[:, 0].max())))
    (z0, x0), (z1, x1) = ends
    slope = (x1 - x0) / (z1 - z0)
    return np.array([slope, x0 - slope * z0])
