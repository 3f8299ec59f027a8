"""The cases of a cohort: one for each treated vertebra, as the plan of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from experiments.case.identity import case_identity, checksum, code_version
from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.cohorts.cohort_file import Cohort
from experiments.cohorts.surgeon import AIMS, operation_tables
from experiments.cohorts.vertebra_tables import vertebra_tables
from experiments.cohorts.virtual_patient import VirtualVertebra, draw_patient
from experiments.sweep.cases import Plan, SweepCase, given_tables
from experiments.sweep.folder import Row, SweepFolder
from experiments.sweep.sweep_file import SweepFile, Vary

NEEDLE_MM = 0.8
"""Edge length around the tips in mm (tag D): a third fewer cells than at 0.5. The leaks above 0.2 ml of seven vertebrae
move by 2 % and less; an eighth no longer meets its stop rule, and leaks more for what more is injected."""


@dataclass(frozen=True)
class Treated:
    """A vertebra of a cohort and the case that computes its treatment.

    Attributes:
        vertebra: what is treated.
        case: of the sweep.
        aim: how often the needles were set; more than one where earlier ways left the bone.
    """

    vertebra: VirtualVertebra
    case: SweepCase
    aim: int


def treated(
    cohort: Cohort,
    patients: int,
    bodies: Path,
    rows: Mapping[str, Row],
    label: str = "",
    mechanics: bool = False,
) -> tuple[Treated, ...]:
    """The cases of a cohort as far as is known by now which needles could be set.

    Args:
        cohort: what is asked.
        patients: how many, from the first.
        bodies: folder for the images of the bodies, which are written where they are missing.
        rows: identity -> what is known of a case.
        label: what all titles begin with, so that several sets of cases stand in one sweep.
        mechanics: whether stiffness is computed.

    Raises:
        InputError: a case has a value out of range.
    """
    remembered = cache(checksum)
    found: list[Treated] = []
    for vertebra in vertebrae_of(cohort, patients):
        own, astray, tight = vertebra_tables(vertebra, bodies), 0, 0
        for aim in range(1, AIMS + 1):
            number = len(found) + 1
            tables = {
                "title": f"{label}{vertebra.name}, aim {aim}",
                **own,
                **operation_tables(cohort.surgeon, cohort.seed, vertebra, aim, astray, tight),
                "mesh": {"size_mm": cohort.mesh_mm, "needle_size_mm": NEEDLE_MM},
                "observation": {"modality": cohort.observation.modality},
                "mechanics": {"enabled": mechanics},
                "output": {"field_times": 2, "pictures": False},
                "laws": cohort.laws,
            }
            case = _case(tables, number, remembered)
            refused = _refused_tables(rows.get(case.identity))
            if aim == AIMS or not refused:
                found.append(Treated(vertebra, case, aim))
                break
            astray += "needles[" in refused
            tight += "cavities[" in refused
    return tuple(found)


def vertebrae_of(cohort: Cohort, patients: int) -> Iterator[VirtualVertebra]:
    """The treated vertebrae of the first patients."""
    for number in range(1, patients + 1):
        yield from draw_patient(cohort.population, cohort.seed, number)


def finished(cohort: Cohort, sweep: SweepFolder, label: str = "") -> Iterator[tuple[VirtualVertebra, Row]]:
    """Each vertebra whose treatment has been computed or has failed, with its row, whichever version computed it.

    Args:
        cohort: what was asked.
        sweep: where its cases are kept.
        label: what their titles begin with.
    """
    rows = sweep.rows()
    by_name = {}
    for case in sweep.plan()["cases"]:
        title, row = str(case["values"]["title"]), rows.get(case["identity"])
        if row is not None and title.startswith(label):
            by_name[title.removeprefix(label).partition(", aim")[0]] = row
    patients = max((int(name.split()[1].rstrip(",")) for name in by_name), default=0)
    for vertebra in vertebrae_of(cohort, patients):
        if (row := by_name.get(vertebra.name)) is not None:
            yield vertebra, row


def plan_of(title: str, cases: Iterable[Treated]) -> Plan:
    """The plan of a sweep over all cases, numbered anew."""
    numbered = tuple(replace(one.case, number=number) for number, one in enumerate(cases, 1))
    titles = Vary(path="title", values=tuple(case.values["title"] for case in numbered))
    sweep_file = SweepFile(title=title, base={"patient": {"demo": True}}, vary=(titles,))
    return Plan(sweep_file, numbered, {"title": ""}, code_version())


def _case(tables: dict[str, Any], number: int, remembered: Callable[[Path], str]) -> SweepCase:
    case = build_case(tables, tables["title"])
    Laws.of_case(case)
    identity = case_identity(case, remembered).case
    return SweepCase(number, identity, {"title": tables["title"]}, given_tables(case))


def _refused_tables(row: Row | None) -> tuple[str, ...]:
    """``needles[`` where a case was refused for the way of a needle, ``cavities[`` where for a balloon at its tip."""
    error = (row or {}).get("error") or {}
    if error.get("kind") != "input":
        return ()
    return tuple(table for table in ("needles[", "cavities[") if table in error.get("message", ""))
