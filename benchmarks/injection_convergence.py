"""How far the numbers of the demo are from their limits on ever finer meshes and with ever shorter steps.

Run it as ``python -m benchmarks.injection_convergence``; it takes about an hour on one core. The demo and the demo
with a defect run on meshes of several edge lengths, those about the needle and the defect scaled alike, and, on the
mesh of the default size, with several times as many steps: ``front_advance`` falls and ``least_steps`` grows by the
same factor. Every run is kept in the output folder as JSON, so that an interrupted study goes on where it was; runs of
other code are repeated. Tables (Markdown and CSV) and a plot are written from all of them together.

Errors are those of :mod:`benchmarks.richardson` at the default mesh and step. They hold that of the surface: each mesh
has its own, which comes closer to that of the mask as the cells become smaller. No leak ends a run, so that all of them
inject the same volume and their leaks can be compared; ``demo --defect`` itself ends at 0.5 ml of leak.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Literal

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from mpi4py import MPI

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from benchmarks.richardson import Estimate, estimate
from experiments.case.identity import code_version
from experiments.case.laws import Laws
from experiments.case.schema import Case, demo_case
from experiments.case.units import to_clinical
from experiments.model.preparation import InjectionSetup, Preparation, prepare
from experiments.pictures.style import PANEL_INCHES, TEXT_COLOR
from experiments.results.progress import Progress
from experiments.run.mechanics import load
from fem.injection.history import InjectionHistory
from fem.injection.injection import Injection
from fem.measures.fill import FRONT_SATURATION, measure_fill
from fem.measures.isosurface import isosurface
from fem.partition import Partition
from materials.observation import EqualVolume
from meshes.leak_sites import SITES

SIZES = (3.0, 2.5, 2.0, 1.5, 1.0)
FACTORS = (0.5, 1.0, 2.0, 4.0)
DEFAULT_SIZE = 1.5
LEAK_LIMIT = 15.0  # ml, more than is injected
CASES = {"demo": False, "demo --defect": True}
"""Name -> whether the posterior wall is open."""

QUANTITIES = {
    "fill_radius": "equivalent radius of the fill [mm]",
    "front_distance": "largest distance of the front from the tip [mm]",
    "leak_onset": "injected at the first leak [ml]",
    "leaked": "leaked volume [ml]",
    "tip_peak": "peak tip pressure [kPa]",
    "tip_end": "tip pressure at the end [kPa]",
    "syringe_peak": "peak syringe pressure [kPa]",
    "intact": "axial stiffness, intact [kN/mm]",
    "augmented": "axial stiffness, augmented [kN/mm]",
}
COLORS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#882255")


@dataclass(frozen=True)
class Setting:
    """One run.

    Attributes:
        case: one of :data:`CASES`.
        size: edge length in the body in mm.
        factor: on the number of steps.
    """

    case: str
    size: float
    factor: float

    @property
    def file(self) -> str:
        """Name of the file that keeps the run."""
        return f"{self.case.replace(' --', '-')}_{self.size:g}mm_x{self.factor:g}.json"


@dataclass(frozen=True)
class Run:
    """What came of a run.

    Attributes:
        setting: what was run.
        cells: of the mesh.
        steps: of the injection.
        seconds: wall-clock time.
        values: quantity -> value; None where nothing leaked.
    """

    setting: Setting
    cells: int
    steps: int
    seconds: float
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Study:
    """Runs of one case that differ in one thing.

    Attributes:
        case: one of :data:`CASES`.
        runs: from the coarsest to the finest.
        over: ``"size"`` of the mesh, or ``"factor"`` on the number of steps.
        at: the value of it whose errors are asked for.
    """

    case: str
    runs: tuple[Run, ...]
    over: Literal["size", "factor"]
    at: float

    def head(self, value: float) -> str:
        """What a size or a factor is called."""
        return f"{value:g} mm" if self.over == "size" else f"steps x{value:g}"

    @property
    def varied(self) -> list[float]:
        """Size or factor of each run."""
        return [getattr(run.setting, self.over) for run in self.runs]

    @property
    def lengths(self) -> list[float]:
        """Of the cells in mm, or of the steps as shares of the default ones."""
        return [value if self.over == "size" else 1.0 / value for value in self.varied]

    def estimate(self, quantity: str) -> Estimate | None:
        """Error of a quantity at the default; None where a run has no value."""
        values = [value for run in self.runs if (value := run.values[quantity]) is not None]
        at = self.at if self.over == "size" else 1.0 / self.at
        return estimate(self.lengths, values, at) if len(values) == len(self.runs) else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is not there yet, and write tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("results", "injection-convergence"))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--sizes", nargs="+", type=float, default=SIZES, help="edge lengths in mm")
    parser.add_argument(
        "--factors", nargs="+", type=float, default=FACTORS, help="on the number of steps; 1 among them"
    )
    parser.add_argument("--size", type=float, default=DEFAULT_SIZE, help="edge length in mm whose error is asked for")
    asked = parser.parse_args(arguments)
    if asked.size not in asked.sizes or 1.0 not in asked.factors:
        parser.error(f"--sizes must contain {asked.size:g}, the --size that is asked for, and --factors must contain 1")
    asked.out.mkdir(parents=True, exist_ok=True)
    studies = []
    for case in asked.cases:
        sizes, factors = sorted(asked.sizes, reverse=True), sorted(asked.factors)
        over_sizes = tuple(finished(Setting(case, size, 1.0), asked.out) for size in sizes)
        over_factors = tuple(finished(Setting(case, asked.size, factor), asked.out) for factor in factors)
        studies += [Study(case, over_sizes, "size", asked.size), Study(case, over_factors, "factor", 1.0)]
    write_runs(asked.out / "runs.csv", studies)
    write_tables(asked.out / "tables.md", studies)
    draw(asked.out / "convergence.png", studies)
    print((asked.out / "tables.md").read_text(encoding="utf-8"))


def finished(setting: Setting, folder: Path) -> Run:
    """The run of a setting by this code, from the folder or computed and kept there."""
    path, code = folder / setting.file, code_version()
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.pop("code") == code:
            return Run(**{**kept, "setting": Setting(**kept["setting"])})
    print(setting, file=sys.stderr, flush=True)
    found = compute(setting)
    whole = path.with_suffix(".unfinished")
    whole.write_text(json.dumps({"code": code, **asdict(found)}, indent=1), encoding="utf-8")
    os.replace(whole, path)
    return found


def compute(setting: Setting) -> Run:
    """Prepare, inject, measure and load one case."""
    start, comm = perf_counter(), MPI.COMM_SELF
    case, progress = case_of(setting), Progress()
    laws = Laws.of_case(case)
    prepared = prepare(case, laws, progress)
    if not isinstance(prepared.cement, InjectionSetup):
        raise ValueError("the demo injects its cement")
    setup, partition = prepared.cement, Partition.build(prepared.mesh, comm)
    plan = replace(
        setup.plan,
        front_advance=setup.plan.front_advance / setting.factor,
        least_steps=round(setup.plan.least_steps * setting.factor),
    )
    tissues = prepared.tissues
    injection = Injection.build(
        partition, tissues.medium, setup.walls, setup.needles, laws.cement, tissues.fluids, plan, tissues.exchange
    )
    history = injection.run()
    injection.destroy()
    if history.saturation is None:
        raise ValueError("a run on one rank has its saturation there")
    stiffness = load(case, laws, prepared, partition, history.saturation, progress).stiffness
    return Run(
        setting,
        len(prepared.mesh.cells),
        len(history.records) - 1,
        perf_counter() - start,
        {
            **injected(prepared, setup, history, history.saturation),
            "intact": 1e-3 * stiffness.intact_n_per_mm,
            "augmented": 1e-3 * stiffness.augmented_n_per_mm,
        },
    )


def case_of(setting: Setting) -> Case:
    """The case with all edge lengths in proportion to the one in the body, and no end at a leak."""
    case = demo_case(CASES[setting.case])
    scale = setting.size / case.mesh.size_mm
    finer = {
        key: scale * length
        for key in ("needle_size_mm", "defect_size_mm")
        if (length := getattr(case.mesh, key)) is not None
    }
    return case.model_copy(
        update={
            "mesh": case.mesh.model_copy(update={"size_mm": setting.size, **finer}),
            "injection": case.injection.model_copy(update={"leak_limit_ml": LEAK_LIMIT}),
        }
    )


def injected(
    prepared: Preparation, setup: InjectionSetup, history: InjectionHistory, saturation: NDArray[np.float64]
) -> dict[str, float | None]:
    """What an injection adds to :attr:`Run.values`."""
    mesh, last = prepared.mesh, history.last
    fill = measure_fill(mesh, prepared.vertebra.frame, saturation, prepared.tissues.medium.porosity)
    front = isosurface(mesh, saturation, FRONT_SATURATION)
    away = None if front is None else np.linalg.norm(front.points - setup.needles[0].opening.position, axis=1).max()
    seen = EqualVolume().venous_volume
    onsets = [onset.injected for site in SITES if (onset := history.onset(site, seen))]
    return {
        "fill_radius": fill.equivalent_radius,
        "front_distance": None if away is None else float(away),
        "leak_onset": to_clinical(min(onsets), "ml") if onsets else None,
        "leaked": to_clinical(sum(last.leaked.values()), "ml"),
        "tip_peak": to_clinical(history.peak_tip_pressure, "kPa"),
        "tip_end": to_clinical(last.tip_pressure, "kPa"),
        "syringe_peak": to_clinical(history.peak_syringe_pressure, "kPa"),
    }


def write_runs(path: Path, studies: Sequence[Study]) -> None:
    """All runs as CSV, one in a line."""
    runs = {run.setting: run for study in studies for run in study.runs}
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "size [mm]", "factor on the steps [-]", "cells", "steps", *QUANTITIES.values()])
        for setting, run in runs.items():
            values = [run.values[name] for name in QUANTITIES]
            writer.writerow([setting.case, setting.size, setting.factor, run.cells, run.steps, *values])


def write_tables(path: Path, studies: Sequence[Study]) -> None:
    """One table a study as Markdown: values, fitted order, limit and error."""
    lines = []
    for study in studies:
        heads = [study.head(value) for value in study.varied]
        lines += [
            f"### {study.case}, {'mesh' if study.over == 'size' else 'steps'}",
            "",
            f"| quantity | {' | '.join(heads)} | order | limit | error at {study.head(study.at)} |",
            "|---" * (len(heads) + 4) + "|",
            f"| cells | {' | '.join(str(run.cells) for run in study.runs)} | | | |",
            f"| steps | {' | '.join(str(run.steps) for run in study.runs)} | | | |",
        ]
        for name, label in QUANTITIES.items():
            values = ["–" if (value := run.values[name]) is None else f"{value:.4g}" for run in study.runs]
            lines.append(f"| {label} | {' | '.join(values)} | {error_cells(study.estimate(name))} |")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")


def error_cells(found: Estimate | None) -> str:
    """Order, limit and error of a quantity as cells of a table; the spread of the values where there is no order."""
    if found is None:
        return "– | – | –"
    size = f"{found.error:.2g}" + (f" ({100.0 * found.error / abs(found.value):.1f} %)" if found.value else "")
    if found.order is None:
        return f"none | – | spread {size}"
    return f"{found.order:.2f} | {found.limit:.4g} | {size}"


def draw(path: Path, studies: Sequence[Study]) -> None:
    """Every quantity over cell size or step length, as its difference from the finest run in percent."""
    figure, panels = plt.subplots(
        len(studies) // 2, 2, figsize=(2 * PANEL_INCHES, 0.375 * len(studies) * PANEL_INCHES),
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for study, axes in zip(studies, panels.ravel(), strict=True):
        for (name, label), color in zip(QUANTITIES.items(), COLORS, strict=True):
            values = [run.values[name] for run in study.runs]
            if (last := values[-1]) and None not in values:
                changes = [100.0 * (value / last - 1.0) for value in values if value is not None]
                axes.plot(study.lengths, changes, marker="o", color=color, label=label.split(" [")[0])
        axes.axvline(study.at if study.over == "size" else 1.0 / study.at, color="#BBBBBB", zorder=0)
        axes.set_title(study.case, color=TEXT_COLOR)
        axes.set_xlabel("edge length (mm)" if study.over == "size" else "step over the default one", color=TEXT_COLOR)
        axes.set_ylabel("difference from the finest (%)", color=TEXT_COLOR)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    most = max(panels.ravel(), key=lambda axes: len(axes.lines))
    figure.legend(*most.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
