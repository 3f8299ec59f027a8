"""Which way temperatures go on the real L3: volume, leaks, blood, age, lesions, kinetics, voxels and the clock.

Run it as ``python -m benchmarks.heat_directions``; ``-o docs/heat-directions.md`` writes its tables there, and
``--quick`` takes the first table. Meshes have edges of 3 mm, and nothing is fitted.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from benchmarks.page import options, publish, table
from experiments.case.schema import build_case, demo_case
from experiments.results.parts.results import Results
from experiments.run.pipeline import run_case

MESH_MM = 3.0
NEVER_ML = 15.0
"""ml of a leak that ends no injection."""

METASTASIS = {"kind": "osteolytic", "left": 0.1, "depth": 0.35, "height": 0.5, "semi_axes_mm": [9.0, 8.0, 8.0]}
"""A lesion around the demo's tip."""

HOLE = {
    "needles": [{"side": "left", "gauge": 11, "left": 0.3, "depth": 0.8, "height": 0.5}],
    "defects": [{"wall": "posterior_wall", "left": 0.3, "height": 0.5, "diameter_mm": 8.0}],
}
"""A tip 7 mm in front of a hole in the posterior wall."""

NO_VEINS = {"veins": {"network": "none"}}

BATH = {"thermal.marrow_perfusion": 0.0, "thermal.epidural_perfusion": 0.1, "thermal.neural_perfusion": 0.1}
BATH |= {"thermal.soft_perfusion": 0.1}
"""No blood in the bone, and outside of it saline that is stirred: as if 0.1 1/s of blood passed through it."""

COLUMNS = (
    "variant",
    "cement in bone, in the canal [ml]",
    "peak: cement / interface / posterior wall [°C]",
    "peak: canal [°C]",
    "peak: endplates, discs [°C]",
    "above 50 °C: centre / canal [s]",
    "killed: bone / neural and epidural [ml]",
    "lesion: replaced / killed of the rest",
    "half converted after mixing [min]",
)


def variant(*changes: Mapping[str, Any], defect: bool = False) -> Results:
    """The results of the demo with some tables changed."""
    content = copy.deepcopy(demo_case(defect, MESH_MM).model_dump(mode="json", exclude_unset=True))
    content |= {"mechanics": {"enabled": False}, "output": {"pictures": False}}
    content["heat"] = {"enabled": True}
    content["injection"]["leak_limit_ml"] = NEVER_ML
    for change in changes:
        for name, values in change.items():
            if isinstance(values, Mapping):
                content[name] = {**content.get(name, {}), **values}
            else:
                content[name] = values
    return run_case(build_case(content)).results


def row(name: str, results: Results) -> list[str]:
    """The line of one variant."""
    heat, injection = results.heat, results.injection
    if heat is None or injection is None:
        raise ValueError("a variant injects cement and follows its heat")
    canal = sum(injection.leaks[site].volume_ml for site in ("canal_posterior_wall", "basivertebral_foramen"))

    def peaks(*places: str) -> str:
        values = [dict(heat.peak_c)[place] for place in places]  # type: ignore[index]
        return " / ".join("–" if value is None else f"{value:.1f}" for value in values)

    above = [heat.seconds_above_50c[place] for place in ("centre", "canal")]
    killed = heat.necrosis_ml
    lesion = "–"
    if heat.lesion_killed is not None and heat.lesion_replaced is not None:
        lesion = f"{100.0 * heat.lesion_replaced:.0f} % / {100.0 * heat.lesion_killed:.0f} %"
    return [
        name,
        f"{results.fill.cement_ml:.2f}, {canal:.2f}",
        peaks("cement", "interface", "posterior_wall"),
        peaks("canal"),
        peaks("endplate_superior", "endplate_inferior", "disc_superior", "disc_inferior"),
        " / ".join("–" if value is None else f"{value:.0f}" for value in above),
        f"{killed['bone']:.2f} / {killed['neural'] + killed['epidural']:.3f}",
        lesion,
        "–" if heat.setting_min is None else f"{heat.setting_min:.1f}",
    ]


def volume(ml: float) -> dict[str, Any]:
    """Another volume of cement."""
    return {"injection": {"volume_ml": ml}}


def laws(**values: float) -> dict[str, Any]:
    """Other values of laws."""
    return {"laws": {name.replace("__", "."): value for name, value in values.items()}}


def tables(quick: bool) -> list[tuple[str, list[list[str]]]]:
    """Title and rows of each table."""
    volumes = [row(f"{ml:g} ml", variant(volume(ml))) for ml in (1.0, 2.0, 4.0, 6.0, 8.0)]
    found = [("Volume", volumes)]
    if quick:
        return found
    found.append(
        (
            "Leak into the canal",
            [
                row("walls whole, no leak", variant()),
                row("cleft from the canal to the tip, 4 ml", variant(defect=True)),
                *(
                    row(f"hole of 8 mm behind the tip, {ml:g} ml", variant(volume(ml), HOLE, NO_VEINS))
                    for ml in (3.0, 5.0, 7.0)
                ),
            ],
        )
    )
    blood = (0.0, 0.001, 0.003, 0.005)
    found.append(
        (
            "Blood in the marrow",
            [row(f"{value:g} 1/s", variant(laws(thermal__marrow_perfusion=value))) for value in blood],
        )
    )
    minutes = (3.5, 5.0, 8.0, 10.0)
    found.append(
        (
            "Minutes from mixing to injection",
            [row(f"{value:g} min", variant({"cement": {"injected_after_mixing_min": value}})) for value in minutes],
        )
    )
    rooms = (15.0, 23.0, 28.0)
    found.append(
        ("Room", [row(f"{value:g} °C", variant({"cement": {"room_temperature_c": value}})) for value in rooms])
    )
    found.append(
        (
            "A lytic lesion around the tip",
            [row(f"{ml:g} ml", variant(volume(ml), {"lesions": [METASTASIS]})) for ml in (1.0, 2.0, 4.0, 6.0)],
        )
    )
    sets = ("borzacchiello_1", "borzacchiello_2", "li")
    found.append(("Kinetics", [row(name, variant({"heat": {"kinetics": name}})) for name in sets]))
    heats = (1.0e5, 1.4e5, 1.7e5)
    found.append(
        (
            "Heat of reaction (1.1e8 to 1.9e8 J/m3)",
            [row(f"{value:g} J/kg", variant(laws(curing__reaction_heat=value))) for value in heats],
        )
    )
    found.append(
        (
            "Bodies in a bath of 37 °C",
            [row(f"{ml:g} ml", variant(volume(ml), {"laws": BATH})) for ml in (4.0, 6.0, 10.0)],
        )
    )
    voxels = (3.0, 2.0, 1.5, 1.0)
    found.append(("Voxels", [row(f"{value:g} mm", variant({"heat": {"voxel_mm": value}})) for value in voxels]))
    margins = (6.0, 12.0, 24.0)
    found.append(("Margin", [row(f"{value:g} mm", variant({"heat": {"margin_mm": value}})) for value in margins]))
    return found


def clock() -> str:
    """What the cement's own temperature changes in an injection."""
    rows = []
    for name, changes in (
        ("follows the temperatures", {}),
        ("body temperature at once, as without heat", {"heat": {"sets_clock": False}}),
    ):
        for minutes in (5.0, 8.0):
            results = variant(changes, {"cement": {"injected_after_mixing_min": minutes}}, defect=True)
            injection = results.injection
            if injection is None:
                raise ValueError("a variant injects cement")
            rows.append(
                [
                    f"{name}, injected after {minutes:g} min",
                    f"{injection.injected_ml:.2f}",
                    f"{injection.leaked_ml:.3f}",
                    f"{injection.peak_tip_pressure_kpa:.1f}",
                    f"{injection.peak_syringe_pressure_kpa:.0f}",
                    f"{results.fill.posterior_distance_mm:.1f}",
                ]
            )
    head = ["clock", "injected [ml]", "leaked [ml]", "tip [kPa]", "syringe [kPa]", "front to posterior wall [mm]"]
    return table(head, rows)


def main() -> None:
    """Run, and publish."""
    asked = options(__doc__, quick="the first table").parse_args()
    paragraphs = []
    for title, rows in tables(asked.quick):
        paragraphs += [f"### {title}\n", table(list(COLUMNS), rows)]
    if not asked.quick:
        paragraphs += ["### The cement's clock, demo with a cleft\n", clock()]
    publish("heat_directions", asked, "Which way temperatures go", paragraphs)


if __name__ == "__main__":
    main()
