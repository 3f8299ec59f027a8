"""Who carries the axial force at each level of the body: parts of it such as cortex, cancellous bone and cement.

A level t of the body is where a point lies between the endplates, 0 on the inferior and 1 on the superior one. With a
weight w that rises from 0 to 1 across a layer about the level, a cell carries of the force through that layer the sum
over its corners of w_i f_i, with the forces f of :func:`fem.mechanics.stress.corner_forces`. Over all cells these add
up to the load at every level, because w is 1 on the one endplate and 0 on the other: it is the virtual work of a body
that is pulled apart in the layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from fem.mechanics.stress import corner_forces
from meshes.regions import region_facets
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]

LEVELS = tuple(tenth / 10.0 for tenth in range(1, 10))
"""Fractions of the height from the inferior (0) to the superior endplate (1)."""

LAYER = 0.1
"""Thickness of the layer about a level, as a fraction of the height: about two cells of a lumbar body (tag D)."""


@dataclass(frozen=True)
class LoadShare:
    """The axial force at each level of the body, by the parts that carry it.

    Attributes:
        levels: (n,) fractions of the height.
        force: (n,) compressive axial force in N that passes each level; the same at all of them.
        shares: part -> (n,) its share of that force; they add up to 1.
    """

    levels: FloatArray
    force: FloatArray
    shares: dict[str, FloatArray]


def load_share(
    mesh: TetMesh,
    stress: FloatArray,
    parts: Mapping[str, NDArray[np.bool_]],
    levels: ArrayLike = LEVELS,
    superior: str = "superior_endplate",
    inferior: str = "inferior_endplate",
) -> LoadShare:
    """What each part of the body carries of the axial force, level by level.

    Args:
        mesh: the body.
        stress: (cells, 3, 3) mean stress of each cell in MPa.
        parts: name -> (cells,) which cells belong to it; every cell belongs to one part.
        levels: fractions of the height between the endplates, each at least half a :data:`LAYER` off either.
        superior: facet region at level 1.
        inferior: facet region at level 0.
    """
    levels = np.asarray(levels, dtype=float)
    axial = corner_forces(mesh, stress)[..., 2]
    height = _height(mesh, superior, inferior)
    weight = np.clip((height[:, None] - levels) / LAYER + 0.5, 0.0, 1.0)
    carried = -np.einsum("ci,cin->cn", axial, weight[mesh.cells])
    forces = {name: carried[cells].sum(axis=0) for name, cells in parts.items()}
    total = np.sum(list(forces.values()), axis=0)
    return LoadShare(levels, total, {name: force / total for name, force in forces.items()})


def _height(mesh: TetMesh, superior: str, inferior: str) -> FloatArray:
    """(points,) fraction of the way from one endplate to the other, by the distances to both."""
    above, below = (
        cKDTree(mesh.points[np.unique(mesh.facets[region_facets(mesh, region)])]).query(mesh.points)[0]
        for region in (superior, inferior)
    )
    return below / (above + below)
