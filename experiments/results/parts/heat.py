"""The part ``heat`` of the results: temperatures, and what they have done to tissue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from experiments.results.parts.base import Part, Series, number, share, table

Place = Literal[
    "cement",
    "centre",
    "interface",
    "posterior_wall",
    "canal",
    "endplate_superior",
    "endplate_inferior",
    "disc_superior",
    "disc_inferior",
    "nerve_root_left",
    "nerve_root_right",
    "lesion",
]
"""Where temperatures are told: in cement and 3 mm around its middle, in bone beside it, in bone at the walls, and in
tissue outside. A lesion is what of it cement has not filled."""

HeatedTissue = Literal["bone", "tumour", "epidural", "neural", "disc", "soft"]


class HeatCourse(Part):
    """Temperatures over time; lists have one entry for each moment."""

    time_s: Series = number("s", "time", "Time since the start of the injection.")
    temperature_c: Mapping[Place, Series] = number("degC", "temperature", "Highest temperature of a place.")
    conversion: Series = number("1", "conversion of the cement", "Mean conversion of the cement, 0 to 1.")


def _above(threshold: int) -> Mapping[Place, float | None]:
    entry: Mapping[Place, float | None] = number(
        "s",
        f"time above {threshold} °C",
        f"Longest time that any voxel of a place was above {threshold} °C; null where there is none.",
    )
    return entry


class HeatResults(Part):
    """Temperatures until the time that the case file asks for, and damage by them."""

    voxels: int = number("1", "voxels", "Voxels that heat was conducted on.")
    peak_c: Mapping[Place, float | None] = number(
        "degC",
        "peak temperature",
        "Highest temperature of any voxel of a place; null where there is no such place.",
        signed=True,
    )
    seconds_above_45c: Mapping[Place, float | None] = _above(45)
    seconds_above_47c: Mapping[Place, float | None] = _above(47)
    seconds_above_50c: Mapping[Place, float | None] = _above(50)
    seconds_above_55c: Mapping[Place, float | None] = _above(55)
    seconds_above_60c: Mapping[Place, float | None] = _above(60)
    necrosis_ml: Mapping[HeatedTissue, float] = number(
        "ml", "tissue killed, Arrhenius", "Tissue whose Arrhenius damage has reached 1."
    )
    dose_necrosis_ml: Mapping[HeatedTissue, float] = number(
        "ml", "tissue injured, CEM43", "Tissue whose dose has passed 16 min at 43 °C, or as the case file says."
    )
    lesion_killed: float | None = share(
        "share of the lesion killed", "Of the tumour tissue that cement has not replaced, the share that heat killed."
    )
    lesion_replaced: float | None = share("share of the lesion replaced", "Share of the lesion that is now cement.")
    setting_min: float | None = number(
        "min", "half conversion after mixing", "Time after mixing at which the cement has half of its last conversion."
    )
    conversion: float = number("1", "conversion of the cement", "Mean conversion of the cement at the end, 0 to 1.")
    reaction_kj: float = number("kJ", "heat of reaction", "Heat that the cement has set free.")
    energy_balance_error: float = number(
        "1", "energy balance error", "What the balance of energy misses, over all that came in or left."
    )
    course: HeatCourse = table("", "Temperatures over time.")
