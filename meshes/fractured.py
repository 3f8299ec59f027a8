"""A vertebra after a fracture: its CT and masks resampled once through the map, its bone conserved."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes.body_heights import BodyHeights, Plates, body_heights, fit_plates
from meshes.fracture import BrokenPlate, Fracture, Kind, Shortening, largest_loss
from meshes.frame import frame_of_body
from meshes.images.image import Image
from meshes.vein_network import VeinNetwork
from meshes.vertebra import Vertebra

VEIN_PIECE = 1.0
"""mm; longest piece of a vein that a fracture moves as a straight line (tag D)."""

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


def fractured(vertebra: Vertebra, fracture: Fracture, empty: float) -> Vertebra:
    """The vertebra after its fracture, on the same grid.

    A voxel after takes the mean of eight points in it. The density of bone rises as its volume falls, so that its mass
    stays: not the values but what they exceed ``empty`` by is divided by the Jacobian, in the vertebra and one voxel
    around it. What interpolation smears out of the mask, some percent, the outermost voxels that moved get back, so
    that the mass of the body's voxels is that before. Soft tissue moves with the bone and keeps its values. Axes of the
    frame stay; its origin and extents are those of the body after.

    Args:
        vertebra: before.
        fracture: map in the frame of ``vertebra``.
        empty: value of the CT of what holds no bone: of marrow, which is pressed out of the band.
    """
    ct = vertebra.ct
    moved = _moved(vertebra, fracture)
    values, body, arch = _resampled(vertebra, ct.values, fracture, empty, np.argwhere(moved))
    whole, hounsfield = vertebra.body.copy(), ct.values.astype(np.float64)
    whole[moved], hounsfield[moved] = (body >= 0.5) & (body >= arch), values
    whole = _largest(ndimage.binary_fill_holes(whole))
    rest = vertebra.arch.copy()
    rest[moved] = arch + body >= 0.5
    skin = moved & whole & ~ndimage.binary_erosion(whole)
    missing = (ct.values[vertebra.body] - empty).sum(dtype=np.float64) - (hounsfield[whole] - empty).sum()
    hounsfield[skin] += missing * (hounsfield[skin] - empty) / (hounsfield[skin] - empty).sum()
    return replace(
        vertebra,
        ct=replace(ct, values=hounsfield.astype(np.float32)),
        body=whole,
        arch=rest & ~whole,
        frame=frame_of_body(whole, ct, vertebra.frame.axes, vertebra.frame.method),
    )


def fractured_values(
    values: NDArray[np.float64], vertebra: Vertebra, fracture: Fracture, empty: float
) -> NDArray[np.float64]:
    """CT numbers of bone other than those of the CT itself, after a fracture: moved and denser as in :func:`fractured`.

    Args:
        values: (nx, ny, nz) values before on the grid of the CT.
        vertebra: before.
        fracture: map in the frame of ``vertebra``.
        empty: value of the CT of what holds no bone.

    Returns:
        (nx, ny, nz) values after on the same grid.
    """
    moved, after = _moved(vertebra, fracture), values.astype(np.float64)
    after[moved] = _resampled(vertebra, values, fracture, empty, np.argwhere(moved))[0]
    return after


def _moved(vertebra: Vertebra, fracture: Fracture) -> NDArray[np.bool_]:
    """(nx, ny, nz) voxels of the grid after that hold something which moved."""
    shape = vertebra.body.shape
    after = vertebra.frame.to_frame(vertebra.ct.to_world(np.indices(shape).reshape(3, -1).T))
    still = np.abs(fracture.before(after)[:, 2] - after[:, 2]) <= _STILL
    return ndimage.binary_dilation(~still.reshape(shape))


def _resampled(
    vertebra: Vertebra,
    before_values: NDArray[np.floating],
    fracture: Fracture,
    empty: float,
    voxels: NDArray[np.int64],
) -> tuple[NDArray[np.float64], ...]:
    """Values, and shares of body and arch, of (n, 3) voxels after."""
    ct = vertebra.ct
    around = ndimage.binary_dilation(vertebra.body | vertebra.arch, np.ones((3, 3, 3)))
    # Cubic splines blur the CT less than linear interpolation, which would smear more cortical bone out of the mask.
    fields = [(ndimage.spline_filter(before_values, order=3), 3)]
    fields += [(field.astype(np.float32), 1) for field in (vertebra.body, vertebra.arch, around)]
    sums = np.zeros((3, len(voxels)))
    for offset in itertools.product(_SUBSAMPLES, repeat=3):
        before = fracture.before(vertebra.frame.to_frame(ct.to_world(voxels + np.array(offset))))
        index = ct.to_indices(vertebra.frame.to_scanner(before)).T
        values, body, arch, near = (
            ndimage.map_coordinates(field, index, order=order, mode="nearest", prefilter=False)
            for field, order in fields
        )
        denser = 1.0 + near * (1.0 / fracture.jacobian(before) - 1.0)
        sums += np.array([empty + (values - empty) * denser, body, arch])
    return tuple(sums / len(_SUBSAMPLES) ** 3)


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
