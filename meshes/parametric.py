"""Parametric vertebral bodies: a super-ellipse of a level's mean dimensions, extruded to its height."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError
from meshes.occ_geometry import OccGeometry
from meshes.regions import facet_regions
from meshes.sizing import Refinement, check_size
from meshes.tetmesh import TetMesh

EXPONENT = 2.5
"""Exponent of the super-ellipse: 2 is an ellipse, larger is boxier (tag M)."""

_POINTS_PER_QUARTER = 12  # of the spline through the super-ellipse


@dataclass(frozen=True)
class BodyDimensions:
    """Mean dimensions of a vertebral body in mm.

    Attributes:
        width: from right to left.
        depth: from anterior to posterior.
        height: from inferior to superior.
    """

    width: float
    depth: float
    height: float


@cache
def level_dimensions() -> dict[str, BodyDimensions]:
    """Dimensions of the bodies T5 to L5; ``parametric_levels.toml`` names their source and tag."""
    table = tomllib.loads(files("meshes").joinpath("parametric_levels.toml").read_text(encoding="utf-8"))
    return {level: BodyDimensions(**dimensions) for level, dimensions in table["levels"].items()}


def parametric_body(level: str, size: float, refinements: Sequence[Refinement] = ()) -> TetMesh:
    """Mesh the mean body of a level; symmetric, with flat endplates and straight walls.

    Args:
        level: T5 to L5.
        size: target edge length in mm, 0.5 to 5.
        refinements: regions with smaller cells.

    Returns:
        The mesh in the anatomical frame, its centroid at the origin. The facet regions are those of a real body; the
        pedicles are placed by shape. All cells are cancellous.

    Raises:
        InputError: if the level is unknown or the size out of range.
    """
    check_size(size, "size")
    known = level_dimensions()
    if level not in known:
        raise InputError(f"level = '{level}' has no parametric body; choose one of {', '.join(known)}")
    dimensions = known[level]
    with OccGeometry() as geometry:
        bottom = -0.5 * dimensions.height
        points = [geometry.add_point([x, y, bottom]) for x, y in _superellipse(dimensions)]
        corners = range(0, len(points), _POINTS_PER_QUARTER)
        ring = [*points, points[0]]
        quarters = [geometry.add_spline(ring[start : start + _POINTS_PER_QUARTER + 1]) for start in corners]
        endplate = geometry.add_plane_surface(geometry.add_curve_loop(quarters))
        geometry.extrude(endplate, [0.0, 0.0, dimensions.height])
        mesh = geometry.fill_evenly(size, refinements)
    cells = np.arange(len(mesh.cells))
    return mesh.with_regions(facet_regions(mesh), {"cancellous": cells, "cortical_shell": cells[:0]})


def _superellipse(dimensions: BodyDimensions) -> NDArray[np.float64]:
    """(n, 2) points of |x / a|^n + |y / b|^n = 1, counter-clockwise."""
    angle = np.arange(4 * _POINTS_PER_QUARTER) * (0.5 * np.pi / _POINTS_PER_QUARTER)
    direction = np.round(np.stack([np.cos(angle), np.sin(angle)], axis=1), 15)
    unit = np.sign(direction) * np.abs(direction) ** (2.0 / EXPONENT)
    return unit * [0.5 * dimensions.width, 0.5 * dimensions.depth]
