"""Where veins run in a vertebral body and where they leave it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from meshes.errors import InputError
from meshes.mouths import Mouth, point_mouth
from meshes.regions import FORAMEN_HEIGHT, FORAMEN_WIDTH, region_facets, wall_points
from meshes.tetmesh import TetMesh
from meshes.wall_damage import cells_behind

CHANNEL_DEPTH = 12.4
"""mm from the foramen to the channel's tip: mean of 107 patients with osteoporotic fractures, 2.1 standard deviation
(He 2023, 10.13418/j.issn.1001-165x.2023.3.07; tag S)."""

_WAIST = 2.0  # mm of depth on either side of a vein over which the wall's middle height is taken


def basivertebral_channel(
    mesh: TetMesh, width: float = FORAMEN_WIDTH, height: float = FORAMEN_HEIGHT, depth: float = CHANNEL_DEPTH
) -> NDArray[np.int64]:
    """Cells of the channel of the basivertebral veins, a funnel from the foramen forward along -y.

    An elliptic cone: its base is the ellipse of the given width and height about the foramen's area centroid, and it
    narrows in proportion to the depth down to its tip. It holds the cells at the foramen and the cells connected to
    them whose centroids lie in the cone; in cells of 2.5 mm its tip is lost for some 2 mm.

    Args:
        mesh: body with named facets in its anatomical frame.
        width: mm along x at the foramen; 7.8 with a standard deviation of 1.6 (He 2023; tag S).
        height: mm along z at the foramen; 5.4 with a standard deviation of 1.1 (He 2023; tag S).
        depth: mm along -y to the tip.

    Returns:
        Ascending indices into ``mesh.cells``; through the cells' faces each is connected to the foramen.

    Raises:
        InputError: a length is not positive, the depth exceeds the body's, or the mesh has no foramen.
    """
    for name, length in (("width", width), ("height", height), ("depth", depth)):
        if not length > 0.0:
            raise InputError(f"{name} = {length:g} mm of the basivertebral channel must be above 0 mm; enlarge it")
    foramen = region_facets(mesh, "basivertebral_foramen")
    centre = np.average(mesh.facet_centroids[foramen], axis=0, weights=mesh.facet_areas[foramen])
    reach = float(centre[1] - mesh.points[:, 1].min())
    if depth >= reach:
        raise InputError(
            f"depth = {depth:g} mm of the basivertebral channel must stay below the {reach:.1f} mm from the foramen to "
            "the body's front; shorten it"
        )
    offset = mesh.cell_centroids - centre
    # The wall is hollow about the foramen, so that some of its cells lie behind the centroid.
    taper = 1.0 - np.maximum(-offset[:, 1], 0.0) / depth
    radius = np.hypot(offset[:, 0] / (0.5 * width), offset[:, 2] / (0.5 * height))
    inside = radius <= taper
    inside[cells_behind(mesh, foramen)] = True
    cells = np.flatnonzero(inside)
    _, piece = connected_components(_cell_adjacency(mesh.cells[cells]), directed=False)
    at_foramen = np.isin(cells, cells_behind(mesh, foramen))
    return cells[np.isin(piece, piece[at_foramen])]


def segmental_mouths(mesh: TetMesh, wall: str, number_per_side: int) -> list[Mouth]:
    """The surface in front of the segmental veins that leave the body through a vertical wall.

    They lie at the wall's waist, halfway between its lower and upper edge, evenly along its depth (its width at the
    anterior and posterior wall): one vein in the middle, two at a quarter and three quarters, and so on.

    Args:
        mesh: body with named facets in its anatomical frame.
        wall: facet region.
        number_per_side: veins of this wall, at least 1.

    Returns:
        One mouth per vein, from anterior to posterior or from right to left; no facet belongs to two.

    Raises:
        InputError: the number is not positive, the wall is missing, or its facets are too few.
    """
    if number_per_side < 1:
        raise InputError(f"number_per_side = {number_per_side} segmental veins must be at least 1; leave them out else")
    facets, axis = region_facets(mesh, wall), 1 if wall in ("left_wall", "right_wall") else 0
    centroids = mesh.facet_centroids[facets]
    first, last = centroids[:, axis].min(), centroids[:, axis].max()
    places = first + (np.arange(number_per_side) + 0.5) / number_per_side * (last - first)
    ends = wall_points(mesh, wall, np.stack([_waist(centroids, axis, place) for place in places]))
    owner = np.linalg.norm(centroids[:, None] - ends, axis=2).argmin(axis=1)
    if len(np.unique(owner)) < number_per_side:
        raise InputError(
            f"number_per_side = {number_per_side} segmental veins lie closer together than the facets of the "
            f"{wall}; choose fewer or refine the mesh"
        )
    return [point_mouth(mesh, facets[owner == vein], end) for vein, end in enumerate(ends)]


def _waist(centroids: NDArray[np.float64], axis: int, place: float) -> NDArray[np.float64]:
    """(3,) point near a wall, given by its facets, at a place along a horizontal axis and halfway up."""
    off = np.abs(centroids[:, axis] - place)
    band = centroids[off <= max(_WAIST, float(off.min()))]
    middle = 0.5 * (band[:, 2].min() + band[:, 2].max())
    point = centroids[np.hypot(centroids[:, axis] - place, centroids[:, 2] - middle).argmin()].copy()
    point[axis], point[2] = place, middle
    return point


def _cell_adjacency(cells: NDArray[np.int64]) -> csr_array:
    """(m, m) matrix with entries where two of (m, 4) cells share a face."""
    points = int(cells.max()) + 1
    incidence = csr_array(
        (np.ones(cells.size, dtype=int), (np.repeat(np.arange(len(cells)), 4), cells.ravel())),
        shape=(len(cells), points),
    )
    shared = incidence @ incidence.T
    shared.data = shared.data * (shared.data == 3)
    shared.eliminate_zeros()
    return shared
