"""The hybrid Darcy pressure against other ways to the same answer, on one box of 1342 cells.

Full tensors of random direction, mobilities that jump by up to ten thousand from cell to cell, sources of both signs,
and Robin walls of a conductance that varies by a thousand under a linear outside pressure. The load-bearing checks: the
fluxes and pressures of the mixed saddle-point system (Raviart-Thomas velocity and constant pressure, assembled by
DOLFINx, solved by MUMPS); the pressures of the same Crouzeix-Raviart system assembled by DOLFINx and solved by MUMPS;
fluxes that leave nothing in a cell and are equal and opposite to the last bit.
"""

from dataclasses import dataclass

import dolfinx_solver  # noqa: F401
from mpi4py import MPI
from petsc4py import PETSc

import basix.ufl
import dolfinx.fem
import numpy as np
import pytest
import ufl
from numpy.typing import NDArray
from phantoms import box

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

LEVEL, SLOPE = 0.1, np.array([0.02, -0.03, 0.05])
FACET_CENTRES = (1.0 - np.vstack([np.zeros(3), np.eye(3)])) / 3.0
"""(4, 3) in the reference tetrahedron, opposite to each of its corners."""


@dataclass(frozen=True)
class Problem:
    """One Darcy problem, all arrays by cell of the partition; ``wall`` is what a wall conducts per area."""

    partition: Partition
    permeability: NDArray[np.float64]
    mobility: NDArray[np.float64]
    source: NDArray[np.float64]
    wall: NDArray[np.float64]

    @classmethod
    def random(cls) -> "Problem":
        """The one of this module."""
        partition, generator = Partition.build(box((6.0, 5.0, 4.0), 0.8)), np.random.default_rng(1)
        count = len(partition.cell_volumes)
        axes, _ = np.linalg.qr(generator.normal(size=(count, 3, 3)))
        principal = 1e-2 * 20.0 ** generator.uniform(-0.5, 0.5, size=(count, 1)) * np.array([1.0, 1.0, 2.05])
        return cls(
            partition,
            np.einsum("tai,ti,tbi->tab", axes, principal, axes),
            1e6 * 10.0 ** generator.uniform(0.0, 4.0, size=count),
            1e3 * generator.normal(size=count) * (generator.uniform(size=count) < 0.1),
            1e5 * 10.0 ** generator.uniform(-2.0, 1.0, size=count),
        )

    def solve(self) -> DarcyPressure:
        """By the solver that is tested."""
        walls, mesh = self.partition.boundary, self.partition.source
        pressure = DarcyPressure(self.partition, self.permeability)
        pressure.solve(
            self.mobility,
            self.source,
            self.wall[walls.cells] * mesh.facet_areas[walls.original],
            LEVEL + mesh.facet_centroids[walls.original] @ SLOPE,
        )
        return pressure

    def coefficient(self, values: NDArray[np.float64]) -> dolfinx.fem.Function:
        """Values by cell, or tensors by cell, for a form."""
        shape = values.shape[1:]
        found = dolfinx.fem.Function(dolfinx.fem.functionspace(self.partition.mesh, ("DG", 0, shape)))
        found.x.array[:] = values.ravel()
        return found

    @property
    def outside(self) -> ufl.core.expr.Expr:
        """Pressure in MPa behind the walls."""
        x = ufl.SpatialCoordinate(self.partition.mesh)
        return LEVEL + sum(float(SLOPE[i]) * x[i] for i in range(3))


def solve_directly(left: ufl.Form, right: ufl.Form, space: dolfinx.fem.FunctionSpace) -> dolfinx.fem.Function:
    """Assemble with DOLFINx and solve with MUMPS."""
    rows = dolfinx.fem.assemble_matrix(dolfinx.fem.form(left)).to_scipy().tocsr()
    matrix = PETSc.Mat().createAIJ(rows.shape, csr=(rows.indptr, rows.indices, rows.data), comm=MPI.COMM_SELF)
    rhs = PETSc.Vec().createWithArray(dolfinx.fem.assemble_vector(dolfinx.fem.form(right)).array, comm=MPI.COMM_SELF)
    solution = dolfinx.fem.Function(space)
    found = PETSc.Vec().createWithArray(solution.x.array, comm=MPI.COMM_SELF)
    solver = PETSc.KSP().create(MPI.COMM_SELF)
    solver.setOperators(matrix)
    solver.setType(PETSc.KSP.Type.PREONLY)
    solver.getPC().setType(PETSc.PC.Type.LU)
    solver.getPC().setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
    solver.solve(rhs, found)
    for item in (solver, matrix, rhs, found):
        item.destroy()
    return solution


def solve_mixed(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(cells,) pressures and (cells, 4) fluxes out through the facets, from the saddle-point system."""
    partition, mesh = problem.partition, problem.partition.mesh
    element = basix.ufl.mixed_element(
        [basix.ufl.element("RT", "tetrahedron", 1), basix.ufl.element("DG", "tetrahedron", 0)]
    )
    space = dolfinx.fem.functionspace(mesh, element)
    resistance = problem.coefficient(np.linalg.inv(problem.permeability) / problem.mobility[:, None, None])
    density, wall = problem.coefficient(problem.source / partition.cell_volumes), problem.coefficient(problem.wall)
    (u, p), (v, w), n = ufl.TrialFunctions(space), ufl.TestFunctions(space), ufl.FacetNormal(mesh)
    left = (
        ufl.inner(resistance * u, v) * ufl.dx
        - p * ufl.div(v) * ufl.dx
        + ufl.dot(u, n) * ufl.dot(v, n) / wall * ufl.ds
        + w * ufl.div(u) * ufl.dx
    )
    solution = solve_directly(left, w * density * ufl.dx - problem.outside * ufl.dot(v, n) * ufl.ds, space)
    cells = np.arange(len(problem.source), dtype=np.int32)
    values = dolfinx.fem.Expression(solution, FACET_CENTRES).eval(mesh, cells).reshape(len(cells), 4, 4)
    areas = -3.0 * partition.cell_volumes[:, None, None] * partition.barycentric_gradients
    return values[:, 0, 3], np.einsum("tia,tia->ti", values[..., :3], areas)


def solve_nonconforming(problem: Problem) -> NDArray[np.float64]:
    """(facets,) pressures of the Crouzeix-Raviart system, walls lumped by one point a facet, without iterations."""
    mesh = problem.partition.mesh
    space = dolfinx.fem.functionspace(mesh, basix.ufl.element("CR", "tetrahedron", 1))
    conducts = problem.coefficient(problem.mobility[:, None, None] * problem.permeability)
    density = problem.coefficient(problem.source / problem.partition.cell_volumes)
    wall, lumped = problem.coefficient(problem.wall), ufl.ds(degree=1)
    p, q = ufl.TrialFunction(space), ufl.TestFunction(space)
    left = ufl.inner(conducts * ufl.grad(p), ufl.grad(q)) * ufl.dx + wall * p * q * lumped
    solution = solve_directly(left, density * q * ufl.dx + wall * problem.outside * q * lumped, space)
    facets = np.empty(len(solution.x.array))
    facets[problem.partition.cell_facets] = solution.x.array[space.dofmap.list]
    return facets


@pytest.fixture(scope="module")
def problem():
    return Problem.random()


@pytest.fixture(scope="module")
def solved(problem):
    pressure = problem.solve()
    yield pressure
    pressure.destroy()


def check_same(evidence, case, quantity, computed, other):
    difference = np.abs(computed - other).max() / (np.abs(other).max() if "flux" in quantity else np.ptp(other))
    evidence.check(
        case=case,
        quantity=f"largest difference of the {quantity}, of their range [-]",
        expected=0.0,
        computed=difference,
        high=1e-8,
        source="cross-check",
        kind="cross-check",
    )


def test_hybrid_against_mixed(problem, solved, evidence):
    pressures, fluxes = solve_mixed(problem)
    case = "Darcy, hybrid against mixed Raviart-Thomas by MUMPS"
    check_same(evidence, case, "cell pressures", solved.cell_pressure(), pressures)
    check_same(evidence, case, "facet fluxes", solved.flux, fluxes)


def test_iterative_against_direct(problem, solved, evidence):
    case = "Darcy, conjugate gradients against MUMPS"
    check_same(evidence, case, "facet pressures", solved.facet_pressure, solve_nonconforming(problem))


def test_every_cell_is_in_balance(problem, solved, evidence):
    partition, total = problem.partition, np.abs(problem.source).sum()
    inside = partition.neighbours >= 0
    other = solved.flux[partition.neighbours, partition.neighbour_slots]
    for quantity, error, most in (
        (
            "largest |sum of facet fluxes - source| of a cell over all sources [-]",
            np.abs(solved.flux.sum(axis=1) - problem.source).max() / total,
            1e-9,
        ),
        (
            "largest sum of the fluxes on both sides of a facet [mm3/s]",
            np.abs((solved.flux + other)[inside]).max(),
            0.0,
        ),
        (
            "outflow through all walls less all sources, over all sources [-]",
            abs(solved.wall_flux.sum() - problem.source.sum()) / total,
            1e-9,
        ),
    ):
        evidence.check(
            case="Darcy, local conservation",
            quantity=quantity,
            expected=0.0,
            computed=error,
            high=most,
            source="exact",
            kind="verification",
        )
    assert solved.divergence_defect == pytest.approx(np.abs(solved.flux.sum(axis=1) - problem.source).max(), rel=1e-12)
