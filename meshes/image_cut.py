"""What of a vertebra the faces of an image cut off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.images.image import Image
from meshes.images.regrid import Box

FACES = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
PROCESSES = {
    "right": "right transverse process",
    "left": "left transverse process",
    "anterior": "front",
    "posterior": "spinous process",
    "inferior": "inferior articular and spinous processes",
    "superior": "superior articular processes",
}
"""What of an arch reaches furthest towards a face."""


@dataclass(frozen=True)
class Face:
    """A face of an image that a vertebra touches.

    Attributes:
        image: the CT, or a mask that ends inside of it; only its grid counts.
        axis: 0 to 2.
        last: whether it is the face of the highest index.
        missing: what is seen and what is missing, in words.
    """

    image: Image
    axis: int
    last: bool
    missing: str

    @property
    def name(self) -> str:
        """The patient's side that it lies on."""
        return FACES[self.axis][self.last]

    def touching(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of (n, 3) centres of voxels in LPS mm lie in its layer of voxels."""
        index = self.image.nearest_voxels(points)[:, self.axis]
        return index >= self.image.values.shape[self.axis] - 1 if self.last else index <= 0


def touched_faces(box: Box, mask: Image, complete: Box | None) -> list[Face]:
    """The faces of a mask that the box around a vertebra touches.

    Args:
        box: of the vertebra.
        mask: its image.
        complete: box of the nearest complete vertebra, by which what is missing is estimated.
    """
    found = []
    grid = Image(np.broadcast_to(np.False_, mask.values.shape), mask.affine)  # the voxels need not stay in memory
    for axis in range(3):
        seen = (box[axis].stop - box[axis].start) * mask.spacing[axis]
        missing = (complete[axis].stop - complete[axis].start) * mask.spacing[axis] - seen if complete else 0.0
        estimate = f", about {missing:.0f} mm are missing beside the nearest complete vertebra" if missing > 0 else ""
        for last in (False, True):
            if box[axis].stop == mask.values.shape[axis] if last else box[axis].start == 0:
                found.append(Face(grid, axis, last, f"{seen:.0f} mm are seen{estimate}"))
    return found


def named(faces: Sequence[Face]) -> str:
    """Faces with what is seen and what is missing, as in "posterior face of the image (20 mm are seen)"."""
    names = " and ".join(face.name for face in faces)
    amounts = "; ".join(dict.fromkeys(face.missing for face in faces))
    return f"{names} {'face' if len(faces) == 1 else 'faces'} of the image ({amounts})"


def complete_box(
    boxes: Sequence[Box | None], column: Mapping[str, int], label: int, shape: tuple[int, ...]
) -> Box | None:
    """Box of the complete vertebra whose place in the column is nearest to that of ``label``, or None."""
    numbers = list(column.values())
    if label not in numbers:
        return None
    whole = [
        (abs(place - numbers.index(label)), place)
        for place, number in enumerate(numbers)
        if number <= len(boxes)
        and (box := boxes[number - 1]) is not None
        and all(part.start > 0 and part.stop < size for part, size in zip(box, shape, strict=True))
    ]
    return boxes[numbers[min(whole)[1]] - 1] if whole else None


def cut_arch(
    body: NDArray[np.bool_], arch: NDArray[np.bool_], grid: Image, faces: Sequence[Face], name: str
) -> tuple[str, NDArray[np.float64]]:
    """Where faces of the image cut an arch.

    Args:
        body: (nx, ny, nz) mask on ``grid``.
        arch: the same of the rest of the vertebra.
        grid: part of the CT.
        faces: that the vertebra touches.
        name: of the vertebra, for messages.

    Returns:
        The faces in words, "" where there are none, and (n, 3) LPS mm of the arch's voxels at them.

    Raises:
        InputError: a face cuts the body.
    """
    outer, behind = (grid.to_world(np.argwhere(part)) for part in (body, arch))
    if cut := [face for face in faces if face.touching(outer).any()]:
        raise InputError(f"{name} is cut by the {named(cut)}; choose a complete vertebra or a larger field of view")
    cut = [face for face in faces if face.touching(behind).any()]
    if not cut:
        return "", np.empty((0, 3))
    lost = " and ".join(PROCESSES[face.name] for face in cut)
    return f"{named(cut)} through its {lost}", behind[np.any([face.touching(behind) for face in cut], axis=0)]


def layers_around(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """How many layers of voxels to add before and behind along each axis, so that a mask touches no face: 0 or 1."""
    return [(int(inside.take(0, axis).any()), int(inside.take(-1, axis).any())) for axis in range(3)]


def with_layers(image: Image, layers: Sequence[tuple[int, int]]) -> Image:
    """An image with layers of voxels added, which have the values beside them."""
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world(np.array([-before for before, _ in layers]))
    return replace(image, values=np.pad(image.values, layers, mode="edge"), affine=affine)
