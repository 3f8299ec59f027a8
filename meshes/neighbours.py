"""The other vertebrae of a mask, around the one that was chosen in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from meshes.images.image import read_mask
from meshes.images.labels import LEVELS
from meshes.images.segments import is_vertebra
from meshes.scanned_cement import on_voxels
from meshes.vertebra import Vertebra


def other_vertebrae(mask: Path, vertebra: Vertebra) -> dict[str, NDArray[np.bool_]]:
    """Level -> voxels of every other vertebra of a mask, on the voxels of the vertebra's CT, as far as they reach.

    Args:
        mask: the file that the vertebra was read from.
        vertebra: the one that was chosen.

    Returns:
        Nothing where neither the mask's numbers nor its names tell vertebrae from other things.
    """
    if not vertebra.column:
        return {}
    # A mask that the vertebra was read from on another grid was to be resampled.
    labels = on_voxels(read_mask(mask, wanted=is_vertebra), vertebra, "mask", resample=True)
    there = np.unique(labels)
    return {
        level: labels == number
        for level, number in vertebra.column.items()
        if level != vertebra.level and number in there
    }


def levels_beside(level: str) -> tuple[str | None, str | None]:
    """Levels above and below one, as numbered without variants; None beyond the ends of the column."""
    column = [name for name in LEVELS if name not in ("T13", "L6")]
    place = column.index(level) if level in column else LEVELS.index(level)
    known = column if level in column else list(LEVELS)
    return (known[place - 1] if place else None), (known[place + 1] if place + 1 < len(known) else None)
