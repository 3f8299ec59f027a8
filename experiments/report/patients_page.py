"""The page of many patients: a small picture, the numbers or the error, and the warnings of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from experiments.report.content import Table, picture
from experiments.report.page import GENERATOR, page_environment, page_policy
from experiments.results.wording import NOTICE


@dataclass(frozen=True)
class PatientCard:
    """What the page shows of a patient.

    Attributes:
        name: of the patient.
        level: of the vertebra.
        thumbnail: its picture; None where there is none.
        numbers: what people call a result -> its value with the unit.
        warnings: of the run.
        error: why there are no numbers; empty where there are.
    """

    name: str
    level: str
    thumbnail: Path | None
    numbers: Sequence[tuple[str, str]]
    warnings: Sequence[str] = ()
    error: str = ""


def patients_page(title: str, summary: str, cards: Sequence[PatientCard]) -> str:
    """The page.

    Args:
        title: of the plan.
        summary: one sentence on how many there are.
        cards: of the patients in their order.
    """
    shown = [
        (
            card,
            None if card.thumbnail is None else picture(card.thumbnail, card.name, "").source,
            Table(card.name, ("quantity", "value"), tuple(card.numbers), numeric=frozenset({1})),
        )
        for card in cards
    ]
    return (
        page_environment()
        .get_template("patients.html")
        .render(
            generator=Markup(GENERATOR),
            notice=NOTICE,
            policy=page_policy([]),
            title=title,
            summary=summary,
            shown=shown,
        )
    )
