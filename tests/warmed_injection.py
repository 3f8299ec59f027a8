"""Injections into the coarse L3 with heat that follows them, on one or several ranks."""

from dataclasses import replace
from typing import Any

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
from flow_phantom import CANAL, MARROW, Phantom, build_phantom, plan_of, veins_of
from heat_boxes import heat_of
from numpy.typing import NDArray

from fem.heat.contents import CementContents
from fem.heat.injection_heat import FollowedHeat, InjectionHeat
from fem.heat.medium import HeatMedium
from fem.injection.injection import Injection
from fem.measures.severity import LeakGeometry
from fem.partition import Partition
from materials.cement import CEMENTS
from materials.curing import CURINGS
from meshes.box_grid import BoxGrid

ROOM, BODY = 23.0, 37.0
VOLUME = 1500.0


def body_medium(phantom: Phantom, spacing: float) -> tuple[HeatMedium, NDArray[np.float64], Any]:
    """The phantom's bone in soft tissue; with the share of every voxel in the body, and of cells in voxels."""
    mesh, porosity = phantom.mesh, phantom.medium.porosity
    grid = BoxGrid.around(mesh.points.min(axis=0) - 12.0, mesh.points.max(axis=0) + 16.0, spacing)
    shares = grid.shares_of(mesh)
    strut = shares.T @ (mesh.cell_volumes * (1.0 - porosity))
    body = np.minimum(shares.T @ mesh.cell_volumes / grid.voxel_volume, 1.0)
    pores = shares.T @ (mesh.cell_volumes * porosity)
    medium = HeatMedium(
        grid=grid,
        strut=strut,
        room=np.maximum(grid.voxel_volume - strut, pores),
        strut_conductivity=0.45,
        strut_capacity=2.5,
        tissue_conductivity=np.where(body > 0.5, 0.24, 0.49),
        tissue_capacity=np.where(body > 0.5, 2.4, 3.7),
        tissue_exchange=np.full(grid.count, 0.004),
        cement_conductivity=0.2,
        cement_capacity=2.0,
        displaced_capacity=2.4,
    )
    return medium, body, shares


def warmed(
    partition: Partition,
    phantom: Phantom,
    comm: MPI.Comm = MPI.COMM_SELF,
    *,
    coupled: bool = True,
    spacing: float = 3.0,
    start_age: float = 300.0,
    until: float | None = None,
) -> tuple[InjectionHeat, Any]:
    """A leaky injection with veins and a hole: the law that followed it, and its history with the heat at its end."""
    medium, body, shares = body_medium(phantom, spacing)
    cement = CEMENTS["low"]
    plan = plan_of(VOLUME, start_age=start_age, body_ageing=float(cement.ageing_rate(BODY)), least_steps=8)
    injection = Injection.build(
        partition, phantom.medium, phantom.leaky, [phantom.behind], cement, MARROW, plan, veins=veins_of(phantom.mesh)
    )
    inside = body > 0.0
    outlet = np.where(inside & (body < 0.98), 0.1, 0.0)
    heat = heat_of(medium, curing=CURINGS["borzacchiello_1"], body=inside, outlet=outlet, comm=comm)
    contents = CementContents.build(medium, body, shares, injection.flow, LeakGeometry())
    law = InjectionHeat(heat, contents, plan, cement, ROOM, coupled)
    history = replace(injection, warmth=law).run()
    injection.destroy()
    if until is not None:
        assert isinstance(history.warmth, FollowedHeat)
        history = replace(history, warmth=replace(history.warmth, heat=heat.rest(history.warmth.heat, until)))
    return law, history


def temperatures(comm: MPI.Comm) -> dict[str, NDArray[Any]] | None:
    """Temperatures, conversion and damage at ten minutes, and what was injected and leaked, on rank 0."""
    phantom = build_phantom()
    partition = Partition.build(phantom.mesh if comm.rank == 0 else None, comm)
    _, history = warmed(partition, phantom, comm, until=600.0)
    state = history.warmth.heat
    if comm.rank > 0:
        return None
    return {
        "temperature": state.temperature,
        "peak": state.exposure.peak,
        "conversion": state.conversion,
        "cement": state.cement,
        "pressure": np.array([record.tip_pressure for record in history.records]),
        "leaked": np.array([history.last.leaked[CANAL]]),
    }
