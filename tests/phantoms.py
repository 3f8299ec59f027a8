"""Simple bodies with exact solutions: ball, shell, box and cylinder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.occ_geometry import OccGeometry
from meshes.sizing import Refinement
from meshes.tetmesh import TetMesh


def ball(radius: float, size: float, size_centre: float | None = None) -> TetMesh:
    """Ball about the origin; its boundary points lie on the sphere.

    Args:
        radius: mm.
        size: target edge length at the surface, and everywhere if ``size_centre`` is None, in mm.
        size_centre: target edge length at the centre in mm; the size varies linearly with the radius.

    Returns:
        A mesh with the facet region "surface".
    """
    centre = size if size_centre is None else size_centre
    _check_positive(radius=radius, size=size, size_centre=centre)
    with OccGeometry() as geometry:
        geometry.add_ball([0.0, 0.0, 0.0], radius)
        mesh = geometry.fill(_radial_size(0.0, radius, centre, size))
    return _with_facets(mesh, {"surface": np.ones(len(mesh.facets), dtype=bool)})


def shell(inner_radius: float, outer_radius: float, size_inner: float, size_outer: float) -> TetMesh:
    """Spherical shell about the origin; the size varies linearly with the radius.

    Args:
        inner_radius: mm.
        outer_radius: mm.
        size_inner: target edge length at the inner sphere in mm.
        size_outer: target edge length at the outer sphere in mm.

    Returns:
        A mesh with the facet regions "inner" and "outer".
    """
    _check_positive(inner_radius=inner_radius, size_inner=size_inner, size_outer=size_outer)
    if outer_radius <= inner_radius:
        raise InputError(
            f"outer_radius = {outer_radius:g} mm must exceed inner_radius = {inner_radius:g} mm; enlarge it"
        )
    with OccGeometry() as geometry:
        outer = geometry.add_ball([0.0, 0.0, 0.0], outer_radius)
        inner = geometry.add_ball([0.0, 0.0, 0.0], inner_radius)
        geometry.boolean_difference(outer, inner)
        mesh = geometry.fill(_radial_size(inner_radius, outer_radius, size_inner, size_outer))
    inside = (mesh.facet_centroids * mesh.facet_normals).sum(axis=1) < 0.0
    return _with_facets(mesh, {"inner": inside, "outer": ~inside})


def box(lengths: tuple[float, float, float], size: float, refinements: Sequence[Refinement] = ()) -> TetMesh:
    """Box with one corner at the origin.

    Args:
        lengths: edges along x, y and z in mm.
        size: target edge length in mm.
        refinements: regions with smaller cells.

    Returns:
        A mesh with the facet regions "x_min", "x_max", "y_min", "y_max", "z_min" and "z_max".
    """
    _check_positive(size=size, **dict(zip(("lengths[0]", "lengths[1]", "lengths[2]"), lengths, strict=True)))
    with OccGeometry() as geometry:
        geometry.add_box([0.0, 0.0, 0.0], list(lengths))
        mesh = geometry.fill_evenly(size, refinements)
    normals = mesh.facet_normals
    sides = {}
    for axis, name in enumerate("xyz"):
        sides[f"{name}_min"] = normals[:, axis] < -0.9
        sides[f"{name}_max"] = normals[:, axis] > 0.9
    return _with_facets(mesh, sides)


def cylinder(radius: float, height: float, size: float) -> TetMesh:
    """Cylinder along +z with the centre of its lower face at the origin.

    Args:
        radius: mm.
        height: mm.
        size: target edge length in mm.

    Returns:
        A mesh with the facet regions "bottom", "top" and "side".
    """
    _check_positive(radius=radius, height=height, size=size)
    with OccGeometry() as geometry:
        geometry.add_cylinder([0.0, 0.0, 0.0], [0.0, 0.0, height], radius)
        mesh = geometry.fill(f"{size:.17g}")
    axial = mesh.facet_normals[:, 2]
    return _with_facets(mesh, {"bottom": axial < -0.9, "top": axial > 0.9, "side": np.abs(axial) <= 0.9})


def _radial_size(inner_radius: float, outer_radius: float, size_inner: float, size_outer: float) -> str:
    slope = (size_outer - size_inner) / (outer_radius - inner_radius)
    return f"{size_inner:.17g}+({slope:.17g})*(Sqrt(x*x+y*y+z*z)-{inner_radius:.17g})"


def _with_facets(mesh: TetMesh, sides: dict[str, NDArray[np.bool_]]) -> TetMesh:
    return mesh.with_regions(
        facet_regions={name: np.flatnonzero(members) for name, members in sides.items()},
        cell_regions={"cancellous": np.arange(len(mesh.cells))},
    )


def _check_positive(**lengths: float) -> None:
    for name, length in lengths.items():
        if not length > 0.0:
            raise InputError(f"{name} = {length:g} mm must be greater than 0 mm; choose a positive length")
