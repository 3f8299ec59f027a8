"""The part ``injection`` of the results: volumes, leaks, pressures, balances, and their course over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.case.sections.base import Side, Site
from experiments.results.parts.base import Part, Series, number, table, text
from experiments.results.parts.networks import NetworkShares
from fem.measures.severity import Grade
from meshes.leak_sites import LEAK_CLASSES


class NeedleResults(Part):
    """What one needle did."""

    side: Side = text("side", "The patient's side on which the needle enters.")
    stop_reason: str = text("ended by", "What ended the needle's injection.")
    ended_s: float = number("s", "ended at", "Time since the start of the injection at which the needle's own ended.")
    injected_ml: float = number("ml", "cement injected", "Cement that has left the needle.")
    peak_tip_pressure_kpa: float = number(
        "kPa", "peak tip pressure", "Largest pressure at the needle's tip, above the resting pressure in the bone."
    )
    peak_syringe_pressure_kpa: float = number(
        "kPa", "peak syringe pressure", "Largest pressure in the needle's syringe."
    )


class LeakResults(Part):
    """What left the vertebra at one site."""

    volume_ml: float = number("ml", "cement leaked", "Cement that has left at the site.")
    observed: bool = text("leak observed", "Whether the modality of [observation] shows it.")
    onset_s: float | None = number(
        "s", "leak onset", "Time from which on the modality of [observation] shows the leak; null where it never does."
    )
    onset_injected_ml: float | None = number(
        "ml", "leak onset, injected", "Cement injected until then; null where there is no onset."
    )
    size_mm: float = number(
        "mm", "leak size", "Largest dimension of the shape that a leak of this volume is taken to have."
    )
    cast_length_mm: float | None = number(
        "mm",
        "length of the cast",
        "Length of the cast that has left by the veins of a network, in the large vein outside; only at sites to which "
        "such veins lead.",
        optional=True,
    )
    severity: Grade | None = text(
        "leak severity",
        "Punctual below the largest diameter of the pedicle, moderate below the height of the vertebra, massive from "
        "there on; null where too little has leaked to be observed.",
    )


class NeedleCourse(Part):
    """One needle at every moment of the injection."""

    rate_ml_per_min: Series = number("ml/min", "rate", "Cement that leaves the needle per time.")
    injected_ml: Series = number("ml", "cement injected", "Cement that has left the needle.")
    tip_pressure_kpa: Series = number(
        "kPa", "tip pressure", "Pressure at the needle's tip, above the resting pressure in the bone."
    )
    syringe_pressure_kpa: Series = number("kPa", "syringe pressure", "Pressure in the needle's syringe.")


class InjectionCourse(Part):
    """The injection at every moment, the start first; every list has one entry for each."""

    time_s: Series = number("s", "time", "Time since the start of the injection.")
    injected_ml: Series = number("ml", "cement injected", "Cement that has left the needles.")
    stored_ml: Series = number("ml", "cement in the body", "Cement in the pores of the vertebral body.")
    in_veins_ml: Series = number("ml", "cement in veins", "Cement in the veins of the body's network.")
    in_conduits_ml: Series = number(
        "ml",
        "cement in conduits of walls",
        "Cement in holes, fissures, veins and tracks of walls, still in the bone.",
    )
    leaked_ml: Series = number("ml", "cement leaked", "Cement that has left the vertebral body.")
    leaked_by_site_ml: Mapping[Site, Series] = number(
        "ml",
        "cement leaked",
        "Cement that has left at a site, for every site where more than 0.0005 ml have.",
    )
    open_sites: Sequence[Sequence[Site]] = text("open sites", "Sites where cement passes.")
    rate_ml_per_min: Series = number("ml/min", "rate", "Cement that leaves all needles per time.")
    tip_pressure_kpa: Series = number(
        "kPa", "tip pressure", "Largest pressure at a needle's tip, above the resting pressure in the bone."
    )
    syringe_pressure_kpa: Series = number("kPa", "syringe pressure", "Largest pressure in a syringe.")
    needles: tuple[NeedleCourse, ...] = table("", "The same of each needle.")


class InjectionResults(Part):
    """What came of the injection."""

    injected_ml: float = number("ml", "cement injected", "Cement that has left the needles.")
    stored_ml: float = number(
        "ml", "cement in the body", "Cement in the pores of the body at the end of the injection."
    )
    in_veins_ml: float = number(
        "ml",
        "cement in veins",
        "Cement in the veins of the body's network at the end of the injection.",
    )
    in_conduits_ml: float = number(
        "ml",
        "cement in conduits of walls",
        "Cement in holes, fissures, veins and tracks of walls that has not left the bone at the injection's end.",
    )
    leaked_ml: float = number("ml", "cement leaked", "Cement that has left the vertebral body.")
    displaced_out_ml: float = number(
        "ml", "marrow and tissue displaced out", "Marrow and tissue that cement has pushed out of the body."
    )
    inflow_ml: float = number("ml", "marrow and blood drawn in", "Marrow and blood that have flown back into the body.")
    fluids_out_ml: Mapping[str, float] = number(
        "ml", "displaced out", "Of what was pushed out, how much of each displaced fluid but marrow."
    )
    mass_balance_error: float = number(
        "1",
        "cement balance error",
        "Largest of a moment: what the balance of cement misses over the injected volume, or that of all fluid over "
        "all that has come in.",
    )
    tracer_balance_error: float = number(
        "1",
        "tracer balance error",
        "Largest error of a moment: what the balance of a fluid besides marrow misses, over its volume at the start.",
    )
    divergence_error: float = number(
        "1",
        "divergence error",
        "Largest error of a moment: what the fluxes of a cell miss of its source, over the planned rate.",
    )
    saturation_min: float = number("1", "least saturation", "Least saturation of a cell at any moment.", signed=True)
    saturation_max: float = number("1", "largest saturation", "Largest saturation of a cell at any moment.")
    front_viscosity_ratio_min: float | None = number(
        "1",
        "least viscosity ratio at the front",
        "Viscosity of the cement over that of what it displaces, mean over the front, least of all moments; null "
        "without a front.",
    )
    stop_reason: str = text("stopped by", "What ended the injection.")
    duration_s: float = number("s", "duration of the injection", "Time from the start of the injection to its end.")
    resting_pressure_kpa: float = number(
        "kPa", "resting pressure in the bone", "Pressure in the bone before the injection."
    )
    peak_tip_pressure_kpa: float = number(
        "kPa", "peak tip pressure", "Largest pressure at a needle's tip, above the resting pressure in the bone."
    )
    peak_syringe_pressure_kpa: float = number("kPa", "peak syringe pressure", "Largest pressure in a syringe.")
    pressure_limit_kpa: float = number(
        "kPa",
        "limit of the syringe pressure",
        "The smaller of injection.pressure_limit_kpa and what injection.hand_force_limit_n makes of the syringe.",
    )
    limited_from_s: float | None = number(
        "s",
        "rate limited from",
        "When the pressure first comes to its limit, where a smaller rate holds it; null where it never does.",
    )
    needles: tuple[NeedleResults, ...] = table("", "What each needle did, in the order of the case file.")
    modality: str = text("observed by", "Kind of image by which leaks count as observed.")
    leaks: Mapping[Site, LeakResults] = table("", "What left at each site where cement can leave a vertebra.")
    leak_classes: Mapping[str, float] = number(
        "ml",
        "cement leaked",
        f"Cement that has left by clinical class: {', '.join(LEAK_CLASSES)}; the needle's track belongs to none.",
    )
    leak_classes_yeom: Mapping[str, float] = number(
        "ml",
        "cement leaked, class of Yeom",
        "The same by Yeom's classes (10.1302/0301-620X.85B1.13026): B through the basivertebral vein, S through "
        "segmental or anterior veins, C through the cortex.",
    )
    leak_severity: Grade | None = text("worst leak", "Severity of the worst leak; null where none can be observed.")
    pedicle_diameter_mm: float = number(
        "mm", "largest diameter of a pedicle", "Largest diameter of a pedicle, by which small leaks are graded."
    )
    vertebral_height_mm: float = number(
        "mm", "height of the vertebra", "Height of the vertebra's body, by which large leaks are graded."
    )
    networks: NetworkShares | None = table(
        "",
        "What many random networks of veins would leak, where they were asked for; all else here is one draw of them.",
        optional=True,
    )
    course: InjectionCourse = table("", "Quantities at every moment of the injection.")
