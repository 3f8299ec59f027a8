"""A body mask's surface: closed, smooth, uniformly triangulated and enclosing exactly the mask's volume.

The surface is made in the mask's own grid, turned so that its axes follow the vertebra's, and only then carried into
the anatomical frame: neither the order in which the scanner stored its axes nor the patient's position changes it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast

import numba
import numpy as np
import pyacvd
import pyvista as pv
from numpy.typing import NDArray
from scipy import ndimage, optimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meshes.errors import InputError
from meshes.nearest import nearest_on_triangles
from meshes.sizing import Refinement, check_size, target_size
from meshes.vertebra import Vertebra

BLUR = 0.5
"""Standard deviation of the Gaussian that rounds the voxels' steps, in voxels."""

_SUBVOXEL = 0.5  # mm; the grid on which the mask is blurred and contoured is at least this fine
_LEVELS = (0.15, 0.7)  # shares of bone between which the surface is sought
_PADDING = 4  # voxels of air around the mask, wider than the Gaussian
_TAUBIN_ITERATIONS, _TAUBIN_PASS_BAND = 10, 0.1
_SNAP_DECIMALS = 6  # points lie on multiples of 1e-6 mm, so that rounding in affines cannot change the mesh
_SAMPLES_PER_EDGE = 3.0  # edges of the surface to remesh per edge of the result

SizeFunction = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Surface:
    """A closed triangulated surface.

    Attributes:
        points: (n, 3) in mm.
        triangles: (k, 3) indices into ``points``; normals point outwards.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]

    @cached_property
    def area_vectors(self) -> NDArray[np.float64]:
        """(k, 3) normals of the triangles with the triangles' areas in mm2 as lengths."""
        corner = self.points[self.triangles]
        return 0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])

    @property
    def areas(self) -> NDArray[np.float64]:
        """(k,) areas of the triangles in mm2."""
        return np.linalg.norm(self.area_vectors, axis=1)

    @property
    def volume(self) -> float:
        """Enclosed volume in mm3."""
        return float((self.points[self.triangles].mean(axis=1) * self.area_vectors).sum() / 3.0)

    @property
    def point_normals(self) -> NDArray[np.float64]:
        """(n, 3) unit normals at the points, weighted by area."""
        return self.point_area_vectors / np.linalg.norm(self.point_area_vectors, axis=1)[:, None]

    @cached_property
    def point_area_vectors(self) -> NDArray[np.float64]:
        """(n, 3) third part of the area vectors around each point: the gradient of the volume."""
        return _sum_at_points(np.repeat(self.area_vectors / 3.0, 3, axis=0), self.triangles, len(self.points))

    def is_closed_manifold(self) -> bool:
        """Whether each directed edge has exactly one opposite and the triangles around each point form one fan."""
        tail, head = self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()
        count = len(self.points)
        forward, backward = np.sort(tail * count + head), np.sort(head * count + tail)
        if (forward[1:] == forward[:-1]).any() or not np.array_equal(forward, backward):
            return False
        return bool(np.bincount(self._fans(), minlength=count).max(initial=0) <= 1)

    def _fans(self) -> NDArray[np.int64]:
        """Point index of each fan of triangles: corners that share an edge at their point are one fan."""
        corners = np.arange(self.triangles.size).reshape(-1, 3)
        tail, head = self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()
        count = len(self.points)
        forward = np.argsort(tail * count + head)
        backward = np.argsort(head * count + tail)
        following = np.roll(corners, -1, axis=1).ravel()
        rows = np.concatenate([corners.ravel()[forward], following[forward]])
        columns = np.concatenate([following[backward], corners.ravel()[backward]])
        links = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(corners.size, corners.size))
        _, fan = connected_components(links, directed=False)
        _, representative = np.unique(fan, return_index=True)
        return self.triangles.ravel()[representative]


def body_surface(vertebra: Vertebra, size: float, refinements: Sequence[Refinement] = ()) -> Surface:
    """Surface of the vertebral body in its anatomical frame.

    Its volume equals the mask's to round-off.

    Args:
        vertebra: mask and frame.
        size: edge length of the triangles in mm, 0.5 to 5.
        refinements: regions with smaller triangles.

    Raises:
        InputError: if ``size`` is out of range or no closed surface comes out.
    """
    check_size(size, "size")
    grid = aligned_grid(vertebra)
    fine = contour_mask(grid.mask, grid.spacing)

    def size_at(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(target_size(grid.to_frame(points), size, refinements), _SNAP_DECIMALS)

    surface = with_volume(remesh(fine, size_at), float(grid.mask.sum() * np.prod(grid.spacing)))
    return rounded(Surface(grid.to_frame(surface.points), surface.triangles))


@dataclass(frozen=True)
class AlignedGrid:
    """A mask cropped to its content, stored along the anatomical axes as closely as its voxels allow.

    Attributes:
        mask: (nx, ny, nz); axes run as closely as possible to left, posterior and superior.
        spacing: (3,) mm, rounded to 1e-5 mm.
        matrix: (4, 4) from positions in the grid (voxel index times spacing, mm) to the anatomical frame.
    """

    mask: NDArray[np.bool_]
    spacing: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Carry (n, 3) positions in the grid into the anatomical frame."""
        return points @ self.matrix[:3, :3].T + self.matrix[:3, 3]


def aligned_grid(vertebra: Vertebra) -> AlignedGrid:
    """Turn and crop the body mask of ``vertebra``."""
    matrix = vertebra.frame.matrix @ vertebra.ct.affine
    cosines = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    _, order = optimize.linear_sum_assignment(-np.abs(cosines))
    mask, matrix = vertebra.body.transpose(order), matrix[:, [*order, 3]]
    for axis in range(3):
        if matrix[axis, axis] < 0.0:
            mask = np.flip(mask, axis)
            matrix[:, 3] += matrix[:, axis] * (mask.shape[axis] - 1)
            matrix[:, axis] *= -1.0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    matrix[:3, 3] += matrix[:3, :3] @ [side.start for side in box]
    spacing = np.round(np.linalg.norm(matrix[:3, :3], axis=0), 5)
    return AlignedGrid(np.ascontiguousarray(mask[box]), spacing, matrix @ np.diag([*1.0 / spacing, 1.0]))


def contour_mask(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> Surface:
    """Smooth surface of a mask, at the level where the enclosed volume equals the mask's.

    Voxels are split into equal parts before blurring, so that nothing is stretched or shifted.

    Args:
        mask: (nx, ny, nz).
        spacing: (3,) mm.

    Returns:
        A fine surface in grid positions (voxel index times spacing, mm).
    """
    parts = np.clip(np.ceil(spacing / _SUBVOXEL), 1, 8).astype(int)
    blurred = np.pad(mask, _PADDING).astype(np.float32)
    for axis, count in enumerate(parts):
        blurred = np.repeat(blurred, count, axis=axis)
    blurred = ndimage.gaussian_filter(blurred, BLUR * parts)
    image = pv.ImageData(
        dimensions=blurred.shape,
        spacing=spacing / parts,
        origin=(0.5 / parts - 0.5 - _PADDING) * spacing,
    )
    image["share"] = blurred.ravel(order="F")

    @cache
    def contour(level: float) -> _Contour:
        return _Contour.of(image.contour([level], scalars="share", method="flying_edges"))

    def smooth(surface: pv.PolyData) -> pv.PolyData:
        return surface.smooth_taubin(n_iter=_TAUBIN_ITERATIONS, pass_band=_TAUBIN_PASS_BAND)

    volume = float(mask.sum() * np.prod(spacing))

    @cache
    def excess(level: float) -> float:
        found = contour(level)
        if not len(found.order):
            return -1.0
        smoothed = smooth(found.polydata if found.in_one_piece else found.largest_piece())
        return _enclosed(smoothed.points, smoothed.regular_faces) / volume - 1.0

    low, high = _LEVELS
    surface = None
    if excess(low) > 0.0 > excess(high):
        surface = _from_polydata(smooth(contour(optimize.brentq(excess, low, high, xtol=1e-4)).largest_piece()))
    if surface is None or abs(surface.volume / volume - 1.0) > 0.01:  # the volume jumps where parts join
        raise InputError(
            "the body mask has no smooth closed surface of its own volume because it is thinner than about two voxels "
            "or in several pieces; repair the mask or use a CT with smaller voxels"
        )
    return surface


@dataclass(frozen=True)
class _Contour:
    """A triangulated contour.

    Attributes:
        polydata: itself.
        order: (n,) its points' numbers in the order in which a walk from the first triangle meets them, -1 where it
            does not come.
    """

    polydata: pv.PolyData
    order: NDArray[np.int64]

    @classmethod
    def of(cls, polydata: pv.PolyData) -> _Contour:
        triangles = polydata.regular_faces if polydata.n_points else np.empty((0, 3), dtype=np.int64)
        return cls(polydata, _walk(triangles, polydata.n_points))

    @property
    def in_one_piece(self) -> bool:
        """Whether all triangles hang together."""
        return bool(self.order.min() >= 0)

    def largest_piece(self) -> pv.PolyData:
        """The largest piece, numbered along its walk as VTK's filter does, which is ten times as dear."""
        if not self.in_one_piece:
            return self.polydata.extract_largest()
        points = np.asarray(self.polydata.points)[np.argsort(self.order)]
        return pv.PolyData.from_regular_faces(points, self.order[self.polydata.regular_faces])


@numba.njit(cache=True)
def _walk(triangles: NDArray[Any], count: int) -> NDArray[np.int64]:
    """See :class:`_Contour`: breadth first, from triangle to all that share a corner, in the order of their numbers."""
    starts = np.zeros(count + 1, np.int64)
    for triangle in range(len(triangles)):
        for corner in range(3):
            starts[triangles[triangle, corner] + 1] += 1
    starts = np.cumsum(starts)
    filled, around = starts[:-1].copy(), np.empty(3 * len(triangles), np.int64)
    for triangle in range(len(triangles)):
        for corner in range(3):
            point = triangles[triangle, corner]
            around[filled[point]] = triangle
            filled[point] += 1
    order, seen = np.full(count, -1, np.int64), np.zeros(len(triangles), np.bool_)
    waiting, first, last, met = np.zeros(len(triangles), np.int64), 0, min(1, len(triangles)), 0
    seen[:1] = True
    while first < last:
        for corner in range(3):
            point = triangles[waiting[first], corner]
            if order[point] >= 0:
                continue
            order[point] = met
            met += 1
            for place in range(starts[point], starts[point + 1]):
                if not seen[around[place]]:
                    seen[around[place]] = True
                    waiting[last] = around[place]
                    last += 1
        first += 1
    return order


@numba.njit(cache=True)
def _enclosed(points: NDArray[Any], triangles: NDArray[Any]) -> float:
    """Volume that triangles enclose, whichever way they are turned."""
    total = 0.0
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle]
        ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
        bx, by, bz = np.float64(points[b, 0]), np.float64(points[b, 1]), np.float64(points[b, 2])
        cx, cy, cz = np.float64(points[c, 0]), np.float64(points[c, 1]), np.float64(points[c, 2])
        total += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return abs(total) / 6.0


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
    area = _sum_at_points(corner_areas, surface.triangles, len(surface.points))
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


def with_volume(surface: Surface, volume: float) -> Surface:
    """Move a closed surface along its normals by the one distance that makes it enclose ``volume`` (mm3)."""
    normals = surface.point_normals

    def excess(distance: float) -> float:
        return Surface(surface.points + distance * normals, surface.triangles).volume - volume

    distance = optimize.newton(excess, 0.0, tol=1e-12, rtol=0.0, maxiter=50)
    return Surface(surface.points + distance * normals, surface.triangles)


def rounded(surface: Surface) -> Surface:
    """The surface with its points on multiples of 1e-6 mm."""
    return Surface(np.round(surface.points, _SNAP_DECIMALS), surface.triangles)


def nearest_points(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of ``surface`` nearest to (n, 3) points."""
    return nearest_facets(surface, points)[1]


def nearest_facets(surface: Surface, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The facets of ``surface`` nearest to (n, 3) points.

    Returns:
        (n,) numbers of the facets and (n, 3) the nearest points on them.
    """
    facets, nearest, _ = nearest_on_triangles(surface.points, surface.triangles, points)
    return facets, nearest


def distances(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mm from (n, 3) points to ``surface``."""
    return nearest_on_triangles(surface.points, surface.triangles, points)[2]


def _sum_at_points(corner_values: NDArray[np.float64], triangles: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Sum values given per corner, (3 k,) or (3 k, d), at the points the corners belong to."""
    if corner_values.ndim == 1:
        return np.bincount(triangles.ravel(), weights=corner_values, minlength=count)
    return np.stack([_sum_at_points(column, triangles, count) for column in corner_values.T], axis=1)


def _to_polydata(surface: Surface) -> pv.PolyData:
    return pv.PolyData.from_regular_faces(surface.points, cast(NDArray[Any], surface.triangles))


def _from_polydata(polydata: pv.PolyData) -> Surface:
    surface = Surface(np.asarray(polydata.points, dtype=np.float64), polydata.regular_faces.astype(np.int64))
    return surface if surface.volume > 0.0 else Surface(surface.points, surface.triangles[:, ::-1])
