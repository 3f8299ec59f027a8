"""A body on a fixed plate under pressure on its opposite face, which is free to take any shape.

On discs the face is that of a disc, so that the pressure reaches the endplate as the disc passes it on; a plate would
spread it by its stiffness instead. The pressure acts along the normal of the face.
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

from fem.mechanics.constraints import FacetConstraint
from fem.mechanics.elastic_material import ElasticMaterial
from fem.mechanics.elasticity import ElasticProblem
from fem.partition import JIT_OPTIONS, Partition

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PressureResponse:
    """What a pressure does.

    Attributes:
        displacement: field in mm.
        energy: the energy form u A u in N mm, which is the work of the pressure were it there from the beginning.
        iterations: conjugate-gradient iterations.
    """

    displacement: fem.Function[Any]
    energy: float
    iterations: int


class PressedBody:
    """A body under pressure; any number of materials.

    Use it as a context, or call :meth:`destroy`, to release its PETSc objects.

    Attributes:
        projected_areas: (facets,) of the face under pressure along z in mm2, in the order of its region.
    """

    def __init__(self, partition: Partition, degree: int, pressed: str, fixed: str) -> None:
        """Set up the elastic problem.

        Args:
            partition: the distributed mesh.
            degree: 1 for linear or 2 for quadratic elements.
            pressed: facet region under pressure.
            fixed: facet region on the fixed plate.
        """
        source = partition.source
        self._rows = source.facet_regions[pressed]
        self.projected_areas = np.abs(source.facet_areas[self._rows] * source.facet_normals[self._rows, 2])
        self._partition = partition
        self._elastic = ElasticProblem(partition, [FacetConstraint(partition.facets_of_region(fixed))], degree)
        mesh = partition.mesh
        self._pressure = fem.Function(fem.functionspace(mesh, ("DG", 0)))
        facets = np.sort(partition.facets_of_region(pressed))
        tags = dolfinx_mesh.meshtags(mesh, 2, facets, np.ones(len(facets), dtype=np.int32))
        pushed = -self._pressure * ufl.dot(ufl.FacetNormal(mesh), ufl.TestFunction(self._elastic.space))
        self._form = fem.form(pushed * ufl.Measure("ds", mesh, subdomain_data=tags)(1), jit_options=JIT_OPTIONS)

    def __enter__(self) -> Self:
        """Enter the context that owns the PETSc objects."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the PETSc objects."""
        self.destroy()

    def destroy(self) -> None:
        """Release the PETSc objects; the body cannot be loaded afterwards."""
        self._elastic.destroy()

    def solve(self, material: ElasticMaterial, pressures: FloatArray) -> PressureResponse:
        """Press on a body.

        Args:
            material: elastic constants of every cell or of its integration points.
            pressures: (facets,) pressure on each facet in MPa, in the order of the region; where a cell has two facets
                in it, both bear their mean.

        Raises:
            ConvergenceError: the solver did not reach its tolerance.
        """
        source = self._partition.source
        cells = source.facet_cells[self._rows]
        count = np.bincount(cells, minlength=len(source.cells))
        mean = np.bincount(cells, weights=pressures, minlength=len(source.cells)) / np.maximum(count, 1)
        self._pressure.x.array[:] = self._partition.local_cells(mean)
        loads = fem.assemble_vector(self._form)
        loads.scatter_reverse(la.InsertMode.add)
        self._elastic.assemble(material)
        applied = loads.array.reshape(-1, 3)
        solution = self._elastic.solve(np.zeros_like(applied), applied)
        return PressureResponse(solution.displacement, solution.energy, solution.iterations)

    def uniform(self, force: float) -> FloatArray:
        """(facets,) uniform pressure in MPa whose axial resultant is a force in N."""
        return np.full(len(self._rows), force / self.projected_areas.sum())
