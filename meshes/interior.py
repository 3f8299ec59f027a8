"""The bone inside as the CT shows it: averaged over a length of its own, without the shell that blur spreads over it.

CT shows a shell of a third of a millimetre as a mantle of two voxels. Voxels of that mantle say nothing of the bone
that they hold; they take the values of the bone behind them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.vertebra import Vertebra

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LEAST_CORE = 0.5  # share of the largest depth of the body that is never mantle


def interior_values(vertebra: Vertebra, length: float, reach: FloatArray) -> FloatArray:
    """CT numbers of the bone inside, before any law sees them.

    The core of the body is averaged, see :func:`averaged`; nothing of the mantle or from outside of the body enters.
    All other voxels take the value of the nearest one of the core, but those of the arch are averaged in the arch.

    Args:
        vertebra: CT and masks.
        length: over which core and arch are averaged in mm; 0 leaves their voxels as they are.
        reach: (3,) depth of the mantle in mm along the axes of the grid; 0 leaves none.

    Returns:
        (nx, ny, nz) HU on the grid of the CT.
    """
    values, spacing = vertebra.ct.values.astype(np.float64), vertebra.ct.spacing
    core = vertebra.body & ~blurred_mantle(vertebra, reach)
    inside = averaged(values, core, spacing, length)
    nearest = ndimage.distance_transform_edt(~core, sampling=spacing, return_distances=False, return_indices=True)
    return np.where(vertebra.arch, averaged(values, vertebra.arch, spacing, length), inside[tuple(nearest)])


def blurred_mantle(vertebra: Vertebra, reach: FloatArray) -> Mask:
    """(nx, ny, nz) voxels of the body whose centres lie within ``reach`` of the vertebra's surface.

    Where the body passes into its arch there is no shell and no mantle. Half of the depth of a body always counts as
    its core.

    Args:
        vertebra: masks.
        reach: (3,) semi-axes in mm of the ellipsoid over which the surface is blurred; 0 leaves no mantle.
    """
    if not reach.any():
        return np.zeros_like(vertebra.body)
    voxel = vertebra.ct.spacing / reach
    # From a voxel to the nearest one outside it is half a voxel further than to the face between them.
    depth = depth_inside(vertebra.body | vertebra.arch, voxel) - 0.5 * voxel.mean()
    return vertebra.body & (depth <= min(1.0, _LEAST_CORE * float(depth[vertebra.body].max())))


def depth_inside(region: Mask, spacing: FloatArray) -> FloatArray:
    """(nx, ny, nz) distances of a region's voxels from the nearest one outside of it, 0 outside.

    Args:
        region: (nx, ny, nz).
        spacing: (3,) voxel widths; the distances are in their unit.
    """
    depth = np.zeros(region.shape)
    for box in ndimage.find_objects(region.astype(np.uint8)):
        # Beyond the layer around a region no voxel is the nearest one outside.
        around = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
        depth[around] = ndimage.distance_transform_edt(region[around], sampling=spacing)
    return depth


def averaged(values: FloatArray, inside: Mask, spacing: FloatArray, length: float) -> FloatArray:
    """Mean over a Gaussian of standard deviation ``length`` of the values inside a mask.

    Nothing outside of the mask counts: its weight goes to what is inside (normalised convolution, Knutsson and Westin
    1993). A voxel is itself a mean over its width and stands for all of it, each with a variance of a twelfth of the
    width's square along every axis; the Gaussian is narrower by both, so that the average has the same width at every
    voxel size.

    Args:
        values: (nx, ny, nz).
        inside: (nx, ny, nz) voxels that count.
        spacing: (3,) voxel widths in mm.
        length: standard deviation in mm.

    Returns:
        (nx, ny, nz); the voxels outside keep their values.
    """
    sigma, found = kernel_width(spacing, length), values.copy()
    for box in ndimage.find_objects(inside.astype(np.uint8)):
        # Nothing counts outside of the mask's box, and nothing changes there.
        within, there = inside[box], values[box]
        weight = ndimage.gaussian_filter(within.astype(np.float64), sigma, mode="constant")
        total = ndimage.gaussian_filter(np.where(within, there, 0.0), sigma, mode="constant")
        found[box][within] = total[within] / weight[within]
    return found


def noise_left(spacing: FloatArray, length: float) -> float:
    """Share of independent noise of single voxels that :func:`averaged` leaves far from the mask's edge."""
    sigma, size = kernel_width(spacing, length), 2 * np.ceil(4.0 * kernel_width(spacing, length)).astype(int) + 1
    impulse = np.zeros(size)
    impulse[tuple(size // 2)] = 1.0
    return float(np.linalg.norm(ndimage.gaussian_filter(impulse, sigma, mode="constant")))


def kernel_width(spacing: FloatArray, length: float) -> FloatArray:
    """(3,) standard deviation in voxels of the Gaussian that gives :func:`averaged` the width ``length``."""
    return np.sqrt(np.maximum(length**2 - spacing**2 / 6.0, 0.0)) / spacing
