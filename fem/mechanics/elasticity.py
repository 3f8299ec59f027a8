"""Small-strain linear elasticity with the constants of :mod:`fem.mechanics.elastic_material` in cells or inside them.

Find u with u = g where it is constrained, and for all v that vanish there

    integral of s(e(u)) : e(v) = 0,

with the symmetric gradient e and the stress s of a material that is transversely isotropic about z (isotropic: C12 =
C13 = lambda, C44 = C66 = mu, C33 = lambda + 2 mu). Constrained unknowns are eliminated symmetrically. Quadratic
elements are solved by conjugate gradients preconditioned by two levels: Chebyshev with 3 x 3 block Jacobi on the
quadratic space, which unlike Gauss-Seidel stays definite on any number of ranks, and below it the linear space on the
same mesh, assembled for itself and solved by algebraic multigrid that knows the six rigid-body modes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
import ufl
from dolfinx import fem, la
from dolfinx.fem import petsc as fem_petsc
from dolfinx.la import petsc as la_petsc
from numpy.typing import NDArray

from fem import krylov, profiling, solver_options
from fem.mechanics.elastic_material import CONSTANTS, ElasticMaterial
from fem.mechanics.integration import PointValues, measure
from fem.mechanics.membrane import Factor, Membrane, MembraneForm
from fem.mechanics.rigid_body import set_rigid_body_modes
from fem.partition import JIT_OPTIONS, Partition

logger = logging.getLogger(__name__)

RELATIVE_TOLERANCE = 1e-10
"""Residual of the elastic solve over the norm of its right-hand side."""

_GAMG_OPTIONS: dict[str, Any] = {
    "pc_type": "gamg",
    "pc_gamg_threshold": 0.0,
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": 2,
    "mg_levels_pc_type": "jacobi",
}
_KRYLOV_OPTIONS: dict[str, Any] = {
    "ksp_type": "cg",
    "ksp_norm_type": "unpreconditioned",
    "ksp_rtol": RELATIVE_TOLERANCE,
    "ksp_max_it": 500,
}
LINEAR_OPTIONS: dict[str, Any] = {**_KRYLOV_OPTIONS, **_GAMG_OPTIONS}
"""Options for linear elements: algebraic multigrid with rigid-body modes."""

QUADRATIC_OPTIONS: dict[str, Any] = {
    **_KRYLOV_OPTIONS,
    "pc_type": "mg",
    "mg_levels_ksp_type": "chebyshev",
    "mg_levels_ksp_max_it": 2,
    "mg_levels_esteig_ksp_max_it": 8,
    "mg_levels_pc_type": "pbjacobi",
}
"""Options for quadratic elements: two levels over the linear elements."""

COARSE_OPTIONS: dict[str, Any] = {"ksp_type": "preonly", **_GAMG_OPTIONS}
"""Options of the linear elements below the quadratic ones."""

_assemble_matrix: Any = fem_petsc.assemble_matrix  # its overloads are dispatched at run time


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


@dataclass(frozen=True)
class ElasticSolution:
    """A displacement field and the forces that hold it.

    Attributes:
        displacement: field in mm on the problem's space.
        forces: (local nodes, 3) nodal forces in N; valid on owned nodes, zero up to the solver's residual where the
            displacement is not prescribed.
        energy: the energy form u A u in N mm, twice the strain energy.
        iterations: conjugate-gradient iterations.
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
        constraints: Sequence[FacetConstraint | PointConstraint],
        degree: int = 2,
        membrane: Membrane | None = None,
    ) -> None:
        """Set up spaces and forms.

        Args:
            partition: the distributed mesh.
            constraints: where displacements are prescribed; they must stop all rigid motions.
            degree: 1 for linear or 2 for quadratic elements.
            membrane: a skin on the surface, or None.

        Raises:
            ValueError: ``degree`` is out of range, or ``membrane`` has not one stiffness for each boundary facet.
        """
        if degree not in (1, 2):
            raise ValueError(f"degree = {degree!r} is not 1 (linear) or 2 (quadratic)")
        self.partition = partition
        mesh = partition.mesh
        self.space = fem.functionspace(mesh, ("Lagrange", degree, (3,)))
        self._values = PointValues(partition, len(CONSTANTS))
        self._constants = self._values.function
        self._skin = skin = None if membrane is None else MembraneForm(partition, membrane)
        storage = "aij" if degree == 1 else "baij"  # blocks halve the time of the products; GAMG does not take them
        self._level = _Level(self.space, constraints, self._constants, skin, storage, solver_options.ELASTICITY)
        self._displacement = fem.Function(self.space)
        self._force_form = fem.form(
            _energy_form(self._displacement, ufl.TestFunction(self.space), self._constants, skin),
            jit_options=JIT_OPTIONS,
        )
        self._rhs = la.vector(self.space.dofmap.index_map, 3)
        self._rhs_vector = la_petsc.create_vector_wrap(self._rhs)
        self._solution_vector = la_petsc.create_vector_wrap(self._displacement.x)
        self._coarse: _Level | None = None
        self._prolongation: Any = None
        if degree == 2:
            coarse_space = fem.functionspace(mesh, ("Lagrange", 1, (3,)))
            self._coarse = _Level(
                coarse_space, constraints, self._constants, skin, "aij", solver_options.ELASTICITY_NODES
            )
            self._prolongation = _free_prolongation(self._coarse, self._level)
        self._solver: Any = None

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
        return self._level.constrained

    def owned(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Those of the local ``nodes`` that this rank owns."""
        return nodes[nodes < self.space.dofmap.index_map.size_local]

    def assemble(self, material: ElasticMaterial, membrane_factor: Factor = 1.0) -> None:
        """Assemble the matrices and set up the preconditioner.

        Args:
            material: elastic constants of every cell or of its integration points.
            membrane_factor: on the stiffness of the membrane, if there is one.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
            ValueError: ``material`` has not one set of constants for each cell of the whole mesh.
        """
        cells = self.partition.mesh.topology.index_map(3).size_global
        if material.cells != cells:
            raise ValueError(f"the material has {material.cells} cells, the mesh {cells}")
        self._values.assign(material.constants)
        if self._skin is not None:
            self._skin.scale(membrane_factor)
        self._level.assemble()
        coarsest = self._level if self._coarse is None else self._coarse
        if self._coarse is not None:
            self._coarse.assemble()
        set_rigid_body_modes(coarsest.matrix, coarsest.space)
        if self._solver is not None:
            self._solver.destroy()
        self._solver = self._create_solver()
        self._set_up()
        logger.info("elasticity: %d unknowns assembled", self.unknowns)

    @profiling.Event("vpElasticSetUp")
    def _set_up(self) -> None:
        """Set solver and preconditioner up for the matrices at hand."""
        with (
            krylov.options(solver_options.ELASTICITY, LINEAR_OPTIONS if self._coarse is None else QUADRATIC_OPTIONS),
            krylov.options(solver_options.ELASTICITY_NODES, {} if self._coarse is None else COARSE_OPTIONS),
        ):
            self._solver.setFromOptions()
            self._solver.setUp()

    def solve(self, prescribed: NDArray[np.float64]) -> ElasticSolution:
        """Solve for one set of prescribed displacements with the material assembled last.

        Args:
            prescribed: (local nodes, 3) displacements in mm; only those of constrained unknowns are used.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
            InputError: PETSc cannot solve with the solver options that a user gives.
        """
        constrained = self.constrained.ravel()
        lift = np.where(constrained, np.asarray(prescribed, dtype=float).ravel(), 0.0)
        self._displacement.x.array[:] = lift
        self._rhs.array[:] = np.where(constrained, lift, -self._nodal_forces().ravel())
        with profiling.Event("vpElasticSolve"):
            iterations = krylov.solve(self._solver, self._rhs_vector, self._solution_vector, "The elastic solve")
        logger.info("elasticity: solved in %d iterations", iterations)
        self._displacement.x.scatter_forward()
        forces = self._nodal_forces()
        owned = 3 * self.space.dofmap.index_map.size_local
        energy = float(self._displacement.x.array[:owned] @ forces.ravel()[:owned])
        return ElasticSolution(
            displacement=self._displacement.copy(),
            forces=forces,
            energy=self.partition.comm.allreduce(energy, op=MPI.SUM),
            iterations=iterations,
        )

    def destroy(self) -> None:
        """Release the PETSc objects; the problem cannot be used afterwards."""
        owned = [self._solver, self._level.matrix, self._rhs_vector, self._solution_vector, self._prolongation]
        if self._coarse is not None:
            owned.append(self._coarse.matrix)
        for item in owned:
            if item is not None:
                item.destroy()

    def _nodal_forces(self) -> NDArray[np.float64]:
        """(local nodes, 3) A u in N of the current displacement; complete on owned nodes."""
        forces = fem.assemble_vector(self._force_form)
        forces.scatter_reverse(la.InsertMode.add)
        return forces.array.reshape(-1, 3)

    def _create_solver(self) -> Any:
        solver: Any = PETSc.KSP()
        solver.create(self.partition.comm)
        solver.setOptionsPrefix(solver_options.ELASTICITY)
        solver.setOperators(self._level.matrix)
        solver.setInitialGuessNonzero(True)
        if self._coarse is not None:
            multigrid = solver.getPC()
            multigrid.setType("mg")
            multigrid.setMGLevels(2)
            multigrid.setMGInterpolation(1, self._prolongation)
            multigrid.getMGCoarseSolve().setOptionsPrefix(solver_options.ELASTICITY_NODES)
            multigrid.getMGCoarseSolve().setOperators(self._coarse.matrix)
        return solver


class _Level:
    """The stiffness matrix on one space, with identity in place of the constrained unknowns."""

    def __init__(
        self,
        space: fem.FunctionSpace[np.float64],
        constraints: Sequence[FacetConstraint | PointConstraint],
        constants: fem.Function[Any],
        skin: MembraneForm | None,
        storage: str,
        prefix: str,
    ) -> None:
        self.space = space
        index_map = space.dofmap.index_map
        self.constrained = np.zeros((index_map.size_local + index_map.num_ghosts, 3), dtype=bool)
        for constraint in constraints:
            self.constrained[np.ix_(constraint.nodes(space), constraint.components)] = True
        self._bcs = [
            fem.dirichletbc(
                np.float64(0.0),
                (3 * np.flatnonzero(self.constrained[:, i]) + i).astype(np.int32),
                space.sub(i),
            )
            for i in range(3)
        ]
        trial, test = ufl.TrialFunction(space), ufl.TestFunction(space)
        self._form = fem.form(_energy_form(trial, test, constants, skin), jit_options=JIT_OPTIONS)
        self._storage, self._prefix = storage, prefix
        self.matrix: Any = None

    @profiling.Event("vpElasticMatrix")
    def assemble(self) -> None:
        """Assemble a new matrix for the current constants.

        The old one cannot be refilled: PETSc keeps the inverted diagonal blocks of a blocked matrix from its first use.
        """
        if self.matrix is not None:
            self.matrix.destroy()
        self.matrix = fem_petsc.create_matrix(self._form, kind=self._storage)
        self.matrix.setOptionsPrefix(self._prefix)
        _assemble_matrix(self.matrix, self._form, bcs=self._bcs)
        self.matrix.assemble()
        self.matrix.setOption(PETSc.Mat.Option.SPD, True)


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


def _energy_form(u: Any, v: Any, constants: fem.Function[Any], skin: MembraneForm | None) -> ufl.Form:
    """Integral of stress(u) : strain(v), with that of the skin where there is one."""
    body = ufl.inner(stress(ufl.sym(ufl.grad(u)), constants), ufl.sym(ufl.grad(v))) * measure()
    return body if skin is None else body + skin.energy(u, v)


def _free_prolongation(coarse: _Level, fine: _Level) -> PETSc.Mat:
    """Interpolation from ``coarse`` to ``fine`` that neither reads nor writes constrained unknowns."""
    matrix = fem_petsc.interpolation_matrix(coarse.space, fine.space)
    matrix.assemble()
    rows, columns = matrix.createVecLeft(), matrix.createVecRight()
    for vector, level in ((rows, fine), (columns, coarse)):
        owned = level.space.dofmap.index_map.size_local
        vector.array[:] = (~level.constrained[:owned]).ravel()
    matrix.diagonalScale(rows, columns)
    rows.destroy()
    columns.destroy()
    return matrix
