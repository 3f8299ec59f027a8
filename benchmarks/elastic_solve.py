"""What the elastic solve of the demo's L3 costs, beside CalculiX on the same cells with the same moduli.

Run it as ``python -m benchmarks.elastic_solve``; it needs Linux and the command ``ccx``, takes about ten minutes on two
cores and prints the two tables of ``docs/theory/elastic-solver.md``. The mesh has edges of 1.5 mm and quadratic
elements.

The first table is the whole 6 x 6 stiffness, from the mesh in memory to the checked matrix. The second one is one axial
load case as a whole process, from the mesh file to the reaction force and the displacements of all nodes: our start of
Python and its imports count, and so does CalculiX's reading of its input. Writing the mesh files does not, nor does the
compilation of our forms, which are cached once per machine. Moduli are rounded to steps of 1 %, so that CalculiX, which
wants a material and a set of elements for each modulus, has 563 of them and not 46802; that would cost it 3 s more.

Seconds are the least of several rounds in turn. "Wall" is what a clock on the wall shows, which other work on the
machine lengthens; "CPU" is what processors spent, all ranks together. The error is that of the displacements in the
norm of the energy, against a solution to 1e-12.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from benchmarks.elastic_process import PLATES, POISSON_RATIO
from benchmarks.processes import ROOT, Cost, python, run
from fem import elasticity
from fem.elastic_material import CONSTANTS, ElasticMaterial
from fem.partition import Partition
from fem.plates import AXIAL_COMPRESSION, PlateProblem
from materials.bone import BoneModel
from meshes.body import mesh_body
from meshes.demo_patient import demo_patient
from meshes.sampling import voxel_weights
from meshes.tetmesh import TetMesh
from meshes.vertebra import read_vertebra
from tests.verification.calculix import displacements, total_force, write_input

SIZE = 1.5
ROUNDS = 3
RANKS = (1, 2)
MATRIX_TOLERANCES = (1e-8, elasticity.RELATIVE_TOLERANCE)
AXIAL_TOLERANCES = (3e-5, elasticity.RELATIVE_TOLERANCE)
ITERATIVE_SOLVERS = ("ITERATIVE SCALING", "ITERATIVE CHOLESKY")
DEFAULT_SOLVER = "SPOOLES"


def main() -> None:
    """Measure and print."""
    mesh, modulus = demo_body()
    material = ElasticMaterial.isotropic(modulus, POISSON_RATIO)
    judge = EnergyError(mesh, material)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "mesh.npz", mesh, modulus)
        print_matrix(folder)
        print_axial(folder, mesh, material, judge)


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
    modulus = BoneModel().evaluate(vertebra.ct.values.ravel(), voxel_weights(mesh, vertebra)).modulus
    return mesh, np.exp(0.01 * np.round(100.0 * np.log(modulus)))


class EnergyError:
    """The distance to a solution of 1e-12 in the norm of the energy, over the norm of that solution."""

    def __init__(self, mesh: TetMesh, material: ElasticMaterial) -> None:
        """Solve."""
        partition = Partition.build(mesh)
        usual = elasticity.QUADRATIC_OPTIONS["ksp_rtol"]
        elasticity.QUADRATIC_OPTIONS["ksp_rtol"] = 1e-12
        with PlateProblem(partition, 2, *PLATES) as problem:
            problem.assemble(material)
            response = problem.solve(AXIAL_COMPRESSION)
        elasticity.QUADRATIC_OPTIONS["ksp_rtol"] = usual
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


def print_matrix(folder: Path) -> None:
    """The first table, in Markdown."""
    print("| ranks | tolerance | iterations of the six | wall (s) | CPU of a rank (s) | memory (MB) | checks |")
    print("|---|---|---|---|---|---|---|")
    for tolerance in MATRIX_TOLERANCES:
        for ranks in RANKS:
            found = [own(folder, "matrix", tolerance, ranks)[1] for _ in range(ROUNDS)]
            wall, processor = (min(one[key] for one in found) for key in ("wall", "processor"))
            counts = "+".join(map(str, found[0]["iterations"]))
            print(
                f"| {ranks} | {tolerance:.0e} | {counts} | {wall:.1f} | {processor:.1f} | {found[0]['memory']:.0f} | "
                f"{found[0]['error']:.0e} |",
                flush=True,
            )


def print_axial(folder: Path, mesh: TetMesh, material: ElasticMaterial, judge: EnergyError) -> None:
    """The second table, in Markdown."""
    costs: dict[tuple[str, str, int], list[Cost]] = {}
    results: dict[tuple[str, str, int], tuple[int | str, float, float]] = {}
    for turn in range(ROUNDS):
        for ranks in RANKS:
            for tolerance in AXIAL_TOLERANCES:
                key = ("own", f"to {tolerance:.0e}", ranks)
                cost, found = own(folder, "axial", tolerance, ranks)
                costs.setdefault(key, []).append(cost)
                with np.load(folder / "own.npz") as file:
                    error = judge.of(file["points"], file["displacement"])
                results[key] = (found["iterations"][0], -found["reaction"][2], error)
            for solver in (*ITERATIVE_SOLVERS, *([DEFAULT_SOLVER] if turn == 0 else [])):
                key = ("CalculiX", solver.lower(), ranks)
                points = write_input(folder / "plates.inp", mesh, material, *PLATES, solver=solver)
                cost, text = run(["ccx", "-i", "plates"], folder, threads=ranks)
                costs.setdefault(key, []).append(cost)
                counts = [int(count) for count in re.findall(r"iteration= *(\d+)", text)]
                error = judge.of(points, displacements(folder / "plates.dat"))
                force = -float(total_force(folder / "plates.dat")[2])
                results[key] = (max(counts, default="–"), force, error)
    print(
        "\n| program | solver | ranks, threads | iterations | error | reaction (N) | wall (s) | CPU (s) | memory (MB) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for (program, solver, ranks), taken in costs.items():
        iterations, reaction, error = results[program, solver, ranks]
        wall, processor = min(one.wall for one in taken), min(one.processor for one in taken)
        print(
            f"| {program} | {solver} | {ranks} | {iterations} | {error:.1e} | {reaction:.2f} | {wall:.1f} | "
            f"{processor:.1f} | {max(one.memory for one in taken):.0f} |"
        )


def own(folder: Path, what: str, tolerance: float, ranks: int) -> tuple[Cost, dict]:
    """Run our process; its memory is the sum over the ranks."""
    arguments = [what, str(folder / "mesh.npz"), str(tolerance), str(folder / "own.npz")]
    cost, text = run(python("benchmarks.elastic_process", *arguments, ranks=ranks), ROOT)
    found = json.loads(text)
    return Cost(cost.wall, cost.processor, found["memory"]), found


if __name__ == "__main__":
    main()
