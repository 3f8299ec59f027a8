"""The user's own calorimetry: a CSV file with the conversion of the cement over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.case.measured_columns import Column, read_columns
from experiments.case.units import to_internal
from meshes.errors import InputError

COLUMNS = {
    "time_min": Column("min", 0.0, 180.0, "choose 0 to 180 min, in minutes from mixing"),
    "conversion": Column("1", 0.0, 1.0, "choose 0 to 1, where 1 is all of the monomer"),
}
"""The columns that are read; others are left alone (tag D)."""

_NOISE = 0.02  # by which a measured conversion may fall on a plateau


def read_calorimetry(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read a curve.

    Args:
        path: CSV file with a line of column names, commas between the columns and points in the numbers.

    Returns:
        (k,) times since mixing in s, and (k,) conversions that rise; a plateau counts with its first point.

    Raises:
        InputError: what :func:`experiments.case.measured_columns.read_columns` refuses, or the conversion falls.
    """
    minutes, conversion = read_columns(path, COLUMNS).T
    highest = np.maximum.accumulate(conversion) if len(conversion) else conversion
    if (falls := conversion < highest - _NOISE).any():
        place = minutes[np.argmax(falls)]
        raise InputError(f"{path}: the conversion falls by more than {_NOISE:g} at {place:g} min, but it must rise")
    rises = np.diff(highest, prepend=-1.0) > 0.0
    return to_internal(1.0, "min") * minutes[rises], conversion[rises]
