"""The linear solver of mechanics: a symmetric form on linear or quadratic tetrahedra, with constrained unknowns.

Constrained unknowns are eliminated symmetrically. Quadratic elements are solved by conjugate gradients preconditioned
by two levels: Chebyshev with 3 x 3 block Jacobi on the quadratic space, which unlike Gauss-Seidel stays definite on any
number of ranks, and below it the linear space on the same mesh, assembled for itself and solved by algebraic multigrid
that knows the six rigid-body modes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc
from numpy.typing import NDArray

from fem import krylov, profiling, solver_options
from fem.mechanics.rigid_body import set_rigid_body_modes
from fem.partition import JIT_OPTIONS

RELATIVE_TOLERANCE = 1e-10
"""Residual of a solve over the norm of its right-hand side."""

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

COARSE_OPTIONS: dict[str, Any] = {
    "ksp_type": "preonly",
    **_GAMG_OPTIONS,
    "pc_gamg_threshold": 0.06,
    "mg_levels_ksp_max_it": 4,
}
"""Options of the linear elements below the quadratic ones: weak couplings, as between bone and discs or across an arch,
are left out of the aggregates, and the levels, cheap beside the quadratic one, smoothed longer."""

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


type Form = Callable[[Any, Any], ufl.Form]
"""A symmetric bilinear form of two displacements."""


class TwoLevelSolver:
    """Matrices of one form, assembled again whenever its coefficients change, and their preconditioned solver.

    Attributes:
        space: of the displacement.
        constrained: (local nodes, 3) where the displacement is prescribed.
        ksp: the solver; None before the first :meth:`assemble`.
    """

    def __init__(
        self,
        space: fem.FunctionSpace[np.float64],
        constraints: Sequence[FacetConstraint | PointConstraint],
        form: Form,
    ) -> None:
        """Set up the forms on the levels.

        Args:
            space: vector-valued Lagrange elements of degree 1 or 2.
            constraints: where displacements are prescribed; they must stop all rigid motions.
            form: of the stiffness.
        """
        degree = int(space.element.basix_element.degree)
        storage = "aij" if degree == 1 else "baij"  # blocks halve the time of the products; GAMG does not take them
        self.space = space
        self._level = _Level(space, constraints, form, storage, solver_options.ELASTICITY)
        self._coarse: _Level | None = None
        self._prolongation: Any = None
        if degree == 2:
            coarse = fem.functionspace(space.mesh, ("Lagrange", 1, (3,)))
            self._coarse = _Level(coarse, constraints, form, "aij", solver_options.ELASTICITY_NODES)
            self._prolongation = _free_prolongation(self._coarse, self._level)
        self.constrained = self._level.constrained
        self.ksp: Any = None

    @property
    def matrix(self) -> Any:
        """The matrix assembled last, with identity in place of the constrained unknowns."""
        return self._level.matrix

    def assemble(self) -> None:
        """Assemble the matrices for the current coefficients and set up the preconditioner.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
        """
        self._level.assemble()
        coarsest = self._level if self._coarse is None else self._coarse
        if self._coarse is not None:
            self._coarse.assemble()
        set_rigid_body_modes(coarsest.matrix, coarsest.space)
        if self.ksp is not None:
            self.ksp.destroy()
        self.ksp = self._create_ksp()
        self._set_up()

    def solve(self, right_hand_side: Any, solution: Any, what: str) -> int:
        """Solve, beginning with what ``solution`` holds, and return the number of iterations.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
            InputError: PETSc cannot solve with the solver options that a user gives.
        """
        return krylov.solve(self.ksp, right_hand_side, solution, what)

    def destroy(self) -> None:
        """Release the PETSc objects; the solver cannot be used afterwards."""
        owned = [self.ksp, self._level.matrix, self._prolongation]
        if self._coarse is not None:
            owned.append(self._coarse.matrix)
        for item in owned:
            if item is not None:
                item.destroy()

    @profiling.Event("vpElasticSetUp")
    def _set_up(self) -> None:
        """Set solver and preconditioner up for the matrices at hand."""
        with (
            krylov.options(solver_options.ELASTICITY, LINEAR_OPTIONS if self._coarse is None else QUADRATIC_OPTIONS),
            krylov.options(solver_options.ELASTICITY_NODES, {} if self._coarse is None else COARSE_OPTIONS),
        ):
            self.ksp.setFromOptions()
            self.ksp.setUp()

    def _create_ksp(self) -> Any:
        solver: Any = PETSc.KSP()
        solver.create(self.space.mesh.comm)
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
    """The matrix of a form on one space, with identity in place of the constrained unknowns."""

    def __init__(
        self,
        space: fem.FunctionSpace[np.float64],
        constraints: Sequence[FacetConstraint | PointConstraint],
        form: Form,
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
        self._form = fem.form(form(trial, test), jit_options=JIT_OPTIONS)
        self._storage, self._prefix = storage, prefix
        self.matrix: Any = None

    @profiling.Event("vpElasticMatrix")
    def assemble(self) -> None:
        """Assemble a new matrix for the current coefficients.

        The old one cannot be refilled: PETSc keeps the inverted diagonal blocks of a blocked matrix from its first use.
        """
        if self.matrix is not None:
            self.matrix.destroy()
        self.matrix = fem_petsc.create_matrix(self._form, kind=self._storage)
        self.matrix.setOptionsPrefix(self._prefix)
        _assemble_matrix(self.matrix, self._form, bcs=self._bcs)
        self.matrix.assemble()
        self.matrix.setOption(PETSc.Mat.Option.SPD, True)


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
