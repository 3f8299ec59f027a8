"""A post-operative CT, read: the vertebra, its cement, the vertebrae around it and the surface of its body."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.schema import Case
from experiments.case.units import to_internal
from experiments.model.patient import read_patient
from meshes.body_mesh import mesh_body
from meshes.demo_patient import demo_patient
from meshes.neighbours import other_vertebrae
from meshes.scanned_cement import ScannedCement, cement_by_threshold, read_cement_mask
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

REACH = 40.0
"""mm around the vertebra in which its cement is sought: leaks that touch it are followed so far (tag D)."""

APART = 15.0
"""mm from the vertebra within which cement that does not touch its own still counts as its leak (tag D)."""

THRESHOLD_HU = (1500.0, 3071.0)
"""CT numbers of cement in the series of 585 vertebrae, 10.1186/s12891-022-05135-w (tag S)."""

MESH_SIZE = 2.0
"""mm of the mesh whose surface names the walls, and that shows the body; no volume depends on it."""

TOUCHING = np.ones((3, 3, 3), dtype=bool)
"""Voxels that share a corner belong together: thin veins run askew."""


@dataclass(frozen=True)
class PostoperativeScan:
    """A vertebra with its cement on the voxels of a CT.

    Attributes:
        vertebra: with :data:`REACH` of the CT around it.
        cement: all of it in that part of the CT.
        others: (nx, ny, nz) voxels of other vertebrae.
        mesh: of the body in its anatomical frame, with named walls.
    """

    vertebra: Vertebra
    cement: ScannedCement
    others: NDArray[np.bool_]
    mesh: TetMesh

    def with_threshold(self, low: float, high: float) -> PostoperativeScan:
        """The same with cement between two CT numbers."""
        other = replace(self, cement=cement_by_threshold(self.vertebra, low, high))
        # Distances take most of the time in a fine CT, and do not depend on the cement.
        other.__dict__.update(
            {name: getattr(self, name) for name in ("to_own", "to_others", "others_inside", "from_body")}
        )
        return other

    @cached_property
    def to_own(self) -> NDArray[np.float32]:
        """(nx, ny, nz) distance to the vertebra in mm."""
        return _distance(self.vertebra.body | self.vertebra.arch, self.vertebra.ct.spacing)

    @cached_property
    def to_others(self) -> NDArray[np.float32]:
        """(nx, ny, nz) distance to the other vertebrae in mm; infinite without any."""
        return _distance(self.others, self.vertebra.ct.spacing)

    @cached_property
    def others_inside(self) -> NDArray[np.bool_]:
        """(nx, ny, nz) other vertebrae without their outermost voxels: masks are a voxel off here and there."""
        return ndimage.binary_erosion(self.others)

    @cached_property
    def from_body(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(nx, ny, nz) distance from the body in voxels, and in mm."""
        body = self.vertebra.body
        return _distance(body, np.ones(3)), _distance(body, self.vertebra.ct.spacing)

    @cached_property
    def own(self) -> NDArray[np.bool_]:
        """(nx, ny, nz) cement that belongs to this vertebra.

        A piece belongs to the vertebra that it touches or else lies nearest to, unless it is connected with cement in
        another one; what is connected with cement in both is divided between them. Pieces farther than :data:`APART`
        belong to none.
        """
        cement = self.cement.voxels
        pieces, count = ndimage.label(cement, TOUCHING)
        piece, to_own, to_others = pieces[cement], self.to_own[cement], self.to_others[cement]
        own, other = np.full((2, count + 1), np.inf)
        np.minimum.at(own, piece, to_own)
        np.minimum.at(other, piece, to_others)
        filled = np.bincount(piece, self.others_inside[cement], count + 1) > 0.0
        touching = max(self.vertebra.ct.spacing) * np.sqrt(3.0)
        chosen = ~filled & ((own <= touching) | ((own <= other) & (own <= APART)))
        divided = filled & (own == 0.0)
        belongs = np.zeros_like(cement)
        belongs[cement] = np.where(divided[piece], to_own <= to_others, chosen[piece])
        return belongs

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(nx, ny, nz) cement in the body."""
        return self.cement.voxels & self.vertebra.body

    @property
    def voxel(self) -> float:
        """Volume of a voxel in mm3."""
        return self.vertebra.ct.voxel_volume

    def places(self, voxels: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n, 3) centres of voxels in mm in the anatomical frame."""
        return self.vertebra.frame.to_frame(self.vertebra.ct.to_world(np.argwhere(voxels)))

    @cached_property
    def voxel_width(self) -> NDArray[np.float64]:
        """(3,) mm that a voxel spans along the axes of the anatomical frame."""
        return np.abs(self.vertebra.frame.axes @ self.vertebra.ct.affine[:3, :3]).sum(axis=1)

    def share_above(self, places: NDArray[np.float64], axis: int, position: float) -> NDArray[np.float64]:
        """(n,) share of voxels at (n, 3) places that lies beyond a plane across an axis of the frame."""
        return np.clip(0.5 + (places[:, axis] - position) / self.voxel_width[axis], 0.0, 1.0)


def _distance(region: NDArray[np.bool_], spacing: NDArray[np.float64]) -> NDArray[np.float32]:
    """(nx, ny, nz) distance to a region in the unit of the spacing; infinite where it is empty."""
    if not region.any():
        return np.full(region.shape, np.inf, dtype=np.float32)
    return np.asarray(ndimage.distance_transform_edt(~region, sampling=spacing), dtype=np.float32)


def read_scan(case: Case) -> PostoperativeScan:
    """Read the CT of a case with what ``prescribed_cement`` tells of its cement, a threshold or a mask.

    Raises:
        InputError: the files cannot be used, or the body holds no cement.
    """
    vertebra = read_patient(case, REACH)
    given = case.prescribed_cement
    if given is not None and given.mask is not None:
        cement = read_cement_mask(given.mask, vertebra, case.patient.resample)
    elif given is not None and given.threshold_hu is not None:
        low, high = (to_internal(value, "HU") for value in given.threshold_hu)
        cement = cement_by_threshold(vertebra, low, high)
    else:
        raise ValueError("a case to be measured names a mask or a threshold")
    others = np.zeros(vertebra.body.shape, dtype=bool)
    for voxels in other_vertebrae(mask_of(case), vertebra).values():
        others |= voxels
    return PostoperativeScan(vertebra, cement, others, mesh_body(vertebra, MESH_SIZE))


def mask_of(case: Case) -> Path:
    """The mask of a case's patient."""
    if case.patient.mask is not None:
        return case.patient.mask
    return demo_patient().mask
