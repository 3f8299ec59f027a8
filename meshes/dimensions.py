"""Lengths of a vertebra by which the size of a leak is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from meshes.frame import AnatomicalFrame
from meshes.interpolation import linear_values
from meshes.regions import region_area, region_facets
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

PEDICLE_LENGTH = 8.0
"""mm behind the body in which a pedicle's narrowest section is sought: from T5 to L5 some 6 to 10 mm lie between
body and lamina (tag M)."""

_PIXEL = 0.25  # mm of a section's grid
_STEP = 0.5  # mm between sections
_MARGIN = 2.0  # mm around the arch's voxels
_SMALLEST_SECTION = 5.0  # mm2; less is a stray voxel


@dataclass(frozen=True)
class PedicleSection:
    """The narrowest frontal section of a pedicle.

    Attributes:
        area: mm2.
        width: mm along x.
        height: mm along z.
        diameter: mm between its two points that lie farthest apart.
        depth: y of the section in the anatomical frame in mm.
    """

    area: float
    width: float
    height: float
    diameter: float
    depth: float


@dataclass(frozen=True)
class PedicleDiameter:
    """Largest pedicle diameter of a vertebra.

    Attributes:
        value: mm.
        source: how it was found, for the reader of the results.
    """

    value: float
    source: str


def pedicle_diameter(vertebra: Vertebra, mesh: TetMesh) -> PedicleDiameter:
    """Largest pedicle diameter: the greatest diameter at the isthmus, of the larger side, as read from a CT.

    The demo patient's L3 has 14.8 mm (left 9.5 mm wide, 12.0 mm high and 13.7 mm at most, right 9.8, 13.5 and 14.8 mm);
    pedicles of L3 are usually 9 to 11 mm wide and 14 to 16 mm high (tag M). Without an arch in the mask it is
    :func:`pedicle_diameter_by_area`, 13.2 mm there.

    Args:
        vertebra: masks and frame.
        mesh: its body with named facets.

    Raises:
        InputError: the mask has no arch and the mesh no pedicles.
    """
    sections = pedicle_sections(vertebra)
    if not sections:
        return PedicleDiameter(pedicle_diameter_by_area(mesh), "area of the pedicles' regions on the body's surface")
    side = max(sections, key=lambda name: sections[name].diameter)
    return PedicleDiameter(sections[side].diameter, f"isthmus of the {side} pedicle in the mask of the arch")


def pedicle_sections(vertebra: Vertebra) -> dict[str, PedicleSection]:
    """Narrowest section of each pedicle across the y axis, behind the body and within :data:`PEDICLE_LENGTH` of it.

    A pedicle runs askew to the y axis by 5 to 25 degrees, so its section across its own axis is narrower by up to a
    tenth (tag M). Lengths are as exact as the mask: to about a voxel.

    Returns:
        ``"left"`` and ``"right"`` -> section, without the sides on which the mask shows no pedicle.
    """
    arch, share = _in_frame(vertebra, vertebra.arch), vertebra.arch.astype(np.float32)
    sections = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        on_side = arch[sign * arch[:, 0] > 0.0]
        if on_side.size == 0:
            continue
        behind = _back_of_body(vertebra, sign) + np.arange(_STEP, PEDICLE_LENGTH + _STEP, _STEP)
        pixels = [_section(vertebra, share, on_side, float(y)) for y in behind]
        found = [number for number, own in enumerate(pixels) if len(own) * _PIXEL**2 >= _SMALLEST_SECTION]
        if found:
            narrowest = min(found, key=lambda number: len(pixels[number]))
            sections[side] = _measured(pixels[narrowest], float(behind[narrowest]))
    return sections


def pedicle_diameter_by_area(mesh: TetMesh) -> float:
    """Diameter in mm of the circle with the area at which the larger pedicle joins the body.

    Args:
        mesh: body with the facet regions ``"left_pedicle"`` and ``"right_pedicle"``.

    Raises:
        InputError: the mesh has no pedicles.
    """
    area = max(region_area(mesh, region_facets(mesh, f"{side}_pedicle")) for side in ("left", "right"))
    return math.sqrt(4.0 * area / math.pi)


def vertebral_height(frame: AnatomicalFrame) -> float:
    """Height of the body in mm through its centroid."""
    return float(np.ptp(frame.extents[2]))


def _in_frame(vertebra: Vertebra, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n, 3) centres of a mask's voxels in mm in the anatomical frame."""
    return vertebra.frame.to_frame(vertebra.ct.to_world(np.argwhere(mask)))


def _back_of_body(vertebra: Vertebra, sign: float) -> float:
    """Where the body's mask ends on one side, along y in mm."""
    body = _in_frame(vertebra, vertebra.body)
    return float(body[sign * body[:, 0] > 0.0, 1].max()) + 0.5 * vertebra.ct.voxel_volume ** (1.0 / 3.0)


def _section(
    vertebra: Vertebra, share: NDArray[np.float32], arch: NDArray[np.float64], depth: float
) -> NDArray[np.float64]:
    """(n, 2) pixels, x and z in mm, of the largest piece of the arch in a frontal plane beside voxels' centres."""
    low, high = arch.min(axis=0), arch.max(axis=0)
    x = np.arange(low[0], high[0], _PIXEL)
    z = np.arange(low[2] - _MARGIN, high[2] + _MARGIN, _PIXEL)
    # Farther from its voxels' centres than a voxel's diagonal the arch has no share of a point.
    diagonal = float(np.linalg.norm(vertebra.ct.spacing))
    beside = arch[np.abs(arch[:, 1] - depth) <= diagonal]
    if not len(beside):
        return np.empty((0, 2))
    x, z = (
        line[(line >= ends.min() - diagonal) & (line <= ends.max() + diagonal)]
        for line, ends in ((x, beside[:, 0]), (z, beside[:, 2]))
    )
    points = np.stack(np.meshgrid(x, [depth], z, indexing="ij"), axis=-1)[:, 0]
    index = vertebra.ct.to_indices(vertebra.frame.to_scanner(points))
    pieces, count = ndimage.label(linear_values(share, index) >= 0.5)
    if count == 0:
        return np.empty((0, 2))
    return points[pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])][:, [0, 2]]


def _measured(pixels: NDArray[np.float64], depth: float) -> PedicleSection:
    """The section of some pixels."""
    width, height = np.ptp(pixels, axis=0) + _PIXEL
    return PedicleSection(len(pixels) * _PIXEL**2, float(width), float(height), _farthest_apart(pixels), depth)


def _farthest_apart(pixels: NDArray[np.float64]) -> float:
    """Largest distance in mm between two of (n, 2) pixels, plus one pixel for their halves."""
    return float(pdist(pixels[ConvexHull(pixels).vertices]).max()) + _PIXEL
