"""What came out of a case: headline numbers first, then leakage, fill, pressures and stiffness in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.case.units import to_clinical
from experiments.compare.lines import DIAGONAL_UNITS, SCALARS
from experiments.report.content import Headline, Table, pairs
from experiments.report.heat import heat_headline, heat_tables
from experiments.report.scan import YEOM_NAMES, scan_headlines, scan_tables
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.base import Part
from experiments.results.parts.fill import FillResults, PrescribedCementResults
from experiments.results.parts.injection import InjectionResults, LeakResults, NeedleResults
from experiments.results.parts.load import LoadResults, StateLoad
from experiments.results.parts.networks import NetworkShares
from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
from experiments.results.parts.strength import StrengthResults
from experiments.results.parts.veins import VeinResults
from experiments.results.wording import (
    DIGITS,
    HEADLINE_DIGITS,
    NOTHING_LEAKED,
    UNOBSERVED,
    heading,
    held_back,
    label,
    leaked,
    load_in_words,
    number,
    over_earlier,
    percent,
    ratio,
    rows,
    severity,
    states_in_words,
    told,
    unit_text,
    vein_sentence,
    words,
)
from fem.mechanics.stiffness import COMPONENTS
from meshes.leak_sites import LEAK_SITES

SEVERITY_NOTE = (
    "Size is the largest dimension of the shape that a leak of this volume is taken to have. Severity: punctual below "
    "the largest diameter of the pedicle, moderate below the height of the vertebra, massive from there on. Onset is "
    "the moment from which on the image of [observation] shows the leak; what it never shows is listed as volume alone."
)

VEINS_NOTE = (
    "One draw of a random network: whether cement leaks through it says what can happen in such a body, and only the "
    "share over many seeds how probable it is."
)

STRENGTH_NOTE = (
    "The linear estimate is proportional to a solution without yield and compares states alone. The strength is where "
    "the load curve meets the line of elastic stiffness from a strain of 0.2 %; a curve that ends before gives none."
)


CURVE_LIMITS = "within 5 % of finer meshes; bonded plates, no softening"
"""What bounds the strength by a load curve."""


def headlines(case: FinishedCase) -> tuple[Headline, ...]:
    """The numbers that a reader looks for first."""
    results, fill = case.results, case.results.fill
    found = [] if results.injection is None else _injection_headlines(results.injection)
    pattern = "no cement" if fill.pattern is None else words(fill.pattern)
    by_side = fill.occupied_by_side_ml if fill.cement_by_side_ml is None else fill.cement_by_side_ml
    sides = ", ".join(f"{number(volume, 'ml', HEADLINE_DIGITS)} {side}" for side, volume in by_side.items())
    if results.scan is not None:
        found += scan_headlines(results, f"{percent(fill.occupied_fraction)} of it, {pattern}; {sides}")
    else:
        found.insert(1, _headline(fill, "cement_ml", f"{percent(fill.fraction)} of it, {pattern}; {sides}"))
    found.append(_headline(fill, "posterior_distance_mm"))
    if results.veins is not None:
        found.append(_headline(results.veins, "volume_ml", vein_sentence(results.veins)))
    if results.heat is not None:
        found.append(heat_headline(results.heat))
    if results.stiffness is not None:
        axial = {state: value / 1e3 for state, value in results.stiffness.axial.items()}
        found.append(_change("Axial stiffness", axial, "kN/mm"))
    strength = results.strength
    if strength is not None and strength.best == "nonlinear_n" and strength.change_n:
        found.append(_change(_capital(label(strength.augmented, strength.best)), strength.change_n, "N", CURVE_LIMITS))
    return tuple(found)


def outcome_tables(case: FinishedCase) -> tuple[Table, ...]:
    """Leakage, pressures, fill and stiffness in full."""
    results = case.results
    tables: list[Table] = []
    if results.injection is not None:
        tables += [_leaks(results.injection), _leak_classes(results.injection)]
        if results.injection.networks is not None:
            tables.append(_networks(results.injection.networks))
        tables.append(_injection(results.injection))
    if results.prescribed_cement is not None:
        tables.append(_prescribed(results.prescribed_cement))
    if results.veins is not None:
        tables.append(_veins(results.veins))
    tables += scan_tables(results)
    tables.append(_fill(results.fill))
    if results.heat is not None:
        tables += heat_tables(results.heat)
    if results.stiffness is not None:
        tables.append(_stiffness(results.stiffness))
    if results.load is not None:
        tables.append(_load(results.load))
    if results.strength is not None:
        tables.append(_strength(results.strength))
    return tuple(tables)


def _change(title: str, values: Mapping[str, float], unit: str, note: str = "") -> Headline:
    """What became of a number of the bone from state to state."""
    first, *others = over_earlier(values)
    detail = "; ".join([states_in_words(values, unit, HEADLINE_DIGITS), *others, *([note] if note else [])])
    return Headline(title, first, detail)


def _headline(part: Part, name: str, detail: str = "") -> Headline:
    return Headline(_capital(label(part, name)), told(part, name, HEADLINE_DIGITS), detail)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _injection_headlines(injection: InjectionResults) -> list[Headline]:
    leaks = [
        f"{words(site)} from {told(leak, 'onset_s', HEADLINE_DIGITS)} ({severity(leak)})"
        for site, leak in injection.leaks.items()
        if leak.onset_s is not None
    ]
    none = UNOBSERVED[injection.modality] if leaked(injection.leaked_ml) else NOTHING_LEAKED
    ending = f"in {told(injection, 'duration_s', HEADLINE_DIGITS)}; stopped by: {told(injection, 'stop_reason')}"
    syringe = f"{told(injection, 'peak_syringe_pressure_kpa', HEADLINE_DIGITS)} in the syringe{held_back(injection)}"
    return [
        Headline(
            _capital(label(injection, "leaked_ml")),
            _leaked(injection.leaked_ml, "ml", HEADLINE_DIGITS),
            "; ".join(leaks) or none,
            alarming=injection.leak_severity is not None,
        ),
        _headline(injection, "injected_ml", ending),
        _headline(injection, "peak_tip_pressure_kpa", syringe),
    ]


def _leaked(volume: float, unit: str = "", digits: int = DIGITS) -> str:
    return number(volume if leaked(volume) else 0.0, unit, digits)


def _leaks(injection: InjectionResults) -> Table:
    names = tuple(LeakResults.model_fields)
    rows = tuple(
        (
            words(site),
            words(LEAK_SITES[site].leak_class),
            *(_leaked(leak.volume_ml) if name == "volume_ml" else _cell(leak, name) for name in names),
        )
        for site, leak in injection.leaks.items()
    )
    note = (
        f"{SEVERITY_NOTE} Here the pedicle measures {told(injection, 'pedicle_diameter_mm')} and the vertebra "
        f"{told(injection, 'vertebral_height_mm')}."
    )
    columns = ("site", "class", *(_heading(LeakResults, name) for name in names))
    numeric = frozenset(2 + i for i, name in enumerate(names) if LeakResults.quantity(name).unit)
    return Table("Leakage by site", columns, rows, note, numeric)


def _leak_classes(injection: InjectionResults) -> Table:
    rows = [(words(name), _leaked(volume, "ml")) for name, volume in injection.leak_classes.items()]
    rows += [
        (f"Yeom {name}, {YEOM_NAMES[name]}", _leaked(volume, "ml"))
        for name, volume in injection.leak_classes_yeom.items()
    ]
    note = "Yeom's classes: 10.1302/0301-620X.85B1.13026. The needle's track belongs to none of the classes."
    column = label(injection, "leak_classes")
    return Table("Leakage by class", ("class", column), tuple(rows), note, frozenset({1}))


def _networks(networks: NetworkShares) -> Table:
    """Leaks of many random networks, by site and by Yeom's classes."""
    places = {"anywhere": networks.anywhere}
    places |= {words(site): found for site, found in networks.sites.items() if found.observed > 0.0}
    places |= {f"Yeom {name}": found for name, found in networks.classes_yeom.items()}
    rows = [
        (
            name,
            percent(found.observed, 2),
            f"{number(100.0 * found.low, digits=2)} to {percent(found.high, 2)}",
            _leaked(found.volume_ml, "ml"),
        )
        for name, found in places.items()
    ]
    note = (
        f"The same injection through {networks.networks} random networks of veins, drawn with the seeds from 1 on; "
        f"{networks.failed} of them failed. All other results here are those of the one network of this case. The "
        "interval is that of Wilson, 95 %."
    )
    columns = ("site", "networks with an observed leak", "interval", "mean leak")
    return Table("Leaks of many networks", columns, tuple(rows), note, frozenset({1, 2, 3}))


def _injection(injection: InjectionResults) -> Table:
    """The needles beside all of them, and what there is of all alone."""
    needles = injection.needles
    columns = ("quantity", *(f"needle {index}, {needle.side}" for index, needle in enumerate(needles, 1)), "all")
    of_all = {"ended_s": "duration_s"}
    shared = [name for name in NeedleResults.model_fields if name != "side"]
    found = [
        (
            NeedleResults.quantity(name).label,
            *(told(needle, name) for needle in needles),
            told(injection, of_all.get(name, name)),
        )
        for name in shared
    ]
    elsewhere = ("leak_classes", "leak_classes_yeom", "course", *shared, *of_all.values(), *BALANCES)
    found += [(name, *[""] * len(needles), value) for name, value in rows(injection, elsewhere)]
    note = "Tip pressure counts above the resting pressure in the bone."
    return Table("Injection and pressures", columns, tuple(found), note, frozenset(range(1, len(columns))))


BALANCES = ("mass_balance_error", "tracer_balance_error", "divergence_error", "saturation_min", "saturation_max")
"""Names in ``injection`` that say how far its numbers can be relied on."""


def _prescribed(cement: PrescribedCementResults) -> Table:
    found = rows(cement)
    for index, shape in enumerate(cement.shapes or (), 1):
        found += [(f"shape {index}, {name}", value) for name, value in rows(shape)]
    return pairs("Prescribed cement", found)


def _veins(veins: VeinResults) -> Table:
    return pairs("Veins in the body", rows(veins), "" if veins.seed is None else VEINS_NOTE)


def _fill(fill: FillResults) -> Table:
    found = rows(fill)
    for plate, contact in fill.endplate_contact.items():
        found += [(f"{name}, {words(plate)}", value) for name, value in rows(contact)]
    return pairs("Fill", found)


def _stiffness(stiffness: StiffnessResults) -> Table:
    states = stiffness.states
    found: list[tuple[str, ...]] = []

    def add(name: str, values: Sequence[float], signed: bool) -> None:
        beside = ["–" if signed else ratio(values[-1], value) for value in values[:-1]]
        found.append((name, *(number(value) for value in values), *beside))

    for index, (component, unit) in enumerate(zip(COMPONENTS, DIAGONAL_UNITS, strict=True)):
        entries = [to_clinical(state.matrix[index][index], unit) for state in states.values()]
        add(heading(f"K({component}, {component})", unit), entries, signed=False)
    for name in SCALARS:
        known = StateStiffness.quantity(name)
        add(_heading(StateStiffness, name), [getattr(state, name) for state in states.values()], known.signed)
    if (broken := stiffness.broken_bone_modulus_mpa) is not None:
        values = [number(broken[name]) if name in broken else "–" for name in states]
        found.append((_heading(StiffnessResults, "broken_bone_modulus_mpa"), *values, *["–"] * (len(states) - 1)))
    note = (
        "K is the stiffness of the superior plate against the fixed inferior one about the area centroid of the "
        "superior endplate: displacements u and rotations r about x (left), y (posterior) and z (superior). All 36 "
        "entries stand in results.json."
    )
    names = list(states)
    columns = ("stiffness", *names, *(f"{names[-1]} / {name}" for name in names[:-1]))
    return Table("Stiffness", columns, tuple(found), note, frozenset(range(1, len(columns))))


def _load(load: LoadResults) -> Table:
    tables = {name: dict(_load_rows(state)) for name, state in load.states.items()}
    return _beside_one_another(f"Under {load_in_words(load)}", tables)


def _strength(strength: StrengthResults) -> Table:
    tables = {name: dict(rows(state)) for name, state in strength.states.items()}
    return _beside_one_another("Strength", tables, STRENGTH_NOTE)


def _beside_one_another(title: str, tables: Mapping[str, Mapping[str, str]], note: str = "") -> Table:
    """One row for each quantity, one column for each state; a dash where a state lacks it."""
    names = dict.fromkeys(name for table in tables.values() for name in table)
    found = tuple((name, *(table.get(name, "–") for table in tables.values())) for name in names)
    columns = ("quantity", *tables)
    return Table(title, columns, found, note, frozenset(range(1, len(columns))))


def _load_rows(state: StateLoad) -> list[tuple[str, str]]:
    """What the load does in one state; of distributions the 99th percentile, of the shares those at mid-height."""
    found = rows(state)
    for part, stress in state.von_mises_mpa.items():
        name = f"{label(state, 'von_mises_mpa')}, {words(part)}, {label(stress, 'p99')}"
        found.append((name, told(stress, "p99")))
    if (strain := state.bone_effective_strain) is not None:
        found.append((f"{label(state, 'bone_effective_strain')}, {label(strain, 'p99')}", told(strain, "p99")))
    for plate, pressure in state.endplate_pressure.items():
        found.append((f"{label(pressure, 'mean_mpa')} pressure, {words(plate)}", told(pressure, "mean_mpa")))
    for part, share in state.load_share.at_mid_height.items():
        found.append((f"{label(state, 'load_share')} at mid-height, {label(state.load_share, part)}", percent(share)))
    if (other := state.neighbour) is not None:
        strain, pressure = other.bone_effective_strain, other.endplate_pressure
        found.append(
            (f"{label(other, 'bone_effective_strain')} {other.level}, {label(strain, 'p99')}", told(strain, "p99"))
        )
        found.append((f"{label(other, 'endplate_pressure')}, {label(pressure, 'p95_mpa')}", told(pressure, "p95_mpa")))
    return found


def _cell(part: Part, name: str) -> str:
    """A value below a heading that has the unit."""
    value = told(part, name)
    return value.removesuffix(f" {unit_text(part.quantity(name).unit)}")


def _heading(part: type[Part], name: str) -> str:
    known = part.quantity(name)
    return heading(known.label, known.unit)
