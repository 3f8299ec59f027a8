"""The linear solver of mechanics: a symmetric form on linear or quadratic tetrahedra, with constrained unknowns.

Constrained unknowns are eliminated symmetrically. Quadratic elements are solved by conjugate gradients preconditioned
by two levels: Chebyshev with 3 x 3 block Jacobi on the quadratic space, which unlike Gauss-Seidel stays definite on any
number of ranks, and below it the linear space on the same mesh, assembled for itself and solved by algebraic multigrid
that knows the six rigid-body modes.

Several right-hand sides on quadratic elements are one system with a block of the matrix for each: conjugate gradients
take the same steps for all, so that every sweep over the matrix, which memory bounds, serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray

from fem import krylov, profiling, solver_options
from fem.mechanics.constraints import Constraint, constrained_components, eliminated
from fem.mechanics.cycle import Cycle, Product, Transfer
from fem.mechanics.linear_level import LinearLevel
from fem.mechanics.quadratic_level import QuadraticLevel
from fem.partition import JIT_OPTIONS

RELATIVE_TOLERANCE = 1e-10
"""Residual of a solve over the norm of its right-hand side, for every one of several."""

_GAMG_OPTIONS: dict[str, Any] = {
    "pc_type": "gamg",
    "pc_gamg_threshold": 0.0,
    "pc_gamg_reuse_interpolation": True,
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

QUADRATIC_OPTIONS: dict[str, Any] = {**_KRYLOV_OPTIONS, "pc_type": "python"}
"""Options for quadratic elements: two levels over the linear elements."""

COARSE_OPTIONS: dict[str, Any] = {
    "ksp_type": "preonly",
    **_GAMG_OPTIONS,
    "pc_gamg_threshold": 0.06,
    "mg_levels_ksp_max_it": 4,
}
"""Options of the linear elements below the quadratic ones: weak couplings, as between bone and discs or across an arch,
are left out of the aggregates, and the levels, cheap beside the quadratic one, smoothed longer."""

type Form = Callable[[Any, Any], ufl.Form]
"""A symmetric bilinear form of two displacements."""


class TwoLevelSolver:
    """Matrices of one form, filled anew whenever its coefficients change, and their preconditioned solver.

    Attributes:
        space: of the displacement.
        constrained: (local nodes, 3) where the displacement is prescribed.
    """

    def __init__(self, space: fem.FunctionSpace[np.float64], constraints: Sequence[Constraint], form: Form) -> None:
        """Set up the forms on the levels.

        Args:
            space: vector-valued Lagrange elements of degree 1 or 2.
            constraints: where displacements are prescribed; they must stop all rigid motions.
            form: of the stiffness.
        """
        self.space = space
        self.constrained = constrained_components(space, constraints)
        bcs = eliminated(space, self.constrained)
        self._quadratic: QuadraticLevel | None = None
        self._systems: dict[int, _Columns] = {}
        if space.element.basix_element.degree == 1:
            self._linear = LinearLevel(space, _compiled(form, space), bcs, solver_options.ELASTICITY, LINEAR_OPTIONS)
            return
        nodes = fem.functionspace(space.mesh, ("Lagrange", 1, (3,)))
        held = constrained_components(nodes, constraints)
        self._linear = LinearLevel(
            nodes, _compiled(form, nodes), eliminated(nodes, held), solver_options.ELASTICITY_NODES, COARSE_OPTIONS
        )
        self._quadratic = QuadraticLevel(space, _compiled(form, space), bcs)
        self._transfer = Transfer.between(nodes, space, held, self.constrained)

    def assemble(self) -> None:
        """Assemble the matrices for the current coefficients and set up the preconditioner.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
        """
        self._linear.assemble()
        for system in self._systems.values():
            system.destroy()
        self._systems.clear()
        if self._quadratic is not None:
            self._quadratic.assemble()
            self.system(1)

    def system(self, columns: int) -> _Columns:
        """Matrix and solver of quadratic elements for a number of right-hand sides at once.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
            ValueError: the elements are linear.
        """
        if self._quadratic is None:
            raise ValueError("linear elements are solved for one right-hand side after the other")
        if columns not in self._systems:
            self._systems[columns] = _Columns(self._quadratic, self._linear, self._transfer, columns)
        return self._systems[columns]

    def solve(self, right_hand_sides: NDArray[np.float64], solutions: NDArray[np.float64], what: str) -> int:
        """Solve for all columns, beginning with what ``solutions`` holds, and return the number of iterations.

        Args:
            right_hand_sides: (owned nodes, 3, columns); where constrained, the prescribed displacement.
            solutions: (owned nodes, 3, columns), overwritten.
            what: the solve as a message names it.

        Raises:
            ConvergenceError: the solver did not reach its tolerance for every column.
            InputError: PETSc cannot solve with the solver options that a user gives.
        """
        squares = self.space.mesh.comm.allreduce((right_hand_sides**2).sum(axis=(0, 1)), op=MPI.SUM)
        norms = np.where(
            squares > 0.0, np.sqrt(squares), 1.0
        )  # columns of norm 1, so that none hides another's residual
        if self._quadratic is not None:
            return self.system(len(norms)).solve(right_hand_sides, solutions, norms, what)
        right, left = self._linear.matrix.createVecs()
        iterations = 0
        for column in range(len(norms)):
            right.array[:], left.array[:] = (values[:, :, column].ravel() for values in (right_hand_sides, solutions))
            iterations = max(iterations, krylov.solve(self._linear.ksp, right, left, what))
            solutions[:, :, column] = left.array_r.reshape(-1, 3)
        right.destroy()
        left.destroy()
        return iterations

    def destroy(self) -> None:
        """Release the PETSc objects; the solver cannot be used afterwards."""
        for system in self._systems.values():
            system.destroy()
        self._linear.destroy()


class _Columns:
    """Conjugate gradients for a number of right-hand sides on quadratic elements.

    Attributes:
        matrix: of PETSc, a block for each.
        ksp: its solver.
    """

    def __init__(self, quadratic: QuadraticLevel, linear: LinearLevel, transfer: Transfer, columns: int) -> None:
        comm = linear.ksp.comm
        size = 3 * columns * len(transfer.free)
        self.matrix: Any = PETSc.Mat().createPython(
            [(size, PETSc.DECIDE), (size, PETSc.DECIDE)], Product(quadratic, columns), comm=comm
        )
        self.matrix.setOptionsPrefix(solver_options.ELASTICITY)
        self.matrix.setUp()
        self.ksp: Any = PETSc.KSP().create(comm)
        self.ksp.setOptionsPrefix(solver_options.ELASTICITY)
        self.ksp.setOperators(self.matrix)
        self.ksp.setInitialGuessNonzero(True)
        preconditioner = self.ksp.getPC()
        preconditioner.setType("python")
        preconditioner.setPythonContext(Cycle(quadratic, linear, transfer, columns))
        with profiling.Event("vpElasticSetUp"), krylov.options(solver_options.ELASTICITY, QUADRATIC_OPTIONS):
            self.ksp.setFromOptions()
            self.ksp.setUp()
        # The residual of all columns together, each with a right-hand side of norm 1, bounds that of every one.
        self.ksp.setTolerances(rtol=self.ksp.rtol / np.sqrt(columns))
        self._right, self._left = self.matrix.createVecs()

    def solve(
        self,
        right_hand_sides: NDArray[np.float64],
        solutions: NDArray[np.float64],
        norms: NDArray[np.float64],
        what: str,
    ) -> int:
        self._right.array[:] = (right_hand_sides / norms).ravel()
        self._left.array[:] = (solutions / norms).ravel()
        iterations = krylov.solve(self.ksp, self._right, self._left, what)
        solutions[:] = self._left.array_r.reshape(solutions.shape) * norms
        return iterations

    def destroy(self) -> None:
        for item in (self.ksp, self.matrix, self._right, self._left):
            item.destroy()


def _compiled(form: Form, space: fem.FunctionSpace[np.float64]) -> Any:
    return fem.form(form(ufl.TrialFunction(space), ufl.TestFunction(space)), jit_options=JIT_OPTIONS)
