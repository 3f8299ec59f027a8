"""What was asked of a case: the plan in short, every key of the case file, and every value of the laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from experiments.case.schema import Case
from experiments.case.sections import Cavity, Defect, Lesion
from experiments.case.sections.base import InputPath, Section
from experiments.report.content import Table, pairs
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import given, place, plain, words

CASE_TABLES: Mapping[str, type[Section]] = {"defects": Defect, "lesions": Lesion, "cavities": Cavity}
"""Tables that the plan tells in one line each."""

TAG_NOTE = (
    "Tags: S read in the cited source, M general knowledge that was not checked against it, D derived or a choice of "
    "the project; user: given in the case file."
)


def plan_table(case: FinishedCase) -> Table:
    """The patient and the plan in a few lines."""
    asked, patient = case.manifest["case"], case.manifest["patient"]
    whose = "demo patient" if asked["patient"]["demo"] else Path(asked["patient"]["ct"]).name
    rows = [("patient", f"{patient['level']} of {whose}, label {patient['label']} of {patient['label_map']}")]
    if case.injected:
        rows += _injection_rows(asked, case.manifest["needles"])
    else:
        rows.append(("cement", f"prescribed by {case.results['prescribed_cement']['source']}"))
    rows += [
        (f"defect {index}", f"{words(defect['wall'])}: {_shape('defects', defect, 'wall')}")
        for index, defect in enumerate(asked["defects"], 1)
    ]
    for table, name in (("lesions", "lesion"), ("cavities", "cavity")):
        rows += [(f"{name} {index}", _shape(table, entry)) for index, entry in enumerate(asked[table], 1)]
    mechanics = asked["mechanics"]
    if mechanics["enabled"]:
        rows.append(
            (
                "mechanics",
                f"the {mechanics['domain']} between {mechanics['plates']} plates, axial load "
                f"{given(mechanics['load_n'], 'N')}",
            )
        )
    return pairs("Plan and patient", rows)


def case_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Every key of the case file that has a value, with unit, meaning and where the value is from."""
    known = dict(_keys(Case, ""))
    defaults = case.manifest["defaults"]
    tables = []
    for name, content in case.manifest["case"].items():
        entries = content if isinstance(content, list) else [content]
        for index, entry in enumerate(entries, 1):
            table = f"{name}[{index}]" if isinstance(content, list) else name
            if not isinstance(entry, Mapping) or name == "laws":
                continue
            rows = tuple(
                _row(key, value, known.get(f"{name}.{key}"), defaults.get(f"{table}.{key}"))
                for key, value in entry.items()
                if value not in (None, [], {})
            )
            if rows:
                heading = f"[[{name}]] {index}" if isinstance(content, list) else f"[{name}]"
                tables.append(Table(heading, ("key", "value", "unit", "meaning", "from"), rows, numeric=frozenset({1})))
    return tuple(tables)


def law_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Every value of the laws with unit, range, tag and source, one table for each law."""
    laws = {name: entry for name, entry in case.manifest["defaults"].items() if "low" in entry}
    groups: dict[str, list[tuple[str, ...]]] = {}
    for name, entry in sorted({**laws, **case.manifest["given"]}.items()):
        unit = "" if entry["unit"] == "1" else entry["unit"]
        bounds = f"{plain(entry['low'])} to {plain(entry['high'])}"
        row = (name, plain(entry["value"]), unit, bounds, entry["tag"], entry["source"])
        groups.setdefault(name.split(".")[0], []).append(row)
    columns = ("value of the law", "value", "unit", "allowed", "tag", "source")
    return tuple(Table(words(law), columns, tuple(rows), numeric=frozenset({1})) for law, rows in groups.items())


def _injection_rows(asked: Mapping[str, Any], needles: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
    injection, cement = asked["injection"], asked["cement"]
    limits = (
        f"syringe pressure at most {given(injection['pressure_limit_kpa'], 'kPa')}, leak at most "
        f"{given(injection['leak_limit_ml'], 'ml')} at a site"
    )
    rows = [
        (
            "injection",
            f"{given(injection['volume_ml'], 'ml')} at {given(injection['rate_ml_per_min'], 'ml/min')} per needle; "
            f"{limits}",
        ),
        (
            "cement",
            f"{plain(cement['viscosity'])} viscosity, injected {given(cement['injected_after_mixing_min'], 'min')} "
            "after mixing",
        ),
    ]
    for index, (plan, lies) in enumerate(zip(asked["needles"], needles, strict=True), 1):
        rows.append(
            (
                f"needle {index}",
                f"{plan['gauge']} gauge, {plan['approach']} from the {plan['side']}; camber "
                f"{lies['camber_deg']:.0f}°, sagittal {lies['sagittal_deg']:.0f}°; tip {place(lies['tip_mm'])} of the "
                "body's centroid",
            )
        )
    return rows


def _shape(table: str, entry: Mapping[str, Any], *hidden: str) -> str:
    """The keys of a table that have a value, in one line, with units instead of the endings of the keys."""
    told = []
    for key, info in _keys(CASE_TABLES[table], ""):
        if "." not in key and key not in hidden and entry.get(key) not in (None, []):
            unit = _unit(info)
            told.append(f"{words(key.removesuffix(f'_{unit.lower()}'))} {_shown(entry[key], info)} {unit}".rstrip())
    return ", ".join(told)


def _row(key: str, value: Any, info: FieldInfo | None, default: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Key, value, unit, meaning and origin of one value of the case file."""
    unit = "" if info is None else _unit(info)
    meaning = "" if info is None else (info.description or "").removesuffix(f" [{unit or 1}]")
    if default is not None:
        origin = f"default ({default['tag']}): {default['source']}"
    elif info is not None and "tag" not in _extra(info) and value == info.get_default(call_default_factory=True):
        origin = "as by default"
    else:
        origin = "case file"
    return key, _shown(value, info), unit, meaning, origin


def _shown(value: Any, info: FieldInfo | None) -> str:
    """A value as text; a file without its folder, which is nobody's business when the page is passed on."""
    named = info is not None and InputPath in get_args(info.annotation)
    return Path(value).name if named and value is not None else plain(value)


def _unit(info: FieldInfo) -> str:
    """Clinical unit of a key; empty where it has none."""
    unit = str(_extra(info).get("unit", ""))
    return "" if unit == "1" else unit


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _keys(model: type[Section], place: str) -> Iterator[tuple[str, FieldInfo]]:
    """The declared keys below ``place`` with what is known of them."""
    for key, info in model.model_fields.items():
        yield f"{place}{key}", info
        if (inner := _section_in(info.annotation)) is not None:
            yield from _keys(inner, f"{place}{key}.")


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part)) is not None), None)
