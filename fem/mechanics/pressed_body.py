"""A body on a fixed inferior plate under a uniform pressure on its superior face, which is free to take any shape.

On discs the face is that of the superior disc, so that the pressure reaches the endplate as the disc passes it on; a
plate would spread it by its stiffness instead. The pressure acts along the normal of the face, and its axial resultant
is the load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem, la
from dolfinx import mesh as dolfinx_mesh
from numpy.typing import NDArray

from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.mechanics.two_level import FacetConstraint
from fem.partition import JIT_OPTIONS, Partition

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PressureResponse:
    """What a pressure does.

    Attributes:
        displacement: field in mm.
        pressure: MPa.
        energy: the energy form u A u in N mm, which is the work of the pressure were it there from the beginning.
        iterations: conjugate-gradient iterations.
    """

    displacement: fem.Function[Any]
    pressure: float
    energy: float
    iterations: int


class PressedBody:
    """A body under pressure; any number of materials.

    Use it as a context, or call :meth:`destroy`, to release its PETSc objects.

    Attributes:
        projected_area: of the face under pressure along z, in mm2.
    """

    def __init__(self, partition: Partition, degree: int, superior: str, inferior: str) -> None:
        """Set up the elastic problem.

        Args:
            partition: the distributed mesh.
            degree: 1 for linear or 2 for quadratic elements.
            superior: facet region under pressure.
            inferior: facet region on the fixed inferior plate.
        """
        source = partition.source
        rows = source.facet_regions[superior]
        self.projected_area = abs(float(source.facet_areas[rows] @ source.facet_normals[rows, 2]))
        self._elastic = ElasticProblem(partition, [FacetConstraint(partition.facets_of_region(inferior))], degree)
        self._unit = self._unit_loads(np.sort(partition.facets_of_region(superior)))

    def __enter__(self) -> Self:
        """Enter the context that owns the PETSc objects."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self.destroy()

    def destroy(self) -> None:
        """Release the PETSc objects; the body cannot be loaded afterwards."""
        self._elastic.destroy()

    def solve(self, material: ElasticMaterial, force: float) -> PressureResponse:
        """Press on a body.

        Args:
            material: elastic constants of every cell or of its integration points.
            force: axial resultant of the pressure in N.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
        """
        pressure = force / self.projected_area
        self._elastic.assemble(material)
        solution = self._elastic.solve(np.zeros_like(self._unit), pressure * self._unit)
        return PressureResponse(solution.displacement, pressure, solution.energy, solution.iterations)

    def _unit_loads(self, facets: NDArray[np.int32]) -> FloatArray:
        """(local nodes, 3) nodal forces in N of a pressure of 1 MPa; complete on owned nodes."""
        space = self._elastic.space
        mesh = space.mesh
        tags = dolfinx_mesh.meshtags(mesh, 2, facets, np.ones(len(facets), dtype=np.int32))
        pushed = -ufl.dot(ufl.FacetNormal(mesh), ufl.TestFunction(space))
        form = fem.form(pushed * ufl.Measure("ds", mesh, subdomain_data=tags)(1), jit_options=JIT_OPTIONS)
        loads = fem.assemble_vector(form)
        loads.scatter_reverse(la.InsertMode.add)
        return loads.array.reshape(-1, 3).copy()
