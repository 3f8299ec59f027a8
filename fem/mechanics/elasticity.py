"""Small-strain linear elasticity with the constants of :mod:`fem.mechanics.elastic_material` in cells or inside them.

Find u with u = g where it is constrained, and for all v that vanish there

    integral of s(e(u)) : e(v) = work of the nodal loads on v,

with the symmetric gradient e and the stress s of a material that is transversely isotropic about z (isotropic: C12 =
C13 = lambda, C44 = C66 = mu, C33 = lambda + 2 mu). The linear systems are those of :mod:`fem.mechanics.two_level`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
import ufl
from dolfinx import fem, la
from numpy.typing import NDArray

from fem import profiling
from fem.mechanics.constraints import Constraint
from fem.mechanics.elastic_material import CONSTANTS, ElasticMaterial
from fem.mechanics.integration import PointValues, measure
from fem.mechanics.two_level import TwoLevelSolver
from fem.partition import JIT_OPTIONS, Partition

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ElasticSolution:
    """A displacement field and the forces that hold it.

    Attributes:
        displacement: field in mm on the problem's space.
        forces: (local nodes, 3) nodal forces in N; valid on owned nodes, those of the loads up to the solver's residual
            where the displacement is not prescribed.
        energy: the energy form u A u in N mm, twice the strain energy.
        iterations: conjugate-gradient iterations, those of all that were solved at once.
    """

    displacement: fem.Function[Any]
    forces: NDArray[np.float64]
    energy: float
    iterations: int


class ElasticProblem:
    """One set of constrained unknowns; any number of materials and of prescribed displacements.

    Use it as a context, or call :meth:`destroy`, to release its PETSc objects.
    """

    def __init__(
        self,
        partition: Partition,
        constraints: Sequence[Constraint],
        degree: int = 2,
    ) -> None:
        """Set up spaces and forms.

        Args:
            partition: the distributed mesh.
            constraints: where displacements are prescribed; they must stop all rigid motions.
            degree: 1 for linear or 2 for quadratic elements.

        Raises:
            ValueError: ``degree`` is out of range.
        """
        if degree not in (1, 2):
            raise ValueError(f"degree = {degree!r} is not 1 (linear) or 2 (quadratic)")
        self.partition = partition
        mesh = partition.mesh
        self.space = fem.functionspace(mesh, ("Lagrange", degree, (3,)))
        self._values = PointValues(partition, len(CONSTANTS))
        self._constants = self._values.function
        self._solver = TwoLevelSolver(self.space, constraints, lambda u, v: _energy_form(u, v, self._constants))
        self._displacement = fem.Function(self.space)
        self._force_form = fem.form(
            _energy_form(self._displacement, ufl.TestFunction(self.space), self._constants),
            jit_options=JIT_OPTIONS,
        )

    def __enter__(self) -> Self:
        """Enter the context that owns the PETSc objects."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self.destroy()

    @property
    def unknowns(self) -> int:
        """Number of displacement components over all ranks, prescribed ones included."""
        return 3 * self.space.dofmap.index_map.size_global

    @property
    def points(self) -> NDArray[np.float64]:
        """(local nodes, 3) coordinates in mm of the nodes of the displacement, ghosts included."""
        return self.space.tabulate_dof_coordinates()

    @property
    def constrained(self) -> NDArray[np.bool_]:
        """(local nodes, 3) where the displacement is prescribed."""
        return self._solver.constrained

    def owned(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Those of the local ``nodes`` that this rank owns."""
        return nodes[nodes < self.space.dofmap.index_map.size_local]

    def assemble(self, material: ElasticMaterial) -> None:
        """Assemble the matrices and set up the preconditioner.

        Args:
            material: elastic constants of every cell or of its integration points.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
            ValueError: ``material`` has not one set of constants for each cell of the whole mesh.
        """
        cells = self.partition.mesh.topology.index_map(3).size_global
        if material.cells != cells:
            raise ValueError(f"the material has {material.cells} cells, the mesh {cells}")
        self._values.assign(material.constants)
        self._solver.assemble()
        logger.info("elasticity: %d unknowns assembled", self.unknowns)

    def solve(self, prescribed: NDArray[np.float64], loads: NDArray[np.float64] | None = None) -> ElasticSolution:
        """Solve for one set of prescribed displacements and loads with the material assembled last.

        Args:
            prescribed: (local nodes, 3) displacements in mm; only those of constrained unknowns are used.
            loads: (local nodes, 3) nodal forces in N, complete on owned nodes; none by default.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
            InputError: PETSc cannot solve with the solver options that a user gives.
        """
        return self.solve_all([prescribed], loads)[0]

    def solve_all(
        self,
        prescribed: Sequence[NDArray[np.float64]],
        loads: NDArray[np.float64] | None = None,
        start: Sequence[fem.Function[Any]] | None = None,
    ) -> list[ElasticSolution]:
        """Solve for several sets of prescribed displacements at once, which costs less than one after the other.

        Args:
            prescribed: of each, (local nodes, 3) displacements in mm; only those of constrained unknowns are used.
            loads: (local nodes, 3) nodal forces in N of all, complete on owned nodes; none by default.
            start: displacements to begin with, those of another material for instance; none by default.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
            InputError: PETSc cannot solve with the solver options that a user gives.
        """
        owned = self.space.dofmap.index_map.size_local
        held = self.constrained[:owned]
        applied = 0.0 if loads is None else loads[:owned]
        right, left = (np.empty((owned, 3, len(prescribed))) for _ in range(2))
        for column, values in enumerate(prescribed):
            lift = np.where(self.constrained, values, 0.0)
            self._displacement.x.array[:] = lift.ravel()
            right[:, :, column] = np.where(held, lift[:owned], applied - self._nodal_forces()[:owned])
            begun = 0.0 if start is None else start[column].x.array.reshape(-1, 3)[:owned]
            left[:, :, column] = np.where(held, lift[:owned], begun)
        with profiling.Event("vpElasticSolve"):
            iterations = self._solver.solve(right, left, "The elastic solve")
        logger.info("elasticity: solved in %d iterations", iterations)
        return [self._solution(left[:, :, column], iterations) for column in range(len(prescribed))]

    def destroy(self) -> None:
        """Release the PETSc objects; the problem cannot be used afterwards."""
        self._solver.destroy()

    def _solution(self, displacement: NDArray[np.float64], iterations: int) -> ElasticSolution:
        """The solution of a displacement, (owned nodes, 3) in mm."""
        owned = displacement.size
        self._displacement.x.array[:owned] = displacement.ravel()
        self._displacement.x.scatter_forward()
        forces = self._nodal_forces()
        energy = float(self._displacement.x.array[:owned] @ forces.ravel()[:owned])
        return ElasticSolution(
            displacement=self._displacement.copy(),
            forces=forces,
            energy=self.partition.comm.allreduce(energy, op=MPI.SUM),
            iterations=iterations,
        )

    def _nodal_forces(self) -> NDArray[np.float64]:
        """(local nodes, 3) A u in N of the current displacement; complete on owned nodes."""
        forces = fem.assemble_vector(self._force_form)
        forces.scatter_reverse(la.InsertMode.add)
        return forces.array.reshape(-1, 3)


def stress(strain: Any, constants: fem.Function[Any]) -> Any:
    """Stress tensor in MPa of a strain tensor, both as UFL expressions.

    Args:
        strain: (3, 3) symmetric.
        constants: the stiffnesses ``CONSTANTS`` in MPa.
    """
    c12, c13, c33, c44, c66 = (constants[i] for i in range(len(CONSTANTS)))
    across = strain[0, 0] + strain[1, 1]
    pressure = c12 * across + c13 * strain[2, 2]
    xx, yy = (pressure + 2.0 * c66 * strain[i, i] for i in (0, 1))
    zz = c13 * across + c33 * strain[2, 2]
    yz, xz, xy = 2.0 * c44 * strain[1, 2], 2.0 * c44 * strain[0, 2], 2.0 * c66 * strain[0, 1]
    return ufl.as_tensor([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _energy_form(u: Any, v: Any, constants: fem.Function[Any]) -> ufl.Form:
    """Integral of stress(u) : strain(v)."""
    return ufl.inner(stress(ufl.sym(ufl.grad(u)), constants), ufl.sym(ufl.grad(v))) * measure()
