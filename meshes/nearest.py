"""The nearest triangle to each of many points, by a tree of boxes around triangles that lie together."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_LEAF = 4  # triangles in the smallest boxes
_BITS = 10  # of each coordinate in the order of the triangles along a Z curve
_DEEPEST = 64  # boxes that wait at once


def nearest_on_triangles(
    points: FloatArray, triangles: IntArray, places: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """The nearest of some triangles to each place; of equally near ones the first.

    Args:
        points: (n, 3) corners in mm.
        triangles: (k, 3) indices into ``points``, at least one.
        places: (m, 3) mm; neighbours should follow one another.

    Returns:
        (m,) numbers of the triangles, (m, 3) the nearest points on them, and (m,) how far these are in mm.
    """
    corners = np.ascontiguousarray(points[triangles], dtype=np.float64)
    order = np.argsort(_along_curve(corners), kind="stable")
    corners = corners[order]
    return _nearest(corners, order, _boxes(corners), np.ascontiguousarray(places, dtype=np.float64))


@numba.njit(cache=True)
def _along_curve(corners: FloatArray) -> IntArray:
    """(k,) places of (k, 3, 3) triangles along a Z curve (Morton 1966), on which neighbours mostly lie together."""
    low, high, codes = corners[0, 0].copy(), corners[0, 0].copy(), np.zeros(len(corners), np.int64)
    for triangle in range(len(corners)):
        for axis in range(3):
            low[axis] = min(low[axis], corners[triangle, 0, axis])
            high[axis] = max(high[axis], corners[triangle, 0, axis])
    scale = (2**_BITS - 1) / max((high - low).max(), 1e-300)
    for triangle in range(len(corners)):
        for axis in range(3):
            index = int(scale * (corners[triangle, 0, axis] - low[axis]))
            for bit in range(_BITS):
                codes[triangle] |= ((index >> bit) & 1) << (3 * bit + axis)
    return codes


@numba.njit(cache=True)
def _boxes(corners: FloatArray) -> FloatArray:
    """(2 l, 2, 3) lowest and highest corners of boxes: that of all triangles is 1, those of box b are 2 b and 2 b + 1.

    The last l hold :data:`_LEAF` triangles each, in their order; l is a power of two, and some may be empty.
    """
    leaves = 1
    while leaves * _LEAF < len(corners):
        leaves *= 2
    boxes = np.empty((2 * leaves, 2, 3))
    boxes[:, 0], boxes[:, 1] = np.inf, -np.inf
    for triangle in range(len(corners)):
        leaf = leaves + triangle // _LEAF
        for corner in range(3):
            for axis in range(3):
                value = corners[triangle, corner, axis]
                boxes[leaf, 0, axis] = min(boxes[leaf, 0, axis], value)
                boxes[leaf, 1, axis] = max(boxes[leaf, 1, axis], value)
    for box in range(leaves - 1, 0, -1):
        for axis in range(3):
            boxes[box, 0, axis] = min(boxes[2 * box, 0, axis], boxes[2 * box + 1, 0, axis])
            boxes[box, 1, axis] = max(boxes[2 * box, 1, axis], boxes[2 * box + 1, 1, axis])
    return boxes


@numba.njit(cache=True)
def _nearest(
    corners: FloatArray, order: IntArray, boxes: FloatArray, places: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """See :func:`nearest_on_triangles`; each search begins with what the one before found."""
    found, nearest, distances = np.empty(len(places), np.int64), np.empty(places.shape), np.empty(len(places))
    leaves, best = len(boxes) // 2, 0
    waiting, bounds = np.empty(_DEEPEST, np.int64), np.empty(_DEEPEST)
    for number in range(len(places)):
        px, py, pz = places[number, 0], places[number, 1], places[number, 2]
        least, x, y, z = _on_triangle(corners, best, px, py, pz)
        waiting[0], bounds[0], count = 1, _square_to_box(boxes, 1, px, py, pz), 1
        while count:
            count -= 1
            if bounds[count] > least:
                continue
            box = waiting[count]
            if box >= leaves:
                first = (box - leaves) * _LEAF
                for triangle in range(first, min(first + _LEAF, len(order))):
                    square, qx, qy, qz = _on_triangle(corners, triangle, px, py, pz)
                    if square < least or (square == least and order[triangle] < order[best]):
                        least, best, x, y, z = square, triangle, qx, qy, qz
                continue
            one, other = _square_to_box(boxes, 2 * box, px, py, pz), _square_to_box(boxes, 2 * box + 1, px, py, pz)
            swapped = one < other  # the nearer one is looked at first
            waiting[count], bounds[count] = 2 * box + swapped, max(one, other)
            waiting[count + 1], bounds[count + 1] = 2 * box + 1 - swapped, min(one, other)
            count += 2
        found[number], distances[number] = order[best], np.sqrt(least)
        nearest[number, 0], nearest[number, 1], nearest[number, 2] = x, y, z
    return found, nearest, distances


@numba.njit(cache=True, fastmath={"nnan", "nsz"})
def _square_to_box(boxes: FloatArray, box: int, x: float, y: float, z: float) -> float:
    """Square of the distance from a place to a box; infinite if it is empty."""
    right = max(boxes[box, 0, 0] - x, x - boxes[box, 1, 0], 0.0)
    back = max(boxes[box, 0, 1] - y, y - boxes[box, 1, 1], 0.0)
    up = max(boxes[box, 0, 2] - z, z - boxes[box, 1, 2], 0.0)
    return right * right + back * back + up * up


@numba.njit(cache=True)
def _on_triangle(corners: FloatArray, triangle: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """The point of a triangle that is nearest to a place, after the square of its distance.

    By the regions of the plane in which corners, edges and the inside are nearest (Ericson 2005, Real-Time Collision
    Detection, 5.1.5).
    """
    ax, ay, az = corners[triangle, 0, 0], corners[triangle, 0, 1], corners[triangle, 0, 2]
    bx, by, bz = corners[triangle, 1, 0] - ax, corners[triangle, 1, 1] - ay, corners[triangle, 1, 2] - az
    cx, cy, cz = corners[triangle, 2, 0] - ax, corners[triangle, 2, 1] - ay, corners[triangle, 2, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    d1, d2 = bx * px + by * py + bz * pz, cx * px + cy * py + cz * pz
    bb, bc, cc = bx * bx + by * by + bz * bz, bx * cx + by * cy + bz * cz, cx * cx + cy * cy + cz * cz
    d3, d4, d5, d6 = d1 - bb, d2 - bc, d1 - bc, d2 - cc
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0.0 and d2 <= 0.0:
        v, w = 0.0, 0.0
    elif d3 >= 0.0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0.0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        v, w = d1 / bb, 0.0
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        v, w = 0.0, d2 / cc
    elif va <= 0.0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / (bb - 2.0 * bc + cc)
        v = 1.0 - w
    else:
        v, w = vb / (va + vb + vc), vc / (va + vb + vc)
    qx, qy, qz = v * bx + w * cx, v * by + w * cy, v * bz + w * cz
    return (px - qx) ** 2 + (py - qy) ** 2 + (pz - qz) ** 2, ax + qx, ay + qy, az + qz
