"""Conjugate gradients with two levels, the nodal P1 space below; the set-up that flow and mechanics share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

from fem.errors import ConvergenceError


def two_level_options(largest_eigenvalue: float) -> dict[str, Any]:
    """Options of two levels: Chebyshev on the upper one, algebraic multigrid on the lower one.

    The multigrid's own smoothers divide by the sum of the moduli of a row, which bounds their spectrum by 1 on any
    matrix: with estimates of it, high contrasts have made the preconditioner indefinite.

    Args:
        largest_eigenvalue: bound of the spectrum of the preconditioned matrix on the upper level. A bound keeps the
            preconditioner positive where an estimate, which misses the few largest eigenvalues, does not.
    """
    return {
        "ksp_type": "cg",
        "ksp_norm_type": "unpreconditioned",
        "pc_type": "mg",
        "pc_mg_levels": 2,
        "pc_mg_galerkin": "both",
        "mg_levels_ksp_type": "chebyshev",
        "mg_levels_ksp_max_it": 2,
        "mg_levels_ksp_chebyshev_eigenvalues": f"{0.1 * largest_eigenvalue},{largest_eigenvalue}",
        "mg_coarse_ksp_type": "preonly",
        "mg_coarse_pc_type": "gamg",
        "mg_coarse_pc_gamg_threshold": 0.0,
        "mg_coarse_pc_gamg_use_sa_esteig": False,
        "mg_coarse_mg_levels_ksp_type": "chebyshev",
        "mg_coarse_mg_levels_ksp_max_it": 2,
        "mg_coarse_mg_levels_ksp_chebyshev_eigenvalues": "0.1,1.0",
        "mg_coarse_mg_levels_pc_type": "jacobi",
        "mg_coarse_mg_levels_pc_jacobi_type": "rowl1",
    }


@contextmanager
def options(prefix: str, entries: dict[str, Any]) -> Iterator[None]:
    """Hold ``entries`` in PETSc's global table under ``prefix``; levels of a multigrid read them at their set-up."""
    table = PETSc.Options()
    for key, value in entries.items():
        table[f"{prefix}{key}"] = value
    try:
        yield
    finally:
        for key in entries:
            del table[f"{prefix}{key}"]


def solve(solver: PETSc.KSP, rhs: PETSc.Vec, solution: PETSc.Vec, what: str) -> int:
    """Solve and return the number of iterations.

    Raises:
        ConvergenceError: the tolerance was not reached.
    """
    solver.solve(rhs, solution)
    reason = solver.getConvergedReason()
    if reason <= 0:
        raise ConvergenceError(
            f"{what} did not converge: PETSc reason {reason} after {solver.getIterationNumber()} iterations, "
            f"residual {solver.getResidualNorm():.3e}."
        )
    return int(solver.getIterationNumber())
