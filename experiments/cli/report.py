"""The command ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exit_codes import reported


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="CASE_DIR ...", help="folders of finished runs; several are compared")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE.html", help="page to write instead of the usual one")
    ] = None,
) -> None:
    """Write the report of a finished run, or of several side by side, as one HTML page without links to others.

    One folder gets its report.html anew; several are compared with the first one in results/report-<A>-<B>.html.
    """
    with reported():
        from experiments.report.writing import report_folders

        print(report_folders(folders, out))
