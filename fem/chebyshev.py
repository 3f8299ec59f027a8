"""Chebyshev's polynomial as an iteration, which smoothers run in single precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def coefficients(degree: int, low: float, high: float) -> NDArray[np.float32]:
    """(degree, 2) factors of the direction before and of the scaled residual, step by step.

    Saad 2003 (Iterative Methods for Sparse Linear Systems), algorithm 12.1.

    Args:
        degree: number of steps.
        low: lower end of the part of the spectrum that is damped.
        high: its upper end.
    """
    middle, half = 0.5 * (high + low), 0.5 * (high - low)
    ratio, steps = half / middle, [(0.0, 1.0 / middle)]
    for _ in range(1, degree):
        following = 1.0 / (2.0 * middle / half - ratio)
        steps.append((following * ratio, 2.0 * following / half))
        ratio = following
    return np.array(steps, dtype=np.float32)
