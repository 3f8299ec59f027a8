"""The user's own rheometer data: a CSV file with one measurement a line."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.units import to_internal
from meshes.errors import InputError

COLUMNS = {"age_min": "min", "shear_rate_per_s": "1/s", "viscosity_pa_s": "Pa s"}
"""Column -> its clinical unit; other columns are left alone."""

LEAST_ROWS = 4
"""Measurements that a cement needs at least, at two ages and two shear rates or more."""


@dataclass(frozen=True)
class RheometerData:
    """Measured viscosities of one cement, ordered by age and then by shear rate.

    Attributes:
        age: (n,) s after mixing.
        shear_rate: (n,) 1/s.
        viscosity: (n,) MPa s.
    """

    age: NDArray[np.float64]
    shear_rate: NDArray[np.float64]
    viscosity: NDArray[np.float64]


def read_rheometer(path: Path) -> RheometerData:
    """Read a CSV file with the columns ``age_min``, ``shear_rate_per_s`` and ``viscosity_pa_s`` in any order.

    Args:
        path: CSV file with a line of column names, commas between the columns and points in the numbers.

    Raises:
        InputError: the file cannot be read, lacks a column, holds something that is no number or out of range, or has
            too few rows, ages or shear rates to tell how the cement ages and thins.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = names
            if missing := [column for column in COLUMNS if column not in names]:
                raise InputError(
                    f"{path}: the column {missing[0]} is missing; the first line must name the columns "
                    f"{','.join(COLUMNS)}, with commas between them"
                )
            rows = [[_number(row[column], column, path, reader.line_num) for column in COLUMNS] for row in reader]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a CSV text file ({error}); save the table as CSV in UTF-8") from None
    table = np.array(rows).reshape(-1, len(COLUMNS))
    _check_enough(table, path)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    age, shear_rate, viscosity = (
        np.array([to_internal(value, unit) for value in column])
        for column, unit in zip(table.T, COLUMNS.values(), strict=True)
    )
    return RheometerData(age, shear_rate, viscosity)


def _number(text: str | None, column: str, path: Path, line: int) -> float:
    """The number in one cell, at least 0 for ages and above 0 otherwise."""
    if text is None or not text.strip():
        raise InputError(f"{path}: line {line} has no {column}; fill it in or remove the line")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: line {line}: {column} = {text.strip()!r} is not a number; write it as in 12.5")
    if value < 0.0 or (value == 0.0 and column != "age_min"):
        allowed = "0 or more" if column == "age_min" else "above 0"
        raise InputError(
            f"{path}: line {line}: {column} = {value:g} is not allowed; it must be {allowed} {COLUMNS[column]}"
        )
    return value


def _check_enough(table: NDArray[np.float64], path: Path) -> None:
    """Refuse a table (n, 3) from which ageing and shear-thinning cannot be told."""
    if len(table) < LEAST_ROWS:
        raise InputError(f"{path}: has {len(table)} measurements; at least {LEAST_ROWS} are needed")
    for column, name, what in ((0, "ages", "ageing"), (1, "shear rates", "shear-thinning")):
        if len(np.unique(table[:, column])) < 2:
            raise InputError(f"{path}: all measurements have one of the {name}; the {what} needs two {name} at least")
