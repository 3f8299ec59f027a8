"""Segments with names: which number and layer of a file they have, and which vertebra a name means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError

_LEVEL = r"(?P<region>C|TH?|L)[ _-]?0?(?P<number>\d{1,2})"
_VERTEBRA = re.compile(rf"(vertebrae?[ _-]*)?{_LEVEL}([ _-]*vertebrae?)?", flags=re.IGNORECASE)
_CEMENT = re.compile(r"cement|pmma", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Segment:
    """A segment of a file.

    Attributes:
        name: what its user calls it.
        number: its voxels' number.
        layer: last index of its voxels, where segments lie over each other.
    """

    name: str
    number: int
    layer: int = 0


def level_of_name(name: str) -> str | None:
    """The vertebra that a name means, as "L3", "vertebrae_L3", "L3 vertebra" and "Th12" do; None for any other name."""
    found = _VERTEBRA.fullmatch(name.strip())
    return f"{found['region'][0].upper()}{int(found['number'])}" if found else None


def is_vertebra(name: str) -> bool:
    """Whether a name means a vertebra."""
    return level_of_name(name) is not None


def is_cement(name: str) -> bool:
    """Whether a name means cement."""
    return _CEMENT.search(name) is not None


def chosen_of(segments: Sequence[Segment], wanted: Callable[[str], bool] | None) -> dict[int, Segment]:
    """Number -> segment of what counts where segments may lie over each other: the ``wanted`` ones, or all without any.

    They are numbered anew where two layers use the same number.
    """
    chosen = [segment for segment in segments if wanted is None or wanted(segment.name)] or list(segments)
    numbers = [segment.number for segment in chosen]
    if len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(chosen) + 1))
    return dict(zip(numbers, chosen, strict=True))


class Canvas:
    """One number a voxel, onto which segments are painted that must not overlap.

    Attributes:
        values: (nx, ny, nz) numbers of the segments; 0 where there is none.
    """

    def __init__(self, shape: tuple[int, ...], chosen: Mapping[int, Segment], path: Path, what: str) -> None:
        """Nothing painted yet; ``path`` and ``what`` are for messages."""
        self.values = np.zeros(shape, dtype=np.uint16)
        self._chosen, self._path, self._what = chosen, path, what

    def paint(self, number: int, inside: NDArray[np.bool_], place: Any = ...) -> None:
        """Give the voxels ``inside`` of a part of the image to a segment.

        Raises:
            InputError: another segment has some of them.
        """
        part = self.values[place]
        taken = part[inside]
        if len(other := taken[(taken != 0) & (taken != number)]):
            first, second = self._chosen[int(other[0])].name, self._chosen[number].name
            shared = int((other == other[0]).sum())
            raise InputError(
                f"{self._what} {self._path} has segments that overlap: {first} and {second} share {shared} voxels or "
                "more; let every voxel belong to one of them"
            )
        part[inside] = number


def flattened(
    values: NDArray[Any],
    segments: Sequence[Segment],
    wanted: Callable[[str], bool] | None,
    path: Path,
    what: str,
) -> tuple[NDArray[Any], dict[int, str]]:
    """One number a voxel, and the names of the numbers.

    Segments of one layer keep their numbers; of several layers those of :func:`chosen_of` count.

    Args:
        values: (nx, ny, nz) or (nx, ny, nz, n) whole numbers.
        segments: all that the file names.
        wanted: which names count where segments lie over each other; None for all.
        path: file, for messages.
        what: how messages call it.

    Raises:
        InputError: voxels with a number that belongs to no segment, a number that two segments share, or voxels that
            two of the segments claim.
    """
    layers = values if values.ndim == 4 else values[..., None]
    for layer in range(layers.shape[3]):
        known = [segment.number for segment in segments if segment.layer == layer]
        if twice := sorted({number for number in known if known.count(number) > 1}):
            names = " and ".join(s.name for s in segments if s.layer == layer and s.number == twice[0])
            raise InputError(f"{what} {path} gives the segments {names} the same number {twice[0]}; export it again")
        if segments and (strange := sorted(_numbers_in(layers[..., layer]) - {0, *known})):
            raise InputError(
                f"{what} {path} holds voxels with the number {strange[0]:g}, which belongs to none of its segments; "
                "export it again"
            )
    if layers.shape[3] == 1:
        return layers[..., 0], {segment.number: segment.name for segment in segments}
    chosen = chosen_of(segments, wanted)
    canvas = Canvas(layers.shape[:3], chosen, path, what)
    for number, segment in chosen.items():
        canvas.paint(number, layers[..., segment.layer] == segment.number)
    return canvas.values, {number: segment.name for number, segment in chosen.items()}


def _numbers_in(values: NDArray[Any]) -> set[int]:
    """The numbers of an array of up to 16 bits, slice by slice; sorting a whole scan would take seconds."""
    seen = np.zeros(1 << 16, dtype=np.bool_)
    for k in range(values.shape[2]):
        seen[values[:, :, k].ravel(order="K")] = True
    return set(np.flatnonzero(seen).tolist())
