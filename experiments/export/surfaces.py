"""Surfaces of the cement, the same that the measures of the fill see."""

from __future__ import annotations

import pyvista

from experiments.results.finished_case import FinishedCase
from experiments.results.grids import volume_of
from fem.measures.fill import FRONT_SATURATION
from fem.measures.isosurface import vertex_values

VALUE = "saturation"


def cement_body(case: FinishedCase, step: int = -1) -> pyvista.PolyData:
    """Closed surface around the cement in the anatomical frame, along the wall the body's own; empty without cement.

    Args:
        case: a finished case.
        step: stored time; negative steps count from the end.
    """
    grid = _at_the_vertices(case, step)
    cement = grid.clip_scalar(scalars=VALUE, value=FRONT_SATURATION, invert=False)
    return _outward(cement.extract_surface(algorithm="dataset_surface").triangulate().clean())


def front(case: FinishedCase, step: int = -1) -> pyvista.PolyData:
    """The part of :func:`cement_body` that lies inside of the bone; empty without cement."""
    return _outward(_at_the_vertices(case, step).contour([FRONT_SATURATION], scalars=VALUE).triangulate().clean())


def _at_the_vertices(case: FinishedCase, step: int) -> pyvista.UnstructuredGrid:
    grid = volume_of(case.mesh, {})
    grid.point_data[VALUE] = vertex_values(case.mesh, case.saturation(step))
    return grid


def _outward(surface: pyvista.PolyData) -> pyvista.PolyData:
    """The same with all triangles in one sense of rotation, outwards where the surface is closed, as STL has it."""
    if not surface.n_cells:
        return surface
    return surface.compute_normals(point_normals=False, split_vertices=False, auto_orient_normals=True)
