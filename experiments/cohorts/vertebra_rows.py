"""All vertebrae of a pool, those that were refused or failed as well, and the CSV file that keeps them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.cohorts.drawn import LEVELS
from experiments.cohorts.observed import Table, record
from experiments.cohorts.virtual_patient import VirtualVertebra
from experiments.sweep.folder import Row
from meshes.errors import InputError

ARM, LEVEL, ERROR, CODE = "arm", "level", "error", "code"
"""Columns of the file that hold no number."""


@dataclass(frozen=True)
class VertebraRows:
    """A row for each vertebra.

    Attributes:
        rows: of all of them; what was not measured, as of those that failed, is NaN.
        errors: why a vertebra was refused or failed; ``""`` of the others.
        code: version of the software that computed them.
    """

    rows: Table
    errors: tuple[str, ...]
    code: str

    @classmethod
    def of(cls, pairs: Iterable[tuple[VirtualVertebra, Row]], code: str) -> VertebraRows:
        """The rows of vertebrae with the rows of the sweep that their treatments became."""
        pairs = list(pairs)
        errors = tuple(("error" in row and str(row["error"]["message"])) or "" for _, row in pairs)
        return cls(Table.of(record(vertebra, row) for vertebra, row in pairs), errors, code)

    @property
    def table(self) -> Table:
        """Those that finished."""
        return self.rows.rows(np.flatnonzero([not error for error in self.errors]))

    @property
    def refused(self) -> list[str]:
        """Why each of the others did not."""
        return [error for error in self.errors if error]

    @property
    def keys(self) -> list[tuple[int, int]]:
        """Patient and number of each vertebra."""
        return list(zip(self.rows["patient"].astype(int), self.rows["number"].astype(int), strict=True))


def write_rows(path: Path, arms: Mapping[str, VertebraRows]) -> None:
    """Write rows so that reading gives the same numbers to the bit.

    Args:
        path: CSV file.
        arms: name -> rows of an arm of a trial; ``{"": rows}`` of a cohort, whose file has no such column.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = [ARM] if any(arms) else []
        names = list(next(iter(arms.values())).rows.columns)
        writer.writerow([*head, *names, ERROR, CODE])
        for arm, rows in arms.items():
            columns = [[_text(name, value) for value in rows.rows[name].tolist()] for name in names]
            for cells, error in zip(zip(*columns, strict=True), rows.errors, strict=True):
                writer.writerow([*([arm] if head else []), *cells, error, rows.code])


def read_rows(path: Path) -> dict[str, VertebraRows]:
    """Read what :func:`write_rows` has written.

    Raises:
        InputError: the file is missing or no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            read = list(csv.DictReader(file))
        if not read:
            raise ValueError("no rows")
        by_arm: dict[str, list[dict[str, str]]] = {}
        for row in read:
            by_arm.setdefault(row.get(ARM, ""), []).append(row)
        return {arm: _rows(rows) for arm, rows in by_arm.items()}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: is no table of treated vertebrae ({error})") from None


def _rows(rows: list[dict[str, str]]) -> VertebraRows:
    names = [name for name in rows[0] if name not in (ARM, ERROR, CODE)]
    columns = {name: np.array([_number(name, row[name]) for row in rows]) for name in names}
    return VertebraRows(Table(columns), tuple(row[ERROR] for row in rows), rows[0][CODE])


def _text(name: str, value: float) -> str:
    """The shortest text that reads as the same number; the name of a level."""
    if name == LEVEL:
        return LEVELS[int(value)]
    if np.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


def _number(name: str, text: str) -> float:
    if name == LEVEL:
        return float(LEVELS.index(text))
    return float(text) if text else np.nan
