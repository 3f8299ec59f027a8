"""The manifest of a run: what went in, what the solvers did, every default with its source, and the warnings."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any

from mpi4py import MPI

from experiments.case.identity import case_identity
from experiments.case.keys import key_values
from experiments.case.laws import INJECTION_LAWS, Laws, law_of
from experiments.case.rheometer_file import table_warnings
from experiments.case.schema import INJECTION_TABLES, Case, defaults_used
from experiments.case.units import to_clinical
from experiments.model.openings import openings_summary
from experiments.model.preparation import InjectionSetup, Preparation
from experiments.model.procedure import needle_records
from experiments.model.region_numbers import region_numbers
from experiments.results.parts.manifest import (
    FrameRecord,
    Identity,
    Manifest,
    OutletRecords,
    PatientRecord,
    PedicleRecord,
    RegionNumbers,
    SourceRecord,
    ValueRecord,
)
from experiments.results.parts.solvers import SolverRecords
from experiments.results.wording import words
from experiments.run.environment import command, now, versions
from experiments.run.heat_output import HeatOutcome
from fem import solver_options
from fem.injection.history import InjectionHistory
from fem.injection.plan import InjectionPlan
from materials.cement import Cement
from materials.rheometer import TabulatedCement

BOUND_WARNING = 0.10
"""Share of cells at the bound of a law above which the run warns."""


def build_manifest(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    history: InjectionHistory | None,
    solvers: SolverRecords,
    seconds: Mapping[str, float],
    comm: MPI.Comm,
    heat: HeatOutcome | None = None,
) -> Manifest:
    """Content of ``manifest.json``.

    Args:
        case: what was asked.
        laws: the laws that were used.
        prepared: what the injection and the mechanics started from.
        history: what came of the injection; None where the cement is prescribed.
        solvers: what each solver did.
        seconds: time of each stage.
        comm: ranks that shared the work.
        heat: temperatures; None where they are not asked for.
    """
    vertebra, setup = prepared.vertebra, prepared.cement
    identity = case_identity(case)
    idle: frozenset[str] = frozenset()
    if history is None:
        # walls bear load by the thickness that they are given, and have nothing else to say without an injection
        idle = frozenset(INJECTION_TABLES) if case.walls.thickness_mm else frozenset((*INJECTION_TABLES, "walls"))
    idle_laws = frozenset() if history is not None else INJECTION_LAWS
    used = {name: entry for name, entry in laws.describe().items() if law_of(name) not in idle_laws}
    defaults = {name: entry for name, entry in used.items() if entry["tag"] != "user"} | {
        name: entry for name, entry in defaults_used(case).items() if law_of(name) not in idle
    }
    injected: dict[str, Any] = {}
    broken: dict[str, Any] = {} if prepared.fractured is None else {"fracture": prepared.fractured.record}
    warnings = [*prepared.warnings, *_bound_warnings(prepared), *_option_warnings(identity.solver_options)]
    if history is not None and isinstance(setup, InjectionSetup):
        injected = _injection_part(prepared, setup)
        warnings += _injection_warnings(case, laws, prepared, setup, history)
    warnings += () if heat is None else heat.warnings()
    return Manifest(
        case=case.model_dump(mode="json", exclude=set(idle)),
        written=tuple(item.place for item in key_values(case) if item.given),
        identity=Identity(case=identity.case, inputs=dict(identity.inputs), code=identity.code),
        patient=PatientRecord(**vertebra.provenance),
        frame=FrameRecord(
            scanner_lps_mm_to_anatomical=vertebra.frame.matrix.tolist(),
            extents_mm=vertebra.frame.extents.tolist(),
            method=vertebra.frame.method,
        ),
        regions=RegionNumbers(**region_numbers(prepared.mesh, prepared.tissues)),
        **broken,
        cement="prescribed" if history is None else "injected",
        tissues=prepared.tissues.summary,
        solvers=solvers,
        solver_options=dict(identity.solver_options),
        ranks=comm.size,
        seconds=dict(seconds),
        peak_memory_mb=comm.allreduce(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0),
        finished=now(),
        command=command(),
        versions=versions(),
        given={name: ValueRecord(**entry) for name, entry in used.items() if entry["tag"] == "user"},
        defaults={name: ValueRecord(**entry) for name, entry in defaults.items()},
        warnings=tuple(warnings),
        **injected,
    )


def _option_warnings(options: Mapping[str, str]) -> list[str]:
    """Options of the solvers that nothing read, and those by which results may differ."""
    unused = solver_options.unused()
    found = [
        f"the solver option -{name} was not used, because no solver of this run reads it; see docs/solver-options.md"
        for name in unused
    ]
    used = {name: value for name, value in options.items() if name not in unused}
    if used:
        found.append(f"solved with options of the user, not with the defaults: {solver_options.shown(used)}")
    return found


def _injection_part(prepared: Preparation, setup: InjectionSetup) -> dict[str, Any]:
    """Needles, their sources and the outlets."""
    walls, veins = setup.walls, setup.veins
    conductance = walls.total_conductance + (0.0 if veins is None else veins.conductance)
    return {
        "needles": needle_records(setup.paths),
        "sources": tuple(
            SourceRecord(
                needle=needle.number,
                cells=len(needle.opening.cells),
                radius_mm=needle.opening.source_radius,
                opening_radius_mm=needle.opening.radius,
            )
            for needle in setup.needles
        ),
        "outlets": OutletRecords(
            total_ml_per_s_kpa=to_clinical(conductance, "ml/(s kPa)"),
            veins_ml_per_s_kpa=None if veins is None else to_clinical(veins.conductance, "ml/(s kPa)"),
            sites_ml_per_s_kpa={
                site: to_clinical(value, "ml/(s kPa)") for site, value in walls.site_conductance().items()
            },
            pressure_rise_at_planned_rate_kpa=to_clinical(setup.plan.rate / conductance, "kPa"),
            openings=openings_summary(prepared.mesh, walls),
        ),
        "pedicle_diameter": PedicleRecord(value_mm=setup.pedicle.value, source=setup.pedicle.source),
    }


def _bound_warnings(prepared: Preparation) -> list[str]:
    return [
        f"{100.0 * share:.0f} % of the body lies at the bound {name.replace('_', ' ')} of the bone laws"
        for name, share in prepared.bone.bound_shares.items()
        if share > BOUND_WARNING
    ]


def _injection_warnings(
    case: Case, laws: Laws, prepared: Preparation, setup: InjectionSetup, history: InjectionHistory
) -> list[str]:
    found = []
    for path in setup.paths:
        entered = [name for name, rows in prepared.mesh.facet_regions.items() if path.track_facets[0] in rows]
        expected = ("_wall",) if case.needles[path.number].approach == "parapedicular" else ("_pedicle",)
        if not entered[0].endswith(expected) and not path.warnings:
            found.append(f"needles[{path.number + 1}] enters the body through the {entered[0].replace('_', ' ')}")
    found += _cement_warnings(case, laws, setup.plan, history)
    if history.stop_reason != "volume_reached":
        found.append(
            f"the injection ended at {to_clinical(history.last.injected, 'ml'):.2f} ml, before the planned volume: "
            f"{words(history.stop_reason)}"
        )
    return found


def _cement_warnings(case: Case, laws: Laws, plan: InjectionPlan, history: InjectionHistory) -> list[str]:
    found = []
    cement = laws.cement
    start, end = (plan.syringe_ageing * (plan.start_age + time) for time in (0.0, history.last.time))
    if isinstance(cement, Cement) and start < cement.dough_time and cement.doubling_time is not None:
        found.append(
            f"the injection begins {to_clinical(start, 'min'):.1f} min after mixing by the cement's own clock, before "
            f"its dough stage at {to_clinical(cement.dough_time, 'min'):.1f} min, where its viscosity is not known well"
        )
    if isinstance(cement, TabulatedCement):
        found += table_warnings(cement, plan, history.last.time)
    if end > cement.working_time and case.injection.working_time_min is not None:
        found.append(f"the cement's own working time of {to_clinical(cement.working_time, 'min'):.1f} min was exceeded")
    ratio = history.least_front_ratio
    if ratio is not None and ratio < 1.0:
        found.append(
            f"the cement was thinner than what it displaced (viscosity ratio down to {ratio:.2g}): such a front is "
            "unstable and fingers, which the model smears; read front and leaks with caution"
        )
    return found
