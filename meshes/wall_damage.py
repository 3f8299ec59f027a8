"""Sets of facets where a vertebral body's wall is destroyed: shares of a wall, fractures, gaps seen in the CT.

Every set holds ascending indices into ``mesh.facets``.
"""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from meshes.errors import InputError
from meshes.interpolation import linear_values
from meshes.mouths import Mouth, line_mouth
from meshes.regions import facet_adjacency, region_facets, wall_point
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import FACET_REGIONS, TetMesh
from meshes.vertebra import Vertebra

SHELL_SHARE = 0.25
"""A shell is missing where its profile rises above the body's inside by less than this share of what the wall's upper
quartile does; at 0.3 the intact L3 of the demo patient already shows gaps (tag D)."""

SMALLEST_GAP = 10.0
"""mm2 of connected facets without shell from which on a gap counts: a disc 3.6 mm across (tag D)."""

LEAST_CONTRAST = 60.0
"""HU by which the walls' upper quartile must exceed the body's inside for the shell to be seen, converted where the CT
counts densities (tag D)."""

SHELL_WALLS = tuple(name for name in FACET_REGIONS if not name.endswith(("_pedicle", "_foramen")))
"""Walls that have a shell: pedicles open into the arch, and through the foramen the basivertebral veins leave."""

_PROFILE = (-1.5, 1.0)  # voxels along the outward normal in which the shell is sought
_EDGE_SHARE = 0.5  # share of the contrast at a gap's edge, where the scanner's blur mixes shell and gap equally
_PROFILE_STEP = 0.25  # voxels
_SMOOTHING = 0.8  # mm over which the profiles' largest values are averaged along the wall
_LEAST_OWN_SHARE = 0.5  # share of all walls' contrast that a wall's own is taken to have at least


def facets_of_fraction(
    mesh: TetMesh, region: str, fraction: float, centre: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Connected patch of a wall with a share of its area, grown from a centre by distance.

    Args:
        mesh: body with named facets.
        region: name in ``mesh.facet_regions``.
        fraction: share of the wall's area, above 0 up to 1; met as nearly as whole facets allow, by one at least.
        centre: (3,) mm; the patch grows around the wall's point nearest to it. None for the wall's area centroid. The
            foramen counts as part of the posterior wall for the centre, not for the patch.

    Raises:
        InputError: the region is unknown or empty, or the fraction is out of range.
    """
    members = region_facets(mesh, region)
    if not 0.0 < fraction <= 1.0:
        raise InputError(f"fraction = {fraction:g} of the {region} must lie above 0 and be at most 1; correct it")
    areas = mesh.facet_areas[members]
    if centre is None:
        centre = np.average(mesh.facet_centroids[members], axis=0, weights=areas)
    ground = _ground(mesh, region)
    centre = nearest_points(Surface(mesh.points, mesh.facets[ground]), np.atleast_2d(centre))[0]
    order = _grow(mesh, members, np.linalg.norm(mesh.facet_centroids[members] - centre, axis=1))
    covered = np.cumsum(mesh.facet_areas[order])
    return np.sort(order[: np.abs(covered - fraction * areas.sum()).argmin() + 1])


def fracture_mouth(mesh: TetMesh, region: str, start: NDArray[np.float64], end: NDArray[np.float64]) -> Mouth:
    """The surface in front of a straight fracture of a wall, such as an endplate.

    A fracture of the posterior wall may cross the foramen. That has no shell to break, so the mouth lies on either side
    of it.

    Args:
        mesh: body with named facets.
        region: name in ``mesh.facet_regions``.
        start: (3,) mm; the line starts at the wall's point nearest to it.
        end: (3,) mm; the line ends at the wall's point nearest to it.

    Raises:
        InputError: the region is unknown or empty, both ends are the same point of the wall, or the line, seen along
            the wall's mean normal, leaves the wall in between or lies in the foramen.
    """
    members = region_facets(mesh, region)
    start, end = wall_point(mesh, region, start), wall_point(mesh, region, end)
    normal = (mesh.facet_areas[members, None] * mesh.facet_normals[members]).sum(axis=0)
    normal /= np.linalg.norm(normal)
    along = (end - start) - ((end - start) @ normal) * normal
    length = float(np.linalg.norm(along))
    if length < 1e-6:
        raise InputError(f"the fracture of the {region} starts and ends at one point; choose two points apart")
    along /= length
    ground = _ground(mesh, region)
    corners = mesh.points[mesh.facets[ground]] - start
    crossed = _crossed(corners @ along, corners @ np.cross(normal, along), length)
    adjacency = facet_adjacency(mesh)[ground][:, ground]
    if len(np.unique(_pieces(adjacency, crossed)[crossed])) != 1:
        raise InputError(
            f"the straight fracture leaves the {region} between its ends; choose two points whose line stays on it"
        )
    mouth = line_mouth(mesh, members, start, end)
    if np.isin(ground[crossed], members).all():
        return mouth
    whole = line_mouth(mesh, np.sort(ground), start, end)
    part = float(whole.shares[np.isin(whole.facets, members)].sum())
    if part == 0.0:
        raise InputError(f"the fracture lies in the foramen of the {region}; move or lengthen it")
    return replace(mouth, open_part=part)


def _ground(mesh: TetMesh, region: str) -> NDArray[np.int64]:
    """Facets over which a wall's damage runs: those of its region, and the foramen amid the posterior wall."""
    members = region_facets(mesh, region)
    if region != "posterior_wall":
        return members
    return np.concatenate([members, mesh.facet_regions.get("basivertebral_foramen", members[:0])])


def missing_shell(
    mesh: TetMesh, vertebra: Vertebra, share: float = SHELL_SHARE, smallest_area: float = SMALLEST_GAP
) -> dict[str, NDArray[np.int64]]:
    """Find the facets at which the CT shows no cortical shell.

    For each facet the largest value along its normal, from 1.5 voxels inside to 1 voxel outside, is averaged over its
    neighbourhood. The shell is missing where it stays below ``inside + share * (wall - inside)``: ``inside`` is the
    median of the body's deep half, ``wall`` the upper quartile of the values over the wall (at least half of all walls'
    contrast, so that a wall that is gone as a whole is no measure of itself). Such facets count where they connect to
    ``smallest_area``; the gap then takes in the facets within a voxel of them that stay below half of the contrast.

    Measured on the demo patient's L3 (voxels of 1.5 mm, mesh of 2 mm) with round holes, filled with the body's own
    marrow values and blurred by 0.75 mm, at 8 random places on each of the 6 walls: of 48 holes each that are
    4 / 6 / 8 / 10 mm across, 3 / 38 / 48 / 48 are found, their centres to 1.5 mm. Areas come out at 1.0 times the
    hole's in the median (0.8 to 1.8 times at 6 mm, 0.7 to 1.4 times at 10 mm); what is found of 4 mm is twice as large.
    The intact body shows no gap with meshes of 1 to 2.5 mm, and one of 12 mm2 at 3 mm and above. Added noise of 10 to
    40 HU brings up to 47 mm2 of gaps, mostly about the foramen where the wall is thinnest, in 8 of 24 trials. At a
    share of 0.3 the intact body already shows 110 mm2.

    Args:
        mesh: body with named facets in the anatomical frame of ``vertebra``.
        vertebra: CT, mask and frame.
        share: share of the wall's own contrast below which the shell is missing, above 0 and below 1.
        smallest_area: mm2 of the smallest gap.

    Returns:
        Wall -> facets, for the walls of :data:`SHELL_WALLS` that have a gap.

    Raises:
        InputError: the share is out of range, or the CT's walls stand out from the inside by less than
            :data:`LEAST_CONTRAST`.
    """
    if not 0.0 < share < 1.0:
        raise InputError(f"share = {share:g} of the shell's contrast must lie above 0 and below 1; correct it")
    walls = {name: region_facets(mesh, name) for name in SHELL_WALLS}
    shell = _smoothed(mesh, _largest_along_normals(mesh, vertebra))
    depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
    inside = float(np.median(vertebra.ct.values[depth >= 0.5 * depth.max()]))
    contrast = float(np.percentile(shell[np.concatenate(list(walls.values()))], 75.0)) - inside
    units = vertebra.units
    if contrast < (least := LEAST_CONTRAST * units.per_hounsfield):
        raise InputError(
            f"CT {vertebra.ct.path} shows the shell of {vertebra.level} only {contrast:.0f} {units.symbol} above the "
            f"body's inside, at least {least:g} {units.symbol} are needed to see where it is missing; name the defects "
            "instead"
        )
    height = np.full(len(mesh.facets), np.inf)
    for facets in walls.values():
        wall = max(float(np.percentile(shell[facets], 75.0)) - inside, _LEAST_OWN_SHARE * contrast)
        height[facets] = (shell[facets] - inside) / wall
    core = height < share
    pieces = _pieces(facet_adjacency(mesh), core)
    area = np.bincount(pieces[core], weights=mesh.facet_areas[core], minlength=1)
    core[core] = area[pieces[core]] >= smallest_area
    if not core.any():
        return {}
    near, _ = cKDTree(mesh.facet_centroids[core]).query(mesh.facet_centroids)
    gap = core | ((height < _EDGE_SHARE) & (near <= vertebra.ct.voxel_volume ** (1.0 / 3.0)))
    return {name: facets[gap[facets]] for name, facets in walls.items() if gap[facets].any()}


def facets_behind(mesh: TetMesh, cells: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Region -> facets of the body's boundary that belong to some cells: the walls that a lesion destroys."""
    among = np.isin(mesh.facet_cells, cells)
    return {name: facets[among[facets]] for name, facets in mesh.facet_regions.items() if among[facets].any()}


def cells_behind(mesh: TetMesh, facets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending indices of the cells to which some facets of the boundary belong."""
    return np.unique(mesh.facet_cells[facets])


def _grow(mesh: TetMesh, members: NDArray[np.int64], distance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Facets of a wall in the order in which a patch takes them up: always the nearest of its neighbours."""
    adjacency = facet_adjacency(mesh)[members][:, members].tocsr()
    first = int(distance.argmin())
    seen = np.zeros(len(members), dtype=bool)
    seen[first] = True
    border, order = [(float(distance[first]), first)], []
    while border:
        _, facet = heapq.heappop(border)
        order.append(facet)
        for neighbour in adjacency.indices[adjacency.indptr[facet] : adjacency.indptr[facet + 1]].tolist():
            if not seen[neighbour]:
                seen[neighbour] = True
                heapq.heappush(border, (float(distance[neighbour]), neighbour))
    return members[order]


def _crossed(along: NDArray[np.float64], across: NDArray[np.float64], length: float) -> NDArray[np.bool_]:
    """(k,) whether triangles, given by (k, 3) plane coordinates, meet the line from 0 to ``length`` along."""
    next_along, next_across = np.roll(along, -1, axis=1), np.roll(across, -1, axis=1)
    cut = across * next_across <= 0.0
    difference = np.where(across == next_across, 1.0, across - next_across)
    place = along + across / difference * (next_along - along)
    first = np.where(cut, place, np.inf).min(axis=1)
    last = np.where(cut, place, -np.inf).max(axis=1)
    return (first <= length) & (last >= 0.0)


def _pieces(adjacency: csr_array, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(k,) number of the connected piece of each chosen facet, -1 for the others."""
    pieces = np.full(len(chosen), -1, dtype=np.int64)
    _, pieces[chosen] = connected_components(adjacency[chosen][:, chosen], directed=False)
    return pieces


def _largest_along_normals(mesh: TetMesh, vertebra: Vertebra) -> NDArray[np.float64]:
    """(k,) largest value of the CT along the normal through each facet's centroid."""
    voxel = vertebra.ct.voxel_volume ** (1.0 / 3.0)
    steps = np.arange(_PROFILE[0], _PROFILE[1] + 0.5 * _PROFILE_STEP, _PROFILE_STEP) * voxel
    points = mesh.facet_centroids[:, None] + steps[:, None] * mesh.facet_normals[:, None]
    index = vertebra.ct.to_indices(vertebra.frame.to_scanner(points))
    values = linear_values(vertebra.ct.values, index, beyond=None)
    return values.max(axis=1).astype(np.float64)


def _smoothed(mesh: TetMesh, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Averages of values at the facets, weighted by area and a Gaussian of the distance."""
    tree = cKDTree(mesh.facet_centroids)
    distance = tree.sparse_distance_matrix(tree, 2.0 * _SMOOTHING, output_type="coo_matrix")
    weight = np.exp(-0.5 * (distance.data / _SMOOTHING) ** 2) * mesh.facet_areas[distance.col]
    weights = csr_array((weight, (distance.row, distance.col)), shape=distance.shape)
    return (weights @ values) / weights.sum(axis=1)
