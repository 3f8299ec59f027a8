"""The tetrahedral mesh of a whole vertebra, body and arch, with the names that the mesh of its body gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from meshes.body_surface import body_surface
from meshes.errors import InputError
from meshes.regions import cell_regions, facet_adjacency
from meshes.segmentation import without_holes
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.volume_mesh import mesh_volume

ARCH = "arch"
"""Facet and cell region of the arch."""

_NEAR = 1.0  # facet lengths between the centroids of a facet and the body's facet whose name it takes
_SAME_WAY = 0.5  # cosine between their normals


def whole_vertebra(vertebra: Vertebra) -> Vertebra:
    """``vertebra`` with the arch counted as body, in the frame of the body.

    Raises:
        InputError: the mask holds no arch, the image cuts it, or it is apart from the body.
    """
    if vertebra.cut:
        raise InputError(
            f"{vertebra.level} is cut by the {vertebra.cut}, but the whole vertebra is asked for; choose "
            "mechanics.domain = 'body' or a larger field of view"
        )
    if not vertebra.arch.any():
        raise InputError(
            f"the mask of {vertebra.level} holds no arch; choose mechanics.domain = 'body' or give a mask of the whole "
            "vertebra"
        )
    whole = vertebra.body | vertebra.arch
    pieces, _ = ndimage.label(whole)
    sizes = np.bincount(pieces.ravel())[1:]
    kept = pieces == 1 + sizes.argmax()
    if not (kept & vertebra.arch).any():
        raise InputError(
            f"the arch of {vertebra.level} does not touch its body in the mask; repair the mask or choose "
            "mechanics.domain = 'body'"
        )
    return replace(vertebra, body=without_holes(kept), arch=np.zeros_like(kept))


def mesh_vertebra(vertebra: Vertebra, size: float, body: TetMesh, refinements: Sequence[Refinement] = ()) -> TetMesh:
    """Mesh body and arch together.

    Args:
        vertebra: CT, masks and frame.
        size: target edge length in mm, 0.5 to 5.
        body: mesh of the body alone with named facets.
        refinements: regions with smaller cells.

    Returns:
        The mesh in the anatomical frame of the body. Facets that lie on a facet of ``body`` take its name, the others
        are "arch". Cells of the body are told apart as there, the others are "arch".

    Raises:
        InputError: ``size`` is out of range, or the vertebra has no arch or cannot be meshed.
    """
    whole = whole_vertebra(vertebra)
    surface = body_surface(whole, size, refinements)
    mesh = mesh_volume(surface.points, surface.triangles, size, refinements)
    return mesh.with_regions(_facet_regions(mesh, body), _cell_regions(mesh, vertebra, whole))


def _facet_regions(mesh: TetMesh, body: TetMesh) -> dict[str, NDArray[np.int64]]:
    """Names by the nearest facet of the body; the endplates are connected."""
    distance, nearest = cKDTree(body.facet_centroids).query(mesh.facet_centroids)
    length = np.sqrt(mesh.facet_areas * 4.0 / np.sqrt(3.0))
    alike = (mesh.facet_normals * body.facet_normals[nearest]).sum(axis=1) > _SAME_WAY
    on_body = alike & (distance < _NEAR * length)
    number = np.full(len(body.facets), -1)
    for index, facets in enumerate(body.facet_regions.values()):
        number[facets] = index
    label = np.where(on_body, number[nearest], -1)
    adjacency = facet_adjacency(mesh)
    for index, name in enumerate(body.facet_regions):
        if name.endswith("endplate"):
            members = np.flatnonzero(label == index)
            _, part = connected_components(adjacency[members][:, members], directed=False)
            areas = np.bincount(part, weights=mesh.facet_areas[members])
            label[members[part != areas.argmax()]] = -1
    regions = {name: np.flatnonzero(label == index) for index, name in enumerate(body.facet_regions)}
    return {**regions, ARCH: np.flatnonzero(label == -1)}


def _cell_regions(mesh: TetMesh, vertebra: Vertebra, whole: Vertebra) -> dict[str, NDArray[np.int64]]:
    """Cancellous bone and cortical shell of the body, and the arch: the cells that lie nearer to it than the body."""
    to_index = np.linalg.inv(vertebra.frame.matrix @ vertebra.ct.affine)
    index = (mesh.cell_centroids @ to_index[:3, :3].T + to_index[:3, 3]).T
    to_body, to_arch = (
        ndimage.map_coordinates(
            ndimage.distance_transform_edt(~mask, sampling=vertebra.ct.spacing), index, order=1, mode="nearest"
        )
        for mask in (vertebra.body, vertebra.arch)
    )
    arch = to_arch < to_body
    regions = {name: cells[~arch[cells]] for name, cells in cell_regions(mesh, whole).items()}
    return {**regions, ARCH: np.flatnonzero(arch)}
