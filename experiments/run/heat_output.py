"""What came of the heat of a case: its part of the results, and maps on its voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.case.units import to_clinical
from experiments.export.nifti import write_nifti
from experiments.model.heated_places import TISSUES, Surroundings, places_around, tissue_numbers
from experiments.results.finished_case import HEAT_COURSE, HEAT_DAMAGE, HEAT_PEAK
from experiments.results.parts.heat import HeatCourse, HeatedTissue, HeatResults, Place
from experiments.results.parts.solvers import HeatSolver
from fem.heat.medium import HeatMedium
from fem.heat.state import THRESHOLDS_C, HeatState
from materials.thermal_damage import ThermalDamage
from meshes.box_grid import BoxGrid
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image

FloatArray = NDArray[np.float64]

FRAME_SECONDS = 20.0
"""s between the stored temperatures of all voxels."""


STILL_WARM = 45.0
"""Degrees Celsius at the end above which the run warns."""

HALF_CURED, STILL_CURING = 0.5, 0.01
"""Conversion of the cement at the end below which the run warns, and what it may gain in the last minute."""


@dataclass
class HeatRecord:
    """The course of the heat so far, step by step.

    Attributes:
        times: s since the start of the injection.
        temperatures: (n,) of each time in degrees Celsius, in single precision.
        conversions: mean conversion of the cement at each time.
    """

    times: list[float] = field(default_factory=list)
    temperatures: list[NDArray[np.float32]] = field(default_factory=list)
    conversions: list[float] = field(default_factory=list)

    def note(self, state: HeatState) -> None:
        """Keep a state."""
        cement = float(state.cement.sum())
        self.times.append(state.time)
        self.temperatures.append(state.temperature.astype(np.float32))
        self.conversions.append(float(state.cement @ state.conversion) / cement if cement > 0.0 else 0.0)

    def frames(self, step: float) -> tuple[FloatArray, NDArray[np.float32]]:
        """(k,) times at an even distance in s, and (k, n) temperatures, linear between the kept ones."""
        kept = np.array(self.times)
        wanted = np.arange(0.0, kept[-1] + 1e-9, step)
        after = np.clip(np.searchsorted(kept, wanted), 1, len(kept) - 1)
        share = np.clip((wanted - kept[after - 1]) / (kept[after] - kept[after - 1]), 0.0, 1.0)
        frames = [
            self.temperatures[last - 1] + np.float32(part) * (self.temperatures[last] - self.temperatures[last - 1])
            for last, part in zip(after.tolist(), share.tolist(), strict=True)
        ]
        return wanted, np.array(frames)


@dataclass(frozen=True)
class HeatOutcome:
    """The heat of a finished run.

    Attributes:
        surroundings: the voxels, and what is in them.
        medium: what conducts.
        damage: what heat does to tissue.
        state: at the end.
        record: its course.
        age: of the cement at the start in s since mixing.
        solver: what the solver did.
    """

    surroundings: Surroundings
    medium: HeatMedium
    damage: ThermalDamage
    state: HeatState
    record: HeatRecord
    age: float
    solver: HeatSolver

    def results(self) -> HeatResults:
        """The part ``heat`` of the results."""
        state, medium = self.state, self.medium
        places = places_around(self.surroundings, state.cement, medium.room)
        names = cast("tuple[Place, ...]", get_args(Place))
        exposure = state.exposure

        def most(values: FloatArray) -> dict[Place, float | None]:
            return {name: float(values[places[name]].max()) if name in places else None for name in names}

        above = {
            f"seconds_above_{threshold:.0f}c": most(exposure.seconds_above[number])
            for number, threshold in enumerate(THRESHOLDS_C)
        }
        tissue = medium.strut + medium.room - state.cement
        dead, dosed = exposure.damage >= 1.0, exposure.dose >= self.damage.lethal_dose
        cement = float(state.cement.sum())
        return HeatResults(
            voxels=medium.grid.count,
            peak_c=most(exposure.peak),
            necrosis_ml=self._by_tissue(tissue, dead),
            dose_necrosis_ml=self._by_tissue(tissue, dosed),
            lesion_killed=self._share_of_lesion(tissue, dead),
            lesion_replaced=self._share_of_lesion(medium.strut + medium.room, state.cement / (tissue + state.cement)),
            setting_min=self._setting_min(),
            conversion=float(state.cement @ state.conversion) / cement if cement > 0.0 else 0.0,
            reaction_kj=1e-6 * state.budget.reaction,
            energy_balance_error=state.budget.error,
            course=self._course(places, names),
            **above,
        )

    def warnings(self) -> tuple[str, ...]:
        """Sentences for the reader of the results."""
        end, hottest = to_clinical(self.state.time, "min"), float(self.state.temperature.max())
        times, conversions = np.array(self.record.times), np.array(self.record.conversions)
        gained = float(conversions[-1] - np.interp(times[-1] - 60.0, times, conversions))
        if conversions[-1] < HALF_CURED or gained > STILL_CURING:
            return (
                f"heat: when the temperatures end at {end:.0f} min, only {100.0 * conversions[-1]:.0f} % of the cement "
                "has converted, and the peak may be still to come; raise heat.until_min",
            )
        if hottest > STILL_WARM:
            return (
                f"heat: when the temperatures end at {end:.0f} min, the cement still has {hottest:.0f} degC, so that "
                "times and damage are too small; raise heat.until_min",
            )
        return ()

    def write(self, folder: Path, frame: AnatomicalFrame) -> None:
        """Write peak, damage and the course of the temperature, where the CT is."""
        grid, exposure = self.medium.grid, self.state.exposure
        write_nifti(folder / HEAT_PEAK, _image(grid, frame, exposure.peak), "peak degC")
        write_nifti(folder / HEAT_DAMAGE, _image(grid, frame, exposure.damage), "Arrhenius")
        _, frames = self.record.frames(FRAME_SECONDS)
        course = np.moveaxis(frames.reshape(-1, *grid.shape), 0, -1)
        image = _image(grid, frame, exposure.peak)
        write_nifti(folder / HEAT_COURSE, Image(course, image.affine), "degC", FRAME_SECONDS)

    def _by_tissue(self, volume: FloatArray, members: NDArray[np.bool_]) -> dict[HeatedTissue, float]:
        """Tissue -> ml of it in some voxels."""
        numbers = tissue_numbers(self.surroundings)
        found = np.bincount(numbers[members], volume[members], len(TISSUES))
        return dict(zip(TISSUES, to_clinical(1.0, "ml") * found, strict=True))

    def _share_of_lesion(self, volume: FloatArray, share: NDArray[np.generic]) -> float | None:
        """Mean of a share over the lesion by volume; None where there is no lesion."""
        lesion = self.surroundings.places.get("lesion")
        if lesion is None or not volume[lesion].sum() > 0.0:
            return None
        return float(volume[lesion] @ share[lesion].astype(float) / volume[lesion].sum())

    def _setting_min(self) -> float | None:
        """Minutes after mixing at which half of the last conversion is reached; None where nothing has cured."""
        conversions = np.array(self.record.conversions)
        if not conversions[-1] > 0.1:
            return None
        after = int(np.argmax(conversions >= 0.5 * conversions[-1]))
        times = np.array(self.record.times)
        if after == 0:
            return to_clinical(self.age + float(times[0]), "min")
        share = (0.5 * conversions[-1] - conversions[after - 1]) / (conversions[after] - conversions[after - 1])
        return to_clinical(self.age + float(times[after - 1] + share * (times[after] - times[after - 1])), "min")

    def _course(self, places: dict[str, NDArray[np.bool_]], names: tuple[Place, ...]) -> HeatCourse:
        """Highest temperature of every place over time."""
        members = {name: np.flatnonzero(places[name]) for name in names if name in places}
        return HeatCourse(
            time_s=self.record.times,
            temperature_c={
                name: [float(field[voxels].max()) for field in self.record.temperatures]
                for name, voxels in members.items()
            },
            conversion=self.record.conversions,
        )


def _image(grid: BoxGrid, frame: AnatomicalFrame, values: FloatArray) -> Image:
    """(n,) values as an image in the scanner's LPS mm."""
    affine = np.eye(4)
    affine[:3, :3] = grid.spacing * frame.axes.T
    affine[:3, 3] = frame.to_scanner(grid.centres[0])
    return Image(values.astype(np.float32).reshape(grid.shape), affine)
