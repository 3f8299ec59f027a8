"""What a run gives back, and how it is written: numbers, fields over time and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.approach import NeedlePath
from experiments.case import Case
from experiments.fields import FieldSeries
from experiments.load_case import LoadedBone
from experiments.preparation import InjectionSetup
from experiments.prescribed import PrescribedField
from experiments.tissues import TissueMap
from experiments.units import to_clinical
from fem.history import FieldSnapshot
from fem.walls import LEAK_CLASSES, SITES
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
        tissues: what flow and mechanics were computed with, lesions, cavities and veins included.
        cement: what was injected, or the cement that was there already.
        saturation: (cells,) cement at the end.
        snapshots: fields at the output times, the start first; empty on ranks other than 0 and without an injection.
        loaded: the bone under the load of the mechanics; None on ranks other than 0 and without mechanics.
        results: content of ``results.json``.
        manifest: content of ``manifest.json``.
    """

    case: Case
    vertebra: Vertebra
    mesh: TetMesh
    bone: BoneField
    tissues: TissueMap
    cement: InjectionSetup | PrescribedField
    saturation: NDArray[np.float64]
    snapshots: tuple[FieldSnapshot, ...]
    loaded: LoadedBone | None
    results: dict[str, Any]
    manifest: dict[str, Any]

    @property
    def paths(self) -> tuple[NeedlePath, ...]:
        """The way of each needle; none where the cement is prescribed."""
        return self.cement.paths if isinstance(self.cement, InjectionSetup) else ()

    def write_fields(self, path: Path) -> None:
        """Write the fields over time as VTKHDF, in the scanner's LPS mm."""
        frame, medium = self.vertebra.frame, self.tissues.medium
        static: dict[str, ArrayLike] = {
            "bmd_mg_per_cm3": to_clinical(1.0, "mg/cm3") * self.bone.bmd,
            "porosity": medium.porosity,
            "permeability_axial_m2": to_clinical(1.0, "m2") * medium.permeability[:, 2, 2],
            "permeability_transverse_m2": to_clinical(1.0, "m2") * medium.permeability[:, 0, 0],
            "modulus_mpa": self.tissues.modulus,
            "cell_region": _numbered(self.mesh.cell_regions, len(self.mesh.cells)),
            "tissue": _numbered({"bone": np.empty(0, np.int64), **self.tissues.cells}, len(self.mesh.cells)),
        }
        with FieldSeries(path, frame.to_scanner(self.mesh.points), self.mesh.cells, static) as series:
            if isinstance(self.cement, PrescribedField):
                series.append(0.0, {"saturation": self.saturation})
            for snapshot in self.snapshots:
                series.append(
                    snapshot.moment.time,
                    {
                        "saturation": snapshot.saturation,
                        "pressure_kpa": to_clinical(1.0, "kPa") * snapshot.pressure,
                        "darcy_velocity_mm_per_s": snapshot.velocity @ frame.axes,
                        **{f"share_{name}": share for name, share in snapshot.fluids.items()},
                    },
                )

    def pictures(self, folder: Path) -> None:
        """Draw mesh, bone density, filled body and stress; of an injection also its front, leak sites and pressures."""
        from experiments.pictures import figures
        from experiments.pictures.mechanics import draw_mechanics

        folder.mkdir()
        hidden = ("basivertebral_channel", "compacted")
        inclusions = {name: cells for name, cells in self.tissues.cells.items() if not name.startswith(hidden)}
        figures.draw_mesh(self.mesh, folder / "mesh.png")
        figures.draw_density(self.mesh, to_clinical(1.0, "mg/cm3") * self.bone.bmd, folder / "density.png")
        if self.loaded is not None:
            draw_mechanics(self.loaded, folder / "mechanics.png")
        if isinstance(self.cement, PrescribedField):
            title = f"{self.results['fill']['cement_ml']:.2f} ml, prescribed"
            figures.draw_filled(self.mesh, self.saturation, title, [], folder / "filled.png", inclusions)
            return
        needles = [figures.NeedlePose(path.tip, path.direction, path.outer_diameter) for path in self.cement.paths]
        filled = [
            figures.Snapshot(shot.moment.time, to_clinical(shot.moment.injected, "ml"), shot.saturation)
            for shot in self.snapshots[1:]
        ]
        quarters = np.unique(np.ceil(len(filled) * np.array([0.25, 0.5, 0.75, 1.0])).astype(int) - 1)
        marks, openings = self._leaks(self.cement.walls.site)
        last = filled[-1] if filled else None
        figures.draw_leaks(self.mesh, marks, folder / "leaks.png", last, openings, inclusions)
        if last is not None:
            front = [filled[i] for i in quarters]
            figures.draw_fill_front(self.mesh, front, needles, folder / "fill_front.png", inclusions)
            figures.draw_filled(self.mesh, last.saturation, last.clock, needles, folder / "filled.png", inclusions)
        self._plot_course([path.side for path in self.cement.paths], folder / "history.png")

    def _plot_course(self, sides: Sequence[str], path: Path) -> None:
        from experiments.pictures import figures

        course = self.results["injection"]["course"]
        names = [side if sides.count(side) == 1 else f"{side} ({i + 1})" for i, side in enumerate(sides)]
        needles = dict(zip(names, course["needles"], strict=True))
        figures.plot_history(
            course["time_s"],
            {name: needle["tip_pressure_kpa"] for name, needle in needles.items()},
            {name: needle["syringe_pressure_kpa"] for name, needle in needles.items()},
            {name: needle["rate_ml_per_min"] for name, needle in needles.items()},
            course["injected_ml"],
            course["stored_ml"],
            course["leaked_by_site_ml"],
            path,
        )

    def _leaks(self, numbers: NDArray[np.int64]) -> tuple[list[Any], list[Any]]:
        """Marks of the sites that leaked, and all sites that were open, from the number of each facet's site."""
        from experiments.pictures.figures import LEAST_SHOWN_LEAK, LeakMark, SiteOpening

        class_of = {site: name for name, sites in LEAK_CLASSES.items() for site in sites}
        marks, openings = [], []
        for index, site in enumerate(SITES):
            leak = self.results["injection"]["leaks"][site]
            facets = np.flatnonzero(numbers == index)
            if not len(facets):
                continue
            openings.append(SiteOpening(site, class_of.get(site, site), facets))
            if leak["volume_ml"] > LEAST_SHOWN_LEAK:
                marks.append(
                    LeakMark(site, class_of.get(site, site), leak["volume_ml"], self.mesh.facet_centroids[facets])
                )
        return marks, openings


def _numbered(regions: Mapping[str, NDArray[np.int64]], count: int) -> NDArray[np.int32]:
    """(count,) number of the region that each cell lies in, in the order of ``regions``; 0 outside of all."""
    numbers = np.zeros(count, dtype=np.int32)
    for number, cells in enumerate(regions.values()):
        numbers[cells] = number
    return numbers
