"""What speaks against trusting a CT: metal, streaks, coarse voxels, numbers that end before the cement does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from experiments.case.units import to_clinical
from experiments.scans.postoperative import THRESHOLD_HU, TOUCHING, PostoperativeScan

STREAK_HU = -200.0
"""HU, darker than fat: inside of a body these are streaks beside metal or cement, or gas in a cleft (tag D)."""

STREAK_SHARE = 0.002
"""Share of the body's voxels so dark from which on there is a warning (tag D); by the median of 27 voxels, because
single ones are dark by noise alone: 0.3 % of the demo's body without any cement."""

METAL_VOLUME = 5.0
"""mm3 of voxels beyond the largest number of cement from which on there is a warning (tag D)."""

COARSE = 1.0
"""mm; leaks in veins of 1 to 3 mm lose most of their volume in voxels that are larger (tag D)."""


def scan_warnings(scan: PostoperativeScan) -> tuple[str, ...]:
    """Sentences for the reader of the results."""
    return (*_beyond(scan), *_streaks(scan), *_voxels(scan))


def _beyond(scan: PostoperativeScan) -> Iterator[str]:
    """Voxels that no cement has by the threshold, by whether they hang together with cement."""
    values = scan.vertebra.ct.values
    dense = values > THRESHOLD_HU[1]
    if scan.cement.kind == "mask":
        dense &= ~scan.cement.voxels
    elif (at_end := (values[scan.inside] >= values.max()).mean()) > 0.5:
        yield (
            f"{100.0 * at_end:.0f} % of the cement has the CT's largest number, {values.max():.0f} HU: the scanner cut "
            "its numbers off there, which widens the edge of the cement"
        )
    pieces, _ = ndimage.label(dense | scan.own, TOUCHING)
    near = np.unique(pieces[scan.own])
    of_cement = dense & ~scan.cement.voxels & np.isin(pieces, near)
    apart = dense & ~scan.cement.voxels & ~of_cement
    if (volume := float(of_cement.sum()) * scan.voxel) > METAL_VOLUME:
        yield (
            f"{to_clinical(volume, 'ml'):.2f} ml beside or inside of the cement are denser than {THRESHOLD_HU[1]:.0f} "
            "HU and do not count: metal, or cement in a CT that goes on beyond; for the latter give threshold_hu of "
            "[prescribed_cement] in a case file"
        )
    if (volume := float(apart.sum()) * scan.voxel) > METAL_VOLUME:
        yield (
            f"{to_clinical(volume, 'ml'):.2f} ml around the vertebra are denser than {THRESHOLD_HU[1]:.0f} HU: metal, "
            "whose streaks and bloom look like cement; check the pictures"
        )


def _streaks(scan: PostoperativeScan) -> Iterator[str]:
    body = scan.vertebra.body
    around = tuple(
        slice(max(part.start - 1, 0), part.stop + 1) for part in ndimage.find_objects(body.astype(np.uint8))[0]
    )
    smooth = ndimage.median_filter(scan.vertebra.ct.values[around], 3)
    dark = float((smooth[body[around]] < STREAK_HU).mean())
    if dark > STREAK_SHARE:
        yield (
            f"{100.0 * dark:.1f} % of the body lie below {STREAK_HU:.0f} HU: streaks beside dense cement or metal, or "
            "gas; edges and thin leaks are uncertain there"
        )


def _voxels(scan: PostoperativeScan) -> Iterator[str]:
    spacing = scan.vertebra.ct.spacing
    if spacing.max() > COARSE:
        yield (
            f"the CT's voxels are {spacing.max():.2g} mm wide: thin leaks, as in veins of 1 to 3 mm, lose volume or "
            f"are missed; use a reconstruction of {COARSE:g} mm or finer"
        )
