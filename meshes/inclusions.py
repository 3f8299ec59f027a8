"""Sets of cells for what lies inside a vertebral body: lesions, balloon cavities and the bone compacted around them.

Every function returns ascending indices into ``mesh.cells``, at least one.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from meshes.errors import InputError
from meshes.images.image import LARGEST_LABEL, Image, read_mask
from meshes.regions import region_facets
from meshes.sampling import equal_parts, voxel_weights
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

LARGEST_OVERHANG = 0.02
"""Share of a ball that may reach out of the body: what facets cut off where it only touches the wall (tag D)."""

_FACES = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])  # corners of a tetrahedron's faces
_PARTS = 4  # parts along a cell's edge where a sphere cuts it


def cells_in_ellipsoid(mesh: TetMesh, centre: NDArray[np.float64], semi_axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cells whose centroids lie in an ellipsoid along the anatomical axes.

    Args:
        mesh: body in its anatomical frame.
        centre: (3,) mm.
        semi_axes: (3,) mm along x, y and z.

    Raises:
        InputError: a semi-axis is not positive, or no centroid lies inside.
    """
    centre, semi_axes = np.asarray(centre, dtype=float), np.asarray(semi_axes, dtype=float)
    if not (semi_axes > 0.0).all():
        raise InputError(f"the ellipsoid's semi-axes {_listed(semi_axes)} mm must all be above 0 mm; enlarge them")
    offset = mesh.cell_centroids - centre
    cells = np.flatnonzero(((offset / semi_axes) ** 2).sum(axis=1) <= 1.0)
    if cells.size == 0:
        raise InputError(
            f"the ellipsoid with semi-axes {_listed(semi_axes)} mm holds no cell: the nearest centroid is "
            f"{np.linalg.norm(offset, axis=1).min():.1f} mm from its centre and cells measure "
            f"{_cell_length(mesh):.1f} mm; move or enlarge it, or refine the mesh there"
        )
    return cells


def cells_grown_from(mesh: TetMesh, region: str, fraction: float) -> NDArray[np.int64]:
    """Cells nearest to a wall, up to a share of the body's volume: metastases start behind and grow forward.

    Args:
        mesh: body with named facets.
        region: name in ``mesh.facet_regions``.
        fraction: share of the body's volume, above 0 and below 1; met as nearly as whole cells allow.

    Raises:
        InputError: the region is unknown or empty, or the fraction is out of range.
    """
    surface = Surface(mesh.points, mesh.facets[region_facets(mesh, region)])
    if not 0.0 < fraction < 1.0:
        raise InputError(f"fraction = {fraction:g} of the body must lie above 0 and below 1; choose a share in between")
    return _nearest_cells(mesh, _distance_to(surface, mesh.cell_centroids), fraction * mesh.volume)


def read_lesion_mask(path: Path, vertebra: Vertebra, label: int) -> Image:
    """Read a label mask that marks a lesion of a vertebra, on any voxel grid.

    Args:
        path: NIfTI file.
        vertebra: vertebra the lesion lies in.
        label: number of the lesion in the mask, 1 to 65535.

    Raises:
        InputError: unreadable, the label is missing, or it lies outside of the body.
    """
    image = read_mask(path, "lesion mask")
    if not 1 <= label <= LARGEST_LABEL:
        raise InputError(f"label = {label} of lesion mask {path} must lie between 1 and {LARGEST_LABEL}; correct it")
    present = np.unique(image.values[image.values > 0])
    if label not in present:
        there = f"it holds {', '.join(map(str, present))}" if present.size else "all its voxels are 0"
        raise InputError(f"lesion mask {path} has no label {label}: {there}; choose a label that it holds")
    if not (_labelled_voxels(vertebra, image, label) & vertebra.body).any():
        marked = image.to_world(np.argwhere(image.values == label)).mean(axis=0)
        apart = float(np.linalg.norm(marked - vertebra.frame.origin))
        raise InputError(
            f"label {label} of lesion mask {path} lies outside of the body of {vertebra.level} (its centroid is "
            f"{apart:.0f} mm from the body's); check the label, the level and the mask's orientation"
        )
    return image


def cells_with_label(mesh: TetMesh, vertebra: Vertebra, image: Image, label: int) -> NDArray[np.int64]:
    """Cells that lie by more than half of their volume in voxels with a label.

    The label is looked up at the centre of each voxel of the CT, in the mask's nearest voxel; cells at the wall count
    by what of them lies in the body's mask.

    Args:
        mesh: body in the anatomical frame of ``vertebra``.
        vertebra: CT, mask and frame.
        image: label mask on any voxel grid.
        label: number of the lesion.

    Raises:
        InputError: no cell lies by more than half in the label.
    """
    share = voxel_weights(mesh, vertebra) @ _labelled_voxels(vertebra, image, label).ravel().astype(float)
    cells = np.flatnonzero(share > 0.5)
    if cells.size == 0:
        volume = float((share * mesh.cell_volumes).sum())
        raise InputError(
            f"label {label} of lesion mask {image.path} fills no cell by more than half (it covers {volume:.2g} mm3 of "
            f"the body and cells measure {_cell_length(mesh):.1f} mm); refine the mesh or check the mask"
        )
    return cells


def shell_around(mesh: TetMesh, cells: NDArray[np.int64], thickness: float) -> NDArray[np.int64]:
    """Cells outside of a set whose centroids lie within a distance of it.

    The distance is taken to the centroids of the set's outer faces, as its corners stick out of the smooth shape it
    stands for. Around balls of 0.5 and 2 ml in cells of 1.9 and 2.5 mm, shells of 1 / 2 / 3 mm come out with 68-90 /
    91-99 / 98-102 % of the volume between two spheres.

    Args:
        mesh: body.
        cells: indices of the set.
        thickness: mm.

    Raises:
        InputError: the thickness is not positive, or no centroid lies within it.
    """
    if not thickness > 0.0:
        raise InputError(f"thickness = {thickness:g} mm of the shell must be above 0 mm; enlarge it")
    outside = np.setdiff1d(np.arange(len(mesh.cells)), cells)
    within = outside
    if outside.size:
        border = cKDTree(mesh.points[_boundary_faces(mesh, cells)].mean(axis=1))
        within = outside[border.query(mesh.cell_centroids[outside])[0] <= thickness]
    if within.size == 0:
        raise InputError(
            f"the shell of {thickness:g} mm holds no cell, as cells measure {_cell_length(mesh):.1f} mm; thicken it or "
            "refine the mesh there"
        )
    return within


def ball_of_volume(mesh: TetMesh, centre: NDArray[np.float64], volume: float) -> NDArray[np.int64]:
    """Cells of a ball, such as a balloon's cavity, whose volume is as near to the asked one as whole cells allow.

    Args:
        mesh: body in its anatomical frame.
        centre: (3,) mm.
        volume: mm3.

    Raises:
        InputError: the volume is not positive, or more than :data:`LARGEST_OVERHANG` of the ball lies outside.
    """
    if not volume > 0.0:
        raise InputError(f"a ball of {1e-3 * volume:g} ml has no volume; choose more than 0 ml")
    radius = (0.75 * volume / math.pi) ** (1.0 / 3.0)
    fits = _volume_in_ball(mesh, np.asarray(centre, dtype=float), radius)
    if fits < (1.0 - LARGEST_OVERHANG) * volume:
        raise InputError(
            f"a ball of {1e-3 * volume:.3g} ml ({2.0 * radius:.1f} mm across) does not fit into the body: "
            f"{1e-3 * fits:.3g} ml of it lie inside; move its centre inwards or make it smaller"
        )
    return _nearest_cells(mesh, np.linalg.norm(mesh.cell_centroids - centre, axis=1), volume)


def ball_of_diameter(mesh: TetMesh, centre: NDArray[np.float64], diameter: float) -> NDArray[np.int64]:
    """Cells of a ball with a diameter in mm; see :func:`ball_of_volume`."""
    return ball_of_volume(mesh, centre, math.pi / 6.0 * diameter**3)


def _nearest_cells(mesh: TetMesh, distance: NDArray[np.float64], volume: float) -> NDArray[np.int64]:
    """The cells of least distance whose volumes sum up as near to ``volume`` as possible, at least one."""
    order = np.argsort(distance, kind="stable")
    count = np.abs(np.cumsum(mesh.cell_volumes[order]) - volume).argmin() + 1
    return np.sort(order[:count])


def _distance_to(surface: Surface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(points - nearest_points(surface, points), axis=1)


def _boundary_faces(mesh: TetMesh, cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """(f, 3) faces that belong to one cell of the set alone."""
    faces = np.sort(mesh.cells[cells][:, _FACES].reshape(-1, 3), axis=1)
    unique, count = np.unique(faces, axis=0, return_counts=True)
    return unique[count == 1]


def _volume_in_ball(mesh: TetMesh, centre: NDArray[np.float64], radius: float) -> float:
    """Volume in mm3 of a ball's part inside the body; cells that the sphere may cut are counted by their parts."""
    corners = mesh.points[mesh.cells] - centre
    reach = np.linalg.norm(corners - corners.mean(axis=1, keepdims=True), axis=2).max(axis=1)
    distance = np.linalg.norm(corners.mean(axis=1), axis=1)
    cut = np.abs(distance - radius) < reach
    parts = np.linalg.norm(equal_parts(_PARTS) @ corners[cut], axis=2)
    share = (distance < radius).astype(float)
    share[cut] = (parts <= radius).mean(axis=1)
    return float(share @ mesh.cell_volumes)


def _labelled_voxels(vertebra: Vertebra, image: Image, label: int) -> NDArray[np.bool_]:
    """(nx, ny, nz) whether the mask holds the label at the centres of the CT's voxels."""
    shape = vertebra.ct.values.shape
    centres = vertebra.ct.to_world(np.moveaxis(np.indices(shape), 0, -1))
    index = image.nearest_voxels(centres)
    inside = ((index >= 0) & (index < image.values.shape)).all(axis=-1)
    found = np.zeros(shape, dtype=bool)
    found[inside] = image.values[tuple(index[inside].T)] == label
    return found


def _cell_length(mesh: TetMesh) -> float:
    """Edge in mm of the regular tetrahedron with the cells' median volume."""
    return float((6.0 * math.sqrt(2.0) * np.median(mesh.cell_volumes)) ** (1.0 / 3.0))


def _listed(numbers: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{number:.4g}" for number in np.asarray(numbers)) + ")"
