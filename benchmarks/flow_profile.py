"""Where the time of a pressure step goes, and how far each of its kernels is from the speed of the memory.

Run it as ``python -m benchmarks.flow_profile``; ``-o docs/benchmarks.md`` writes its tables there. One core solves the
demo's L3 with a ball of cement, from zero, under PETSc's own log (that of ``-log_view``), and then runs every kernel by
itself. The bytes of a kernel are those of the arrays that it reads and writes, each counted once, as if what is
gathered came from the cache; beside its rate stands that of the STREAM triad (McCalpin 1995) on as many bytes.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.flow_body import Body, Moment
from benchmarks.flow_process import FRONT_CONTRAST, restart, solve
from benchmarks.page import options, publish, table
from experiments.case.identity import code_version
from fem.partition import Partition
from fem.pressure import facet_matrix, two_level
from fem.pressure.darcy import DarcyPressure
from fem.pressure.nodal_level import MULTIGRID_OPTIONS
from fem.pressure.pockets import Surroundings

SIZES = (1.5, 1.0)
"""Edge lengths in mm."""

SOLVES = 10
ROUNDS = 200
"""Calls of a kernel of which the median is taken."""

EVENTS = {
    "KSPSolve": "conjugate gradients in all",
    "MatMult": "products, those of the coarse levels included",
    "PCApply": "preconditioner, its coarse levels counted again",
    "PCSetUp": "set-up of the multigrid",
    "VecTDot": "scalar products",
    "VecNorm": "norms",
    "VecAXPY": "vector updates",
    "VecAYPX": "vector updates of the direction",
}
"""Event of PETSc's log -> what it is here."""

LARGE = 400e6
"""Bytes of a triad that no cache holds."""


@dataclass(frozen=True)
class Kernel:
    """One kernel by itself.

    Attributes:
        name: what it does.
        run: calls it once.
        arrays: what it reads and writes; one that is read and written stands here twice.
        calls: in one iteration, or in one step with ``per`` = "step".
        per: "iteration" or "step".
    """

    name: str
    run: Callable[[], object]
    arrays: tuple[NDArray, ...]
    calls: int
    per: str = "iteration"

    @property
    def bytes(self) -> int:
        """That one call moves at least."""
        return sum(array.nbytes for array in self.arrays)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = options(__doc__)
    parser.add_argument("--sizes", nargs="+", type=float, help="edge lengths in mm")
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.gettempdir(), f"vertebroplasty-benchmarks-{code_version()}")
    folder.mkdir(exist_ok=True)
    parts = [
        f"The STREAM triad moves {triad(LARGE):.1f} GB/s on one core where no cache holds its arrays.\n",
    ]
    for size in asked.sizes or SIZES:
        parts += profile(size, folder)
    publish("flow_profile", asked, "Where a pressure step spends its time", parts)


def profile(size: float, folder: Path) -> list[str]:
    """PETSc's log and the kernels on one mesh, as paragraphs and tables."""
    PETSc.Log.begin()
    body = Body.of_size(size, folder, MPI.COMM_SELF)
    partition = Partition.build(body.prepared.mesh, MPI.COMM_SELF)
    pressure = DarcyPressure(partition, partition.local_cells(body.prepared.tissues.medium.permeability))
    moment = Moment.of_front(body, partition, body.front(partition, body.setup.plan.volume), FRONT_CONTRAST)
    solve(pressure, moment)
    before = logged()
    start = perf_counter()
    for _ in range(SOLVES):
        restart(pressure, moment)
        solve(pressure, moment)
    seconds = (perf_counter() - start) / SOLVES
    after = logged()
    iterations = pressure.iterations
    events = [
        [name, what, round((after[name][0] - before[name][0]) / SOLVES), f"{1e3 * taken:.2f}", f"{taken / seconds:.0%}"]
        for name, what in EVENTS.items()
        if (taken := (after[name][1] - before[name][1]) / SOLVES) > 0.0
    ]
    rows = []
    for kernel in kernels(pressure, moment):
        taken = median_seconds(kernel.run)
        rate = 1e-9 * kernel.bytes / taken
        peak = triad(kernel.bytes)
        share = kernel.calls * (iterations if kernel.per == "iteration" else 1) * taken / seconds
        rows.append(
            [
                kernel.name,
                f"{kernel.calls} an iteration" if kernel.per == "iteration" else f"{kernel.calls} a step",
                f"{1e-6 * kernel.bytes:.1f}",
                f"{1e3 * taken:.3f}",
                f"{rate:.1f}",
                f"{peak:.1f}",
                f"{rate / peak:.0%}",
                f"{share:.0%}",
            ]
        )
    pressure.destroy()
    return [
        f"### {len(body.prepared.mesh.cells)} cells, {partition.facet_map.size_global} unknowns\n",
        f"One step from zero: {1e3 * seconds:.0f} ms, {iterations} iterations. PETSc's log of it:\n",
        table(["event", "which is", "calls", "ms", "of the step"], events),
        "Its kernels, each by itself:\n",
        table(["kernel", "calls", "MB", "ms a call", "GB/s", "triad (GB/s)", "of it", "of the step"], rows),
    ]


def kernels(pressure: DarcyPressure, moment: Moment) -> list[Kernel]:
    """The kernels of a step."""
    matrix, cycle = pressure._facet_matrix, pressure._preconditioner
    partition, nodal = pressure.partition, cycle._nodal
    given, result = matrix.row_sum.copy(), np.empty_like(matrix.row_sum)
    single, solution, product, direction = cycle._pairs, cycle._solution.array, cycle._product, cycle._direction
    vertices, load = partition.facet_vertices, np.zeros(nodal.load.getLocalSize())
    mobility, flux = moment.mobility(), pressure.flux.copy()
    cells = (partition.cell_facets, pressure._cell_matrices, mobility)
    degree, around = two_level.DEGREE, cycle.pockets.surroundings

    def fill() -> None:
        facet_matrix._fill(
            matrix.cell_facets, matrix._unit_pairs, mobility, pressure._exchange, matrix.pairs, given
        )  # fmt: skip

    return [
        Kernel(
            "product with the facet matrix",
            lambda: facet_matrix.multiply(matrix.cell_facets, matrix.pairs, matrix.row_sum, given, result),
            (matrix.cell_facets, matrix.pairs, matrix.row_sum, given, result),
            1,
        ),
        Kernel(
            "the same in single precision",
            lambda: facet_matrix.multiply(matrix.cell_facets, single, cycle._row_sum, solution, product),
            (matrix.cell_facets, single, cycle._row_sum, solution, product),
            2 * degree,
        ),
        Kernel(
            "step of the smoother",
            lambda: two_level._step(
                cycle._given, product, cycle._inverse, direction, solution, *cycle._coefficients[-1]
            ),
            (cycle._given, product, cycle._inverse, direction, direction, solution, solution),
            2 * degree - 1,
        ),
        Kernel(
            "residual to the nodes",
            lambda: two_level._restrict(cycle._given, product, vertices, load),
            (cycle._given, product, vertices, load),
            1,
        ),
        Kernel(
            "correction from the nodes",
            lambda: two_level._prolong(vertices, load, solution),
            (vertices, load, solution, solution),
            1,
        ),
        *([] if around is None else [
            Kernel(
                "solve for the pockets and around them",
                lambda: around.correct(matrix, cycle._given, solution),
                pocket_arrays(around, matrix),
                2,
            ),
        ]),
        Kernel("multigrid on the nodes, levels of few unknowns included", nodal.solve, multigrid_arrays(nodal), 1),
        Kernel(
            "filling the facet matrix",
            fill,
            (matrix.cell_facets, matrix._unit_pairs, mobility, pressure._exchange, matrix.pairs, given),
            1,
            "step",
        ),
        Kernel(
            "search for the pockets",
            lambda: cycle.pockets.find(matrix, mobility),
            (partition.neighbours, mobility, cycle.pockets._ease_at_unit_mobility),
            1,
            "step",
        ),
        Kernel(
            "flux of every facet",
            lambda: pressure._recover_flux(mobility, pressure._source, moment.conductance, moment.outside),
            (*cells, pressure.facet_pressure, pressure._raw_flux, pressure._raw_flux, flux),
            1,
            "step",
        ),
    ]  # fmt: skip


def pocket_arrays(around: Surroundings, matrix: facet_matrix.FacetMatrix) -> tuple[NDArray, ...]:
    """The cells around the pockets and their matrix, and its factors."""
    lower, upper = around.factors.L, around.factors.U
    factors = (lower.data, lower.indices, upper.data, upper.indices)
    return (matrix.cell_facets[around.cells], matrix.pairs[around.cells], around.facets, *factors)


def multigrid_arrays(nodal: object) -> tuple[NDArray, ...]:
    """The nodal matrix, once for each smoothing step on both sides and once for the residual between."""
    starts, columns, values = nodal._matrix.getValuesCSR()  # type: ignore[attr-defined]
    return (starts, columns, values) * (2 * MULTIGRID_OPTIONS["mg_levels_ksp_max_it"] + 1)


def median_seconds(run: Callable[[], object]) -> float:
    """Of one call; the first one is not counted."""
    run()
    taken = []
    for _ in range(ROUNDS):
        start = perf_counter()
        run()
        taken.append(perf_counter() - start)
    return statistics.median(taken)


@lru_cache(maxsize=64)
def triad(moved: float) -> float:
    """GB/s of a = b + 3 c over ``moved`` bytes on one core, the best of ten; three arrays count, as STREAM does."""
    count = max(int(moved / 24), 1)
    a, b, c = (np.ones(count) for _ in range(3))
    repeats = max(int(2e7 / count), 1)
    best = 0.0
    _triad(a, b, c, 1)
    for _ in range(10):
        start = perf_counter()
        _triad(a, b, c, repeats)
        best = max(best, 24e-9 * count * repeats / (perf_counter() - start))
    return best


@numba.njit(cache=True)
def _triad(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], repeats: int) -> None:
    for _ in range(repeats):
        for index in range(len(a)):
            a[index] = b[index] + 3.0 * c[index]


def logged() -> dict[str, tuple[int, float]]:
    """Calls and seconds of PETSc's events so far."""
    found = {}
    for name in EVENTS:
        info = PETSc.Log.Event(name).getPerfInfo()
        found[name] = (int(info["count"]), float(info["time"]))
    return found


if __name__ == "__main__":
    main()
