"""One case from files to numbers: read, mesh, bone, inject, measure, load.

Cement that the case file prescribes takes the place of the injection. On several ranks, rank 0 reads and meshes; flow
and mechanics run on all of them, and results stand on rank 0 and, as numbers, everywhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.model.maker import Maker, make
from experiments.model.preparation import InjectionSetup, Preparation, prepare
from experiments.results import builders
from experiments.results.finished_case import PICTURES, FinishedCase
from experiments.results.format import FORMAT_VERSION
from experiments.results.parts.networks import NetworkShares
from experiments.results.parts.results import Results
from experiments.results.parts.solvers import SolverRecords
from experiments.results.progress import Progress
from experiments.results.store import (
    DiskFullError,
    case_directory,
    check_target,
    in_place_of,
    is_full,
    write_manifest,
    write_results,
)
from experiments.run.heat import CaseHeat
from experiments.run.heat_output import HeatOutcome
from experiments.run.manifest import build_manifest
from experiments.run.mechanics import MechanicsOutcome, load
from experiments.run.output import CaseOutcome
from experiments.run.ranks import ending_together, on_root
from fem import profiling, solver_options
from fem.injection.history import FieldSnapshot, InjectionHistory
from fem.injection.injection import Injection
from fem.measures.fill import FillMeasures, measure_fill
from fem.partition import Partition
from meshes.dimensions import vertebral_height

if TYPE_CHECKING:
    from experiments.run.watching import Watch

EXPECTED_SECONDS = {
    **{"read": 2.0, "mesh": 8.0, "bone": 3.0, "injection": 11.0, "heat": 4.0, "stiffness": 18.0, "strength": 120.0},
    **{"pictures": 12.0, "report": 4.0},
}
"""Stages of a run with rough times on the demo, from which the first guess of the time left follows."""


def run_case(
    case: Case,
    progress: Progress | None = None,
    comm: MPI.Comm = MPI.COMM_WORLD,
    maker: Maker = make,
    watch: Watch | None = None,
) -> CaseOutcome:
    """Run a case.

    Args:
        case: what is asked.
        progress: where stages and their progress are shown; nowhere by default.
        comm: ranks that share the work.
        maker: see :func:`experiments.model.preparation.prepare`.
        watch: is told of the injection, step by step; given on all ranks or on none.

    Returns:
        Results and manifest on every rank; meshes and fields on rank 0.

    Raises:
        InputError: the input cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    with ending_together(comm), solver_options.named_in_failures():
        return _run(case, progress or Progress(), comm, maker, watch)


def _run(case: Case, progress: Progress, comm: MPI.Comm, maker: Maker, watch: Watch | None) -> CaseOutcome:
    idle = {
        "injection": case.prescribed_cement is not None,
        "heat": not case.heat.enabled,
        "stiffness": not case.mechanics.enabled,
        "strength": not case.mechanics.enabled or case.mechanics.strength == "linear",
        "pictures": not case.output.pictures,
        "report": not case.output.pictures,
    }
    progress.plan({name: seconds for name, seconds in EXPECTED_SECONDS.items() if not idle.get(name)})
    with profiling.Stage("Preparation"):
        laws, prepared = on_root(comm, lambda: _prepare(case, progress, maker))
    partition = Partition.build(prepared.mesh, comm)
    parts: dict[str, Any] = {}
    if prepared.fractured is not None:
        parts["fracture"] = prepared.fractured.results(prepared.mesh)
    solvers: dict[str, Any] = {}
    if prepared.veins is not None:
        parts["veins"] = builders.vein_results(prepared.veins, case.veins.drawn_with)
    history: InjectionHistory | None = None
    snapshots: list[FieldSnapshot] = []
    warmth = CaseHeat.build(case, laws, prepared, comm)
    if isinstance(prepared.cement, InjectionSetup):
        history, snapshots = _inject(laws, prepared, prepared.cement, partition, progress, warmth, watch)
        saturation = cast("NDArray[np.float64]", comm.bcast(history.saturation, root=0))
        exits = {} if prepared.veins is None else prepared.veins.exit_diameters
        parts["injection"] = builders.injection_results(
            history,
            [needle.side for needle in case.needles],
            prepared.cement.pedicle,
            vertebral_height(prepared.vertebra.frame),
            laws.leak_geometry(exits),
            laws.observation,
            prepared.cement.plan.pressure_limit,
            exits,
        )
        solvers["injection"] = builders.solver_record(history)
    else:
        saturation = prepared.cement.saturation
        parts["prescribed_cement"] = prepared.cement.results
    heat: HeatOutcome | None = None
    if warmth is not None:
        heat = warmth.finish(prepared, history, saturation, progress)
        parts["heat"], solvers["heat"] = heat.results(), heat.solver
    mechanics: MechanicsOutcome | None = None
    if case.mechanics.enabled:
        with profiling.Stage("Mechanics"):
            mechanics = load(case, laws, prepared, partition, saturation, progress)
        parts |= {"stiffness": mechanics.stiffness, "load": mechanics.load, "strength": mechanics.strength}
        solvers["stiffness"] = mechanics.record
    return CaseOutcome(
        case=case,
        vertebra=prepared.vertebra,
        mesh=prepared.mesh,
        bone=prepared.bone,
        tissues=prepared.tissues,
        cement=prepared.cement,
        saturation=saturation,
        veins=prepared.veins,
        snapshots=tuple(snapshots),
        loaded=None if mechanics is None else mechanics.loaded,
        fractured=prepared.fractured,
        loaded_before=None if mechanics is None else mechanics.before,
        results=Results(
            format_version=FORMAT_VERSION,
            mesh=prepared.mesh_results,
            bone=builders.bone_results(prepared.vertebra, prepared.bone, prepared.noise),
            fill=builders.fill_results(_measure(case, prepared, saturation)),
            **parts,
        ),
        manifest=build_manifest(case, laws, prepared, history, SolverRecords(**solvers), progress.seconds, comm, heat),
        heat=heat,
    )


def _prepare(case: Case, progress: Progress, maker: Maker) -> tuple[Laws, Preparation]:
    prepared = prepare(case, Laws.of_case(case), progress, maker)
    return prepared.laws, prepared


def _inject(
    laws: Laws,
    prepared: Preparation,
    setup: InjectionSetup,
    partition: Partition,
    progress: Progress,
    warmth: CaseHeat | None,
    watch: Watch | None,
) -> tuple[InjectionHistory, list[FieldSnapshot]]:
    snapshots: list[FieldSnapshot] = []
    if watch is not None and partition.comm.rank == 0:
        watch.begin(prepared)
    with profiling.Stage("Injection"), progress.stage("injection") as stage:
        injection = Injection.build(
            partition,
            prepared.tissues.medium,
            setup.walls,
            setup.needles,
            laws.cement,
            prepared.tissues.fluids,
            setup.plan,
            prepared.tissues.exchange,
            setup.veins,
        )
        if warmth is not None:
            exits = {} if prepared.veins is None else prepared.veins.exit_diameters
            injection = warmth.beside(injection, setup, exits)
        try:
            history = injection.run(snapshots.append, stage.update, None if watch is None else watch.step)
        finally:
            injection.destroy()
    if watch is not None and partition.comm.rank == 0:
        watch.end(history.stop_reason)
    return history, snapshots


def _measure(case: Case, prepared: Preparation, saturation: NDArray[np.float64]) -> FillMeasures:
    sides = {needle.side for needle in case.needles} if isinstance(prepared.cement, InjectionSetup) else set()
    return measure_fill(
        prepared.mesh,
        prepared.vertebra.frame,
        saturation,
        prepared.tissues.medium.porosity,
        sides.pop() if len(sides) == 1 else None,
    )


def run_and_store(
    case: Case,
    out: Path,
    progress: Progress | None = None,
    comm: MPI.Comm = MPI.COMM_WORLD,
    draw: Callable[[Case], NetworkShares] | None = None,
    watch: Watch | None = None,
) -> CaseOutcome:
    """Run a case and write its directory whole or not at all: manifest, results and fields, then pictures and report.

    Args:
        case: what is asked.
        out: directory to write; an older case directory there is replaced when the new one is whole.
        progress: where stages and their progress are shown; nowhere by default.
        comm: ranks that share the work; rank 0 writes.
        draw: injects through many networks of veins, whose leaks the results then tell of beside their own; the run
            is stored before.
        watch: is told of the injection, step by step; given on all ranks or on none.

    Raises:
        InputError: the input or ``out`` cannot be used.
        ConvergenceError: a solver did not reach its tolerance.
    """
    progress = progress or Progress()
    with ending_together(comm):
        on_root(comm, lambda: check_target(out))
        outcome = run_case(case, progress, comm, watch=watch)
        seconds = on_root(comm, lambda: _store(outcome, out, progress))
        outcome = _after(outcome, seconds)
        if draw is not None:
            outcome = outcome.with_networks(on_root(comm, lambda: draw(case)))
            on_root(comm, lambda: _add_networks(outcome, out))
    return outcome


def _store(outcome: CaseOutcome, out: Path, progress: Progress) -> dict[str, float]:
    """Write the folder, then its pictures, and say how long each stage took that its manifest tells."""
    store(outcome, out)
    if not outcome.case.output.pictures:
        return dict(progress.seconds)
    try:
        return _illustrate(outcome, out, progress)
    except (DiskFullError, OSError) as error:
        if isinstance(error, OSError) and not is_full(error):
            raise
        raise DiskFullError(
            f"{out}: the disk is full; numbers and fields of the run are stored, and once there is room "
            f"'vertebroplasty draw {out}' and 'vertebroplasty report {out}' make its pictures and its report"
        ) from None


def store(outcome: CaseOutcome, out: Path) -> None:
    """Write the directory of a case without pictures and report, whole or not at all.

    Raises:
        InputError: ``out`` cannot be used.
    """
    with case_directory(out) as folder:
        outcome.write(folder)
        _describe(outcome, folder)


def _illustrate(outcome: CaseOutcome, out: Path, progress: Progress) -> dict[str, float]:
    """Draw the pictures of a folder that is whole without them, and write its report; the stages' times."""
    from experiments.pictures.drawing import draw_pictures
    from experiments.report.page import REPORT, case_report

    with progress.stage("pictures"), in_place_of(out / PICTURES) as made:
        draw_pictures(FinishedCase(out.name, out, outcome.results, outcome.manifest), made)
    seconds = dict(progress.seconds)
    _describe(_after(outcome, seconds), out)
    with progress.stage("report"), in_place_of(out / REPORT) as made:
        made.write_text(case_report(FinishedCase.read(out)), encoding="utf-8")
    return seconds


def _after(outcome: CaseOutcome, seconds: dict[str, float]) -> CaseOutcome:
    return replace(outcome, manifest=outcome.manifest.with_values(seconds=seconds))


def _describe(outcome: CaseOutcome, folder: Path) -> None:
    """Write results and manifest beside what else stands in the folder."""
    write_results(folder, outcome.results)
    write_manifest(folder, outcome.manifest)


def _add_networks(outcome: CaseOutcome, out: Path) -> None:
    """Put a folder that tells of many networks, too, in the place of the finished one."""
    from experiments.report.page import REPORT, case_report

    with case_directory(out) as folder:
        shutil.copytree(out, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REPORT))
        _describe(outcome, folder)
        if outcome.case.output.pictures:
            (folder / REPORT).write_text(case_report(FinishedCase.read(folder, out.name)), encoding="utf-8")
