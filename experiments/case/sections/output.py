"""What is written beside the numbers: the table [output]."""

from __future__ import annotations

from pydantic import Field

from experiments.case.sections.base import Choice, Section


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
