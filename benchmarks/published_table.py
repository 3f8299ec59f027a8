"""Stiffness and strength over bone density: the table of a benchmark, and the demo's L3 as its bone gets denser.

Run it as ``python -m benchmarks.published_table TABLE.csv [-o FIGURE.png]`` with ``results/verse19fem_AppendixA.csv``
of the GitHub repository Bonelab/spineFE-benchmark (Walle, Matheson & Boyd 2025, 10.1093/gigascience/giaf094). Scans
with contrast agent or with metal are left out. The table has the force at 0.2 mm of each level, and so its stiffness,
and the non-linear strength of one vertebra of each patient, mostly L1; the density is the patient's, inside a few
vertebrae. A power of the density is fitted to each; the scatter is the standard deviation of the logarithm about it.
The demo's bone gets denser in two ways, between which patients lie: in proportion, the shell with it, or by the same
amount everywhere, which leaves the shell nearly as it is.
"""

from __future__ import annotations

import argparse
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
STRENGTH = "F.Load (nonlinear) [kN]"
SHORTENING = 0.2
"""mm at which the table gives the forces of levels."""
LEVELS = ("T5", "T8", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
STRENGTH_LEVEL = "L1"
"""The level that the table has most strengths of."""
LEAST_FORCE = 0.1
"""kN below which a row of the table holds no vertebra."""
REFERENCE = 100.0
"""mg/cm3 at which levels are compared."""

DENSER: dict[str, list[dict[str, float]]] = {
    "in proportion": [{"hu_slope_mg_per_cm3": slope} for slope in (1.2, 2.0)],
    "by the same": [{"hu_intercept_mg_per_cm3": added} for added in (20.0, 60.0)],
}
"""Ways in which the demo's bone gets denser -> keys of [bone] that do it."""
INSIDE = 5.0
"""mm below the surface from which on bone counts as the inside."""
LOADED = {"plates": "pmma", "strength": "nonlinear"}
MODELS: dict[str, dict[str, dict[str, Any]]] = {
    "published recipe": {
        "bone": {"modulus_law": "walle", "material_length_mm": 0.0},
        "mechanics": {**LOADED, "yield_law": "ogo", "poisson": 0.3, "cortex": "voxels"},
    },
    "default laws": {"bone": {}, "mechanics": LOADED},
}
SPECK = {"shapes": [{"left": 0.0, "depth": 0.4, "height": 0.5, "volume_ml": 0.05}]}
"""A case holds some cement; what is read is the intact body."""


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

    def row(self, name: str, quantity: str) -> str:
        """A line of the table that is printed."""
        return (
            f"| {name} | {quantity} | {self.number} | {self.exponent:.2f} | {self.reference:.1f} | "
            f"± {100 * self.scatter:.0f} % | {self.determination:.2f} |"
        )


@dataclass(frozen=True)
class Bodies:
    """One body as its bone gets denser.

    Attributes:
        density: (n,) median inside in mg/cm3.
        stiffness: (n,) kN/mm.
        strength: (n,) kN by the load curve.
    """

    density: FloatArray
    stiffness: FloatArray
    strength: FloatArray

    @classmethod
    def demo(cls, model: str, size: float) -> dict[str, Self]:
        """Way of :data:`DENSER` -> the demo's L3 by a model of :data:`MODELS`, on a mesh of ``size`` mm."""
        itself = demo(model, {}, size)
        return {
            way: cls(*np.array([itself, *(demo(model, keys, size) for keys in denser)]).T)
            for way, denser in DENSER.items()
        }


def demo(model: str, keys: dict[str, float], size: float) -> tuple[float, float, float]:
    """Density inside in mg/cm3, stiffness in kN/mm and strength in kN of the demo's L3 with keys of [bone]."""
    tables = MODELS[model]
    content = {
        "patient": {"demo": True},
        "mesh": {"size_mm": size},
        "prescribed_cement": SPECK,
        **tables,
        "bone": {**tables["bone"], **keys},
    }
    case = build_case(content)
    vertebra = read_patient(case)
    depth = ndimage.distance_transform_edt(vertebra.body, sampling=vertebra.ct.spacing)
    inside = Laws.of_case(case).bone.calibration.density(np.median(vertebra.ct.values[depth >= INSIDE]))
    results = run_case(case).results
    if results.stiffness is None or results.strength is None or results.strength.intact.nonlinear_n is None:
        raise ValueError(f"no load curve to failure of {content}")
    stiffness, strength = results.stiffness.intact_n_per_mm, results.strength.intact.nonlinear_n
    return to_clinical(float(inside), "mg/cm3"), 1e-3 * stiffness, 1e-3 * strength


def read_table(path: Path) -> pd.DataFrame:
    """The rows of the published table that count."""
    rows = pd.read_csv(path)
    return rows[(rows["Contrast Enhancement"] == "ce-no") & ~rows["Foreign Material"].astype(bool)]


def published_stiffness(rows: pd.DataFrame) -> dict[str, PowerLaw]:
    """Level -> stiffness in kN/mm over the density."""
    found = {}
    for level in LEVELS:
        force = rows[f"R.Force 0.2% {level} [kN]"]
        known = force > LEAST_FORCE
        found[level] = PowerLaw.fitted(rows[DENSITY][known].to_numpy(), force[known].to_numpy() / SHORTENING)
    return found


def published_strength(rows: pd.DataFrame) -> PowerLaw:
    """Strength of L1 in kN over the density."""
    known = rows[(rows["target_vertebra"] == STRENGTH_LEVEL) & (rows[STRENGTH] > LEAST_FORCE)]
    return PowerLaw.fitted(known[DENSITY].to_numpy(), known[STRENGTH].to_numpy())


def main(table: Path, figure: Path | None, size: float) -> None:
    """Print what is published and what the demo has, and draw both."""
    rows = read_table(table)
    stiffness, strength = published_stiffness(rows), published_strength(rows)
    print("| vertebrae | quantity | number | exponent | at 100 mg/cm³ | scatter | R² |\n|---|---|---|---|---|---|---|")
    for level, law in stiffness.items():
        print(law.row(level, "stiffness, kN/mm"))
    print(strength.row(STRENGTH_LEVEL, "strength, kN"))
    demos = {f"{model}, {way}": bodies for model in MODELS for way, bodies in Bodies.demo(model, size).items()}
    for name, demo in demos.items():
        print(PowerLaw.fitted(demo.density, demo.stiffness).row(f"demo's L3, {name}", "stiffness, kN/mm"))
        print(PowerLaw.fitted(demo.density, demo.strength).row(f"demo's L3, {name}", "strength, kN"))
    for name, demo in demos.items():
        columns = zip(demo.density, demo.stiffness, demo.strength, strict=True)
        print(f"{name}:", ", ".join(f"{x:.0f} mg/cm³ {y:.1f} kN/mm {z:.2f} kN" for x, y, z in columns))
    if figure is not None:
        draw(stiffness["L3"], strength, demos, figure)


def draw(stiffness: PowerLaw, strength: PowerLaw, demos: dict[str, Bodies], path: Path) -> None:
    """Draw the published relations with their scatter, and the demo beside them."""
    density = np.geomspace(30.0, 220.0, 50)
    figure, panels = plt.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained")
    named = (("L3", "stiffness", "axial stiffness [kN/mm]"), (STRENGTH_LEVEL, "strength", "strength [kN]"))
    for axes, law, (level, quantity, label) in zip(panels, (stiffness, strength), named, strict=True):
        axes.plot(density, law.at(density), color="black", label=f"{law.number} {level} of the benchmark")
        band = np.exp(law.scatter)
        axes.fill_between(density, law.at(density) / band, law.at(density) * band, color="black", alpha=0.15, lw=0)
        for (name, demo), mark in zip(demos.items(), ("o-", "o--", "s-", "s--"), strict=True):
            axes.plot(demo.density, getattr(demo, quantity), mark, label=f"demo's L3, {name}")
        axes.set(xlabel="bone mineral density inside [mg/cm³]", ylabel=label, xscale="log", yscale="log")
    panels[0].legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", dest="figure", type=Path)
    parser.add_argument("--size", type=float, default=3.0, help="mesh in mm")
    given = parser.parse_args()
    main(given.table, given.figure, given.size)
