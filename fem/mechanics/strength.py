"""Strength by proportion: how far a linear solution may be scaled before the bone counts as failed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from materials.strength import OverstrainedVolume

FloatArray = NDArray[np.float64]


def failure_factor(effective_strain: FloatArray, volumes: FloatArray, criterion: OverstrainedVolume) -> float:
    """The factor on a load at which the criterion's share of the volume has reached the yield strain.

    Args:
        effective_strain: (cells,) of the bone alone, without cement, under the load.
        volumes: (cells,) of bone tissue in mm3, without pores.
        criterion: share of the volume, and strain.
    """
    strain = np.quantile(effective_strain, 1.0 - criterion.volume_share, weights=volumes, method="inverted_cdf")
    return criterion.yield_strain / float(strain)
