"""How leakage answers to one change at a time, on the real L3, beside what clinical series report.

Each direction changes one thing in a set-up that was chosen by the size of its leak, so that the question can be asked.
Nothing ends an injection but its volume and the stop rule in question. From the project's folder::

    uv run python tests/validation/directions.py

prints the table of docs/directions.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from demo_body import Body, Fineness, Line, Outcome, Tables, Variant

from experiments.case.units import to_clinical
from materials.observation import EqualVolume

NOTHING = 5e-4
"""ml; smaller differences between leaks are none."""

SMALLEST_LEAK = to_clinical(EqualVolume().venous_volume, "ml")
"""Where no variant leaks as much, the question cannot be asked."""

CANAL, FORAMEN = ("canal_posterior_wall",), ("basivertebral_foramen",)
VEINS = ("basivertebral_foramen", "segmental_veins_left", "segmental_veins_right")


PLACES: Mapping[str, tuple[Line, ...]] = {
    "hole": (((0.2, 0.55, 0.5), (0.2, 1.0, 0.5)),),
    "posterior wall": tuple(((left, 0.75, 0.5), (left, 1.0, 0.5)) for left in (0.35, -0.35)),
    "lateral walls": tuple(((left, 0.5, 0.5), (left / 0.7, 0.5, 0.5)) for left in (0.7, -0.7)),
    "foramen": (((0.05, 0.7, 0.5), (0.0, 1.0, 0.5)),),
}
"""Name -> lines between tips and openings, along which a mesh is finer."""

FINE = Fineness(size=3.0, fine_size=1.25, least_steps=10)
"""Of the table in the documentation."""


@dataclass(frozen=True)
class Direction:
    """One question to the model.

    Attributes:
        question: what is changed.
        set_up: what stays the same, where it is not the reference.
        clinic: what series report.
        sense: +1 where the clinic's leaks grow along the variants, -1 where they fall.
        variants: the cases, in order.
        sites: sites whose leaks are asked for.
        place: where the mesh is finer, one of :data:`PLACES`.
    """

    question: str
    set_up: str
    clinic: str
    sense: int
    variants: tuple[Variant, ...]
    sites: tuple[str, ...] = CANAL
    place: str = "hole"


def comes_out(sense: int, leaks: list[float]) -> str:
    """Whether leaks move the way the clinic has it: at every step, from the first to the last only, or not."""
    if max(leaks) < SMALLEST_LEAK:
        return "nothing leaks"
    if sense * (leaks[-1] - leaks[0]) <= NOTHING:
        return "no"
    return "yes" if all(sense * (after - before) >= -NOTHING for before, after in pairwise(leaks)) else "ends only"


def _needle(depth: float = 0.8, left: float = 0.2, **more: Any) -> list[Tables]:
    return [{"depth": depth, "left": left, **more}]


def _disc(diameter: float = 8.0) -> list[Tables]:
    return [{"wall": "posterior_wall", "left": 0.2, "height": 0.5, "diameter_mm": diameter}]


REFERENCE: Tables = {"needles": _needle(), "defects": _disc()}
"""Medium cement 5 min after mixing, 5 ml from the left with the tip at 0.8 of the depth, 7 mm in front of a hole of
8 mm in the posterior wall."""

_EARLY: Tables = {"viscosity": "low", "injected_after_mixing_min": 3.5}
_AT_VEIN: Tables = {
    "needles": _needle(0.5, 0.7),
    "cement": _EARLY,
    "injection": {"volume_ml": 7.0},
    "veins": {"segmental_diameter_mm": 3.0, "basivertebral_diameter_mm": 3.0},
    "bone": {"hu_intercept_mg_per_cm3": 100.0},
}
_LESION: Tables = {"kind": "osteolytic", "fraction": 0.3, "destroys_walls": False}
_MARROW: Tables = {"viscosity_pa_s": 0.1, "interstitial_pressure_kpa": 0.0, "vascular_conductance_per_s_kpa": 0.0}
_GROWTHS = ("slow", "moderate", "rapid")
_RATIOS = (1, 5, 25, 100, 500)


def _reference(name: str, coarse: bool = True, **tables: Any) -> Variant:
    return Variant(name, {**REFERENCE, **tables}, coarse=coarse)


def _at_vein(name: str, coarse: bool = True, **tables: Any) -> Variant:
    return Variant(name, {**_AT_VEIN, **tables}, coarse=coarse)


def _ratios(coarse: tuple[int, ...], depth: float = 0.8, thick_tissue: bool = False) -> tuple[Variant, ...]:
    """The ratios of cement to what it displaces, by thinner cement over marrow or by thicker tissue under cement."""
    tables = {**REFERENCE, "needles": _needle(depth)}
    return tuple(
        Variant(
            str(ratio),
            {**tables, "marrow": {"viscosity_pa_s": 50.0 / ratio if thick_tissue else 0.1}},
            50.0 if thick_tissue else 0.1 * ratio,
            ratio in coarse,
        )
        for ratio in _RATIOS
    )


DIRECTIONS: Mapping[str, Direction] = {
    "ratio, thinner cement": Direction(
        "viscosity of cement over marrow of 0.1 Pa s (Newtonian)",
        "",
        "low viscosity is a risk factor; ratio above 25 expected to leak next to nothing",
        -1,
        _ratios((1, 500)),
    ),
    "ratio, thicker tissue": Direction(
        "cement of 50 Pa s over what it displaces (50 to 0.1 Pa s)",
        "",
        "leakage 50 to 100 % in malignancy, 5 to 80 % in osteoporosis",
        -1,
        _ratios((1, 500), thick_tissue=True),
    ),
    "ratio, tip in the middle": Direction(
        "viscosity of cement over marrow of 0.1 Pa s (Newtonian)",
        "tip at 0.55 of the depth, 15 mm from the hole",
        "as above",
        -1,
        _ratios((), 0.55),
    ),
    "class": Direction(
        "viscosity class: low, medium, high",
        "",
        "high against low RR 0.38 (0.29-0.51); canal not significant",
        -1,
        (
            _reference("low", cement={"viscosity": "low"}),
            _reference("medium"),
            _reference("high", False, cement={"viscosity": "high"}),
        ),
    ),
    "age, low": Direction(
        "minutes from mixing to injection, low viscosity",
        "",
        "leaked mass 4.0 g at 3.5 min, 2.6 g at 9.5 min (Habib 2010)",
        -1,
        tuple(
            _reference(f"{age:g}", False, cement={"viscosity": "low", "injected_after_mixing_min": age})
            for age in (3.5, 6.5, 9.5)
        ),
    ),
    "age, high": Direction(
        "minutes from mixing to injection, high viscosity",
        "",
        "leaked mass 1.5 g at 3.5 min, 0.92 g at 6.5 min (Habib 2010)",
        -1,
        tuple(
            _reference(f"{age:g}", False, cement={"viscosity": "high", "injected_after_mixing_min": age})
            for age in (3.5, 6.5)
        ),
    ),
    "defect": Direction(
        "diameter of the hole in the posterior wall: none, 4, 8, 12 mm",
        "",
        "defect of the posterior wall OR 19.7 for any leak",
        1,
        (
            _reference("none", defects=[]),
            *(_reference(f"{size:g}", size == 8.0, defects=_disc(size)) for size in (4.0, 8.0, 12.0)),
        ),
        CANAL + FORAMEN,
    ),
    "distance": Direction(
        "depth of the tip: 0.6, 0.7, 0.8 of the body",
        "",
        "tip in the anterior third is the advice against leaks",
        1,
        tuple(_reference(f"{depth:g}", depth != 0.7, needles=_needle(depth)) for depth in (0.6, 0.7, 0.8)),
    ),
    "volume": Direction(
        "volume: 3, 5, 7 ml",
        "",
        "canal leak OR 1.5 per ml; 4.5 against 3.7 ml with and without leak (VERTOS II)",
        1,
        tuple(_reference(f"{volume:g}", volume != 7.0, injection={"volume_ml": volume}) for volume in (3.0, 5.0, 7.0)),
    ),
    "density": Direction(
        "bone denser by 0, 50, 100 mg/cm3, equal volume: vein leak",
        "tip at 0.7 of the left half, middle depth; veins of 3 mm, low viscosity at 3.5 min, 7 ml, walls whole",
        "denser bone leaks more into veins: OR 1.34 per T-score",
        1,
        tuple(
            _at_vein(f"+{more:g}", more != 50.0, bone={"hu_intercept_mg_per_cm3": more}) for more in (0.0, 50.0, 100.0)
        ),
        VEINS,
        place="lateral walls",
    ),
    "stop": Direction(
        "stop when the front is beyond the posterior 1/4, 1/5, 1/6; no stop",
        "tip at 0.65 of the depth, lytic lesion in the posterior 30 %, 8 ml planned",
        "finish line at the posterior 1/4 to 1/6 is the advice against leaks",
        1,
        tuple(
            _reference(
                name,
                name in ("1/4", "none"),
                needles=_needle(0.65),
                lesions=[_LESION],
                injection={"volume_ml": 8.0} if limit is None else {"volume_ml": 8.0, "front_limit_depth": limit},
            )
            for name, limit in (("1/4", 0.75), ("1/5", 0.8), ("1/6", 5.0 / 6.0), ("none", None))
        ),
    ),
    "needles, wall": Direction(
        "one needle or two in turn, equal volume: canal leak",
        "tips at 0.35 of each half and 0.8 of the depth, half of the posterior wall fissured",
        "one against two RR 0.89 (0.61-1.29); canal leaks more often with two (16/18 against 57/95, more cement)",
        1,
        tuple(
            _reference(
                name,
                needles=[{"side": side, "depth": 0.8, "left": left} for side, left in tips],
                defects=[{"wall": "posterior_wall", "fraction": 0.5}],
            )
            for name, tips in (("one", [("left", 0.35)]), ("two", [("left", 0.35), ("right", -0.35)]))
        ),
        place="posterior wall",
    ),
    "needles, veins": Direction(
        "one needle or two in turn, equal volume: vein leak",
        "as for the density, bone denser by 100 mg/cm3; the second tip at the right",
        "more cement at the puncture side leaks more into veins: OR 1.6 per % of the body",
        -1,
        (
            _at_vein("one", False),
            _at_vein(
                "two",
                False,
                needles=_needle(0.5, 0.7) + _needle(0.5, -0.7, side="right"),
            ),
        ),
        VEINS,
        place="lateral walls",
    ),
    "tumour": Direction(
        "lesion's bone with marrow in it, with tumour tissue in it",
        "lytic lesion in the posterior 30 %, moderate growth",
        "leakage 50 to 100 % in malignancy, 5 to 80 % in osteoporosis",
        1,
        (
            _reference("marrow", lesions=[{**_LESION, **_MARROW}]),
            _reference("tumour", lesions=[{**_LESION, "growth": "moderate"}]),
        ),
    ),
    "lesion": Direction(
        "no lesion, lesion with tumour tissue in it",
        "as above",
        "as above",
        1,
        (_reference("none"), _reference("lesion", lesions=[{**_LESION, "growth": "moderate"}])),
    ),
    "growth, wall": Direction(
        "growth of the tumour: slow, moderate, rapid; canal leak",
        "as above",
        "any leak OR 2.06 per Tomita class",
        1,
        tuple(_reference(name, False, lesions=[{**_LESION, "growth": name}]) for name in _GROWTHS),
    ),
    "growth, veins": Direction(
        "growth of the tumour: slow, moderate, rapid; vein leak",
        "as above, but wall whole, two basivertebral veins, tip at 0.75 of the depth near the midline, low viscosity "
        "at 3.5 min, 7 ml",
        "any leak OR 2.06 per Tomita class; more and wider veins are the authors' reason",
        1,
        tuple(
            Variant(
                name,
                {
                    "needles": _needle(0.75, 0.1),
                    "cement": _EARLY,
                    "injection": {"volume_ml": 7.0},
                    "lesions": [{**_LESION, "growth": name}],
                    "veins": {"basivertebral_number": 2},
                },
                coarse=False,
            )
            for name in _GROWTHS
        ),
        VEINS,
        place="foramen",
    ),
    "calibre, basivertebral": Direction(
        "diameter of the basivertebral vein: 1, 2, 3 mm",
        "walls whole, tip at 0.7 of the depth near the midline",
        "most leaks leave by the basivertebral and segmental veins; no figure by calibre",
        1,
        tuple(
            Variant(
                f"{size:g}",
                {"needles": _needle(0.7, 0.05), "veins": {"basivertebral_diameter_mm": size}},
                coarse=False,
            )
            for size in (1.0, 2.0, 3.0)
        ),
        FORAMEN,
        place="foramen",
    ),
    "calibre, segmental": Direction(
        "diameter of the segmental veins: 1, 2, 3 mm",
        "as for the density, bone denser by 100 mg/cm3",
        "as above",
        1,
        tuple(
            _at_vein(f"{size:g}", False, veins={"segmental_diameter_mm": size, "basivertebral_diameter_mm": 3.0})
            for size in (1.0, 2.0, 3.0)
        ),
        VEINS,
        place="lateral walls",
    ),
}
"""Name -> direction, in the order of the table."""


def table_line(direction: Direction, outcomes: list[Outcome]) -> str:
    """A direction as a line of the table."""
    leaks = [outcome.leak(direction.sites) for outcome in outcomes]
    names = " / ".join(variant.name for variant in direction.variants)
    values = " / ".join(f"{leak:.3f}" for leak in leaks)
    set_up = direction.set_up or "reference"
    verdict = comes_out(direction.sense, leaks)
    return f"| {direction.question} | {set_up} | {names} | {values} | {direction.clinic} | {verdict} |"


class Bodies:
    """The body on a mesh for every place, made when it is asked for."""

    def __init__(self, fineness: Fineness) -> None:
        """Note how fine the meshes are."""
        self._fineness = fineness
        self._found: dict[str, Body] = {}

    def at(self, place: str) -> Body:
        """The body with finer cells at a place."""
        if place not in self._found:
            self._found[place] = Body(self._fineness, PLACES[place])
        return self._found[place]

    def outcomes(self, direction: Direction, coarse: bool = False) -> list[Outcome]:
        """What comes of the variants of a direction, or of those that the short tests run."""
        body = self.at(direction.place)
        return [body.run(variant) for variant in direction.variants if variant.coarse or not coarse]


def main() -> None:
    """Run directions and print their lines."""
    parser = argparse.ArgumentParser(description="Print how leakage answers to one change at a time.")
    parser.add_argument("names", nargs="*", help=f"directions: {', '.join(DIRECTIONS)}; all by default")
    names = parser.parse_args().names or list(DIRECTIONS)
    bodies = Bodies(FINE)
    print("| changed | set-up | variants | leak (ml) | clinic | comes out |\n|---|---|---|---|---|---|")
    for name in names:
        print(table_line(DIRECTIONS[name], bodies.outcomes(DIRECTIONS[name])), flush=True)


if __name__ == "__main__":
    main()
