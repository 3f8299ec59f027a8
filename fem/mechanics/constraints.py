"""Where displacements are prescribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
from dolfinx import fem
from numpy.typing import NDArray


@dataclass(frozen=True)
class FacetConstraint:
    """Displacement components (0, 1, 2 for x, y, z) prescribed on local facets."""

    facets: NDArray[np.int32]
    components: tuple[int, ...] = (0, 1, 2)

    def nodes(self, space: fem.FunctionSpace[np.float64]) -> NDArray[np.int32]:
        """Local nodes of ``space`` on the facets of all ranks, ghosts included."""
        return fem.locate_dofs_topological(space, space.mesh.topology.dim - 1, self.facets)


@dataclass(frozen=True)
class PointConstraint:
    """Displacement components prescribed at the mesh vertex that lies at ``point``, in mm."""

    point: NDArray[np.float64]
    components: tuple[int, ...]

    def nodes(self, space: fem.FunctionSpace[np.float64]) -> NDArray[np.int32]:
        """Local nodes of ``space`` at the point, ghosts included."""
        distances = np.linalg.norm(space.tabulate_dof_coordinates() - self.point, axis=1)
        return np.flatnonzero(distances < 1e-6).astype(np.int32)


type Constraint = FacetConstraint | PointConstraint


def constrained_components(
    space: fem.FunctionSpace[np.float64], constraints: Sequence[Constraint]
) -> NDArray[np.bool_]:
    """(local nodes, 3) where the displacement of a vector-valued ``space`` is prescribed, ghosts included."""
    index_map = space.dofmap.index_map
    found = np.zeros((index_map.size_local + index_map.num_ghosts, 3), dtype=bool)
    for constraint in constraints:
        found[np.ix_(constraint.nodes(space), constraint.components)] = True
    return found


def eliminated(space: fem.FunctionSpace[np.float64], constrained: NDArray[np.bool_]) -> list[Any]:
    """Conditions by which DOLFINx eliminates the ``constrained`` components, (local nodes, 3)."""
    return [
        fem.dirichletbc(np.float64(0.0), (3 * np.flatnonzero(constrained[:, i]) + i).astype(np.int32), space.sub(i))
        for i in range(3)
    ]
