"""Names for the boundary facets and the cells of a vertebral body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from meshes.errors import InputError
from meshes.interpolation import linear_values
from meshes.sampling import voxel_weights
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import FACET_REGIONS, TetMesh
from meshes.vertebra import Vertebra

FORAMEN_WIDTH, FORAMEN_HEIGHT = 7.8, 5.4
"""Width and height of the basivertebral foramen in mm: means of 107 patients with osteoporotic fractures (He 2023,
10.13418/j.issn.1001-165x.2023.3.07; tag S)."""

CORTEX_HU = 311.0
"""Cells at the wall count as cortical shell above this: the mean of young adults' trabecular bone at L3 and twice its
standard deviation, 227 + 2 * 42 HU (PMC6047377), so that trabecular bone hardly ever passes (tag D)."""

CORTEX_DEPTH = 2.0
"""Depth in voxels down to which cells may count as cortical shell: CT smears the cortex over about two (tag D)."""

_ARCH_REACH = 1.25  # voxels between the wall and the nearest voxel centre of the arch where they touch
_ENDPLATE_COSINE = np.sqrt(0.5)  # |nz| of the smoothed normal above which a facet faces a disc
_SMOOTHING = 2.0  # mm over which normals are averaged before they are told apart

FacetMask = NDArray[np.bool_]


def name_regions(mesh: TetMesh, vertebra: Vertebra) -> TetMesh:
    """Name all boundary facets and cells of a meshed vertebral body.

    The facets next to the arch are the pedicles, left and right by the sign of x; a mask without an arch gets them
    from the body's shape. See :func:`facet_regions` for the other names and :func:`cell_regions` for the cells.
    """
    return mesh.with_regions(wall_regions(mesh, vertebra), cell_regions(mesh, vertebra))


def wall_regions(mesh: TetMesh, vertebra: Vertebra) -> dict[str, NDArray[np.int64]]:
    """The facets of :func:`name_regions`; the mesh needs no cells."""
    return facet_regions(mesh, _near_arch(mesh, vertebra) if vertebra.arch.any() else None)


def facet_regions(mesh: TetMesh, near_arch: FacetMask | None = None) -> dict[str, NDArray[np.int64]]:
    """Partition the boundary of a body in its anatomical frame into :data:`~meshes.tetmesh.FACET_REGIONS`.

    Endplates are where the normal, averaged over a few millimetres, is closer to the vertical than to the horizontal;
    the other facets belong to the wall their normal points to. Islands join the region around them, so that every
    region is connected. The foramen is an ellipse in the middle of the posterior wall, filled from its centre until
    the facets' area is the ellipse's.

    Args:
        mesh: body in its anatomical frame.
        near_arch: (k,) facets that touch the arch; None puts the pedicles at the upper outer ends of the posterior
            wall, where lumbar and thoracic pedicles arise (tag M).
    """
    adjacency = facet_adjacency(mesh)
    x, y, z = mesh.facet_centroids.T
    normal = _smoothed_normals(mesh)
    lateral = np.abs(normal[:, 0]) > np.abs(normal[:, 1])
    label = np.empty(len(mesh.facets), dtype=int)
    label[~lateral & (normal[:, 1] > 0.0)] = _number("posterior_wall")
    label[~lateral & (normal[:, 1] <= 0.0)] = _number("anterior_wall")
    label[lateral & (normal[:, 0] > 0.0)] = _number("left_wall")
    label[lateral & (normal[:, 0] <= 0.0)] = _number("right_wall")
    label[(normal[:, 2] > _ENDPLATE_COSINE) & (z > 0.0)] = _number("superior_endplate")
    label[(normal[:, 2] < -_ENDPLATE_COSINE) & (z < 0.0)] = _number("inferior_endplate")
    if near_arch is None:
        near_arch = _pedicles_by_shape(mesh, np.abs(normal[:, 2]) <= _ENDPLATE_COSINE)
    label[near_arch & (x > 0.0) & (y > 0.0)] = _number("left_pedicle")
    label[near_arch & (x <= 0.0) & (y > 0.0)] = _number("right_pedicle")
    label = _merge_islands(_straighten(label, adjacency), adjacency, mesh.facet_areas)
    label[_foramen(mesh, label == _number("posterior_wall"))] = _number("basivertebral_foramen")
    return {name: np.flatnonzero(label == number) for number, name in enumerate(FACET_REGIONS)}


def cell_regions(mesh: TetMesh, vertebra: Vertebra) -> dict[str, NDArray[np.int64]]:
    """Tell cortical shell from cancellous bone.

    Cortical shell are the cells whose centroid lies within :data:`CORTEX_DEPTH` voxels of the surface and whose mean
    value exceeds :data:`CORTEX_HU`, or what it is in the units of the CT.
    """
    depth, _ = cKDTree(mesh.facet_centroids).query(mesh.cell_centroids)
    shell = depth <= CORTEX_DEPTH * _voxel_length(vertebra)
    outer = TetMesh(mesh.points, mesh.cells[shell], mesh.facets)
    mean = voxel_weights(outer, vertebra) @ vertebra.ct.values.ravel()
    shell[shell] = mean > CORTEX_HU * vertebra.units.per_hounsfield
    return {"cancellous": np.flatnonzero(~shell), "cortical_shell": np.flatnonzero(shell)}


def facets_in_disc(mesh: TetMesh, region: str, centre: NDArray[np.float64], diameter: float) -> NDArray[np.int64]:
    """Facets of a region that lie in a disc, or the one nearest to its centre if none does.

    Args:
        mesh: body with named facets.
        region: name in ``mesh.facet_regions``.
        centre: (3,) mm in the mesh's frame; the disc lies about the region's point nearest to it.
        diameter: mm.

    Returns:
        Indices into ``mesh.facets``, at least one.

    Raises:
        InputError: if the region is unknown or empty.
    """
    members = region_facets(mesh, region)
    centre = wall_point(mesh, region, centre)
    inside = np.intersect1d(members, facets_around(mesh, centre, diameter))
    if inside.size:
        return inside
    return members[[np.linalg.norm(mesh.facet_centroids[members] - centre, axis=1).argmin()]]


def facets_around(mesh: TetMesh, point: NDArray[np.float64], diameter: float) -> NDArray[np.int64]:
    """Facets of all regions in a disc about a point, in the order of their indices, at least one.

    They are taken in the order of their farthest corner until their area is as near to the disc's as it comes. Where
    the mesh follows the disc's outline (:func:`meshes.holes.outline`), that is the disc.

    Args:
        mesh: body.
        point: (3,) mm on its surface.
        diameter: mm.
    """
    order = np.linalg.norm(mesh.points[mesh.facets] - point, axis=2).max(axis=1).argsort(kind="stable")
    missed = np.abs(np.cumsum(mesh.facet_areas[order]) - 0.25 * np.pi * diameter**2)
    return np.sort(order[: missed.argmin() + 1])


def wall_point(mesh: TetMesh, region: str, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) point of a region nearest to a point, in mm."""
    return wall_points(mesh, region, np.atleast_2d(point))[0]


def wall_points(mesh: TetMesh, region: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of a region nearest to (n, 3) points, in mm."""
    return nearest_points(Surface(mesh.points, mesh.facets[region_facets(mesh, region)]), points)


def region_area(mesh: TetMesh, facets: NDArray[np.int64]) -> float:
    """Area of some facets in mm2."""
    return float(mesh.facet_areas[facets].sum())


def facet_adjacency(mesh: TetMesh) -> csr_array:
    """(k, k) symmetric matrix with 1 where two boundary facets share an edge."""
    tail, head = mesh.facets.ravel(), np.roll(mesh.facets, -1, axis=1).ravel()
    count = len(mesh.points)
    owner = np.repeat(np.arange(len(mesh.facets)), 3)
    # On a closed, oriented surface every edge runs once in either direction.
    forward, backward = np.argsort(tail * count + head), np.argsort(head * count + tail)
    ones = np.ones(len(owner))
    return csr_array((ones, (owner[forward], owner[backward])), shape=(len(mesh.facets), len(mesh.facets)))


def region_facets(mesh: TetMesh, region: str) -> NDArray[np.int64]:
    """Facets of a region.

    Raises:
        InputError: if the region is unknown or empty.
    """
    members = mesh.facet_regions.get(region, np.empty(0, dtype=np.int64))
    if members.size == 0:
        known = ", ".join(name for name, facets in mesh.facet_regions.items() if len(facets))
        raise InputError(f"the wall region '{region}' does not exist or is empty; choose one of {known}")
    return members


def _number(name: str) -> int:
    return FACET_REGIONS.index(name)


def _voxel_length(vertebra: Vertebra) -> float:
    """Edge in mm of the cube with a voxel's volume."""
    return float(np.abs(np.linalg.det(vertebra.ct.affine[:3, :3])) ** (1.0 / 3.0))


def _near_arch(mesh: TetMesh, vertebra: Vertebra) -> FacetMask:
    """(k,) whether the arch begins within a voxel outside of a facet."""
    voxel, spacing = _voxel_length(vertebra), vertebra.ct.spacing
    to_index = np.linalg.inv(vertebra.frame.matrix @ vertebra.ct.affine)
    outside = mesh.facet_centroids + 0.5 * voxel * mesh.facet_normals
    index = outside @ to_index[:3, :3].T + to_index[:3, 3]
    # No voxel of the arch that decides lies farther than this from a facet: the reach, and a voxel on either side.
    margin = np.ceil(_ARCH_REACH * voxel / spacing + 2.0 * np.linalg.norm(spacing) / spacing)
    low = np.clip(np.floor(index.min(axis=0)) - margin, 0, None).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + margin + 1.0, low + 1, vertebra.arch.shape).astype(int)
    arch = vertebra.arch[tuple(slice(first, last) for first, last in zip(low, high, strict=True))]
    if not arch.any():
        return np.zeros(len(index), dtype=bool)
    distance = ndimage.distance_transform_edt(~arch, sampling=spacing)
    return linear_values(distance, index - low, beyond=None) <= _ARCH_REACH * voxel


def _pedicles_by_shape(mesh: TetMesh, wall: FacetMask) -> FacetMask:
    """(k,) wall facets where pedicles arise, told from the body's extents alone.

    In the back quarter of the depth, between 0.45 and 0.85 of the height and 0.4 and 0.9 of the half width (tag M).
    """
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    x, y, z = ((mesh.facet_centroids - low) / (high - low)).T
    aside = np.abs(2.0 * x - 1.0)
    return wall & (aside > 0.4) & (aside < 0.9) & (y > 0.75) & (z > 0.45) & (z < 0.85)


def _smoothed_normals(mesh: TetMesh) -> NDArray[np.float64]:
    """(k, 3) unit normals averaged over the neighbourhood, weighted by area and a Gaussian of the distance."""
    tree = cKDTree(mesh.facet_centroids)
    distance = tree.sparse_distance_matrix(tree, 2.0 * _SMOOTHING, output_type="coo_matrix")
    weight = np.exp(-0.5 * (distance.data / _SMOOTHING) ** 2) * mesh.facet_areas[distance.col]
    normals = csr_array((weight, (distance.row, distance.col)), shape=distance.shape) @ mesh.facet_normals
    return normals / np.linalg.norm(normals, axis=1)[:, None]


def _merge_islands(label: NDArray[np.int64], adjacency: csr_array, areas: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give all but the largest connected part of each region to the region with which it shares most edges."""
    link = adjacency.tocoo()
    while True:
        within = label[link.row] == label[link.col]
        same = csr_array((link.data[within], (link.row[within], link.col[within])), shape=link.shape)
        count, part = connected_components(same, directed=False)
        area = np.bincount(part, weights=areas)
        number = label[np.unique(part, return_index=True)[1]]
        islands = [p for p in range(count) if area[p] < area[number == number[p]].max()]
        if not islands:
            return label
        smallest = min(islands, key=lambda p: (area[p], p))
        border = label[link.col[(part[link.row] == smallest) & (part[link.col] != smallest)]]
        label = np.where(part == smallest, np.bincount(border).argmax(), label)


def _straighten(label: NDArray[np.int64], adjacency: csr_array) -> NDArray[np.int64]:
    """Let facets follow two of their three neighbours that agree, which takes teeth off the borders."""
    neighbours = adjacency.indices.reshape(-1, 3)
    for _ in range(10):
        near = label[neighbours]
        middle = np.median(near, axis=1).astype(label.dtype)  # the common one, where two agree
        follows = ((near == middle[:, None]).sum(axis=1) >= 2) & (middle != label)
        if not follows.any():
            break
        label = np.where(follows, middle, label)
    return label


def _foramen(mesh: TetMesh, wall: FacetMask) -> NDArray[np.int64]:
    """Facets of the elliptical foramen at mid height on the midline of the posterior wall."""
    if not wall.any():
        raise InputError("the body has no posterior wall between its pedicles; check the mask and its orientation")
    facets = np.flatnonzero(wall)
    centroids, areas = mesh.facet_centroids[facets], mesh.facet_areas[facets]
    midline = np.abs(centroids[:, 0]) <= max(3.0, np.abs(centroids[:, 0]).min())
    height = 0.5 * (centroids[midline, 2].min() + centroids[midline, 2].max())
    centre = centroids[np.hypot(centroids[:, 0], centroids[:, 2] - height).argmin()]
    centre = np.array([0.0, centre[1], height])
    near = np.linalg.norm(centroids - centre, axis=1)
    normal = mesh.facet_normals[facets][near <= max(FORAMEN_WIDTH / 2.0, near.min())].mean(axis=0)
    normal /= np.linalg.norm(normal)
    up = np.array([0.0, 0.0, 1.0]) - normal[2] * normal
    up /= np.linalg.norm(up)
    across = np.cross(up, normal)
    relative = centroids - centre
    radius = np.hypot(relative @ across / (FORAMEN_WIDTH / 2.0), relative @ up / (FORAMEN_HEIGHT / 2.0))
    order = np.argsort(radius, kind="stable")
    covered = np.cumsum(areas[order])
    count = np.abs(covered - np.pi * FORAMEN_WIDTH * FORAMEN_HEIGHT / 4.0).argmin() + 1
    return facets[order[:count]]
