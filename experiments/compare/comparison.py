"""Several cases side by side: a table of what they have in common, and a picture of their cement."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from experiments.case.sections.base import joined
from experiments.case.units import to_clinical
from experiments.results.finished_case import FinishedCase
from experiments.results.store import write_json, write_manifest
from experiments.results.wording import words
from fem.mechanics.stiffness import COMPONENTS
from meshes.errors import InputError

Value = float | int | str | None

SHARED = ("patient", "mesh", "bone", "mechanics")
"""Tables of the case file in which cases that are compared had better agree."""

PICTURE = "comparison.png"
"""Name of the picture of a comparison."""

LEAST_SHOWN = 5e-5
"""Absolute value below which the printed table shows 0."""

DIAGONAL_UNITS = ("N/mm", "N/mm", "N/mm", "N m/deg", "N m/deg", "N m/deg")
"""Of the diagonal of the stiffness matrix."""

COUPLING_UNITS = ("N/mm", "N/rad", "N mm/rad")
"""Of the other entries, by how many of their two components are rotations."""

STIFFNESSES = {
    "axial_free_rotation_n_per_mm": ("axial, free to turn", "N/mm"),
    "axial_free_n_per_mm": ("axial, plate free", "N/mm"),
    "flexion_nm_per_deg": ("flexion", "N m/deg"),
    "lateral_bending_nm_per_deg": ("lateral bending", "N m/deg"),
    "torsion_nm_per_deg": ("torsion", "N m/deg"),
}
"""Key in ``stiffness.intact`` and ``.augmented`` -> name and unit of the stiffness."""

TILTS = {
    "tilt_forward_deg_per_kn": "tilt forward",
    "tilt_left_deg_per_kn": "tilt to the left",
}
"""The same of the tilts under uniform pressure in deg/kN, which may have either sign, so that ratios say nothing."""


@dataclass(frozen=True)
class Quantity:
    """One line of the table.

    Attributes:
        key: stable name, for programs.
        name: for people.
        unit: clinical unit, ``"1"`` or ``""`` for words.
        values: one for each case, None where a case does not have it.
        signed: whether zero has no meaning of its own, so that ratios say nothing.
        detail: whether it is for the files alone.
    """

    key: str
    name: str
    unit: str
    values: tuple[Value, ...]
    signed: bool = False
    detail: bool = False

    @property
    def differences(self) -> tuple[float | None, ...]:
        """Each value minus the first one."""
        return tuple(
            value - first if isinstance(value, float | int) and isinstance(first, float | int) else None
            for first, value in self._pairs
        )

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value over the first one."""
        return tuple(
            value / first
            if isinstance(value, float | int) and isinstance(first, float | int) and first and not self.signed
            else None
            for first, value in self._pairs
        )

    @property
    def says_something(self) -> bool:
        """Whether any case has words, or a number that does not round to zero."""
        return any(isinstance(value, str) or abs(value or 0.0) >= LEAST_SHOWN for value in self.values)

    @property
    def _pairs(self) -> Iterator[tuple[Value, Value]]:
        return ((self.values[0], value) for value in self.values)


@dataclass(frozen=True)
class Comparison:
    """Finished cases and what they can be compared by.

    Attributes:
        cases: the cases; differences and ratios refer to the first.
        quantities: the lines of the table.
    """

    cases: tuple[FinishedCase, ...]
    quantities: tuple[Quantity, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else differs between the cases that moves their numbers, and how each of them warns."""
        first, *others = self.cases
        told = []
        for other in others:
            if keys := _differing(first, other):
                told.append(
                    f"{words(other.name)} differs from {words(first.name)} in {joined(keys)} as well, which moves "
                    "stiffness and leaks by itself"
                )
        for case in self.cases:
            told.extend(f"{words(case.name)}: {warning}" for warning in case.manifest["warnings"])
        return tuple(told)

    @classmethod
    def of(cls, cases: Sequence[FinishedCase]) -> Comparison:
        """Compare finished cases.

        Raises:
            InputError: there are fewer than two, two have the same name, or one lacks something.
        """
        check_names([case.name for case in cases])
        listings: list[dict[str, _Line]] = [{} for _ in cases]
        lines: dict[str, _Line] = {}
        for part, describe in PARTS.items():
            for case, listing in zip(cases, listings, strict=True):
                if part in case.results:
                    try:
                        found = describe(case.results[part])
                    except (LookupError, TypeError, ValueError):
                        raise InputError(
                            f"{case.folder}: its results lack something of {part!r}, so they are damaged or of another "
                            "version; run the case again"
                        ) from None
                    listing |= found
                    lines |= found
        quantities = tuple(
            Quantity(
                key,
                line.name,
                line.unit,
                tuple(listing[key].value if key in listing else None for listing in listings),
                line.signed,
                line.detail,
            )
            for key, line in lines.items()
        )
        return cls(tuple(cases), quantities)

    def table(self) -> Table:
        """The quantities that say something, for a terminal; of two cases also the ratios to the first."""
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        for case in self.cases:
            table.add_column(escape(words(case.name)), justify="right", vertical="bottom")
        for quantity in self.quantities:
            if quantity.says_something and not quantity.detail:
                table.add_row(escape(_heading(quantity)), *self._cells(quantity))
        return table

    def _cells(self, quantity: Quantity) -> Iterator[str]:
        for index, (value, ratio) in enumerate(zip(quantity.values, quantity.ratios, strict=True)):
            beside = f" ({ratio:.2f} x)" if index and ratio is not None and len(self.cases) == 2 else ""
            yield shown(value) + beside

    def write(self, folder: Path) -> None:
        """Write ``comparison.csv``, ``comparison.json``, ``comparison.png`` and ``manifest.json``."""
        with (folder / "comparison.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            first, *others = names = [case.name for case in self.cases]
            writer.writerow(
                ["key", "quantity", "unit", *names]
                + [f"{name} - {first}" for name in others]
                + [f"{name} / {first}" for name in others]
            )
            for line in self.quantities:
                writer.writerow([line.key, line.name, line.unit, *line.values, *line.differences[1:], *line.ratios[1:]])
        write_json(
            folder / "comparison.json",
            {
                "remarks": self.remarks,
                "cases": [
                    {
                        "name": case.name,
                        "title": case.manifest["case"]["title"],
                        "identity": case.identity,
                        "cement": case.manifest["cement"],
                        "warnings": case.manifest["warnings"],
                    }
                    for case in self.cases
                ],
                "quantities": [
                    {
                        "key": line.key,
                        "name": line.name,
                        "unit": line.unit,
                        "values": line.values,
                        "differences": line.differences,
                        "ratios": line.ratios,
                    }
                    for line in self.quantities
                ],
            },
        )
        write_manifest(
            folder,
            {"comparison": {case.name: {"identity": case.identity, "folder": case.folder} for case in self.cases}},
        )
        self.draw(folder / PICTURE)

    def draw(self, path: Path) -> Path:
        """Draw the cement in each body by one camera at one scale, with needles.

        Where all cases have mechanics, the strain of the augmented bone stands below it, on one scale of colours.
        """
        from experiments.pictures.lattice import Lattice
        from experiments.pictures.mechanics import strain_panels
        from experiments.pictures.scene import ANTERIOR_ABOVE, filled_panel, new_figure, save, show

        bones = [bone for case in self.cases if (bone := case.mechanics()) is not None]
        compared = len(bones) == len(self.cases)
        columns = len(self.cases) if compared or len(self.cases) == 3 else 2
        figure, axes = new_figure(2 if compared else math.ceil(len(self.cases) / columns), columns)
        shown_points = np.concatenate([case.mesh.points for case in self.cases])
        for place, case in zip(axes, self.cases, strict=False):
            cement = Lattice.of(case.mesh).cement_surface(case.saturation())
            panel = filled_panel(case.mesh, cement, case.needles(), view=ANTERIOR_ABOVE, shown=shown_points)
            show(place, panel, _title(case))
        for place in axes[len(self.cases) :]:
            place.set_axis_off()
        if compared:
            panels, scale, factor = strain_panels(bones)
            for place, panel in zip(axes[columns:], panels, strict=True):
                show(place, panel, f"coronal section through the cement, displacements x {factor:g}")
            figure.colorbar(scale, ax=axes[columns:], label="effective strain [%]", shrink=0.8, extend="max")
        return save(figure, path)


def check_names(names: Sequence[str]) -> None:
    """Refuse cases that make no comparison.

    Raises:
        InputError: there are fewer than two, or two have the same name.
    """
    if len(names) < 2:
        raise InputError("a comparison needs two cases at least; name case files or folders of finished runs")
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(
                f"two cases are called {name!r}, so their columns and results cannot be told apart; rename one"
            )


def shown(value: Value) -> str:
    """A value as people read it: words, four digits, or a dash."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return words(value)
    if isinstance(value, int):
        return str(value)
    if abs(value) < LEAST_SHOWN:
        return "0"
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


@dataclass(frozen=True)
class _Line:
    name: str
    unit: str
    value: Value
    signed: bool = False
    detail: bool = False


def _of_injection(injection: Mapping[str, Any]) -> dict[str, _Line]:
    lines = {
        "cement_from": _Line("cement from", "", "injection"),
        "injected_ml": _Line("cement injected", "ml", injection["injected_ml"]),
        "leaked_ml": _Line("cement leaked", "ml", injection["leaked_ml"]),
    }
    for site, leak in injection["leaks"].items():
        lines[f"leaked_ml.{site}"] = _Line(f"  {words(site)}", "ml", leak["volume_ml"])
    lines["leak_severity"] = _Line("worst leak", "", injection["leak_severity"])
    lines["stop_reason"] = _Line("stopped by", "", injection["stop_reason"])
    for place in ("tip", "syringe"):
        key = f"peak_{place}_pressure_kpa"
        lines[key] = _Line(f"peak pressure, {place}", "kPa", injection[key])
    return lines


def _of_prescribed(cement: Mapping[str, Any]) -> dict[str, _Line]:
    lines = {"cement_from": _Line("cement from", "", cement["source"])}
    if "scan_outside_ml" in cement:
        lines["scan_outside_ml"] = _Line("outside of the body in the scan", "ml", cement["scan_outside_ml"])
    return lines


def _of_fill(fill: Mapping[str, Any]) -> dict[str, _Line]:
    return {
        "cement_ml": _Line("cement in the body", "ml", fill["cement_ml"]),
        "fraction": _Line("  of the body's volume", "1", fill["fraction"]),
        "occupied_ml": _Line("bone that it occupies", "ml", fill["occupied_ml"]),
        "cement_left_ml": _Line("cement on the left", "ml", fill["cement_by_side_ml"]["left"]),
        "cement_right_ml": _Line("cement on the right", "ml", fill["cement_by_side_ml"]["right"]),
        "puncture_side_ratio": _Line("puncture side's cement over body", "1", fill["puncture_side_ratio"]),
        "pattern": _Line("pattern", "", fill["pattern"]),
        "components": _Line("masses of cement", "1", fill["components"]),
        "bridge_area_mm2": _Line("bridge across the midline", "mm2", fill["bridge_area_mm2"]),
        "bridge_share": _Line("  of the largest sagittal section", "1", fill["bridge_share"]),
        **{
            f"endplate_contact_mm2.{name}": _Line(f"contact, {words(name)}", "mm2", contact["area_mm2"])
            for name, contact in fill["endplate_contact"].items()
        },
        "posterior_distance_mm": _Line("distance to the posterior wall", "mm", fill["posterior_distance_mm"]),
    }


def _of_stiffness(stiffness: Mapping[str, Any]) -> dict[str, _Line]:
    """Entries of the intact and of the augmented body, and their ratio."""
    before, after = stiffness["intact"], stiffness["augmented"]
    pairs: dict[str, tuple[str, str, float, float]] = {}
    for index, (component, unit) in enumerate(zip(COMPONENTS, DIAGONAL_UNITS, strict=True)):
        first, second = (to_clinical(float(state["matrix"][index][index]), unit) for state in (before, after))
        pairs[f"k_{component}"] = (f"K({component}, {component})", unit, first, second)
    for key, (name, unit) in STIFFNESSES.items():
        pairs[key] = (name, unit, before[key], after[key])
    lines = {}
    couplings: dict[str, _Line] = {}
    for row, column in combinations(range(6), 2):
        names, unit = (COMPONENTS[row], COMPONENTS[column]), COUPLING_UNITS[(row > 2) + (column > 2)]
        for state, found in (("intact", before), ("augmented", after)):
            name, entry = f"K({', '.join(names)}), {state}", found["matrix"][row][column]
            couplings[f"{state}.k_{'_'.join(names)}"] = _Line(name, unit, entry, signed=True, detail=True)
    for key, (name, unit, first, second) in pairs.items():
        lines[f"intact.{key}"] = _Line(f"{name}, intact", unit, first)
        lines[f"augmented.{key}"] = _Line("  augmented", unit, second)
        lines[f"augmented_over_intact.{key}"] = _Line("  over intact", "1", second / first)
    for key, name in TILTS.items():
        lines[f"intact.{key}"] = _Line(f"{name}, intact", "deg/kN", before[key], signed=True)
        lines[f"augmented.{key}"] = _Line("  augmented", "deg/kN", after[key], signed=True)
    return lines | couplings


def _of_load(load: Mapping[str, Any]) -> dict[str, _Line]:
    """What one axial load does to the intact and to the augmented body, and the ratio of their strengths."""
    before, after = load["intact"], load["augmented"]
    middle = after["load_share"]["height"].index(0.5)
    lines = {}
    if before["strength_n"] is not None and after["strength_n"] is not None:
        lines["intact.strength_n"] = _Line("strength, linear estimate, intact", "N", before["strength_n"])
        lines["augmented.strength_n"] = _Line("  augmented", "N", after["strength_n"])
        ratio = after["strength_n"] / before["strength_n"]
        lines["augmented_over_intact.strength_n"] = _Line("  over intact", "1", ratio)
    for part, shares in after["load_share"].items():
        if part != "height":
            name = f"share of the load at mid-height, {words(part)}"
            lines[f"augmented.load_share.{part}"] = _Line(name, "1", shares[middle])
    return lines


PARTS: dict[str, Callable[[Mapping[str, Any]], dict[str, _Line]]] = {
    "prescribed_cement": _of_prescribed,
    "injection": _of_injection,
    "fill": _of_fill,
    "stiffness": _of_stiffness,
    "load": _of_load,
}
"""Part of the results -> what tells its lines."""


def _differing(first: FinishedCase, other: FinishedCase) -> list[str]:
    """Keys of patient, mesh and mechanics that the two cases do not share."""
    tables = [(name, first.manifest["case"][name], other.manifest["case"][name]) for name in SHARED]
    return [f"{name}.{key}" for name, one, two in tables for key in one if one[key] != two.get(key)]


def _heading(quantity: Quantity) -> str:
    return quantity.name if quantity.unit in ("", "1") else f"{quantity.name} [{quantity.unit}]"


def _title(case: FinishedCase) -> str:
    fill = case.results["fill"]
    pattern = "no cement" if fill["pattern"] is None else words(fill["pattern"])
    return f"{words(case.name)}\n{fill['cement_ml']:.2f} ml in the body, {pattern}"
