"""How fast, how much, and what ends it: the table [injection]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.case.sections.base import Section, Site, physical, physical_table
from experiments.case.sections.needles import LARGEST_VOLUME_ML, LEAST_VOLUME_ML
from meshes.leak_sites import SITES


class Injection(Section):
    """Rate, volume and what ends the injection.

    What comes first ends the injection; the result names it as `volume_reached`, `leak_limit:<site>`, `front_limit`,
    `working_time`, `stop_pressure`, `pressure_limit` or `no_flow`. Each of `injection.needles` in the results has its
    own `stop_reason` and `ended_s`: `volume_reached` when its last bolus was in, `pressure_limit` (or `no_flow`, if it
    has delivered nothing) when the last of its boluses was given up or in, one having been given up because the
    pressure limit left no flow, and otherwise reason and time of the whole injection.
    """

    notes = f"""
    A site that has let out too little to be observed (see `[observation]`) is reported with its volume but without an
    onset; a leak limit below that still ends the injection.

    Sites: {", ".join(f"`{site}`" for site in SITES)}.

    ```toml
    [injection]
    order = "in_turn"
    pause_between_needles_s = 60.0
    leak_limit_ml = 0.3
    front_limit_depth = 0.8
    hand_force_limit_n = 60.0
    stop_pressure_kpa = 3000.0

    [injection.leak_limit_by_site_ml]
    canal_posterior_wall = 0.05
    ```
    """

    volume_ml: float = physical(
        4.0,
        "ml",
        "planned cement volume of all needles together; their sum where all of them have their own",
        LEAST_VOLUME_ML,
        LARGEST_VOLUME_ML,
        "4 ml lumbar limit quoted in clinical series",
        "M",
    )
    rate_ml_per_min: float = physical(
        3.0,
        "ml/min",
        "rate of each needle while the pressure limit is not reached",
        0.1,
        20.0,
        "experiments use 3 to 4 ml/min: Baroud & Steffen 2005, PMC3454663",
        "S",
    )
    order: Literal["in_turn", "together"] = Field(
        default="in_turn", description="whether the needles inject one after the other or at the same time"
    )
    pause_between_needles_s: float = physical(
        0.0, "s", "pause after each needle that injects in turn, but the last", 0.0, 1800.0
    )
    leak_limit_ml: float = physical(
        0.2, "ml", "leaked volume at any one site that ends the injection; 15 never ends it", 0.001, 15.0
    )
    leak_limit_by_site_ml: dict[Site, Annotated[float, Field(ge=0.001, le=15.0, strict=True)]] = physical_table(
        "ml", "leak limits of single sites, instead of leak_limit_ml", "0.001 to 15 ml for known sites"
    )
    front_limit_depth: float | None = physical(
        None,
        "1",
        "end when the cement front reaches this depth fraction, 0.8 = posterior fifth; off by default",
        0.3,
        1.0,
    )
    pressure_limit_kpa: float = physical(
        3200.0,
        "kPa",
        "largest syringe pressure; above it the pressure is held and the rate falls",
        10.0,
        20000.0,
        "largest of the syringe pressures measured in vivo, 3215 kPa: Krebs 2005, PMID 15738774",
        "S",
    )
    stop_pressure_kpa: float | None = physical(
        None,
        "kPa",
        "syringe pressure that ends the injection, at most pressure_limit_kpa; off by default",
        10.0,
        20000.0,
    )
    hand_force_limit_n: float | None = physical(
        None,
        "N",
        "largest force on the syringe's plunger; over the plunger's area it limits the pressure as pressure_limit_kpa "
        "does, and the smaller limit holds; off by default",
        5.0,
        1000.0,
    )
    syringe_bore_mm: float | None = physical(
        None, "mm", "diameter of the syringe's plunger", 2.0, 30.0, sets="syringe.bore"
    )
    working_time_min: float | None = physical(
        None,
        "min",
        "age of the cement after mixing that ends the injection; by default the cement's own working time",
        1.0,
        60.0,
    )

    @model_validator(mode="after")
    def _stop_can_be_reached(self) -> Injection:
        if self.stop_pressure_kpa is not None and self.stop_pressure_kpa > self.pressure_limit_kpa:
            raise ValueError(
                f"stop_pressure_kpa = {self.stop_pressure_kpa:g} is never reached, because the pressure is held at "
                f"pressure_limit_kpa = {self.pressure_limit_kpa:g}; choose a stop below the limit or raise the limit"
            )
        return self

    @model_validator(mode="after")
    def _pause_in_turn(self) -> Injection:
        if self.order == "together" and self.pause_between_needles_s > 0.0:
            raise ValueError(
                f'pause_between_needles_s = {self.pause_between_needles_s:g} needs order = "in_turn"; needles that '
                "inject together have no pause between them"
            )
        return self

    def leak_limit(self, site: str) -> float:
        """Leaked volume at ``site`` in ml that ends the injection."""
        for name, limit in self.leak_limit_by_site_ml.items():
            if name == site:
                return limit
        return self.leak_limit_ml
