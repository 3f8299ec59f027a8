"""How results are told: names as people write them, numbers with their digits and units, times and places."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.case.units import to_clinical
from experiments.results.parts.base import Part
from experiments.results.parts.injection import InjectionResults, LeakResults
from experiments.results.parts.load import LoadResults
from experiments.results.parts.networks import NetworkShares
from experiments.results.parts.scan import ScannedLeakResults
from experiments.results.parts.veins import VeinResults
from materials.observation import LEAST_LEAK

NOTICE = "Research software: not a medical device, not validated for patients, not for planning a treatment."
"""Stands wherever people read results."""

LEAST_LEAK_ML = to_clinical(LEAST_LEAK, "ml")

NOTHING_LEAKED = "nothing leaked"
"""What is said of no more than :data:`materials.observation.LEAST_LEAK`, everywhere."""

UNOBSERVED: Mapping[str, str] = {
    "ct": "no leak that CT would show",
    "radiograph": "no leak that radiographs would show",
    "volume": "less at every site than counts as a leak",
}
"""Modality -> what is said of a leak too small for it."""

LARGEST_FIXED, LEAST_FIXED = 1e6, 1e-3
"""Absolute values between these are written without a power of ten."""

DIGITS, HEADLINE_DIGITS = 4, 3
"""Of a number in a table, and of one in a headline."""

LARGE = 1e4
"""From which on numbers that were given are shown to their last digit before the point."""

LEAST_VOLUME = 5e-7
"""Volume in ml that is no more than rounding."""

_POWER = re.compile(r"(?<=[a-z])-?\d\b")

DIRECTIONS = (("right", "left"), ("anterior", "posterior"), ("inferior", "superior"))
"""Names of the falling and the rising direction along each anatomical axis."""


def which_veins(veins: VeinResults | None) -> str:
    """What is to be said beside everything that a network of veins decides; empty without one."""
    if veins is None:
        return ""
    return "veins of the file" if veins.seed is None else f"one draw of a random network of veins, seed {veins.seed}"


def load_in_words(load: LoadResults) -> str:
    """What bears on the superior plate."""
    force = f"an axial load of {told(load, 'force_n')}"
    match load.case:
        case "free":
            return f"{force} on a free plate"
        case "point":
            return f"{force} at left {told(load, 'left', 2)}, depth {told(load, 'depth', 2)} of a free plate"
        case "flexion" | "lateral":
            ways = {"flexion": ("flexion", "extension"), "lateral": ("bending to the left", "bending to the right")}
            moment = load.moment_nm or 0.0
            return f"{force} and {number(abs(moment))} N m of {ways[load.case][moment < 0.0]}"
        case "pressure":
            return f"a uniform pressure of {told(load, 'force_n')} in all"
        case _:
            return force


def vein_sentence(veins: VeinResults) -> str:
    """One sentence about the network of veins in the body."""
    exits = ", ".join(f"{count} at {words(site)}" for site, count in veins.exits.items())
    return (
        f"{capitalised(which_veins(veins))}: {veins.branches} branches, {told(veins, 'volume_ml', HEADLINE_DIGITS)} in "
        f"{told(veins, 'length_mm', HEADLINE_DIGITS)}, median calibre {told(veins, 'calibre_median_mm', 2)}; "
        f"exits: {exits}"
    )


def capitalised(text: str) -> str:
    """A sentence that begins with a capital letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def words(name: str) -> str:
    """A name as people write it: ``left_wall`` -> ``left wall``, ``leak_limit:canal`` -> ``leak limit, canal``."""
    return name.replace("_", " ").replace(":", ", ")


def leaked(volume_ml: float) -> bool:
    """Whether so much cement left the body, or left it at a site, that it is said."""
    return volume_ml > LEAST_LEAK_ML


def network_share(networks: NetworkShares) -> str:
    """In how many random networks of veins a leak is observed, with its interval."""
    computed, found = networks.networks - networks.failed, networks.anywhere
    failed = f"; {networks.failed} more failed" if networks.failed else ""
    return (
        f"observed in {round(found.observed * computed)} of {computed} random networks of veins, "
        f"{percent(found.observed, 2)} ({number(100.0 * found.low, digits=2)} to {percent(found.high, 2)}){failed}"
    )


def severity(leak: LeakResults | ScannedLeakResults) -> str:
    """How bad a leak is."""
    return leak.severity or "too little to classify"


def held_back(injection: InjectionResults) -> str:
    """What goes on after the pressure in the syringe where its limit cut the rate; empty where it did not."""
    if injection.limited_from_s is None:
        return ""
    return f", whose limit cuts the rate from {told(injection, 'limited_from_s', HEADLINE_DIGITS)} on"


def duration(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def number(value: float | None, unit: str = "", digits: int = DIGITS) -> str:
    """A number with its unit; a dash where there is none, or none that is finite."""
    if value is None or not math.isfinite(value):
        return "–"
    rounding = unit == "ml" and abs(value) < LEAST_VOLUME
    return f"{_digits(0.0 if rounding else value, digits)} {unit_text(unit)}".strip()


def percent(share: float | None, digits: int = HEADLINE_DIGITS) -> str:
    """A part of a whole in percent."""
    return number(None if share is None else 100.0 * share, "%", digits)


def ratio(value: float | None, reference: float | None) -> str:
    """How many times the reference a value is; a dash where that says nothing."""
    return "–" if value is None or not reference else f"{number(value / reference, digits=HEADLINE_DIGITS)} ×"


def states_in_words(values: Mapping[str, float], unit: str, digits: int = DIGITS) -> str:
    """A number of the states of a bone, in the order in which they come about."""
    return ", ".join(f"{number(value, unit, digits)} {name}" for name, value in values.items())


def over_earlier(values: Mapping[str, float]) -> list[str]:
    """How many times that of each earlier state the number of the last one is; the state just before it comes first."""
    *earlier, last = values
    return [f"{ratio(values[last], values[name])} {name}" for name in reversed(earlier)]


def unit_text(unit: str) -> str:
    """A unit as people write it; nothing for pure numbers."""
    return "" if unit == "1" else _POWER.sub(lambda found: _superscript(found[0]), unit)


def heading(label: str, unit: str) -> str:
    """A label with the unit in brackets where it has one."""
    return label if unit in ("", "1") else f"{label} [{unit_text(unit)}]"


def label(part: Part, name: str) -> str:
    """What people call an entry of results or manifest."""
    return part.quantity(name).label


def told(part: Part, name: str, digits: int = DIGITS) -> str:
    """The value of an entry of results or manifest as people read it: a number with its unit, or words."""
    value, known = getattr(part, name), part.quantity(name)
    if isinstance(value, bool | str):
        return words(value) if isinstance(value, str) else plain(value)
    if known.percent and isinstance(value, float):
        return percent(value)
    if isinstance(value, Sequence):
        return f"{', '.join(number(entry) for entry in value)} {unit_text(known.unit)}".strip()
    return number(value, known.unit, digits)


def row(part: Part, name: str, digits: int = DIGITS) -> tuple[str, str]:
    """Label and value of an entry."""
    return label(part, name), told(part, name, digits)


def rows(part: Part, without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Label and value of every number and every word of a part, those of open tables too, in the order of the part.

    Args:
        part: of results or manifest.
        without: names that are told elsewhere.
    """
    found: list[tuple[str, str]] = []
    for name in type(part).model_fields:
        value, known = getattr(part, name), part.quantity(name)
        if name in without or name not in part.model_fields_set:
            continue
        if isinstance(value, Mapping):
            shown = {key: entry for key, entry in value.items() if isinstance(entry, float | int)}
            found += [
                (f"{known.label}, {words(key)}", percent(entry) if known.percent else number(entry, known.unit))
                for key, entry in shown.items()
            ]
        elif known.unit or isinstance(value, str | bool):
            found.append(row(part, name))
    return found


def given(value: Any, unit: str = "") -> str:
    """A value as somebody gave it, with its unit."""
    return f"{plain(value)} {unit}".strip()


def brief(value: float) -> str:
    """A number that somebody gave or drew, in four digits at most."""
    return f"{value:.{DIGITS}g}" if abs(value) < LARGE else f"{value:.0f}"


def plain(value: Any) -> str:
    """A value of a file as text: words, numbers, and lists and tables of them."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{words(str(name))} {plain(entry)}" for name, entry in value.items()) or "–"
    if isinstance(value, Sequence):
        return ", ".join(plain(entry) for entry in value) or "–"
    return str(value)


def place(point: Sequence[float]) -> str:
    """A point of the anatomical frame in words, with its distances in mm from the body's centroid."""
    return ", ".join(
        f"{abs(position):.1f} mm {low if position < 0.0 else high}"
        for position, (low, high) in zip(point, DIRECTIONS, strict=True)
    )


def _digits(value: float, digits: int) -> str:
    if isinstance(value, int) or value == 0.0:
        return f"{value:.0f}"
    if not LEAST_FIXED <= abs(value) < LARGEST_FIXED:
        mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
        return f"{mantissa} × 10{_superscript(str(int(exponent)))}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def _superscript(exponent: str) -> str:
    return exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
