"""A vertebra with what its needles ask of it: how far points lie from the bone, and where the pedicles are."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from experiments.model.pedicle import pedicle_contact
from meshes.errors import InputError
from meshes.interior import depth_inside
from meshes.interpolation import linear_values
from meshes.vertebra import Vertebra

PEDICLE_LENGTH = 8.0
"""mm behind the pedicle's base within which a transpedicular needle must stay in the bone: the pedicle between the body
and the processes (tag M)."""


class Bone:
    """A vertebra, measured once for all needles."""

    def __init__(self, vertebra: Vertebra) -> None:
        """Nothing is measured before it is asked for."""
        self.vertebra = vertebra

    def outside_body(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) distance in mm of (n, 3) points of the anatomical frame from the nearest body voxel, 0 inside."""
        return self._look_up(self._body_distance, points)

    def outside_bone(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same from the nearest voxel of body or arch."""
        return self._look_up(self._bone_distance, points)

    @cached_property
    def has_arch(self) -> bool:
        """Whether the mask shows more than the body."""
        return bool(self.vertebra.arch.any())

    def pedicle(self, side: str, approach: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The contact of the pedicle on ``side``, which ``approach`` of the needle ``name`` needs."""
        centres, areas = self.contact[side]
        if not len(centres):
            raise InputError(
                f"{name}.approach = '{approach}': the mask shows no {side} pedicle; use approach = 'free' with "
                "camber_deg and sagittal_deg"
            )
        cut = self.vertebra.frame.to_frame(self.vertebra.cut_points)
        if len(cut) and cKDTree(centres).query(cut)[0].min() < PEDICLE_LENGTH:
            raise InputError(
                f"{name}.approach = '{approach}': {self.vertebra.level} is cut by the {self.vertebra.cut}, and with it "
                f"the {side} pedicle within {PEDICLE_LENGTH:g} mm behind the body; use the other side, or approach = "
                "'free' with camber_deg and sagittal_deg"
            )
        return centres, areas

    @cached_property
    def contact(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Side -> what :func:`pedicle_contact` finds."""
        return {side: pedicle_contact(self.vertebra, side) for side in ("left", "right")}

    def within_body(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances in mm of (n, 3) points in the frame from the surface of the body's voxels; 0 outside of it.

        The surface lies half a voxel, along its shortest edge at least, before the centre of the nearest one outside.
        """
        places = self.vertebra.ct.to_indices(self.vertebra.frame.to_scanner(points))
        depth = linear_values(self._body_depth, places)
        return np.maximum(depth - 0.5 * self.vertebra.ct.spacing.min(), 0.0)

    @cached_property
    def _body_depth(self) -> NDArray[np.float64]:
        return depth_inside(self.vertebra.body, self.vertebra.ct.spacing)

    @cached_property
    def _body_distance(self) -> NDArray[np.float64]:
        return self._distance(self.vertebra.body)

    @cached_property
    def _bone_distance(self) -> NDArray[np.float64]:
        return self._distance(self.vertebra.body | self.vertebra.arch)

    def _distance(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        distance: NDArray[np.float64] = ndimage.distance_transform_edt(~mask, sampling=self.vertebra.ct.spacing)
        return distance

    def _look_up(self, distance: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
        grid = self.vertebra.ct
        voxels = grid.nearest_voxels(self.vertebra.frame.to_scanner(points))
        inside = ((voxels >= 0) & (voxels < distance.shape)).all(axis=1)
        found = np.full(len(points), np.inf)
        found[inside] = distance[tuple(voxels[inside].T)]
        return found
