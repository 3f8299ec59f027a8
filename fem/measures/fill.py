"""How far and how evenly the cement fills a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fem.measures.distribution import Distribution, measure_distribution
from fem.measures.isosurface import Isosurface, isosurface
from fem.tetrahedron_cuts import share_above
from meshes.frame import AnatomicalFrame
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import ENDPLATES, TetMesh

FRONT_SATURATION = 0.5
"""Saturation above which bone counts as occupied by cement, and at its front (tag D)."""

POSTERIOR_WALL = ("posterior_wall", "basivertebral_foramen")
"""Facet regions that part the body from the spinal canal."""

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Contact:
    """Where occupied cells touch an endplate.

    Attributes:
        area: in mm2.
        share: of the endplate's area.
    """

    area: float
    share: float

    @property
    def touches(self) -> bool:
        """Whether there is any contact."""
        return self.area > 0.0


@dataclass(frozen=True)
class FillMeasures:
    """Measures of a cement field; lengths in mm, areas in mm2, volumes in mm3, fractions of 1.

    Cement volumes are those of the cement itself, S phi V. Occupied volumes are those of the bone whose saturation
    exceeds :data:`FRONT_SATURATION`, solid and pores together, which is what CT volumetry counts. What is undefined
    without cement, or without a puncture side, is None.

    Attributes:
        body_volume: volume of the body.
        cement_volume: cement in the body.
        occupied_volume: bone occupied by cement.
        cement_by_side: "left" and "right" of the midsagittal plane x = 0 -> cement volume.
        occupied_by_side: the same of the occupied volume.
        cement_by_third: "anterior", "middle" and "posterior" third of the depth, between planes at 1/3 and 2/3 of the
            frame's extents -> cement volume.
        occupied_by_third: the same of the occupied volume.
        puncture_side: the side on which the only needle entered, or None.
        endplate_contact: endplate -> contact.
        posterior_distance: smallest distance from the front to the posterior wall or the foramen, 0 where it touches;
            None also where the body has no such wall.
        equivalent_radius: of the sphere of the occupied volume.
        sphericity: of the front, 1 for a sphere.
        largest_diameter: largest distance between two points of the front.
        centroid: (x, y, z) of the cement.
        distribution: masses of cement and the bridge between them.
    """

    body_volume: float
    cement_volume: float
    occupied_volume: float
    cement_by_side: Mapping[str, float]
    occupied_by_side: Mapping[str, float]
    cement_by_third: Mapping[str, float]
    occupied_by_third: Mapping[str, float]
    puncture_side: Side | None
    endplate_contact: Mapping[str, Contact]
    posterior_distance: float | None
    equivalent_radius: float
    sphericity: float | None
    largest_diameter: float | None
    centroid: tuple[float, float, float] | None
    distribution: Distribution

    @property
    def cement_fraction(self) -> float:
        """Cement volume over body volume: the fill of the filling-fraction series."""
        return self.cement_volume / self.body_volume

    @property
    def occupied_fraction(self) -> float:
        """Occupied volume over body volume."""
        return self.occupied_volume / self.body_volume

    @property
    def puncture_side_ratio(self) -> float | None:
        """Cement volume on the puncture side over body volume, PSBCV/VBV of the puncture-side-ratio series.

        585 vertebrae, 10.1186/s12891-022-05135-w.
        """
        return None if self.puncture_side is None else self.cement_by_side[self.puncture_side] / self.body_volume

    @property
    def puncture_side_occupied_ratio(self) -> float | None:
        """The same of the occupied volume, which a threshold in CT comes closer to."""
        return None if self.puncture_side is None else self.occupied_by_side[self.puncture_side] / self.body_volume

    @property
    def puncture_side_share(self) -> float | None:
        """Cement volume on the puncture side over all cement in the body."""
        if self.puncture_side is None or self.cement_volume <= 0.0:
            return None
        return self.cement_by_side[self.puncture_side] / self.cement_volume


def measure_fill(
    mesh: TetMesh,
    frame: AnatomicalFrame,
    saturation: NDArray[np.float64],
    porosity: NDArray[np.float64],
    puncture_side: Side | None = None,
) -> FillMeasures:
    """Measure a cement field.

    Cells across a plane are split exactly. The front is the isosurface of the saturation carried to the vertices,
    closed by the body's surface where cement touches it; distances to it are taken from its corners.

    Args:
        mesh: body in its anatomical frame.
        frame: the frame; only its extents along y are used.
        saturation: (m,) cement saturation of each cell.
        porosity: (m,) of each cell.
        puncture_side: the side of the only needle; None where needles entered on both.

    Raises:
        ValueError: an array does not have one value per cell.
    """
    for name, values in (("saturation", saturation), ("porosity", porosity)):
        if np.shape(values) != (len(mesh.cells),):
            raise ValueError(f"{name} has the shape {np.shape(values)}; the mesh has {len(mesh.cells)} cells")
    volumes = mesh.cell_volumes
    cement = saturation * porosity * volumes
    occupied = np.flatnonzero(saturation > FRONT_SATURATION)
    front = isosurface(mesh, saturation, FRONT_SATURATION)
    cement_volume, occupied_volume = float(cement.sum()), float(volumes[occupied].sum())
    centroid = None
    if cement_volume > 0.0:
        x, y, z = (cement @ mesh.cell_centroids / cement_volume).tolist()
        centroid = (x, y, z)
    left = share_above(mesh.points[mesh.cells, 0], 0.0)
    return FillMeasures(
        body_volume=mesh.volume,
        cement_volume=cement_volume,
        occupied_volume=occupied_volume,
        cement_by_side=_by_side(cement, left),
        occupied_by_side=_by_side(volumes[occupied], left[occupied]),
        cement_by_third=_by_third(mesh, frame, cement),
        occupied_by_third=_by_third(mesh, frame, np.where(saturation > FRONT_SATURATION, volumes, 0.0)),
        puncture_side=puncture_side,
        endplate_contact={name: _contact(mesh, name, occupied) for name in ENDPLATES},
        posterior_distance=None if front is None else _posterior_distance(mesh, front),
        equivalent_radius=float(np.cbrt(3.0 * occupied_volume / (4.0 * np.pi))),
        sphericity=None if front is None else front.sphericity,
        largest_diameter=None if front is None else front.largest_diameter,
        centroid=centroid,
        distribution=measure_distribution(mesh, occupied, cement),
    )


def _by_side(volumes: NDArray[np.float64], left: NDArray[np.float64]) -> dict[str, float]:
    """Volumes on either side, from each cell's volume and its share on the left."""
    return {"left": float(volumes @ left), "right": float(volumes @ (1.0 - left))}


def _by_third(mesh: TetMesh, frame: AnatomicalFrame, content: NDArray[np.float64]) -> dict[str, float]:
    """Content of the cells by thirds of the depth."""
    depth = mesh.points[mesh.cells, 1]
    behind_first, behind_second = (share_above(depth, frame.point(0.0, part / 3.0, 0.0)[1]) for part in (1, 2))
    shares = {
        "anterior": 1.0 - behind_first,
        "middle": behind_first - behind_second,
        "posterior": behind_second,
    }
    return {third: float(content @ share) for third, share in shares.items()}


def _contact(mesh: TetMesh, endplate: str, occupied: NDArray[np.int64]) -> Contact:
    facets = mesh.facet_regions.get(endplate, np.empty(0, dtype=np.int64))
    area = float(mesh.facet_areas[facets[np.isin(mesh.facet_cells[facets], occupied)]].sum())
    return Contact(area, area / float(mesh.facet_areas[facets].sum()) if len(facets) else 0.0)


def _posterior_distance(mesh: TetMesh, front: Isosurface) -> float | None:
    empty = np.empty(0, dtype=np.int64)
    facets = np.concatenate([mesh.facet_regions.get(name, empty) for name in POSTERIOR_WALL])
    if len(facets) == 0:
        return None
    nearest = nearest_points(Surface(mesh.points, mesh.facets[facets]), front.points)
    return float(np.linalg.norm(nearest - front.points, axis=1).min())
