"""The page of a folder of patients: what is known of each, in the order of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.patients.solver import thumbnail_of
from experiments.report.patients_page import PatientCard, patients_page
from experiments.results.wording import number, words
from experiments.sweep.cases import Plan
from experiments.sweep.folder import Row, SweepFolder
from experiments.sweep.quantile_bands import HEADLINES
from experiments.sweep.table import label_of_column, unit_of_column

PAGE = "index.html"
"""Name of the page in the folder."""


def write_overview(plan: Plan, folder: SweepFolder) -> Path:
    """Write the page of what the folder holds by now.

    Raises:
        InputError: the folder cannot be read or written.
    """
    rows = folder.rows()
    cards = [
        _card(
            str(case.values["patient"]), case.content["patient"]["level"], row, thumbnail_of(folder.path, case.identity)
        )
        for case in plan.cases
        if (row := rows.get(case.identity)) is not None
    ]
    failed = sum(bool(card.error) for card in cards)
    waiting = len(plan.cases) - len(cards)
    summary = f"{len(plan.cases)} patients: {len(cards) - failed} finished, {failed} failed"
    summary += f", {waiting} not computed yet." if waiting else "."
    title = plan.sweep_file.title or "Patients"
    folder.write(PAGE, patients_page(title, summary, cards))
    return folder.path / PAGE


def _card(name: str, level: str, row: Row, thumbnail: Path) -> PatientCard:
    picture = thumbnail if thumbnail.is_file() else None
    if error := row.get("error"):
        return PatientCard(name, level, None, (), error=f"{error['kind']}: {error['message']}")
    outcome = row["outcome"]
    return PatientCard(name, level, picture, _numbers(outcome["results"]), outcome.get("warnings", ()))


def _numbers(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headlines of the results, and where an image would show leaks."""
    found = []
    for column in HEADLINES:
        value: Any = results
        for step in column.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            found.append((label_of_column(column), number(value, unit_of_column(column))))
    leaks = results.get("injection", {}).get("leaks", {})
    if leaks:
        seen = [words(site) for site, leak in leaks.items() if leak["observed"]]
        found.append(("leaks that would be seen", ", ".join(seen) or "none"))
    return found
