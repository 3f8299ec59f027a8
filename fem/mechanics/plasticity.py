"""Small-strain plasticity of a body between two rigid plates, of which the superior one moves in steps.

At the integration points of :mod:`fem.mechanics.integration` the stress of a strain e with the plastic strain p is

    s = (1 - h) s' + h C e,    s' = C (e - p) brought back to the yield surface,

an elastic, perfectly plastic body beside an elastic one that has the share h of the stiffness: for von Mises' surface
Prager's linear kinematic hardening with the modulus 3 G h / (1 - h). With h > 0 the tangent is definite, hence the
solution unique. The steps are implicit in p; equilibrium is found by Newton's method of PETSc's SNES with a line
search, and its linear systems by the solver of linear elasticity with the exact tangent.
"""

from __future__ import annotations

import logging
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
import ufl
from dolfinx import fem, la
from dolfinx.la import petsc as la_petsc
from numpy.typing import ArrayLike, NDArray

from fem import krylov, profiling, solver_options
from fem.errors import ConvergenceError
from fem.mechanics.constraints import FacetConstraint
from fem.mechanics.integration import POINTS, measure
from fem.mechanics.plastic_material import PlasticMaterial
from fem.mechanics.plastic_points import PlasticPoints, tangent_product, voigt
from fem.mechanics.plates import AXIAL_COMPRESSION, area_centroid
from fem.mechanics.rigid_body import rigid_displacement
from fem.mechanics.two_level import TwoLevelSolver
from fem.partition import JIT_OPTIONS, Partition

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-8
"""Forces out of balance over the forces at the plates in the first, elastic step."""

FORCING = 1e-4
"""Residual of the linear system of a Newton step over its right-hand side."""

NEWTON_LIMIT = 25
"""Newton steps after which a step of the plate counts as failed."""

KRYLOV_LIMIT = 200
"""Conjugate-gradient iterations after which a Newton step takes what it has."""


class PlasticPlates:
    """A body between a fixed inferior plate and a superior one that goes on from step to step; both are bonded.

    Use it as a context, or call :meth:`destroy`, to release its PETSc objects.

    Attributes:
        force: generalised force that holds the motion, in N for a translation.
        work: external work so far in N mm.
        dissipation: of it, what plastic flow has taken, in N mm.
        yield_position: where a share of half of the volume that can yield would have yielded if it were elastic.
        stiffness: of the elastic body against the motion, in N/mm for a translation.
    """

    def __init__(
        self,
        partition: Partition,
        material: PlasticMaterial,
        superior: str = "superior_endplate",
        inferior: str = "inferior_endplate",
        motion: ArrayLike = AXIAL_COMPRESSION,
        pole: ArrayLike | None = None,
    ) -> None:
        """Set up quadratic elements and solve the elastic problem, which sets the scales.

        Args:
            partition: the distributed mesh.
            material: of its cells or their integration points.
            superior: facet region that moves with the superior plate.
            inferior: facet region on the fixed inferior plate.
            motion: (6,) of the superior plate for a position of 1, as in :mod:`fem.mechanics.rigid_body`.
            pole: (3,) mm, what the motion refers to; the area centroid of the superior region by default.

        Raises:
            ConvergenceError: the elastic solve did not reach its tolerance.
        """
        self.partition = partition
        plates = [FacetConstraint(partition.facets_of_region(name)) for name in (superior, inferior)]
        self.space = fem.functionspace(partition.mesh, ("Lagrange", 2, (3,)))
        self._points = PlasticPoints(partition, material, self.space)
        self._linear = TwoLevelSolver(self.space, plates, lambda u, v: _form(tangent_product(self._points, u), v))
        pole = area_centroid(partition.source, superior) if pole is None else np.asarray(pole, dtype=float)
        nodes, places = plates[0].nodes(self.space), self.space.tabulate_dof_coordinates()
        self._unit: FloatArray = np.zeros_like(places)
        self._unit[nodes] = rigid_displacement(places[nodes], motion, pole)
        self._forces = la.vector(self.space.dofmap.index_map, 3)
        displacement = self._points.displacement
        self._force_form = fem.form(
            _form(self._points.stress.function, ufl.TestFunction(self.space)),
            jit_options=JIT_OPTIONS,
        )
        self._held = self._linear.constrained.ravel()
        self._owned = 3 * self.space.dofmap.index_map.size_local
        self.position = self.force = self.work = self.dissipation = 0.0
        self._before = np.zeros_like(displacement.x.array)  # displacement at the end of the last step
        self._increment = self._elastic_solution()
        self._newton = _Newton(self)

    def __enter__(self) -> Self:
        """Enter the context that owns the PETSc objects."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self.destroy()

    def destroy(self) -> None:
        """Release the PETSc objects; the body cannot be moved afterwards."""
        self._newton.destroy()
        self._linear.destroy()

    @profiling.Event("vpPlasticStep")
    def move(self, position: float) -> int:
        """Go on to another position of the superior plate and return the number of Newton steps.

        Where it fails everything is left as it was before.

        Raises:
            ConvergenceError: the forces did not come into balance.
        """
        distance = position - self.position
        start = self._before + distance * self._increment
        try:
            steps = self._newton.solve(start)
        except ConvergenceError:
            self._points.displacement.x.array[:] = self._before
            raise
        now = self._points.displacement.x.array
        force = self._resultant()
        self.work += 0.5 * (self.force + force) * distance
        self.dissipation += self.partition.comm.allreduce(self._points.commit(), op=MPI.SUM)
        self.position, self.force = position, force
        self._increment = (now - self._before) / distance
        self._before = now.copy()
        return steps

    def allow(self, newton_steps: int) -> None:
        """Let a step of the plate take at most this many Newton steps."""
        self._newton.allow(newton_steps)

    @property
    def stored_energy(self) -> float:
        """Elastic energy in N mm."""
        return self.partition.comm.allreduce(self._points.stored(), op=MPI.SUM)

    @property
    def plastic_strain(self) -> FloatArray:
        """(owned cells, 4) equivalent plastic strain (2/3 p : p)^1/2 of the points."""
        return self._points.equivalent.reshape(-1, POINTS)

    def volume_beyond(self, plastic_strain: float) -> float:
        """Volume in mm3 whose equivalent plastic strain is above a value."""
        local = float(self._points.volumes @ (self._points.equivalent > plastic_strain))
        return self.partition.comm.allreduce(local, op=MPI.SUM)

    def residual(self, tangent: bool) -> FloatArray:
        """(local unknowns,) forces out of balance in N of the current displacement; complete on owned ones.

        Args:
            tangent: whether the tangent of the points is wanted, too.
        """
        self._points.evaluate(tangent)
        forces = self._nodal_forces()
        forces[self._held] = 0.0
        return forces

    def _nodal_forces(self) -> FloatArray:
        self._forces.array[:] = 0.0
        fem.assemble_vector(self._forces.array, self._force_form)
        self._forces.scatter_reverse(la.InsertMode.add)
        return self._forces.array

    def _resultant(self) -> float:
        """The generalised force of the nodal forces assembled last on the motion."""
        self._points.evaluate(tangent=False)
        local = float(self._nodal_forces()[: self._owned] @ self._unit.ravel()[: self._owned])
        return self.partition.comm.allreduce(local, op=MPI.SUM)

    def _elastic_solution(self) -> FloatArray:
        """Displacement for a position of 1 without yield; sets the scales of forces and positions."""
        points, displacement = self._points, self._points.displacement
        points.evaluate(tangent=True)
        self._linear.assemble()
        displacement.x.array[:] = self._unit.ravel()
        points.evaluate(tangent=False, yields=False)
        right = np.where(self._held, 0.0, -self._nodal_forces())[: self._owned].reshape(-1, 3, 1)
        found = np.zeros_like(right)
        self._linear.solve(right, found, "The elastic solve before the load curve")
        displacement.x.array[: self._owned] += found.ravel()
        displacement.x.scatter_forward()
        points.evaluate(tangent=False, yields=False)
        forces = self._nodal_forces()[: self._owned]
        comm = self.partition.comm
        self.stiffness = comm.allreduce(float(forces @ self._unit.ravel()[: self._owned]), op=MPI.SUM)
        norm = comm.allreduce(float(forces[self._held[: self._owned]] @ forces[self._held[: self._owned]]), op=MPI.SUM)
        self.yield_position = 1.0 / points.largest_utilisation(0.5)
        self.force_scale = float(np.sqrt(norm)) * self.yield_position
        solution = displacement.x.array.copy()
        displacement.x.array[:] = 0.0
        return solution


class _Tangent:
    """The tangent as PETSc asks of a matrix, and its solver as PETSc asks of a preconditioner."""

    def __init__(self, linear: TwoLevelSolver) -> None:
        self._linear = linear
        self.iterations = 0

    def mult(self, _: Any, x: Any, y: Any) -> None:
        """The tangent times ``x``."""
        self._linear.system(1).matrix.mult(x, y)

    def apply(self, _: Any, x: Any, y: Any) -> None:
        """The Newton step for the residual ``x``, as exact as :data:`FORCING` and :data:`KRYLOV_LIMIT` let it be."""
        ksp = self._linear.system(1).ksp
        ksp.setTolerances(rtol=FORCING, max_it=KRYLOV_LIMIT)
        y.set(0.0)
        ksp.solve(x, y)
        self.iterations += int(ksp.getIterationNumber())


class _Newton:
    """PETSc's SNES for one step of the plate."""

    def __init__(self, body: PlasticPlates) -> None:
        self._body, self.tangent = body, _Tangent(body._linear)
        self._x, self._f = (la_petsc.create_vector([(body.space.dofmap.index_map, 3)]) for _ in range(2))
        self._matrix: Any = PETSc.Mat().createPython(
            [self._x.getSizes(), self._x.getSizes()], self.tangent, comm=body.partition.comm
        )
        self._matrix.setUp()
        snes: Any = PETSc.SNES().create(body.partition.comm)
        snes.setOptionsPrefix(solver_options.PLASTICITY)
        snes.setFunction(self._function, self._f)
        snes.setJacobian(self._jacobian, self._matrix, self._matrix)
        snes.setType("newtonls")
        snes.getLineSearch().setType("bt")
        snes.setTolerances(rtol=0.0, atol=TOLERANCE * body.force_scale, stol=0.0, max_it=NEWTON_LIMIT)
        ksp = snes.getKSP()
        ksp.setType("preonly")
        ksp.getPC().setType("python")
        ksp.getPC().setPythonContext(self.tangent)
        with krylov.options(solver_options.PLASTICITY):
            snes.setFromOptions()
        self._snes = snes

    def solve(self, start: FloatArray) -> int:
        """Find the balance from ``start`` and return the number of Newton steps."""
        self._x.array[:] = start[: self._body._owned]
        self._snes.solve(None, self._x)
        reason, steps = self._snes.getConvergedReason(), int(self._snes.getIterationNumber())
        norm = self._snes.getFunctionNorm()
        logger.debug("plasticity: %d Newton steps to %.1e N, reason %d", steps, norm, reason)
        if reason <= 0:
            raise ConvergenceError(
                f"The forces of a loading step did not balance: PETSc reason {reason} after {steps} Newton steps, "
                f"{norm:.3e} N left."
            )
        self._take(self._x)
        return steps

    def allow(self, newton_steps: int) -> None:
        self._snes.setTolerances(max_it=newton_steps)

    def destroy(self) -> None:
        for item in (self._snes, self._matrix, self._x, self._f):
            item.destroy()

    def _take(self, x: Any) -> None:
        displacement = self._body._points.displacement
        displacement.x.array[: self._body._owned] = x.array_r
        displacement.x.scatter_forward()

    def _function(self, _: Any, x: Any, f: Any) -> None:
        self._take(x)
        f.array[:] = self._body.residual(tangent=False)[: self._body._owned]

    def _jacobian(self, _: Any, x: Any, matrix: Any, __: Any) -> None:
        self._take(x)
        self._body.residual(tangent=True)
        self._body._linear.assemble()
        matrix.assemble()


def _form(stress: Any, v: Any) -> ufl.Form:
    return ufl.dot(stress, voigt(ufl.sym(ufl.grad(v)))) * measure()
