"""What a scan sees of the leaks: the table [observation]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from experiments.case.sections.base import Section, physical


class Observation(Section):
    """What an image after the operation shows of cement outside the bone.

    A leak is observed, and has an onset and a severity, when at least so much of it lies outside or when the shape that
    it is taken to have is at least so long. What leaks less is reported with its volume. `"ct"` sees single voxels,
    `"radiograph"` as much through the cortex and ten times less in veins, `"volume"` 0.02 ml anywhere.
    """

    modality: Literal["ct", "radiograph", "volume"] = Field(
        default="ct", description="kind of image; each has volumes and lengths of its own, which the keys below replace"
    )
    smallest_venous_volume_ml: float | None = physical(
        None, "ml", "smallest volume seen in veins", 0.0005, 1.0, sets="observation.venous_volume"
    )
    smallest_venous_length_mm: float | None = physical(
        None, "mm", "smallest length seen in veins", 0.5, 100.0, sets="observation.venous_length"
    )
    smallest_cortical_volume_ml: float | None = physical(
        None, "ml", "smallest volume seen elsewhere", 0.0005, 1.0, sets="observation.cortical_volume"
    )
    smallest_cortical_length_mm: float | None = physical(
        None, "mm", "smallest length seen elsewhere", 0.5, 100.0, sets="observation.cortical_length"
    )
