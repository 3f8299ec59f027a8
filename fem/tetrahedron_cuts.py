"""Tetrahedra and triangles cut by the level sets of a linear function, exactly, and tetrahedra cut by a ball."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_FACET_OF_BALL = 0.2
"""Longest edge over the ball's radius of the pieces on whose parts a sphere is taken as plane."""

_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_AT_CORNERS = ((0, 4, 5, 6), (1, 4, 7, 8), (2, 5, 7, 9), (3, 6, 8, 9))
_FACES_INSIDE = ((4, 5, 6), (4, 7, 8), (5, 7, 9), (6, 8, 9), (4, 5, 7), (4, 6, 8), (5, 6, 9), (7, 8, 9))
_PIECES = np.array([*_AT_CORNERS, *((*face, 10) for face in _FACES_INSIDE)])
"""Corners of the parts of a tetrahedron among its own corners, the midpoints of its edges and its centre: a tetrahedron
at each corner, and the octahedron in their midst in eight. No numbering of the corners is preferred."""
_VOLUMES = np.array(4 * [1.0 / 8.0] + 8 * [1.0 / 16.0])
"""Of the parts, over that of the whole."""


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
    return _shares_above_zero(heights - level)


@numba.njit(cache=True)
def _shares_above_zero(heights: Values) -> Values:
    """(m,) shares for (m, 4) values at the corners; see :func:`share_above`."""
    share = np.empty(len(heights))
    for cell in range(len(heights)):
        share[cell] = _share_above_zero(heights[cell, 0], heights[cell, 1], heights[cell, 2], heights[cell, 3])
    return share


@numba.njit(cache=True)
def _share_above_zero(a: float, b: float, c: float, d: float) -> float:
    """Share of one tetrahedron with these values at its corners; see :func:`share_above`."""
    a, b, c, d = min(a, b), max(a, b), min(c, d), max(c, d)
    a, b, c, d = min(a, c), min(b, d), max(a, c), max(b, d)
    b, c = min(b, c), max(b, c)
    if d <= 0.0:
        return 0.0
    if a > 0.0:
        return 1.0
    if b > 0.0:
        return 1.0 - (a / (a - b)) * (a / (a - c)) * (a / (a - d))
    if c <= 0.0:
        return (d / (d - a)) * (d / (d - b)) * (d / (d - c))
    ca, cb, da, db = c / (c - a), c / (c - b), d / (d - a), d / (d - b)
    return da * db + ca * cb * (-b / (d - b)) + ca * db * (-a / (d - a))


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


def share_in_ball(corners: Values, centre: Values, radius: float) -> Values:
    """Share of each tetrahedron's volume inside a ball.

    A tetrahedron that the sphere may cut is parted until its pieces are small beside the ball; in each of them the
    distance from the centre is taken as linear. The error of a whole ball's volume is below 1 %.

    Args:
        corners: (m, 4, 3) mm.
        centre: (3,) mm.
        radius: of the ball in mm.

    Returns:
        (m,) shares from 0 to 1.
    """
    share = np.empty(len(corners))
    for cell, own in enumerate(corners - centre):
        share[cell] = _share_in_ball(own, radius)
    return share


@numba.njit(cache=True)
def _share_in_ball(corners: Values, radius: float) -> float:
    """The share of one tetrahedron with (4, 3) corners in a ball about the origin."""
    pieces, volumes, share = corners.copy().reshape(1, 4, 3), np.ones(1), 0.0
    while len(pieces):
        split, inside, small = 0, 0.0, 0.0
        for piece in range(len(pieces)):
            own = pieces[piece]
            a, b, c, d = _length(own[0]), _length(own[1]), _length(own[2]), _length(own[3])
            if max(a, b, c, d) <= radius:
                inside += volumes[piece]
                continue
            size = 0.0
            for first, last in _EDGES:
                size = max(size, _distance(own[first], own[last]))
            # No point of a piece is farther from its nearest corner than its longest edge.
            if min(a, b, c, d) >= radius + size:
                continue
            if size <= _FACET_OF_BALL * radius:
                small += volumes[piece] * _share_above_zero(radius - a, radius - b, radius - c, radius - d)
                continue
            pieces[split], volumes[split] = own, volumes[piece]
            split += 1
        share += inside + small
        pieces, volumes = _parted(pieces[:split], volumes[:split])
    return share


@numba.njit(cache=True)
def _parted(pieces: Values, volumes: Values) -> tuple[Values, Values]:
    """The parts of (n, 4, 3) tetrahedra about their corners, the midpoints of their edges and their centre."""
    points = np.empty((11, 3))
    parts, shares = np.empty((len(pieces) * len(_PIECES), 4, 3)), np.empty(len(pieces) * len(_PIECES))
    filled = 0
    for piece in range(len(pieces)):
        own = pieces[piece]
        points[:4] = own
        for axis in range(3):
            for edge, (first, last) in enumerate(_EDGES):
                points[4 + edge, axis] = (own[first, axis] + own[last, axis]) / 2.0
            points[10, axis] = (own[0, axis] + own[1, axis] + own[2, axis] + own[3, axis]) / 4.0
        for part in range(len(_PIECES)):
            for corner in range(4):
                for axis in range(3):
                    parts[filled, corner, axis] = points[_PIECES[part, corner], axis]
            shares[filled] = volumes[piece] * _VOLUMES[part]
            filled += 1
    return parts, shares


@numba.njit(cache=True)
def _length(point: Values) -> float:
    return math.sqrt(point[0] * point[0] + point[1] * point[1] + point[2] * point[2])


@numba.njit(cache=True)
def _distance(one: Values, other: Values) -> float:
    x, y, z = one[0] - other[0], one[1] - other[1], one[2] - other[2]
    return math.sqrt(x * x + y * y + z * z)
