"""Finished cases: directories that hold all that a run writes, used again where the case is still the same.

A case file that is asked for has its results where ``vertebroplasty run`` has them, in ``results/<name of the file>``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.case import CASES, Case, read_case
from experiments.fields import read_step, read_times
from experiments.identity import case_identity
from experiments.pipeline import run_and_store
from experiments.progress import Progress
from experiments.sections.base import joined
from experiments.store import check_target, is_whole
from meshes.errors import InputError
from meshes.tetmesh import TetMesh
from meshes.volume import tetmesh_from_arrays

FIELDS = "fields.vtkhdf"

READY = {
    "unilateral-bilateral": ("unilateral_injection", "bilateral_injection"),
    "confluent-separated": ("confluent_injection", "separated_injection", "confluent_shape", "separated_shape"),
}
"""Comparison that comes with the software -> its case files, in the order of their columns."""


@dataclass(frozen=True)
class FinishedCase:
    """A case directory.

    Attributes:
        name: what tables and pictures call it.
        folder: the directory.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
    """

    name: str
    folder: Path
    results: Mapping[str, Any]
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path, name: str) -> FinishedCase:
        """Read a case directory.

        Raises:
            InputError: it is none, or not that of a run.
        """
        content = {}
        for part in ("manifest", "results"):
            path = folder / f"{part}.json"
            try:
                content[part] = json.loads(path.read_text(encoding="utf-8"))
                if not isinstance(content[part], dict):
                    raise ValueError(f"{path} holds no table")
            except (OSError, ValueError, RecursionError):
                raise InputError(
                    f"{folder}: holds no readable {path.name}; give the folder of a finished run, or a case file"
                ) from None
        if "fill" not in content["results"] or not (folder / FIELDS).is_file():
            raise InputError(f"{folder}: is not the folder of a finished run of a case; run the case again")
        found = cls(name, folder, content["results"], content["manifest"])
        try:
            if not is_whole(folder, found.manifest, ("results.json", FIELDS)) or not found.identity:
                raise ValueError("not as it was written")
        except (OSError, KeyError, TypeError, ValueError):
            raise InputError(
                f"{folder}: is damaged, was edited or comes from another version; run the case again"
            ) from None
        return found

    @property
    def identity(self) -> str:
        """SHA-256 of the case, its inputs and the code."""
        return str(self.manifest["identity"]["case"])

    def cement(self) -> tuple[TetMesh, NDArray[np.float64]]:
        """The body in its anatomical frame, and the (cells,) saturation at the end."""
        path = self.folder / FIELDS
        grid = read_step(path, len(read_times(path)) - 1)
        frame = np.array(self.manifest["frame"]["scanner_lps_mm_to_anatomical"])
        points = np.asarray(grid.points, dtype=float) @ frame[:3, :3].T + frame[:3, 3]
        cells = np.asarray(next(iter(grid.cells_dict.values())), dtype=np.int64)
        return tetmesh_from_arrays(points, cells), np.asarray(grid.cell_data["saturation"], dtype=float)


@dataclass(frozen=True)
class AskedCase:
    """A case that somebody wants the results of.

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
        if self.case is not None and not comm.bcast(finished_earlier(self.case, self.folder), root=0):
            run_and_store(self.case, self.folder, progress, comm)
        return FinishedCase.read(self.folder, self.name)


def asked_cases(sources: Sequence[Path]) -> list[AskedCase]:
    """Read case files and look at folders, before anything is run.

    Args:
        sources: case files, and folders of finished runs.

    Raises:
        InputError: a source cannot be used, there are fewer than two, or two of them have the same name.
    """
    asked: list[AskedCase] = []
    for source in sources:
        if source.is_dir():
            asked.append(AskedCase(source.resolve().name, source, None))
            FinishedCase.read(source, source.name)
            continue
        asked.append(AskedCase(source.stem, Path("results", source.stem), read_case(source)))
        check_target(asked[-1].folder)
    if len(asked) < 2:
        raise InputError("a comparison needs two cases at least; name case files or folders of finished runs")
    for number, case in enumerate(asked):
        if case.name in (other.name for other in asked[:number]):
            raise InputError(
                f"two cases are called {case.name!r}, so their columns and results cannot be told apart; rename one"
            )
    return asked


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
