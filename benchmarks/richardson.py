"""Discretisation error of a number that was computed on ever finer meshes, or with ever shorter steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

ORDERS = (0.5, 2.0)
"""Orders outside of these are no convergence of this scheme but chance."""

SAFETY = 1.25
"""Factor on the error of a fitted order (Eca & Hoekstra 2014)."""


@dataclass(frozen=True)
class Estimate:
    """What a series says about one of its values.

    Attributes:
        value: at the length in question.
        error: how far it may be from the limit, in the same unit.
        order: fitted order of convergence; None where there is none, and the error is the spread of the values.
        limit: of ever smaller lengths; None where there is no order.
    """

    value: float
    error: float
    order: float | None = None
    limit: float | None = None


def estimate(lengths: Sequence[float], values: Sequence[float], at: float) -> Estimate:
    """Fit v = v0 + c h^p to values that rise or fall all the way, by least squares over limit, factor and order.

    The error is 1.25 |v - v0| at the length in question, and the standard deviation of the fit where there are more
    than three values (Richardson 1911, 10.1098/rsta.1911.0009; Eca & Hoekstra 2014, 10.1016/j.jcp.2014.01.006). Values
    that rise and fall, are fewer than three, or have no order within :data:`ORDERS` leave their spread.

    Args:
        lengths: (n,) of cells or steps, positive and all different, in any order and unit.
        values: (n,) computed with them.
        at: one of ``lengths``.

    Raises:
        ValueError: ``at`` is none of the lengths.
    """
    h, v = np.asarray(lengths, dtype=float), np.asarray(values, dtype=float)
    if at not in h:
        raise ValueError(f"at = {at:g} is none of the lengths {h.tolist()}")
    value, spread = float(v[h == at][0]), float(np.ptp(v))
    changes = np.diff(v[np.argsort(h)])
    if len(v) < 3 or not ((changes > 0.0).all() or (changes < 0.0).all()):
        return Estimate(value, spread)
    h = h / h.max()
    order = float(minimize_scalar(lambda p: _fit(h, v, p)[1], bounds=ORDERS, options={"xatol": 1e-10}).x)
    if min(order - ORDERS[0], ORDERS[1] - order) < 1e-3:
        return Estimate(value, spread)
    limit, rest = _fit(h, v, order)
    deviation = float(np.sqrt(rest / (len(v) - 3))) if len(v) > 3 else 0.0
    return Estimate(value, SAFETY * abs(value - limit) + deviation, order, limit)


def _fit(h: NDArray[np.float64], v: NDArray[np.float64], order: float) -> tuple[float, float]:
    """Limit, and sum of the squared residuals, of the best fit of one order."""
    terms = np.stack([np.ones_like(h), h**order], axis=1)
    found = np.linalg.lstsq(terms, v, rcond=None)[0]
    return float(found[0]), float(np.sum((terms @ found - v) ** 2))
