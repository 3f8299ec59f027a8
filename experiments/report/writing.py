"""From folders of finished runs to the file of their report, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.compare.comparison import Comparison
from experiments.report.page import GENERATOR, REPORT, case_report, comparison_report
from experiments.results.finished_case import FinishedCase
from experiments.results.store import in_place_of
from meshes.errors import InputError


def report_folders(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write the report of one finished run, or of several side by side.

    Args:
        folders: case directories; ratios refer to the first.
        out: file to write; ``report.html`` in the folder of a single case, ``results/report-A-B.html`` of several.

    Returns:
        The file.

    Raises:
        InputError: a folder is not that of a finished run, two have the same name, or the file cannot be written.
    """
    if out is not None:
        check_page(out)
    cases = [FinishedCase.read(folder) for folder in folders]
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        raise InputError(f"two of the folders {', '.join(names)} have the same name; rename one to tell them apart")
    alone = len(cases) == 1
    target = out or (folders[0] / REPORT if alone else Path("results", f"report-{'-'.join(names)}.html"))
    check_page(target)
    page = case_report(cases[0]) if alone else comparison_report(Comparison.of(cases))
    with in_place_of(target) as made:
        made.write_text(page, encoding="utf-8")
    return target


def check_page(path: Path) -> None:
    """Refuse a file that is no HTML file, or that somebody else wrote.

    Raises:
        InputError: it is one of these.
    """
    if path.suffix != ".html":
        raise InputError(f"-o {path}: a report is one HTML file; give a name that ends in .html")
    try:
        if path.exists() and GENERATOR not in path.read_text(encoding="utf-8", errors="replace")[:4096]:
            raise InputError(
                f"{path}: exists and is no report of vertebroplasty, so it is not replaced; choose another -o"
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be replaced ({error.strerror}); choose another -o") from None
