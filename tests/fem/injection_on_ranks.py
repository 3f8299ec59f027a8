"""One leaking injection on as many ranks as there are: ``mpiexec -n N python injection_on_ranks.py OUTPUT``.

Cement that thins with shear, heterogeneous bone with tilted anisotropy, a hole and a foramen, two outputs and a leak
limit. Rank 0 writes every number and field to OUTPUT (.npz).
"""

import sys
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401
from mpi4py import MPI

import numpy as np
from flow_phantom import CANAL, MARROW_VISCOSITY, build_phantom, plan_of
from numpy.typing import NDArray

from fem.displaced import DisplacedFluids
from fem.history import InjectionHistory
from fem.injection import Injection
from fem.partition import Partition
from fem.walls import SITES
from materials.cement import CEMENTS

SCALARS = ("time", "rate", "injected", "stored", "displaced_out", "inflow", "tip_pressure", "syringe_pressure")


def collect(history: InjectionHistory) -> dict[str, NDArray[Any]]:
    """All numbers of a history as arrays."""
    numbers = {name: np.array([getattr(moment, name) for moment in history.moments]) for name in SCALARS}
    numbers["leaked"] = np.array([[moment.leaked[site] for site in SITES] for moment in history.moments])
    onsets = [history.onsets.get(site) for site in SITES]
    numbers["onset_time"] = np.array([np.nan if onset is None else onset.time for onset in onsets])
    numbers["onset_injected"] = np.array([np.nan if onset is None else onset.injected for onset in onsets])
    numbers["errors"] = np.array([history.balance_error, history.divergence_error])
    numbers["stop_reason"] = np.array(history.stop_reason)
    return numbers


def main(output: Path) -> None:
    """Run the case and write it down."""
    comm = MPI.COMM_WORLD
    phantom = build_phantom()
    partition = Partition.build(phantom.mesh if comm.rank == 0 else None, comm)
    assert (partition.boundary.cells < partition.owned_cells).all()
    assert comm.allreduce(len(partition.boundary.facets)) == len(phantom.mesh.facets)
    plan = plan_of(4000.0, start_age=300.0, leak_limits={CANAL: 100.0}, output_count=4, pressure_limit=0.1)
    snapshots = []
    injection = Injection(
        partition,
        phantom.medium,
        phantom.leaky,
        [phantom.behind],
        CEMENTS["low"],
        DisplacedFluids(100.0 * MARROW_VISCOSITY),
        plan,
    )
    history = injection.run(snapshots.append)
    injection.destroy()
    if comm.rank == 0:
        fields = {
            f"{name}_{number}": getattr(shot, name)
            for number, shot in enumerate(snapshots)
            for name in ("saturation", "pressure", "velocity")
        }
        np.savez(output, **collect(history), **fields)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
