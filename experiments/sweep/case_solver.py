"""How a child of a sweep computes a case: on one core, without pictures, with shared geometry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

from experiments.case.identity import case_identity, code_version
from experiments.case.schema import build_case
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_case, store
from experiments.sweep.case_process_main import UnfitWorkerError
from experiments.sweep.shared_geometry import SharedGeometry


def solve(request: Mapping[str, Any]) -> dict[str, Any]:
    """Compute a case.

    Args:
        request: ``content``, the tables of the case file; ``identity`` and ``code`` that the case must have here;
            ``meshes``, a folder for meshes that cases share; and ``fields``, the folder to keep fields in, or None.

    Returns:
        ``results`` without their course over time; ``seconds`` of each stage, ``peak_memory_mb`` of the process so far
        and ``warnings``.

    Raises:
        UnfitWorkerError: software or input files are not those of the sweep.
        InputError: the input cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    outcome = outcome_of(request)
    if request["fields"] is not None:
        store(outcome, Path(request["fields"]))
    return kept(outcome)


def outcome_of(request: Mapping[str, Any]) -> CaseOutcome:
    """Run the case of a request; see :func:`solve`.

    Raises:
        UnfitWorkerError: software or input files are not those of the sweep.
        InputError: the input cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    if code_version() != request["code"]:
        raise UnfitWorkerError(
            f"runs vertebroplasty {code_version()}, the sweep {request['code']}; install one version"
        )
    case = build_case(dict(request["content"]))
    if case_identity(case).case != request["identity"]:
        raise UnfitWorkerError(
            "has other input files at the same paths, or other solver options in PETSC_OPTIONS or .petscrc; give it "
            "those of the sweep"
        )
    return run_case(case, comm=MPI.COMM_SELF, maker=_geometry(Path(request["meshes"])))


@cache
def _geometry(folder: Path) -> SharedGeometry:
    """One for all cases of this process."""
    return SharedGeometry(folder)


def kept(outcome: CaseOutcome) -> dict[str, Any]:
    """What a sweep keeps of a finished case; see :func:`solve`."""
    results = outcome.results.plain()
    results.get("injection", {}).pop("course", None)
    about = outcome.manifest.model_dump(mode="json", include={"seconds", "peak_memory_mb", "warnings"})
    return {"results": results, **about}
