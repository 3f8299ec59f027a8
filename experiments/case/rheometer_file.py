"""The user's own rheometer data: a CSV file with one measurement a line, and what a run should say about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.case.measured_columns import Column, read_columns
from experiments.case.units import to_clinical, to_internal
from fem.injection.plan import InjectionPlan
from materials.rheometer import TabulatedCement
from meshes.errors import InputError

COLUMNS = {
    "age_min": Column("min", 0.0, 180.0, "choose 0 to 180 min, in minutes from mixing"),
    "shear_rate_per_s": Column("1/s", math.ulp(0.0), math.inf, "it must be above 0 1/s"),
    "viscosity_pa_s": Column("Pa s", 1e-3, 1e6, "choose 0.001 to 1000000 Pa s, where 1 Pa s is 1000 mPa s"),
}
"""The columns that are read; others are left alone. Ranges are wide, to catch slips in the unit (tag D)."""

LEAST_ROWS = 4
"""Measurements that a cement needs at least, at two ages and two shear rates or more."""

FALL_WARNING = 0.1
"""Share of its viscosity that cement may lose as it ages, by the table, before the run warns (tag D)."""

MISFIT_WARNING = 0.5
"""Relative deviation of the fitted power laws from a measured viscosity above which the run warns (tag D)."""

_ROUNDING = 1.0  # s by which an injection that ends with the table may outlast it


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
        InputError: the file cannot be read, lacks a column or names it twice, has a line with more fields than names,
            holds something that is no number or out of range, or has too few rows, ages or shear rates to tell how the
            cement ages and thins.
    """
    table = read_columns(path, COLUMNS)
    _check_enough(table, path)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    age, shear_rate, viscosity = (
        np.array([to_internal(value, column.unit) for value in values])
        for values, column in zip(table.T, COLUMNS.values(), strict=True)
    )
    return RheometerData(age, shear_rate, viscosity)


def table_warnings(cement: TabulatedCement, plan: InjectionPlan, duration: float) -> list[str]:
    """What a reader of the results should know about the table and how the injection has used it.

    Args:
        cement: the laws fitted to the table.
        plan: with the age of the cement at the start and its clocks.
        duration: of the injection in s.
    """
    found = []
    ages = np.asarray(cement.age, dtype=float)
    first, last, start = ages.min(), ages.max(), plan.syringe_ageing * plan.start_age
    if start < first:
        found.append(
            f"the injection begins {_minutes(start)} min after mixing by the cement's own clock, before the "
            f"rheometer's first age of {_minutes(first)} min, whose viscosity is used until then"
        )
    clocks = {"in the bone at body temperature": plan.body_ageing, "in the syringe": plan.syringe_ageing}
    times = {place: max((last - start) / ageing, 0.0) for place, ageing in clocks.items()}
    if late := [
        f"{place} from {_minutes(time)} min of the injection on"
        for place, time in times.items()
        if duration > time + _ROUNDING
    ]:
        found.append(
            f"cement is older than the rheometer's last age of {_minutes(last)} min, by its own clock, "
            f"{' and '.join(late)}; it keeps the table's last viscosity there, so measure for longer"
        )
    fall = cement.largest_fall
    if fall.share > FALL_WARNING:
        found.append(
            f"by the rheometer table the viscosity at {fall.shear_rate:g} 1/s falls from "
            f"{to_clinical(fall.before, 'Pa s'):.3g} Pa s at {_minutes(fall.start)} min to "
            f"{to_clinical(fall.after, 'Pa s'):.3g} Pa s at {_minutes(fall.end)} min, but cement thickens as it ages; "
            "check the ages"
        )
    index = cement.index(ages)
    if index.max() > 1.0:
        found.append(
            f"by the rheometer table the viscosity rises with the shear rate at {_minutes(ages[index.argmax()])} min "
            f"(power-law index {index.max():.2f}), but cement thins; check for noise or slip"
        )
    if cement.largest_misfit > MISFIT_WARNING:
        found.append(
            f"the power laws fitted to the rheometer table miss its viscosities by up to "
            f"{100.0 * cement.largest_misfit:.0f} %; check for noise and outliers"
        )
    return found


def _minutes(seconds: float) -> str:
    return f"{to_clinical(seconds, 'min'):.1f}"


def _check_enough(table: NDArray[np.float64], path: Path) -> None:
    """Refuse a table (n, 3) from which ageing and shear-thinning cannot be told."""
    if len(table) < LEAST_ROWS:
        raise InputError(f"{path}: has {len(table)} measurements; at least {LEAST_ROWS} are needed")
    for column, name, what in ((0, "ages", "ageing"), (1, "shear rates", "shear-thinning")):
        if len(np.unique(table[:, column])) < 2:
            raise InputError(f"{path}: all measurements have one of the {name}; the {what} needs two {name} at least")
