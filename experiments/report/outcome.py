"""What came out of a case: headline numbers first, then leakage, fill, pressures and stiffness in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.case.units import to_clinical
from experiments.compare.comparison import DIAGONAL_UNITS, STIFFNESSES, TILTS
from experiments.report.content import Headline, Table, pairs
from experiments.results.finished_case import FinishedCase
from experiments.results.wording import DETECTABLE_LEAK_ML, DIGITS, NOTHING_LEAKED, leaked, number, plain, words
from fem.mechanics.stiffness import COMPONENTS
from meshes.leak_sites import LEAK_SITES

SEVERITY_NOTE = (
    "Size is the largest dimension of the shape that a leak of this volume is taken to have. Severity: punctual below "
    "the largest diameter of the pedicle, moderate below the height of the vertebra, massive from there on. Onset is "
    f"the moment at which {DETECTABLE_LEAK_ML:g} ml have left; less is listed as volume alone."
)

ROUNDING_ML = 5e-7
"""Volume that is no more than rounding."""

STATES = ("intact", "fractured", "augmented")
"""Elastic states in the order in which they come about."""

YEOM_NAMES = {"B": "through the basivertebral vein", "S": "through segmental veins", "C": "through the cortex"}
"""Class of a leak of :data:`fem.measures.severity.YEOM_CLASSES` -> where it leaves."""


def headlines(case: FinishedCase) -> tuple[Headline, ...]:
    """The numbers that a reader looks for first."""
    results = case.results
    found = list(_injection_headlines(results["injection"]) if case.injected else ())
    fill = results["fill"]
    sides = fill["cement_by_side_ml"]
    pattern = "no cement" if fill["pattern"] is None else words(fill["pattern"])
    found.insert(
        1,
        Headline(
            "Cement in the body",
            number(fill["cement_ml"], "ml", 3),
            f"{100.0 * fill['fraction']:.1f} % of it, {pattern}; {sides['left']:.2f} ml left, "
            f"{sides['right']:.2f} ml right",
        ),
    )
    found.append(Headline("Cement to posterior wall", number(fill["posterior_distance_mm"], "mm", 3)))
    if stiffness := results.get("stiffness"):
        before, after = stiffness["intact_n_per_mm"], stiffness["augmented_n_per_mm"]
        change = f"{before / 1e3:.1f} kN/mm before, {after / 1e3:.1f} kN/mm after"
        found.append(Headline("Axial stiffness", f"{after / before:.2f} ×", change))
    load = results.get("load")
    if load and load["augmented"]["strength_n"] is not None and load["intact"]["strength_n"] is not None:
        before, after = load["intact"]["strength_n"], load["augmented"]["strength_n"]
        change = f"linear estimate: {before:.0f} N before, {after:.0f} N after"
        found.append(Headline("Strength", f"{after / before:.2f} ×", change))
    return tuple(found)


def outcome_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Leakage, pressures, fill and stiffness in full."""
    results = case.results
    tables: list[Table] = []
    if case.injected:
        tables += [_leaks(results["injection"]), _leak_classes(results["injection"]), _injection(results["injection"])]
    else:
        tables.append(pairs("Prescribed cement", [_pair(*item) for item in results["prescribed_cement"].items()]))
    tables.append(_fill(results["fill"]))
    if "stiffness" in results:
        tables.append(_stiffness(results["stiffness"]))
    if "load" in results:
        tables.append(_load(results["load"]))
    return tuple(tables)


def _injection_headlines(injection: Mapping[str, Any]) -> list[Headline]:
    leaks = injection["leaks"]
    told = [
        f"{words(site)} from {leak['onset_s']:.0f} s ({leak['severity']})"
        for site, leak in leaks.items()
        if leak["onset_s"] is not None
    ]
    severity = injection["leak_severity"]
    return [
        Headline(
            "Cement leaked",
            _leaked(injection["leaked_ml"], "ml", 3),
            "; ".join(told) or _below_onset(injection["leaked_ml"]),
            alarming=severity is not None,
        ),
        Headline(
            "Cement injected",
            number(injection["injected_ml"], "ml", 3),
            f"in {injection['duration_s']:.0f} s; ended by: {words(injection['stop_reason'])}",
        ),
        Headline(
            "Peak pressure",
            number(injection["peak_tip_pressure_kpa"], "kPa", 3),
            f"at the needle's tip; {injection['peak_syringe_pressure_kpa']:.0f} kPa in the syringe",
        ),
    ]


def _below_onset(leaked_ml: float) -> str:
    return f"less than {DETECTABLE_LEAK_ML:g} ml at every site" if leaked(leaked_ml) else NOTHING_LEAKED


def _leaked(volume: float, unit: str = "", digits: int = DIGITS) -> str:
    return number(volume if leaked(volume) else 0.0, unit, digits)


def _leaks(injection: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            words(site),
            words(LEAK_SITES[site].leak_class),
            _leaked(leak["volume_ml"]),
            number(leak["onset_s"]),
            number(leak["onset_injected_ml"]),
            number(leak["size_mm"]),
            leak["severity"] or "–",
        )
        for site, leak in injection["leaks"].items()
    )
    columns = ("site", "class", "volume [ml]", "onset [s]", "onset, injected [ml]", "size [mm]", "severity")
    note = (
        f"{SEVERITY_NOTE} Here the pedicle measures {number(injection['pedicle_diameter_mm'], 'mm')} and the vertebra "
        f"{number(injection['vertebral_height_mm'], 'mm')}."
    )
    return Table("Leakage by site", columns, rows, note, frozenset({2, 3, 4, 5}))


def _leak_classes(injection: Mapping[str, Any]) -> Table:
    rows = [(words(name), _leaked(volume)) for name, volume in injection["leak_classes"].items()]
    rows += [
        (f"Yeom {name}, {YEOM_NAMES[name]}", _leaked(volume)) for name, volume in injection["leak_classes_yeom"].items()
    ]
    note = "Yeom's classes: 10.1302/0301-620X.85B1.13026. The needle's track belongs to none of the classes."
    return Table("Leakage by class", ("class", "volume [ml]"), tuple(rows), note, frozenset({1}))


def _injection(injection: Mapping[str, Any]) -> Table:
    needles = injection["needles"]
    columns = ("quantity", *(f"needle {index}, {needle['side']}" for index, needle in enumerate(needles, 1)), "all")
    empty = [""] * len(needles)

    def of_needles(key: str, unit: str) -> list[str]:
        return [number(needle[key], unit) for needle in needles]

    rows = [
        ("injected", *of_needles("injected_ml", "ml"), number(injection["injected_ml"], "ml")),
        (
            "ended by",
            *(words(needle["stop_reason"]) for needle in needles),
            words(injection["stop_reason"]),
        ),
        ("ended at", *of_needles("ended_s", "s"), number(injection["duration_s"], "s")),
        (
            "peak pressure, tip",
            *of_needles("peak_tip_pressure_kpa", "kPa"),
            number(injection["peak_tip_pressure_kpa"], "kPa"),
        ),
        (
            "peak pressure, syringe",
            *of_needles("peak_syringe_pressure_kpa", "kPa"),
            number(injection["peak_syringe_pressure_kpa"], "kPa"),
        ),
        ("stored in the body", *empty, number(injection["stored_ml"], "ml")),
        ("leaked", *empty, _volume(injection["leaked_ml"], "ml")),
        ("marrow and tissue displaced out", *empty, _volume(injection["displaced_out_ml"], "ml")),
        ("marrow and blood drawn in", *empty, _volume(injection["inflow_ml"], "ml")),
        ("resting pressure in the bone", *empty, number(injection["resting_pressure_kpa"], "kPa")),
        ("least viscosity ratio at the front", *empty, number(injection["front_viscosity_ratio_min"])),
    ]
    rows += [
        (f"{words(name)} displaced out", *empty, _volume(volume, "ml"))
        for name, volume in injection["fluids_out_ml"].items()
    ]
    note = "Tip pressure counts above the resting pressure in the bone."
    return Table("Injection and pressures", columns, tuple(rows), note, frozenset(range(1, len(columns))))


def _fill(fill: Mapping[str, Any]) -> Table:
    rows = [
        ("cement in the body", number(fill["cement_ml"], "ml")),
        ("share of the body's volume", f"{100.0 * fill['fraction']:.2f} %"),
        ("bone that it occupies, pores and solid", number(fill["occupied_ml"], "ml")),
        ("share of the body's volume that it occupies", f"{100.0 * fill['occupied_fraction']:.2f} %"),
        *((f"cement, {name} half", _volume(volume, "ml")) for name, volume in fill["cement_by_side_ml"].items()),
        *((f"cement, {name} third", _volume(volume, "ml")) for name, volume in fill["cement_by_third_ml"].items()),
        ("puncture side", fill["puncture_side"] or "–"),
        ("puncture side's cement over the body's volume", number(fill["puncture_side_ratio"])),
        ("puncture side's share of the cement", number(fill["puncture_side_share"])),
        ("pattern", "–" if fill["pattern"] is None else words(fill["pattern"])),
        ("masses of cement", number(fill["components"])),
        ("bridge across the midline", number(fill["bridge_area_mm2"], "mm²")),
        ("bridge over the largest sagittal section", number(fill["bridge_share"])),
        *(
            (
                f"contact with the {words(name)}",
                f"{number(contact['area_mm2'], 'mm²')}, {100.0 * contact['share']:.1f} %",
            )
            for name, contact in fill["endplate_contact"].items()
        ),
        ("distance to the posterior wall", number(fill["posterior_distance_mm"], "mm")),
        ("radius of a ball of equal volume", number(fill["equivalent_radius_mm"], "mm")),
        ("largest diameter", number(fill["largest_diameter_mm"], "mm")),
        ("sphericity", number(fill["sphericity"])),
    ]
    return pairs("Fill", rows)


def _stiffness(stiffness: Mapping[str, Any]) -> Table:
    states = [state for state in STATES if state in stiffness]
    rows: list[tuple[str, ...]] = []

    def add(name: str, unit: str, values: list[float], signed: bool = False) -> None:
        ratio = "–" if signed or not values[0] else f"{values[-1] / values[0]:.3f}"
        rows.append((f"{name} [{unit}]", *(number(value) for value in values), ratio))

    for index, (component, unit) in enumerate(zip(COMPONENTS, DIAGONAL_UNITS, strict=True)):
        entries = [to_clinical(float(stiffness[state]["matrix"][index][index]), unit) for state in states]
        add(f"K({component}, {component})", unit, entries)
    for key, (name, unit) in STIFFNESSES.items():
        add(name, unit, [stiffness[state][key] for state in states])
    for key, name in TILTS.items():
        add(name, "deg/kN", [stiffness[state][key] for state in states], signed=True)
    note = (
        "K is the stiffness of the superior plate against the fixed inferior one about the area centroid of the "
        "superior endplate: displacements u and rotations r about x (left), y (posterior) and z (superior). All 36 "
        "entries stand in results.json."
    )
    columns = ("stiffness", *states, "augmented / intact")
    return Table("Stiffness", columns, tuple(rows), note, frozenset(range(1, len(columns))))


def _load(load: Mapping[str, Any]) -> Table:
    states = [state for state in STATES if state in load]

    def row(name: str, *keys: str) -> tuple[str, ...]:
        return (name, *(number(_at(load[state], keys)) for state in states))

    rows = [
        row("strength, linear estimate [N]", "strength_n"),
        row("shortening [mm]", "shortening_mm"),
        row("strain energy [mJ]", "strain_energy_mj"),
        row("von Mises stress of bone, 99th percentile [MPa]", "von_mises_mpa", "bone", "p99"),
        row("von Mises stress of cement, 99th percentile [MPa]", "von_mises_mpa", "cement", "p99"),
        row("effective strain of bone, 99th percentile", "bone_effective_strain", "p99"),
        *(
            row(f"mean pressure on the {words(plate)} [MPa]", "endplate_pressure", plate, "mean_mpa")
            for plate in load["intact"]["endplate_pressure"]
        ),
    ]
    middle = load["augmented"]["load_share"]["height"].index(0.5)
    for part in load["augmented"]["load_share"]:
        if part != "height":
            shares = [load[state]["load_share"][part][middle] for state in states]
            rows.append((f"share of the load at mid-height, {words(part)}", *(f"{100.0 * s:.1f} %" for s in shares)))
    title = f"Under an axial load of {number(load['force_n'], 'N')}"
    columns = ("quantity", *states)
    return Table(title, columns, tuple(rows), numeric=frozenset(range(1, len(columns))))


def _volume(value: float, unit: str = "", digits: int = DIGITS) -> str:
    return number(value if abs(value) > ROUNDING_ML else 0.0, unit, digits)


def _at(content: Any, keys: tuple[str, ...]) -> Any:
    """The entry below ``keys``; None where a state does not have it, as the intact body has no cement."""
    for key in keys:
        if content is None or key not in content:
            return None
        content = content[key]
    return content


def _pair(name: str, value: Any) -> tuple[str, str]:
    return words(name), number(value) if isinstance(value, int | float) else plain(value)
