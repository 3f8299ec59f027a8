"""What is computed afterwards and written: the tables [mechanics] and [output]."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from experiments.case.sections.base import Choice, Section, physical


class Mechanics(Section):
    """Stiffness before and after."""

    enabled: Choice = Field(default=True, description="compute the stiffness of the intact and augmented body")
    degree: Literal[1, 2] = Field(default=2, description="polynomial degree of the displacement")
    domain: Literal["body", "vertebra"] = Field(
        default="body", description="what is loaded: the body alone, or the whole vertebra with its arch"
    )
    plates: Literal["rigid", "pmma", "soft"] = Field(
        default="rigid",
        description="what bears on the endplates: bonded rigid plates, or PMMA or soft discs under them",
    )
    transverse_isotropy: Choice = Field(
        default=False, description="bone is stiffer along the superior-inferior axis than across it"
    )
    cortex: Literal["voxels", "shell"] = Field(
        default="voxels", description="the cortical shell of the walls as the voxels show it, or as a membrane"
    )
    composite: Literal["kinzl", "bulk"] = Field(
        default="kinzl", description="law of Young's modulus of cement-filled bone"
    )
    cement_modulus_mpa: float | None = physical(None, "MPa", "Young's modulus of the cement", 100.0, 10000.0)
    cement_porosity: float | None = physical(None, "1", "pores of the cured cement, for the kinzl law", 0.0, 0.6)
    load_n: float = physical(
        500.0,
        "N",
        "axial load of the fields, without tilt",
        1.0,
        20000.0,
        "load on an augmented L2 in finite elements, 10.1186/s12891-022-05522-3",
        "M",
    )
    yield_strain: float | None = physical(
        None, "1", "effective strain above which bone counts as overstrained in the estimate of strength", 0.001, 0.05
    )
    overstrained_share: float | None = physical(
        None, "1", "share of the bone's volume above yield_strain at which it counts as failed", 0.001, 0.5
    )
    poisson: float | None = physical(None, "1", "Poisson's ratio of bone and composite", 0.0, 0.45)

    @model_validator(mode="after")
    def _bulk_cement_has_no_pores(self) -> Mechanics:
        if self.composite == "bulk" and self.cement_porosity is not None:
            raise ValueError('cement_porosity belongs to composite = "kinzl"; bulk cement is taken as tested')
        return self

    @field_validator("degree", mode="before")
    @classmethod
    def _degree_is_a_whole_number(cls, value: Any) -> Any:
        # In Python true equals 1 and 2.0 equals 2, so the choice of literals alone lets them pass.
        if type(value) is not int:
            raise PydanticKnownError("int_type")
        return value


class Output(Section):
    """What is written beside the numbers."""

    field_times: int = Field(
        default=16,
        ge=1,
        le=500,
        strict=True,
        description="number of times at which the fields are written, evenly spaced",
    )
    pictures: Choice = Field(default=True, description="draw the pictures and write the report")
