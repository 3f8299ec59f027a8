"""Draws the pictures of a finished case: what the run does by itself, and what can be drawn again from its files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.pictures import cross_sections, curves, figures, measured
from experiments.pictures.catalogue import pictures_of
from experiments.pictures.front import FrontCourse
from experiments.pictures.heat import draw_heat, draw_necrosis
from experiments.pictures.lattice import Lattice
from experiments.pictures.mechanics import draw_failed, draw_mechanics
from experiments.pictures.style import DENSITY_MAP, PRESSURE_MAP, Style, drawn_in
from experiments.results.finished_case import HEAT_DAMAGE, FinishedCase
from experiments.results.wording import capitalised, load_in_words, number, told, vein_sentence, which_veins

QUARTERS = np.array([0.25, 0.5, 0.75, 1.0])
"""Shares of the injection's time at which its front is shown."""

LEAST_IN_WHOLE_SECONDS = 20.0
"""s; times of a shorter injection have a decimal."""


def draw_pictures(case: FinishedCase, folder: Path, style: Style = Style.LIGHT) -> None:
    """Draw all pictures of a case in a folder, which is made."""
    folder.mkdir()
    drawing = CaseDrawing(case)
    with drawn_in(style):
        for picture in pictures_of(case):
            DRAWN[picture.name](drawing, folder / picture.file)


class CaseDrawing:
    """The pictures of one case, and what several of them share.

    Args:
        case: the finished case.
    """

    def __init__(self, case: FinishedCase) -> None:
        """Read nothing yet."""
        self.case = case

    @cached_property
    def lattice(self) -> Lattice:
        """Of the body."""
        return Lattice.of(self.case.mesh)

    @cached_property
    def scanned(self) -> cross_sections.ScannedBody:
        """The body in its CT."""
        return cross_sections.ScannedBody(
            self.case.mesh, self.lattice, self.case.ct(), self.case.frame, self.case.image_units
        )

    @cached_property
    def saturation(self) -> NDArray[np.float64]:
        """(cells,) at the end."""
        return self.case.saturation()

    @cached_property
    def middle(self) -> NDArray[np.float64]:
        """(3,) centroid of the cement in mm; of the body where there is none."""
        mesh = self.case.mesh
        cement = self.saturation * mesh.cell_volumes
        return cement @ mesh.cell_centroids / cement.sum() if cement.sum() > 0.0 else mesh.centroid

    @property
    def which_veins(self) -> str:
        """What is to be said of the veins beside what they decide."""
        return which_veins(self.case.results.veins)

    def mesh(self, path: Path) -> None:
        """Regions of the surface."""
        figures.draw_mesh(self.case.mesh, path, self.case.veins(), self.which_veins)

    def density(self, path: Path) -> None:
        """Bone mineral density over the CT."""
        density = self.case.grid(0).cell_data["bmd_mg_per_cm3"]
        label = "bone mineral density [mg/cm³]"
        cross_sections.draw_sections(
            self.scanned, density, label, DENSITY_MAP, np.zeros(3), path, self.which_veins, veins=self.case.veins()
        )

    def fill_front(self, path: Path) -> None:
        """The cement at four of the stored times."""
        steps = len(self.case.times()) - 1
        shown = [self.case.snapshot(step) for step in np.unique(np.ceil(steps * QUARTERS).astype(int))]
        case = self.case
        figures.draw_fill_front(
            *(case.mesh, self.lattice, shown, case.needles(), path, case.inclusions(), case.veins(), self.which_veins)
        )

    def front_times(self, path: Path) -> None:
        """The front after the quarters of the injection, or at the stored times if these are fewer, in one picture."""
        course = FrontCourse(self.case, self.lattice)
        stored, duration = course.times[1:], float(course.times[-1])
        # fronts between few stored times would be interpolated ones
        times = duration * QUARTERS if len(stored) >= len(QUARTERS) else stored
        digits = 0 if duration >= LEAST_IN_WHOLE_SECONDS else 1
        fronts = [
            (f"{100.0 * time / duration:.0f} %, {time:.{digits}f} s", distance)
            for time in times.tolist()
            if (distance := course.distance(time)) is not None
        ]
        figures.draw_front_times(self.scanned, fronts, self.middle, path, self.case.veins(), self.which_veins)

    def filled(self, path: Path) -> None:
        """Prescribed cement."""
        title = f"{told(self.case.results.fill, 'cement_ml', 3)}, prescribed"
        case = self.case
        figures.draw_filled(case.mesh, self.lattice, self.saturation, title, path, case.inclusions(), case.veins())

    def cement_in_ct(self, path: Path) -> None:
        """Cement of a measured CT over it."""
        measured.draw_cement_in_ct(self.scanned, self.case.scanned_cement(), path)

    def leaks_in_ct(self, path: Path) -> None:
        """Cement of a measured CT in the translucent body, and its leaks."""
        leaks = {site: leak.volume_ml for site, leak in (self.case.results.leaks or {}).items()}
        measured.draw_leaks_in_ct(self.scanned, self.case.scanned_cement(), leaks, path)

    def pressure(self, path: Path) -> None:
        """Pressure over the CT at the end."""
        snapshot = self.case.snapshot()
        pressure = self.case.grid().cell_data["pressure_kpa"]
        cross_sections.draw_sections(
            self.scanned,
            pressure,
            "pressure [kPa]",
            PRESSURE_MAP,
            self.middle,
            path,
            "\n".join(part for part in (self.which_veins, f"{snapshot.clock}; white line: edge of the cement") if part),
            snapshot.saturation,
            self.case.veins(),
            snapshot.in_veins,
        )

    def veins(self, path: Path) -> None:
        """The network of veins."""
        network, results = self.case.veins(), self.case.results.veins
        if network is not None and results is not None:
            figures.draw_veins(self.case.mesh, network, vein_sentence(results), path)

    def leaks(self, path: Path) -> None:
        """Open sites and leaks."""
        case = self.case
        figures.draw_leaks(
            case.mesh,
            self.lattice,
            case.leak_sites(),
            path,
            self.saturation,
            case.inclusions(),
            case.veins(),
            case.vein_cement(),
            self.which_veins,
        )

    def leak_sites(self, path: Path) -> None:
        """Bars of the leaks."""
        curves.plot_leak_sites(self.case.leak_sites(), path, self.which_veins)

    def history(self, path: Path) -> None:
        """Pressures and volumes over time."""
        course, needles = self.case.course, self.case.needle_courses()
        curves.plot_history(
            course.time_s,
            {name: needle.tip_pressure_kpa for name, needle in needles.items()},
            {name: needle.syringe_pressure_kpa for name, needle in needles.items()},
            {name: needle.rate_ml_per_min for name, needle in needles.items()},
            course.injected_ml,
            course.stored_ml,
            course.leaked_by_site_ml,
            path,
            course.in_veins_ml,
            course.in_conduits_ml,
            self.which_veins,
        )

    def heat(self, path: Path) -> None:
        """Highest temperatures over the CT."""
        if (results := self.case.results.heat) is not None:
            peak, canal = results.peak_c["cement"], results.peak_c["canal"]
            title = "; ".join(
                f"{name} up to {number(value, digits=3)} °C"
                for name, value in (("cement", peak), ("canal", canal))
                if value is not None
            )
            draw_heat(self.scanned, self.case.heat_map(), self.middle, self.saturation, title, path)

    def heat_course(self, path: Path) -> None:
        """Temperatures over time."""
        if self.case.results.heat is not None:
            curves.plot_heat(self.case.results.heat, path)

    def necrosis(self, path: Path) -> None:
        """Tissue killed by heat."""
        if (results := self.case.results.heat) is not None:
            damage, mesh = self.case.heat_map(HEAT_DAMAGE), self.case.mesh
            draw_necrosis(mesh, self.lattice, damage, self.saturation, self.case.frame, results, path)

    def mechanics(self, path: Path) -> None:
        """Stress and strain under the load."""
        bone, load = self.case.mechanics(), self.case.results.load
        if bone is not None and load is not None:
            draw_mechanics(bone, capitalised(load_in_words(load)), path, self.case.mechanics_before())

    def stiffness(self, path: Path) -> None:
        """Bars of the stiffness."""
        if self.case.results.stiffness is not None:
            curves.plot_stiffness(self.case.results.stiffness, path)

    def load_curves(self, path: Path) -> None:
        """Force over compression."""
        if self.case.results.strength is not None:
            curves.plot_load_curves(self.case.results.strength, path)

    def failed(self, path: Path) -> None:
        """Plastic strain at the end of the load curves."""
        if (bone := self.case.mechanics()) is not None:
            draw_failed(bone, path, self.case.mechanics_before())


DRAWN: dict[str, Callable[[CaseDrawing, Path], None]] = {
    "mesh": CaseDrawing.mesh,
    "veins": CaseDrawing.veins,
    "density": CaseDrawing.density,
    "cement_in_ct": CaseDrawing.cement_in_ct,
    "leaks_in_ct": CaseDrawing.leaks_in_ct,
    "fill_front": CaseDrawing.fill_front,
    "front_times": CaseDrawing.front_times,
    "filled": CaseDrawing.filled,
    "pressure": CaseDrawing.pressure,
    "leaks": CaseDrawing.leaks,
    "leak_sites": CaseDrawing.leak_sites,
    "history": CaseDrawing.history,
    "heat": CaseDrawing.heat,
    "heat_course": CaseDrawing.heat_course,
    "necrosis": CaseDrawing.necrosis,
    "mechanics": CaseDrawing.mechanics,
    "stiffness": CaseDrawing.stiffness,
    "load_curves": CaseDrawing.load_curves,
    "failed": CaseDrawing.failed,
}
"""Name of a picture in the catalogue -> what draws it."""
