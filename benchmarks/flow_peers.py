"""One process of :mod:`benchmarks.flow_steps`: the linear system of a pressure step, solved as a user would without us.

Run it as ``python -m benchmarks.flow_peers METHOD STATE REPEATS`` with a file of :mod:`benchmarks.flow_process`. It
prints one line of JSON. scikit-fem assembles Crouzeix-Raviart elements for SciPy and PyAMG; for MUMPS and GAMG, PETSc
adds up the matrices of the cells at places that it knows beforehand. What does not change from step to step is not
measured. All of them solve to the same residual over the right-hand side; a direct solver falls below it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray

from benchmarks import processes
from benchmarks.flow_process import TOLERANCE
from benchmarks.stopwatch import Stopwatch
from fem import krylov

type Array = NDArray[np.float64]


class Answer(NamedTuple):
    """Pressures of the facets in MPa, and iterations; None for a direct solver."""

    pressure: Array
    iterations: int | None = None


class System:
    """The problem of a state file.

    Attributes:
        cells: (cells, 4) points of each cell.
        cell_facets: (cells, 4) facet opposite to each of them.
        load: (facets,) right-hand side in mm3/s.
        walls: facets with a conductance.
        conductance: of ``walls`` in mm3/(s MPa).
        tensors: (cells, 3, 3) permeability times mobility in mm2/(MPa s).
    """

    def __init__(self, path: Path) -> None:
        """Read."""
        with np.load(path) as file:
            self.points, self.cells, self.cell_facets = file["points"], file["cells"], file["cell_facets"]
            self.walls, self.conductance = file["walls"], file["conductance"]
            self.guess, self.reference = file["guess"], file["reference"]
            self.tensors = file["permeability"] * file["mobility"][:, None, None]
            self.load = np.zeros(len(self.reference))
            np.add.at(self.load, self.cell_facets, 0.25 * file["source"][:, None])

    def error(self, pressure: Array) -> float:
        """Largest difference to the reference solution over its largest value."""
        return float(np.abs(pressure - self.reference).max() / np.abs(self.reference).max())


class ScikitFem:
    """The matrix as scikit-fem assembles it, in its own order of the facets."""

    def __init__(self, system: System) -> None:
        """Set up what does not change."""
        import skfem
        from skfem.helpers import dot, grad, mul

        self._system = system
        mesh = skfem.MeshTet(
            np.ascontiguousarray(system.points.T), np.ascontiguousarray(system.cells.T, dtype=np.int64)
        )
        self._basis = skfem.Basis(mesh, skfem.ElementTetCR(), intorder=1)

        @skfem.BilinearForm
        def darcy(u: Any, v: Any, w: Any) -> Any:
            return dot(mul(w.tensor, grad(u)), grad(v))

        self._form = darcy
        self.order = self._own_facets(mesh.facets)
        self._walls = np.zeros(len(system.load))
        self._walls[system.walls] = system.conductance
        self._walls = self._walls[self.order]
        self.load = system.load[self.order]

    def _own_facets(self, facets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Facet of the system for each of scikit-fem's (3, facets), which have their points in ascending order."""
        system = self._system
        corners = np.empty((len(system.load), 3), dtype=np.int64)
        for i in range(4):
            corners[system.cell_facets[:, i]] = np.sort(np.delete(system.cells, i, axis=1), axis=1)
        order = np.empty(len(corners), dtype=np.int64)
        order[np.lexsort(np.sort(facets, axis=0))] = np.lexsort(corners.T)
        return order

    def assemble(self) -> Any:
        """The matrix in SciPy's format of compressed rows."""
        from scipy.sparse import dia_array

        tensor = self._system.tensors.transpose(1, 2, 0)[..., None]
        matrix = self._form.assemble(self._basis, tensor=tensor)
        count = len(self._walls)
        return (matrix + dia_array((self._walls[None], [0]), (count, count))).tocsr()

    def back(self, pressure: Array) -> Array:
        """The same pressures in the order of the system."""
        found = np.empty_like(pressure)
        found[self.order] = pressure
        return found


def scipy_solver(system: System, watch: Stopwatch) -> Callable[[Array], Answer]:
    """``spsolve``, that is SuperLU, as it comes."""
    from scipy.sparse.linalg import spsolve

    peer = ScikitFem(system)

    def solve(_: Array) -> Answer:
        with watch.measure("assembly"):
            matrix = peer.assemble()
        with watch.measure("solve"):
            found = spsolve(matrix, peer.load)
        return Answer(peer.back(found))

    return solve


def pyamg_solver(system: System, watch: Stopwatch) -> Callable[[Array], Answer]:
    """Smoothed aggregation in its default form, with conjugate gradients around it."""
    import pyamg

    peer = ScikitFem(system)

    def solve(guess: Array) -> Answer:
        with watch.measure("assembly"):
            matrix = peer.assemble()
        with watch.measure("set-up"):
            hierarchy = pyamg.smoothed_aggregation_solver(matrix)
        residuals: list[float] = []
        with watch.measure("solve"):
            found = hierarchy.solve(
                peer.load, x0=guess[peer.order], tol=TOLERANCE, maxiter=1000, accel="cg", residuals=residuals
            )  # fmt: skip
        if np.linalg.norm(peer.load - matrix @ found) > 2.0 * TOLERANCE * np.linalg.norm(peer.load):
            raise SystemExit(f"PyAMG stopped after {len(residuals) - 1} iterations")
        return Answer(peer.back(found), len(residuals) - 1)

    return solve


def petsc_solver(system: System, watch: Stopwatch, options: dict[str, Any]) -> Callable[[Array], Answer]:
    """A solver of PETSc on the assembled matrix."""
    count = len(system.load)
    edges = system.points[system.cells[:, 1:]] - system.points[system.cells[:, :1]]
    inner = np.linalg.inv(edges).transpose(0, 2, 1)
    gradients = np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
    weighted = 1.5 * np.abs(np.linalg.det(edges))[:, None, None] * gradients
    facets = system.cell_facets.astype(PETSc.IntType)
    walls = system.walls.astype(PETSc.IntType)
    matrix = PETSc.Mat().createAIJ((count, count), comm=PETSc.COMM_SELF)
    matrix.setPreallocationCOO(
        np.concatenate([np.repeat(facets, 4, axis=1).ravel(), walls]),
        np.concatenate([np.tile(facets, (1, 4)).ravel(), walls]),
    )
    matrix.setOption(PETSc.Mat.Option.SPD, True)
    load, solution = PETSc.Vec().createWithArray(system.load), PETSc.Vec().createSeq(count)
    solver = PETSc.KSP().create(PETSc.COMM_SELF)

    def solve(guess: Array) -> Answer:
        with watch.measure("assembly"):
            cells = weighted @ system.tensors @ gradients.transpose(0, 2, 1)
            matrix.setValuesCOO(
                np.concatenate([cells.ravel(), system.conductance]), addv=PETSc.InsertMode.INSERT_VALUES
            )
        with watch.measure("set-up"), krylov.options("peer_", options):
            solver.setOptionsPrefix("peer_")
            solver.setOperators(matrix)
            solver.setFromOptions()
            solver.setUp()
        solution.setArray(guess)
        with watch.measure("solve"):
            iterations = krylov.solve(solver, load, solution, "The peer")
        return Answer(solution.getArray().copy(), iterations if options["ksp_type"] == "cg" else None)

    return solve


def mumps_solver(system: System, watch: Stopwatch) -> Callable[[Array], Answer]:
    """MUMPS; the analysis of the matrix is done once."""
    return petsc_solver(
        system, watch, {"ksp_type": "preonly", "pc_type": "cholesky", "pc_factor_mat_solver_type": "mumps"}
    )  # fmt: skip


def gamg_solver(system: System, watch: Stopwatch) -> Callable[[Array], Answer]:
    """PETSc's algebraic multigrid with conjugate gradients around it; its interpolation is built in the first step."""
    return petsc_solver(
        system,
        watch,
        {
            "ksp_type": "cg",
            "ksp_norm_type": "unpreconditioned",
            "ksp_rtol": TOLERANCE,
            "ksp_max_it": 2000,
            "ksp_initial_guess_nonzero": True,
            "pc_type": "gamg",
            "pc_gamg_threshold": 0.0,
            "mg_levels_pc_type": "jacobi",
        },
    )


METHODS = {"SciPy": scipy_solver, "PyAMG": pyamg_solver, "MUMPS": mumps_solver, "GAMG": gamg_solver}


def main(method: str, state: Path, repeats: int) -> None:
    """Solve from zero and from the pressure of the step before, and print what it took."""
    system, watch = System(state), Stopwatch()
    processes.forget_peak_memory()
    before = processes.memory()
    solve = METHODS[method](system, watch)
    found: dict[str, Any] = {"unknowns": len(system.load)}
    starts = {"zero": np.zeros_like(system.guess), "previous": system.guess}
    for name, guess in starts.items():
        taken = []
        for number in range(repeats + 1):
            with watch.measure("whole"):
                answer = solve(guess)
            taken.append(watch.take())
            # The analysis of a direct solver and whatever is compiled belong to the first step of a run alone.
            if number == 0 and repeats > 0:
                taken.clear()
        found[name] = {"iterations": answer.iterations, "error": system.error(answer.pressure), "seconds": taken}
        if answer.iterations is None:
            break
    found["memory"] = processes.peak_memory() - before
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
