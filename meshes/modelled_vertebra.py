"""Vertebrae built from their dimensions: body with waist, concave endplates and posterior wall, pedicles, canal, arch.

They are drawn on voxels, so that all that is done with a segmented vertebra is done with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.body_heights import PLACES
from meshes.images.image import Image, Mask

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

BODY, ARCH = 1, 2
"""Labels of the parts in a mask."""

EXPONENT = 2.0
"""Of the super-ellipse of a transverse section: those of twelve bodies of one healthy spine, T4 to L4, fill 0.785 of
their boxes in the median, 0.73 to 0.83 from one body to the next, as an ellipse does (public masks,
github.com/christinab12/bone-cement-injection-planning, MIT; tag S)."""

WAIST_WIDTH, WAIST_DEPTH = 0.87, 0.95
"""Width and depth at mid-height over the largest: medians of the same bodies and of the demo's L3 (tag S)."""

PLATE_CONCAVITY = 0.07
"""Depth of each endplate's middle below its rim, as a share of the height: some 2 mm in a lumbar body (tag M)."""

WALL_CONCAVITY = 0.04
"""Depth of the posterior wall's middle in front of its edges, as a share of the depth: some 1.5 mm (tag M)."""

PEDICLE_TOP = 0.06
"""Distance of the pedicle's upper edge below the rim of the superior endplate, as a share of the height (tag M)."""

LAMINA = 6.0
"""Thickness in mm of the lamina, and of what joins it to the processes (tag M)."""

PROCESS_LENGTH = 22.0
"""mm from the lamina to the ends of the transverse and the spinous processes (tag M)."""

MARGIN = 4.0
"""mm of the grid around the vertebra."""


@dataclass(frozen=True)
class VertebraShape:
    """Dimensions of a vertebra.

    Attributes:
        width: largest of the body in mm, from right to left.
        depth: largest of the body in mm, from anterior to posterior.
        height: of the body in mm a tenth of the depth inside of its front and of its back, where morphometry reads it.
        pedicle_width: of the isthmus in mm, from medial to lateral.
        pedicle_height: of the isthmus in mm.
        canal_width: of the spinal canal in mm.
        canal_depth: of the spinal canal in mm.
        camber: angle in rad of the pedicles' axes to the sagittal plane; positive where they diverge to the back.
    """

    width: float
    depth: float
    height: float
    pedicle_width: float
    pedicle_height: float
    canal_width: float
    canal_depth: float
    camber: float


@dataclass(frozen=True)
class _Body:
    """Half the size of the box from which the body is cut, in mm."""

    width: float
    depth: float
    height: float

    @classmethod
    def of(cls, shape: VertebraShape) -> _Body:
        """The box that leaves a body of the shape's dimensions."""
        aside = np.linspace(0.0, 1.0, 201)
        behind = (1.0 - 2.0 * WALL_CONCAVITY * _hollow(aside)) * (1.0 - aside**EXPONENT) ** (1.0 / EXPONENT)
        sunk = 2.0 * PLATE_CONCAVITY * (1.0 - (1.0 - 2.0 * PLACES["anterior"]) ** 2)
        return cls(0.5 * shape.width, shape.depth / (1.0 + float(behind.max())), 0.5 * shape.height / (1.0 - sunk))


def modelled_vertebra(shape: VertebraShape, spacing: float) -> Mask:
    """Draw a vertebra on voxels.

    Args:
        shape: its dimensions.
        spacing: edge of the voxels in mm.

    Returns:
        Mask with :data:`BODY` and :data:`ARCH` in LPS voxel order, symmetric about x = 0, with the middle of the body
        at the origin.
    """
    box, pedicle_x = _Body.of(shape), 0.5 * (shape.canal_width + shape.pedicle_width)
    aside = max(box.width, pedicle_x + 0.5 * shape.pedicle_width + PROCESS_LENGTH) + MARGIN
    behind = box.depth + shape.canal_depth + LAMINA + PROCESS_LENGTH + MARGIN
    low, high = (-aside, -box.depth - MARGIN, -box.height - MARGIN), (aside, behind, box.height + MARGIN)
    axes = [
        np.arange(np.floor(a / spacing), np.ceil(b / spacing) + 1) * spacing for a, b in zip(low, high, strict=True)
    ]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    arch = _arch(shape, box, x, y, z)
    labels = np.where(_body(box, x, y, z), BODY, np.where(arch, ARCH, 0)).astype(np.uint8)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    return Mask(labels, affine)


def even_bone(mask: Mask, density: float, shell: float) -> Image:
    """Bone mineral density of a modelled vertebra in mg/cm3: even inside, with a shell blurred over one voxel.

    Args:
        mask: what :func:`modelled_vertebra` gives.
        density: inside, in mg/cm3.
        shell: mineral of the shell beyond that, in mg/cm3 times mm of its thickness.
    """
    bone = mask.values > 0
    inside = bone.copy()
    for axis in range(3):
        for step in (-1, 1):
            # The grid has a margin around the vertebra, so that nothing is rolled over its edge.
            inside &= np.roll(bone, step, axis)
    edge = float(mask.spacing[0])
    values = np.where(bone, density, 0.0) + np.where(bone & ~inside, shell / edge, 0.0)
    return Image(np.rint(values).astype(np.int16), mask.affine)


def _hollow(aside: FloatArray) -> FloatArray:
    """How far the posterior wall lies in front of its edges, over that in the middle, at shares of the half width."""
    return np.clip(1.0 - (aside / 0.6) ** 2, 0.0, 1.0)


def _body(box: _Body, x: FloatArray, y: FloatArray, z: FloatArray) -> BoolArray:
    """Voxels of the body: a super-ellipse that narrows to the waist, between two bowls, hollow behind."""
    at_waist = np.clip(1.0 - (z / box.height) ** 2, 0.0, 1.0)
    sideways = box.width * (1.0 - (1.0 - WAIST_WIDTH) * at_waist)
    forwards = box.depth * (1.0 - (1.0 - WAIST_DEPTH) * at_waist)
    hollow = 2.0 * WALL_CONCAVITY * box.depth * _hollow(np.abs(x) / box.width)
    reach = np.where(y > 0.0, forwards - hollow, forwards)
    radius = (np.abs(x / sideways) ** EXPONENT + np.abs(y / reach) ** EXPONENT) ** (1.0 / EXPONENT)
    bowl = 2.0 * PLATE_CONCAVITY * box.height * np.clip(1.0 - radius**2, 0.0, 1.0)
    return np.asarray((radius <= 1.0) & (np.abs(z) <= box.height - bowl))


def _arch(shape: VertebraShape, box: _Body, x: FloatArray, y: FloatArray, z: FloatArray) -> BoolArray:
    """Voxels of pedicles, lamina and processes, and some of the body in front of them."""
    wall, aside = box.depth, np.abs(x)
    middle = 0.5 * (shape.canal_width + shape.pedicle_width)
    level = (1.0 - 2.0 * PEDICLE_TOP) * box.height - 0.5 * shape.pedicle_height
    canal_y = wall + 0.5 * shape.canal_depth
    back = canal_y + 0.5 * shape.canal_depth + LAMINA
    centre = middle + (y - wall) * np.tan(shape.camber)
    across = ((aside - centre) / (0.5 * shape.pedicle_width)) ** 2 + ((z - level) / (0.5 * shape.pedicle_height)) ** 2
    pedicle = (across <= 1.0) & (y > 0.0) & (y <= canal_y + 0.5 * LAMINA)
    canal = ((aside / (0.5 * shape.canal_width)) ** 2 + ((y - canal_y) / (0.5 * shape.canal_depth)) ** 2) < 1.0
    outer = (aside / (0.5 * shape.canal_width + LAMINA)) ** 2 + ((y - canal_y) / (back - canal_y)) ** 2
    tall = (z >= -box.height) & (z <= level + 0.5 * shape.pedicle_height)
    lamina = (outer <= 1.0) & (y >= canal_y) & tall
    end = middle + 0.5 * shape.pedicle_width + PROCESS_LENGTH
    transverse = (
        (aside >= 0.5 * shape.canal_width)
        & (aside <= end)
        & (np.abs(y - canal_y) <= LAMINA)
        & (np.abs(z - level) <= 0.5 * shape.pedicle_height)
    )
    spinous = (aside <= 0.5 * LAMINA) & (y >= back - LAMINA) & (y <= back + PROCESS_LENGTH) & tall & (z <= level)
    return np.asarray((pedicle | lamina | transverse | spinous) & ~canal)
