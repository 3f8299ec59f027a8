"""The command ``analyse``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exit_codes import reported


def analyse(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a sweep, which may be running")],
    output: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="COLUMN", help="result to analyse, also several; the headlines by default"),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder for tables and plots")] = None,
) -> None:
    """Say what a sweep shows: effects, interactions and indices; of random samples also probabilities, ROC, odds.

    Tables and plots are written to DIR/analysis. What each design allows is in docs/analysis.md.
    """
    with reported():
        from experiments.analysis.analysis import analyse_and_store
        from experiments.results.wording import NOTICE
        from experiments.sweep.display import wide_console

        target = out or folder / "analysis"
        analysis = analyse_and_store(folder, target, output or ())
        console = wide_console()
        for sentence in analysis.about:
            console.print(sentence, markup=False, highlight=False)
        for finding in analysis.findings:
            console.print(f"\n{finding.table.title}", style="bold", markup=False, highlight=False)
            if finding.table.rows:
                console.print(finding.table.shown())
            if finding.table.more:
                console.print(f"... and {finding.table.more} rows more in {finding.table.name}.csv", highlight=False)
            for remark in finding.table.remarks:
                console.print(remark, markup=False, highlight=False)
        console.print()
        for remark in analysis.remarks:
            console.print(remark, markup=False, highlight=False)
        console.print(f"\nResults: {target}/", markup=False, highlight=False)
        console.print(f"  {target}/analysis.json", markup=False, highlight=False, soft_wrap=True)
        for path in sorted([*target.glob("tables/*"), *target.glob("plots/*.png")]):
            console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"\n{NOTICE}", style="italic", markup=False)
