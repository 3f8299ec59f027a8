"""The pressure on an endplate, from the forces that hold its mesh points.

With a stiff plate on the endplate it is what that plate transmits; with discs on the body it is what the bone under the
disc bears. The adjacent vertebra itself is not part of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fem.mechanics.stress import corner_forces
from fem.tetrahedron_cuts import triangle_share_above
from meshes.regions import region_facets
from meshes.tetmesh import TetMesh

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class EndplatePressure:
    """Normal pressure between an endplate and what loads it; compression is positive.

    Attributes:
        force: compressive axial force in N.
        area: of the endplate in mm2.
        mean: axial force over the endplate's area seen along z, in MPa.
        percentile_95: pressure in MPa that is exceeded on 5 % of the area.
        percentile_99: pressure in MPa that is exceeded on 1 % of the area.
        largest: MPa at a mesh point; at the rim of a bonded plate it grows without bound as the mesh is refined.
        left_share: share of the axial force that the left half bears, divided at the endplate's area centroid.
        anterior_share: the same of the anterior half.
    """

    force: float
    area: float
    mean: float
    percentile_95: float
    percentile_99: float
    largest: float
    left_share: float
    anterior_share: float


@dataclass(frozen=True)
class PointForces:
    """What the points of a face bear.

    Attributes:
        points: (n,) numbers of the mesh points, ascending.
        axial: (n,) compressive axial forces in N.
        pressure: (n,) normal pressure in MPa.
        areas: (n,) third of the areas of the facets around each point in mm2.
        projected_area: of the face along z in mm2.
    """

    points: NDArray[np.int64]
    axial: FloatArray
    pressure: FloatArray
    areas: FloatArray
    projected_area: float


def point_forces(mesh: TetMesh, stress: FloatArray, region: str) -> PointForces:
    """The nodal forces that hold a face in balance with the stress behind it.

    Args:
        mesh: what ends at the face.
        stress: (cells, 3, 3) mean stress of each cell in MPa.
        region: facet region of the face.
    """
    facets = region_facets(mesh, region)
    points, triangles = np.unique(mesh.facets[facets], return_inverse=True)
    normals = np.zeros((len(points), 3))
    np.add.at(normals, triangles.reshape(-1, 3), (mesh.facet_normals * mesh.facet_areas[:, None])[facets, None] / 3.0)
    forces = np.zeros_like(mesh.points)
    np.add.at(forces, mesh.cells, corner_forces(mesh, stress))
    forces = forces[points]
    areas = np.bincount(triangles.ravel(), weights=np.repeat(mesh.facet_areas[facets] / 3.0, 3))
    pressure = -(forces * normals).sum(axis=1) / (np.linalg.norm(normals, axis=1) * areas)
    upwards = float(normals[:, 2].sum())
    return PointForces(points, -np.sign(upwards) * forces[:, 2], pressure, areas, abs(upwards))


def endplate_pressure(mesh: TetMesh, stress: FloatArray, region: str) -> EndplatePressure:
    """Pressure on an endplate from the nodal forces, each over its third of the areas of the facets around it.

    Args:
        mesh: the body; what lies beyond its endplates, such as discs, is not part of it.
        stress: (cells, 3, 3) mean stress of each cell in MPa.
        region: facet region of the endplate.
    """
    facets = region_facets(mesh, region)
    forces = point_forces(mesh, stress, region)
    corners = mesh.points[mesh.facets[facets]]
    triangles = np.searchsorted(forces.points, mesh.facets[facets])
    thirds, areas, pressure = mesh.facet_areas[facets] / 3.0, forces.areas, forces.pressure
    axial = forces.axial
    total = float(axial.sum())

    def share_beyond(direction: tuple[float, float, float]) -> float:
        """Share of the force beyond the centroid; points on the border bear for the parts of their own area."""
        heights = corners @ np.array(direction)
        inside = thirds * triangle_share_above(heights, float(np.average(heights.mean(axis=1), weights=thirds)))
        parts = np.bincount(triangles.ravel(), weights=np.repeat(inside, 3)) / areas
        return float(axial @ parts) / total

    upper = [float(value) for value in np.quantile(pressure, (0.95, 0.99), weights=areas, method="inverted_cdf")]
    return EndplatePressure(
        force=total,
        area=float(areas.sum()),
        mean=total / forces.projected_area,
        percentile_95=upper[0],
        percentile_99=upper[1],
        largest=float(pressure.max()),
        left_share=share_beyond((1.0, 0.0, 0.0)),
        anterior_share=share_beyond((0.0, -1.0, 0.0)),
    )
