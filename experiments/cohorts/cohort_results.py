"""``cohort.json``: the simulated numbers of a cohort beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.cohorts.comparison import Compared, compare
from experiments.cohorts.number_cells import or_none
from experiments.cohorts.pool import Pool
from experiments.cohorts.published import STUDIES
from experiments.results.store import json_text

LEAST_VERTEBRAE = 10
"""Finished vertebrae below which nothing is compared (tag D)."""


def write_comparison(pool: Pool, target: Path) -> list[Compared]:
    """Compare a pool with its cohort's study and write it; an empty list without a study or with too little.

    Args:
        pool: what is finished.
        target: JSON file.
    """
    cohort, table = pool.cohort, pool.vertebrae.table
    study = STUDIES.get(cohort.study or "")
    rows = [] if study is None or len(table) < LEAST_VERTEBRAE else compare(table, study, cohort.stage)
    target.write_text(json_text(_content(pool, rows), indent=1) + "\n", encoding="utf-8")
    return rows


def _content(pool: Pool, rows: Sequence[Compared]) -> dict[str, Any]:
    cohort, vertebrae = pool.cohort, pool.vertebrae
    return {
        "format": "vertebroplasty-cohort",
        "title": cohort.title,
        "study": cohort.study,
        "stage": cohort.stage,
        "calibre_mm": pool.calibre,
        "code": vertebrae.code,
        "seed": cohort.seed,
        "vertebrae": len(vertebrae.table),
        "patients": pool.patients,
        "failed": len(vertebrae.refused),
        "rows": [_row(one) for one in rows],
    }


def _row(one: Compared) -> dict[str, Any]:
    published = one.published
    return {
        "quantity": published.quantity,
        "unit": published.unit,
        "published": or_none(published.estimate),
        "published_low": or_none(published.low),
        "published_high": or_none(published.high),
        "simulated": or_none(one.simulated),
        "simulated_low": or_none(one.low),
        "simulated_high": or_none(one.high),
        "simulated_error": or_none(one.error),
        "verdict": one.verdict,
        "stage": one.stage,
        "seen": published.seen,
        "separated": one.separated,
        "significant": or_none(one.significant),
        "remark": published.remark,
    }
