"""The front door: read or build a case, run it, open what came out, compare, vary and analyse.

::

    import vertebroplasty

    case = vertebroplasty.build_case({"patient": {"demo": True}, "mesh": {"size_mm": 3.0}})
    outcome = vertebroplasty.run(case, "results/coarse")
    print(outcome.results.injection.leaked_ml)

Case files and results are in clinical units, named in their keys. Here belongs nothing but the names that users need;
what they do stands in ``experiments``. Packages are imported when a name is used, so that the import itself is instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.analysis.analysis import Analysis
    from experiments.case.schema import Case
    from experiments.compare.comparison import Comparison
    from experiments.results.finished_case import FinishedCase
    from experiments.run.output import CaseOutcome
    from experiments.sweep.table import SweepTable
    from fem.errors import ConvergenceError
    from meshes.errors import InputError

    __version__: str

__all__ = [
    "Analysis",
    "Case",
    "CaseOutcome",
    "Comparison",
    "ConvergenceError",
    "FinishedCase",
    "InputError",
    "SweepTable",
    "analyse",
    "build_case",
    "compare",
    "demo_case",
    "open_case",
    "plot",
    "read_case",
    "run",
    "sweep",
]


def read_case(file: str | PathLike[str]) -> Case:
    """Read and check a case file.

    Args:
        file: TOML file; ``docs/case-file.md`` lists its keys. Relative paths inside it count from its folder.

    Raises:
        InputError: the file is missing, is no TOML, has an unknown key or a value out of range, or names an image that
            does not exist.
    """
    from experiments.case import schema

    return schema.read_case(Path(file))


def build_case(content: Mapping[str, Any]) -> Case:
    """Check the tables of a case file that is none, and complete them with the defaults.

    Args:
        content: table -> key -> value in clinical units, as a case file has them; relative paths count from the
            current folder.

    Raises:
        InputError: a key is unknown, a value out of range, or an image does not exist.
    """
    from experiments.case import schema

    return schema.build_case(dict(content))


def demo_case(defect: bool = False, size_mm: float | None = None) -> Case:
    """The case of ``vertebroplasty demo``: a real osteoporotic L3, 4 ml from the left.

    Args:
        defect: whether the posterior wall is open, so that cement leaks.
        size_mm: edge of the tetrahedra in mm; 1.5 by default.

    Raises:
        InputError: the size is out of range.
    """
    from experiments.case import schema

    return schema.demo_case(defect, size_mm)


def run(case: Case, out: str | PathLike[str] | None = None, *, networks: int | None = None) -> CaseOutcome:
    """Run a case: mesh, bone, injection, fill and leaks, stiffness.

    Args:
        case: what is asked.
        out: folder to write, whole or not at all, as the command ``run`` does; nothing is written by default.
        networks: of veins that are drawn at random besides the case's own, with one injection through each on a core
            of its own; ``results.injection.networks`` says how many leak.

    Returns:
        The results, with meshes and fields.

    Raises:
        InputError: the input or ``out`` cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    from experiments.run import pipeline

    draw = None
    if networks is not None:
        from experiments.sweep.network_draws import check_drawable, drawing

        check_drawable(case)
        draw = drawing(networks)
    if out is not None:
        return pipeline.run_and_store(case, Path(out), draw=draw)
    outcome = pipeline.run_case(case)
    return outcome if draw is None else outcome.with_networks(draw(case))


def open_case(folder: str | PathLike[str], name: str | None = None) -> FinishedCase:
    """Open the folder that a run has written: its numbers, and its fields when they are asked for.

    Args:
        folder: what ``run`` or the commands ``run`` and ``demo`` wrote.
        name: what tables and pictures call it; the folder's own name by default.

    Raises:
        InputError: it is no such folder, a damaged one, or comes from another version.
    """
    from experiments.results.finished_case import FinishedCase

    return FinishedCase.read(Path(folder), name)


def plot(case: FinishedCase, step: int = -1) -> None:
    """Show the cement in the translucent body, in a window or in the cell of a notebook.

    Args:
        case: the finished case.
        step: stored time; negative steps count from the end.

    Raises:
        InputError: there is neither a display nor a notebook.
    """
    from experiments.pictures.interactive import show_case

    show_case(case, step)


def compare(cases: Sequence[FinishedCase], out: str | PathLike[str] | None = None) -> Comparison:
    """Put finished cases side by side: leaks, fill, pressures, stiffness.

    Args:
        cases: two or more with names of their own; the first is the reference.
        out: folder to write, as the command ``compare`` does; nothing is written by default.

    Raises:
        InputError: the cases cannot be compared, or ``out`` cannot be used.
    """
    if out is None:
        from experiments.compare.comparison import Comparison

        return Comparison.of(cases)
    from experiments.report.comparison_folder import compare_and_store

    return compare_and_store(cases, Path(out))


def sweep(
    file: str | PathLike[str],
    out: str | PathLike[str],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit_min: float = 60.0,
    retry: bool = False,
) -> SweepTable:
    """Run what is missing of the many cases of a sweep.

    Args:
        file: sweep file; ``docs/sweeps.md`` lists its keys.
        out: folder of the sweep; one that is begun already goes on.
        workers: cases at a time on this machine; one for each core by default.
        scheduler: address of a running scheduler of Dask whose workers are asked instead.
        time_limit_min: minutes after which a case has failed.
        retry: whether cases that failed before run again.

    Returns:
        One row for each case that is finished or has failed.

    Raises:
        InputError: the file, the folder or the workers cannot be used; finished cases are whole.
    """
    from experiments.sweep.cases import read_plan
    from experiments.sweep.cluster import Cluster
    from experiments.sweep.engine import run_sweep
    from experiments.sweep.folder import SweepFolder
    from experiments.sweep.table import SweepTable

    run_sweep(read_plan(Path(file)), SweepFolder(Path(out)), Cluster(workers, scheduler), 60.0 * time_limit_min, retry)
    return SweepTable.read(Path(out))


def analyse(
    folder: str | PathLike[str], outputs: Sequence[str] = (), out: str | PathLike[str] | None = None
) -> Analysis:
    """Say what a sweep shows: effects, interactions and indices; of random samples also probabilities, ROC, odds.

    Args:
        folder: of the sweep, which may be running.
        outputs: columns of its table that are analysed; the headlines of the results by default.
        out: folder to write, as the command ``analyse`` does; nothing is written by default.

    Raises:
        InputError: the folder holds no sweep or no finished case, nothing varies, an output is unknown or constant, or
            ``out`` cannot be used.
    """
    from experiments.analysis.analysis import analyse_and_store, analyse_sweep

    return analyse_sweep(Path(folder), outputs) if out is None else analyse_and_store(Path(folder), Path(out), outputs)


if not TYPE_CHECKING:  # a type checker would take any name for one that this gives
    _HOMES = {
        "Analysis": "experiments.analysis.analysis",
        "Case": "experiments.case.schema",
        "CaseOutcome": "experiments.run.output",
        "Comparison": "experiments.compare.comparison",
        "ConvergenceError": "fem.errors",
        "FinishedCase": "experiments.results.finished_case",
        "InputError": "meshes.errors",
        "SweepTable": "experiments.sweep.table",
    }

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("vertebroplasty")
        if name in _HOMES:
            from importlib import import_module

            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__", "__doc__"]
