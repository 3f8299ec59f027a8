"""What is computed afterwards and written: the tables [mechanics] and [output]."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticKnownError

from experiments.sections.base import Choice, Section, physical


class Mechanics(Section):
    """Stiffness before and after."""

    enabled: Choice = Field(default=True, description="compute the stiffness of the intact and augmented body")
    degree: Literal[1, 2] = Field(default=2, description="polynomial degree of the displacement")
    poisson: float | None = physical(None, "1", "Poisson's ratio of bone and composite", 0.0, 0.45)

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
    pictures: Choice = Field(default=True, description="draw the pictures")
