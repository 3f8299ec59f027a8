"""Options that users give PETSc for the solvers here; the names of all of them begin with ``vp_``.

PETSc takes them from the environment variable ``PETSC_OPTIONS``, from a file ``.petscrc`` and from its options table,
where programs put them before a solver is set up: ``PETSc.Options()["vp_pressure_ksp_monitor"] = None``. What a user
gives goes before what the solvers set themselves. Nothing here starts PETSc or MPI as long as no file has options.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fem.errors import ConvergenceError
from meshes.errors import InputError

PREFIX = "vp_"
"""How the name of every option begins that a solver here reads."""

PRESSURE, PRESSURE_NODES = "vp_pressure_", "vp_pressure_nodes_"
"""Prefixes of the facet pressure and of the nodal level of its preconditioner."""

ELASTICITY, ELASTICITY_NODES = "vp_elasticity_", "vp_elasticity_nodes_"
"""Prefixes of the displacement and of the linear level below quadratic elements."""

PLASTICITY = "vp_plasticity_"
"""Prefix of Newton's method for bone that yields."""

_MONITORING = re.compile(r"_(monitor|view|converged_reason|converged_rate)(_|$)")
"""Names of options that only print."""

_NAME = re.compile(r"--?[A-Za-z]")


def add(text: str) -> None:
    """Give options from now on, as in ``"-vp_pressure_ksp_monitor -log_view"``; of the same name, the last one holds.

    Before PETSc has started they join the environment variable, so that PETSc starts with them.

    Raises:
        InputError: the text is not a list of options and their values.
    """
    tokens = text.split()
    for number, token in enumerate(tokens):
        if not _NAME.match(token) and (number == 0 or not _NAME.match(tokens[number - 1])):
            raise InputError(
                f"{token!r} in the PETSc options {text!r} is neither an option, which begins with -, nor the one value "
                'of the option before it; write them as in "-vp_pressure_ksp_monitor -vp_elasticity_ksp_rtol 1e-8"'
            )
    if _started():
        from petsc4py import PETSc

        PETSc.Options().insertString(text)
    else:
        os.environ["PETSC_OPTIONS"] = f"{os.environ.get('PETSC_OPTIONS', '')} {text}".strip()


def given(prefix: str = PREFIX) -> dict[str, str]:
    """Name, in small letters and without its dash, -> value of every option below ``prefix``; empty for a flag.

    Before PETSc has started they are those of the environment variable, unless a file has some, for which it starts.
    """
    if _started() or _in_files():
        import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
        from petsc4py import PETSc

        table = PETSc.Options().getAll()
    else:
        table = _parsed(os.environ.get("PETSC_OPTIONS", ""))
    names = {name.lstrip("-").lower(): value or "" for name, value in table.items()}
    return {name: names[name] for name in sorted(names) if name.startswith(prefix)}


def given_that_change_results() -> dict[str, str]:
    """The given options without those that only print."""
    return {name: value for name, value in given().items() if not _MONITORING.search(name)}


def unused() -> list[str]:
    """Names of the given options that nothing has read since PETSc started."""
    from petsc4py import PETSc

    return [name for name in given() if not PETSc.Options().used(name)]


def shown(options: Mapping[str, str]) -> str:
    """Options as a user types them."""
    return " ".join(f"-{name} {value}".rstrip() for name, value in options.items())


@contextmanager
def named_in_failures() -> Iterator[None]:
    """Name the given options in a :class:`ConvergenceError` that does not name them itself."""
    try:
        yield
    except ConvergenceError as error:
        options = given_that_change_results()
        if options and not any(name in str(error) for name in options):
            raise ConvergenceError(f"{error} {blame(options)}") from error
        raise


def blame(options: Mapping[str, str]) -> str:
    """The sentence by which a failure names options."""
    return f"These solver options were given: {shown(options)}; try without them."


def _started() -> bool:
    return "petsc4py.PETSc" in sys.modules


def _in_files() -> bool:
    """Whether PETSc would take options from a file."""
    files = (os.path.expanduser("~/.petscrc"), ".petscrc", "petscrc")
    return "-options_file" in os.environ.get("PETSC_OPTIONS", "") or any(map(os.path.exists, files))


def _parsed(text: str) -> dict[str, str]:
    """Options of a text as PETSc reads it."""
    options, tokens = {}, text.split()
    for number, token in enumerate(tokens):
        if _NAME.match(token):
            following = tokens[number + 1 : number + 2]
            options[token] = "" if not following or _NAME.match(following[0]) else following[0]
    return options
