"""The fields of a finished case at its stored times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from experiments.pictures.static_bodies import Body, static_bodies
from experiments.results.finished_case import FinishedCase
from experiments.results.vein_cement import VeinCement
from experiments.viewer.body_fields import FIELDS, BodyFields, Course
from experiments.viewer.ct_planes import CtPlanes, FloatArray
from meshes.tetmesh import TetMesh


class CaseFields(BodyFields):
    """One finished case as the viewer needs it.

    Args:
        case: the finished case.
    """

    def __init__(self, case: FinishedCase) -> None:
        """Read mesh and static fields."""
        self._case = case
        self._times = case.times()
        ct = CtPlanes(case.ct(), case.image_units, case.frame, case.mesh.points)
        super().__init__(case.name, case.title, case.mesh, ct)
        self._tissue = case.grid(0).cell_data["tissue"]
        self._tissues = {number: name for name, number in case.manifest.regions.tissue.items()}
        self._loaded = _cell_fields(case, self.mesh)

    @property
    def times(self) -> FloatArray:
        """Times in s that are stored."""
        return self._times

    @property
    def course(self) -> Course | None:
        """The injection at every moment; None without one."""
        return self._case.course if self._case.injected else None

    def bodies(self) -> Iterator[Body]:
        """Bone, what lies in it, openings and needles."""
        return static_bodies(self._case, self.lattice)

    def _values(self, step: int) -> dict[str, Any]:
        grid = self._case.grid(step)
        return self._loaded | {array: np.asarray(grid.cell_data[array]) for array in FIELDS if array in grid.cell_data}

    def _in_veins(self, step: int) -> VeinCement | None:
        return self._case.vein_cement(step)

    def _tissue_of(self, cell: int) -> str:
        return self._tissues.get(int(self._tissue[cell]), "bone")


def _cell_fields(case: FinishedCase, mesh: TetMesh) -> dict[str, Any]:
    """Stress and strain under the load, where the body alone bears it, so that its cells are those of the injection."""
    loaded = case.mechanics()
    if loaded is None or loaded.n_cells != len(mesh.cells):
        return {}
    return {array: np.asarray(loaded.cell_data[array]) for array in FIELDS if array in loaded.cell_data}
