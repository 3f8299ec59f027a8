"""The fields of a body at the times that are known, read when they are wanted and kept as long as there is room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
import pyvista

from experiments.pictures.cross_sections import WINDOW
from experiments.pictures.lattice import Lattice
from experiments.pictures.static_bodies import Body
from experiments.pictures.style import DENSITY_MAP, PRESSURE_MAP, STRAIN_MAP, STRESS_MAP, TIME_MAP, ColorMap
from experiments.pictures.veins import shown_cement
from experiments.results.grids import volume_of
from experiments.results.vein_cement import VeinCement
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


class Course(Protocol):
    """What charts show of an injection: equally long series."""

    @property
    def time_s(self) -> Sequence[float]:
        """Since the start."""

    @property
    def injected_ml(self) -> Sequence[float]:
        """Cement that has left the needles."""

    @property
    def leaked_ml(self) -> Sequence[float]:
        """Cement that has left the body."""

    @property
    def syringe_pressure_kpa(self) -> Sequence[float]:
        """The largest of the needles."""

    @property
    def tip_pressure_kpa(self) -> Sequence[float]:
        """The largest of the needles."""


class BodyFields(ABC):
    """One body as the viewer needs it.

    Args:
        name: of its case.
        title: for people.
        mesh: of the body.
        ct: around it.
    """

    def __init__(self, name: str, title: str, mesh: TetMesh, ct: CtPlanes) -> None:
        """Lay out what does not change with time."""
        self.name, self.title, self.mesh, self.ct = name, title, mesh, ct
        self.lattice = Lattice.of(mesh)
        self._grid = volume_of(mesh, {"cell": np.arange(len(mesh.cells))})
        self.values = lru_cache(KEPT_STEPS)(self._values)
        self.front = lru_cache(KEPT_STEPS)(self._front)

    @property
    @abstractmethod
    def times(self) -> FloatArray:
        """Times in s whose fields are known."""

    @property
    @abstractmethod
    def course(self) -> Course | None:
        """The injection at every moment; None without one."""

    @abstractmethod
    def bodies(self) -> Iterable[Body]:
        """What does not change with time."""

    @abstractmethod
    def _values(self, step: int) -> dict[str, Any]:
        """Field -> its values at a time."""

    @abstractmethod
    def _in_veins(self, step: int) -> VeinCement | None:
        """Cement in the veins at a time."""

    def _tissue_of(self, cell: int) -> str:
        """Name of the tissue of a cell; empty where it is not known."""
        return ""

    def step_at(self, time: float) -> int:
        """The last stored time that is not after ``time``; the first one before all of them."""
        return max(int(np.searchsorted(self.times, time + 1e-9)) - 1, 0)

    def section(self, normal: FloatArray, origin: FloatArray) -> pyvista.PolyData:
        """The cells that a plane cuts, each with its index as ``cell``."""
        return self._grid.slice(normal=tuple(normal), origin=tuple(origin))

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
        tissue = self._tissue_of(cell)
        found = {kind.label: kind.told(float(values[array][cell])) for array, kind in FIELDS.items() if array in values}
        return {**({"tissue": words(tissue)} if tissue else {}), **scanned, **found}

    def _front(self, step: int) -> pyvista.PolyData:
        front = shown_cement(self.lattice, self.values(step)["saturation"], self._in_veins(step))
        return front.compute_normals() if front.n_cells else front
