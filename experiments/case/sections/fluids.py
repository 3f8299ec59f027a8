"""What flows: the tables [cement] and [marrow]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import InputPath, Section, joined, physical


class Cement(Section):
    """The cement, its age and its two clocks: room temperature in the syringe, body temperature in the bone."""

    viscosity: Literal["low", "medium", "high"] = Field(default="medium", description="viscosity class")
    injected_after_mixing_min: float = physical(
        5.0,
        "min",
        "age of the cement when the injection starts",
        0.0,
        20.0,
        "between the start times 3.5 / 6.5 / 9.5 min of Habib 2010, ijssurgery 4/1/26",
        "M",
    )
    room_temperature_c: float = physical(
        23.0,
        "degC",
        "temperature of the cement from mixing until it leaves the needle",
        10.0,
        30.0,
        "test temperature of bone cement, ISO 5833",
        "M",
    )
    body_temperature_c: float = physical(
        37.0,
        "degC",
        "temperature of the cement in the bone, where it ages faster",
        20.0,
        42.0,
        "body core temperature",
        "M",
    )
    consistency_pa_s: float | None = physical(
        None,
        "Pa s",
        "power-law consistency: viscosity at 1 1/s; the viscosity class's doubling time is kept",
        0.001,
        10000.0,
    )
    index: float | None = physical(None, "1", "power-law index", 0.2, 1.0)
    rheometer: InputPath | None = Field(
        default=None,
        description="the user's own rheometer data (CSV) instead of a viscosity class; relative to the case file's "
        "folder",
    )
    rheometer_temperature_c: float | None = physical(
        None, "degC", "temperature at which the rheometer data were measured; by default 23 degC", 4.0, 40.0
    )
    shear_constant: float | None = physical(
        None, "1", "constant C of the shear rate in the pores, 4 C v / R in tubes of the pores' radius", 0.1, 10.0
    )

    @model_validator(mode="after")
    def _one_rheology(self) -> Cement:
        given = self.gives("viscosity", "consistency_pa_s", "index")
        if self.rheometer is not None and given:
            raise ValueError(
                f"rheometer says how the cement flows, and so {'does' if len(given) == 1 else 'do'} "
                f"{joined(given)}; remove rheometer or {joined(given)}"
            )
        return self

    @model_validator(mode="after")
    def _temperature_of_a_table(self) -> Cement:
        if self.rheometer_temperature_c is not None and self.rheometer is None:
            raise ValueError(
                f"rheometer_temperature_c = {self.rheometer_temperature_c:g} is the temperature of rheometer data, of "
                "which there are none; set rheometer or remove rheometer_temperature_c"
            )
        return self


class Marrow(Section):
    """The displaced phase."""

    viscosity_pa_s: float | None = physical(None, "Pa s", "viscosity", 0.01, 1000.0)
