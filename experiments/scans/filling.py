"""How far and how evenly the cement of a CT fills the body: the part ``fill`` of the results, from voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from experiments.case.sections.base import Side
from experiments.case.units import to_clinical
from experiments.results.parts.fill import ContactResults, FillResults
from experiments.scans.postoperative import TOUCHING, PostoperativeScan
from fem.measures.distribution import SECTION_STEP, SMALLEST_COMPONENT, Distribution, distribution_of
from fem.measures.fill import POSTERIOR_WALL
from meshes.surface import Surface, nearest_points
from meshes.tetmesh import ENDPLATES
from meshes.voxel_surface import voxel_surface

CONTACT_DEPTH = 0.75
"""Voxels below an endplate at which cement counts as touching it: in the middle of the outermost ones (tag D)."""


def fill_results(scan: PostoperativeScan, puncture_side: Side | None) -> FillResults:
    """Measure the cement in the body.

    Voxels across a plane are split. The front is the surface around the cement's voxels, smoothed without a change of
    its volume. The cement itself cannot be told from the bone between it, so what counts it is null.

    Args:
        scan: vertebra and cement.
        puncture_side: where the needle went in; None where nobody says.
    """
    vertebra, frame, voxel = scan.vertebra, scan.vertebra.frame, scan.voxel
    places = scan.places(scan.inside)
    volume = len(places) * voxel
    left = scan.share_above(places, 0, 0.0).mean()
    behind = [float(scan.share_above(places, 1, frame.point(0.0, part / 3.0, 0.0)[1]).mean()) for part in (1, 2)]
    shares = {"anterior": 1.0 - behind[0], "middle": behind[0] - behind[1], "posterior": behind[1]}
    sides = {"left": left * volume, "right": (1.0 - left) * volume}
    front = voxel_surface(scan.inside, vertebra.ct, frame)
    distribution = measure_distribution(scan)
    return FillResults(
        fraction=None,
        cement_ml=None,
        occupied_ml=to_clinical(volume, "ml"),
        occupied_fraction=volume / vertebra.body_volume,
        cement_by_side_ml=None,
        occupied_by_side_ml={name: to_clinical(float(part), "ml") for name, part in sides.items()},
        cement_by_third_ml=None,
        occupied_by_third_ml={name: to_clinical(share * volume, "ml") for name, share in shares.items()},
        puncture_side=puncture_side,
        puncture_side_ratio=None,
        puncture_side_occupied_ratio=None if puncture_side is None else sides[puncture_side] / vertebra.body_volume,
        puncture_side_share=None if puncture_side is None else sides[puncture_side] / volume,
        endplate_contact={name: _contact(scan, name) for name in ENDPLATES},
        posterior_distance_mm=_posterior_distance(scan, front),
        equivalent_radius_mm=float(np.cbrt(3.0 * volume / (4.0 * np.pi))),
        sphericity=float(np.pi ** (1.0 / 3.0) * (6.0 * volume) ** (2.0 / 3.0) / front.areas.sum()),
        largest_diameter_mm=_diameter(front.points),
        centroid_mm=tuple(places.mean(axis=0).tolist()),
        pattern=distribution.pattern,
        components=distribution.components,
        bridge_area_mm2=distribution.bridge_area,
        largest_sagittal_section_mm2=distribution.largest_section,
        bridge_share=distribution.bridge_share,
    )


def measure_distribution(scan: PostoperativeScan) -> Distribution:
    """Masses of cement in the body and the bridge between them, by the rules of simulated cement."""
    masses, count = ndimage.label(scan.inside, TOUCHING)
    volumes = np.asarray(np.bincount(masses.ravel(), minlength=count + 1)[1:] * scan.voxel, dtype=np.float64)
    large = volumes >= SMALLEST_COMPONENT
    if not large.any():
        return distribution_of(volumes[large], 0.0, 0.0, 0.5)
    kept = np.isin(masses, 1 + np.flatnonzero(large))
    bridge, largest = _sagittal_sections(scan, kept)
    left = float(scan.share_above(scan.places(kept), 0, 0.0).mean())
    return distribution_of(volumes[large], bridge, largest, left)


def _sagittal_sections(scan: PostoperativeScan, voxels: NDArray[np.bool_]) -> tuple[float, float]:
    """Section on the midsagittal plane, and the largest of all, in mm2."""
    places, width = scan.places(voxels), scan.voxel_width
    low, high = places.min(axis=0) - width, places.max(axis=0) + width
    y, z = (np.arange(low[axis], high[axis], SECTION_STEP) for axis in (1, 2))
    first, last = np.floor(low[0] / SECTION_STEP), np.ceil(high[0] / SECTION_STEP)
    x = np.arange(min(first, 0.0), max(last, 0.0) + 1.0) * SECTION_STEP
    field = voxels.astype(np.float32)
    areas = []
    for position in x:
        points = np.stack(np.meshgrid([position], y, z, indexing="ij"), axis=-1)
        index = scan.vertebra.ct.to_indices(scan.vertebra.frame.to_scanner(points))
        inside = ndimage.map_coordinates(field, np.moveaxis(index, -1, 0), order=1) >= 0.5
        areas.append(inside.sum() * SECTION_STEP**2)
    return float(areas[int(np.flatnonzero(x == 0.0)[0])]), float(max(areas))


def _contact(scan: PostoperativeScan, endplate: str) -> ContactResults:
    mesh, vertebra = scan.mesh, scan.vertebra
    facets = mesh.facet_regions[endplate]
    normals, areas = mesh.facet_normals[facets], mesh.facet_areas[facets]
    below = mesh.facet_centroids[facets] - CONTACT_DEPTH * (np.abs(normals) @ scan.voxel_width)[:, None] * normals
    index = vertebra.ct.to_indices(vertebra.frame.to_scanner(below))
    touched = ndimage.map_coordinates(scan.inside.astype(np.float32), index.T, order=1) >= 0.5
    area = float(areas[touched].sum())
    return ContactResults(touches=bool(touched.any()), area_mm2=area, share=area / float(areas.sum()))


def _posterior_distance(scan: PostoperativeScan, front: Surface) -> float:
    facets = np.concatenate([scan.mesh.facet_regions[name] for name in POSTERIOR_WALL])
    nearest = nearest_points(Surface(scan.mesh.points, scan.mesh.facets[facets]), front.points)
    return float(np.linalg.norm(nearest - front.points, axis=1).min())


def _diameter(points: NDArray[np.float64]) -> float:
    hull = points[ConvexHull(points, qhull_options="QJ").vertices]
    return float(pdist(hull).max())
