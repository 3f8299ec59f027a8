"""Noise of an image: what scatters from one voxel to the next without being structure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEAST_ROWS = 30  # threes of voxels from which a median says something
_NORMAL = 1.4826  # standard deviation over median of moduli of a normal distribution


@dataclass(frozen=True)
class ImageNoise:
    """Noise inside a mask.

    Attributes:
        sd: standard deviation of a voxel's value.
        correlation: of voxels that lie next to each other, noise and structure together.
    """

    sd: float
    correlation: float

    @classmethod
    def estimated(cls, values: NDArray[np.float64], inside: NDArray[np.bool_]) -> ImageNoise | None:
        """Noise from second differences along the axes of the grid, in which structure that changes steadily vanishes.

        The median of their moduli counts, so that edges do not. Where noise is alike in neighbouring voxels, as after
        resampling, the estimate is too low, and ``correlation`` is well above zero.

        Args:
            values: (nx, ny, nz).
            inside: (nx, ny, nz) voxels that count.

        Returns:
            The noise; None where hardly any three voxels in a row count.
        """
        bends, pairs = [], []
        for axis in range(3):
            value, mask = np.moveaxis(values, axis, 0).astype(np.float64), np.moveaxis(inside, axis, 0)
            rows, beside = mask[2:] & mask[1:-1] & mask[:-2], mask[1:] & mask[:-1]
            bends.append((value[2:] - 2.0 * value[1:-1] + value[:-2])[rows] / np.sqrt(6.0))
            pairs.append(np.stack([value[1:][beside], value[:-1][beside]]))
        moduli = np.abs(np.concatenate(bends))
        if len(moduli) < _LEAST_ROWS:
            return None
        first, second = np.concatenate(pairs, axis=1) - values[inside].mean()
        variance = values[inside].var()
        correlation = float((first * second).mean() / variance) if variance > 0.0 else 0.0
        return cls(_NORMAL * float(np.median(moduli)), correlation)
