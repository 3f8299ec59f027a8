"""One case from files to numbers: read, mesh, bone, inject, load.

On several ranks, rank 0 reads and meshes; flow and mechanics run on all of them, and results stand on rank 0 and, as
numbers, everywhere.
"""

from __future__ import annotations

import dataclasses
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments import results
from experiments.approach import NeedlePath, needle_tip, plan_path
from experiments.case import Case, defaults_used
from experiments.environment import versions
from experiments.identity import identify
from experiments.laws import Laws
from experiments.output import CaseOutcome
from experiments.progress import Progress
from experiments.store import case_directory, check_target, write_manifest, write_results
from experiments.surface import case_walls, lost_bone, refinements, with_lost_bone
from experiments.units import to_internal
from fem.injection import Injection
from fem.needle import NeedleOpening
from fem.partition import Partition
from fem.plan import FieldSnapshot, InjectionHistory, InjectionPlan
from fem.plates import PlateProblem
from fem.porous import PorousMedium
from fem.stiffness import stiffness_matrix
from fem.walls import SITES, Walls
from materials.bone import BoneField
from meshes.body import mesh_body
from meshes.demo_patient import demo_patient
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.quality import measure_quality
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra, read_vertebra

EXPECTED_SECONDS = {"read": 2.0, "mesh": 8.0, "bone": 3.0, "injection": 20.0, "stiffness": 18.0, "pictures": 12.0}
"""Stages of a run with rough times on the demo, from which the first guess of the time left follows."""

BOUND_WARNING = 0.10
"""Share of cells at the bound of a law above which the run warns."""


@dataclass(frozen=True)
class Preparation:
    """Everything about a case that is known before cement flows."""

    vertebra: Vertebra
    mesh: TetMesh
    bone: BoneField
    path: NeedlePath
    medium: PorousMedium
    modulus: NDArray[np.float64]
    walls: Walls
    needle: NeedleOpening
    mesh_results: dict[str, Any]


def run_case(case: Case, progress: Progress | None = None, comm: MPI.Comm = MPI.COMM_WORLD) -> CaseOutcome:
    """Run a case.

    Args:
        case: what is asked.
        progress: where stages and their progress are shown; nowhere by default.
        comm: ranks that share the work.

    Returns:
        Results and manifest on every rank; meshes and fields on rank 0.

    Raises:
        InputError: the input cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    progress = progress or Progress()
    stages = [name for name in EXPECTED_SECONDS if name != "stiffness" or case.mechanics.enabled]
    stages = [name for name in stages if name != "pictures" or case.output.pictures]
    progress.plan({name: EXPECTED_SECONDS[name] for name in stages})
    laws = Laws.of_case(case)
    prepared = _on_root(comm, lambda: prepare(case, laws, progress))
    partition = Partition.build(prepared.mesh, comm)
    history, snapshots = _inject(case, laws, prepared, partition, progress)
    numbers: dict[str, Any] = {
        "mesh": prepared.mesh_results,
        "bone": results.bone_results(prepared.vertebra, prepared.bone),
        "injection": results.injection_results(history),
        "fill": {"fraction": history.last.stored / prepared.mesh.volume},
    }
    solvers: dict[str, Any] = {"injection": results.solver_record(history)}
    if case.mechanics.enabled:
        numbers["stiffness"], solvers["stiffness"] = _load(case, laws, prepared, partition, history, progress)
    return CaseOutcome(
        case=case,
        vertebra=prepared.vertebra,
        mesh=prepared.mesh,
        bone=prepared.bone,
        medium=prepared.medium,
        modulus=prepared.modulus,
        path=prepared.path,
        walls=prepared.walls,
        needle_diameter=laws.cannula.outer_diameter,
        snapshots=tuple(snapshots),
        results=numbers,
        manifest=_manifest(case, laws, prepared, history, solvers, progress, comm),
    )


def _on_root[Outcome](comm: MPI.Comm, task: Callable[[], Outcome]) -> Outcome:
    """What ``task`` gives on rank 0, on every rank; an error of input there is raised on all of them."""
    outcome, error = None, None
    if comm.rank == 0:
        try:
            outcome = task()
        except InputError as refused:
            error = refused
    error = comm.bcast(error, root=0)
    if error is not None:
        raise error
    return cast("Outcome", comm.bcast(outcome, root=0))


def prepare(case: Case, laws: Laws, progress: Progress) -> Preparation:
    """Read, mesh and characterise the bone; place the needle and the walls."""
    with progress.stage("read"):
        vertebra = read_patient(case)
        tip = needle_tip(case.needle, vertebra)
        check_front_limit(case, vertebra.frame, tip)
    opening_radius = 0.5 * laws.cannula.bore
    with progress.stage("mesh") as stage:
        size = to_internal(case.mesh.size_mm, "mm")
        mesh = mesh_body(vertebra, size, refinements(case, vertebra.frame, tip, opening_radius))
        stage.update(0.7)
        mesh_results = results.mesh_results(measure_quality(mesh, vertebra))
        path = plan_path(case.needle, vertebra, mesh, laws.cannula.outer_diameter)
    with progress.stage("bone"):
        weights = voxel_weights(mesh, vertebra)
        bone = laws.bone.evaluate(vertebra.ct.values.ravel(), weights, mesh.cell_volumes)
        medium = PorousMedium.transversely_isotropic(
            bone.porosity, bone.permeability_axial, bone.permeability_transverse
        )
        lost = lost_bone(case.defects, mesh, vertebra.frame)
        medium = with_lost_bone(medium, laws, lost)
        modulus = bone.modulus.copy()
        for _, cells in lost:
            modulus[cells] = laws.bone.modulus.lowest
        walls = case_walls(case, laws, mesh, vertebra.frame, path)
        needle = NeedleOpening.place(mesh, medium, path.tip, opening_radius)
    return Preparation(vertebra, mesh, bone, path, medium, modulus, walls, needle, mesh_results)


def read_patient(case: Case) -> Vertebra:
    """The vertebra that the case names."""
    patient = case.patient
    if patient.demo:
        demo = demo_patient()
        return read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions)
    if patient.ct is None or patient.mask is None:
        raise ValueError("a checked case names a CT and a mask")
    return read_vertebra(patient.ct, patient.mask, patient.level, patient.labels, patient.subregions)


def check_front_limit(case: Case, frame: AnatomicalFrame, tip: NDArray[np.float64]) -> None:
    """Refuse a front limit that the needle's tip lies beyond: the injection would be over as it begins."""
    limit, depth = case.injection.front_limit_depth, frame.fractions(tip)[1]
    if limit is not None and limit <= depth:
        raise InputError(
            f"injection.front_limit_depth = {limit:g} lies in front of the needle's tip at depth {depth:.2f} "
            f"(fractions of the body); choose {depth:.2f} to 1, such as 0.8 for the posterior fifth"
        )


def injection_plan(case: Case, vertebra: Vertebra) -> InjectionPlan:
    """The plan of the case in internal units."""
    injection = case.injection
    front = injection.front_limit_depth
    end = injection.working_time_min
    return InjectionPlan(
        volume=to_internal(injection.volume_ml, "ml"),
        rate=to_internal(injection.rate_ml_per_min, "ml/min"),
        start_age=to_internal(case.cement.injected_after_mixing_min, "min"),
        end_age=None if end is None else to_internal(end, "min"),
        pressure_limit=to_internal(injection.pressure_limit_kpa, "kPa"),
        leak_limits={site: to_internal(injection.leak_limit(site), "ml") for site in SITES},
        front_limit=None if front is None else float(vertebra.frame.point(0.0, front, 0.5)[1]),
        output_count=case.output.field_times,
    )


def _inject(
    case: Case, laws: Laws, prepared: Preparation, partition: Partition, progress: Progress
) -> tuple[InjectionHistory, list[FieldSnapshot]]:
    snapshots: list[FieldSnapshot] = []
    with progress.stage("injection") as stage:
        injection = Injection(
            partition,
            prepared.medium,
            prepared.walls,
            prepared.needle,
            laws.cannula,
            laws.cement,
            laws.marrow.viscosity,
            injection_plan(case, prepared.vertebra),
        )
        try:
            history = injection.run(snapshots.append, stage.update)
        finally:
            injection.destroy()
    return history, snapshots


def _load(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    partition: Partition,
    history: InjectionHistory,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Stiffness of the intact and of the augmented body, and what the solver did."""
    saturation = partition.comm.bcast(history.saturation, root=0)
    moduli = {
        "intact": prepared.modulus,
        "augmented": laws.composite.modulus(prepared.modulus, np.clip(saturation, 0.0, 1.0)),
    }
    stiffness: dict[str, Any] = {}
    record: dict[str, Any] = {}
    with (
        progress.stage("stiffness") as stage,
        PlateProblem(partition, prepared.bone.poisson_ratio, case.mechanics.degree) as plates,
    ):
        for name, modulus in moduli.items():
            plates.assemble(modulus)
            matrix = stiffness_matrix(plates)
            stiffness[f"{name}_n_per_mm"] = matrix.axial_stiffness
            stiffness[name] = results.stiffness_results(matrix)
            record[name] = {
                "iterations": list(matrix.iterations),
                "unknowns": plates.unknowns,
                **dataclasses.asdict(matrix.errors),
            }
            stage.update(0.5 if name == "intact" else 1.0)
    return stiffness, record


def _manifest(
    case: Case,
    laws: Laws,
    prepared: Preparation,
    history: InjectionHistory,
    solvers: dict[str, Any],
    progress: Progress,
    comm: MPI.Comm,
) -> dict[str, Any]:
    vertebra, walls = prepared.vertebra, prepared.walls
    demo = demo_patient()
    files = {"ct": demo.ct, "mask": demo.mask, "subregions": demo.subregions} if case.patient.demo else None
    identity = identify(case, files)
    described = laws.describe()
    defaults = {name: entry for name, entry in described.items() if entry["tag"] != "user"}
    memory = comm.allreduce(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
    return {
        "case": case.model_dump(mode="json"),
        "identity": {"case": identity.case, "inputs": dict(identity.inputs), "code": identity.code},
        "patient": {"level": vertebra.level, "label": vertebra.label, "label_map": vertebra.label_map}
        | vertebra.provenance,
        "frame": {
            "scanner_lps_mm_to_anatomical": vertebra.frame.matrix,
            "extents_mm": vertebra.frame.extents,
            "method": vertebra.frame.method,
        },
        "needle": {
            "tip_mm": prepared.path.tip,
            "direction": prepared.path.direction,
            "camber_deg": float(np.degrees(prepared.path.camber)),
            "sagittal_deg": float(np.degrees(prepared.path.sagittal)),
            "source_cells": len(prepared.needle.cells),
            "source_radius_mm": prepared.needle.source_radius,
            "opening_radius_mm": prepared.needle.radius,
        },
        "outlets": {
            "total_ml_per_s_kpa": walls.total_conductance * 1e-6,
            "sites_ml_per_s_kpa": {site: value * 1e-6 for site, value in walls.site_conductance().items()},
            "resting_pressure_rise_kpa": 1e3
            * to_internal(case.injection.rate_ml_per_min, "ml/min")
            / walls.total_conductance,
        },
        "solvers": solvers,
        "ranks": comm.size,
        "seconds": dict(progress.seconds),
        "peak_memory_mb": memory,
        "versions": versions(),
        "defaults": {**defaults, **defaults_used(case)},
        "warnings": _warnings(prepared, history),
    }


def _warnings(prepared: Preparation, history: InjectionHistory) -> list[str]:
    found = list(prepared.vertebra.warnings)
    for name, share in prepared.bone.bound_shares.items():
        if share > BOUND_WARNING:
            found.append(
                f"{100.0 * share:.0f} % of the body lies at the bound {name.replace('_', ' ')} of the bone laws"
            )
    entered = [name for name, rows in prepared.mesh.facet_regions.items() if prepared.path.track_facets[0] in rows]
    if not entered[0].endswith("pedicle"):
        found.append(f"the needle enters the body through the {entered[0].replace('_', ' ')}, not through a pedicle")
    if history.stop_reason != "volume_reached":
        found.append(
            f"the injection ended at {history.last.injected * 1e-3:.2f} ml, before the planned volume: "
            f"{history.stop_reason.replace('_', ' ')}"
        )
    return found


def run_and_store(
    case: Case, out: Path, progress: Progress | None = None, comm: MPI.Comm = MPI.COMM_WORLD
) -> CaseOutcome:
    """Run a case and write its directory: manifest, results, fields over time and pictures; whole or not at all.

    Args:
        case: what is asked.
        out: directory to write; an older case directory there is replaced when the new one is whole.
        progress: where stages and their progress are shown; nowhere by default.
        comm: ranks that share the work; rank 0 writes.

    Raises:
        InputError: the input or ``out`` cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    progress = progress or Progress()
    check_target(out)
    outcome = run_case(case, progress, comm)
    if comm.rank == 0:
        with case_directory(out) as folder:
            outcome.write_fields(folder / "fields.vtkhdf")
            if case.output.pictures:
                with progress.stage("pictures"):
                    outcome.pictures(folder / "pictures")
            outcome.manifest["seconds"] = dict(progress.seconds)
            write_results(folder, outcome.results)
            write_manifest(folder, outcome.manifest)
    comm.barrier()
    return outcome
