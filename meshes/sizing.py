"""Where the mesh is how fine: the target size and its local refinements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError

SIZE_RANGE = (0.5, 5.0)
"""Allowed target edge length of a body's mesh in mm."""

REFINEMENT_RANGE = (0.2, 50.0)
"""Allowed radius and target edge length of a refinement in mm."""

GROWTH = 0.3
"""Growth of the target size per distance from a refinement (mm per mm)."""


@dataclass(frozen=True)
class Refinement:
    """A capsule in the anatomical frame with smaller cells inside; around it the size grows back to the bulk's.

    Attributes:
        start: (3,) one end of the capsule's axis in mm.
        end: (3,) other end in mm; equal to ``start`` for a ball.
        radius: radius of the capsule in mm.
        size: target edge length inside in mm.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float
    size: float

    def __post_init__(self) -> None:
        """Refuse sizes and radii that would never end or never be seen."""
        low, high = REFINEMENT_RANGE
        for key, length in (("radius", self.radius), ("size", self.size)):
            if not low <= length <= high:
                raise InputError(
                    f"refinement {key} = {length:g} mm is outside the allowed range {low:g} to {high:g} mm; "
                    "choose one within"
                )

    def distance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of (n, 3) points to the capsule in mm, 0 inside."""
        start = np.asarray(self.start, dtype=float)
        axis = np.asarray(self.end, dtype=float) - start
        length_squared = float(axis @ axis)
        along = np.clip((points - start) @ axis / length_squared, 0.0, 1.0) if length_squared else np.zeros(len(points))
        nearest = start + along[:, None] * axis
        return np.maximum(np.linalg.norm(points - nearest, axis=1) - self.radius, 0.0)


def target_size(
    points: NDArray[np.float64], size: float, refinements: Sequence[Refinement] = ()
) -> NDArray[np.float64]:
    """Target edge length at (n, 3) points in mm: ``size``, or less in and around the refinements."""
    target = np.full(len(points), float(size))
    for refinement in refinements:
        np.minimum(target, refinement.size + GROWTH * refinement.distance(points), out=target)
    return target


def check_size(size: float, key: str) -> None:
    """Raise :class:`~meshes.errors.InputError` unless ``size`` in mm lies in :data:`SIZE_RANGE`."""
    low, high = SIZE_RANGE
    if not low <= size <= high:
        raise InputError(
            f"{key} = {size:g} mm is outside the allowed range {low:g} to {high:g} mm; choose a size within"
        )
