"""Solvers of PETSc: their options and their failures, as flow and mechanics share them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

from fem.errors import ConvergenceError


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
