"""The lines by which cases are compared: names, units and values from the parts of their results."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from itertools import combinations

from experiments.case.units import to_clinical
from experiments.results.parts.agreement import AgreementResults
from experiments.results.parts.base import Part
from experiments.results.parts.fill import FillResults, PrescribedCementResults
from experiments.results.parts.injection import InjectionResults
from experiments.results.parts.load import LoadResults
from experiments.results.parts.results import Results
from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
from experiments.results.parts.strength import StrengthResults
from experiments.results.parts.veins import VeinResults
from experiments.results.wording import label, which_veins, words
from fem.mechanics.stiffness import COMPONENTS

Value = float | int | str | None

DIAGONAL_UNITS = ("N/mm", "N/mm", "N/mm", "N m/deg", "N m/deg", "N m/deg")
"""Of the diagonal of the stiffness matrix."""

COUPLING_UNITS = ("N/mm", "N/rad", "N mm/rad")
"""Of the other entries, by how many of their two components are rotations."""

SCALARS = tuple(name for name, field in StateStiffness.model_fields.items() if field.annotation is float)
"""Names of the single numbers in ``stiffness.intact`` and ``.augmented``."""


@dataclass(frozen=True)
class Line:
    """One quantity of one case; see :class:`experiments.compare.comparison.Quantity`."""

    name: str
    unit: str
    value: Value
    signed: bool = False
    detail: bool = False


def _of_injection(injection: InjectionResults) -> dict[str, Line]:
    lines = {"cement_from": Line("cement from", "", "injection")}
    lines |= {name: _line(injection, name) for name in ("injected_ml", "in_veins_ml", "in_conduits_ml", "leaked_ml")}
    for site, leak in injection.leaks.items():
        lines[f"leaked_ml.{site}"] = replace(_line(leak, "volume_ml"), name=f"  {words(site)}")
    told = ("leak_severity", "stop_reason", "peak_tip_pressure_kpa", "peak_syringe_pressure_kpa")
    return lines | {name: _line(injection, name) for name in told} | _details(injection, lines)


def _of_prescribed(cement: PrescribedCementResults) -> dict[str, Line]:
    lines = {"cement_from": Line("cement from", "", cement.source)}
    if cement.scan_outside_ml is not None:
        lines["scan_outside_ml"] = _line(cement, "scan_outside_ml")
    return lines


def _of_scan(results: Results) -> dict[str, Line]:
    """What a measured CT has beside the fill; leaks have the keys of simulated ones."""
    scan, heights, volumetry = results.scan, results.heights, results.volumetry
    if scan is None or heights is None or volumetry is None:
        return {}
    lines = {"cement_from": Line("cement from", "", f"CT, {scan.source}"), "leaked_ml": _line(scan, "leaked_ml")}
    for site, leak in (results.leaks or {}).items():
        lines[f"leaked_ml.{site}"] = replace(_line(leak, "volume_ml"), name=f"  {words(site)}")
    lines["leak_severity"] = _line(scan, "leak_severity")
    lines |= {f"heights.{place}": _line(heights, f"{place}_mm") for place in ("anterior", "middle", "posterior")}
    lines |= {f"heights.{name}": _line(heights, name) for name in ("wedge_angle_deg", "compression_ratio")}
    told = ("cement_ratio", "puncture_side_ratio")
    return lines | {f"volumetry.{name}": _line(volumetry, name) for name in told}


def of_agreement(agreement: AgreementResults) -> dict[str, Line]:
    """How far a run agrees with a measured CT."""
    told = ("dice", "centroid_distance_mm", "surface_mean_mm", "surface_p95_mm", "hausdorff_mm", "aligned_by")
    lines = {f"agreement.{name}": _line(agreement, name) for name in told}
    for part, volume in agreement.volume_error_ml.items():
        name = f"{label(agreement, 'volume_error_ml')}, {part}"
        lines[f"agreement.volume_error_ml.{part}"] = Line(name, "ml", volume, signed=True)
    for name in ("leaks_found", "leaks_missed", "leaks_invented"):
        sites = ", ".join(words(site) for site in getattr(agreement, name)) or "none"
        lines[f"agreement.{name}"] = Line(label(agreement, name), "", sites)
    return lines


def _of_fill(fill: FillResults) -> dict[str, Line]:
    lines = {name: _line(fill, name) for name in ("cement_ml", "fraction", "occupied_ml")}
    for side, volume in (fill.cement_by_side_ml or {}).items():
        lines[f"cement_{side}_ml"] = Line(f"{label(fill, 'cement_by_side_ml')}, {side}", "ml", volume)
    for side, volume in fill.occupied_by_side_ml.items():
        name = f"{label(fill, 'occupied_by_side_ml')}, {side}"
        lines[f"occupied_{side}_ml"] = Line(name, "ml", volume, detail=fill.cement_by_side_ml is not None)
    told = ("puncture_side_ratio", "pattern", "components", "bridge_area_mm2", "bridge_share")
    lines |= {name: _line(fill, name) for name in told}
    for plate, contact in fill.endplate_contact.items():
        line = _line(contact, "area_mm2")
        lines[f"endplate_contact_mm2.{plate}"] = replace(line, name=f"{line.name}, {words(plate)}")
    lines["posterior_distance_mm"] = _line(fill, "posterior_distance_mm")
    return lines | _details(fill, lines)


def _of_stiffness(stiffness: StiffnessResults) -> dict[str, Line]:
    """Entries of the intact and of the augmented body, and their ratio."""
    before, after = stiffness.intact, stiffness.augmented
    pairs: dict[str, tuple[Line, Line]] = {}
    for index, (component, unit) in enumerate(zip(COMPONENTS, DIAGONAL_UNITS, strict=True)):
        first, second = (
            Line(f"K({component}, {component})", unit, to_clinical(state.matrix[index][index], unit))
            for state in (before, after)
        )
        pairs[f"k_{component}"] = first, second
    pairs |= {name: (_line(before, name), _line(after, name)) for name in SCALARS}
    couplings: dict[str, Line] = {}
    for row, column in combinations(range(6), 2):
        names, unit = (COMPONENTS[row], COMPONENTS[column]), COUPLING_UNITS[(row > 2) + (column > 2)]
        for state, found in (("intact", before), ("augmented", after)):
            name, entry = f"K({', '.join(names)}), {state}", found.matrix[row][column]
            couplings[f"{state}.k_{'_'.join(names)}"] = Line(name, unit, entry, signed=True, detail=True)
    lines: dict[str, Line] = {}
    for key, (first, second) in pairs.items():
        lines |= _beside(key, first, second)
    return lines | couplings


def _of_load(load: LoadResults) -> dict[str, Line]:
    """What carries the axial load in the augmented body."""
    after, lines = load.augmented, dict[str, Line]()
    for part, share in after.load_share.at_mid_height.items():
        name = f"{label(after, 'load_share')} at mid-height, {label(after.load_share, part)}"
        lines[f"augmented.load_share.{part}"] = Line(name, "1", share)
    return lines


def _of_strength(strength: StrengthResults) -> dict[str, Line]:
    """Strengths of the intact and of the augmented body, and their ratio."""
    before, after = strength.intact, strength.augmented
    lines: dict[str, Line] = {}
    for name in ("linear_n", "nonlinear_n", "energy_mj"):
        if getattr(before, name) is not None and getattr(after, name) is not None:
            lines |= _beside(f"strength.{name}", _line(before, name), _line(after, name))
    return lines


def _beside(key: str, before: Line, after: Line) -> dict[str, Line]:
    """A number of the intact and of the augmented body, and their ratio where that says something."""
    lines = {
        f"intact.{key}": replace(before, name=f"{before.name}, intact"),
        f"augmented.{key}": replace(after, name="  augmented"),
    }
    if not before.signed and isinstance(before.value, float) and isinstance(after.value, float):
        lines[f"augmented_over_intact.{key}"] = Line("  over intact", "1", after.value / before.value)
    return lines


def _line(part: Part, name: str) -> Line:
    """An entry of the results."""
    known = part.quantity(name)
    return Line(known.label, known.unit, getattr(part, name), known.signed)


def _details(part: Part, told: Container[str]) -> dict[str, Line]:
    """The other single numbers of a part, for the files alone."""
    return {
        name: replace(_line(part, name), detail=True)
        for name in type(part).model_fields
        if name not in told and isinstance(getattr(part, name), float | int)
    }


def _of_veins(veins: VeinResults) -> dict[str, Line]:
    return {"which_veins": Line("veins in the body", "", which_veins(veins))}


PARTS: tuple[Callable[[Results], dict[str, Line]], ...] = (
    lambda results: {} if results.prescribed_cement is None else _of_prescribed(results.prescribed_cement),
    _of_scan,
    lambda results: {} if results.veins is None else _of_veins(results.veins),
    lambda results: {} if results.injection is None else _of_injection(results.injection),
    lambda results: _of_fill(results.fill),
    lambda results: {} if results.stiffness is None else _of_stiffness(results.stiffness),
    lambda results: {} if results.load is None else _of_load(results.load),
    lambda results: {} if results.strength is None else _of_strength(results.strength),
)
"""What tells the lines of each part, in their order."""
