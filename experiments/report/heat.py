"""Temperatures in a report: the headline and the tables."""

from __future__ import annotations

from experiments.report.content import Headline, Table
from experiments.results.parts.heat import HeatResults
from experiments.results.wording import label, number, percent, told, words

HOT_CANAL = 43.5
"""Degrees Celsius in the canal from which the number wants a closer look (largest of 25 measured without a leak: 43.2,
10.1007/s00264-011-1382-8)."""

NOTE = (
    "Highest temperature of any voxel of a place, and the longest time of any above a threshold. Perfusion, the "
    "cement's brand and the distance to vessels decide these numbers, and none of them is known for a patient."
)


def heat_headline(heat: HeatResults) -> Headline:
    """The peak, with what reaches bone beside the cement and the canal."""
    peaks = {place: heat.peak_c[place] for place in ("interface", "canal")}
    beside = ", ".join(f"{words(place)} {number(peak, digits=3)}" for place, peak in peaks.items() if peak is not None)
    canal = peaks["canal"]
    killed = number(sum(heat.necrosis_ml.values()), "ml", 2)
    return Headline(
        "Highest temperature",
        f"{number(heat.peak_c['cement'], digits=3)} °C",
        f"in the cement; {beside} °C; {killed} of tissue killed",
        canal is not None and canal > HOT_CANAL,
    )


def heat_tables(heat: HeatResults) -> tuple[Table, ...]:
    """Temperatures by place, and tissue by what became of it."""
    above = [name for name in HeatResults.model_fields if name.startswith("seconds_above")]
    rows = tuple(
        (words(place), number(peak, digits=3), *(number(getattr(heat, name)[place], digits=3) for name in above))
        for place, peak in heat.peak_c.items()
        if peak is not None
    )
    columns = ("place", "peak [°C]", *(f"{label(heat, name)} [s]" for name in above))
    places = Table("Temperatures", columns, rows, NOTE, frozenset(range(1, len(columns))))
    killed = tuple(
        (words(tissue), number(heat.necrosis_ml[tissue], digits=3), number(heat.dose_necrosis_ml[tissue], digits=3))
        for tissue in heat.necrosis_ml
    )
    facts = [f"{label(heat, name)} {told(heat, name)}" for name in ("conversion", "reaction_kj", "setting_min")]
    if heat.lesion_killed is not None:
        facts.append(
            f"of the lesion {percent(heat.lesion_replaced)} is cement, and heat killed "
            f"{percent(heat.lesion_killed)} of what is left"
        )
    damage = Table(
        "Damage by heat",
        ("tissue", "Arrhenius damage of 1 [ml]", "lethal dose, CEM43 [ml]"),
        killed,
        f"{'; '.join(facts)}.",
        frozenset({1, 2}),
    )
    return places, damage
