"""How much bone a needle leaves around its shaft on its way through the pedicle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from experiments.model.pedicle import sign_of
from meshes.vertebra import Vertebra

FINE = 0.5
"""mm, at most, of the pieces of voxels between which distances are taken."""

AROUND = 10.0
"""mm of bone around the axis that is looked at: half the widest pedicle, L5's 18 mm (Zindrick 1987, M)."""

TOWARDS = {
    (0, 1): "medial",
    (0, -1): "lateral",
    (1, 1): "posterior",
    (1, -1): "anterior",
    (2, 1): "upper",
    (2, -1): "lower",
}
"""Axis and sign, towards the midline, the back or the head -> side of the pedicle."""


@dataclass(frozen=True)
class PedicleClearance:
    """The narrowest place of a needle in its pedicle.

    Attributes:
        distance: mm of bone between shaft and the pedicle's surface; negative where the shaft comes out by so much.
        place: (3,) mm in the anatomical frame, on the needle's axis.
        side: of the pedicle where that is: ``"medial"``, towards the canal, ``"lateral"``, ``"upper"``, ...
    """

    distance: float
    place: NDArray[np.float64]
    side: str

    @classmethod
    def along(
        cls, axis: NDArray[np.float64], diameter: float, side: str, vertebra: Vertebra
    ) -> PedicleClearance | None:
        """The clearance along the part of a needle that should lie in the pedicle.

        Args:
            axis: (n, 3) points of the needle's axis in mm in the anatomical frame.
            diameter: outer diameter of the needle in mm.
            side: ``"left"`` or ``"right"``, where it enters.
            vertebra: the bone.

        Returns:
            None where the mask shows no arch, or where less than half of the axis lies in the bone, because the needle
            takes another way.
        """
        if not vertebra.arch.any():
            return None
        grid, frame = vertebra.ct, vertebra.frame
        places = grid.to_indices(frame.to_scanner(axis))
        reach = AROUND / grid.spacing
        shape = np.array(vertebra.body.shape)
        low = np.clip(np.floor(places.min(axis=0) - reach).astype(int), 0, shape - 1)
        high = np.clip(np.ceil(places.max(axis=0) + reach).astype(int) + 1, low + 1, shape)
        box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
        bone = vertebra.body[box] | vertebra.arch[box]
        pieces = [math.ceil(size / FINE) for size in grid.spacing]
        for number, count in enumerate(pieces):
            bone = np.repeat(bone, count, axis=number)
        bone = np.pad(bone, 1)
        fine = grid.spacing / pieces
        # indices of pieces, of which the padding is the first
        found = (places - low + 0.5) * pieces + 0.5
        held = np.clip(np.rint(found).astype(int), 0, np.array(bone.shape) - 1)
        within = bone[tuple(held.T)]
        if 2 * np.count_nonzero(within) < len(axis):
            return None
        beyond = np.argwhere(ndimage.binary_dilation(bone) & ~bone) * fine
        skin = np.argwhere(bone & ~ndimage.binary_erosion(bone)) * fine
        depth, nearest = cKDTree(beyond).query(found * fine)
        depth[~within] = -cKDTree(skin).query(found[~within] * fine)[0]
        # the surface lies half a piece before the centre of the nearest one on its other side
        depth -= np.where(within, 0.5, -0.5) * fine.mean()
        narrow = int(depth.argmin())
        outside = (beyond[nearest[narrow]] / fine - 0.5) / pieces - 0.5 + low
        return cls(
            distance=float(depth[narrow]) - 0.5 * diameter,
            place=axis[narrow],
            side=_side(frame.to_frame(grid.to_world(outside)) - axis[narrow], side),
        )


def _side(way: NDArray[np.float64], side: str) -> str:
    """Which side of the pedicle a (3,) way from the axis leads to."""
    towards = way * np.array([-sign_of(side), 1.0, 1.0])
    axis = int(np.abs(towards).argmax())
    return TOWARDS[axis, 1 if towards[axis] > 0.0 else -1]
