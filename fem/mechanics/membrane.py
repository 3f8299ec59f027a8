"""A thin elastic skin on the surface of a body, in plane stress and without bending stiffness of its own.

It adds to the energy of the body the integral over the surface of

    E t / (1 - nu^2) ((1 - nu) e : e + nu tr(e)^2),

with the strain in the tangential plane e = P sym(grad u) P, P = 1 - n n, of the surface's normal n (Bower 2009, Applied
mechanics of solids; tag M).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)

import numpy as np
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from numpy.typing import NDArray

from fem.partition import Partition

type Factor = float | NDArray[np.float64]
"""On the stiffness of a membrane: one for all of it, or (facets,) one for each of the boundary facets of its mesh."""


@dataclass(frozen=True, eq=False)
class Membrane:
    """A skin on some boundary facets of the whole mesh, the same on every rank.

    Attributes:
        stiffness: (facets,) Young's modulus times thickness in N/mm for each of ``source.facets``; 0 where there is no
            skin.
        poisson_ratio: of the skin.
    """

    stiffness: NDArray[np.float64]
    poisson_ratio: float

    def __post_init__(self) -> None:
        """Refuse constants that would yield energy under some strain.

        Raises:
            ValueError: a stiffness is negative, or Poisson's ratio does not lie between -1 and 1.
        """
        if not np.all(self.stiffness >= 0.0):
            raise ValueError("the stiffness of a membrane must not be negative")
        if not -1.0 < self.poisson_ratio < 1.0:
            raise ValueError(f"poisson_ratio = {self.poisson_ratio!r} of a membrane must lie between -1 and 1")


class MembraneForm:
    """The energy form of a membrane on one rank's share of the mesh.

    A cell with several facets in the skin gives them their mean stiffness by area, which leaves their sum as it is.
    """

    def __init__(self, partition: Partition, membrane: Membrane) -> None:
        """Spread the membrane over the mesh.

        Raises:
            ValueError: ``membrane`` has not one stiffness for each boundary facet.
        """
        source, boundary = partition.source, partition.boundary
        if np.shape(membrane.stiffness) != (len(source.facets),):
            raise ValueError(f"the membrane has {np.size(membrane.stiffness)} facets, the mesh {len(source.facets)}")
        skin = membrane.stiffness[boundary.original] > 0.0
        self._given, self._rows, self._cells = membrane.stiffness, boundary.original[skin], boundary.cells[skin]
        self._areas = source.facet_areas[self._rows]
        self._stiffness = fem.Function(fem.functionspace(partition.mesh, ("Discontinuous Lagrange", 0)))
        self._ratio = fem.Constant(partition.mesh, float(membrane.poisson_ratio))
        facets = np.sort(boundary.facets[skin])
        tags = dmesh.meshtags(partition.mesh, 2, facets, np.ones(len(facets), dtype=np.int32))
        self._measure = ufl.Measure("ds", domain=partition.mesh, subdomain_data=tags, subdomain_id=1)
        self._normal = ufl.FacetNormal(partition.mesh)
        self.scale(1.0)

    def scale(self, factor: Factor) -> None:
        """Multiply the stiffness that the membrane was given by ``factor``."""
        stiffness, count = (factor * self._given)[self._rows], len(self._stiffness.x.array)
        total = np.bincount(self._cells, weights=stiffness * self._areas, minlength=count)
        area = np.bincount(self._cells, weights=self._areas, minlength=count)
        self._stiffness.x.array[:] = np.divide(total, area, out=np.zeros(count), where=area > 0.0)

    def energy(self, u: Any, v: Any) -> ufl.Form:
        """The energy form of two displacements in mm, whose value is in N mm."""
        tangent = ufl.Identity(3) - ufl.outer(self._normal, self._normal)

        def strain(w: Any) -> Any:
            return ufl.dot(tangent, ufl.dot(ufl.sym(ufl.grad(w)), tangent))

        e, virtual, ratio = strain(u), strain(v), self._ratio
        density = (1.0 - ratio) * ufl.inner(e, virtual) + ratio * ufl.tr(e) * ufl.tr(virtual)
        return self._stiffness / (1.0 - ratio**2) * density * self._measure
