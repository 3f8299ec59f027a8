"""The table of a sweep: one row per case of the design, with every input and output and their units."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import parquet

from experiments.results.parts.quantities import quantity_of
from experiments.sweep.folder import Row, SweepFolder
from experiments.sweep.paths import CasePath, unit_of
from meshes.errors import InputError

INPUT = "input."
"""What the names of inputs begin with; the rest is the key of the case file."""

FIRST = ("number", "identity", "status", "error")
"""Columns that every table has."""

PLAN = "plan"
"""Key in the metadata of a table whose value is the checksum of the plan that it belongs to."""

OWN_UNITS = {"duration_s": "s"}
"""Columns of the sweep itself -> their unit."""


@dataclass(frozen=True)
class SweepTable:
    """What is known of a sweep at some moment.

    Attributes:
        rows: one row per finished or failed case of the design.
        varied: names of the columns that the sweep varies.
        total: cases of the design.
        declared: whether they are a random sample of declared distributions alone, so that shares are probabilities;
            seeds, which are numbers of equal draws, count as such.
        title: of the sweep.
        code: version of the software.
    """

    rows: pa.Table
    varied: tuple[str, ...]
    total: int
    declared: bool
    title: str
    code: str

    @classmethod
    def read(cls, path: Path) -> SweepTable:
        """Read the folder of a sweep, which may be running.

        The table that the sweep has written is taken as far as it goes; rows that came later are read one by one.

        Raises:
            InputError: it is none, or one that is damaged or cannot be read.
        """
        folder = SweepFolder(path)
        plan = folder.plan()
        try:
            written = _written(folder, plan)
            if written is None:
                return cls.of(plan, folder.rows())
            seen = folder.rows_until(folder.table)
            kept = written.filter(pc.is_in(written["identity"], pa.array(sorted(seen), pa.string())))
            held = set(kept["identity"].to_pylist())
            later = folder.rows(lambda identity: identity not in held)
            if not any(case["identity"] in later for case in plan["cases"]):
                return cls._of_rows(plan, kept)
            try:
                parts = [kept, cls.of(plan, later).rows]
                return cls._of_rows(plan, pa.concat_tables(parts, promote_options="permissive").sort_by("number"))
            except pa.ArrowException:  # a column whose kind depends on all of its values
                return cls.of(plan, folder.rows())
        except OSError as error:
            raise InputError(
                f"{path}: its folder rows/ cannot be read ({error.strerror}); give the whole folder of the sweep"
            ) from None
        except (AttributeError, KeyError, TypeError):
            raise InputError(f"{path}: is damaged or comes from another version; run the sweep again") from None

    @classmethod
    def of(cls, plan: Mapping[str, Any], known: Mapping[str, Row]) -> SweepTable:
        """The table of a plan as ``sweep.json`` has it.

        Args:
            plan: content of ``sweep.json``.
            known: identity -> what is known of the case.
        """
        records: list[dict[str, Any]] = []
        for case in plan["cases"]:
            if (row := known.get(case["identity"])) is not None:
                records.append(_record(case, row))
        columns = dict.fromkeys([*FIRST, *_varied(plan), *(name for record in records for name in record)])
        return cls._of_rows(
            plan, pa.table({name: _array([record.get(name) for record in records]) for name in columns})
        )

    @classmethod
    def _of_rows(cls, plan: Mapping[str, Any], rows: pa.Table) -> SweepTable:
        """The table with the unit of every column in its metadata, and with what belongs to the whole."""
        sweep_file, fields = plan["study"], []
        for field in rows.schema:
            unit = plan["units"].get(field.name.removeprefix(INPUT)) or unit_of_column(field.name)
            fields.append(pa.field(field.name, field.type, metadata={"unit": unit} if _numeric(field.type) else None))
        about = {"title": sweep_file.get("title", ""), "design": sweep_file["design"], "code": plan["code"]}
        schema = pa.schema(fields, metadata={**about, PLAN: _checksum(plan)})
        declared = sweep_file["design"] == "random" and all(
            "distribution" in vary or vary["path"].endswith("seed") for vary in sweep_file["vary"]
        )
        return cls(rows.cast(schema), _varied(plan), len(plan["cases"]), declared, about["title"], about["code"])

    @property
    def failed(self) -> int:
        """How many of the rows are those of failed cases."""
        return sum(status != "finished" for status in self.rows["status"].to_pylist())

    def unit(self, column: str) -> str:
        """Unit of a column, ``""`` where it holds no numbers."""
        metadata = self.rows.schema.field(column).metadata or {}
        return str(metadata.get(b"unit", b"").decode())

    def write(self, path: Path) -> None:
        """Write the rows as Parquet, with the unit of every column in its metadata."""
        parquet.write_table(self.rows, path)


def _varied(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the columns that the sweep varies."""
    return tuple(INPUT + vary["path"] for vary in plan["study"]["vary"])


def _checksum(plan: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _written(folder: SweepFolder, plan: Mapping[str, Any]) -> pa.Table | None:
    """The rows that the sweep has written as Parquet; None where there are none, or those of another plan."""
    try:
        rows = parquet.read_table(folder.table)
    except (OSError, pa.ArrowException):
        return None
    whole = set(FIRST) <= set(rows.column_names)
    return rows if whole and (rows.schema.metadata or {}).get(PLAN.encode()) == _checksum(plan).encode() else None


def unit_of_column(name: str) -> str:
    """Unit of the numbers in a column, ``"1"`` for pure numbers."""
    if name.startswith(INPUT):
        return unit_of(CasePath.parse(name.removeprefix(INPUT)).steps) or "1"
    known = quantity_of(name)
    return OWN_UNITS.get(name, "1") if known is None or not known.unit else known.unit


def label_of_column(name: str) -> str:
    """What people call a column of the results; its own name where it is none of them."""
    known = quantity_of(name)
    return name if known is None else known.label


def _record(case: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Column -> value of one case."""
    outcome, error = row.get("outcome") or {}, row.get("error")
    record = {
        "number": case["number"],
        "identity": case["identity"],
        "status": "failed" if error else "finished",
        "error": f"{error['kind']}: {error['message']}" if error else None,
        **{INPUT + path: _plain(value) for path, value in case["values"].items()},
        **{name: value for name, value in _flat(outcome.get("results", {}), "") if name != "format_version"},
        **dict(_flat(row["inputs"], INPUT.rstrip("."))),
        "duration_s": row["seconds"],
    }
    record |= _flat({key: value for key, value in outcome.items() if key != "results"}, "")
    return record


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves of nested tables with dotted names; tables of a list are counted from 1."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _flat(entry, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        for number, entry in enumerate(value, 1):
            yield from _flat(entry, f"{name}[{number}]")
    else:
        yield name, value


def _plain(value: Any) -> Any:
    """A varied value as one cell: tables as JSON."""
    return json.dumps(value) if isinstance(value, Mapping | list) else value


def _array(values: Sequence[Any]) -> pa.Array:
    """A column; values of different kinds become text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _numeric(kind: pa.DataType) -> bool:
    while pa.types.is_list(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)
