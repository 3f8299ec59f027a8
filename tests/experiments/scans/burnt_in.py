"""Balls and boxes of cement burnt into a CT at known places, each voxel with its share of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from experiments.scans.postoperative import PostoperativeScan
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.scanned_cement import cement_by_threshold
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

CEMENT_HU = 3000.0
PARTS = 4  # points along each edge of a voxel


@dataclass(frozen=True)
class Solid:
    """A body in mm in the anatomical frame."""

    centre: NDArray[np.float64]
    reach: float
    contains: Callable[[NDArray[np.float64]], NDArray[np.bool_]]


def ball(centre: NDArray[np.float64], radius: float) -> Solid:
    return Solid(centre, radius, lambda points: np.linalg.norm(points - centre, axis=-1) < radius)


def box(centre: NDArray[np.float64], edges: Sequence[float]) -> Solid:
    half = 0.5 * np.array(edges)
    return Solid(centre, float(np.linalg.norm(half)), lambda points: (np.abs(points - centre) < half).all(axis=-1))


def shares(grid: Image, frame: AnatomicalFrame, solids: Sequence[Solid]) -> NDArray[np.float64]:
    """Share of each voxel that lies in any of the solids."""
    centres = frame.to_frame(grid.to_world(np.moveaxis(np.indices(grid.values.shape), 0, -1).reshape(-1, 3)))
    steps = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets @ (frame.axes @ grid.affine[:3, :3]).T
    found = np.zeros(len(centres))
    for solid in solids:
        reach = solid.reach + float(np.linalg.norm(grid.spacing))
        rows = np.flatnonzero(np.linalg.norm(centres - solid.centre, axis=1) < reach)
        found[rows] = np.maximum(found[rows], solid.contains(centres[rows, None] + offsets).mean(axis=1))
    return found.reshape(grid.values.shape)


def burnt(grid: Image, frame: AnatomicalFrame, solids: Sequence[Solid]) -> NDArray[np.float32]:
    """The CT's values with cement in the place of what the solids take."""
    share = shares(grid, frame, solids)
    return (grid.values * (1.0 - share) + CEMENT_HU * share).astype(np.float32)


def burnt_scan(vertebra: Vertebra, mesh: TetMesh, solids: Sequence[Solid], low: float = 1500.0) -> PostoperativeScan:
    """A vertebra whose CT shows the solids as cement."""
    values = burnt(vertebra.ct, vertebra.frame, solids)
    after = replace(vertebra, ct=replace(vertebra.ct, values=values))
    return PostoperativeScan(after, cement_by_threshold(after, low, 3071.0), np.zeros_like(after.body), mesh)
