"""The cases of a sweep: every one checked and identified before any of them runs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomlkit

from experiments.case.identity import case_identity, checksum, code_version
from experiments.case.laws import Laws
from experiments.case.schema import CASES, Case, build_case, read_case
from experiments.case.sections.base import joined
from experiments.sweep.design import combinations
from experiments.sweep.paths import CasePath
from experiments.sweep.sweep_file import SweepFile, read_sweep_file
from meshes.errors import InputError

DEMO = "demo"
"""Value of ``base.case`` that stands for the case of ``vertebroplasty demo``."""


@dataclass(frozen=True)
class SweepCase:
    """One case of a sweep.

    Attributes:
        number: its place in the design, from 1.
        identity: SHA-256 of the case, its inputs and the code; equal cases of a design run once.
        values: varied path -> value, or its name where the sweep file names the values.
        content: what the case file of this very case says, with absolute paths of files.
    """

    number: int
    identity: str
    values: Mapping[str, Any]
    content: Mapping[str, Any]

    def case_file(self, remark: str) -> str:
        """The case as a TOML file that ``vertebroplasty run`` takes, with ``remark`` as a comment above it."""
        comment = "".join(f"# {line}\n" for line in remark.splitlines())
        return f"{comment}\n{tomlkit.dumps(dict(self.content))}"


@dataclass(frozen=True)
class Plan:
    """All cases of a sweep.

    Attributes:
        sweep_file: the sweep file.
        cases: in the order of the design.
        units: varied path -> unit.
        code: version of the software that the identities hold.
    """

    sweep_file: SweepFile
    cases: tuple[SweepCase, ...]
    units: Mapping[str, str]
    code: str

    @property
    def different(self) -> dict[str, SweepCase]:
        """Identity -> the first case that has it."""
        first: dict[str, SweepCase] = {}
        for case in self.cases:
            first.setdefault(case.identity, case)
        return first


def read_plan(file: Path) -> Plan:
    """Read a sweep file and build and check every case of it.

    Args:
        file: TOML file; relative paths inside it count from its folder.

    Raises:
        InputError: the file or the base case cannot be used, a path is wrong, or a case has a value out of range.
    """
    return plan_cases(read_sweep_file(file), file.name, file.parent)


def plan_cases(sweep_file: SweepFile, name: str, folder: Path) -> Plan:
    """Build and check every case of a sweep.

    Args:
        sweep_file: the sweep file.
        name: how messages call it.
        folder: where its relative paths count from.

    Raises:
        InputError: the base case cannot be used, a path is wrong, or a case has a value out of range.
    """
    base, content = _base(sweep_file, name, folder)
    paths = [CasePath.parse(vary.path) for vary in sweep_file.vary]
    factors = [
        _base_value(path, base, name) if vary.relative else None
        for path, vary in zip(paths, sweep_file.vary, strict=True)
    ]
    remembered = cache(checksum)
    cases = []
    for number, row in enumerate(combinations(sweep_file), 1):
        values = [value if factor is None else factor * value for value, factor in zip(row, factors, strict=True)]
        own = copy.deepcopy(content)
        # A table before the values inside it, which it would replace
        for path, value in sorted(zip(paths, values, strict=True), key=lambda item: len(item[0].steps)):
            path.put(own, copy.deepcopy(value))
        names = [vary.name_of(value) for vary, value in zip(sweep_file.vary, row, strict=True)]
        given = {path.text: name or value for path, name, value in zip(paths, names, values, strict=True)}
        case = build_case(own, f"{name}, case {number} with {_shown(given)}", folder)
        Laws.of_case(case)
        cases.append(SweepCase(number, case_identity(case, remembered).case, given, given_tables(case)))
    units = {path.text: path.unit(build_case(dict(cases[0].content))) for path in paths}
    return Plan(sweep_file, tuple(cases), units, code_version())


def _base(sweep_file: SweepFile, name: str, folder: Path) -> tuple[Case, dict[str, Any]]:
    """The base case, and its tables with absolute paths."""
    tables = copy.deepcopy(sweep_file.base)
    source = tables.pop("case", None)
    if source is None:
        case = build_case(tables, f"{name}, [base]", folder)
    elif not isinstance(source, str):
        raise InputError(f'{name}: base.case = {source!r} must be a path in quotation marks, or "{DEMO}"')
    else:
        path = CASES / "demo.toml" if source == DEMO else folder / Path(source).expanduser()
        below = given_tables(read_case(path))
        if source == DEMO:
            # Temperatures cost a sweep more than they tell; one that asks for them says so.
            below.pop("heat", None)
        case = build_case(_merged(below, tables), f"{name}, [base] on {path.name}", folder)
    return case, given_tables(case)


def given_tables(case: Case) -> dict[str, Any]:
    """The tables that the case file gives, with absolute paths of files: ``build_case`` makes the same case of them.

    The total volume stays out where it follows from the needles' own, so that these can vary.
    """
    content = case.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    volumes = [needle.own_volume_ml or math.nan for needle in case.needles]
    if content.get("injection", {}).get("volume_ml") == math.fsum(volumes):
        del content["injection"]["volume_ml"]
    return {key: value for key, value in content.items() if value not in ({}, [])}


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``below`` with the values of ``above``; tables are merged, lists replaced."""
    merged = dict(below)
    for key, value in above.items():
        deeper = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if deeper else value
    return merged


def _base_value(path: CasePath, base: Case, name: str) -> float:
    value = path.value(base)
    if isinstance(value, bool) or not isinstance(value, int | float) or value == 0:
        raise InputError(
            f"{name}: {path.text} is varied by factors, but the base case has {value!r} there; give the base case a "
            "number other than 0, or leave relative out"
        )
    return value


def _shown(values: Mapping[str, Any]) -> str:
    return joined(
        [f"{path} = {value:.6g}" if isinstance(value, float) else f"{path} = {value}" for path, value in values.items()]
    )
