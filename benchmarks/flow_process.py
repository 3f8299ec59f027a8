"""One process of :mod:`benchmarks.flow_steps`: the demo's L3 on one mesh, step by step, on the ranks it is started on.

Run it as ``python -m benchmarks.flow_process SIZE FOLDER STEPS REPEATS``, also under ``mpiexec``. Meshes are kept in
FOLDER; ``STEPS`` is ``injection`` or ``front``, the state in which a single step is measured: the end of the demo's
whole injection, or a ball of cement as large. ``python -m benchmarks.flow_process SIZE FOLDER growth COUNT`` injects
COUNT times. It prints one line of JSON; seconds are those of the slowest rank.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from benchmarks import processes
from benchmarks.flow_body import Body, Moment
from benchmarks.stopwatch import Stopwatch
from fem import krylov
from fem.injection.flow import CoupledFlow
from fem.injection.injection import Injection
from fem.injection.injection_state import InjectionState
from fem.injection.plan import Bolus, Stage
from fem.injection.transport import CementTransport
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

TOLERANCE = 1e-10
REFERENCE_TOLERANCE = 1e-13
CONTRASTS = (10.0, 1e2, 1e3, 1e4, 1e5)
FRONT_CONTRAST = 1e3
LAST_STEP = 0.02
"""Share of the volume between a front and the one before it."""

SMALL_VOLUME = 200.0
"""mm3 of each of many injections."""

COMM = MPI.COMM_WORLD


def main(size: float, folder: Path, kind: str, count: int) -> None:
    """Measure, and print."""
    body = Body.of_size(size, folder, COMM)
    found = grow(body, count) if kind == "growth" else measure(body, kind, count, folder / f"state_{size:g}mm.npz")
    found["cells"] = len(body.prepared.mesh.cells)
    if COMM.rank == 0:
        print(json.dumps(found))


def measure(body: Body, kind: str, repeats: int, state: Path) -> dict[str, Any]:
    """Steps of the injection, single steps at its end, iterations over contrasts, and memory."""
    processes.forget_peak_memory()
    before = processes.memory()
    partition = Partition.build(body.prepared.mesh, COMM)
    found: dict[str, Any] = {"unknowns": partition.facet_map.size_global}
    if kind == "injection":
        moments, found["injection"] = inject(body, partition)
    else:
        volumes = ((1.0 - LAST_STEP) * body.setup.plan.volume, body.setup.plan.volume)
        moments = [
            Moment.of_front(body, partition, body.front(partition, volume), FRONT_CONTRAST) for volume in volumes
        ]
    permeability = partition.local_cells(body.prepared.tissues.medium.permeability)
    pressure = DarcyPressure(partition, permeability)
    found["step"] = single_steps(pressure, moments, repeats)
    found["transport"] = transport_steps(body, partition, pressure, moments, repeats)
    held = COMM.allreduce(processes.peak_memory() - before)
    found["memory"] = {"per_cell": 1e3 * held / len(body.prepared.mesh.cells), "whole": COMM.allreduce(before) + held}
    if COMM.size == 1:
        errors = write_state(state, pressure, permeability, moments)
        for name, error in errors.items():
            found["step"][name]["error"] = error
    pressure.destroy()
    fronts = {"ball": body.front(partition, body.setup.plan.volume)}
    if kind == "injection":
        fronts["injected"] = moments[-1].saturation
    found["iterations"] = iterations(body, partition, fronts)
    return found


def watch_pressure(watch: Stopwatch, pressure: DarcyPressure) -> None:
    """Measure the parts of every pressure solve; what is left of the whole is the recovery of the fluxes."""
    watch.watch(pressure, "_assemble", "assembly and set-up")
    watch.watch(pressure._facet_matrix, "fill", "assembly")
    watch.watch(pressure._preconditioner._nodal, "fill", "assembly")
    watch.watch(pressure, "_recover_solution", "flux")
    watch.watch(krylov, "solve", "solve")


def parts(taken: dict[str, float]) -> dict[str, float]:
    """Seconds of assembly, set-up, solve and flux recovery, those of the slowest rank."""
    names = ("assembly", "assembly and set-up", "solve", "flux", "whole", "whole CPU")
    assembly, together, solve, flux, whole, processor = (
        COMM.allreduce(taken.get(name, 0.0), op=MPI.MAX) for name in names
    )  # fmt: skip
    return {
        "mobility": max(whole - together - solve - flux, 0.0),
        "assembly": assembly,
        "set-up": together - assembly,
        "solve": solve,
        "flux": flux,
        "whole": whole,
        "whole CPU": processor,
    }


def inject(body: Body, partition: Partition) -> tuple[list[Moment], dict[str, Any]]:
    """Carry the demo's injection out; its last two pressure problems, and the seconds of its steps.

    The first step is left out: it has no pressure to begin with.
    """
    setup, tissues = body.setup, body.prepared.tissues
    injection = Injection.build(
        partition, tissues.medium, setup.walls, setup.needles, body.laws.cement, tissues.fluids, setup.plan,
        tissues.exchange,
    )  # fmt: skip
    flow, transport, watch = injection.flow, injection.transport_step.transport, Stopwatch()
    watch_pressure(watch, flow.pressure)
    watch.watch(CoupledFlow, "solve_fixed_point", "whole")
    watch.watch(transport, "_order_along", "order")
    watch.watch(transport, "advance", "transport")
    steps: list[dict[str, float]] = []
    COMM.barrier()
    with (everything := Stopwatch()).measure("injection"):
        states = [injection.start()]
        watch.take()
        rounds, iterations = [], []
        for state in injection.steps(states[-1]):
            injection.recorder.record(state)
            taken = watch.take()
            moved = {name: COMM.allreduce(taken.get(name, 0.0), op=MPI.MAX) for name in ("order", "transport")}
            steps.append({**parts(taken), **moved})
            rounds.append(state.flow.picard_iterations)
            iterations.append(state.flow.solver_iterations)
            states = [states[-1], state]
    seconds = COMM.allreduce(everything.take()["injection"], op=MPI.MAX)
    moments = [problem(flow, state) for state in states]
    injection.destroy()
    found = {"steps": steps[1:], "rounds": rounds[1:], "iterations": iterations[1:], "seconds": seconds}
    return moments, found


def problem(flow: CoupledFlow, state: InjectionState) -> Moment:
    """The pressure problem that the flow of a state has solved last."""
    solved, displaced = state.flow.pressure, state.flow.displaced_viscosity
    stiffness = flow.pressure.wall_stiffness(solved.mobility)
    _, conductance, outside = flow.walls.linearise(
        state.flow.walls, state.saturation, displaced, state.flow.cement_viscosity, stiffness
    )
    filled = np.where(solved.source > 0.0, 1.0, state.saturation)
    return Moment(filled, state.flow.cement_viscosity, displaced, solved.source, conductance, outside)


def single_steps(pressure: DarcyPressure, moments: list[Moment], repeats: int) -> dict[str, Any]:
    """The last problem, from the pressure of the one before and from zero."""
    watch = Stopwatch()
    watch_pressure(watch, pressure)
    found: dict[str, Any] = {}
    for name in ("previous", "zero"):
        taken = []
        # The first round compiles what is not yet in the cache.
        for _ in range(repeats + 1):
            restart(pressure, moments[-1])
            if name == "previous":
                solve(pressure, moments[0])
            watch.take()
            COMM.barrier()
            with watch.measure("whole"):
                solve(pressure, moments[-1])
            taken.append(parts(watch.take()))
        found[name] = {"iterations": pressure.iterations, "seconds": taken[1:]}
    return found


def solve(pressure: DarcyPressure, moment: Moment, tolerance: float = TOLERANCE) -> None:
    """Solve one problem from the pressure at hand."""
    pressure.solve(moment.mobility(), moment.source, moment.conductance, moment.outside, None, tolerance)


def restart(pressure: DarcyPressure, moment: Moment) -> None:
    """Set the pressure to zero, as it is where nothing flows."""
    nowhere = np.zeros_like(moment.conductance)
    pressure.solve(moment.mobility(), np.zeros_like(moment.source), nowhere, nowhere)


def transport_steps(
    body: Body, partition: Partition, pressure: DarcyPressure, moments: list[Moment], repeats: int
) -> list[dict[str, float]]:
    """Seconds of saturation steps of about half a cell with the fluxes of the last problem, the order found anew."""
    transport = CementTransport(partition, partition.local_cells(body.prepared.tissues.medium.porosity))
    watch = Stopwatch()
    watch.watch(transport, "_order_along", "order")
    watch.watch(transport, "advance", "whole")
    closed, found = np.zeros(len(pressure.flux)), []
    step = LAST_STEP * body.setup.plan.volume / body.setup.plan.rate
    for number in range(repeats + 1):
        # Another array of fluxes, in the same order: the transport looks for the order where they differ.
        flux = pressure.flux * (1.0 + 1e-12 * number)
        COMM.barrier()
        moment = moments[-1]
        transport.advance(moments[0].saturation, step, flux, moment.source, moment.ratio, closed, closed)
        taken = watch.take()
        found.append({name: COMM.allreduce(seconds, op=MPI.MAX) for name, seconds in sorted(taken.items())})
    return found[1:]


def iterations(body: Body, partition: Partition, fronts: dict[str, NDArray[np.float64]]) -> list[dict[str, Any]]:
    """Iterations from zero over contrasts, for saturations by name.

    The bone is as it is or has its mean permeability in all directions.
    """
    medium = body.prepared.tissues.medium
    isotropic = medium.mean_permeability[:, None, None] * np.eye(3)
    found = []
    for bone, tensor in (("anisotropic", medium.permeability), ("isotropic", isotropic)):
        pressure = DarcyPressure(partition, partition.local_cells(tensor))
        for front, filled in fronts.items():
            counts = []
            for contrast in CONTRASTS:
                moment = Moment.of_front(body, partition, filled, contrast)
                restart(pressure, moment)
                solve(pressure, moment)
                counts.append(pressure.iterations)
            found.append({"bone": bone, "front": front, "counts": counts})
        pressure.destroy()
    return found


def write_state(
    path: Path, pressure: DarcyPressure, permeability: NDArray[np.float64], moments: list[Moment]
) -> dict[str, float]:  # fmt: skip
    """Write the last problem for :mod:`benchmarks.flow_peers`, with its solution and a first guess.

    Returns:
        The largest errors of our solutions from zero and from the previous pressure, over the largest pressure.
    """
    partition, last = pressure.partition, moments[-1]
    restart(pressure, last)
    solve(pressure, last)
    own = {"zero": pressure.facet_pressure.copy()}
    solve(pressure, moments[0])
    guess = pressure.facet_pressure.copy()
    solve(pressure, last)
    own["previous"] = pressure.facet_pressure.copy()
    solve(pressure, last, REFERENCE_TOLERANCE)
    reference = pressure.facet_pressure
    np.savez(
        path,
        points=partition.mesh.geometry.x,
        cells=partition.mesh.geometry.dofmaps[0],
        cell_facets=partition.cell_facets,
        permeability=permeability,
        mobility=last.mobility(),
        source=last.source,
        walls=partition.boundary.facets,
        conductance=last.conductance,
        guess=guess,
        reference=reference,
    )
    return {name: float(np.abs(found - reference).max() / np.abs(reference).max()) for name, found in own.items()}


def grow(body: Body, count: int) -> dict[str, Any]:
    """Memory in MB after each of ``count`` small injections in this process."""
    setup, tissues = body.setup, body.prepared.tissues
    partition, rate = Partition.build(body.prepared.mesh, COMM), setup.plan.rate
    plan = replace(setup.plan, stages=(Stage((Bolus(0, SMALL_VOLUME, rate),)),), least_steps=5, output_count=1)
    held = []
    for _ in range(count):
        injection = Injection.build(
            partition, tissues.medium, setup.walls, setup.needles, body.laws.cement, tissues.fluids, plan,
            tissues.exchange,
        )  # fmt: skip
        injection.run()
        injection.destroy()
        held.append(processes.memory())
    return {"held": held}


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
