"""The part of a study's page with both stages side by side: nothing fitted, and the calibre of veins calibrated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments.cohorts.calibration import SERIES, labels
from experiments.cohorts.comparison import Compared
from experiments.cohorts.number_cells import digits, published_cell, quantity_cell, verdict_cell
from experiments.cohorts.pool import Pool

DOWNLOAD = "table of the vertebrae"

Judged = tuple[Pool, Sequence[Compared]]
"""A pool and its numbers."""


def lines(unfitted: Judged, fitted: Sequence[Judged]) -> Iterator[str]:
    """The lines in Markdown; none without a pool of stage B.

    Args:
        unfitted: the pool of stage A.
        fitted: those of stage B.
    """
    if not fitted:
        return
    columns = [unfitted, *sorted(fitted, key=lambda one: one[0].calibre)]
    known = labels()
    yield "## Stage B: the calibre of the veins alone is fitted"
    yield ""
    yield "The median calibre of the veins' branches, which nobody has measured, is set so that a share of the"
    yield f"vertebrae of {SERIES} leaks into vessels: 8 of 41 were published, and 10 and 35 % are about the ends of"
    yield "their interval ([stage B](../how-to/cohorts.md#stage-b)). All else is as in stage A."
    yield _of_which(unfitted[0])
    yield ""
    heads = [f"{pool.cohort.stage}, {pool.calibre:g} mm{known.get(pool.calibre, '')}" for pool, _ in columns]
    yield f"| quantity | published (95 %) | {' | '.join(heads)} |"
    yield f"|{'---|' * (len(columns) + 2)}"
    for of_quantity in zip(*(rows for _, rows in columns), strict=True):
        cells = [quantity_cell(of_quantity[0]), published_cell(of_quantity[0]), *map(_simulated, of_quantity)]
        yield f"| {' | '.join(cells)} |"
    yield ""
    for pool, _ in columns[1:]:
        yield f"- {pool.calibre:g} mm: {len(pool.vertebrae.table)} vertebrae of {pool.patients} patients,"
        yield f"  {len(pool.vertebrae.refused)} refused or failed; vertebroplasty {pool.vertebrae.code};"
        yield f"  [{DOWNLOAD}](data/{pool.path.name}), [numbers](data/{pool.path.with_suffix('.json').name})"
    yield ""


def _simulated(row: Compared) -> str:
    return f"{digits(row.simulated)} ({digits(row.low)} to {digits(row.high)}), {verdict_cell(row)}"


def _of_which(pool: Pool) -> str:
    if pool.cohort.study == SERIES:
        return "Here that share itself is fitted and no prediction; the other rows are."
    return "Nothing of this study was used."
