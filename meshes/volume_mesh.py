"""Tetrahedra: from a closed triangulated surface through Gmsh to a :class:`~meshes.tetmesh.TetMesh`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import gmsh
import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.sizing import GROWTH, Refinement, check_size
from meshes.tetmesh import TetMesh

_TRIANGLE, _TETRAHEDRON = 2, 4  # Gmsh's element types
_HXT = 10  # Gmsh's Mesh.Algorithm3D
_POOR_GAMMA = 0.35  # cells below are improved

# Corners of the four faces of a positively oriented tetrahedron, seen counter-clockwise from outside.
_OUTWARD_FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@contextmanager
def gmsh_session() -> Iterator[None]:
    """Open Gmsh silent, single-threaded and reproducible, and close it whatever happens.

    Not interruptible, since Gmsh's signal handler can only be installed in a process's main thread, and without the
    user's configuration files, which would change meshes from one machine to the next.
    """
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    try:
        set_mesh_options()
        yield
    finally:
        gmsh.finalize()


def set_mesh_options() -> None:
    """Make the open Gmsh session silent, single-threaded and repeatable; sizes come from size fields alone."""
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.option.setNumber("General.NumThreads", 1)
    gmsh.option.setNumber("Mesh.RandomSeed", 1)
    gmsh.option.setNumber("Mesh.OptimizeThreshold", _POOR_GAMMA)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def boundary_facets(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the faces that belong to one cell only.

    Args:
        cells: (m, 4) positively oriented tetrahedra.

    Returns:
        (k, 3) boundary triangles with outward normals, and the (k,) indices of the cells they belong to.
    """
    faces = cells[:, _OUTWARD_FACES].reshape(-1, 3)
    keys = np.sort(faces, axis=1)
    order = np.lexsort(keys.T[::-1])
    repeated = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    single = np.ones(len(faces), dtype=bool)
    single[order[1:][repeated]] = False
    single[order[:-1][repeated]] = False
    chosen = np.flatnonzero(single)
    return faces[chosen], chosen // 4


def tetmesh_from_arrays(
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    facet_regions: Mapping[str, NDArray[np.int64]] | None = None,
    cell_regions: Mapping[str, NDArray[np.int64]] | None = None,
) -> TetMesh:
    """Make a :class:`~meshes.tetmesh.TetMesh`: orient the cells, drop unused points, extract the boundary.

    Args:
        points: (n, 3) in mm.
        cells: (m, 4) tetrahedra in either orientation.
        facet_regions: name -> facet indices, or None.
        cell_regions: name -> cell indices, or None.
    """
    used, cells = np.unique(cells, return_inverse=True)
    points, cells = points[used], cells.reshape(-1, 4).astype(np.int64)
    corner = points[cells]
    negative = np.linalg.det(corner[:, 1:] - corner[:, :1]) < 0.0
    cells[negative] = cells[negative][:, [0, 1, 3, 2]]
    facets, _ = boundary_facets(cells)
    return TetMesh(points, cells, facets, dict(facet_regions or {}), dict(cell_regions or {}))


def tetmesh_from_gmsh() -> TetMesh:
    """Read the tetrahedra of the open Gmsh model; the mesh has no regions yet."""
    node_tags, coordinates, _ = gmsh.model.mesh.getNodes()
    index = np.zeros(int(node_tags.max()) + 1, dtype=np.int64)
    index[node_tags] = np.arange(len(node_tags))
    _, cell_nodes = gmsh.model.mesh.getElementsByType(_TETRAHEDRON)
    return tetmesh_from_arrays(coordinates.reshape(-1, 3).copy(), index[cell_nodes].reshape(-1, 4))


def mesh_volume(
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    size: float,
    refinements: Sequence[Refinement] = (),
) -> TetMesh:
    """Fill a closed surface with tetrahedra; the surface triangles stay as they are.

    Gmsh's HXT (Marot, Pellerin & Remacle 2019, 10.1002/nme.5987) and optimisation.

    Args:
        points: (n, 3) points of the surface in mm.
        triangles: (k, 3) triangles with outward normals.
        size: target edge length in mm, 0.5 to 5.
        refinements: regions with smaller cells.

    Raises:
        InputError: if ``size`` is out of range or Gmsh cannot fill the surface.
    """
    check_size(size, "size")
    with gmsh_session():
        gmsh.model.add("body")
        surface = gmsh.model.addDiscreteEntity(2, 1)
        gmsh.model.mesh.addNodes(2, surface, np.arange(1, len(points) + 1), points.ravel())
        gmsh.model.mesh.addElementsByType(surface, _TRIANGLE, [], (triangles + 1).ravel())
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop([surface])])
        gmsh.model.geo.synchronize()
        set_size_field(size, refinements)
        gmsh.option.setNumber("Mesh.Algorithm3D", _HXT)
        try:
            gmsh.model.mesh.generate(3)
        except Exception as error:
            raise InputError(
                f"the surface cannot be filled with tetrahedra of size {size:g} mm (allowed 0.5 to 5 mm) "
                f"because Gmsh reports '{error}'; try another size or repair the mask"
            ) from error
        return tetmesh_from_gmsh()


def set_size_field(size: float, refinements: Sequence[Refinement]) -> None:
    """Tell Gmsh the target size everywhere: ``size`` in bulk, less in and around each refinement.

    A capsule is a cylinder with a ball at either end; outside it the size grows by :data:`~meshes.sizing.GROWTH`.
    """
    parts = [_add_field("MathEval", F=f"{size:.17g}")]
    for refinement in refinements:
        start, end = np.asarray(refinement.start, dtype=float), np.asarray(refinement.end, dtype=float)
        radius, fine = refinement.radius, min(refinement.size, size)
        reach = (size - fine) / GROWTH
        for x, y, z in (start, end):
            parts.append(
                _add_field("Ball", XCenter=x, YCenter=y, ZCenter=z, Radius=radius, Thickness=reach, VIn=fine, VOut=size)
            )
        if np.allclose(start, end):
            continue
        (x, y, z), (dx, dy, dz) = 0.5 * (start + end), 0.5 * (end - start)
        parts.append(
            _add_field(
                "Cylinder", XCenter=x, YCenter=y, ZCenter=z, XAxis=dx, YAxis=dy, ZAxis=dz,
                Radius=radius, VIn=fine, VOut=size,
            )
        )  # fmt: skip
        if reach > 0.0:
            parts.append(_add_frustum(start, end, radius, radius + reach, fine, size))
    smallest = gmsh.model.mesh.field.add("Min")
    gmsh.model.mesh.field.setNumbers(smallest, "FieldsList", parts)
    gmsh.model.mesh.field.setAsBackgroundMesh(smallest)


def _add_frustum(
    start: NDArray[np.float64], end: NDArray[np.float64], inner: float, outer: float, fine: float, coarse: float
) -> int:
    """Size that grows from ``fine`` at the radius ``inner`` to ``coarse`` at ``outer`` around an axis."""
    options: dict[str, float] = {}
    for number, (x, y, z) in ((1, start), (2, end)):
        options |= {f"X{number}": x, f"Y{number}": y, f"Z{number}": z}
        options |= {f"InnerR{number}": inner, f"OuterR{number}": outer}
        options |= {f"InnerV{number}": fine, f"OuterV{number}": coarse}
    return _add_field("Frustum", **options)


def _add_field(kind: str, **options: float | str) -> int:
    """Add a size field to the open Gmsh model and return its tag."""
    tag = gmsh.model.mesh.field.add(kind)
    for name, value in options.items():
        if isinstance(value, str):
            gmsh.model.mesh.field.setString(tag, name, value)
        else:
            gmsh.model.mesh.field.setNumber(tag, name, float(value))
    return tag
