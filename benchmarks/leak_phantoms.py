"""Cement of known shape around a body, by rules of its own: nothing here knows how the product draws or grades leaks.

A ball in the canal, a sheet in the upper disc, a tube at the left, a flat blob in front, and a ball of 16 mm in the
body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.images.image import Image
from meshes.vertebra import Vertebra

FloatArray = NDArray[np.float64]

BODY = "body"
BODY_RADIUS = 8.0
"""mm of the ball in the body."""

SHEET = 1.2
"""mm, thickness of the sheet in the disc."""

SLENDERNESS = 8.0
"""Length of the tube over its diameter."""

STEP, GAP = 0.1, 0.75
"""mm by which the way out of the body is followed, and by which leaks begin beyond: half a voxel of the mask, so that
little of them lies in the body."""


@dataclass(frozen=True)
class Phantom:
    """A body of cement.

    Attributes:
        site: where ``measure`` should find it; :data:`BODY` in the body.
        shape: in words, with its size.
        centre: mm in the anatomical frame.
        reach: mm from there within which it lies.
        contains: (..., 3) mm from its centre -> whether cement is there.
    """

    site: str
    shape: str
    centre: FloatArray
    reach: float
    contains: Callable[[FloatArray], NDArray[np.bool_]]

    def voxels(self, grid: Image, patient: Vertebra) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
        """The part of a grid around it, and which of its points are cement."""
        middle = grid.to_indices(patient.frame.to_scanner(self.centre[None]))[0]
        wide = self.reach / grid.spacing
        low = np.clip(np.floor(middle - wide).astype(int), 0, grid.values.shape)
        high = np.clip(np.ceil(middle + wide).astype(int) + 1, 0, grid.values.shape)
        window = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        index = np.stack(
            np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1
        )
        return window, self.contains(patient.frame.to_frame(grid.to_world(index)) - self.centre)


def leak_phantoms(patient: Vertebra, volume: float) -> list[Phantom]:
    """One leak of a volume in mm3 at each of four places, and the cement in the body."""
    frame = patient.frame
    ball = np.cbrt(3.0 * volume / (4.0 * np.pi))
    back, above = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    edge = np.sqrt(volume / SHEET)
    diameter = np.cbrt(4.0 * volume / (np.pi * SLENDERNESS))
    length, along = SLENDERNESS * diameter, np.array([1.0, 0.2, -0.2]) / np.linalg.norm([1.0, 0.2, -0.2])
    axes = np.array([1.3, 0.7, 1.1]) * np.cbrt(3.0 * volume / (4.0 * np.pi * 1.3 * 0.7 * 1.1))
    return [
        Phantom(
            *(BODY, f"ball of {2.0 * BODY_RADIUS:g} mm", frame.point(0.0, 0.35, 0.5), BODY_RADIUS),
            lambda way: np.linalg.norm(way, axis=-1) <= BODY_RADIUS,
        ),
        Phantom(
            *("canal_posterior_wall", f"ball of {2.0 * ball:.1f} mm"),
            *(_way_out(patient, frame.point(0.2, 0.6, 0.85), back) + ball * back, ball),
            lambda way: np.linalg.norm(way, axis=-1) <= ball,
        ),
        Phantom(
            *("disc_superior", f"sheet of {SHEET:g} mm, {edge:.1f} mm wide"),
            *(_way_out(patient, frame.point(0.0, 0.45, 0.5), above) + 0.5 * SHEET * above, edge + SHEET),
            lambda way: (np.abs(way) <= 0.5 * np.array([edge, edge, SHEET])).all(axis=-1),
        ),
        Phantom(
            *("segmental_veins_left", f"tube of {diameter:.1f} mm, {length:.0f} mm long"),
            *(_way_out(patient, frame.point(0.3, 0.45, 0.5), along) + 0.5 * length * along, 0.5 * length + diameter),
            lambda way: _in_tube(way, along, length, diameter),
        ),
        Phantom(
            *("paravertebral_anterior", f"blob of {2.0 * axes[0]:.1f} x {2.0 * axes[1]:.1f} x {2.0 * axes[2]:.1f} mm"),
            *(_way_out(patient, frame.point(0.1, 0.3, 0.5), -back) - axes[1] * back, float(axes.max())),
            lambda way: ((way / axes) ** 2).sum(axis=-1) <= 1.0,
        ),
    ]


def burn(
    phantoms: Sequence[Phantom],
    patient: Vertebra,
    grid: Image,
    cement: float,
    body: NDArray[np.bool_],
    background: NDArray,
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """HU that phantoms add to a grid, and the volume of each in mm3: in the body of that in the body, of leaks outside.

    Args:
        phantoms: bodies of cement.
        patient: in whose frame they lie.
        grid: fine points.
        cement: its CT number.
        body: (nx, ny, nz) points in the body.
        background: (nx, ny, nz) CT numbers without cement.
    """
    added, volumes = np.zeros(grid.values.shape, dtype=np.float32), {}
    for phantom in phantoms:
        window, inside = phantom.voxels(grid, patient)
        added[window][inside] = cement - background[window][inside]
        counted = inside & (body[window] == (phantom.site == BODY))
        volumes[phantom.site] = float(counted.sum()) * grid.voxel_volume
    return added, volumes


def _in_tube(way: FloatArray, along: FloatArray, length: float, diameter: float) -> NDArray[np.bool_]:
    far = way @ along
    across = np.linalg.norm(way - far[..., None] * along, axis=-1)
    return (np.abs(far) <= 0.5 * length) & (across <= 0.5 * diameter)


def _way_out(patient: Vertebra, start: FloatArray, direction: FloatArray) -> FloatArray:
    """Where a straight way from inside leaves the body."""
    places = start + STEP * np.arange(1000)[:, None] * direction
    voxels = patient.ct.nearest_voxels(patient.frame.to_scanner(places))
    voxels = np.clip(voxels, 0, np.array(patient.ct.values.shape) - 1)
    return np.asarray(places[np.flatnonzero(~patient.body[tuple(voxels.T)])[0]]) + GAP * direction
