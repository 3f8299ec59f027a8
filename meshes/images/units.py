"""What the values of an image count: CT numbers, or densities where the image is calibrated already."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageUnits:
    """What the values of an image count.

    Attributes:
        symbol: for people.
        per_hounsfield: what one HU roughly is; limits that are known in HU are converted by it.
        has_air: whether soft tissue, fat or air around the bone must lie below zero; calibrated images are often empty
            there.
    """

    symbol: str
    per_hounsfield: float
    has_air: bool


HOUNSFIELD = ImageUnits("HU", 1.0, has_air=True)

DENSITY = ImageUnits("mg/cm3", 0.8, has_air=False)
"""Bone mineral density; 0.8 mg/cm3/HU is the rule of thumb at 120 kVp (tag M), good enough for limits."""

IMAGE_UNITS = {"hu": HOUNSFIELD, "mg/cm3": DENSITY}
"""Units by their names in case files."""
