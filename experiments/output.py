"""What a run gives back, and how it is written: numbers, fields over time and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.approach import NeedlePath
from experiments.case import Case
from experiments.fields import FieldSeries
from experiments.units import to_clinical
from fem.plan import FieldSnapshot
from fem.porous import PorousMedium
from fem.walls import LEAK_CLASSES, SITES, Walls
from materials.bone import BoneField
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra


@dataclass(frozen=True)
class CaseOutcome:
    """A finished run.

    Attributes:
        case: what was asked.
        vertebra: the patient's vertebra.
        mesh: mesh of its body in the anatomical frame.
        bone: bone of every cell, as the CT shows it.
        medium: porosity and permeability that the flow was computed with, cavities behind defects included.
        modulus: (m,) Young's modulus of the body before the injection in MPa, cavities included.
        path: the needle.
        walls: conductance and permission of the surface.
        needle_diameter: outer diameter of the needle in mm.
        snapshots: fields at the output times, the start first; empty on ranks other than 0.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
    """

    case: Case
    vertebra: Vertebra
    mesh: TetMesh
    bone: BoneField
    medium: PorousMedium
    modulus: NDArray[np.float64]
    path: NeedlePath
    walls: Walls
    needle_diameter: float
    snapshots: tuple[FieldSnapshot, ...]
    results: dict[str, Any]
    manifest: dict[str, Any]

    def write_fields(self, path: Path) -> None:
        """Write the fields over time as VTKHDF, in the scanner's LPS mm."""
        frame = self.vertebra.frame
        regions = np.zeros(len(self.mesh.cells), dtype=np.int32)
        for number, cells in enumerate(self.mesh.cell_regions.values()):
            regions[cells] = number
        static: dict[str, ArrayLike] = {
            "bmd_mg_per_cm3": to_clinical(1.0, "mg/cm3") * self.bone.bmd,
            "porosity": self.medium.porosity,
            "permeability_axial_m2": to_clinical(1.0, "m2") * self.medium.permeability[:, 2, 2],
            "permeability_transverse_m2": to_clinical(1.0, "m2") * self.medium.permeability[:, 0, 0],
            "modulus_mpa": self.modulus,
            "cell_region": regions,
        }
        with FieldSeries(path, frame.to_scanner(self.mesh.points), self.mesh.cells, static) as series:
            for snapshot in self.snapshots:
                series.append(
                    snapshot.moment.time,
                    {
                        "saturation": snapshot.saturation,
                        "pressure_kpa": to_clinical(1.0, "kPa") * snapshot.pressure,
                        "darcy_velocity_mm_per_s": snapshot.velocity @ frame.axes,
                    },
                )

    def pictures(self, folder: Path) -> None:
        """Draw mesh, bone density, fill front at four times, filled body, leak sites and the course of pressure."""
        from experiments import figures

        folder.mkdir()
        needle = figures.NeedlePose(self.path.tip, self.path.direction, self.needle_diameter)
        filled = [
            figures.Snapshot(shot.moment.time, to_clinical(shot.moment.injected, "ml"), shot.saturation)
            for shot in self.snapshots[1:]
        ]
        quarters = np.unique(np.ceil(len(filled) * np.array([0.25, 0.5, 0.75, 1.0])).astype(int) - 1)
        figures.draw_mesh(self.mesh, folder / "mesh.png")
        figures.draw_density(self.mesh, to_clinical(1.0, "mg/cm3") * self.bone.bmd, folder / "density.png")
        figures.draw_leaks(self.mesh, self._leak_marks(), folder / "leaks.png", filled[-1] if filled else None)
        if filled:
            figures.draw_fill_front(self.mesh, [filled[i] for i in quarters], needle, folder / "fill_front.png")
            figures.draw_filled(self.mesh, filled[-1], needle, folder / "filled.png")
        course = self.results["injection"]["course"]
        figures.plot_history(
            course["time_s"],
            course["tip_pressure_kpa"],
            course["syringe_pressure_kpa"],
            course["injected_ml"],
            course["stored_ml"],
            course["leaked_ml"],
            folder / "history.png",
        )

    def _leak_marks(self) -> list[Any]:
        from experiments.figures import LeakMark

        class_of = {site: name for name, sites in LEAK_CLASSES.items() for site in sites}
        marks = []
        for index, site in enumerate(SITES):
            volume = self.results["injection"]["leaks"][site]["volume_ml"]
            facets = np.flatnonzero(self.walls.site == index)
            if len(facets) and self.results["injection"]["leaks"][site]["onset_s"] is not None:
                marks.append(LeakMark(site, class_of.get(site, site), volume, self.mesh.facet_centroids[facets]))
        return marks
