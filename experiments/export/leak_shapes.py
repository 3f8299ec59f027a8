"""Where leaked cement would lie in an image: the shapes by which leaks are graded, grown from the wall."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.results.finished_case import FinishedCase
from experiments.results.open_sites import OpenSite
from fem.measures.severity import Cast, LeakGeometry, Pool
from meshes.images.image import Image
from meshes.leak_sites import LEAK_SITES

LEAST_OUTWARD = 1e-6
"""mm in front of the wall's plane from which on a point lies outside of it."""


def grown_leaks(
    case: FinishedCase, grid: Image, free: NDArray[np.bool_], depth: NDArray[np.float32]
) -> Mapping[str, NDArray[np.bool_]]:
    """Site -> points of the grid that its leak takes, for every site where cement leaked.

    Every shape grows from the middle of what is open, in the space that is free, until it has the volume that leaked:
    half a ball on the wall, a pool along the endplate, a ball that touches the wall, a straight cast of a vein, or
    one of the needle's track. What does not fit into the grid is left out.

    Args:
        case: a finished case with an injection.
        grid: fine points around the body.
        free: (nx, ny, nz) points that are neither bone nor cement.
        depth: (nx, ny, nz) distance to the body in mm.
    """
    free = free.copy()
    veins = case.veins()
    diameters = {} if veins is None else veins.exit_diameters
    track = max((needle.diameter for needle in case.needles()), default=LeakGeometry().track_diameter)
    geometry = LeakGeometry(track_diameter=track, draining=diameters)
    found = {}
    for site in case.leak_sites():
        if site.leaked_ml <= 0.0:
            continue
        anchor, normal = _start(case, site)
        shape, volume = geometry.shapes[site.site], 1000.0 * site.leaked_ml
        kind, size = LEAK_SITES[site.site].shape, shape.size(volume)
        window = _window(case, grid, anchor, normal, size, isinstance(shape, Cast))
        offset = np.stack(np.meshgrid(*[np.arange(part.start, part.stop) for part in window], indexing="ij"), axis=-1)
        way = case.frame.to_frame(grid.to_world(offset)) - anchor
        along, squared = way @ normal, (way**2).sum(axis=-1)
        open_here = free[window] & (along > LEAST_OUTWARD)
        rank = squared
        if isinstance(shape, Cast):
            open_here &= squared - along**2 <= 0.25 * shape.diameter**2
            rank = along
        elif isinstance(shape, Pool):
            open_here = free[window] & (depth[window] <= shape.thickness) & (along > -shape.thickness)
        elif kind == "ball":
            rank = squared / np.maximum(along, LEAST_OUTWARD)
        order = np.flatnonzero(open_here.ravel())
        count = min(round(volume / grid.voxel_volume), len(order))
        taken = np.zeros(open_here.shape, dtype=bool)
        if count:
            nearest = np.argpartition(rank.ravel()[order], count - 1)[:count]
            taken.ravel()[order[nearest]] = True
        free[window] &= ~taken
        found[site.site] = np.zeros(free.shape, dtype=bool)
        found[site.site][window] = taken
    return found


def _start(case: FinishedCase, site: OpenSite) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The place on the wall from which a leak grows, and the unit vector outwards."""
    mesh = case.mesh
    middle = np.average(mesh.facet_centroids[site.facets], axis=0, weights=mesh.facet_areas[site.facets])
    nearest = site.facets[np.linalg.norm(mesh.facet_centroids[site.facets] - middle, axis=1).argmin()]
    anchor, normal = mesh.facet_centroids[nearest], mesh.facet_normals[nearest]
    if LEAK_SITES[site.site].shape == "track_cast":
        away = [-needle.direction for needle in case.needles()]
        normal = max(away, key=lambda direction: float(direction @ normal))
    return anchor, normal


def _window(
    case: FinishedCase,
    grid: Image,
    anchor: NDArray[np.float64],
    normal: NDArray[np.float64],
    size: float,
    straight: bool,
) -> tuple[slice, ...]:
    """The part of the grid in which a leak of a size can lie, with room where the wall is curved."""
    ends = np.stack([anchor, anchor + (2.0 * size + 2.0) * normal]) if straight else anchor[None]
    reach = 5.0 if straight else 1.5 * size + 3.0
    centre = grid.to_indices(case.frame.to_scanner(ends))
    low = np.floor(centre.min(axis=0) - reach / grid.spacing).astype(int)
    high = np.ceil(centre.max(axis=0) + reach / grid.spacing).astype(int) + 1
    limits = np.array(grid.values.shape)
    low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    return tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))
