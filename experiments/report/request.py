"""What was asked of a case: the plan in short, every key of the case file, and every value of the laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.case.keys import Key, all_keys
from experiments.case.schema import DERIVED, Case
from experiments.report.content import Table, pairs
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.manifest import NeedleRecord, ValueRecord
from experiments.results.wording import given, place, plain, words

TAG_NOTE = (
    "Tags: S read in the cited source, M general knowledge that was not checked against it, D derived or a choice of "
    "the project; user: given in the case file."
)


def plan_table(case: FinishedCase) -> Table:
    """The patient and the plan in a few lines."""
    asked, patient = case.manifest.case, case.manifest.patient
    whose = "demo patient" if asked["patient"]["demo"] else Path(asked["patient"]["ct"]).name
    numbers = f"label {patient.label} of {patient.label_map}"
    if patient.label_map == "parts":
        numbers = patient.label_map_reason
    elif patient.label_map in ("segments", "named"):
        numbers = f"label {patient.label}, {patient.label_map_reason}"
    rows = [("patient", f"{patient.level} of {whose}, {numbers}")]
    if case.results.scan is not None:
        return pairs("Patient", [*rows, ("cement", f"told by {case.results.scan.source} in the CT")])
    if (prescribed := case.results.prescribed_cement) is None:
        rows += _injection_rows(asked, case.manifest.needles or ())
    else:
        rows.append(("cement", f"prescribed by {prescribed.source}"))
    rows += [
        (f"defect {index}", f"{words(defect['wall'])}: {_shape('defects', defect, 'wall')}")
        for index, defect in enumerate(asked["defects"], 1)
    ]
    for table, name in (("lesions", "lesion"), ("cavities", "cavity")):
        rows += [(f"{name} {index}", _shape(table, entry)) for index, entry in enumerate(asked[table], 1)]
    mechanics = asked["mechanics"]
    if mechanics["enabled"]:
        bearing = f"between {mechanics['plates']} plates,"
        if mechanics["load_case"] == "pressure":
            bearing = f"on a {mechanics['plates']} plate, stiffness between two,"
        rows.append(
            (
                "mechanics",
                f"the {mechanics['domain']} {bearing} load case "
                f"{_asked(asked, 'mechanics.load_case')}: {', '.join(_load_of(asked))}",
            )
        )
    return pairs("Plan and patient", rows)


def case_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Every key of the case file that has a value, with unit, meaning and where the value is from."""
    known = all_keys(Case)
    defaults, written = case.manifest.defaults, case.manifest.written
    tables = []
    for name, content in case.manifest.case.items():
        entries = content if isinstance(content, list) else [content]
        for index, entry in enumerate(entries, 1):
            table = f"{name}[{index}]" if isinstance(content, list) else name
            if not isinstance(entry, Mapping) or name == "laws":
                continue
            rows = tuple(
                _row(
                    key,
                    value,
                    known.get(f"{name}.{key}"),
                    defaults.get(f"{table}.{key}"),
                    written=any(f"{place}.".startswith(f"{table}.{key}.") for place in written),
                )
                for key, value in entry.items()
                if value not in (None, [], {})
            )
            if rows:
                heading = f"[[{name}]] {index}" if isinstance(content, list) else f"[{name}]"
                tables.append(Table(heading, ("key", "value", "unit", "meaning", "from"), rows, numeric=frozenset({1})))
    return tuple(tables)


def law_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Every value of the laws with unit, range, tag and source, one table for each law."""
    laws = {name: entry for name, entry in case.manifest.defaults.items() if entry.is_of_a_law}
    groups: dict[str, list[tuple[str, ...]]] = {}
    for name, entry in sorted({**laws, **case.manifest.given}.items()):
        unit = "" if entry.unit == "1" else entry.unit
        bounds = f"{plain(entry.low)} to {plain(entry.high)}"
        row = (name, plain(entry.value), unit, bounds, entry.tag, entry.source)
        groups.setdefault(name.split(".")[0], []).append(row)
    columns = ("value of the law", "value", "unit", "allowed", "tag", "source")
    return tuple(Table(words(law), columns, tuple(rows), numeric=frozenset({1})) for law, rows in groups.items())


def _injection_rows(asked: Mapping[str, Any], needles: Sequence[NeedleRecord]) -> list[tuple[str, str]]:
    limits = (
        f"syringe pressure at most {_asked(asked, 'injection.pressure_limit_kpa')}, leak at most "
        f"{_asked(asked, 'injection.leak_limit_ml')} at a site"
    )
    rows = [
        (
            "injection",
            f"{_asked(asked, 'injection.volume_ml')} at {_asked(asked, 'injection.rate_ml_per_min')} per needle; "
            f"{limits}",
        ),
        (
            "cement",
            f"{_asked(asked, 'cement.viscosity')} viscosity, injected "
            f"{_asked(asked, 'cement.injected_after_mixing_min')} after mixing",
        ),
    ]
    for index, (plan, lies) in enumerate(zip(asked["needles"], needles, strict=True), 1):
        rows.append(
            (
                f"needle {index}",
                f"{plan['gauge']} gauge, {plan['approach']} from the {plan['side']}; camber "
                f"{lies.camber_deg:.0f}°, sagittal {lies.sagittal_deg:.0f}°; tip {place(lies.tip_mm)} of the "
                "body's centroid",
            )
        )
    return rows


def _load_of(asked: Mapping[str, Any]) -> list[str]:
    """What the load case goes by, with units."""
    told = [_asked(asked, "mechanics.load_n")]
    match asked["mechanics"]["load_case"]:
        case "point":
            told += [f"{name} {_asked(asked, f'mechanics.load_{name}')}" for name in ("left", "depth")]
        case "flexion" | "lateral":
            told.append(_asked(asked, "mechanics.moment_nm"))
    return told


def _asked(asked: Mapping[str, Any], path: str) -> str:
    """The value of a key with its unit."""
    table, _, name = path.partition(".")
    return given(asked[table][name], _unit(all_keys(Case)[path]))


def _shape(table: str, entry: Mapping[str, Any], *hidden: str) -> str:
    """The keys of a table that have a value, in one line, with units instead of the endings of the keys."""
    told = []
    for key in all_keys(Case).values():
        name = key.name
        if key.path == f"{table}.{name}" and name not in hidden and entry.get(name) not in (None, []):
            unit = _unit(key)
            told.append(f"{words(name.removesuffix(f'_{unit.lower()}'))} {_shown(entry[name], key)} {unit}".rstrip())
    return ", ".join(told)


def _row(name: str, value: Any, key: Key | None, default: ValueRecord | None, *, written: bool) -> tuple[str, ...]:
    """Key, value, unit, meaning and origin of one value of the case file."""
    if default is not None:
        tag = default.tag
        origin = f"{tag if tag == DERIVED else f'default ({tag})'}: {default.source}"
    else:
        origin = "case file" if written else "as by default"
    return name, _shown(value, key), _unit(key), "" if key is None else key.meaning, origin


def _shown(value: Any, key: Key | None) -> str:
    """A value as text; a file without its folder, which is nobody's business when the page is passed on."""
    return Path(value).name if key is not None and key.file and value is not None else plain(value)


def _unit(key: Key | None) -> str:
    """Clinical unit of a key; empty where it has none."""
    return "" if key is None or key.unit == "1" else key.unit
