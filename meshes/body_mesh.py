"""From a segmented vertebra to the tetrahedral mesh of its body."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from meshes.body_surface import body_surface
from meshes.holes import Hole, outline
from meshes.regions import name_regions, wall_point, wall_regions
from meshes.sizing import Refinement
from meshes.surface import Surface, rounded, with_volume
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.volume_mesh import mesh_volume

__all__ = ["Hole", "Refinement", "mesh_body"]


def mesh_body(
    vertebra: Vertebra, size: float, refinements: Sequence[Refinement] = (), holes: Sequence[Hole] = ()
) -> TetMesh:
    """Mesh a vertebral body with named facets and cells.

    The mesh encloses the mask's volume to round-off, and the same input gives the same mesh bit by bit.

    Args:
        vertebra: CT, masks and frame.
        size: target edge length in mm, 0.5 to 5; the surface meets it, edges inside come out about 1.4 times as long.
        refinements: regions with smaller cells, on the surface and inside.
        holes: round parts of walls whose outlines the facets follow; refinements should make cells there as small as
            :func:`meshes.holes.hole_size`.

    Returns:
        The mesh in the anatomical frame with all of :data:`~meshes.tetmesh.FACET_REGIONS` and
        :data:`~meshes.tetmesh.CELL_REGIONS`.

    Raises:
        InputError: if ``size`` is out of range, the body cannot be meshed, or the wall of a hole is missing.
    """
    surface = body_surface(vertebra, size, refinements)
    if holes:
        surface = _with_outlines(surface, vertebra, holes)
    mesh = mesh_volume(surface.points, surface.triangles, size, refinements)
    return name_regions(mesh, vertebra)


def _with_outlines(surface: Surface, vertebra: Vertebra, holes: Sequence[Hole]) -> Surface:
    """The surface cut along the holes, enclosing what it did."""
    bare = TetMesh(surface.points, np.empty((0, 4), dtype=np.int64), surface.triangles)
    named = bare.with_regions(wall_regions(bare, vertebra))
    circles = [(wall_point(named, hole.wall, np.array(hole.point)), hole.diameter) for hole in holes]
    return rounded(with_volume(outline(surface, circles), surface.volume))
