"""Injections on one or several ranks, in heterogeneous bone of tilted anisotropy: every number and field of each."""

from dataclasses import replace
from typing import Any

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
from flow_phantom import CANAL, MARROW_VISCOSITY, RATE, Phantom, build_phantom, plan_of, veins_of
from numpy.typing import NDArray

from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.history import FieldSnapshot, InjectionHistory
from fem.injection.injection import Injection
from fem.injection.plan import Bolus, InjectionPlan, Stage
from fem.injection.walls import build_walls
from fem.partition import Partition
from materials.cement import CEMENTS
from meshes.leak_sites import SITES

SCALARS = (
    "time",
    "rate",
    "injected",
    "stored",
    "in_veins",
    "in_conduits",
    "displaced_out",
    "inflow",
    "tip_pressure",
    "syringe_pressure",
)


def collect(history: InjectionHistory) -> dict[str, NDArray[Any]]:
    """All numbers of a history as arrays."""
    numbers = {name: np.array([getattr(record, name) for record in history.records]) for name in SCALARS}
    numbers["leaked"] = np.array([[record.leaked[site] for site in SITES] for record in history.records])
    needles = [record.needles for record in history.records]
    numbers["needle_injected"] = np.array([[state.injected for state in states] for states in needles])
    numbers["needle_pressure"] = np.array([[state.syringe_pressure for state in states] for states in needles])
    numbers["needle_end_time"] = np.array([end.time for end in history.needle_ends])
    numbers["needle_end_reason"] = np.array([end.reason for end in history.needle_ends])
    numbers["fluid_out"] = np.array([[*record.fluid_out.values()] for record in history.records])
    numbers["resting_pressure"] = np.array(history.resting_pressure)
    onsets = [history.onset(site, 20.0) for site in SITES]
    numbers["onset_time"] = np.array([np.nan if onset is None else onset.time for onset in onsets])
    numbers["onset_injected"] = np.array([np.nan if onset is None else onset.injected for onset in onsets])
    numbers["errors"] = np.array([history.balance_error, history.tracer_error, history.divergence_error])
    numbers["stop_reason"] = np.array(history.stop_reason)
    return numbers


def fields_of(snapshots: list[FieldSnapshot]) -> dict[str, NDArray[Any]]:
    """All fields of all snapshots."""
    fields = {}
    for number, shot in enumerate(snapshots):
        for name in ("saturation", "pressure", "velocity"):
            fields[f"{name}_{number}"] = getattr(shot, name)
        if shot.vein_filling is not None:
            fields[f"vein_filling_{number}"] = shot.vein_filling
        for name, share in shot.fluids.items():
            # A share of nothing, in cells full of cement, is no number to compare.
            fields[f"content_{name}_{number}"] = share * (1.0 - shot.saturation)
    return fields


def leaking(partition: Partition, phantom: Phantom) -> Injection:
    """Cement that thins with shear, a hole and a short foramen, a limited pressure and a limited leak."""
    hole, foramen = phantom.leaky.openings
    short = replace(foramen, path=replace(foramen.path, length=5.0))
    plan = plan_of(
        4000.0, start_age=300.0, leak_limits={CANAL: 30.0}, output_count=6, pressure_limit=0.1, least_steps=8
    )
    fluids = DisplacedFluids(100.0 * MARROW_VISCOSITY)
    walls = replace(phantom.leaky, openings=(hole, short))
    return Injection.build(partition, phantom.medium, walls, [phantom.behind], CEMENTS["low"], fluids, plan)


def two_needles(partition: Partition, phantom: Phantom) -> Injection:
    """Two needles together and in turn with a pause, a tumour with vessels, pressures outside, two clocks."""
    mesh, medium = phantom.mesh, phantom.medium
    hole = phantom.leaky.openings[0]
    walls = build_walls(
        mesh,
        {"endplates": 2e4, "cortical_walls": 1.5e4, "pedicles": 5e3},
        [replace(hole, path=replace(hole.path, opening_pressure=0.0005))],
        {"canal": -0.001, "disc": 0.003, "veins": 0.001, "soft_tissue": 0.0},
    )
    centre = phantom.behind.opening.position
    lesion = np.linalg.norm(mesh.cell_centroids - centre, axis=1) < 7.0
    tumour = DisplacedFluids(MARROW_VISCOSITY, ("tumour",), np.array([3e-5]), lesion[None].astype(float))
    vessels = VascularExchange(np.where(lesion, 3.0 * mesh.cell_volumes, 0.0), np.where(lesion, 4e-3, 0.0))
    needles = [phantom.behind, replace(phantom.lateral, number=1)]
    stages = (
        Stage((Bolus(0, 600.0, RATE), Bolus(1, 400.0, RATE)), 15.0),
        Stage((Bolus(0, 500.0, RATE),), 20.0),
    )
    plan = InjectionPlan(stages, 300.0, body_ageing=2.3, pressure_limit=0.12, output_count=3, least_steps=8)
    return Injection.build(partition, medium, walls, needles, CEMENTS["low"], tumour, plan, vessels)


def veined(partition: Partition, phantom: Phantom) -> Injection:
    """Veins that cement fills and leaves, beside a hole, a tumour and a pressure limit; two needles and a pause."""
    mesh, veins = phantom.mesh, veins_of(phantom.mesh)
    lesion = np.linalg.norm(mesh.cell_centroids - phantom.central.opening.position, axis=1) < 6.0
    tumour = DisplacedFluids(MARROW_VISCOSITY, ("tumour",), np.array([3e-6]), lesion[None].astype(float))
    vessels = VascularExchange(np.where(lesion, 3.0 * mesh.cell_volumes, 0.0), np.where(lesion, 1e-3, 0.0))
    needles = [phantom.central, replace(phantom.behind, number=1)]
    stages = (Stage((Bolus(0, 600.0, RATE), Bolus(1, 300.0, RATE))), Stage((Bolus(0, 300.0, RATE),), 20.0))
    plan = InjectionPlan(stages, 300.0, body_ageing=2.3, pressure_limit=0.1, output_count=2, least_steps=8)
    return Injection.build(
        partition, phantom.medium, phantom.leaky, needles, CEMENTS["low"], tumour, plan, vessels, veins
    )


CASES = {"leaking": leaking, "two_needles": two_needles, "veined": veined}


def carried_out(comm: MPI.Comm, case: str) -> dict[str, NDArray[Any]] | None:
    """All numbers and fields of one of :data:`CASES`, on rank 0."""
    phantom = build_phantom()
    partition = Partition.build(phantom.mesh if comm.rank == 0 else None, comm)
    assert (partition.boundary.cells < partition.owned_cells).all()
    assert comm.allreduce(len(partition.boundary.facets)) == len(phantom.mesh.facets)
    injection, snapshots = CASES[case](partition, phantom), []
    history = injection.run(snapshots.append)
    injection.destroy()
    return None if comm.rank > 0 else collect(history) | fields_of(snapshots)
