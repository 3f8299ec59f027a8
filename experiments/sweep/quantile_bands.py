"""Bands of the results of a random sample: what the numbers of a case are worth when its parameters are not known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from experiments.sweep.table import SweepTable, unit_of_column
from meshes.errors import InputError

BAND = (0.05, 0.95)
"""Shares of the cases below the two ends of a band."""

HEADLINES = (
    "injection.leaked_ml",
    "injection.peak_tip_pressure_kpa",
    "injection.peak_syringe_pressure_kpa",
    "stiffness.intact_n_per_mm",
    "stiffness.augmented_n_per_mm",
)
"""Columns of the results that a case is read for."""


@dataclass(frozen=True)
class QuantileBand:
    """The spread of one result over a sample.

    Attributes:
        column: of the table.
        unit: its unit.
        cases: finished cases that have the result.
        low: 5 % of them lie below.
        median: half of them lie below.
        high: 95 % of them lie below.
    """

    column: str
    unit: str
    cases: int
    low: float
    median: float
    high: float


def quantile_bands(table: SweepTable, columns: tuple[str, ...] = HEADLINES) -> list[QuantileBand]:
    """5 to 95 % bands and medians of the finished cases; quantiles interpolate linearly between cases.

    Args:
        table: of a random sample.
        columns: the results; those that the table lacks are left out.

    Raises:
        InputError: shares of the cases are no probabilities.
    """
    if not table.declared:
        raise InputError("only a random sample of declared distributions has bands; vary everything by a distribution")
    found = []
    for column in columns:
        if column not in table.rows.column_names:
            continue
        values = np.array(table.rows[column].drop_null().cast(pa.float64()))
        if len(values):
            low, median, high = (float(value) for value in np.quantile(values, (BAND[0], 0.5, BAND[1])))
            found.append(QuantileBand(column, unit_of_column(column), len(values), low, median, high))
    return found
