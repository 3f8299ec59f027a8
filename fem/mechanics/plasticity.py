"""Small-strain plasticity of a body between two rigid plates, of which the superior one moves in steps.

At the integration points of :mod:`fem.mechanics.integration` the stress of a strain e with the plastic strain p is

    s = (1 - h) s' + h C e,    s' = C (e - p) brought back to the yield surface,

an elastic, perfectly plastic body beside an elastic one that has the share h of the stiffness: for von Mises' surface
Prager's linear kinematic hardening with the modulus 3 G h / (1 - h). With h > 0 the tangent is definite, hence the
solution unique. The steps are implicit in p; equilibrium is found by Newton's method of PETSc's SNES with a line
search, and its linear systems by the solver of linear elasticity with the exact tangent.

A transversely isotropic stiffness C is taken to that of an isotropic reference, C = A' R A with A = R^-1/2 C^1/2: what
yields is the mapped stress A'^-1 s, in which elasticity is isotropic and flow associated, as it then is in s (Betten
1981, Int J Solids Struct 17:1; tag M). R has the geometric mean E of both moduli and the axial Poisson's ratio; a
uniaxial load along an axis of modulus Ei yields at the strain of the reference times about (E / Ei)^1/2.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
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
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.integration import POINTS, REFERENCE_POINTS, PointValues, measure
from fem.mechanics.plates import AXIAL_COMPRESSION, area_centroid
from fem.mechanics.rigid_body import rigid_displacement
from fem.mechanics.two_level import FacetConstraint, TwoLevelSolver
from fem.mechanics.yield_surface import TANGENT_SIZE, Surface, stress_and_tangent
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

_TRIANGLE = np.triu_indices(6)


@dataclass(frozen=True, eq=False)
class PlasticMaterial:
    """An elastic material and where it yields, in cells or at their integration points.

    Attributes:
        elastic: constants.
        tension: yield stress in uniaxial tension in MPa, of the shape of the elastic constants; infinite where the
            material does not yield.
        compression: yield stress in uniaxial compression in MPa, not below that in tension.
        surface: of yield.
        hardening: share of the elastic stiffness that is left when everything yields.
    """

    elastic: ElasticMaterial
    tension: FloatArray
    compression: FloatArray
    surface: Surface
    hardening: float

    def __post_init__(self) -> None:
        """Refuse what the return to the yield surface does not hold for.

        Raises:
            ValueError: a yield stress is not positive, the one in tension is above that in compression, their shapes
                differ, or ``hardening`` is not between 0 and 1.
        """
        elastic = self.elastic
        for name in ("tension", "compression"):
            if np.shape(getattr(self, name)) != elastic.axial_modulus.shape:
                raise ValueError(f"{name} has the shape {np.shape(getattr(self, name))}, the elastic constants another")
        if not np.all((self.tension > 0.0) & (self.compression >= self.tension)):
            raise ValueError("yield stresses must be positive, and in tension not above those in compression")
        if not 0.0 <= self.hardening < 1.0:
            raise ValueError(f"hardening = {self.hardening!r} must be at least 0 and below 1")

    @property
    def moduli(self) -> FloatArray:
        """Shear and bulk modulus of the isotropic reference in MPa, along the last axis."""
        elastic, ratio = self.elastic, self.elastic.axial_poisson_ratio
        modulus = np.sqrt(elastic.axial_modulus * elastic.transverse_modulus)
        return np.stack([modulus / (2.0 * (1.0 + ratio)), modulus / (3.0 * (1.0 - 2.0 * ratio))], axis=-1)

    @property
    def strengths(self) -> FloatArray:
        """Yield stress in tension and in compression in MPa, along the last axis."""
        return np.stack([self.tension, self.compression], axis=-1)


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
        self._points = _Points(partition, material, self.space)
        self._linear = TwoLevelSolver(self.space, plates, lambda u, v: _form(_product(self._points, u), v))
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
        right, solution = self._forces, la.vector(self.space.dofmap.index_map, 3)
        right.array[:] = np.where(self._held, 0.0, -self._nodal_forces())
        vectors = [la_petsc.create_vector_wrap(vector) for vector in (right, solution)]
        self._linear.solve(vectors[0], vectors[1], "The elastic solve before the load curve")
        for vector in vectors:
            vector.destroy()
        solution.scatter_forward()
        displacement.x.array[:] += solution.array
        points.evaluate(tangent=False, yields=False)
        forces = self._nodal_forces()[: self._owned]
        comm = self.partition.comm
        self.stiffness = comm.allreduce(float(forces @ self._unit.ravel()[: self._owned]), op=MPI.SUM)
        norm = comm.allreduce(float(forces[self._held[: self._owned]] @ forces[self._held[: self._owned]]), op=MPI.SUM)
        self.yield_position = 1.0 / points.largest_utilisation(0.5)
        self.force_scale = float(np.sqrt(norm)) * self.yield_position
        found = displacement.x.array.copy()
        displacement.x.array[:] = 0.0
        return found


class _Points:
    """Strain, stress and plastic strain at the integration points of one rank's cells.

    All but the coefficients ``stress`` and ``tangent`` of the forms are those of the isotropic reference.
    """

    def __init__(self, partition: Partition, material: PlasticMaterial, space: Any) -> None:
        self._comm = partition.comm
        self._surface, self._hardening = material.surface, material.hardening
        self._count = partition.owned_cells * POINTS
        self._moduli, self._strengths = (
            _at_points(partition, values) for values in (material.moduli, material.strengths)
        )
        self.stress, self.tangent = PointValues(partition, 6), PointValues(partition, TANGENT_SIZE)
        self.displacement: Any = fem.Function(space)
        self._strain_expression: Any = fem.Expression(
            _voigt(ufl.sym(ufl.grad(self.displacement))), REFERENCE_POINTS, jit_options=JIT_OPTIONS
        )
        self._mapping = _Mapping.of(partition, material)
        self._mesh = partition.mesh
        self._cells = np.arange(partition.owned_cells, dtype=np.int32)
        self._cell_strain = np.zeros((partition.owned_cells, POINTS, 6))
        self._strain = self._cell_strain.reshape(-1, 6)
        self._elastic, self._perfect = np.zeros((self._count, 6)), np.zeros((self._count, 6))
        self._plastic, self._perfect_before = np.zeros((self._count, 6)), np.zeros((self._count, 6))
        self.volumes = np.repeat(partition.cell_volumes[: partition.owned_cells] / POINTS, POINTS)
        self._stiffness = _elastic_triangles(self._moduli)

    @profiling.Event("vpYield")
    def evaluate(self, tangent: bool, yields: bool = True) -> None:
        """Stress, and on demand its tangent, of the current displacement."""
        self._strain_expression.eval(self._mesh, self._cells, self._cell_strain)
        if self._mapping is not None:
            self._mapping.map_strain(self._strain)
        np.subtract(self._strain, self._plastic, out=self._elastic)
        into = self._array(self.tangent) if tangent else None
        strengths = self._strengths if yields else np.full_like(self._strengths, np.inf)
        stress_and_tangent(self._surface, self._elastic, self._moduli, strengths, self._perfect, into)
        kept = self._hardening
        stress = self._array(self.stress)
        np.multiply(self._perfect, 1.0 - kept, out=stress)
        stress += kept * _hooke(self._moduli, self._strain)
        if self._mapping is not None:
            self._mapping.map_stress(stress)
        if into is not None:
            into *= 1.0 - kept
            into += kept * self._stiffness
            if self._mapping is not None:
                self._mapping.map_tangent(into)

    def commit(self) -> float:
        """Take over the plastic strain of the current stress and return the energy that it dissipated in N mm."""
        plastic = self._strain - _compliance(self._moduli, self._perfect)
        mean = 0.5 * (self._perfect + self._perfect_before)
        energy = float(self.volumes @ (mean * (plastic - self._plastic)).sum(axis=1))
        self._plastic[:] = plastic
        self._perfect_before[:] = self._perfect
        return (1.0 - self._hardening) * energy

    def stored(self) -> float:
        """Elastic energy of the owned points in N mm: of the yielding body, and of that beside it."""
        kept = self._hardening
        density = (1.0 - kept) * (self._perfect * (self._strain - self._plastic)).sum(axis=1)
        density += kept * (_hooke(self._moduli, self._strain) * self._strain).sum(axis=1)
        return 0.5 * float(self.volumes @ density)

    @property
    def equivalent(self) -> FloatArray:
        """(owned points,) equivalent plastic strain."""
        squares = (self._plastic[:, :3] ** 2).sum(axis=1) + 0.5 * (self._plastic[:, 3:] ** 2).sum(axis=1)
        return np.sqrt(squares / 1.5)

    def largest_utilisation(self, share: float) -> float:
        """Effective stress over the yield stress that a share of the volume that can yield exceeds, over all ranks."""
        energy = (_hooke(self._moduli, self._strain) * self._strain).sum(axis=1)
        shear, bulk = self._moduli.T
        modulus = 9.0 * bulk * shear / (3.0 * bulk + shear)
        used = np.sqrt(energy * modulus) / self._strengths[:, 1]
        able = np.isfinite(self._strengths[:, 1])
        parts = self._comm.allgather((used[able], self.volumes[able]))
        values, weights = (np.concatenate([part[item] for part in parts]) for item in (0, 1))
        if not len(values):
            raise ValueError("nothing of the body can yield")
        order = np.argsort(values)
        passed = np.cumsum(weights[order]) >= (1.0 - share) * weights.sum()
        return float(values[order][np.argmax(passed)])

    def _array(self, values: PointValues) -> FloatArray:
        """(owned points, n) view of the coefficient."""
        array = np.asarray(values.function.x.array)
        return array.reshape(-1, values.function.function_space.value_size)[: self._count]


class _Mapping:
    """The matrices A that take strains to those of the isotropic reference, and stresses back with their transposes."""

    def __init__(self, matrices: FloatArray) -> None:
        self._matrices = matrices  # (points, 6, 6)

    @classmethod
    def of(cls, partition: Partition, material: PlasticMaterial) -> _Mapping | None:
        """That of a material; None where it is isotropic everywhere."""
        elastic, (rows, columns) = material.elastic, _TRIANGLE
        reference = _elastic_triangles(material.moduli.reshape(-1, 2))
        c12, c13, c33, c44, c66 = np.moveaxis(elastic.constants, -1, 0)
        own = np.zeros((*elastic.axial_modulus.shape, 6, 6))
        own[..., 0, 1], own[..., 0, 2], own[..., 1, 2] = c12, c13, c13
        own[..., 0, 0] = own[..., 1, 1] = c12 + 2.0 * c66
        own[..., 2, 2], own[..., 3, 3], own[..., 4, 4], own[..., 5, 5] = c33, c44, c44, c66
        own = own.reshape(-1, 6, 6)[:, rows, columns]
        if np.abs(own - reference).max() <= 1e-9 * np.abs(own).max():
            return None
        matrices = _root(_symmetric(reference), -0.5) @ _root(_symmetric(own), 0.5)
        return cls(_at_points(partition, matrices.reshape(*elastic.axial_modulus.shape, 36)).reshape(-1, 6, 6))

    def map_strain(self, strain: FloatArray) -> None:
        strain[:] = np.einsum("pij,pj->pi", self._matrices, strain)

    def map_stress(self, stress: FloatArray) -> None:
        stress[:] = np.einsum("pji,pj->pi", self._matrices, stress)

    def map_tangent(self, triangles: FloatArray) -> None:
        mapped = self._matrices.transpose(0, 2, 1) @ _symmetric(triangles) @ self._matrices
        triangles[:] = mapped[:, _TRIANGLE[0], _TRIANGLE[1]]


class _Tangent:
    """The tangent as PETSc asks of a matrix, and its solver as PETSc asks of a preconditioner."""

    def __init__(self, linear: TwoLevelSolver) -> None:
        self._linear = linear
        self.iterations = 0

    def mult(self, _: Any, x: Any, y: Any) -> None:
        """The tangent times ``x``."""
        self._linear.matrix.mult(x, y)

    def apply(self, _: Any, x: Any, y: Any) -> None:
        """The Newton step for the residual ``x``, as exact as :data:`FORCING` and :data:`KRYLOV_LIMIT` let it be."""
        ksp = self._linear.ksp
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
    return ufl.dot(stress, _voigt(ufl.sym(ufl.grad(v)))) * measure()


def _product(points: _Points, u: Any) -> Any:
    """Tangent times the strain of ``u``."""
    place = np.zeros((6, 6), dtype=int)
    place[_TRIANGLE] = np.arange(TANGENT_SIZE)
    place = np.maximum(place, place.T)
    matrix = ufl.as_matrix([[points.tangent.function[int(place[i, j])] for j in range(6)] for i in range(6)])
    return ufl.dot(matrix, _voigt(ufl.sym(ufl.grad(u))))


def _voigt(strain: Any) -> Any:
    """(xx, yy, zz, yz, xz, xy) of a symmetric tensor, the last three twice the tensor's."""
    shears = [2.0 * strain[1, 2], 2.0 * strain[0, 2], 2.0 * strain[0, 1]]
    return ufl.as_vector([strain[0, 0], strain[1, 1], strain[2, 2], *shears])


def _at_points(partition: Partition, values: FloatArray) -> FloatArray:
    """(owned points, n) values of the cells or points of the whole mesh."""
    holder = PointValues(partition, values.shape[-1])
    holder.assign(values)
    array = np.asarray(holder.function.x.array).reshape(-1, values.shape[-1])
    return array[: partition.owned_cells * POINTS].copy()


def _hooke(moduli: FloatArray, strain: FloatArray) -> FloatArray:
    shear, bulk = moduli.T
    stress = strain * shear[:, None]
    stress[:, :3] *= 2.0
    stress[:, :3] += ((bulk - 2.0 * shear / 3.0) * strain[:, :3].sum(axis=1))[:, None]
    return stress


def _compliance(moduli: FloatArray, stress: FloatArray) -> FloatArray:
    shear, bulk = moduli.T
    strain = stress / shear[:, None]
    strain[:, :3] *= 0.5
    strain[:, :3] += ((1.0 / (9.0 * bulk) - 1.0 / (6.0 * shear)) * stress[:, :3].sum(axis=1))[:, None]
    return strain


def _symmetric(triangles: FloatArray) -> FloatArray:
    """(n, 6, 6) symmetric matrices of their upper triangles."""
    matrices = np.zeros((len(triangles), 6, 6))
    matrices[:, _TRIANGLE[0], _TRIANGLE[1]] = matrices[:, _TRIANGLE[1], _TRIANGLE[0]] = triangles
    return matrices


def _root(matrices: FloatArray, power: float) -> FloatArray:
    """A power of (n, 6, 6) symmetric positive definite matrices."""
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * values[:, None] ** power) @ vectors.transpose(0, 2, 1)


def _elastic_triangles(moduli: FloatArray) -> FloatArray:
    """(points, 21) upper triangles of the elastic stiffness."""
    shear, bulk = moduli.T
    rows, columns = _TRIANGLE
    triangles = np.zeros((len(moduli), TANGENT_SIZE))
    triangles[:, (rows < 3) & (columns < 3)] = (bulk - 2.0 * shear / 3.0)[:, None]
    triangles[:, rows == columns] += shear[:, None] * np.where(np.arange(6) < 3, 2.0, 1.0)
    return triangles
