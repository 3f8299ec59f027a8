"""The fields of a finished case at its stored times, read when they are wanted and kept as long as there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyvista

from experiments.pictures.cross_sections import WINDOW
from experiments.pictures.lattice import Lattice
from experiments.pictures.style import DENSITY_MAP, PRESSURE_MAP, STRAIN_MAP, STRESS_MAP, TIME_MAP, ColorMap
from experiments.pictures.veins import shown_cement
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import number, words
from experiments.viewer.ct_planes import CtPlanes, FloatArray
from meshes.tetmesh import TetMesh

KEPT_STEPS = 64
"""Times whose fields and fronts stay in memory."""

ROUND_OFF = 1e-9
"""Of the shares that a scale with fixed ends shows."""


@dataclass(frozen=True)
class FieldKind:
    """A cell field that slices can show.

    Attributes:
        array: its name in the file.
        name: for people.
        unit: clinical unit; empty for shares.
        colors: perceptually uniform map; grey for the CT.
        limits: of the colour scale; None for the 1st and 99th percentile of all cases at their end.
    """

    array: str
    name: str
    unit: str
    colors: ColorMap | Literal["gray"]
    limits: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """Name with unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    def told(self, value: float) -> str:
        """A value as text; one within round-off of an end of the scale is that end."""
        ends = [end for end in self.limits or () if abs(value - end) < ROUND_OFF]
        return number(ends[0] if ends else value)


CT = "ct"
"""The field that is no value of a cell: the CT around the vertebra, on planes that reach beyond the body."""

STATES = ("intact", "fractured", "augmented")

FIELDS: Mapping[str, FieldKind] = {
    kind.array: kind
    for kind in (
        FieldKind(CT, "CT", "HU", "gray", WINDOW),
        FieldKind("saturation", "cement saturation", "", TIME_MAP, (0.0, 1.0)),
        FieldKind("pressure_kpa", "pressure", "kPa", PRESSURE_MAP),
        FieldKind("ct_number_hu", "CT number", "HU", DENSITY_MAP),
        FieldKind("bmd_mg_per_cm3", "bone mineral density", "mg/cm³", DENSITY_MAP),
        FieldKind("porosity", "porosity", "", DENSITY_MAP),
        FieldKind("permeability_axial_m2", "axial permeability", "m²", DENSITY_MAP),
        FieldKind("modulus_mpa", "Young's modulus without cement", "MPa", STRESS_MAP),
        *(FieldKind(f"von_mises_{state}_mpa", f"von Mises stress, {state}", "MPa", STRESS_MAP) for state in STATES),
        *(FieldKind(f"effective_strain_{state}", f"effective strain, {state}", "", STRAIN_MAP) for state in STATES),
    )
}
"""Fields by their names in the file, in the order in which they are offered."""


class CaseFields:
    """One case as the viewer needs it.

    Args:
        case: the finished case.
    """

    def __init__(self, case: FinishedCase) -> None:
        """Read mesh and static fields."""
        self.case = case
        self.mesh = case.mesh
        self.times = case.times()
        self.lattice = Lattice.of(self.mesh)
        self._grid = case.grid(0)
        self._tissues = {number: name for name, number in case.manifest.regions.tissue.items()}
        self._loaded = _cell_fields(case, self.mesh)
        self.ct = CtPlanes(case.ct(), case.image_units, case.frame, self.mesh.points)
        self.values = lru_cache(KEPT_STEPS)(self._values)
        self.front = lru_cache(KEPT_STEPS)(self._front)

    def step_at(self, time: float) -> int:
        """The last stored time that is not after ``time``; the first one before all of them."""
        return max(int(np.searchsorted(self.times, time + 1e-9)) - 1, 0)

    def section(self, normal: FloatArray, origin: FloatArray) -> pyvista.PolyData:
        """The cells that a plane cuts, each with its index as ``cell``."""
        bare = pyvista.UnstructuredGrid()
        bare.copy_structure(self._grid)
        bare.cell_data["cell"] = np.arange(bare.n_cells)
        return bare.slice(normal=tuple(normal), origin=tuple(origin))

    def cell_at(self, point: FloatArray) -> int | None:
        """Index of the cell around a point, or None outside of the body."""
        found = int(self._grid.find_containing_cell(point))
        return None if found < 0 else found

    def told(self, point: FloatArray, time: float) -> dict[str, str]:
        """Name with unit -> value of every field at a point and a time."""
        hounsfield = float(self.ct.hounsfield(point[None])[0])
        scanned = {FIELDS[CT].label: number(hounsfield)} if np.isfinite(hounsfield) else {}
        cell = self.cell_at(point)
        if cell is None:
            return {"place": "outside of the body", **scanned}
        values = self.values(self.step_at(time))
        tissue = self._tissues.get(int(self._grid.cell_data["tissue"][cell]), "bone")
        found = {kind.label: kind.told(float(values[array][cell])) for array, kind in FIELDS.items() if array in values}
        return {"tissue": words(tissue), **scanned, **found}

    def _values(self, step: int) -> dict[str, Any]:
        grid = self.case.grid(step)
        return self._loaded | {array: np.asarray(grid.cell_data[array]) for array in FIELDS if array in grid.cell_data}

    def _front(self, step: int) -> pyvista.PolyData:
        front = shown_cement(self.lattice, self.values(step)["saturation"], self.case.vein_cement(step))
        return front.compute_normals() if front.n_cells else front


def _cell_fields(case: FinishedCase, mesh: TetMesh) -> dict[str, Any]:
    """Stress and strain under the load, where the body alone bears it, so that its cells are those of the injection."""
    loaded = case.mechanics()
    if loaded is None or loaded.n_cells != len(mesh.cells):
        return {}
    return {array: np.asarray(loaded.cell_data[array]) for array in FIELDS if array in loaded.cell_data}
