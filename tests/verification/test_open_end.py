"""The open end of a cannula in porous bone, against the sphere that stands for it in the tip pressure.

Axisymmetric flow of a power-law fluid out of the disc of a tube whose side and rim are closed, through a medium that
ends at a distant sphere: div(|grad p|^(1 / n - 1) grad p) = 0, by quadratic elements and a fixed point in the mobility.
A disc in an endless wall, whose exact radius is 1 / pi of its own, shows what the elements are worth.
"""

from __future__ import annotations

import math
from functools import cache

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import dolfinx.fem
import dolfinx.fem.petsc
import dolfinx.io.gmsh
import dolfinx.mesh
import gmsh
import numpy as np
import pytest
import ufl
from evidence import Evidence

from materials.cannula import GAUGES, open_end_radius
from meshes.volume_mesh import set_mesh_options

FAR = 30.0
"""Radius over that of the bore at which the medium ends."""

BORE, OUTER = GAUGES[11]
ROUNDS, SETTLED = 60, 1e-6


@cache
def section(outer: float) -> dolfinx.mesh.Mesh:
    """Half of a section through the medium in bores' radii, without the tube of a radius ``outer`` below the disc."""
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    set_mesh_options()
    shapes = gmsh.model.occ
    ball, left = shapes.addDisk(0, 0, 0, FAR, FAR), shapes.addRectangle(-FAR - 1, -FAR - 1, 0, FAR + 1, 2 * FAR + 2)
    tube = shapes.addRectangle(-1, -FAR - 1, 0, 1 + outer, FAR + 1)
    medium, _ = shapes.cut([(2, ball)], [(2, left), (2, tube)])
    disc = shapes.addLine(shapes.addPoint(0, 0, 0), shapes.addPoint(1, 0, 0))
    shapes.fragment(medium, [(1, disc)])
    shapes.synchronize()
    gmsh.model.addPhysicalGroup(2, [tag for _, tag in gmsh.model.getEntities(2)], 1)
    size = gmsh.model.mesh.field.add("MathEval")
    gmsh.model.mesh.field.setString(size, "F", "0.004 + 0.1 * Sqrt((x - 1)^2 + y^2)")
    gmsh.model.mesh.field.setAsBackgroundMesh(size)
    gmsh.model.mesh.generate(2)
    found = dolfinx.io.gmsh.model_to_mesh(gmsh.model, MPI.COMM_SELF, 0, gdim=2).mesh
    gmsh.finalize()
    return found


def rate(outer: float, index: float) -> float:
    """What flows at a pressure of 1 where k / mu = |grad p|^(1 / n - 1)."""
    mesh = section(outer)
    space = dolfinx.fem.functionspace(mesh, ("Lagrange", 2))
    trial, test, (r, _) = ufl.TrialFunction(space), ufl.TestFunction(space), ufl.SpatialCoordinate(mesh)
    mobility = dolfinx.fem.Function(dolfinx.fem.functionspace(mesh, ("DG", 1)))
    mobility.x.array[:] = 1.0
    mesh.topology.create_connectivity(1, 2)
    ends = (
        (1.0, lambda x: (np.abs(x[1]) < 1e-9) & (x[0] < 1.0 + 1e-9)),
        (0.0, lambda x: np.abs(np.hypot(x[0], x[1]) - FAR) < 1e-3 * FAR),
    )
    held = []
    for value, where in ends:
        facets = dolfinx.mesh.locate_entities_boundary(mesh, 1, where)
        held.append(dolfinx.fem.dirichletbc(value, dolfinx.fem.locate_dofs_topological(space, 1, facets), space))
    problem = dolfinx.fem.petsc.LinearProblem(
        r * mobility * ufl.dot(ufl.grad(trial), ufl.grad(test)) * ufl.dx,
        dolfinx.fem.Constant(mesh, 0.0) * test * ufl.dx,
        bcs=held,
        petsc_options={"ksp_type": "preonly", "pc_type": "lu"},
        petsc_options_prefix="open_end_",
    )
    pressure = problem.u
    squared = ufl.dot(ufl.grad(pressure), ufl.grad(pressure))
    work = dolfinx.fem.form(2.0 * math.pi * r * mobility * squared * ufl.dx)
    if index == 1.0:
        problem.solve()
        return float(dolfinx.fem.assemble_scalar(work))
    steeper = dolfinx.fem.Expression(
        (squared + 1e-30) ** (0.5 * (1.0 / index - 1.0)), mobility.function_space.element.interpolation_points
    )
    driven, before = dolfinx.fem.Function(mobility.function_space), 0.0
    for _ in range(ROUNDS):
        problem.solve()
        flow = float(dolfinx.fem.assemble_scalar(work))
        if abs(flow - before) < SETTLED * flow:
            return flow
        before = flow
        driven.interpolate(steeper)
        mobility.x.array[:] = mobility.x.array ** (1.0 - index) * driven.x.array**index
    raise AssertionError(f"no fixed point within {ROUNDS} rounds")


def sphere(flow: float, index: float) -> float:
    """Radius of the sphere from which the same rate flows at a pressure of 1: dp/dr = -(Q / (4 pi r^2))^n."""
    power, scale = 1.0 - 2.0 * index, (flow / (4.0 * math.pi)) ** index
    if power == 0.0:
        return FAR * math.exp(-1.0 / scale)
    return (FAR**power - power / scale) ** (1.0 / power)


@pytest.mark.parametrize("index", [0.3, 0.5, 1.0])
def test_an_open_end_resists_as_its_sphere(evidence: Evidence, index: float) -> None:
    evidence.check(
        case=f"open end of an 11G cannula, power law of index {index:g}",
        quantity="radius of the sphere of equal resistance [mm]",
        expected=sphere(rate(OUTER / BORE, index), index) * 0.5 * BORE,
        computed=open_end_radius(0.5 * BORE, index),
        within=0.02,
        source="cross-check; axisymmetric finite elements",
        kind="cross-check",
    )


@pytest.mark.parametrize("gauge", [8, 13])
def test_the_wall_of_the_cannula_hardly_counts(gauge: int) -> None:
    bore, outer = GAUGES[gauge]
    assert sphere(rate(outer / bore, 1.0), 1.0) == pytest.approx(open_end_radius(1.0, 1.0), rel=0.03)


def test_a_disc_in_an_endless_wall_has_its_exact_radius() -> None:
    """Weber's disc: Q = 4 a k / mu p into a half space, less what the distant sphere takes away."""
    resistance = 0.25 - 1.0 / (2.0 * math.pi * FAR)
    assert rate(FAR + 0.5, 1.0) == pytest.approx(1.0 / resistance, rel=0.01)
