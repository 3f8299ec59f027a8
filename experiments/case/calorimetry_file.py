"""The user's own calorimetry: a CSV file with the conversion of the cement over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.case.units import to_internal
from meshes.errors import InputError

COLUMNS = ("time_min", "conversion")
"""The columns that are read; others are left alone."""

_NOISE = 0.02  # by which a measured conversion may fall on a plateau


def read_calorimetry(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read a curve.

    Args:
        path: CSV file with a line of column names, commas between the columns and points in the numbers.

    Returns:
        (k,) times since mixing in s, and (k,) conversions.

    Raises:
        InputError: the file cannot be read, lacks a column, or holds something that is no number, or the
            conversion falls.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, encoding="utf-8-sig", skipinitialspace=True)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: cannot be read as a CSV file ({error}); save the table as CSV in UTF-8") from None
    if missing := [name for name in COLUMNS if name not in table]:
        raise InputError(
            f"{path}: the column {missing[0]} is missing; the first line must name the columns {','.join(COLUMNS)}, "
            "with commas between them and points in the decimals"
        )
    columns = []
    for name in COLUMNS:
        numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            line = int(np.argmin(np.isfinite(numbers))) + 2
            raise InputError(f"{path}: line {line} has no number in the column {name}")
        columns.append(numbers)
    time, conversion = to_internal(1.0, "min") * columns[0], columns[1]
    # On a plateau nothing converts: its first point says all.
    rises = np.concatenate([[True], np.diff(np.maximum.accumulate(conversion)) > 0.0])
    falls = conversion < np.maximum.accumulate(conversion) - _NOISE
    if falls.any():
        place = columns[0][np.argmax(falls)]
        raise InputError(f"{path}: the conversion falls by more than {_NOISE:g} at {place:g} min, but it must rise")
    return time[rises], conversion[rises]
