"""The command ``new``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exit_codes import reported


def new(
    case: Annotated[Path, typer.Argument(metavar="CASE.toml", help="case file to write")],
    like: Annotated[
        str,
        typer.Option(
            "--like",
            metavar="NAME",
            help="osteoporotic, metastasis, kyphoplasty, cleft, fracture, prescribed or own-cement",
        ),
    ] = "osteoporotic",
) -> None:
    """Write a commented case file to start from, and the JSON Schema by which editors complete and check its keys.

    Each runs as it is on the demo's vertebra; its comments say where your CT goes.
    """
    with reported():
        from experiments.case.templates import write_template

        for path in write_template(case, like):
            print(path)
        print(f"Next: vertebroplasty check {case}")
