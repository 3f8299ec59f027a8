"""What warms and what is warmed: the table [heat]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import CSV, Choice, InputPath, Section, input_file, physical


class Heat(Section):
    """The heat of polymerisation: temperatures in bone and around it, and what they do to tissue.

    Off by default, because sweeps that ask for leaks or stiffness have no use for it. Cement comes at
    `cement.room_temperature_c`; blood, and tissue `margin_mm` away, have `cement.body_temperature_c`.
    """

    notes = """
    `calorimetry` names a CSV file with your own cement's curve in place of `kinetics`: the columns `time_min`, from 0
    on, and `conversion`, from 0 to 1, both rising, three lines or more. `calorimetry_temperature_c` goes with it alone.

    With `sets_clock` the cement's viscosity follows the temperature that it has been through; otherwise it ages at body
    temperature as soon as it has left the needle, as it does without heat. Properties of tissues stand in the table
    `[laws]`, as in `"thermal.marrow_perfusion" = 0.003`; `vertebroplasty schema --laws CASE.toml` lists them.

    ```toml
    [heat]
    enabled = true
    kinetics = "li"
    until_min = 15.0
    ```
    """

    enabled: Choice = Field(default=False, description="whether temperatures are computed")
    kinetics: Literal["borzacchiello_1", "borzacchiello_2", "li"] = Field(
        default="borzacchiello_1", description="published kinetics and heat of the cement"
    )
    calorimetry: InputPath | None = input_file(
        CSV, "the user's own curve of conversion over time (CSV) instead of published kinetics"
    )
    calorimetry_temperature_c: float | None = physical(
        None,
        "degC",
        "temperature of the calorimetry; by default 37 degC",
        4.0,
        90.0,
    )
    sets_clock: Choice = Field(
        default=True, description="whether the cement's viscosity follows the temperature that it has been through"
    )
    until_min: float = physical(
        20.0, "min", "time from the start of the injection until which temperatures are followed", 1.0, 60.0
    )
    voxel_mm: float = physical(2.0, "mm", "edge of the voxels on which heat is conducted", 0.5, 4.0)
    margin_mm: float = physical(
        12.0, "mm", "distance from the body at which tissue is at body temperature; more behind it", 4.0, 40.0
    )

    @model_validator(mode="after")
    def _one_reaction(self) -> Heat:
        if self.calorimetry is not None and "kinetics" in self.model_fields_set:
            raise ValueError("calorimetry says how the cement cures, and so does kinetics; remove one of them")
        if self.calorimetry is None and self.calorimetry_temperature_c is not None:
            raise ValueError("calorimetry_temperature_c goes with calorimetry; remove it or name the curve's file")
        return self
