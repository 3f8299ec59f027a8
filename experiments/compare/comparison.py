"""Several cases side by side: a table of what they have in common, and a picture of their cement."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.table import Table

from experiments.case.sections.base import joined
from experiments.compare.agreement import Agreement
from experiments.compare.lines import PARTS, Line, Value, of_agreement
from experiments.results.finished_case import FinishedCase
from experiments.results.store import write_json, write_manifest
from experiments.results.wording import heading, number, told, words
from meshes.errors import InputError

SHARED = ("patient", "mesh", "bone", "mechanics")
"""Tables of the case file in which cases that are compared had better agree."""

PICTURE, AGREEMENT = "comparison.png", "agreement.png"
"""Names of the pictures of a comparison; the second where one of the cases is a measured CT."""

LEAST_SHOWN = 5e-5
"""Absolute value below which the printed table shows 0."""


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
        agreements: every run against the measured CT, where just one of the cases is one.
    """

    cases: tuple[FinishedCase, ...]
    quantities: tuple[Quantity, ...]
    agreements: tuple[Agreement, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else differs between the cases that moves their numbers, and how each of them warns."""
        first, *others = self.cases
        told = []
        for other in others:
            if keys := _differing(first, other):
                told.append(
                    f"{words(other.name)} differs from {words(first.name)} in {joined(keys)} as well, which moves "
                    "numbers by itself"
                )
        for case in self.cases:
            told.extend(f"{words(case.name)}: {warning}" for warning in case.manifest.warnings)
        return tuple(told)

    @classmethod
    def of(cls, cases: Sequence[FinishedCase]) -> Comparison:
        """Compare finished cases.

        Raises:
            InputError: there are fewer than two, two have the same name, or one lacks something.
        """
        check_names([case.name for case in cases])
        listings: list[dict[str, Line]] = [{} for _ in cases]
        lines: dict[str, Line] = {}
        agreements = _agreements(cases)
        for case, listing in zip(cases, listings, strict=True):
            for agreement in agreements:
                if agreement.run is case:
                    found = of_agreement(agreement.results)
                    listing |= found
                    lines |= found
        for lines_of in PARTS:
            for case, listing in zip(cases, listings, strict=True):
                found = lines_of(case.results)
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
        return cls(tuple(cases), quantities, agreements)

    def table(self) -> Table:
        """The quantities that say something, for a terminal; of two cases also the ratios to the first."""
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        for case in self.cases:
            table.add_column(escape(words(case.name)), justify="right", vertical="bottom")
        for quantity in self.quantities:
            if quantity.says_something and not quantity.detail:
                table.add_row(escape(heading(quantity.name, quantity.unit)), *self._cells(quantity))
        return table

    def _cells(self, quantity: Quantity) -> Iterator[str]:
        for index, (value, ratio) in enumerate(zip(quantity.values, quantity.ratios, strict=True)):
            beside = f" ({number(ratio, digits=3)} ×)" if index and ratio is not None and len(self.cases) == 2 else ""
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
                        "title": case.manifest.case["title"],
                        "identity": case.identity,
                        "cement": case.manifest.cement,
                        "warnings": case.manifest.warnings,
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
        if self.agreements:
            self.draw_agreement(folder / AGREEMENT)

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

    def draw_agreement(self, path: Path) -> Path:
        """Draw the edges of simulated and measured cement over the CT, one row for each run."""
        from experiments.pictures.cross_sections import ScannedBody
        from experiments.pictures.lattice import Lattice
        from experiments.pictures.measured import draw_agreement

        measured = self.agreements[0].measured
        body = ScannedBody(measured.mesh, Lattice.of(measured.mesh), measured.ct(), measured.frame)
        simulated = {words(agreement.run.name): agreement.simulated for agreement in self.agreements}
        told = [
            f"{words(agreement.run.name)}: overlap {number(agreement.results.dice, digits=2)}"
            for agreement in self.agreements
        ]
        return draw_agreement(body, measured.scanned_cement(), simulated, told, path)


def _agreements(cases: Sequence[FinishedCase]) -> tuple[Agreement, ...]:
    """Every run against the one measured CT; nothing without one, or with several."""
    measured = [case for case in cases if case.measured]
    if len(measured) != 1:
        return ()
    return tuple(Agreement.of(case, measured[0]) for case in cases if not case.measured)


def check_names(names: Sequence[str]) -> None:
    """Refuse cases that make no comparison.

    Raises:
        InputError: there are fewer than two, or two have the same name.
    """
    if len(names) < 2:
        raise InputError("a comparison needs two cases at least; name case files or folders of finished runs")
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InputError(
                f"two cases are called {name!r}, so their columns and results cannot be told apart; rename one"
            )


def shown(value: Value) -> str:
    """A value as people read it: words, a number, or a dash."""
    if isinstance(value, str):
        return words(value)
    return number(0 if value is not None and abs(value) < LEAST_SHOWN else value)


def _differing(first: FinishedCase, other: FinishedCase) -> list[str]:
    """Keys of patient, mesh and mechanics that the two cases do not share; a measured CT has few of them."""
    one, two = first.manifest.case, other.manifest.case
    tables = [(name, one[name], two[name]) for name in SHARED if name in one and name in two]
    return [f"{name}.{key}" for name, one, two in tables for key in one if one[key] != two.get(key)]


def _title(case: FinishedCase) -> str:
    fill = case.results.fill
    pattern = "no cement" if fill.pattern is None else words(fill.pattern)
    volume = told(fill, "cement_ml", 3) if fill.cement_ml is not None else f"{told(fill, 'occupied_ml', 3)} on CT"
    return f"{words(case.name)}\n{volume} in the body, {pattern}"
