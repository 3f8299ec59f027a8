"""A vertebra after a fracture: its CT and masks resampled once through the map, its bone conserved."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.body_heights import BodyHeights, Plates, body_heights, fit_plates
from meshes.fracture import BrokenPlate, Fracture, Kind, Shortening, largest_loss
from meshes.frame import frame_of_body
from meshes.images.image import Image
from meshes.interpolation import linear_values
from meshes.segmentation import without_holes
from meshes.splines import spline_values
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra

VEIN_PIECE = 1.0
"""mm; longest piece of a vein that a fracture moves as a straight line (tag D)."""

NEAR = 5.0
"""mm from bone within which the CT is moved as exactly as in it: what walls and cells look at (tag D)."""

_AT_ONCE = 16384  # points
_SUBSAMPLES = (-0.25, 0.25)  # of a voxel along each axis, whose mean a voxel after takes
_STILL = 1e-6  # mm that count as no motion


@dataclass(frozen=True)
class BreakableBody:
    """What a fracture asks of a body before.

    Attributes:
        vertebra: before.
        heights: of its body.
        plates: its endplates.
        back: y in mm of the hindmost point of the body.
    """

    vertebra: Vertebra
    heights: BodyHeights
    plates: Plates
    back: float

    @classmethod
    def of(cls, vertebra: Vertebra) -> BreakableBody:
        """Measure a vertebra."""
        body, ct, frame = vertebra.body, vertebra.ct, vertebra.frame
        back = float(frame.to_frame(ct.to_world(np.argwhere(body)))[:, 1].max())
        return cls(vertebra, body_heights(body, ct, frame), fit_plates(body, ct, frame), back)

    def largest_loss(self, kind: Kind, plate: BrokenPlate, deepest: float, band: float | None = None) -> float:
        """Largest height loss that :meth:`fracture` takes; arguments as there."""
        return largest_loss(self._shortening(kind, 1.0, deepest), self.plates, plate, band)

    def fracture(
        self, kind: Kind, height_loss: float, plate: BrokenPlate, deepest: float, band: float | None = None
    ) -> Fracture:
        """The map that breaks the body.

        Args:
            kind: ``"wedge"``, ``"biconcave"`` or ``"crush"``.
            height_loss: share of the anterior height (wedge), of that over the deepest point (biconcave), or of all.
            plate: which endplate breaks.
            deepest: depth of the deepest point of a biconcave body.
            band: share of the room between the endplates that gives way under each broken one; None for the usual.

        Raises:
            InputError: the body cannot give that much height, or has no room for the band.
        """
        return Fracture.of_body(self._shortening(kind, height_loss, deepest), self.plates, plate, band)

    def _shortening(self, kind: Kind, height_loss: float, deepest: float) -> Shortening:
        return Shortening(kind, height_loss, self.heights, deepest, self.vertebra.frame, self.back)


@dataclass(frozen=True)
class MovedVoxels:
    """The voxels after a fracture that hold something which moved, and where that comes from.

    Bone, and what lies within :data:`NEAR` of it, is the mean of eight points in each voxel; of soft tissue farther off
    one is enough.

    Attributes:
        vertebra: before.
        empty: value of the CT of what holds no bone.
        moved: (nx, ny, nz) voxels after.
        near: (n, 3) those of them at bone.
        places: (8, 3, n) fractional indices of the points in them, before.
        denser: (8, n) by how much bone at these points is denser after: the density of bone alone rises, in the
            vertebra and one voxel around it.
        far: (m, 3) the others.
        far_places: (3, m) fractional indices of their middles, before.
    """

    vertebra: Vertebra
    empty: float
    moved: NDArray[np.bool_]
    near: NDArray[np.int64]
    places: NDArray[np.float64]
    denser: NDArray[np.float64]
    far: NDArray[np.int64]
    far_places: NDArray[np.float64]

    @classmethod
    def of(cls, vertebra: Vertebra, fracture: Fracture, empty: float) -> MovedVoxels:
        """Follow the voxels of the grid back through a fracture.

        Args:
            vertebra: before.
            fracture: map in the frame of ``vertebra``.
            empty: value of the CT of what holds no bone: of marrow, which is pressed out of the band.
        """
        ct, bone = vertebra.ct, vertebra.body | vertebra.arch
        shape = np.array(bone.shape)
        places, moved = np.empty((3, bone.size)), np.empty(bone.size, dtype=bool)
        for part in _parts(bone.size):
            voxels = np.stack(np.unravel_index(np.arange(part.start, part.stop), bone.shape), axis=-1)
            after = vertebra.frame.to_frame(ct.to_world(voxels))
            before = fracture.before(after)
            moved[part] = np.abs(before[:, 2] - after[:, 2]) > _STILL
            places[:, part] = ct.to_indices(vertebra.frame.to_scanner(before)).T
        grown = ndimage.binary_dilation(moved.reshape(bone.shape))
        chosen = np.flatnonzero(grown)
        source = np.clip(np.rint(places[:, chosen]).astype(np.int64), 0, shape[:, None] - 1)
        at_bone = _near(bone, ct.spacing)[tuple(source)]
        near, far = (
            np.stack(np.unravel_index(some, bone.shape), axis=-1) for some in (chosen[at_bone], chosen[~at_bone])
        )
        around = ndimage.binary_dilation(bone, np.ones((3, 3, 3))).astype(np.float32)
        offsets = list(itertools.product(_SUBSAMPLES, repeat=3))
        points, denser = np.empty((len(offsets), 3, len(near))), np.empty((len(offsets), len(near)))
        for number, offset in enumerate(offsets):
            for part in _parts(len(near)):
                after = vertebra.frame.to_frame(ct.to_world(near[part] + np.array(offset)))
                before, ratio = fracture.origins(after)
                index = ct.to_indices(vertebra.frame.to_scanner(before)).T
                share = _linear(around, index)
                points[number, :, part], denser[number, part] = index, 1.0 + share * (1.0 / ratio - 1.0)
        return cls(vertebra, empty, grown, near, points, denser, far, places[:, chosen[~at_bone]])

    def values(self, before: NDArray[np.floating]) -> NDArray[np.float64]:
        """(nx, ny, nz) values of a CT after, of (nx, ny, nz) values before: moved, and denser where bone is pressed."""
        after = before.astype(np.float64)
        # Cubic splines blur less than linear interpolation, which would smear more cortical bone out of the mask.
        splines = ndimage.spline_filter(before, order=3)
        found = np.zeros(len(self.near))
        for places, denser in zip(self.places, self.denser, strict=True):
            found += self.empty + (spline_values(splines, places) - self.empty) * denser
        after[tuple(self.near.T)] = found / len(self.places)
        after[tuple(self.far.T)] = _linear(before, self.far_places)
        return after

    def share(self, region: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n,) share of the voxels at bone after that (nx, ny, nz) voxels before fill."""
        field = region.astype(np.float32)
        return np.sum([_linear(field, places) for places in self.places], axis=0, dtype=np.float64) / len(self.places)


def fractured(voxels: MovedVoxels) -> Vertebra:
    """The vertebra after its fracture, on the same grid.

    The density of bone rises as its volume falls, so that its mass stays: not the values but what they exceed those of
    what holds no bone by is divided by the Jacobian, in the vertebra and one voxel around it. What interpolation smears
    out of the mask, some percent, the outermost voxels that moved get back, so that the mass of the body's voxels is
    that before. Soft tissue moves with the bone and keeps its values. Axes of the frame stay; its origin and extents
    are those of the body after.

    Args:
        voxels: what a fracture moved.
    """
    vertebra, empty, near = voxels.vertebra, voxels.empty, tuple(voxels.near.T)
    ct = vertebra.ct
    hounsfield, whole, rest = voxels.values(ct.values), vertebra.body.copy(), vertebra.arch.copy()
    body, arch = voxels.share(vertebra.body), voxels.share(vertebra.arch)
    whole[voxels.moved], rest[voxels.moved] = False, False
    whole[near], rest[near] = (body >= 0.5) & (body >= arch), arch + body >= 0.5
    whole = _largest(without_holes(whole))
    skin = voxels.moved & whole & ~ndimage.binary_erosion(whole)
    missing = (ct.values[vertebra.body] - empty).sum(dtype=np.float64) - (hounsfield[whole] - empty).sum()
    hounsfield[skin] += missing * (hounsfield[skin] - empty) / (hounsfield[skin] - empty).sum()
    return replace(
        vertebra,
        ct=replace(ct, values=hounsfield.astype(np.float32)),
        body=whole,
        arch=rest & ~whole,
        frame=frame_of_body(whole, ct, vertebra.frame.axes, vertebra.frame.method),
    )


def _parts(count: int) -> Iterator[slice]:
    """Parts of so many points that what is computed of them stays near the processor."""
    return (slice(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE))


def _linear(field: NDArray[np.floating], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) values between voxels at (3, n) fractional indices; beyond the image those of its outermost voxels."""
    return linear_values(field, places.T, beyond=None)


def _near(bone: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Voxels within :data:`NEAR` of bone along the axes of the grid."""
    width = 2 * np.ceil(NEAR / spacing).astype(int) + 1
    return ndimage.maximum_filter(bone, size=tuple(width.tolist()), mode="constant")


def fractured_labels(labels: Image, vertebra: Vertebra, fracture: Fracture) -> Image:
    """A mask that was drawn on the body before, after its fracture, on its own grid.

    Args:
        labels: mask on any grid.
        vertebra: before.
        fracture: map in the frame of ``vertebra``.
    """
    voxels = np.indices(labels.values.shape).reshape(3, -1).T
    before = fracture.before(vertebra.frame.to_frame(labels.to_world(voxels)))
    there = labels.nearest_voxels(vertebra.frame.to_scanner(before))
    inside = ((there >= 0) & (there < labels.values.shape)).all(axis=1)
    values = np.zeros(len(voxels), dtype=labels.values.dtype)
    values[inside] = labels.values[tuple(there[inside].T)]
    return replace(labels, values=values.reshape(labels.values.shape))


def fractured_veins(network: VeinNetwork, before: Vertebra, after: Vertebra, fracture: Fracture) -> VeinNetwork:
    """Veins of the body before, after its fracture: they move with the bone and are pressed flat with it.

    A vein is a space in bone, so that its volume falls as that of the bone about it, and its cross-section by what its
    length does not lose; it stays round. A vein across the band becomes shorter, one along it narrower.

    Args:
        network: in the frame of ``before``.
        before: vertebra before.
        after: vertebra after.
        fracture: map in the frame of ``before``.

    Returns:
        The veins in the frame of ``after``, in segments of at most :data:`VEIN_PIECE`.
    """
    pieces = network.divided(VEIN_PIECE)
    nodes = after.frame.to_frame(before.frame.to_scanner(fracture.after(pieces.nodes)))
    moved = replace(pieces, nodes=nodes)
    middles = pieces.nodes[pieces.segments].mean(axis=1)
    narrower = fracture.jacobian(middles) * pieces.lengths / moved.lengths
    return replace(moved, diameters=pieces.diameters * np.sqrt(narrower))


def _largest(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece: a rim may lose single voxels."""
    pieces, count = ndimage.label(region, structure=np.ones((3, 3, 3)))
    return region if count == 1 else pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
