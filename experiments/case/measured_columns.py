"""Measurements of the user's own as a CSV file: one a line, columns of numbers that are known by name."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from meshes.errors import InputError


class Column(NamedTuple):
    """A column of the table: clinical unit, smallest and largest value, and what to do about others."""

    unit: str
    low: float
    high: float
    advice: str


def read_columns(path: Path, columns: Mapping[str, Column]) -> NDArray[np.float64]:
    """The numbers of some columns, which may stand in any order and among others.

    Args:
        path: CSV file with a line of column names, commas between the columns and points in the numbers.
        columns: name -> what it may hold.

    Returns:
        (lines, columns) in the order of ``columns``.

    Raises:
        InputError: the file cannot be read, lacks a column or names it twice, has a line with more fields than names,
            or holds something that is no number or out of range.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            names = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = names
            if missing := [column for column in columns if column not in names]:
                raise InputError(
                    f"{path}: the column {missing[0]} is missing; the first line must name the columns "
                    f"{','.join(columns)}, with commas between them and points in the decimals"
                )
            if twice := [column for column in columns if names.count(column) > 1]:
                raise InputError(f"{path}: the first line names the column {twice[0]} twice; keep one of them")
            rows = [_numbers(row, columns, path, reader.line_num) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a CSV file") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not a CSV text file ({error}); save the table as CSV in UTF-8") from None
    return np.array(rows, dtype=float).reshape(-1, len(columns))


def _numbers(row: dict[str | None, Any], columns: Mapping[str, Column], path: Path, line: int) -> list[float]:
    """The numbers of one line in the order of the columns."""
    if any(text.strip() for text in row.get(None, [])):
        raise InputError(
            f"{path}: line {line} has more fields than the first line has names; decimals need points and fields "
            "commas, as in 5.0,0.1,310"
        )
    return [_number(row[name], name, column, path, line) for name, column in columns.items()]


def _number(text: str | None, name: str, column: Column, path: Path, line: int) -> float:
    """The number in one cell, inside the column's range."""
    if text is None or not text.strip():
        raise InputError(f"{path}: line {line} has no {name}; fill it in or remove the line")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: line {line}: {name} = {text.strip()!r} is not a number; write it as in 12.5")
    if not column.low <= value <= column.high:
        raise InputError(f"{path}: line {line}: {name} = {value:g} is not allowed; {column.advice}")
    return value
