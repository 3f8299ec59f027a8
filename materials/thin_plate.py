"""A gap thinner than what surrounds it, as a share of a porous medium: a parallel plate along itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def plate_permeability(
    medium: FloatArray, normal: FloatArray, share: FloatArray, conducts: FloatArray | float
) -> FloatArray:
    """Permeability of a medium that a plane gap crosses.

    Along the gap both conduct side by side, across it one after the other:
    k_along = (1 - w) k + w k_p and 1 / k_across = (1 - w) / k_across + w / k_p.

    Args:
        medium: (n, 3, 3) of the medium in mm2; the normal is one of its principal axes.
        normal: (3,) unit vector across the gap.
        share: (n,) share w of the volume that the gap takes.
        conducts: k_p of the gap in mm2, h^2 / 12 of its aperture, one for all or (n,).

    Returns:
        (n, 3, 3) mm2.
    """
    across = np.outer(normal, normal)
    along = np.eye(3) - across
    gap = np.broadcast_to(conducts, share.shape)
    left = 1.0 - share
    series = 1.0 / (left / np.einsum("i,nij,j->n", normal, medium, normal) + share / gap)
    return (
        left[:, None, None] * (along @ medium @ along)
        + (share * gap)[:, None, None] * along
        + series[:, None, None] * across
    )
