"""Cement that is given instead of injected: the table [prescribed_cement]."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from experiments.case.sections.base import Companions, InputPath, Section, chosen_shape, physical, physical_list

_Hounsfield = Annotated[float, Field(ge=1000.0, le=32767.0, strict=True)]
_Proportion = Annotated[float, Field(ge=0.1, le=10.0, strict=True)]

SOURCES = {"mask": Companions(), "threshold_hu": Companions(), "shapes": Companions()}
"""The keys of which one says where the cement is."""


class CementShape(Section):
    """An ellipsoid of bone whose pores are full of cement."""

    left: float = physical(..., "1", "centre, fraction of the half width: 1 at the left wall", -1.0, 1.0)
    depth: float = physical(..., "1", "centre, fraction of the depth: 0 anterior, 1 posterior", 0.0, 1.0)
    height: float = physical(..., "1", "centre, fraction of the height: 0 inferior, 1 superior", 0.0, 1.0)
    volume_ml: float = physical(
        ..., "ml", "volume of the cement itself; with the solid between its pores the shape is larger", 0.02, 15.0
    )
    proportions: tuple[_Proportion, _Proportion, _Proportion] | None = physical_list(
        "three numbers, each 0.1 to 10 (dimensionless)",
        "1",
        "its axes to one another, right to left, front to back and upwards; a ball where left out",
        "[2.0, 1.0, 1.0]",
    )

    @property
    def centre(self) -> tuple[float, float, float]:
        """(left, depth, height) as fractions of the body."""
        return self.left, self.depth, self.height


class PrescribedCement(Section):
    """Cement that is where a mask, a threshold or shapes say; nothing is injected."""

    mask: InputPath | None = Field(
        default=None,
        description="cement in a post-operative CT, every number but 0, on the grid of the CT (NIfTI); relative to "
        "the case file's folder",
    )
    threshold_hu: tuple[_Hounsfield, _Hounsfield] | None = physical_list(
        "two numbers, each 1000 to 32767 HU, the lower one first",
        "HU",
        "CT numbers of cement in a post-operative CT; clinical volumetry takes 1500 to 3071",
        "[1500, 3071]",
    )
    shapes: tuple[CementShape, ...] | None = Field(
        default=None, min_length=1, max_length=6, description="idealised cement, shape after shape"
    )

    @model_validator(mode="after")
    def _one_source(self) -> PrescribedCement:
        chosen_shape(self, SOURCES)
        return self

    @model_validator(mode="after")
    def _threshold_in_order(self) -> PrescribedCement:
        if self.threshold_hu is not None and self.threshold_hu[0] >= self.threshold_hu[1]:
            low, high = self.threshold_hu
            raise ValueError(
                f"threshold_hu = [{low:g}, {high:g}] runs downwards; write the lower number first, as in [1500, 3071]"
            )
        return self
