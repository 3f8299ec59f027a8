"""Strain, stress and plastic strain at the integration points of a body that yields."""

from __future__ import annotations

from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from fem import profiling
from fem.mechanics.integration import POINTS, REFERENCE_POINTS, PointValues
from fem.mechanics.plastic_material import (
    TRIANGLE,
    PlasticMaterial,
    ReferenceMapping,
    elastic_triangles,
    mapping_matrices,
)
from fem.mechanics.yield_surface import TANGENT_SIZE, stress_and_tangent
from fem.partition import JIT_OPTIONS, Partition

FloatArray = NDArray[np.float64]


class PlasticPoints:
    """Strain, stress and plastic strain at the integration points of one rank's cells.

    All but the coefficients ``stress`` and ``tangent`` of the forms are those of the isotropic reference.
    """

    def __init__(self, partition: Partition, material: PlasticMaterial, space: Any) -> None:
        """Start without strain.

        Args:
            partition: the distributed mesh.
            material: of its cells or their integration points.
            space: of the displacement.
        """
        self._comm = partition.comm
        self._surface, self._hardening = material.surface, material.hardening
        self._count = partition.owned_cells * POINTS
        self._moduli, self._strengths = (
            _at_points(partition, values) for values in (material.moduli, material.strengths)
        )
        self.stress, self.tangent = PointValues(partition, 6), PointValues(partition, TANGENT_SIZE)
        self.displacement: Any = fem.Function(space)
        self._strain_expression: Any = fem.Expression(
            voigt(ufl.sym(ufl.grad(self.displacement))), REFERENCE_POINTS, jit_options=JIT_OPTIONS
        )
        matrices = mapping_matrices(material)
        self._mapping = None
        if matrices is not None:
            self._mapping = ReferenceMapping(_at_points(partition, matrices).reshape(-1, 6, 6))
        self._mesh = partition.mesh
        self._cells = np.arange(partition.owned_cells, dtype=np.int32)
        self._cell_strain = np.zeros((partition.owned_cells, POINTS, 6))
        self._strain = self._cell_strain.reshape(-1, 6)
        self._elastic, self._perfect = np.zeros((self._count, 6)), np.zeros((self._count, 6))
        self._plastic, self._perfect_before = np.zeros((self._count, 6)), np.zeros((self._count, 6))
        self.volumes = np.repeat(partition.cell_volumes[: partition.owned_cells] / POINTS, POINTS)
        self._stiffness = elastic_triangles(self._moduli)

    @profiling.Event("vpYield")
    def evaluate(self, tangent: bool, yields: bool = True) -> None:
        """Stress, and on demand its tangent, of the current displacement."""
        self._strain_expression.eval(self._mesh, self._cells, self._cell_strain)
        if self._mapping is not None:
            self._mapping.map_strain(self._strain)
        np.subtract(self._strain, self._plastic, out=self._elastic)
        into = self._array(self.tangent) if tangent else None
        strengths = self._strengths if yields else np.full_like(self._strengths, np.inf)
        stress_and_tangent(self._surface, self._elastic, self._moduli, strengths, self._perfect, into)
        kept = self._hardening
        stress = self._array(self.stress)
        np.multiply(self._perfect, 1.0 - kept, out=stress)
        stress += kept * _hooke(self._moduli, self._strain)
        if self._mapping is not None:
            self._mapping.map_stress(stress)
        if into is not None:
            into *= 1.0 - kept
            into += kept * self._stiffness
            if self._mapping is not None:
                self._mapping.map_tangent(into)

    def commit(self) -> float:
        """Take over the plastic strain of the current stress and return the energy that it dissipated in N mm."""
        plastic = self._strain - _compliance(self._moduli, self._perfect)
        mean = 0.5 * (self._perfect + self._perfect_before)
        energy = float(self.volumes @ (mean * (plastic - self._plastic)).sum(axis=1))
        self._plastic[:] = plastic
        self._perfect_before[:] = self._perfect
        return (1.0 - self._hardening) * energy

    def stored(self) -> float:
        """Elastic energy of the owned points in N mm: of the yielding body, and of that beside it."""
        kept = self._hardening
        density = (1.0 - kept) * (self._perfect * (self._strain - self._plastic)).sum(axis=1)
        density += kept * (_hooke(self._moduli, self._strain) * self._strain).sum(axis=1)
        return 0.5 * float(self.volumes @ density)

    @property
    def equivalent(self) -> FloatArray:
        """(owned points,) equivalent plastic strain."""
        squares = (self._plastic[:, :3] ** 2).sum(axis=1) + 0.5 * (self._plastic[:, 3:] ** 2).sum(axis=1)
        return np.sqrt(squares / 1.5)

    def largest_utilisation(self, share: float) -> float:
        """Effective stress over the yield stress that a share of the volume that can yield exceeds, over all ranks."""
        energy = (_hooke(self._moduli, self._strain) * self._strain).sum(axis=1)
        shear, bulk = self._moduli.T
        modulus = 9.0 * bulk * shear / (3.0 * bulk + shear)
        used = np.sqrt(energy * modulus) / self._strengths[:, 1]
        able = np.isfinite(self._strengths[:, 1])
        parts = self._comm.allgather((used[able], self.volumes[able]))
        values, weights = (np.concatenate([part[item] for part in parts]) for item in (0, 1))
        if not len(values):
            raise ValueError("nothing of the body can yield")
        order = np.argsort(values)
        passed = np.cumsum(weights[order]) >= (1.0 - share) * weights.sum()
        return float(values[order][np.argmax(passed)])

    def _array(self, values: PointValues) -> FloatArray:
        """(owned points, n) view of the coefficient."""
        array = np.asarray(values.function.x.array)
        return array.reshape(-1, values.function.function_space.value_size)[: self._count]


def voigt(strain: Any) -> Any:
    """(xx, yy, zz, yz, xz, xy) of a symmetric tensor, the last three twice the tensor's."""
    shears = [2.0 * strain[1, 2], 2.0 * strain[0, 2], 2.0 * strain[0, 1]]
    return ufl.as_vector([strain[0, 0], strain[1, 1], strain[2, 2], *shears])


def tangent_product(points: PlasticPoints, u: Any) -> Any:
    """Tangent times the strain of ``u``."""
    place = np.zeros((6, 6), dtype=int)
    place[TRIANGLE] = np.arange(TANGENT_SIZE)
    place = np.maximum(place, place.T)
    matrix = ufl.as_matrix([[points.tangent.function[int(place[i, j])] for j in range(6)] for i in range(6)])
    return ufl.dot(matrix, voigt(ufl.sym(ufl.grad(u))))


def _at_points(partition: Partition, values: FloatArray) -> FloatArray:
    """(owned points, n) values of the cells or points of the whole mesh."""
    holder = PointValues(partition, values.shape[-1])
    holder.assign(values)
    array = np.asarray(holder.function.x.array).reshape(-1, values.shape[-1])
    return array[: partition.owned_cells * POINTS].copy()


def _hooke(moduli: FloatArray, strain: FloatArray) -> FloatArray:
    shear, bulk = moduli.T
    stress = strain * shear[:, None]
    stress[:, :3] *= 2.0
    stress[:, :3] += ((bulk - 2.0 * shear / 3.0) * strain[:, :3].sum(axis=1))[:, None]
    return stress


def _compliance(moduli: FloatArray, stress: FloatArray) -> FloatArray:
    shear, bulk = moduli.T
    strain = stress / shear[:, None]
    strain[:, :3] *= 0.5
    strain[:, :3] += ((1.0 / (9.0 * bulk) - 1.0 / (6.0 * shear)) * stress[:, :3].sum(axis=1))[:, None]
    return strain
