"""The sample that a sweep has drawn, or the design that it follows, with what is finished of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from experiments.analysis.factor import Factor, readable
from experiments.analysis.table import cell
from experiments.case.sections.base import joined
from experiments.results.parts.quantities import quantity_of
from experiments.results.wording import LEAST_LEAK_ML, heading
from experiments.sweep.design import number_of_cases, quantiles, sample
from experiments.sweep.folder import SweepFolder
from experiments.sweep.quantile_bands import HEADLINES
from experiments.sweep.sweep_file import LISTED, SweepFile
from experiments.sweep.table import INPUT, SweepTable
from meshes.errors import InputError

VERTEBRA = tuple(f"{INPUT}patient.{key}" for key in ("demo", "ct", "mask", "level", "labels"))
"""Columns that tell vertebrae apart."""

CONSTANT, LITTLE = 1e-9, 0.01
"""Spread of an output up to which it counts as constant, and up to which it is analysed only if asked for: what
rounding makes, and what another mesh makes (tag D)."""


@dataclass(frozen=True)
class Output:
    """An output of the finished cases.

    Attributes:
        column: of the sweep's table.
        name: for people.
        unit: of its values.
        values: (cases,) by case of the design, NaN where a case has none.
    """

    column: str
    name: str
    unit: str
    values: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The name with the unit."""
        return heading(self.name, self.unit)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(cases,) which cases have it."""
        return np.isfinite(self.values)

    @property
    def spread(self) -> float:
        """Range of the known values relative to the largest of them."""
        values = self.values[self.known]
        return float(np.ptp(values) / max(np.abs(values).max(), np.finfo(float).tiny))


@dataclass(frozen=True)
class Sample:
    """The cases of a sweep and what varies between them.

    Attributes:
        sweep_file: the sweep file.
        table: the rows that are known.
        total: cases of the design.
        factors: the varied inputs that have more than one value.
        case_indices: (rows,) case of the design, from 0, that each finished row is of.
        rows: the finished rows.
    """

    sweep_file: SweepFile
    table: SweepTable
    total: int
    factors: tuple[Factor, ...]
    case_indices: NDArray[np.int64]
    rows: pa.Table

    @classmethod
    def read(cls, path: Path) -> Sample:
        """Read the folder of a sweep, which may be running.

        Raises:
            InputError: it is none, a damaged one, or has no finished case yet.
        """
        folder = SweepFolder(path)
        plan = folder.plan()
        table = SweepTable.read(path)
        if table.rows.num_rows == table.failed:
            state = f"all {table.failed} cases so far failed" if table.failed else "no case is finished yet"
            raise InputError(f"{path}: {state}; let 'vertebroplasty sweep' finish some and analyse again")
        try:
            return cls.of(plan, table)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise InputError(f"{path}: is damaged or comes from another version; run the sweep again") from None

    @classmethod
    def of(cls, plan: Mapping[str, Any], table: SweepTable) -> Sample:
        """The sample of a plan as ``sweep.json`` has it."""
        sweep_file = sweep_file_of(plan["study"])
        if [case["number"] for case in plan["cases"]] != list(range(1, number_of_cases(sweep_file) + 1)):
            raise ValueError("the cases are not those of the design")
        factors = [
            Factor.of(vary, plan["units"].get(vary.path, ""), [case["values"][vary.path] for case in plan["cases"]])
            for vary in sweep_file.vary
        ]
        rows = table.rows.filter(pc.equal(table.rows["status"], "finished")).sort_by("number")
        case_indices = np.array(rows["number"], dtype=np.int64) - 1
        varying = tuple(factor for factor in factors if len(factor.levels) > 1)
        return cls(sweep_file, table, len(plan["cases"]), varying, case_indices, rows)

    @property
    def finished(self) -> int:
        """Cases that are finished."""
        return self.rows.num_rows

    @property
    def missing(self) -> int:
        """Cases that are neither finished nor failed."""
        return self.total - self.table.rows.num_rows

    def output(self, column: str) -> Output:
        """One output.

        Raises:
            InputError: the table has no such column, or no numbers in it.
        """
        if column not in self.rows.column_names or column.startswith(INPUT):
            raise InputError(
                f"--output {column}: the table has no such output; 'vertebroplasty results DIR --columns' lists them"
            )
        kind = self.rows.schema.field(column).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise InputError(f"--output {column}: holds {kind} and no single numbers; choose another column")
        unit = self.table.unit(column)
        known = quantity_of(column)
        name = readable(column, unit) if known is None else known.label
        return Output(column, name, unit, self.by_case(self.rows[column]))

    def outputs(self, columns: Sequence[str] = ()) -> tuple[list[Output], list[str]]:
        """The outputs to analyse, and what is to be said of those that are left out.

        Args:
            columns: those that are asked for; by default the headlines of the results.

        Raises:
            InputError: one that is asked for is unknown, is no number, or is the same in all cases.
        """
        found, left_out = [], []
        for column in dict.fromkeys(columns) or [name for name in HEADLINES if name in self.rows.column_names]:
            output = self.output(column)
            if not output.known.any():
                left_out.append(f"{output.name} is in none of the finished cases")
            elif output.spread <= CONSTANT:
                value = float(output.values[output.known][0])
                left_out.append(f"{output.label} is {cell(value)} in all of the finished cases")
            elif output.unit == "ml" and np.nanmax(np.abs(output.values)) <= LEAST_LEAK_ML:
                left_out.append(f"{output.name} is at most {LEAST_LEAK_ML:g} ml in all of the finished cases")
            elif output.spread <= LITTLE and not columns:
                varies = f"{output.name} varies by {100.0 * output.spread:.1g} %, as between meshes"
                left_out.append(f"{varies}; --output {column} shows it")
            else:
                found.append(output)
                continue
            if columns:
                raise InputError(f"--output {column}: {left_out[0]}, so nothing can be said of it; choose another")
        return found, [f"{sentence}." for sentence in left_out]

    def by_case(self, values: Any) -> NDArray[np.float64]:
        """(cases,) a column of the finished rows by case of the design, NaN where there is none."""
        found = np.full(self.total, np.nan)
        found[self.case_indices] = values.cast(pa.float64()).to_numpy()
        return found

    @property
    def vertebrae(self) -> NDArray[np.int64]:
        """(rows,) number of the vertebra of every finished row."""
        return grouped([self.rows[name].to_pylist() for name in VERTEBRA if name in self.rows.column_names])

    @property
    def different_vertebrae(self) -> int:
        """How many vertebrae the finished rows are of."""
        return len(np.unique(self.vertebrae))

    @property
    def patients(self) -> NDArray[np.int64]:
        """(rows,) number of the patient of every finished row: a vertebra with all varied values of a patient."""
        columns = [self.vertebrae.tolist()]
        columns += [
            factor.codes[self.case_indices].tolist()
            for factor in self.factors
            if factor.kind == "patient" and not factor.vary.crossed
        ]
        return grouped(columns)

    def design_points(self) -> NDArray[np.float64]:
        """(points, sampled values) the design's points in the unit cube, drawn again.

        Raises:
            InputError: the installed libraries draw other points than those of the sweep.
        """
        points = sample(self.sweep_file)
        sampled = [vary.path for vary in self.sweep_file.vary if not vary.crossed]
        for factor in self.drawn:
            if factor.numbers is None:
                continue
            again = np.array(quantiles(factor.vary, points[:, sampled.index(factor.path)]), dtype=float)
            had = factor.numbers[:: self.total // len(points)]
            scale = np.median(had / again) if factor.vary.relative else 1.0
            if not np.allclose(scale * again, had, rtol=1e-6):
                raise InputError(
                    f"{factor.path}: the installed libraries draw other values than the sweep has; analyse it with the "
                    "versions that ran it, or run it again"
                )
        return points

    def points(self) -> NDArray[np.float64]:
        """(cases, factors) share of probability below the value of each factor; 0 for those that are crossed.

        Raises:
            InputError: see :meth:`design_points`.
        """
        drawn = self.design_points()
        sampled = [vary.path for vary in self.sweep_file.vary if not vary.crossed]
        found = np.zeros((self.total, len(self.factors)))
        for index, factor in enumerate(self.factors):
            if not factor.vary.crossed:
                found[:, index] = np.repeat(drawn[:, sampled.index(factor.path)], self.total // len(drawn))
        return found

    @property
    def clusters(self) -> NDArray[np.int64]:
        """(cases,) number of the drawn point that a case follows: blocks of a Sobol design, draws that are crossed."""
        sizes = {"sobol": len(self.sweep_file.vary) + 2, "morris": len(self.sweep_file.vary) + 1}
        size = sizes.get(self.sweep_file.design, self.total // (self.sweep_file.count or self.total))
        return np.arange(self.total) // size

    @property
    def drawn(self) -> tuple[Factor, ...]:
        """The factors that are sampled, without those that every sampled case is crossed with."""
        return tuple(factor for factor in self.factors if not factor.vary.crossed)

    def about(self) -> list[str]:
        """What kind of sample this is, in sentences."""
        count, name = self.different_vertebrae, DESIGNS[self.sweep_file.design]
        sentences = [
            f"{name[0].upper()}{name[1:]}: {self.finished} of {self.total} cases finished, {self.table.failed} "
            f"failed, {self.missing} not run yet."
        ]
        if count == 1:
            sentences.append("1 vertebra: nothing here generalises over patients.")
        else:
            sentences.append(f"{count} distinct vertebrae.")
            if self.sweep_file.design not in LISTED:
                sentences.append(
                    "Intervals hold for these vertebrae only, unless their table says that it draws vertebrae again."
                )
        if self.missing and self.sweep_file.design not in LISTED:
            sentences.append("The sweep is not finished, and short cases finish first: the numbers will move.")
        return sentences

    def why_no_probabilities(self) -> str | None:
        """Why shares of these cases are no probabilities, None where they are."""
        if self.sweep_file.design != "random":
            return f"A {DESIGNS[self.sweep_file.design]} has no probabilities, p-values or cut-offs"
        listed = [factor.path for factor in self.drawn if factor.vary.distribution is None]
        if listed:
            have = "has" if len(listed) == 1 else "have"
            return f"{joined(listed)} {have} no declared distribution, so that shares of the cases are no probabilities"
        if model := [factor.path for factor in self.drawn if factor.kind == "model"]:
            are = "is" if len(model) == 1 else "are"
            return f"{joined(model)} {are} neither a patient's nor a procedure's, so that shares are no probabilities"
        return None

    def arms(self) -> dict[str, NDArray[np.bool_]]:
        """Name -> (rows,) the finished rows of each combination of crossed values; one arm where nothing is crossed."""
        crossed = [factor for factor in self.factors if factor.vary.crossed]
        names = [
            ", ".join(factor.levels[factor.codes[index]] for factor in crossed) or "all" for index in self.case_indices
        ]
        return {name: np.array([other == name for other in names]) for name in sorted(set(names))}


DESIGNS = {
    "grid": "grid",
    "zipped": "zipped list",
    "random": "random sample",
    "latin-hypercube": "Latin hypercube",
    "sobol": "Sobol design",
    "morris": "Morris design",
}
"""Design -> what people call it."""


def sweep_file_of(content: Mapping[str, Any]) -> SweepFile:
    """The sweep file from what ``sweep.json`` has of it, defaults included."""
    vary = [{key: value for key, value in entry.items() if value is not False} for entry in content["vary"]]
    return SweepFile.model_validate({**content, "vary": vary})


def grouped(columns: Sequence[Sequence[Any]]) -> NDArray[np.int64]:
    """(rows,) the same number for rows that are equal in all columns, counted by first use."""
    numbers: dict[tuple[str, ...], int] = {}
    keys = [tuple(str(value) for value in row) for row in zip(*columns, strict=True)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
