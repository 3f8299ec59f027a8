"""Bodies of simple shapes in OpenCASCADE, meshed by Gmsh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import gmsh
import pygmsh

from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh
from meshes.volume_mesh import set_mesh_options, set_size_field, tetmesh_from_gmsh

_MESH_ADAPT = 1  # Gmsh's Mesh.Algorithm that leaves no bad triangles at the poles of spheres


class OccGeometry(pygmsh.occ.Geometry):  # type: ignore[misc]  # pygmsh has no types
    """pygmsh's OpenCASCADE geometry, opened silent, reproducible and usable outside the main thread."""

    def __enter__(self) -> Self:
        """Start Gmsh without signal handlers and without the user's configuration files."""
        gmsh.initialize(readConfigFiles=False, interruptible=False)
        set_mesh_options()
        gmsh.option.setNumber("Mesh.Algorithm", _MESH_ADAPT)
        gmsh.model.add("phantom")
        return self

    def fill(self, size: str) -> TetMesh:
        """Mesh the volumes.

        Args:
            size: target edge length in mm as a Gmsh expression in x, y and z.
        """
        field = gmsh.model.mesh.field.add("MathEval")
        gmsh.model.mesh.field.setString(field, "F", size)
        gmsh.model.mesh.field.setAsBackgroundMesh(field)
        self.generate_mesh(dim=3)
        return tetmesh_from_gmsh()

    def fill_evenly(self, size: float, refinements: Sequence[Refinement] = ()) -> TetMesh:
        """Mesh the volumes with one target edge length in mm, and smaller ones in and around refinements."""
        set_size_field(size, refinements)
        self.generate_mesh(dim=3)
        return tetmesh_from_gmsh()
