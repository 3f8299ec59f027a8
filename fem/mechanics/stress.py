"""Strain, stress and energy of a displacement field, cell by cell.

Means are those of the rule that the stiffness is integrated with, :mod:`fem.mechanics.integration`, so that the
energies of the cells add up to that of the body and their forces balance where the constants vary inside a cell, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import ArrayLike, NDArray

from fem import profiling
from fem.mechanics.elastic_material import CONSTANTS, ElasticMaterial
from fem.mechanics.elasticity import stress as stress_of
from fem.mechanics.integration import POINTS, REFERENCE_POINTS, PointValues
from fem.partition import JIT_OPTIONS, Partition
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ElasticFields:
    """What one load does to the body, in the order of the whole mesh.

    Strain, stress and energy density are means over the cells. Von Mises stress and principal values are those of the
    mean tensors.

    Attributes:
        displacement: (points, 3) at the mesh points in mm.
        strain: (cells, 3, 3).
        stress: (cells, 3, 3) in MPa.
        energy_density: (cells,) strain energy over volume in MPa, which is N mm/mm3 and mJ/mm3.
    """

    displacement: FloatArray
    strain: FloatArray
    stress: FloatArray
    energy_density: FloatArray

    def first(self, points: int, cells: int) -> ElasticFields:
        """The fields on the first ``points`` and ``cells`` of the mesh."""
        return ElasticFields(
            self.displacement[:points],
            self.strain[:cells],
            self.stress[:cells],
            self.energy_density[:cells],
        )

    @property
    def von_mises(self) -> FloatArray:
        """(cells,) von Mises stress in MPa."""
        deviator = self.stress - np.trace(self.stress, axis1=1, axis2=2)[:, None, None] / 3.0 * np.eye(3)
        return np.sqrt(1.5 * (deviator**2).sum(axis=(1, 2)))

    @property
    def principal_stresses(self) -> FloatArray:
        """(cells, 3) principal stresses in MPa, the most tensile first."""
        return np.linalg.eigvalsh(self.stress)[:, ::-1]

    @property
    def principal_strains(self) -> FloatArray:
        """(cells, 3) principal strains, the most tensile first."""
        return np.linalg.eigvalsh(self.strain)[:, ::-1]

    def effective_strain(self, material: ElasticMaterial) -> FloatArray:
        """(cells,) strain (2 U / E)^1/2 of a bar of the mean axial modulus E that holds as much energy U per volume.

        It is the effective strain of Pistoia 2002, 10.1016/s8756-3282(02)00736-6.
        """
        return np.sqrt(2.0 * self.energy_density / material.mean_axial_modulus)


def superposed(displacements: Sequence[fem.Function[Any]], factors: ArrayLike) -> fem.Function[Any]:
    """The sum of displacement fields of one space, each times its factor."""
    total = displacements[0].copy()
    total.x.array[:] = np.asarray(factors, dtype=float) @ np.array([field.x.array for field in displacements])
    return total


@profiling.Event("vpStress")
def elastic_fields(
    partition: Partition,
    displacement: fem.Function[Any],
    material: ElasticMaterial,
) -> ElasticFields | None:
    """Strain, stress and energy of a displacement, on rank 0; None on the others.

    Args:
        partition: the distributed mesh.
        displacement: field in mm of degree one or two, ghosts included.
        material: elastic constants of every cell or of its integration points.
    """
    constants = PointValues(partition, len(CONSTANTS))
    constants.assign(material.constants)
    tensor = ufl.sym(ufl.grad(displacement))
    strain = _at_integration_points(partition, tensor)
    stress = _at_integration_points(partition, stress_of(tensor, constants.function))
    energy = 0.5 * (strain * stress).sum(axis=(2, 3)).mean(axis=1)
    points = _gather_points(partition, displacement)
    means = [partition.gather_cells(values) for values in (strain.mean(axis=1), stress.mean(axis=1), energy)]
    if points is None:
        return None
    mean_strain, mean_stress, density = (cast("FloatArray", values) for values in means)
    return ElasticFields(points, mean_strain, mean_stress, density)


def corner_forces(mesh: TetMesh, stress: FloatArray) -> FloatArray:
    """(cells, 4, 3) forces in N of the cells on their corners, |T| mean(s) grad(l_i) with barycentric coordinates l_i.

    At each mesh point they add up to the consistent nodal force of a linear test function. So they vanish, up to the
    solver's residual, wherever the body is free, and add up to the load on an endplate, for linear and for quadratic
    displacements alike.

    Args:
        mesh: the body.
        stress: (cells, 3, 3) mean stress of each cell in MPa.
    """
    corner = mesh.points[mesh.cells]
    edges = corner[:, 1:] - corner[:, :1]
    inner = np.linalg.inv(edges).transpose(0, 2, 1)
    gradients = np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
    return mesh.cell_volumes[:, None, None] * (gradients @ stress)


def _at_integration_points(partition: Partition, tensor: Any) -> FloatArray:
    """(owned cells, 4, 3, 3) values of a tensor."""
    expression = fem.Expression(tensor, REFERENCE_POINTS, jit_options=JIT_OPTIONS)
    values = expression.eval(partition.mesh, np.arange(partition.owned_cells, dtype=np.int32))
    return np.asarray(values, dtype=np.float64).reshape(partition.owned_cells, POINTS, 3, 3)


def _gather_points(partition: Partition, displacement: fem.Function[Any]) -> FloatArray | None:
    """(points, 3) values at the mesh points on rank 0, in the order of the whole mesh; None on the others."""
    geometry, owned = partition.mesh.geometry, partition.owned_cells
    # The first four nodes of a Lagrange cell are its corners, in the order of the geometry's.
    nodes = displacement.function_space.dofmap.list[:owned, :4].ravel()
    points = np.asarray(geometry.input_global_indices)[geometry.dofmaps[0][:owned].ravel()]
    first = np.unique(points, return_index=True)[1]
    values = displacement.x.array.reshape(-1, 3)[nodes[first]]
    parts = partition.comm.gather((points[first], values), root=0)
    if parts is None:
        return None
    whole = np.zeros_like(partition.source.points)
    for index, part in parts:
        whole[index] = part
    return whole
