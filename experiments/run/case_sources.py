"""Sources of finished cases: case files, run where need be, and folders of finished runs.

A case file has its results where ``vertebroplasty run`` has them, in ``results/<name of the file>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

from experiments.case.identity import case_identity
from experiments.case.schema import CASES, Case, read_case
from experiments.case.sections.base import joined
from experiments.compare.comparison import check_names
from experiments.results.finished_case import FinishedCase
from experiments.results.progress import Progress
from experiments.results.store import check_target
from experiments.run.pipeline import run_and_store
from experiments.run.ranks import on_root
from meshes.errors import InputError

READY = {
    "unilateral-bilateral": ("unilateral_injection", "bilateral_injection"),
    "confluent-separated": ("confluent_injection", "separated_injection", "confluent_shape", "separated_shape"),
}
"""Comparison that comes with the software -> its case files, in the order of their columns."""


@dataclass(frozen=True)
class CaseSource:
    """Where the results of one case come from.

    Attributes:
        name: the name of its file or folder.
        folder: where its results are or will be.
        case: what to run where they are not; None for the folder of a finished run.
    """

    name: str
    folder: Path
    case: Case | None

    def finish(self, progress: Progress, comm: MPI.Comm = MPI.COMM_WORLD) -> FinishedCase:
        """The results, from an earlier run of just this case or from a run of it.

        Args:
            progress: where the stages of a run are shown.
            comm: ranks that share the work.

        Raises:
            InputError: the input cannot be used, or the folder is not that of a finished run.
            ConvergenceError: a solver did not reach its tolerance.
        """
        case = self.case
        if case is not None and not on_root(comm, lambda: finished_earlier(case, self.folder)):
            run_and_store(case, self.folder, progress, comm)
        return FinishedCase.read(self.folder, self.name)


def read_case_sources(paths: Sequence[Path]) -> list[CaseSource]:
    """Read case files and look at folders, before anything is run.

    Args:
        paths: case files, and folders of finished runs.

    Raises:
        InputError: a source cannot be used, there are fewer than two, or two of them have the same name.
    """
    sources: list[CaseSource] = []
    for path in paths:
        if path.is_dir():
            sources.append(CaseSource(path.resolve().name, path, None))
            FinishedCase.read(path, path.name)
            continue
        sources.append(CaseSource(path.stem, Path("results", path.stem), read_case(path)))
        check_target(sources[-1].folder)
    check_names([source.name for source in sources])
    return sources


def ready_comparison(name: str) -> list[Path]:
    """The case files of a comparison that comes with the software.

    Raises:
        InputError: there is none of this name.
    """
    if name not in READY:
        raise InputError(f"--ready {name}: there is no such comparison; choose {joined(list(READY), 'or')}")
    return [CASES / "comparisons" / f"{case}.toml" for case in READY[name]]


def finished_earlier(case: Case, folder: Path) -> bool:
    """Whether ``folder`` holds the results of just this case: content, input files and code."""
    try:
        return FinishedCase.read(folder, folder.name).identity == case_identity(case).case
    except (InputError, KeyError):
        return False
