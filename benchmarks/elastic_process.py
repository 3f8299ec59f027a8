"""One process of an elastic benchmark: mesh file in, reaction force and displacements out.

Run it as ``python -m benchmarks.elastic_process axial|matrix MESH TOLERANCE OUTPUT [SOLVER]``, also under ``mpiexec``.
``axial`` is one load case, 1 mm of compression between rigid plates, ``matrix`` the whole 6 x 6. SOLVER is one of
:data:`OTHERS`, what PETSc offers for the same matrix, or left out for ours. It prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np

from benchmarks.processes import memory, peak_memory
from fem import solver_options
from fem.mechanics import two_level
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.linear_level import LinearLevel
from fem.mechanics.plates import AXIAL_COMPRESSION, PlateProblem, PlateResponse
from fem.mechanics.stiffness import stiffness_matrix
from fem.partition import Partition
from meshes.tetmesh import TetMesh

PLATES = ("superior_endplate", "inferior_endplate")
POISSON_RATIO = 0.3

OTHERS: dict[str, dict[str, Any]] = {
    "GAMG": two_level.LINEAR_OPTIONS,
    "MUMPS": {"ksp_type": "richardson", "pc_type": "cholesky", "pc_factor_mat_solver_type": "mumps"},
}
"""Algebraic multigrid with rigid-body modes, on the quadratic elements themselves, and a direct solver."""


def main(what: str, mesh_file: Path, tolerance: float, output: Path, solver: str | None = None) -> None:
    """Solve, and print seconds from the mesh in memory to the result, iterations, memory and the result."""
    comm = MPI.COMM_WORLD
    before = comm.allreduce(memory(), op=MPI.SUM)
    mesh, modulus = read(mesh_file)
    two_level.QUADRATIC_OPTIONS["ksp_rtol"] = two_level.LINEAR_OPTIONS["ksp_rtol"] = tolerance
    comm.barrier()
    wall, processor = time.perf_counter(), time.process_time()
    with PlateProblem(Partition.build(mesh, comm), 2, *PLATES) as problem:
        if solver is not None:
            leave_to_petsc(problem, OTHERS[solver])
        problem.assemble(ElasticMaterial.isotropic(modulus, POISSON_RATIO))
        motions = [AXIAL_COMPRESSION] if what == "axial" else np.eye(6)
        responses = problem.solve_all(motions)
        error = 0.0 if what == "axial" else max(vars(stiffness_matrix(problem, responses).errors).values())
    found = {
        "wall": time.perf_counter() - wall,
        "processor": comm.allreduce(time.process_time() - processor, op=MPI.MAX),
        "unknowns": responses[0].displacement.x.index_map.size_global * 3,
        "iterations": [response.iterations for response in responses],
        "reaction": responses[0].reaction_superior[:3].tolist(),
        "error": error,
        "before": before,
    }
    if what == "axial":
        write(output, responses[0], comm)
    found["memory"] = comm.allreduce(peak_memory("self"), op=MPI.SUM)
    if comm.rank == 0:
        print(json.dumps(found))


def leave_to_petsc(problem: PlateProblem, options: dict[str, Any]) -> None:
    """Have the next assembly set PETSc's solver up instead of our two levels.

    The interpolation of these is there by then, and counts: 0.3 of 11 s at 210k unknowns.
    """
    solver = problem._elastic._solver
    level, solver._quadratic = solver._quadratic, None
    assert level is not None
    solver._linear = LinearLevel(solver.space, level._form, level._bcs, solver_options.ELASTICITY, options)


def read(path: Path) -> tuple[TetMesh, np.ndarray]:
    """The mesh with its two plates and the Young's moduli of its cells in MPa."""
    with np.load(path) as file:
        regions = {name: file[name] for name in PLATES}
        return TetMesh(file["points"], file["cells"], file["facets"], regions), file["modulus"]


def write(path: Path, response: PlateResponse, comm: MPI.Comm) -> None:
    """Write points and displacements of all nodes."""
    space = response.displacement.function_space
    owned = space.dofmap.index_map.size_local
    points, displacement = space.tabulate_dof_coordinates(), response.displacement.x.array.reshape(-1, 3)
    parts = comm.gather((points[:owned], displacement[:owned]))
    if parts is not None:
        together = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        np.savez(path, points=together[0], displacement=together[1])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), *sys.argv[5:])
