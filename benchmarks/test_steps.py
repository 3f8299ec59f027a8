"""One step of each solver and a whole injection under pytest-benchmark, to hold one state of the code against another.

    uv run --group bench pytest benchmarks --benchmark-autosave
    uv run --group bench pytest benchmarks --benchmark-compare

Times are of one process on one core; cells, unknowns and iterations stand beside them in what is saved. Sizes that take
longer, ranks and other programs are those of the modules of ``python -m benchmarks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.elastic_process import PLATES, POISSON_RATIO
from benchmarks.elastic_solve import demo_body
from benchmarks.flow_body import Body, Moment
from benchmarks.flow_process import FRONT_CONTRAST, LAST_STEP, restart, solve
from fem.injection.injection import Injection
from fem.injection.transport import CementTransport
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.plates import AXIAL_COMPRESSION, PlateProblem
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

SIZES = (2.2, 1.5)
"""Edge lengths in mm, for about 20k and 50k cells."""

ELASTIC_SIZES = (3.4, 2.2)
"""Edge lengths in mm, for about 20k and 70k unknowns."""

ROUNDS, LONG_ROUNDS = 10, 3


class State(NamedTuple):
    """The demo's L3 with two balls of cement, one step apart, and its pressure."""

    body: Body
    partition: Partition
    before: Moment
    now: Moment
    pressure: DarcyPressure


@pytest.fixture(scope="module", params=SIZES, ids="{:g} mm".format)
def state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """On each of the meshes."""
    body = Body.of_size(request.param, Path(tmp_path_factory.mktemp("body")), MPI.COMM_SELF)
    partition = Partition.build(body.prepared.mesh, MPI.COMM_SELF)
    volume = body.setup.plan.volume
    before, now = (
        Moment.of_front(body, partition, body.front(partition, share * volume), FRONT_CONTRAST)
        for share in (1.0 - LAST_STEP, 1.0)
    )
    pressure = DarcyPressure(partition, partition.local_cells(body.prepared.tissues.medium.permeability))
    yield State(body, partition, before, now, pressure)
    pressure.destroy()


@pytest.mark.parametrize("start", ["zero", "previous"])
def test_pressure_step(benchmark: BenchmarkFixture, state: State, start: str) -> None:
    """Assembly, set-up, solve to 1e-10 and fluxes, from nothing or from the pressure of the step before."""

    def begin() -> None:
        restart(state.pressure, state.now)
        if start == "previous":
            solve(state.pressure, state.before)

    benchmark.pedantic(lambda: solve(state.pressure, state.now), setup=begin, rounds=ROUNDS, warmup_rounds=1)
    note(benchmark, state)
    benchmark.extra_info["iterations"] = state.pressure.iterations
    assert 0 < state.pressure.iterations < 60


def test_transport_step(benchmark: BenchmarkFixture, state: State) -> None:
    """The saturation after one step, the order of the cells found anew."""
    body, partition, now = state.body, state.partition, state.now
    transport = CementTransport(partition, partition.local_cells(body.prepared.tissues.medium.porosity))
    solve(state.pressure, now)
    flux, closed = state.pressure.flux, np.zeros(len(state.pressure.flux))
    step = LAST_STEP * body.setup.plan.volume / body.setup.plan.rate

    def another() -> tuple[tuple[object, ...], dict[str, object]]:
        # In the same order, but another array: the transport looks for the order where fluxes differ.
        flux[:] *= 1.0 + 1e-12
        return (state.before.saturation, step, flux.copy(), now.source, now.ratio, closed, closed), {}

    benchmark.pedantic(transport.advance, setup=another, rounds=ROUNDS, warmup_rounds=1)
    note(benchmark, state)


def test_injection(benchmark: BenchmarkFixture, state: State) -> None:
    """The demo's 4 ml, from the prepared body to its history."""
    setup, tissues = state.body.setup, state.body.prepared.tissues

    def inject() -> float:
        injection = Injection.build(
            state.partition, tissues.medium, setup.walls, setup.needles, state.body.laws.cement, tissues.fluids,
            setup.plan, tissues.exchange,
        )  # fmt: skip
        stored = injection.run().records[-1].stored
        injection.destroy()
        return stored

    stored = benchmark.pedantic(inject, rounds=LONG_ROUNDS, warmup_rounds=1)
    note(benchmark, state)
    assert stored == pytest.approx(setup.plan.volume, rel=1e-9)


@pytest.mark.parametrize("size", ELASTIC_SIZES, ids="{:g} mm".format)
def test_elastic_solve(benchmark: BenchmarkFixture, size: float) -> None:
    """One axial load case between rigid plates, from the mesh in memory to the displacements."""
    mesh, modulus = demo_body(size)

    def stiffness() -> float:
        with PlateProblem(Partition.build(mesh, MPI.COMM_SELF), 2, *PLATES) as problem:
            problem.assemble(ElasticMaterial.isotropic(modulus, POISSON_RATIO))
            response = problem.solve(AXIAL_COMPRESSION)
        unknowns = 3 * response.displacement.x.index_map.size_global
        benchmark.extra_info.update(cells=len(mesh.cells), unknowns=unknowns, iterations=response.iterations)
        return float(abs(response.reaction_superior[:3]).max())

    assert benchmark.pedantic(stiffness, rounds=LONG_ROUNDS, warmup_rounds=1) > 0.0


def note(benchmark: BenchmarkFixture, state: State) -> None:
    """Keep the size of the problem beside its times."""
    benchmark.extra_info.update(
        cells=len(state.body.prepared.mesh.cells), unknowns=state.partition.facet_map.size_global
    )
