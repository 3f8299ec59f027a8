"""What the commands ``sweep``, ``cohort`` and ``trial`` have in common: which file, who computes, and what is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.case.ready_files import ReadyFiles
    from experiments.sweep.engine import SweepProgress

Out = Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder for the results")]
Ready = Annotated[str | None, typer.Option("--ready", metavar="NAME", help="one that comes along")]
Patients = Annotated[
    int | None,
    typer.Option("--patients", metavar="N", min=1, max=20_000, help="patients, instead of as many as the file says"),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="cases at a time; one per core by default")
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="running scheduler of Dask to use instead"),
]
TimeLimit = Annotated[
    float,
    typer.Option("--time-limit", metavar="MIN", min=0.001, max=1e5, help=r"a case that takes longer has failed \[min]"),
]


def source_of(files: ReadyFiles, file: Path | None, ready: str | None) -> Path:
    """The file that a command is to use.

    Args:
        files: of the kind that the command uses.
        file: that is named.
        ready: name of one that comes along.

    Raises:
        InputError: both or neither are given, or there is none of this name.
    """
    if file is not None and ready is None:
        return file
    if ready is None or file is not None:
        raise InputError(f"name a {files.kind} file, or one that comes along with --ready")
    return files.file(ready)


def computed(run: Callable[[Callable[[SweepProgress], None]], SweepProgress], target: Path) -> SweepProgress:
    """How a sweep stands at its end, which is shown while it runs.

    Args:
        run: computes; is given who is to be told how far it is.
        target: folder of the results.
    """
    from experiments.sweep.display import SweepDisplay, progress_line

    console = Console()
    try:
        with SweepDisplay().shown() as display:
            progress = run(display.update)
    except KeyboardInterrupt:
        console.print(f"Finished cases are in {target}/; the same command goes on.", markup=False, highlight=False)
        raise
    console.print(progress_line(progress), markup=False, highlight=False, soft_wrap=True)
    return progress
