"""A stiffness matrix that algebraic multigrid solves: of linear elements, alone or below quadratic ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc

from fem import krylov, profiling, solver_options
from fem.mechanics.hierarchy import Hierarchy
from fem.mechanics.rigid_body import set_rigid_body_modes

_assemble_matrix: Any = fem_petsc.assemble_matrix  # its overloads are dispatched at run time


class LinearLevel:
    """The matrix of a form, filled anew whenever its coefficients change, and its solver.

    Attributes:
        matrix: with identity in place of the constrained unknowns; None before the first :meth:`assemble`.
        ksp: the solver; None before the first :meth:`assemble`.
        hierarchy: of a multigrid that is one cycle of a preconditioner; None where a user's options leave it to PETSc.
    """

    def __init__(
        self,
        space: fem.FunctionSpace[np.float64],
        form: Any,
        bcs: Sequence[Any],
        prefix: str,
        options: Mapping[str, Any],
    ) -> None:
        """Take over what the level is made of.

        Args:
            space: of the displacement.
            form: of the stiffness.
            bcs: of the constrained unknowns.
            prefix: of the solver's options.
            options: of the solver, where the user gives none.
        """
        self._space, self._form, self._bcs, self._prefix, self._options = space, form, bcs, prefix, options
        self.matrix: Any = None
        self.ksp: Any = None
        self.hierarchy: Hierarchy | None = None

    def assemble(self) -> None:
        """Assemble the matrix for the current coefficients and set the solver up.

        The aggregates and prolongations of the multigrid are those of the first matrix.

        Raises:
            InputError: PETSc refuses the solver options that a user gives.
        """
        with profiling.Event("vpElasticMatrix"):
            if self.matrix is None:
                self.matrix = fem_petsc.create_matrix(self._form)
                self.matrix.setOptionsPrefix(self._prefix)
            self.matrix.zeroEntries()
            _assemble_matrix(self.matrix, self._form, bcs=self._bcs)
            self.matrix.assemble()
        with profiling.Event("vpElasticSetUp"), krylov.options(self._prefix, self._options):
            if self.ksp is None:
                self.matrix.setOption(PETSc.Mat.Option.SPD, True)
                set_rigid_body_modes(self.matrix, self._space)
                self.ksp = PETSc.KSP().create(self._space.mesh.comm)
                self.ksp.setOptionsPrefix(self._prefix)
                self.ksp.setInitialGuessNonzero(self._options.get("ksp_type") != "preonly")
                self.ksp.setOperators(self.matrix)
                self.ksp.setFromOptions()
            self.ksp.setOperators(self.matrix)
            self.ksp.setUp()
        if self._options.get("ksp_type") == "preonly" and not solver_options.given(self._prefix):
            with profiling.Event("vpElasticSetUp"):
                self.hierarchy = Hierarchy(self.ksp.getPC())

    def destroy(self) -> None:
        """Release the PETSc objects; the level cannot be used afterwards."""
        for item in (self.ksp, self.matrix):
            if item is not None:
                item.destroy()
