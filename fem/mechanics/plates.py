"""A body held between two rigid plates: rigid motions of the upper one against the fixed lower one.

The plates are two facet regions: the endplates, or the outer faces of discs on them. Everything about the superior
plate refers to a pole, the area centroid of its region unless another is given; motions and resultants are those of
:mod:`fem.mechanics.rigid_body`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import numpy as np
from dolfinx import fem
from numpy.typing import ArrayLike, NDArray

from fem.mechanics.constraints import FacetConstraint, PointConstraint
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem, ElasticSolution
from fem.mechanics.rigid_body import resultant, rigid_displacement
from fem.partition import Partition
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]

AXIAL_COMPRESSION = (0.0, 0.0, -1.0, 0.0, 0.0, 0.0)
"""Motion of the superior plate by 1 mm towards the inferior one, without tilt."""


@dataclass(frozen=True)
class PlateResponse:
    """What one motion of the superior plate takes.

    Attributes:
        reaction_superior: (6,) force in N and moment in N mm on the superior plate about the pole.
        reaction_inferior: (6,) the same of the inferior plate, about the same pole; the two balance.
        energy: the energy form u A u in N mm, which is the reaction times the motion.
        displacement: field in mm.
        forces: (local nodes, 3) nodal forces in N that hold the displacement; valid on owned nodes.
        iterations: conjugate-gradient iterations.
    """

    reaction_superior: FloatArray
    reaction_inferior: FloatArray
    energy: float
    displacement: fem.Function[Any]
    forces: FloatArray
    iterations: int


@dataclass(frozen=True)
class AxialStiffness:
    """Axial stiffness between the plates, without tilt, with its checks and costs.

    Attributes:
        stiffness: N/mm, from the reaction at the superior plate.
        stiffness_inferior: N/mm, from the reaction at the inferior plate.
        stiffness_energy: N/mm, from the energy form.
        displacement: field in mm at 1 mm of compression.
        iterations: conjugate-gradient iterations.
        unknowns: displacement components over all ranks.
        seconds: wall time of assembly, set-up and solve.
    """

    stiffness: float
    stiffness_inferior: float
    stiffness_energy: float
    displacement: fem.Function[Any]
    iterations: int
    unknowns: int
    seconds: float


class PlateProblem:
    """A body between its plates; any number of materials, and of motions for each.

    Bonded plates hold all components of the displacement. Frictionless plates hold the axial component only; three
    components at two vertices of the inferior plate then stop the remaining rigid motions without loading the body,
    as long as the motion asks for no shear or torsion.

    Use it as a context, or call :meth:`destroy`, to release its PETSc objects.
    """

    def __init__(
        self,
        partition: Partition,
        degree: int = 2,
        superior: str = "superior_endplate",
        inferior: str = "inferior_endplate",
        frictionless: bool = False,
        pole: ArrayLike | None = None,
    ) -> None:
        """Set up the elastic problem.

        Args:
            partition: the distributed mesh.
            degree: 1 for linear or 2 for quadratic elements.
            superior: facet region that moves with the superior plate.
            inferior: facet region on the fixed inferior plate.
            frictionless: whether the plates hold the z component only.
            pole: (3,) mm, what motions and reactions refer to; the area centroid of the superior region by default.
        """
        self.frictionless = frictionless
        self.pole = area_centroid(partition.source, superior) if pole is None else np.asarray(pole, dtype=float)
        components = (2,) if frictionless else (0, 1, 2)
        plates = [FacetConstraint(partition.facets_of_region(name), components) for name in (superior, inferior)]
        anchors = _anchors(partition, inferior) if frictionless else []
        self._elastic = ElasticProblem(partition, [*plates, *anchors], degree)
        self._superior, self._inferior = (plate.nodes(self._elastic.space) for plate in plates)
        self._points = self._elastic.points

    def __enter__(self) -> Self:
        """Enter the context that owns the PETSc objects."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self.destroy()

    @property
    def unknowns(self) -> int:
        """Number of displacement components over all ranks, prescribed ones included."""
        return self._elastic.unknowns

    def assemble(self, material: ElasticMaterial) -> None:
        """Assemble the matrices of ``material`` and set up the preconditioner."""
        self._elastic.assemble(material)

    def solve(self, motion: ArrayLike) -> PlateResponse:
        """Move the superior plate by ``motion`` about the pole.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
        """
        return self.solve_all([motion])[0]

    def solve_all(
        self, motions: Sequence[ArrayLike] | FloatArray, start: Sequence[PlateResponse] | None = None
    ) -> list[PlateResponse]:
        """Move the superior plate by each of ``motions``, which costs less at once than one after the other.

        Args:
            motions: (6,) each, about the pole.
            start: responses to begin with, to the same motions with another material; none by default.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
        """
        prescribed = np.zeros((len(motions), *self._points.shape))
        for values, motion in zip(prescribed, motions, strict=True):
            values[self._superior] = rigid_displacement(self._points[self._superior], motion, self.pole)
        begun = None if start is None else [response.displacement for response in start]
        return [self._response(solution) for solution in self._elastic.solve_all(list(prescribed), start=begun)]

    def mutual_energies(self, responses: Sequence[PlateResponse]) -> FloatArray:
        """(n, n) energy forms u_i A u_j in N mm of ``responses`` to n motions, over all ranks."""
        owned = 3 * self._elastic.space.dofmap.index_map.size_local
        displacements = np.array([response.displacement.x.array[:owned] for response in responses])
        forces = np.array([response.forces.ravel()[:owned] for response in responses])
        return self._elastic.partition.comm.allreduce(displacements @ forces.T, op=MPI.SUM)

    def destroy(self) -> None:
        """Release the PETSc objects; the problem cannot be used afterwards."""
        self._elastic.destroy()

    def _response(self, solution: ElasticSolution) -> PlateResponse:
        return PlateResponse(
            reaction_superior=self._reaction(solution.forces, self._superior),
            reaction_inferior=self._reaction(solution.forces, self._inferior),
            energy=solution.energy,
            displacement=solution.displacement,
            forces=solution.forces,
            iterations=solution.iterations,
        )

    def _reaction(self, forces: FloatArray, nodes: NDArray[np.int32]) -> FloatArray:
        """(6,) resultant about the pole of the forces that the plate exerts on its nodes, over all ranks."""
        owned = self._elastic.owned(nodes)
        held = np.where(self._elastic.constrained[owned], forces[owned], 0.0)
        local = resultant(self._points[owned], held, self.pole)
        return self._elastic.partition.comm.allreduce(local, op=MPI.SUM)


def area_centroid(mesh: TetMesh, region: str) -> FloatArray:
    """(3,) area centroid in mm of a facet region."""
    rows = mesh.facet_regions[region]
    return np.average(mesh.facet_centroids[rows], axis=0, weights=mesh.facet_areas[rows])


def axial_stiffness(
    partition: Partition,
    material: ElasticMaterial,
    degree: int = 2,
    superior: str = "superior_endplate",
    inferior: str = "inferior_endplate",
    frictionless: bool = False,
) -> AxialStiffness:
    """Stiffness against axial compression between rigid plates.

    Args:
        partition: the distributed mesh.
        material: elastic constants of every cell.
        degree: 1 for linear or 2 for quadratic elements.
        superior: facet region that moves with the superior plate.
        inferior: facet region on the fixed inferior plate.
        frictionless: whether the plates slide freely instead of being bonded to the body.

    Raises:
        ConvergenceError: the solver did not reach its tolerance.
    """
    start = time.perf_counter()
    with PlateProblem(partition, degree, superior, inferior, frictionless) as problem:
        problem.assemble(material)
        response = problem.solve(AXIAL_COMPRESSION)
        return AxialStiffness(
            stiffness=-float(response.reaction_superior[2]),
            stiffness_inferior=float(response.reaction_inferior[2]),
            stiffness_energy=response.energy,
            displacement=response.displacement,
            iterations=response.iterations,
            unknowns=problem.unknowns,
            seconds=time.perf_counter() - start,
        )


def _anchors(partition: Partition, plate: str) -> list[PointConstraint]:
    """Hold the vertex next to the plate's centroid in x and y, and the farthest one against turning about it."""
    source = partition.source
    corners = source.points[np.unique(source.facets[source.facet_regions[plate]])]
    first = corners[np.argmin(np.linalg.norm(corners - corners.mean(axis=0), axis=1))]
    arms = corners - first
    farthest = int(np.argmax(np.linalg.norm(arms[:, :2], axis=1)))
    across = 1 if abs(arms[farthest, 0]) > abs(arms[farthest, 1]) else 0
    return [PointConstraint(first, (0, 1)), PointConstraint(corners[farthest], (across,))]
