"""How a vertebra's mask lies on its CT: whether its border is one of bone, and soft tissue is what lies around it.

A mask that was stored upside down, mirrored or beside its CT has the CT's grid and yet misses the bone. Then its border
runs through bone and muscle alike, and as often as not the CT is darker on its inner side.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.images.image import Image
from meshes.images.units import HOUNSFIELD, ImageUnits
from meshes.interpolation import linear_values

FloatArray = NDArray[np.float64]

BRIGHTER_SHARE = 0.70
"""Share of a border that is brighter inside below which a mask misses the bone: the demo patient's three vertebrae have
0.91 to 0.94 under noise of 92 HU, and 0.49 to 0.71 upside down, mirrored or turned (tag D)."""

BETTER = 0.12
"""More of that share in another place of the mask from which on the mask is doubted: being 1.5 mm beside its place, a
voxel, costs the demo patient's masks 0.09 to 0.11, and 3 mm 0.17 to 0.36 (tag D)."""

SOFT_TISSUE_HU = (-150.0, 200.0)
"""HU between which the median of what lies around a vertebra is, fat of some -100 and muscle of some 55 HU; contrast
agent and a slim or a fat patient stay within (tag M)."""

SOFT_TISSUE_MIDDLE_HU = 30.0
"""HU of what lies around a vertebra in the middle: muscle with some fat; a shift is told against it (tag M)."""

FARTHEST = 8.0
"""mm by which a mask is moved to see whether it fits better: the CT that is kept around a vertebra."""

SHIFT_STEP = 2.0
"""mm between the places that are tried."""

DEPTHS = (1.0, 2.0)
"""mm from the border inwards and outwards at which the CT is compared: about its resolution, within thin processes."""

AROUND = (5.0, 6.5, 8.0)
"""mm outside of the border at which the tissue around the vertebra is taken: clear of its blurred shell."""

POINTS, SEARCH_POINTS = 4000, 800
"""Points of the border that are looked at, and those of them by which other places are tried."""

SMOOTHING = 1.5
"""mm, standard deviation of the Gaussian over the mask whose slope tells outwards."""

FLIPS = {
    (0,): "mirrored left to right",
    (1,): "turned front to back",
    (2,): "upside down",
    (0, 1): "turned by half about its long axis",
    (0, 2): "turned by half about the sagittal axis",
    (1, 2): "turned by half about the transverse axis",
    (0, 1, 2): "flipped along all three axes",
}
"""Axes of the voxels in LPS order along which a mask may be flipped, and how people call it."""

DIRECTIONS = (("left", "right"), ("back", "front"), ("head", "feet"))


@dataclass(frozen=True)
class MaskBorder:
    """Points on the border of a mask, in voxels of the CT.

    Attributes:
        ct: the whole CT.
        points: (n, 3) fractional indices.
        outwards: (n, 3) steps of 1 mm outwards, in indices.
    """

    ct: Image
    points: FloatArray
    outwards: FloatArray

    @classmethod
    def of(cls, whole: NDArray[np.bool_], corner: NDArray[np.int64], ct: Image) -> MaskBorder:
        """The border of a mask that fills a box of the CT.

        Args:
            whole: (nx, ny, nz) voxels of the box; some of them true.
            corner: (3,) index of the box's first voxel.
            ct: the whole CT.
        """
        spacing = ct.spacing
        padding = np.ceil(3.0 * SMOOTHING / spacing).astype(int)
        padded = np.pad(whole, [(size, size) for size in padding])
        blurred = ndimage.gaussian_filter(padded.astype(np.float32), SMOOTHING / spacing)
        edge = np.argwhere(padded & ~ndimage.binary_erosion(padded))
        # evenly spread, and the same in every run
        edge = edge[np.linspace(0, len(edge) - 1, min(len(edge), POINTS)).round().astype(int)]
        slope = np.stack([_slope(blurred, edge, axis) / spacing[axis] for axis in range(3)], axis=1)
        length = np.linalg.norm(slope, axis=1)
        edge, normals = edge[length > 0.0], -slope[length > 0.0] / length[length > 0.0, None]
        # the face of a voxel lies half its width, along the normal, from its centre
        outwards = normals / spacing
        half = 0.5 / np.abs(outwards).max(axis=1, keepdims=True)
        return cls(ct, edge - padding + corner + half * outwards, outwards)

    @property
    def brighter_share(self) -> float:
        """Share of the border where the CT is brighter inside than outside; 0 where most of it is beyond the CT."""
        return float(self._brighter_shares(self.points[None])[0])

    def _brighter_shares(self, places: FloatArray) -> FloatArray:
        """(m,) :attr:`brighter_share` with the border's points at (m, n, 3) places."""
        inside, outside = (
            np.mean([self._at(places + sign * depth * self.outwards) for depth in DEPTHS], axis=0)
            for sign in (-1.0, 1.0)
        )
        known = np.isfinite(inside) & np.isfinite(outside)
        count = known.sum(axis=1)
        brighter = ((inside > outside) & known).sum(axis=1) / np.maximum(count, 1)
        return np.where(2 * count > known.shape[1], brighter, 0.0)

    def around(self, labels: NDArray[np.integer]) -> FloatArray:
        """(m,) values of the CT around the vertebra where (nx, ny, nz) labels show no other."""
        places = np.concatenate([self.points + depth * self.outwards for depth in AROUND])
        voxels = np.rint(places).astype(np.int64)
        held = ((voxels >= 0) & (voxels < labels.shape)).all(axis=1)
        free = held.copy()
        free[held] = labels[tuple(voxels[held].T)] == 0
        values = self._at(places[free])
        return values[np.isfinite(values)]

    def flipped(self, axes: tuple[int, ...]) -> MaskBorder:
        """The border of the mask flipped along axes of the CT's voxels."""
        points, outwards = self.points.copy(), self.outwards.copy()
        for axis in axes:
            points[:, axis] = self.ct.values.shape[axis] - 1 - points[:, axis]
            outwards[:, axis] *= -1.0
        return replace(self, points=points, outwards=outwards)

    def moved(self, shift: FloatArray) -> MaskBorder:
        """The border moved by (3,) mm along the CT's voxel axes."""
        return replace(self, points=self.points + shift / self.ct.spacing)

    @cached_property
    def best_shift(self) -> FloatArray:
        """(3,) mm along the CT's voxel axes by which the mask fits best, none farther than :data:`FARTHEST`."""
        thin = max(len(self.points) // SEARCH_POINTS, 1)
        few = replace(self, points=self.points[::thin], outwards=self.outwards[::thin])
        steps = np.arange(-FARTHEST, FARTHEST + 0.5 * SHIFT_STEP, SHIFT_STEP)
        tried = [np.array(shift) for shift in itertools.product(steps, repeat=3) if np.linalg.norm(shift) <= FARTHEST]
        # of equally good ones the shortest
        tried.sort(key=lambda shift: float(np.linalg.norm(shift)))
        shares = few._brighter_shares(few.points + np.array(tried)[:, None] / self.ct.spacing)
        return tried[int(shares.argmax())]

    def _at(self, places: FloatArray) -> FloatArray:
        """(...,) values of the CT at (..., 3) fractional indices, not a number beyond it."""
        return linear_values(self.ct.values, places, beyond=np.nan, dtype=np.float64)


def border_warnings(
    whole: NDArray[np.bool_],
    corner: NDArray[np.int64],
    ct: Image,
    labels: NDArray[np.integer],
    units: ImageUnits,
    name: str,
) -> list[str]:
    """Sentences for the reader of the results where a mask does not lie on its bone, or the CT's values are shifted.

    Args:
        whole: (nx, ny, nz) voxels of the vertebra in a box of the CT.
        corner: (3,) index of the box's first voxel.
        ct: the whole CT.
        labels: all labels on the grid of the CT.
        units: what the CT counts.
        name: of the vertebra and its mask, for people.
    """
    border = MaskBorder.of(whole, corner, ct)
    around = border.around(labels)
    box = tuple(slice(start, start + size) for start, size in zip(corner, whole.shape, strict=True))
    inside = float(np.median(ct.values[box][whole]))
    outside = float(np.median(around)) if len(around) else np.nan
    found = []
    share = border.brighter_share
    place, fitting = _better_place(border, share)
    if share < BRIGHTER_SHARE or place:
        than = f", and {fitting:.0%} with the mask {place}" if place else ""
        found.append(
            f"{name} seems to miss the bone in the CT: of its border {share:.0%} is brighter inside than outside "
            f"({BRIGHTER_SHARE:.0%} at least){than}; its inside has a median of {inside:.0f} {units.symbol}, what lies "
            f"around it {outside:.0f} {units.symbol}; check that mask and CT belong together and point the same way"
        )
    if units is HOUNSFIELD and len(around) and not SOFT_TISSUE_HU[0] <= outside <= SOFT_TISSUE_HU[1]:
        low, high = SOFT_TISSUE_HU
        found.append(
            f"the HU of the CT look shifted by about {outside - SOFT_TISSUE_MIDDLE_HU:+.0f}: {AROUND[0]:g} to "
            f"{AROUND[-1]:g} mm around {name} the median is {outside:.0f} HU, where muscle and fat have {low:g} to "
            f"{high:g} HU; export the CT with its rescale slope and intercept, and not masked"
        )
    return found


def _better_place(border: MaskBorder, share: float) -> tuple[str, float]:
    """Another place of the mask in which its border fits better, in words, and its share; "" where there is none."""
    places = {words: border.flipped(axes) for axes, words in FLIPS.items()}
    if (shift := border.best_shift).any():
        places[f"moved by {_shift_in_words(border.ct, shift)}"] = border.moved(shift)
    shares = {words: place.brighter_share for words, place in places.items()}
    best = max(shares, key=shares.__getitem__)
    return (best, shares[best]) if shares[best] >= share + BETTER else ("", share)


def _shift_in_words(ct: Image, shift: FloatArray) -> str:
    """A shift along the voxel axes as distances in the patient's directions."""
    world = ct.affine[:3, :3] / ct.spacing @ shift
    parts = [
        f"{abs(value):.0f} mm to the {ways[0] if value > 0.0 else ways[1]}"
        for value, ways in zip(world, DIRECTIONS, strict=True)
        if abs(value) >= 0.5
    ]
    return " and ".join(parts)


def _slope(values: NDArray[np.float32], voxels: NDArray[np.int64], axis: int) -> FloatArray:
    """(n,) central differences per voxel along an axis; no voxel lies on the edge."""
    step = np.eye(3, dtype=np.int64)[axis]
    after, before = (values[tuple((voxels + sign * step).T)].astype(np.float64) for sign in (1, -1))
    return 0.5 * (after - before)
