"""How far the numbers of a case can be relied on: mesh, balances, iterations, warnings, versions and checksums."""

from __future__ import annotations

from experiments.report.content import Table, pairs
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.bone import BoneResults
from experiments.results.parts.fracture import FractureResults, HeightResults
from experiments.results.parts.injection import InjectionResults
from experiments.results.parts.manifest import Manifest, OpeningRecord, OutletRecords
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.solvers import ElasticSolver, InjectionSolver, StiffnessSolver
from experiments.results.wording import heading, label, number, percent, plain, row, rows, told, words

OUTLET_COLUMNS = (
    *("aperture_mm", "open_area_mm2", "length_mm"),
    *("entry_pressure_kpa", "conductance_ml_per_s_kpa"),
)
"""What is listed of an opening."""


def quality_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Everything of the quality page as tables."""
    results, manifest = case.results, case.manifest
    solvers = manifest.solvers
    tables = [_mesh(results.mesh)]
    if results.injection is not None and solvers.injection is not None:
        tables += [_balances(results.injection, solvers.injection), _flow_solver(solvers.injection)]
    if solvers.heat is not None:
        tables.append(pairs("Heat", rows(solvers.heat)))
    if solvers.stiffness is not None:
        tables.append(_elastic_solver(solvers.stiffness))
    tables += [] if results.bone is None else [_bone(results.bone)]
    tables += [*([] if results.fracture is None else [_fracture(results.fracture)])]
    tables.append(_patient(manifest))
    if manifest.outlets is not None:
        tables.append(_outlets(manifest.outlets))
    return (*tables, _effort(manifest), _versions(manifest), _checksums(manifest))


def _mesh(mesh: MeshResults) -> Table:
    note = "Gamma is three times a cell's inner radius over its outer one: 1 for a regular tetrahedron."
    return pairs("Mesh", rows(mesh), note)


def _balances(injection: InjectionResults, record: InjectionSolver) -> Table:
    errors = {
        "mass_balance_error": record.mass_balance_error_per_step,
        "tracer_balance_error": record.tracer_error_per_step,
        "divergence_error": record.divergence_error_per_step,
    }
    found = [(*row(injection, name), number(max(series, default=0.0))) for name, series in errors.items()]
    found += [
        ("saturation below 0", number(max(-injection.saturation_min, 0.0)), ""),
        ("saturation above 1", number(max(injection.saturation_max - 1.0, 0.0)), ""),
    ]
    return Table(
        "Mass balance of the injection",
        ("error", "at the end", "largest of a step"),
        tuple(found),
        "Balances are relative to the injected volume, the divergence to the rate of the injection.",
        frozenset({1, 2}),
    )


def _flow_solver(record: InjectionSolver) -> Table:
    rounds = record.viscosity_rounds_per_step
    name = label(record, "viscosity_rounds_per_step")
    return pairs(
        "Iterations of the injection",
        [
            row(record, "steps"),
            row(record, "pressure_iterations_per_step"),
            row(record, "transport_sweeps_per_step"),
            (f"{name}, mean", number(sum(rounds) / max(len(rounds), 1))),
            (f"{name}, most", number(max(rounds, default=0))),
            row(record, "wall_rounds_max"),
        ],
    )


def _elastic_solver(record: StiffnessSolver) -> Table:
    states = record.states
    found = [
        (ElasticSolver.quantity(name).label, *(told(solver, name) for solver in states.values()))
        for name in ElasticSolver.model_fields
    ]
    columns = ("stiffness", *states)
    note = "Errors are those of the worst entry, relative to the diagonal."
    return Table(
        "Iterations and errors of the stiffness", columns, tuple(found), note, frozenset(range(1, len(columns)))
    )


def _bone(bone: BoneResults) -> Table:
    return pairs("Bone", rows(bone, ("level",)))


def _fracture(fracture: FractureResults) -> Table:
    found = [
        (HeightResults.quantity(name).label, told(fracture.before, name), told(fracture.after, name))
        for name in HeightResults.model_fields
    ]
    note = ", ".join(f"{name} {value}" for name, value in rows(fracture, ("before", "after")))
    return Table("Fracture of the body", ("height", "before", "after"), tuple(found), f"{note}.", frozenset({1, 2}))


def _patient(manifest: Manifest) -> Table:
    found = rows(manifest.patient)
    if (pedicle := manifest.pedicle_diameter) is not None:
        found.append((label(pedicle, "value_mm"), f"{told(pedicle, 'value_mm')}, {pedicle.source}"))
    found += [
        (f"{words(name)}: volume", f"{told(tissue, 'volume_ml')}, {percent(tissue.fraction_of_body)}")
        for name, tissue in manifest.tissues.items()
    ]
    return pairs("Patient, frame and tissues", found)


def _outlets(outlets: OutletRecords) -> Table:
    found = tuple(
        (
            f"{words(opening.site)} ({words(opening.wall)})",
            opening.shape,
            *(number(getattr(opening, name)) for name in OUTLET_COLUMNS),
        )
        for opening in outlets.openings
    )
    note = (
        f"All outlets together conduct {told(outlets, 'total_ml_per_s_kpa')} of marrow, which raises the resting "
        f"pressure by {told(outlets, 'pressure_rise_at_planned_rate_kpa')} at the planned rate. This is one of the "
        "most influential and least known numbers."
    )
    known = [OpeningRecord.quantity(name) for name in OUTLET_COLUMNS]
    columns = ("opening", "shape", *(heading(quantity.label, quantity.unit) for quantity in known))
    return Table("Openings for cement", columns, found, note, frozenset(range(2, len(columns))))


def _effort(manifest: Manifest) -> Table:
    found = [(f"stage: {name}", number(seconds, "s")) for name, seconds in manifest.seconds.items()]
    return pairs(
        "Time and memory", [row(manifest, "finished"), *found, row(manifest, "ranks"), row(manifest, "peak_memory_mb")]
    )


def _versions(manifest: Manifest) -> Table:
    rows = [("code", manifest.identity.code), *sorted(manifest.versions.items())]
    return Table("Versions", ("software", "version"), tuple((name, plain(text)) for name, text in rows))


def _checksums(manifest: Manifest) -> Table:
    identity = manifest.identity
    rows = [
        (label(identity, "case"), identity.case),
        *((f"input: {role}", digest) for role, digest in identity.inputs.items()),
        *((f"output: {name}", digest) for name, digest in (manifest.files or {}).items()),
    ]
    return Table("Checksums (SHA-256)", ("what", "checksum"), tuple(rows))
