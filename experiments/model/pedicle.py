"""Where the pedicles join the body: from the arch that the mask shows, or else from the body's shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.errors import InputError
from meshes.vertebra import Vertebra

SAMPLE_STEP = 0.1
"""mm between the points at which an axis is looked up in the voxels."""

PARAPEDICULAR_HEIGHT = 5.0 / 6.0
"""Height of a parapedicular entry as a fraction of the pedicle's height: the middle of its upper third, above the
transverse process (tag M)."""

PARAPEDICULAR_OFFSET = 4.0
"""mm from the pedicle's outer border forwards to a parapedicular entry: an outer radius of up to 2.1 mm and a margin
(tag M)."""

ASIDE_BY_SHAPE, HEIGHT_BY_SHAPE = 0.65, 0.65
"""Centre of a pedicle that the mask does not show, as fractions of the body's half width and height: the middle of the
part of the wall that :mod:`meshes.regions` takes for the pedicle then (tag M)."""


def sign_of(side: str) -> float:
    """Sign of x on a side."""
    return 1.0 if side == "left" else -1.0


def pedicle_contact(vertebra: Vertebra, side: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the arch joins the body on one side, as the faces between voxels of the body and of the arch.

    Of several contacts the largest in area counts, since ribs and stray voxels touch the body as well.

    Args:
        vertebra: the bone.
        side: ``"left"`` or ``"right"``.

    Returns:
        (n, 3) centres of the faces in mm in the anatomical frame and their (n,) areas in mm2; n is 0 where there is
        no contact.
    """
    grid, sign = vertebra.ct, sign_of(side)
    voxels, centres, areas = [], [], []
    for axis in range(3):
        for step in (-1, 1):
            # The grid has a layer around the vertebra, so that nothing is rolled over its edge.
            touching = np.argwhere(vertebra.body & np.roll(vertebra.arch, -step, axis))
            offset = 0.5 * step * np.eye(3)[axis]
            voxels.append(touching)
            centres.append(vertebra.frame.to_frame(grid.to_world(touching + offset)))
            areas.append(np.full(len(touching), grid.voxel_volume / grid.spacing[axis]))
    voxel, centre, area = np.concatenate(voxels), np.concatenate(centres), np.concatenate(areas)
    there = (sign * centre[:, 0] > 0.0) & (centre[:, 1] > 0.0)
    voxel, centre, area = voxel[there], centre[there], area[there]
    if not len(voxel):
        return centre, area
    contact = np.zeros(vertebra.body.shape, dtype=bool)
    contact[tuple(voxel.T)] = True
    pieces, _ = ndimage.label(contact, structure=np.ones((3, 3, 3)))
    piece = pieces[tuple(voxel.T)]
    largest = piece == np.bincount(piece, weights=area).argmax()
    return centre[largest], area[largest]


def pedicle_by_shape(vertebra: Vertebra, side: str, name: str) -> NDArray[np.float64]:
    """(3,) centre in mm of a pedicle that the mask does not show: where its line meets the back of the body.

    The line runs from behind forwards at :data:`ASIDE_BY_SHAPE` and :data:`HEIGHT_BY_SHAPE` of the box around the
    body along the anatomical axes.

    Args:
        vertebra: the bone.
        side: ``"left"`` or ``"right"``.
        name: of the needle in the case file.

    Raises:
        InputError: the body does not reach this line.
    """
    voxels = vertebra.frame.to_frame(vertebra.ct.to_world(np.argwhere(vertebra.body)))
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    aside = 0.5 * (1.0 + sign_of(side) * ASIDE_BY_SHAPE)
    across, height = low[[0, 2]] + np.array([aside, HEIGHT_BY_SHAPE]) * (high - low)[[0, 2]]
    depths = np.arange(high[1], 0.0, -SAMPLE_STEP)
    line = np.stack([np.full(len(depths), across), depths, np.full(len(depths), height)], axis=1)
    return _first_in_body(
        vertebra,
        line,
        f"{name}.approach = 'transpedicular': the mask shows no {side} pedicle and the body has no upper outer end "
        "behind from which one could arise; use approach = 'free' with camber_deg and sagittal_deg",
    )


def parapedicular_entry(vertebra: Vertebra, contact: NDArray[np.float64], side: str, name: str) -> NDArray[np.float64]:
    """(3,) point in mm on the body's side wall just in front of the pedicle's outer border.

    At :data:`PARAPEDICULAR_HEIGHT` of the pedicle's height, the border is the outermost face between body and arch
    within a voxel; the entry lies :data:`PARAPEDICULAR_OFFSET` in front of it, as far outwards as the body reaches.

    Args:
        vertebra: the bone.
        contact: (n, 3) centres of the faces that :func:`pedicle_contact` finds, n > 0.
        side: ``"left"`` or ``"right"``.
        name: of the needle in the case file.

    Raises:
        InputError: the body has no side wall there.
    """
    sign = sign_of(side)
    low, high = contact[:, 2].min(), contact[:, 2].max()
    height = low + PARAPEDICULAR_HEIGHT * (high - low)
    level = np.abs(contact[:, 2] - height)
    band = contact[level <= max(float(vertebra.ct.spacing.max()), float(level.min()))]
    border = band[np.argmax(sign * band[:, 0])]
    reach = np.abs(vertebra.frame.extents[0]).max() * 2.0
    across = np.arange(reach, 0.0, -SAMPLE_STEP)
    line = np.stack(
        [sign * across, np.full(len(across), border[1] - PARAPEDICULAR_OFFSET), np.full(len(across), height)], axis=1
    )
    return _first_in_body(
        vertebra,
        line,
        f"{name}.approach = 'parapedicular': the body has no side wall in front of the pedicle at its upper third; "
        "use approach = 'free' with camber_deg and sagittal_deg",
    )


def _first_in_body(vertebra: Vertebra, line: NDArray[np.float64], refusal: str) -> NDArray[np.float64]:
    """The first of (n, 3) points of the anatomical frame that lies in the body, or an error with this text."""
    grid = vertebra.ct
    voxels = grid.nearest_voxels(vertebra.frame.to_scanner(line))
    held = np.flatnonzero(((voxels >= 0) & (voxels < vertebra.body.shape)).all(axis=1))
    inside = held[vertebra.body[tuple(voxels[held].T)]]
    if not len(inside):
        raise InputError(refusal)
    first: NDArray[np.float64] = line[inside[0]]
    return first
