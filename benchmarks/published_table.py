"""Stiffness over bone density: the table of the spine-FE benchmark, and the demo's L3 as its bone gets denser.

Run it as ``python -m benchmarks.published_table TABLE.csv [-o FIGURE.png]`` with ``results/verse19fem_AppendixA.csv``
of the GitHub repository Bonelab/spineFE-benchmark (Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094). Scans
with contrast agent or with metal are left out. The table has the force at 0.2 mm of each level, and so its stiffness;
the density is the patient's, inside a few vertebrae. A power of the density is fitted to each level; the scatter is the
standard deviation of ln(stiffness) about it. The demo's bone gets denser in two ways, between which patients lie: in
proportion, the shell with it, or by the same amount everywhere, which leaves the shell nearly as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.case.units import to_clinical
from experiments.model.patient import read_patient
from experiments.run.pipeline import run_case

FloatArray = NDArray[np.float64]

DENSITY = "Phantomless Calibration vBMD [mg/cc]"
SHORTENING = 0.2
"""mm at which the table gives forces."""
LEVELS = ("T5", "T8", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
LEAST_FORCE = 0.1
"""kN below which a row of the table holds no vertebra."""
REFERENCE = 100.0
"""mg/cm3 at which levels are compared."""

DENSER: dict[str, list[dict[str, float]]] = {
    "in proportion": [{"hu_slope_mg_per_cm3": slope} for slope in (0.8, 1.2, 1.6, 2.0)],
    "by the same": [{"hu_intercept_mg_per_cm3": added} for added in (0.0, 20.0, 40.0, 60.0)],
}
"""Ways in which the demo's bone gets denser -> keys of [bone]; the first of each is the demo itself."""
INSIDE = 5.0
"""mm below the surface from which on bone counts as the inside."""
PLATES = {"domain": "vertebra", "plates": "pmma", "degree": 2}
MODELS: dict[str, dict[str, dict[str, Any]]] = {
    "recipe of the benchmark": {
        "bone": {"modulus_law": "walle", "material_length_mm": 0.0},
        "mechanics": {**PLATES, "poisson": 0.3, "cortex": "voxels"},
    },
    "default laws": {"bone": {}, "mechanics": PLATES},
}
BALL = {"shapes": [{"left": 0.0, "depth": 0.4, "height": 0.5, "volume_ml": 1.0}]}


@dataclass(frozen=True)
class PowerLaw:
    """A quantity as a power of the density.

    Attributes:
        number: of the points that it is fitted to.
        exponent: of the density.
        reference: quantity at 100 mg/cm3.
        scatter: standard deviation of the quantity's logarithm about the law.
        determination: share of the logarithm's variance that the law explains.
    """

    number: int
    exponent: float
    reference: float
    scatter: float
    determination: float

    @classmethod
    def fitted(cls, density: FloatArray, value: FloatArray) -> Self:
        """The law of least squares in the logarithms."""
        x, y = np.log(density / REFERENCE), np.log(value)
        exponent, intercept = np.polyfit(x, y, 1)
        rest = y - intercept - exponent * x
        return cls(
            len(x), float(exponent), float(np.exp(intercept)), float(rest.std()), float(1 - rest.var() / y.var())
        )

    def at(self, density: FloatArray) -> FloatArray:
        """The quantity at densities in mg/cm3."""
        return self.reference * (density / REFERENCE) ** self.exponent


def published(table: Path) -> dict[str, PowerLaw]:
    """Level -> stiffness in kN/mm over the density."""
    rows = pd.read_csv(table)
    rows = rows[(rows["Contrast Enhancement"] == "ce-no") & ~rows["Foreign Material"].astype(bool)]
    found = {}
    for level in LEVELS:
        force = rows[f"R.Force 0.2% {level} [kN]"]
        known = force > LEAST_FORCE
        found[level] = PowerLaw.fitted(rows[DENSITY][known].to_numpy(), force[known].to_numpy() / SHORTENING)
    return found


def own(model: str, way: str, size: float) -> tuple[FloatArray, FloatArray]:
    """Median density inside in mg/cm3 and stiffness in kN/mm of the demo's L3, as its bone gets denser."""
    points, tables = [], MODELS[model]
    for keys in DENSER[way]:
        content = {
            "patient": {"demo": True},
            "mesh": {"size_mm": size},
            "prescribed_cement": BALL,
            "output": {"pictures": False},
            **tables,
            "bone": {**tables["bone"], **keys},
        }
        case = build_case(content)
        vertebra = read_patient(case)
        depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
        inside = Laws.of_case(case).bone.calibration.density(np.median(vertebra.ct.values[depth >= INSIDE]))
        results = run_case(case).results
        if results.stiffness is None:
            raise ValueError("the case has no mechanics")
        points.append((to_clinical(float(inside), "mg/cm3"), 1e-3 * results.stiffness.intact_n_per_mm))
    density, stiffness = np.array(points).T
    return density, stiffness


def main(table: Path, figure: Path | None, size: float, print_line: Callable[[str], None] = print) -> None:
    """Print the table of levels and models, and draw L3 beside the demo."""
    print_line("| vertebrae | number | exponent | at 100 mg/cm³ (kN/mm) | scatter | R² |\n|---|---|---|---|---|---|")
    laws = published(table)
    for level, law in laws.items():
        print_line(
            f"| {level} | {law.number} | {law.exponent:.2f} | {law.reference:.1f} | ± {100 * law.scatter:.0f} % | "
            f"{law.determination:.2f} |"
        )
    points = {f"{model}, {way}": own(model, way, size) for model in MODELS for way in DENSER}
    for name, (density, stiffness) in points.items():
        law = PowerLaw.fitted(density, stiffness)
        print_line(f"| demo's L3, {name} | {law.number} | {law.exponent:.2f} | {law.reference:.1f} | – | – |")
    for name, (density, stiffness) in points.items():
        pairs = ", ".join(f"{y:.1f} at {x:.0f}" for x, y in zip(density, stiffness, strict=True))
        print_line(f"\n{name}: {pairs} mg/cm³")
    if figure is not None:
        draw(laws["L3"], points, figure)


def draw(law: PowerLaw, points: dict[str, tuple[FloatArray, FloatArray]], path: Path) -> None:
    """Draw the published relation with its scatter, and the demo beside it."""
    density = np.geomspace(30.0, 220.0, 50)
    figure, axes = plt.subplots(figsize=(6.0, 4.0), layout="constrained")
    axes.plot(density, law.at(density), color="black", label=f"{law.number} L3 of the benchmark")
    band = np.exp(law.scatter)
    axes.fill_between(density, law.at(density) / band, law.at(density) * band, color="black", alpha=0.15, linewidth=0)
    for (name, (x, y)), mark in zip(points.items(), ("o-", "o--", "s-", "s--"), strict=True):
        axes.plot(x, y, mark, label=f"demo's L3, {name}")
    axes.set(
        xlabel="bone mineral density inside [mg/cm³]", ylabel="axial stiffness [kN/mm]", xscale="log", yscale="log"
    )
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", dest="figure", type=Path)
    parser.add_argument("--size", type=float, default=2.0, help="mesh in mm")
    given = parser.parse_args()
    main(given.table, given.figure, given.size)
