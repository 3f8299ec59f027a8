"""The folder of a comparison: tables, picture and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.compare.comparison import AGREEMENT, PICTURE, Comparison
from experiments.report.page import REPORT, comparison_report
from experiments.results.finished_case import FinishedCase
from experiments.results.store import case_directory


def compare_and_store(cases: Sequence[FinishedCase], out: Path) -> Comparison:
    """Compare finished cases and write the folder of the comparison, whole or not at all.

    Raises:
        InputError: ``out`` cannot be used.
    """
    comparison = Comparison.of(cases)
    with case_directory(out) as folder:
        comparison.write(folder)
        page = comparison_report(comparison, folder / PICTURE, folder / AGREEMENT if comparison.agreements else None)
        (folder / REPORT).write_text(page, encoding="utf-8")
    return comparison
