"""``cohort.json``: the simulated numbers of a cohort beside the published ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.comparison import Compared, compare
from experiments.cohorts.observed import Table
from experiments.cohorts.published import STUDIES
from experiments.results.store import json_text

LEAST_VERTEBRAE = 10
"""Finished vertebrae below which nothing is compared (tag D)."""


def write_comparison(folder: CohortFolder) -> list[Compared]:
    """Compare what is finished with the cohort's study and write it; an empty list without a study or with too little.

    Args:
        folder: of the cohort.

    Raises:
        InputError: the folder holds no cohort or cannot be written.
    """
    cohort, table = folder.cohort(), folder.table()
    failed = sum("error" in row for _, row in folder.finished())
    study = STUDIES.get(cohort.study or "")
    rows = [] if study is None or len(table) < LEAST_VERTEBRAE else compare(table, study, cohort.stage)
    folder.comparison.write_text(json_text(_content(folder, table, failed, rows), indent=1), encoding="utf-8")
    return rows


def _content(folder: CohortFolder, table: Table, failed: int, rows: Sequence[Compared]) -> dict[str, Any]:
    cohort = folder.cohort()
    return {
        "format": "vertebroplasty-cohort",
        "title": cohort.title,
        "study": cohort.study,
        "code": folder.sweep.plan()["code"],
        "seed": cohort.seed,
        "vertebrae": len(table),
        "patients": len(set(table["patient"].tolist())),
        "failed": failed,
        "rows": [_row(one) for one in rows],
    }


def _row(one: Compared) -> dict[str, Any]:
    published = one.published
    return {
        "quantity": published.quantity,
        "unit": published.unit,
        "published": _number(published.estimate),
        "published_low": _number(published.low),
        "published_high": _number(published.high),
        "simulated": _number(one.simulated),
        "simulated_low": _number(one.low),
        "simulated_high": _number(one.high),
        "simulated_error": _number(one.error),
        "verdict": one.verdict,
        "stage": one.stage,
        "seen": published.seen,
        "separated": one.separated,
        "significant": _number(one.significant),
        "remark": published.remark,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
