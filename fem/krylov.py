"""Solvers of PETSc: their options and their failures, as flow and mechanics share them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

from fem import solver_options
from fem.errors import ConvergenceError
from meshes.errors import InputError

logger = logging.getLogger(__name__)


@contextmanager
def options(prefix: str, defaults: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Let a solver be set up with the options that a user gives and, where there are none, with ``defaults``.

    The defaults stand in PETSc's table as long as the block lasts, because the levels of a multigrid read them there.

    Args:
        prefix: of the solver.
        defaults: name without the prefix -> value.

    Raises:
        InputError: PETSc refuses what the user gives.
    """
    table, given = PETSc.Options(), solver_options.given(prefix)
    own = {f"{prefix}{key}": value for key, value in (defaults or {}).items() if f"{prefix}{key}" not in given}
    for key, value in own.items():
        table[key] = value
    try:
        with _refusals_named(given):
            yield
    finally:
        for key in own:
            del table[key]


def given_tolerances(prefix: str) -> dict[str, float]:
    """The tolerances that a user gives for a solver, as ``KSP.setTolerances`` takes them; empty where there are none.

    A relative tolerance alone is not joined by an absolute one.
    """
    table = PETSc.Options(prefix)
    given = {key: table.getReal(f"ksp_{key}") for key in ("rtol", "atol") if table.hasName(f"ksp_{key}")}
    return {"atol": 0.0, **given} if given else {}


def solve(solver: PETSc.KSP, rhs: PETSc.Vec, solution: PETSc.Vec, what: str) -> int:
    """Solve and return the number of iterations.

    Raises:
        ConvergenceError: the tolerance was not reached.
        InputError: PETSc cannot solve with the options that a user gives.
    """
    given = solver_options.given(solver.getOptionsPrefix()) if solver.getOptionsPrefix() else {}
    with _refusals_named(given):
        solver.solve(rhs, solution)
    reason, iterations = solver.getConvergedReason(), int(solver.getIterationNumber())
    residual = solver.getResidualNorm()
    if reason <= 0:
        message = (
            f"{what} did not converge: PETSc reason {reason} after {iterations} iterations, residual {residual:.3e}."
        )
        raise ConvergenceError(f"{message} {solver_options.blame(given)}" if given else message)
    logger.debug("%s: %d iterations to a residual of %.1e", what.lower(), iterations, residual)
    return iterations


@contextmanager
def _refusals_named(given: Mapping[str, str]) -> Iterator[None]:
    """Make an error of PETSc one of input where a user gives options; without any it is a bug."""
    try:
        yield
    except PETSc.Error as error:
        if not given:
            raise
        reason = str(error).splitlines()[-1].rpartition("] ")[2]
        raise InputError(f"PETSc refuses the options {solver_options.shown(given)}: {reason}") from error
