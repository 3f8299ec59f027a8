"""The command ``check``: a case up to where its injection would begin, on a coarse mesh, and its plan as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
from numpy.typing import NDArray

from experiments.case.identity import identify
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.preparation import InjectionSetup, Preparation, prepare
from experiments.model.procedure import needle_records
from experiments.pictures.plan import Plan
from experiments.report.page import REPORT
from experiments.report.plan import draw_plan, plan_page, plan_rows
from experiments.results.finished_case import PICTURES, inclusions_among
from experiments.results.open_sites import OpenSite, around_exits
from experiments.results.parts.manifest import PlanManifest
from experiments.results.progress import Progress
from experiments.results.store import case_directory, check_target, write_manifest
from experiments.run.environment import command, now, versions
from experiments.run.meshing import describe_vertebra
from fem.injection.walls import Opening
from fem.measures.fill import FRONT_SATURATION
from meshes.leak_sites import LEAK_SITES, SITES
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork

COARSE_MM = 3.0
"""mm, edge length of the body's mesh at least: enough to see the plan; needles and defects keep their own (tag D)."""

EXPECTED_SECONDS = {"read": 1.0, "mesh": 5.0, "bone": 2.0, "pictures": 4.0, "report": 2.0}


@dataclass(frozen=True)
class CheckedPlan:
    """What came of a check.

    Attributes:
        rows: what is planned, and its value with unit.
        prepared: the case as it would be injected, on a coarse mesh.
        plan: what pictures show of it.
    """

    rows: list[tuple[str, str]]
    prepared: Preparation
    plan: Plan


def check_and_store(case: Case, out: Path, progress: Progress) -> CheckedPlan:
    """Prepare a case on a coarse mesh, and write its plan as pictures and a page; nothing is injected.

    Args:
        case: what is asked.
        out: directory to write.
        progress: where stages are announced.

    Raises:
        InputError: whatever would keep a run from its injection, or ``out`` cannot be used.
    """
    check_target(out)
    progress.plan(EXPECTED_SECONDS)
    coarse = case.mesh.model_copy(update={"size_mm": max(case.mesh.size_mm, COARSE_MM)})
    asked = case.model_copy(update={"mesh": coarse})
    prepared = prepare(asked, Laws.of_case(asked), progress)
    plan = plan_of(prepared)
    rows = plan_rows(prepared.vertebra.level, prepared.mesh_results.volume_ml, plan, prepared.tissues.summary)
    identity = identify(case)
    with case_directory(out) as folder:
        pictures = folder / PICTURES
        pictures.mkdir()
        with progress.stage("pictures"):
            drawn = draw_plan(plan, pictures)
        with progress.stage("report"):
            title = case.title or f"Plan of {out.name}"
            page = plan_page(title, rows, plan, prepared.warnings, drawn)
            (folder / REPORT).write_text(page, encoding="utf-8")
        write_manifest(
            folder,
            PlanManifest(
                case=case.model_dump(mode="json"),
                inputs=dict(identity.inputs),
                code=identity.code,
                finished=now(),
                command=command(),
                vertebra=describe_vertebra(prepared.vertebra),
                tissues=prepared.tissues.summary,
                needles=needle_records(plan.needles),
                versions=versions(),
                warnings=prepared.warnings,
                seconds=progress.seconds,
                peak_memory_mb=max(record.peak_memory_mb for record in progress.records),
            ),
        )
    return CheckedPlan(rows, prepared, plan)


def plan_of(prepared: Preparation) -> Plan:
    """What pictures show of a case that is ready to be injected, or of its prescribed cement."""
    inclusions = inclusions_among(prepared.tissues.cells)
    needles = prepared.cement.paths if isinstance(prepared.cement, InjectionSetup) else ()
    sites: tuple[OpenSite, ...] = ()
    if isinstance(prepared.cement, InjectionSetup):
        sites = open_sites(prepared.mesh, prepared.openings, prepared.veins)
    else:
        inclusions["cement"] = np.flatnonzero(prepared.cement.saturation > FRONT_SATURATION)
    return Plan.of(
        prepared.vertebra,
        prepared.mesh,
        needles=needles,
        inclusions={name: cells for name, cells in inclusions.items() if len(cells)},
        sites=sites,
        veins=prepared.veins,
    )


def open_sites(mesh: TetMesh, openings: tuple[Opening, ...], veins: VeinNetwork | None) -> tuple[OpenSite, ...]:
    """Where cement can leave, in the order of the sites; facets around the ends of veins stand for these."""
    facets: dict[str, list[NDArray[np.int64]]] = {}
    for opening in openings:
        facets.setdefault(opening.site, []).append(opening.facets)
    ends: Mapping[str, NDArray[np.int64]] = {} if veins is None else around_exits(mesh, veins)
    for site, around in ends.items():
        facets.setdefault(site, []).append(around)
    return tuple(
        OpenSite(site, LEAK_SITES[site].leak_class, np.unique(np.concatenate(facets[site])), 0.0)
        for site in SITES
        if site in facets
    )
