"""A mask on the grid of its CT: as it is, put in its place, or resampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.errors import InputError
from meshes.images.grids import corners
from meshes.images.image import GRID_TOLERANCE, Image, Mask, check_same_grid, grid_difference

Box = tuple[slice, slice, slice]


def on_grid_of(ct: Image, mask: Mask, resample: bool, what: str = "mask") -> tuple[Mask, str]:
    """Bring a mask onto the voxels of its CT.

    A mask on the same grid stays what it is. One whose format lets it end where its segments do is put in its place,
    voxel on voxel. Any other is resampled with nearest neighbour where the user asks for it.

    Args:
        ct: the scan.
        mask: labels on any grid.
        resample: whether to resample a mask on another grid.
        what: how messages call the mask.

    Returns:
        The mask on the CT's grid, and a sentence for the reader of the results if it was resampled, else "".

    Raises:
        InputError: the grids differ and the mask is not to be resampled, or mask and CT do not overlap.
    """
    difference = grid_difference(ct, mask)
    if not difference:
        return mask, ""
    if mask.part_of_scan and (start := whole_voxels(ct, mask)) is not None:
        return _placed(ct, mask, start, what), ""
    if not resample:
        check_same_grid(ct, mask, what)
    return (
        _resampled(ct, mask, what),
        f"the {what} {mask.path} lies on another grid than the CT ({difference}) and was resampled onto it with "
        "nearest neighbour",
    )


def whole_voxels(ct: Image, mask: Image) -> NDArray[np.int64] | None:
    """(3,) index in ``ct`` of the first voxel of ``mask`` where the voxels of both coincide; None where they do not."""
    outermost = corners(mask.values.shape)
    found = ct.to_indices(mask.to_world(outermost))
    start = np.rint(found[0]).astype(np.int64)
    apart = np.abs((found - start - outermost) * ct.spacing).max()
    return start if apart <= GRID_TOLERANCE else None


def label_boxes(values: NDArray[Any]) -> list[Box | None]:
    """The box around every label, at index label - 1; None for labels that do not occur."""
    values = values.view(np.uint8) if values.dtype == np.bool_ else values
    order = np.argsort([-abs(stride) for stride in values.strides])  # as the voxels lie in memory, which is faster
    back = np.argsort(order)
    found = ndimage.find_objects(values.transpose(order))
    return [None if box is None else (box[back[0]], box[back[1]], box[back[2]]) for box in found]


def _placed(ct: Image, mask: Mask, start: NDArray[np.int64], what: str) -> Mask:
    """The mask in its place among the voxels of the CT."""
    stop = start + mask.values.shape
    low, high = np.maximum(start, 0), np.minimum(stop, ct.values.shape)
    if (low >= high).any():
        raise InputError(_apart(ct, mask, what))
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = mask.values[tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))]
    if (lost := np.count_nonzero(mask.values) - np.count_nonzero(part)) > 0:
        raise InputError(
            f"{what} {mask.path} has segments that reach out of CT {ct.path} ({lost} voxels); give the CT that they "
            "were drawn on"
        )
    values = np.zeros(ct.values.shape, dtype=mask.values.dtype)
    values[there] = part
    return replace(mask, values=values, affine=ct.affine)


def looked_up(ct: Image, mask: Mask) -> NDArray[Any]:
    """The label of the mask's voxel in which the centre of each voxel of ``ct`` lies, 0 beyond the mask."""
    values = np.zeros(ct.values.shape, dtype=mask.values.dtype)
    box = label_boxes(mask.values != 0)
    if not box or box[0] is None:
        return values
    ends = np.array([[part.start - 0.5, part.stop - 0.5] for part in box[0]])
    reach = ct.to_indices(mask.to_world(ends[[0, 1, 2], (np.indices((2, 2, 2)).reshape(3, -1)).T]))
    low = np.maximum(np.floor(reach.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(reach.max(axis=0)).astype(int) + 1, ct.values.shape)
    if (low >= high).any():
        return values
    across = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low[1:], high[1:], strict=True)], indexing="ij"))
    for i in range(low[0], high[0]):
        indices = np.concatenate([np.full((1, *across.shape[1:]), i), across])
        voxels = mask.nearest_voxels(ct.to_world(np.moveaxis(indices, 0, -1)))
        inside = ((voxels >= 0) & (voxels < mask.values.shape)).all(axis=-1)
        values[i, low[1] : high[1], low[2] : high[2]][inside] = mask.values[tuple(voxels[inside].T)]
    return values


def _resampled(ct: Image, mask: Mask, what: str) -> Mask:
    """The mask with the labels that its voxels have at the centres of those of the CT."""
    values = looked_up(ct, mask)
    if not values.any():
        raise InputError(_apart(ct, mask, what))
    return replace(mask, values=values, affine=ct.affine)


def _apart(ct: Image, mask: Mask, what: str) -> str:
    centres = [image.to_world((np.array(image.values.shape) - 1) / 2) for image in (ct, mask)]
    distance = float(np.linalg.norm(centres[1] - centres[0]))
    return (
        f"{what} {mask.path} and CT {ct.path} do not overlap: their centres lie {distance:.0f} mm apart; give the mask "
        "of this scan"
    )
