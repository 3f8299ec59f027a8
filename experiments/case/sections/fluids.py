"""What flows: the tables [cement] and [marrow]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import CSV, InputPath, Section, input_file, joined, physical


class Cement(Section):
    """The cement; it ages at room temperature until it leaves the needle, and at body temperature in the bone."""

    notes = """
    `rheometer` names a CSV file with your own data in place of `viscosity`, `consistency_pa_s` and `index`: one
    measurement a line, in any order, four or more, at two ages and two shear rates at least. Decimals have points,
    commas stand between the columns, and other columns are left alone. Ages count from mixing, 0 to 180 min;
    viscosities are 0.001 to 1 000 000 Pa s. At every age the viscosity must fall more slowly than the shear rate
    rises, and rise with its square root at most. `rheometer_temperature_c` goes with `rheometer` alone; the cement
    ages faster above that temperature and more slowly below.

    The run warns where the injection begins before the first age of the table or lasts beyond the last one, whose
    viscosity holds from then on: cement in the bone is warm and gets there first, so measure for longer than you
    inject. It warns as well of viscosities that fall by more than 10 % with age or rise with the shear rate, and of
    tables that the fitted power laws miss by more than 50 %.

    ```toml
    [cement]
    rheometer = "my_cement.csv"
    injected_after_mixing_min = 6.0
    room_temperature_c = 20.0
    rheometer_temperature_c = 21.5
    ```

    ```csv
    age_min,shear_rate_per_s,viscosity_pa_s
    5.0,0.1,310
    5.0,10,35
    8.0,0.1,1650
    8.0,10,190
    ```
    """

    viscosity: Literal["low", "medium", "high"] = Field(default="medium", description="viscosity class")
    injected_after_mixing_min: float = physical(
        5.0,
        "min",
        "age of the cement when the injection starts",
        0.0,
        20.0,
        "between the start times 3.5 / 6.5 / 9.5 min of Habib 2010, ijssurgery 4/1/26",
        "D",
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
        sets="cement.reference_consistency",
    )
    index: float | None = physical(None, "1", "power-law index", 0.2, 1.0, sets="cement.reference_index")
    rheometer: InputPath | None = input_file(
        CSV,
        "the user's own rheometer data (CSV) instead of a viscosity class; relative to the case file's folder",
    )
    rheometer_temperature_c: float | None = physical(
        None,
        "degC",
        "temperature at which the rheometer data were measured; by default 23 degC",
        4.0,
        40.0,
        sets="cement.reference_temperature",
    )
    shear_constant: float | None = physical(
        None,
        "1",
        "constant C of the shear rate in the pores, 4 C v / R in tubes of their radius; 0.693: Christopher & Middleman",
        0.1,
        10.0,
        sets="cement.shear_constant",
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
    """The marrow that the cement displaces."""

    viscosity_pa_s: float | None = physical(None, "Pa s", "viscosity", 0.001, 1000.0, sets="marrow.viscosity")
