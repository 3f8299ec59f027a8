"""A ball of bone with a thin dense shell as a CT shows it: blurred, averaged over voxels, noisy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.vertebra import Vertebra

RADIUS, THICKNESS, BLUR = 13.0, 0.35, 0.6
"""mm: of the ball, of its shell, and standard deviation of the scanner's blur."""

SHELL_HU, OUTSIDE_HU = 1250.0, 20.0

FloatArray = NDArray[np.float64]


def imaged_ball(
    inside: Callable[[FloatArray], FloatArray],
    voxel: float | tuple[float, float, float] = 1.5,
    noise: float = 0.0,
    thickness: float = THICKNESS,
) -> Vertebra:
    """The ball about the origin of its frame.

    Args:
        inside: HU of the bone at (..., 3) places in mm, blur included.
        voxel: width of the voxels in mm.
        noise: standard deviation in HU, independent from voxel to voxel.
        thickness: of the shell in mm.
    """
    spacing = np.broadcast_to(np.asarray(voxel, dtype=float), 3)
    half = np.ceil((RADIUS + 2.0) / spacing).astype(int)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -half * spacing + 0.13  # the grid is not centred on the ball
    centres = np.stack(np.meshgrid(*(np.arange(2 * n + 1) for n in half), indexing="ij"), axis=-1) * spacing
    centres += affine[:3, 3]
    parts = np.maximum(2, np.ceil(spacing / 0.75).astype(int))
    offsets = [width * ((np.arange(n) + 0.5) / n - 0.5) for width, n in zip(spacing, parts, strict=True)]
    values = np.zeros(centres.shape[:3])
    for offset in np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, 3):
        points = centres + offset
        depth = RADIUS - np.linalg.norm(points, axis=-1)
        wall, behind = (0.5 * (1.0 + erf((depth - start) / (np.sqrt(2.0) * BLUR))) for start in (0.0, thickness))
        values += OUTSIDE_HU * (1.0 - wall) + SHELL_HU * (wall - behind) + inside(points) * behind
    values /= parts.prod()
    values += noise * np.random.default_rng(7).normal(size=values.shape)
    body = np.linalg.norm(centres, axis=-1) <= RADIUS
    frame = AnatomicalFrame(np.zeros(3), np.eye(3), RADIUS * np.tile([-1.0, 1.0], (3, 1)), "landmarks")
    return Vertebra("L3", 22, "verse", Image(values.astype(np.float32), affine), body, np.zeros_like(body), frame)
