"""What of a needle's way deserves a look though it can be run: a side mistaken, an odd angle, a pedicle left."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from experiments.case.units import to_clinical
from experiments.model.pedicle import sign_of
from experiments.model.pedicle_clearance import PedicleClearance

ACROSS_MIDLINE = 2.0
"""mm by which a tip may lie across the midline from its side: the frame's midsagittal plane is known to about a voxel,
and a unilateral needle ends at the midline (tag D)."""

OUT_OF_BODY = 0.5
"""mm by which a shaft may come out of the body near its tip: the voxels know the surface to about that (tag D)."""

CAMBER_DEG = (-10.0, 50.0)
"""deg of camber to be expected: the axes of pedicles have -4 (T12) to 30 (L5) (Zindrick 1987,
doi 10.1097/00007632-198703000-00012), and a needle in them is turned outwards by a few, towards the midline by up to 20
as one from one side is (tag M)."""


def doubts(
    name: str,
    side: str,
    tip: NDArray[np.float64],
    camber: float,
    outer_diameter: float,
    clearance: PedicleClearance | None,
    within: float,
) -> Iterator[str]:
    """Sentences for the reader of the results.

    Args:
        name: of the needle in the case file.
        side: ``"left"`` or ``"right"``, where it enters.
        tip: (3,) mm in the anatomical frame.
        camber: in rad, positive when the tip points to the midline.
        outer_diameter: of the needle in mm.
        clearance: bone around the shaft in the pedicle; None where it takes another way, or the mask shows none.
        within: mm from the needle's axis near the tip to the body's surface.
    """
    across = -sign_of(side) * float(tip[0])
    if across > ACROSS_MIDLINE:
        yield (
            f"{name} enters on the {side}, but its tip lies {across:.0f} mm across the midline; if that is not "
            "meant, correct side or the sign of left, which is positive on the patient's left"
        )
    angle, (low, high) = to_clinical(camber, "deg"), CAMBER_DEG
    if not low <= angle <= high:
        yield (
            f"{name} has a camber of {angle:.0f} deg, where {low:g} to {high:g} deg are to be expected (axes of "
            "pedicles by Zindrick 1987, -4 to 30 deg, and 20 more towards the midline); check its side, target and "
            "angles"
        )
    if clearance is not None and clearance.distance < 0.0:
        where = "medial side, towards the canal" if clearance.side == "medial" else f"{clearance.side} side"
        yield (
            f"{name}: its shaft of {outer_diameter:.1f} mm comes {-clearance.distance:.1f} mm out of the "
            f"{side} pedicle on the {where}; take a thinner needle, another target or another approach"
        )
    out = 0.5 * outer_diameter - within
    if out > OUT_OF_BODY:
        yield (
            f"{name}: its shaft of {outer_diameter:.1f} mm comes {out:.1f} mm out of the body's wall near the tip; "
            "take another target or another approach"
        )
