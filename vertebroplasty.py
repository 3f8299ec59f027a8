"""The front door: read or build a case, run it, open what came out, vary it and analyse.

    from pathlib import Path
    import vertebroplasty

    outcome = vertebroplasty.run(vertebroplasty.demo_case(size_mm=3.0), Path("out"))
    print(outcome.results["injection"]["leaked_ml"])

Names are imported when they are asked for, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.case.schema import Case, build_case, demo_case, read_case
    from experiments.pictures.interactive import show_case as plot
    from experiments.results.finished_case import FinishedCase
    from experiments.run.output import CaseOutcome
    from fem.errors import ConvergenceError
    from meshes.errors import InputError

_HOMES = {
    "Case": "experiments.case.schema",
    "CaseOutcome": "experiments.run.output",
    "ConvergenceError": "fem.errors",
    "FinishedCase": "experiments.results.finished_case",
    "InputError": "meshes.errors",
    "build_case": "experiments.case.schema",
    "demo_case": "experiments.case.schema",
    "read_case": "experiments.case.schema",
}

__all__ = [
    "Case",
    "CaseOutcome",
    "ConvergenceError",
    "FinishedCase",
    "InputError",
    "build_case",
    "demo_case",
    "plot",
    "read_case",
    "run",
]


def run(case: Case, out: Path | None = None) -> CaseOutcome:
    """Run ``case``; with ``out`` write its case directory there too.

    Raises:
        InputError: the input or ``out`` cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    from experiments.run import pipeline

    return pipeline.run_case(case) if out is None else pipeline.run_and_store(case, out)


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("experiments.pictures.interactive").show_case
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    from experiments.cli.main import main

    main()
