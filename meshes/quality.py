"""How well a mesh represents its mask and how well-shaped its cells are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.surface import Surface, distances
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

_EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
_FACES = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
_FACE_SAMPLES = 3  # samples along either edge of a voxel's face


@dataclass(frozen=True)
class MeshQuality:
    """Size, fidelity and cell shape of a mesh.

    The reference surface is the mask's own boundary, the faces between voxels inside and outside, without smoothing.
    Distances are taken both ways, from points spread evenly over either surface to the other one.

    Attributes:
        cells: number of tetrahedra.
        points: number of points.
        facets: number of boundary triangles.
        volume: volume of the mesh in mm3.
        mask_volume: volume of the mask in mm3.
        volume_error: ``volume / mask_volume - 1``.
        centroid_offset: distance between the centroids of mesh and mask in mm.
        gamma_min: least ``gamma`` of a cell, see :func:`gamma`.
        gamma_p05: 5th percentile of ``gamma``.
        gamma_median: median of ``gamma``.
        surface_distance_p95: distance in mm within which 95 % of either surface's area lies from the other surface;
            the larger of both ways.
        hausdorff: largest distance in mm between the surfaces, the larger of both ways.
        edge_length_mean: mean length of the edges in mm.
    """

    cells: int
    points: int
    facets: int
    volume: float
    mask_volume: float
    volume_error: float
    centroid_offset: float
    gamma_min: float
    gamma_p05: float
    gamma_median: float
    surface_distance_p95: float
    hausdorff: float
    edge_length_mean: float


def measure_quality(mesh: TetMesh, vertebra: Vertebra) -> MeshQuality:
    """Compare the mesh of a vertebral body with its mask."""
    shape = gamma(mesh)
    mask_centroid = _carry(np.argwhere(vertebra.body).mean(axis=0)[None], vertebra)[0]
    apart = surface_distances(Surface(mesh.points, mesh.facets), vertebra)
    return MeshQuality(
        cells=len(mesh.cells),
        points=len(mesh.points),
        facets=len(mesh.facets),
        volume=mesh.volume,
        mask_volume=vertebra.body_volume,
        volume_error=mesh.volume / vertebra.body_volume - 1.0,
        centroid_offset=float(np.linalg.norm(mesh.centroid - mask_centroid)),
        gamma_min=float(shape.min()),
        gamma_p05=float(np.percentile(shape, 5)),
        gamma_median=float(np.median(shape)),
        surface_distance_p95=max(_percentile(distance, weight, 0.95) for distance, weight in apart),
        hausdorff=max(float(distance.max()) for distance, _ in apart),
        edge_length_mean=float(edge_lengths(mesh).mean()),
    )


def gamma(mesh: TetMesh) -> NDArray[np.float64]:
    """(m,) three times the ratio of inscribed to circumscribed radius: 1 for a regular cell, 0 for a flat one."""
    corner = mesh.points[mesh.cells]
    volume = mesh.cell_volumes
    a, b, c = corner[:, _FACES].transpose(2, 0, 1, 3)
    surface = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=2).sum(axis=1)
    length = np.linalg.norm(corner[:, _EDGES[:, 0]] - corner[:, _EDGES[:, 1]], axis=2)
    # Crelle: a triangle of the products of opposite edges has the area 6 V R.
    p, q, r = (length[:, :3] * length[:, :2:-1]).T
    crelle = np.sqrt(np.maximum((p + q + r) * (p + q - r) * (p - q + r) * (q + r - p), 0.0)) / 4.0
    return 3.0 * (3.0 * volume / surface) * (6.0 * volume / crelle)


def edge_lengths(mesh: TetMesh) -> NDArray[np.float64]:
    """Lengths of all edges in mm, each edge once."""
    ends = np.unique(np.sort(mesh.cells[:, _EDGES].reshape(-1, 2), axis=1) @ [len(mesh.points), 1])
    return np.linalg.norm(mesh.points[ends // len(mesh.points)] - mesh.points[ends % len(mesh.points)], axis=1)


def surface_distances(
    surface: Surface, vertebra: Vertebra
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Distances between a surface in the anatomical frame and the boundary of the body's mask.

    Returns:
        From the surface to the mask's boundary, and from there to the surface; each (n,) distances in mm and the (n,)
        areas in mm2 they stand for.
    """
    boundary, samples, sample_areas = _mask_boundary(vertebra)
    corner = surface.points[surface.triangles]
    thirds = np.array([[4.0, 1.0, 1.0], [1.0, 4.0, 1.0], [1.0, 1.0, 4.0], [2.0, 2.0, 2.0]]) / 6.0
    points = (thirds @ corner).reshape(-1, 3)
    to_mask = distances(boundary, points), np.repeat(surface.areas / 4.0, 4)
    return to_mask, (distances(surface, samples), sample_areas)


def _mask_boundary(vertebra: Vertebra) -> tuple[Surface, NDArray[np.float64], NDArray[np.float64]]:
    """The voxel faces around the body in the anatomical frame, points spread over them, and the points' areas."""
    padded = np.pad(vertebra.body, 1)
    spread = (np.arange(_FACE_SAMPLES) + 0.5) / _FACE_SAMPLES - 0.5
    corners, samples, areas = [], [], []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        centres = np.argwhere(np.diff(padded, axis=axis)) - 1.0
        centres[:, axis] += 0.5
        square = np.zeros((4, 3))
        square[:, others] = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]
        grid = np.zeros((_FACE_SAMPLES**2, 3))
        grid[:, others] = np.stack(np.meshgrid(spread, spread), axis=-1).reshape(-1, 2)
        corners.append((centres[:, None] + square).reshape(-1, 3))
        samples.append((centres[:, None] + grid).reshape(-1, 3))
        area = np.prod(vertebra.ct.spacing[others]) / _FACE_SAMPLES**2
        areas.append(np.full(len(samples[-1]), area))
    points = _carry(np.concatenate(corners), vertebra)
    squares = np.arange(len(points)).reshape(-1, 4)
    triangles = np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]])
    return Surface(points, triangles), _carry(np.concatenate(samples), vertebra), np.concatenate(areas)


def _carry(index: NDArray[np.float64], vertebra: Vertebra) -> NDArray[np.float64]:
    """Carry (n, 3) voxel indices into the anatomical frame."""
    matrix = vertebra.frame.matrix @ vertebra.ct.affine
    return index @ matrix[:3, :3].T + matrix[:3, 3]


def _percentile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values)
    covered = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(covered, share * covered[-1])])
