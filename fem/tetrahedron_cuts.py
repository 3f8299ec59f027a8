"""Tetrahedra and triangles cut by the level sets of a linear function: exact shares and section areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def share_above(heights: Values, level: float) -> Values:
    """Share of each tetrahedron's volume in which a linear function exceeds a level; exact.

    Where one corner lies above, the part above is a tetrahedron whose edges are known shares of the whole's; two
    corners above leave a wedge of three tetrahedra. All terms are positive, so nothing cancels.

    Args:
        heights: (m, 4) values of the function at the corners.
        level: value at which the tetrahedra are cut.

    Returns:
        (m,) shares from 0 to 1.
    """
    order = np.sort(heights - level, axis=1)
    above = (order > 0.0).sum(axis=1)
    share = (above == 4).astype(np.float64)
    one, two, three = (np.flatnonzero(above == count) for count in (1, 2, 3))
    a, b, c, d = order[one].T
    share[one] = (d / (d - a)) * (d / (d - b)) * (d / (d - c))
    a, b, c, d = order[three].T
    share[three] = 1.0 - (a / (a - b)) * (a / (a - c)) * (a / (a - d))
    a, b, c, d = order[two].T
    ca, cb, da, db = c / (c - a), c / (c - b), d / (d - a), d / (d - b)
    share[two] = da * db + ca * cb * (-b / (d - b)) + ca * db * (-a / (d - a))
    return share


def section_area(heights: Values, volumes: Values, level: Values | float) -> Values:
    """Area of the section of each tetrahedron at a level of a linear function whose gradient has the length 1; exact.

    It is the derivative of the volume by the level, a quadratic B-spline over the corners' values (Curry & Schoenberg
    1966, 10.1007/BF02788653), so for a function of another slope it has to be multiplied by the gradient's length. A
    face that lies in the section belongs to the tetrahedron above it.

    Args:
        heights: (m, 4) values of the function at the corners; in mm for a plane.
        volumes: (m,) volumes in mm3.
        level: value at the section, one for all or (m,).

    Returns:
        (m,) areas in mm2 for heights in mm.
    """
    order = np.sort(heights - np.reshape(level, (-1, 1)), axis=1)
    above = (order > 0.0).sum(axis=1)
    area = np.zeros(len(heights))
    one, two, three = (np.flatnonzero(above == count) for count in (1, 2, 3))
    a, b, c, d = order[one].T
    area[one] = (d / (d - a)) * (d / (d - b)) / (d - c)
    a, b, c, d = order[three].T
    area[three] = (a / (a - d)) * (a / (a - c)) / (b - a)
    a, b, c, d = order[two].T
    area[two] = (-a / (c - a) * c + d / (d - b) * -b) / ((c - b) * (d - a))
    return 3.0 * volumes * area


def triangle_share_above(heights: Values, level: float) -> Values:
    """Share of each triangle's area in which a linear function exceeds a level; exact.

    Args:
        heights: (k, 3) values of the function at the corners.
        level: value at which the triangles are cut.

    Returns:
        (k,) shares from 0 to 1.
    """
    order = np.sort(heights - level, axis=1)
    above = (order > 0.0).sum(axis=1)
    share = (above == 3).astype(np.float64)
    one, two = (np.flatnonzero(above == count) for count in (1, 2))
    a, b, c = order[one].T
    share[one] = (c / (c - a)) * (c / (c - b))
    a, b, c = order[two].T
    share[two] = 1.0 - (a / (a - b)) * (a / (a - c))
    return share
