"""Discs on the endplates of a body: flat outside, fitted to the bone inside, sharing the bone's nodes.

Every triangle of an endplate is extruded along +z or -z to a plane across that axis, which lies a given thickness
beyond the outermost point of the endplate. The prisms are cut in layers, and each prism into three tetrahedra. All
diagonals run from the lower-numbered column at the inner level to the higher-numbered one at the outer level, so that
neighbouring prisms agree on the diagonal of the face between them.

Facets steeper than :data:`STEEPEST` from the plane of the disc stay free, as the cement that bone is potted in or a
disc does not reach far down the rim, and overhanging ones would turn prisms inside out; islands that this leaves are
free, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from meshes.errors import InputError
from meshes.regions import facet_adjacency, region_facets
from meshes.tetmesh import TetMesh, triangle_keys
from meshes.volume_mesh import tetmesh_from_arrays

DISC_CELLS = ("superior_disc", "inferior_disc")
"""Cell regions of the discs."""

DISC_PLATES = ("superior_plate", "inferior_plate")
"""Facet regions of the flat outer faces of the discs."""

DISC_SIDES = ("superior_disc_side", "inferior_disc_side")
"""Facet regions of the discs' rims."""

STEEPEST = 60.0
"""Angle in degrees between the normal of a facet and the z axis up to which the facet carries a disc (tag D)."""

# Tetrahedra of a prism between the columns a < b < c, inner corners 0 to 2 and outer corners 3 to 5.
_PRISM = np.array([[0, 1, 2, 5], [0, 1, 4, 5], [0, 3, 4, 5]])


def with_discs(mesh: TetMesh, thickness: float) -> TetMesh:
    """Put a disc on either endplate.

    Args:
        mesh: body in its anatomical frame with the facet regions "superior_endplate" and "inferior_endplate".
        thickness: least thickness of a disc in mm, above the outermost point of the endplate that it stands on.

    Returns:
        The body with its points and cells as they were, followed by those of the discs. Its cell regions and
        :data:`DISC_CELLS`; its facet regions without the facets under the discs, :data:`DISC_PLATES` and
        :data:`DISC_SIDES`.

    Raises:
        InputError: the thickness is not positive, or an endplate has no facet that could carry a disc.
    """
    if not thickness > 0.0:
        raise InputError(f"thickness = {thickness:g} mm of a disc must be greater than 0 mm; choose a positive one")
    points, cells, cell_regions = [mesh.points], [mesh.cells], dict(mesh.cell_regions)
    plates, covered = {}, np.zeros(len(mesh.facets), dtype=bool)
    for side, upwards in (("superior", 1.0), ("inferior", -1.0)):
        bearing = bearing_facets(mesh, f"{side}_endplate", upwards)
        covered[bearing] = True
        first_point, first_cell = sum(map(len, points)), sum(map(len, cells))
        outer, tetrahedra, plate = _extrude(mesh, bearing, upwards * thickness, first_point)
        points.append(outer)
        cells.append(tetrahedra)
        cell_regions[f"{side}_disc"] = np.arange(first_cell, first_cell + len(tetrahedra))
        plates[f"{side}_plate"] = plate
    whole = tetmesh_from_arrays(np.concatenate(points), np.concatenate(cells))
    return whole.with_regions(_facet_regions(mesh, whole, covered, plates, cell_regions), cell_regions)


def bearing_facets(mesh: TetMesh, region: str, upwards: float) -> NDArray[np.int64]:
    """Facets of an endplate that a disc can stand on: the largest connected part that is not steep.

    Args:
        mesh: body with named facets.
        region: facet region of the endplate.
        upwards: 1 where the disc lies above it, -1 where it lies below.

    Raises:
        InputError: there is no such facet.
    """
    members = region_facets(mesh, region)
    flat = members[upwards * mesh.facet_normals[members, 2] >= np.cos(np.radians(STEEPEST))]
    if not len(flat):
        raise InputError(
            f"no facet of the region '{region}' lies within {STEEPEST:g} degrees of the horizontal, so that no disc "
            "can stand on it; check the mask and its frame or choose rigid plates"
        )
    _, part = connected_components(facet_adjacency(mesh)[flat][:, flat], directed=False)
    areas = np.bincount(part, weights=mesh.facet_areas[flat])
    return flat[part == areas.argmax()]


def _extrude(
    mesh: TetMesh, facets: NDArray[np.int64], thickness: float, first_point: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The points beyond the endplate, the tetrahedra, and the triangles of the outer face of one disc.

    Args:
        mesh: the body.
        facets: those under the disc.
        thickness: mm, negative for a disc below the body.
        first_point: number of the first new point.
    """
    columns, triangles = np.unique(mesh.facets[facets], return_inverse=True)
    triangles = np.sort(triangles.reshape(-1, 3), axis=1)
    inner = mesh.points[columns]
    outermost = inner[:, 2].max() if thickness > 0.0 else inner[:, 2].min()
    rise = outermost + thickness - inner[:, 2]
    corner = inner[triangles]
    edges = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2)
    layers = max(1, round(float(np.abs(rise).mean() / edges.mean())))

    numbers = np.empty((layers + 1, len(columns)), dtype=np.int64)
    numbers[0] = columns
    numbers[1:] = first_point + np.arange(layers * len(columns)).reshape(layers, -1)
    share = np.arange(1, layers + 1)[:, None] / layers
    points = np.repeat(inner[None], layers, axis=0)
    points[..., 2] += share * rise
    points[-1, :, 2] = outermost + thickness
    prisms = np.concatenate([numbers[:-1][:, triangles], numbers[1:][:, triangles]], axis=2)
    return points.reshape(-1, 3), prisms[..., _PRISM].reshape(-1, 4), numbers[-1][triangles]


def _facet_regions(
    mesh: TetMesh,
    whole: TetMesh,
    covered: NDArray[np.bool_],
    plates: Mapping[str, NDArray[np.int64]],
    cell_regions: Mapping[str, NDArray[np.int64]],
) -> dict[str, NDArray[np.int64]]:
    """Names of the boundary facets of the body with its discs."""
    count = len(whole.points)
    keys = triangle_keys(whole.facets, count)
    regions, named = {}, np.zeros(len(keys), dtype=bool)

    def name(region: str, members: NDArray[np.bool_]) -> None:
        regions[region] = np.flatnonzero(members & ~named)
        named[members] = True

    for region, facets in mesh.facet_regions.items():
        name(region, np.isin(keys, triangle_keys(mesh.facets[facets[~covered[facets]]], count)))
    for region, triangles in plates.items():
        name(region, np.isin(keys, triangle_keys(triangles, count)))
    owner = whole.facet_cells
    for disc, side in zip(DISC_CELLS, DISC_SIDES, strict=True):
        name(side, ~named & np.isin(owner, cell_regions[disc]))
    return regions
