"""Where in a cell its elastic constants are taken: the four points of a rule that is exact for quadratic functions.

With the constants at these points quadratic elements keep their orders where the constants vary inside a cell (Ciarlet
1978, The finite element method for elliptic problems, section 4.1; tag M). Each point lies near one corner and stands
for a quarter of the cell (Keast 1986, 10.1016/0045-7825(86)90059-9).
"""

from __future__ import annotations

import math
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import basix
import basix.ufl
import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from fem.partition import Partition
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]

DEGREE = 2
"""Degree up to which the rule is exact."""

POINTS = 4
"""Points of a cell."""

REFERENCE_POINTS: FloatArray = np.asarray(basix.make_quadrature(basix.CellType.tetrahedron, DEGREE)[0], dtype=float)
"""(4, 3) the points in the reference cell, in the order in which DOLFINx takes them."""

_NEAR = (5.0 + 3.0 * math.sqrt(5.0)) / 20.0
_BARYCENTRIC = np.full((POINTS, 4), (1.0 - _NEAR) / 3.0) + np.diag(np.full(POINTS, _NEAR - (1.0 - _NEAR) / 3.0))

_REFERENCE_CORNERS = np.concatenate([1.0 - REFERENCE_POINTS.sum(axis=1, keepdims=True), REFERENCE_POINTS], 1).argmax(1)


def integration_points(mesh: TetMesh) -> FloatArray:
    """(cells, 4, 3) points in mm in the order of the corners that they lie near."""
    return _BARYCENTRIC @ mesh.points[mesh.cells]


def at_integration_points(mesh: TetMesh, nodal: FloatArray) -> FloatArray:
    """(cells, 4) values at the integration points of what is linear in every cell and given at the (points,)."""
    return nodal[mesh.cells] @ _BARYCENTRIC.T


def measure() -> Any:
    """The volume's measure of UFL with this rule."""
    return ufl.dx(metadata={"quadrature_degree": DEGREE, "quadrature_scheme": "default"})


class PointValues:
    """Numbers at the integration points of one rank's cells, as a coefficient of UFL forms."""

    def __init__(self, partition: Partition, count: int) -> None:
        """Set up a coefficient with ``count`` numbers at each point."""
        element = basix.ufl.quadrature_element("tetrahedron", value_shape=(count,), scheme="default", degree=DEGREE)
        self.function: Any = fem.Function(fem.functionspace(partition.mesh, element))
        points = np.asarray(partition.mesh.geometry.input_global_indices)[partition.mesh.geometry.dofmaps[0]]
        near = points[:, _REFERENCE_CORNERS]
        corners = partition.local_cells(partition.source.cells)
        self._cells = partition.original_cells
        self._order = np.argmax(near[:, :, None] == corners[:, None], axis=2)

    def assign(self, values: FloatArray) -> None:
        """Take over values of the whole mesh.

        Args:
            values: (cells, count), the same all over a cell, or (cells, 4, count) in the order of
                :func:`integration_points`.
        """
        if values.ndim == 2:
            values = np.broadcast_to(values[:, None], (len(values), POINTS, values.shape[1]))
        self.function.x.array[:] = values[self._cells[:, None], self._order].ravel()
