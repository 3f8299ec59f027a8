"""Surfaces with edges of a wanted length: anew by clusters of their points, or by halving edges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pyacvd
import pyvista as pv
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.surface import Surface, nearest_points, sum_at_points

_SAMPLES_PER_EDGE = 3.0  # edges of the surface to remesh per edge of the result

SizeFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def remesh(surface: Surface, size_at: SizeFunction) -> Surface:
    """Triangulate a closed surface anew with edges of the wanted length.

    Centroidal Voronoi clusters of the points (ACVD: Valette & Chassery 2004, 10.1111/j.1467-8659.2004.00769.x);
    the new points lie on the old surface.

    Args:
        surface: closed surface.
        size_at: target edge length in mm at (n, 3) points.

    Raises:
        InputError: if no closed manifold comes out.
    """
    for samples in (_SAMPLES_PER_EDGE, 1.5 * _SAMPLES_PER_EDGE, 2.0 * _SAMPLES_PER_EDGE):
        result = _cluster(subdivide(surface, size_at, samples), size_at)
        if result.is_closed_manifold():
            return result
    raise InputError(
        "the surface of the body cannot be triangulated with the wanted size because it is thinner than the triangles "
        "somewhere; choose a smaller size or repair the mask"
    )


def _cluster(surface: Surface, size_at: SizeFunction) -> Surface:
    """One triangulation by ACVD, not yet checked."""
    size = size_at(surface.points)
    corner_areas = np.repeat(surface.areas / 3.0, 3)
    area = sum_at_points(corner_areas, surface.triangles, len(surface.points))
    wanted = area / (np.sqrt(3.0) / 2.0 * size**2)  # points of the result that belong to each point
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyacvd reads an attribute that PyVista has renamed
        clustering = pyacvd.Clustering(_to_polydata(surface))
        clustering.area = wanted
        clustering.wcent = wanted[:, None] * surface.points
        _, clusters = np.unique(clustering.cluster(round(wanted.sum())), return_inverse=True)
    share = np.bincount(clusters, weights=wanted)
    points = np.stack([np.bincount(clusters, weights=wanted * x) / share for x in surface.points.T], axis=1)
    triangles = clusters[surface.triangles]
    distinct = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    triangles = triangles[distinct]
    lowest = triangles.argmin(axis=1)[:, None]
    triangles = np.take_along_axis(triangles, (lowest + np.arange(3)) % 3, axis=1)
    # A cluster within another one has no triangle of its own, and its point belongs to no surface.
    used, corners = np.unique(np.unique(triangles, axis=0), return_inverse=True)
    return Surface(nearest_points(surface, points[used]), corners.reshape(-1, 3))


def subdivide(surface: Surface, size_at: SizeFunction, parts: float = 1.0) -> Surface:
    """Halve edges until none is longer than a part of the wanted length; the surface itself does not move.

    Args:
        surface: any triangulated surface.
        size_at: edge length in mm at (n, 3) points.
        parts: edges become as short as ``size_at / parts``.
    """
    points, triangles = surface.points, surface.triangles
    while True:
        ahead = np.roll(triangles, -1, axis=1)
        keys = np.minimum(triangles, ahead) * len(points) + np.maximum(triangles, ahead)
        keys, edge_of = np.unique(keys, return_inverse=True)
        edge_of = edge_of.reshape(-1, 3)
        tail, head = points[keys // len(points)], points[keys % len(points)]
        middle = 0.5 * (tail + head)
        length = np.linalg.norm(tail - head, axis=1)
        split = length > size_at(middle) / parts
        if not split.any():
            return Surface(points, triangles)
        # The longest edge of a triangle is split before any other (Rivara 1984), or slivers would multiply.
        longest = np.take_along_axis(edge_of, length[edge_of].argmax(axis=1)[:, None], axis=1)[:, 0]
        marked = 0
        while marked != (marked := int(split.sum())):
            split[longest[split[edge_of].any(axis=1)]] = True
        new_point = np.where(split, len(points) + np.cumsum(split) - 1, -1)
        points = np.concatenate([points, middle[split]])
        triangles = split_triangles(triangles, new_point[edge_of])


def split_triangles(triangles: NDArray[np.int64], middles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split triangles into 1 to 4 at points on their edges.

    Args:
        triangles: (k, 3); edge i runs from corner i to corner i + 1.
        middles: (k, 3) points on the edges, -1 where an edge stays whole.
    """
    parts = []
    count = (middles >= 0).sum(axis=1)
    parts.append(triangles[count == 0])
    # One edge split: turn it to be edge 0. Two edges: turn the whole edge to be edge 2.
    for splits, pivot in ((1, (middles >= 0).argmax(axis=1)), (2, (middles < 0).argmax(axis=1) + 1), (3, 0 * count)):
        chosen = count == splits
        turn = (pivot[chosen, None] + np.arange(3)) % 3
        a, b, c = np.take_along_axis(triangles[chosen], turn, axis=1).T
        ab, bc, ca = np.take_along_axis(middles[chosen], turn, axis=1).T
        pieces = {
            1: [(a, ab, c), (ab, b, c)],
            2: [(ab, b, bc), (a, ab, bc), (a, bc, c)],
            3: [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)],
        }[splits]
        parts.extend(np.stack(piece, axis=1) for piece in pieces)
    return np.concatenate(parts)


def _to_polydata(surface: Surface) -> pv.PolyData:
    return pv.PolyData.from_regular_faces(surface.points, cast(NDArray[Any], surface.triangles))
