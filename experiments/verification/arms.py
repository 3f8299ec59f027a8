"""Arms of a comparison: one set-up each, run on many patients who differ in veins and in the scatter of their bone.

An arm says what it changes in :data:`BASE`; patient number n has network n and heterogeneity n in every arm, so that
arms are paired. All arms are one sweep, whose folder keeps every finished case: what is stopped goes on with the same
command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from experiments.case.identity import case_identity, checksum, code_version
from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.sweep.cases import Plan, SweepCase, given_tables
from experiments.sweep.folder import SweepFolder
from experiments.sweep.sweep_file import SweepFile, Vary
from experiments.verification.injected import Injected
from experiments.verification.scaled_body import scaled_patient
from meshes.errors import InputError

Tables = Mapping[str, Any]

BASE: Tables = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 3.0},
    "cement": {"viscosity": "medium", "injected_after_mixing_min": 6.0},
    "needles": [{"side": "left", "gauge": 11, "left": 0.2, "depth": 0.25, "height": 0.5}],
    "injection": {"volume_ml": 4.0, "rate_ml_per_min": 3.0, "leak_limit_ml": 15.0},
    "veins": {"network": "random"},
    "observation": {"modality": "ct"},
    "mechanics": {"enabled": False},
    "output": {"field_times": 4, "pictures": False},
}
"""The demo's plan with cement like toothpaste, which the project poses as medium viscosity from 6 minutes after mixing
on. Whole walls; no leak ends the injection."""


@dataclass(frozen=True)
class Arm:
    """One set-up.

    Attributes:
        name: of the arm.
        about: what it is, for the page.
        tables: of the case file; their keys take the place of those of ``base``.
        body_ml: volume to which the demo's body is scaled; None leaves it as it is.
        patient: number of a patient -> what it is and gets besides, for arms whose patients differ in more than veins
            and scatter of the bone; a key ``body_ml`` scales the body.
        patients_per_seed: how many patients the arm has for each one of the others.
        base: what holds for everything that the arm leaves out.
    """

    name: str
    about: str
    tables: Tables = field(default_factory=dict)
    body_ml: float | None = None
    patient: Callable[[int], Tables] = lambda number: {}
    patients_per_seed: int = 1
    base: Tables = field(default_factory=lambda: BASE)

    def case_tables(self, number: int, images: Path) -> dict[str, Any]:
        """Tables of the case file of patient ``number``; scaled bodies are written to ``images``."""
        own = dict(self.patient(number))
        body_ml = own.pop("body_ml", self.body_ml)
        drawn = {"veins": {"seed": number}, "bone": {"heterogeneity_seed": number}}
        tables = merged(merged(merged(self.base, self.tables), own), drawn)
        if body_ml is not None:
            tables["patient"] = scaled_patient(images, body_ml)
        return tables

    def title(self, number: int) -> str:
        """What the sweep calls the case of patient ``number``."""
        return f"{self.name}, patient {number}"


def merged(below: Tables, above: Tables) -> dict[str, Any]:
    """``below`` with the keys of ``above``; what is no table in both, such as a list of needles, is replaced."""
    both = {
        key: {**below[key], **value}
        for key, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
    }
    return {**below, **above, **both}


def plan_arms(arms: Sequence[Arm], seeds: int, folder: Path, title: str, size_mm: float | None = None) -> Plan:
    """Build and check every case.

    Args:
        arms: with different names.
        seeds: patients of each arm, numbered from 1.
        folder: of the sweep, beside whose files the scaled bodies are kept.
        title: of the sweep.
        size_mm: edge length of the meshes instead of that of :data:`BASE`.

    Raises:
        InputError: a case has a value out of range.
    """
    remembered = cache(checksum)
    found: list[SweepCase] = []
    for number in range(1, max(arm.patients_per_seed for arm in arms) * seeds + 1):
        for arm in arms:
            if number > arm.patients_per_seed * seeds:
                continue
            tables = arm.case_tables(number, images_of(folder))
            if size_mm is not None:
                tables["mesh"] = {**tables["mesh"], "size_mm": size_mm}
            case = build_case({**tables, "title": arm.title(number)}, arm.title(number))
            Laws.of_case(case)
            identity = case_identity(case, remembered).case
            found.append(SweepCase(len(found) + 1, identity, {"title": arm.title(number)}, given_tables(case)))
    titles = Vary(path="title", values=tuple(case.values["title"] for case in found))
    sweep_file = SweepFile(title=title, base={"patient": {"demo": True}}, vary=(titles,))
    return Plan(sweep_file, tuple(found), {"title": ""}, code_version())


def images_of(folder: Path) -> Path:
    """Where the scaled bodies of a sweep's folder are kept."""
    return folder.with_name(f"{folder.name}_bodies")


@dataclass(frozen=True)
class Finished:
    """What is known of the arms in a folder.

    Attributes:
        injected: arm -> number of the patient -> what came of it.
        failed: arm -> number of the patient -> error.
        code: version of the software that computed them; empty where there is nothing.
    """

    injected: Mapping[str, Mapping[int, Injected]]
    failed: Mapping[str, Mapping[int, str]]
    code: str = ""

    @classmethod
    def read(cls, folder: Path) -> Finished:
        """Read a folder by the titles of its cases, which any version of this module can; nothing where it is none.

        Raises:
            InputError: the folder holds another sweep.
        """
        if not (folder / "sweep.json").exists():
            return cls({}, {})
        sweep = SweepFolder(folder)
        plan, rows = sweep.plan(), sweep.rows()
        injected: dict[str, dict[int, Injected]] = {}
        failed: dict[str, dict[int, str]] = {}
        for case in plan["cases"]:
            name, _, number = str(case["values"].get("title", "")).rpartition(", patient ")
            if not name:
                raise InputError(f"{folder}: holds another sweep; choose another folder")
            row = rows.get(case["identity"])
            if row is None:
                continue
            if error := row.get("error"):
                failed.setdefault(name, {})[int(number)] = f"{error['kind']}: {error['message']}"
            else:
                injected.setdefault(name, {})[int(number)] = Injected.of(row)
        return cls(injected, failed, str(plan["code"]))
