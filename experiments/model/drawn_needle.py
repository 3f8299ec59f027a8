"""A needle that a user has drawn over the scan: which end of its line is the tip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.model.pedicle import sign_of
from meshes.errors import InputError
from meshes.line_markup import read_line
from meshes.vertebra import Vertebra


def drawn_ends(path: Path, vertebra: Vertebra, side: str, name: str) -> NDArray[np.float64]:
    """Where a drawn needle comes from and its tip.

    The tip is the end in the body, or the one further in front where both are.

    Args:
        path: line markup.
        vertebra: the bone.
        side: on which the needle enters.
        name: of the needle in the case file.

    Returns:
        (2, 3) mm in the anatomical frame, the tip second.

    Raises:
        InputError: the file cannot be used, no end lies in the body, or the line comes from the other side.
    """
    ends = vertebra.frame.to_frame(read_line(path))
    voxels = vertebra.ct.nearest_voxels(vertebra.frame.to_scanner(ends))
    held = ((voxels >= 0) & (voxels < vertebra.body.shape)).all(axis=1)
    inside = held.copy()
    inside[held] = vertebra.body[tuple(voxels[held].T)]
    if not inside.any():
        nearest = vertebra.frame.to_frame(vertebra.ct.to_world(np.argwhere(vertebra.body)))
        apart = min(float(np.linalg.norm(nearest - end, axis=1).min()) for end in ends)
        raise InputError(
            f"{name}.line = {str(path)!r}: no end of the line lies in the body of {vertebra.level}, the nearer one is "
            f"{apart:.0f} mm away; draw the tip into the body, on this scan"
        )
    tip = int(inside[1]) if inside.sum() == 1 else int(ends[:, 1].argmin())
    start = ends[1 - tip]
    if sign_of(side) * start[0] < 0.0 and sign_of(side) * (start - ends[tip])[0] < 0.0:
        other = "right" if side == "left" else "left"
        raise InputError(
            f"{name}.line = {str(path)!r}: the needle comes from the patient's {other}, but side = '{side}'; correct "
            "the side or the line"
        )
    return ends[[1 - tip, tip]]
