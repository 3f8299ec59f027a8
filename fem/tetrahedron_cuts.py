"""Tetrahedra and triangles cut by the level sets of a linear function, exactly, and tetrahedra cut by a ball."""

from __future__ import annotations

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
    pieces, owner, volume = corners - centre, np.arange(len(corners)), np.ones(len(corners))
    share = np.zeros(len(corners))
    while len(pieces):
        distance = np.linalg.norm(pieces, axis=2)
        size = np.max([np.linalg.norm(pieces[:, a] - pieces[:, b], axis=1) for a, b in _EDGES], axis=0)
        inside = (distance <= radius).all(axis=1)
        # No point of a piece is farther from its nearest corner than its longest edge.
        cut = ~inside & (distance.min(axis=1) < radius + size)
        small = cut & (size <= _FACET_OF_BALL * radius)
        parts = volume[small] * share_above(-distance[small], -radius)
        share += np.bincount(owner[inside], volume[inside], len(share)) + np.bincount(owner[small], parts, len(share))
        split = cut & ~small
        pieces = pieces[split]
        middles = np.stack([pieces[:, a] + pieces[:, b] for a, b in _EDGES], axis=1) / 2.0
        points = np.concatenate([pieces, middles, pieces.mean(axis=1, keepdims=True)], axis=1)
        pieces = points[:, _PIECES].reshape(-1, 4, 3)
        owner, volume = np.repeat(owner[split], len(_PIECES)), np.outer(volume[split], _VOLUMES).ravel()
    return share
