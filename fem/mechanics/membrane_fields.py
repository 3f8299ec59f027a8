"""Forces and energy of a membrane (:mod:`fem.mechanics.membrane`) under a displacement, facet by facet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.membrane import Factor, Membrane
from fem.partition import Partition
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class MembraneFields:
    """What one load does to the skin of a body.

    Attributes:
        triangles: (k, 3) mesh points at the corners of the skin's facets.
        tension: (k, 3, 3) mean force per length in the plane of each facet in N/mm.
        energy: (k,) strain energy of each facet in N mm.
    """

    triangles: NDArray[np.int64]
    tension: FloatArray
    energy: FloatArray

    def corner_forces(self, points: FloatArray) -> FloatArray:
        """(k, 3, 3) forces in N of the facets on their corners, as :func:`fem.mechanics.stress.corner_forces` of cells.

        Args:
            points: (points, 3) of the mesh in mm.
        """
        corner = points[self.triangles]
        opposite = np.roll(corner, -2, axis=1) - np.roll(corner, -1, axis=1)
        normal = np.cross(opposite[:, 0], opposite[:, 1])  # its length is twice the area
        unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        # area times the gradient of a corner's barycentric coordinate in the plane of the facet
        weighted = 0.5 * np.cross(unit[:, None], opposite)
        return np.einsum("kij,knj->kni", self.tension, weighted)


def membrane_fields(
    partition: Partition, strain: FloatArray, membrane: Membrane, factor: Factor
) -> MembraneFields | None:
    """Tension and energy of a membrane, on rank 0; None on the others.

    Args:
        partition: the distributed mesh.
        strain: (owned cells, 4, 3, 3) strain at the corners of the cells.
        membrane: the skin.
        factor: on its stiffness.
    """
    source, boundary = partition.source, partition.boundary
    skin = membrane.stiffness > 0.0
    stiffness = _cell_means(source, factor * membrane.stiffness, skin)[boundary.original]
    skin = skin[boundary.original]
    cells, slots, rows = boundary.cells[skin], boundary.slots[skin], boundary.original[skin]
    others = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])[slots]
    normals = source.facet_normals[rows]
    tangent = np.eye(3) - normals[:, :, None] * normals[:, None]
    local = tangent[:, None] @ strain[cells[:, None], others] @ tangent[:, None]  # (k, 3, 3, 3)
    ratio = membrane.poisson_ratio
    trace = np.trace(local, axis1=2, axis2=3)[..., None, None]
    tension = (1.0 - ratio) * local + ratio * trace * tangent[:, None]
    tension *= (stiffness[skin] / (1.0 - ratio**2))[:, None, None, None]
    # The mean of a product of two linear functions over a triangle is (sum f_i g_i + sum f_i sum g_i) / 12.
    total_strain, total_tension = local.sum(axis=1), tension.sum(axis=1)
    products = (local * tension).sum(axis=(1, 2, 3)) + (total_strain * total_tension).sum(axis=(1, 2))
    energy = source.facet_areas[rows] * products / 24.0
    parts = partition.comm.gather((rows, total_tension / 3.0, energy), root=0)
    if parts is None:
        return None
    rows, tension, energy = (np.concatenate([part[item] for part in parts]) for item in range(3))
    order = np.argsort(rows)
    return MembraneFields(source.facets[rows[order]], tension[order], energy[order])


def _cell_means(mesh: TetMesh, stiffness: FloatArray, skin: NDArray[np.bool_]) -> FloatArray:
    """(facets,) mean by area over those facets of a cell that lie in the skin, as in the membrane's form."""
    weights = np.where(skin, mesh.facet_areas, 0.0)
    total = np.bincount(mesh.facet_cells, weights=stiffness * weights, minlength=len(mesh.cells))
    area = np.bincount(mesh.facet_cells, weights=weights, minlength=len(mesh.cells))
    means = np.divide(total, area, out=np.zeros(len(mesh.cells)), where=area > 0.0)
    return np.where(skin, means[mesh.facet_cells], 0.0)
