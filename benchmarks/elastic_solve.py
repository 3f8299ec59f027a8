"""What the elastic solve of the demo's L3 costs, beside CalculiX on the same cells with the same moduli.

Run it as ``python -m benchmarks.elastic_solve``; it needs Linux, and the command ``ccx`` (Debian's ``calculix-ccx``) to
compare with. ``-o docs/benchmarks.md`` writes its tables there. The mesh has edges of 1.5 mm and quadratic elements.

The first table is the whole 6 x 6 stiffness, from the mesh in memory to the checked matrix. The second one is one axial
load case as a whole process, from the mesh file to the reaction force and the displacements of all nodes: our start of
Python and its imports count, and so does CalculiX's reading of its input. Writing the mesh files does not, nor does the
compilation of our forms, which are cached once per machine. Moduli are rounded to steps of 1 %, so that CalculiX, which
wants a material and a set of elements for each modulus, has 563 of them and not 46802; that would cost it 3 s more.

"Wall" is what a clock on the wall shows, which other work on the machine lengthens; "CPU" is what processors spent, in
the first table those of one rank, in the second one of all together. The error is that of the displacements in the norm
of the energy, against a solution to 1e-12.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.elastic_process import PLATES, POISSON_RATIO
from benchmarks.page import options, publish, spread, table
from benchmarks.processes import ROOT, Cost, python, run
from fem.mechanics import elasticity, two_level
from fem.mechanics.elastic_material import CONSTANTS, ElasticMaterial
from fem.mechanics.plates import AXIAL_COMPRESSION, PlateProblem
from fem.partition import Partition
from materials.bone import BoneModel
from meshes.body_mesh import mesh_body
from meshes.demo_patient import demo_patient
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import read_vertebra
from tests.verification.calculix import displacements, total_force, write_input

SIZE, QUICK_SIZE = 1.5, 3.0
"""Edge lengths in mm."""

PROGRAM = "ccx"
ROUNDS = 3
RANKS = (1, 2)
MATRIX_TOLERANCES = (1e-8, two_level.RELATIVE_TOLERANCE)
AXIAL_TOLERANCES = (3e-5, two_level.RELATIVE_TOLERANCE)
ITERATIVE_SOLVERS = ("ITERATIVE SCALING", "ITERATIVE CHOLESKY")
DEFAULT_SOLVER = "SPOOLES"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    asked = options(__doc__, quick="a coarse mesh and one round").parse_args(arguments)
    mesh, modulus = demo_body(QUICK_SIZE if asked.quick else SIZE)
    rounds = 1 if asked.quick else ROUNDS
    material = ElasticMaterial.isotropic(modulus, POISSON_RATIO)
    judge = EnergyError(mesh, material)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "mesh.npz", mesh, modulus)
        own(folder, "matrix", MATRIX_TOLERANCES[0], 1)  # compiles what is not yet in the cache
        matrices, cases = matrix_table(folder, rounds), axial_table(folder, mesh, material, judge, rounds)
    publish(
        "elastic_solve",
        asked,
        "Elastic solve, beside CalculiX",
        [
            f"The demo's L3 with quadratic elements, {len(mesh.cells)} cells. The whole 6 × 6 stiffness, from the mesh "
            "in memory to the checked matrix; CPU is that of the slowest rank. Seconds are medians, with least and "
            "largest in brackets:\n",
            matrices,
            "One axial load case as a whole process, from the mesh file to the reaction force and the displacements "
            "of all nodes; starting Python, MPI and what they import counts. The error is that of the displacements in "
            f"the norm of the energy against a solution to 1e-12. {calculix_version()}, as installed; "
            f"{DEFAULT_SOLVER}, its default, is asked once:\n",
            cases,
        ],
    )


def write(path: Path, mesh: TetMesh, modulus: NDArray[np.float64]) -> None:
    """Write what :mod:`benchmarks.elastic_process` reads."""
    arrays: dict[str, Any] = {region: mesh.facet_regions[region] for region in PLATES}
    arrays |= {"points": mesh.points, "cells": mesh.cells, "facets": mesh.facets, "modulus": modulus}
    np.savez(path, **arrays)


def demo_body(size: float = SIZE) -> tuple[TetMesh, NDArray[np.float64]]:
    """The demo's L3 with edges of ``size`` mm and the Young's moduli of its cells in MPa, rounded to steps of 1 %."""
    demo = demo_patient()
    vertebra = read_vertebra(demo.ct, demo.mask, demo.level, demo.labels, demo.subregions)
    mesh = mesh_body(vertebra, size)
    law = BoneModel()
    voxels = law.modulus.modulus(law.calibration.density(vertebra.ct.values.ravel().astype(np.float64)))
    modulus = voxel_weights(mesh, vertebra) @ voxels
    return mesh, np.exp(0.01 * np.round(100.0 * np.log(modulus)))


class EnergyError:
    """The distance to a solution of 1e-12 in the norm of the energy, over the norm of that solution."""

    def __init__(self, mesh: TetMesh, material: ElasticMaterial) -> None:
        """Solve."""
        partition = Partition.build(mesh)
        usual = two_level.QUADRATIC_OPTIONS["ksp_rtol"]
        two_level.QUADRATIC_OPTIONS["ksp_rtol"] = 1e-12
        with PlateProblem(partition, 2, *PLATES) as problem:
            problem.assemble(material)
            response = problem.solve(AXIAL_COMPRESSION)
        two_level.QUADRATIC_OPTIONS["ksp_rtol"] = usual
        self._solution, self._energy = response.displacement.x.array.copy(), response.energy
        space = response.displacement.function_space
        self._nodes = cKDTree(space.tabulate_dof_coordinates())
        constants = fem.Function(fem.functionspace(partition.mesh, ("Discontinuous Lagrange", 0, (len(CONSTANTS),))))
        constants.x.array[:] = partition.local_cells(material.constants).ravel()
        self._difference = fem.Function(space)
        strain = ufl.sym(ufl.grad(self._difference))
        self._form = fem.form(ufl.inner(elasticity.stress(strain, constants), strain) * ufl.dx)

    def of(self, points: NDArray[np.float64], displacement: NDArray[np.float64]) -> float:
        """The error of (nodes, 3) displacements in mm at (nodes, 3) points in mm, which are all nodes in some order."""
        distances, nodes = self._nodes.query(points)
        if distances.max() > 1e-6 or len(np.unique(nodes)) != self._nodes.n:
            raise ValueError("the points are not the nodes of the mesh")
        difference = self._solution.reshape(-1, 3).copy()
        difference[nodes] -= displacement
        self._difference.x.array[:] = difference.ravel()
        return float(np.sqrt(fem.assemble_scalar(self._form) / self._energy))


def matrix_table(folder: Path, rounds: int) -> str:
    """The first table."""
    rows = []
    for tolerance in MATRIX_TOLERANCES:
        for ranks in RANKS:
            found = [own(folder, "matrix", tolerance, ranks)[1] for _ in range(rounds)]
            rows.append(
                [
                    ranks,
                    f"{tolerance:.0e}",
                    "+".join(map(str, found[0]["iterations"])),
                    spread([one["wall"] for one in found], 1),
                    f"{statistics.median(one['processor'] for one in found):.1f}",
                    f"{found[0]['memory']:.0f}",
                    f"{found[0]['error']:.0e}",
                ]
            )
    head = ["ranks", "tolerance", "iterations of the six", "wall (s)", "CPU (s)", "memory (MB)", "checks"]
    return table(head, rows)


def axial_table(folder: Path, mesh: TetMesh, material: ElasticMaterial, judge: EnergyError, rounds: int) -> str:
    """The second table."""
    installed = shutil.which(PROGRAM) is not None
    costs: dict[tuple[str, str, int], list[Cost]] = {}
    results: dict[tuple[str, str, int], tuple[int | str, float, float]] = {}
    for turn in range(rounds):
        for ranks in RANKS:
            for tolerance in AXIAL_TOLERANCES:
                key = ("own", f"to {tolerance:.0e}", ranks)
                cost, found = own(folder, "axial", tolerance, ranks)
                costs.setdefault(key, []).append(cost)
                with np.load(folder / "own.npz") as file:
                    error = judge.of(file["points"], file["displacement"])
                results[key] = (found["iterations"][0], -found["reaction"][2], error)
            for solver in (*ITERATIVE_SOLVERS, *([DEFAULT_SOLVER] if turn == 0 else [])) if installed else ():
                key = ("CalculiX", solver.lower(), ranks)
                points = write_input(folder / "plates.inp", mesh, material, *PLATES, solver=solver)
                cost, text = run([PROGRAM, "-i", "plates"], folder, threads=ranks)
                costs.setdefault(key, []).append(cost)
                counts = [int(count) for count in re.findall(r"iteration= *(\d+)", text)]
                error = judge.of(points, displacements(folder / "plates.dat"))
                force = -float(total_force(folder / "plates.dat")[2])
                results[key] = (max(counts, default="–"), force, error)
    rows: list[list[object]] = []
    for (program, solver, ranks), taken in costs.items():
        iterations, reaction, error = results[program, solver, ranks]
        rows.append(
            [
                program,
                solver,
                ranks,
                iterations,
                f"{error:.1e}",
                f"{reaction:.2f}",
                spread([one.wall for one in taken], 1),
                f"{statistics.median(one.processor for one in taken):.1f}",
                f"{max(one.memory for one in taken):.0f}",
            ]
        )
    if not installed:
        rows.append(["CalculiX", f"skipped: no command {PROGRAM}", *["–"] * 7])
    head = ["program", "solver", "ranks, threads", "iterations", "error", "reaction (N)"]
    return table([*head, "wall (s)", "CPU (s)", "memory (MB)"], rows)


def calculix_version() -> str:
    """Of the program that is compared with."""
    if shutil.which(PROGRAM) is None:
        return "CalculiX is not installed"
    told = subprocess.run([PROGRAM, "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Version ([\d.]+)", told)
    return f"CalculiX {found[1]}" if found else "CalculiX of unknown version"


def own(folder: Path, what: str, tolerance: float, ranks: int) -> tuple[Cost, dict]:
    """Run our process; its memory is the sum over the ranks."""
    arguments = [what, str(folder / "mesh.npz"), str(tolerance), str(folder / "own.npz")]
    cost, text = run(python("benchmarks.elastic_process", *arguments, ranks=ranks), ROOT)
    found = json.loads(text.splitlines()[-1])
    return Cost(cost.wall, cost.processor, found["memory"]), found


if __name__ == "__main__":
    main()
