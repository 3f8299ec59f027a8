"""A column of cement that grows into a conduit, from its inner end, within one step of time (Washburn 1921).

Over the way that the column goes in the step, from the length l_0 on, its mean resistance is that of a length l_e with

    l_e^(1/n) = mean over the way of min(l, L)^(1/n):

a power law of index n under a constant pressure gets exactly as far, l^(1 + 1/n) - l_0^(1 + 1/n) in proportion to the
time, and what goes beyond the end of the conduit meets its whole length L.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_SHORT = 1e-6  # way over the conduit's length from which on the difference of powers has digits


def mean_share(start: ArrayLike, way: ArrayLike, index: ArrayLike) -> FloatArray:
    """(k,) l_e over the length L of the conduit.

    Args:
        start: (k,) l_0 / L, from 0 to 1.
        way: (k,) over L that the column would go in the step in a conduit without end.
        index: (k,) power-law index n.
    """
    start, way = np.asarray(start, dtype=float), np.asarray(way, dtype=float)
    exponent = 1.0 / np.asarray(index, dtype=float)
    end = np.minimum(start + way, 1.0)
    grown = (end ** (exponent + 1.0) - start ** (exponent + 1.0)) / (exponent + 1.0)
    far = way > _SHORT
    mean = np.divide(grown + (start + way - end), way, out=np.zeros(np.broadcast(grown, way).shape), where=far)
    return np.where(far, mean ** (1.0 / exponent), np.minimum(start + 0.5 * way, 1.0))


def growth_of_share(start: ArrayLike, way: ArrayLike, index: ArrayLike) -> FloatArray:
    """(k,) relative change of :func:`mean_share` over that of the way, 0 in a full conduit, up to 1 in an empty one."""
    start, way, index = (np.asarray(values, dtype=float) for values in (start, way, index))
    share, end = mean_share(start, way, index), np.minimum(start + way, 1.0)
    ratio = np.divide(end, share, out=np.ones(np.broadcast(end, share).shape), where=share > 0.0)
    return index * (ratio ** (1.0 / index) - 1.0)
