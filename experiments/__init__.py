"""Case files, the pipeline, results, figures and the command line.

A run from Python::

    from pathlib import Path
    from experiments import demo_case, run

    outcome = run(demo_case(size_mm=3.0), Path("out"))
    print(outcome.results["injection"]["leaked_ml"])
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.case import Case, build_case, demo_case, read_case
    from experiments.output import CaseOutcome

__all__ = ["build_case", "demo_case", "read_case", "run"]


def run(case: Case, out: Path | None = None) -> CaseOutcome:
    """Run ``case``; with ``out`` write its case directory there too.

    Raises:
        meshes.errors.InputError: the input or ``out`` cannot be used.
        fem.errors.ConvergenceError: a solver did not reach its tolerance.
    """
    from experiments import pipeline

    return pipeline.run_case(case) if out is None else pipeline.run_and_store(case, out)


def __getattr__(name: str) -> Any:
    """Import the readers of case files when they are asked for, so that the command line starts at once."""
    if name in __all__:
        from experiments import case

        return getattr(case, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
