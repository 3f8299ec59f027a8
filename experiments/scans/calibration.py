"""From regions of a CT whose density is known to the line that calibrates it: rods of a phantom, or tissues and air.

Densities are bone mineral densities in mg/cm3. Each region counts once with the median of its CT numbers, whatever its
size; voxels at its border are left out where it is thick enough, since they hold part of what is beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from meshes.errors import InputError
from meshes.images.image import Image, Mask

TISSUES: Mapping[str, float] = {"air": -840.0, "fat": -80.0, "muscle": 30.0}
"""Densities in mg/cm3 that these have beside a phantom of calcium hydroxyapatite: what a calibration without a phantom
counts for them (Eggermont 2019, 10.1371/journal.pone.0220564; tag M: values not checked against the paper)."""

LEAST_VOXELS = 20
"""Voxels that a region must have (tag D)."""

GOOD_LINE = 0.99
"""R2 below which the regions hardly lie on a line (tag D)."""

SLOPES, INTERCEPTS = (0.3, 2.0), (-200.0, 200.0)
"""What ``[bone]`` takes: mg/cm3/HU and mg/cm3."""


@dataclass(frozen=True)
class Region:
    """One material of a known density.

    Attributes:
        label: its number in the mask.
        name: of a tissue, or the density as it was given.
        density: mg/cm3.
        hounsfield: median in HU.
        spread: standard deviation of its voxels in HU.
        voxels: that were counted.
    """

    label: int
    name: str
    density: float
    hounsfield: float
    spread: float
    voxels: int


@dataclass(frozen=True)
class Calibration:
    """density = slope * HU + intercept.

    Attributes:
        regions: what the line was fitted to.
        slope: mg/cm3/HU.
        intercept: mg/cm3.
        determination: R2 of the line.
    """

    regions: tuple[Region, ...]
    slope: float
    intercept: float
    determination: float

    def residual(self, region: Region) -> float:
        """What the line gives too much for a region in mg/cm3."""
        return self.slope * region.hounsfield + self.intercept - region.density

    @property
    def note(self) -> str:
        """Where the line comes from, for the case file."""
        names = ", ".join(f"{region.name} at {region.hounsfield:.1f} HU" for region in self.regions)
        return f"line through {names}; R2 = {self.determination:.5f}"


def parse_materials(text: str) -> dict[int, tuple[str, float]]:
    """Label -> name and density in mg/cm3, from text such as ``"1=0, 2=75, 3=150"`` or ``"1=air, 2=fat, 3=muscle"``.

    Raises:
        InputError: an entry is no number of the mask with a density or a tissue, there are fewer than two densities, or
            a number comes twice.
    """
    found: dict[int, tuple[str, float]] = {}
    for entry in text.split(","):
        label, _, material = (part.strip() for part in entry.partition("="))
        if not label.isdecimal():
            raise InputError(
                f"--materials: {entry.strip()!r} has no number of the mask before '='; write 1=75, or 1=air"
            )
        if int(label) in found:
            raise InputError(f"--materials: number {label} of the mask has two densities; keep one of them")
        if material in TISSUES:
            found[int(label)] = (material, TISSUES[material])
            continue
        try:
            density = float(material)
        except ValueError:
            density = np.nan
        if not -1200.0 <= density <= 2000.0:
            raise InputError(
                f"--materials: {material!r} is no density; give -1200 to 2000 mg/cm3, or {', '.join(TISSUES)}"
            )
        found[int(label)] = (f"{density:g} mg/cm3", density)
    if len({density for _, density in found.values()}) < 2:
        raise InputError("--materials: a line needs two different densities at least; name more regions")
    return found


def calibrated(ct: Image, mask: Mask, materials: Mapping[int, tuple[str, float]]) -> Calibration:
    """The line of density over CT number by least squares.

    Args:
        ct: in HU.
        mask: regions by number on the same grid.
        materials: number -> name and density in mg/cm3.

    Raises:
        InputError: a region is missing or too small, or the line is none that ``[bone]`` takes.
    """
    regions = tuple(_region(ct, mask, label, *material) for label, material in materials.items())
    line = stats.linregress([one.hounsfield for one in regions], [one.density for one in regions])
    slope, intercept = float(line.slope), float(line.intercept)
    for name, value, (low, high), unit in (
        ("slope", slope, SLOPES, "mg/cm3/HU"),
        ("intercept", intercept, INTERCEPTS, "mg/cm3"),
    ):
        if not low <= value <= high:
            raise InputError(
                f"the line through {', '.join(one.name for one in regions)} has the {name} {value:.3g} {unit}, but "
                f"{low:g} to {high:g} {unit} is possible; check the numbers of the regions and that the CT is in HU"
            )
    return Calibration(regions, slope, intercept, float(line.rvalue) ** 2)


def _region(ct: Image, mask: Mask, label: int, name: str, density: float) -> Region:
    inside = mask.values == label
    core = ndimage.binary_erosion(inside)
    chosen = ct.values[core if core.sum() >= LEAST_VOXELS else inside]
    if len(chosen) < LEAST_VOXELS:
        raise InputError(
            f"number {label} of the mask ({name}) has {len(chosen)} voxels; draw {LEAST_VOXELS} of them at least"
        )
    return Region(label, name, density, float(np.median(chosen)), float(chosen.std()), len(chosen))
