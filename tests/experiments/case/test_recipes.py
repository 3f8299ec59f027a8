"""The recipes of CONTRIBUTING.md, followed on a copy of the sources: one file changes, and all that must know it do."""

import json
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshes.tetmesh import TetMesh

ROOT = Path(__file__).parents[3]
RECIPES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLE = """age_min,shear_rate_per_s,viscosity_pa_s
5.0,0.1,310
5.0,10,35
8.0,0.1,1650
8.0,10,190
"""

KEY = """
import json
from pathlib import Path
from types import SimpleNamespace
from experiments.case.keys import key_values

from experiments.case import case_file_page, default_values
from experiments.case.laws import Laws
from experiments.case.schema import build_case, defaults_used, json_schema
from experiments.report.request import case_tables
from experiments.results.parts.manifest import ValueRecord
from experiments.sweep.paths import CasePath
from meshes.errors import InputError

def case(**sections):
    return build_case({"patient": {"demo": True}, **sections})

def complaint(**sections):
    try:
        Laws.of_case(case(**sections))
    except InputError as error:
        return str(error)

given, path = case(cement={"setting_time_min": 20.0}), CasePath.parse("cement.setting_time_min")
defaults = {name: ValueRecord(**entry) for name, entry in defaults_used(given).items()}
written = [item.place for item in key_values(given) if item.given]
manifest = SimpleNamespace(case=given.model_dump(mode="json"), defaults=defaults, written=written)
tables = case_tables(SimpleNamespace(manifest=manifest))
print(json.dumps({
    "law": Laws.of_case(given).cement.setting_time,
    "manifest": Laws.of_case(given).describe()["cement.setting_time"],
    "left out": Laws.of_case(case()).cement.setting_time,
    "schema": json_schema()["$defs"]["Cement"]["properties"]["setting_time_min"],
    "out of range": complaint(cement={"setting_time_min": 100.0}),
    "misspelt": complaint(cement={"setting_time_mim": 20.0}),
    "in [laws] too": complaint(cement={"setting_time_min": 20.0}, laws={"cement.setting_time": 1200.0}),
    "no such law": complaint(cement={"setting_time_min": 20.0, "rheometer": "cement.csv"}),
    "page": case_file_page.page().splitlines(),
    "defaults": default_values.page().splitlines(),
    "sweep": [path.unit(given), path.value(given), path.value(case())],
    "report": [row for table in tables if table.title == "[cement]" for row in table.rows],
}))
"""

SITE = """
import json, pickle
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np

from experiments.case import case_file_page
from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.case.sections import Site
from experiments.model.openings import case_openings, case_walls
from experiments.pictures.style import CLASS_COLORS
from fem.measures.severity import YEOM_CLASSES, LeakGeometry, leak_severity
from fem.porous import PorousMedium
from meshes.leak_sites import LEAK_CLASSES, LEAK_SITES, SITES

name = "segmental_veins_anterior"
mesh = pickle.loads(Path("mesh.pickle").read_bytes())
case = build_case({
    "patient": {"demo": True},
    "injection": {"leak_limit_by_site_ml": {name: 0.1}},
    "outside": {"veins_kpa": 2.0},
    "veins": {"network": "none", "segmental_number_per_side": 2},
})
laws = Laws.of_case(case)
even = np.full(len(mesh.cells), 0.02)
tissues = SimpleNamespace(medium=PorousMedium.transversely_isotropic(0.9 + 0.0 * even, even, even))
walls = case_walls(case, laws, mesh, case_openings(case, laws, None, mesh, (), tissues))
anterior = [opening for opening in walls.openings if opening.site == name]
print(json.dumps({
    "sites": SITES,
    "limit": case.injection.leak_limit(name),
    "names": get_args(Site),
    "classes": LEAK_CLASSES["vessel"],
    "yeom": YEOM_CLASSES["S"],
    "size": leak_severity(100.0, name, 12.0, 27.0, LeakGeometry(), 20.0).size,
    "colour": CLASS_COLORS[LEAK_SITES[name].leak_class],
    "page": f"`{name}`" in case_file_page.page(),
    "openings": len(anterior),
    "on its wall": all(set(opening.facets) <= set(mesh.facet_regions["anterior_wall"]) for opening in anterior),
    "conductance": walls.site_conductance()[name],
    "outside": [float(walls.outside_pressure[opening.facets[0]]) for opening in anterior],
}))
"""

RESULT = """
import json
from experiments.compare.lines import PARTS
from experiments.results.parts.page import page
from experiments.results.parts.quantities import quantity_of
from experiments.results.parts.results import Results
from experiments.results.builders import fill_results
from experiments.results.wording import rows
from experiments.sweep.table import unit_of_column
from fem.measures.distribution import Distribution
from fem.measures.fill import Contact, FillMeasures
from types import SimpleNamespace

contacts = {name: Contact(0.0, 0.0) for name in ("superior_endplate", "inferior_endplate")}
measures = FillMeasures(
    body_volume=40e3, cement_volume=2e3, occupied_volume=3e3,
    cement_by_side={"left": 2e3, "right": 0.0}, occupied_by_side={"left": 3e3, "right": 0.0},
    cement_by_third={"anterior": 2e3, "middle": 0.0, "posterior": 0.0},
    occupied_by_third={"anterior": 3e3, "middle": 0.0, "posterior": 0.0}, puncture_side="left",
    endplate_contact=contacts, posterior_distance=9.0, equivalent_radius=8.0, sphericity=0.9, largest_diameter=17.0,
    centroid=(1.0, 2.0, 3.0), distribution=Distribution((2e3,), 100.0, 200.0, "confluent"),
)
fill = fill_results(measures)
missing = "veins injection prescribed_cement stiffness load strength scan heights volumetry"
absent = dict.fromkeys(missing.split())
none = SimpleNamespace(fill=fill, **absent)
lines = {key: line for lines_of in PARTS for key, line in lines_of(none).items()}
print(json.dumps({
    "file": fill.plain()["body_ml"],
    "schema": Results.model_json_schema()["$defs"]["FillResults"]["properties"]["body_ml"],
    "page": page(),
    "label": quantity_of("fill.body_ml").label,
    "sweep": unit_of_column("fill.body_ml"),
    "report": rows(fill),
    "comparison": [lines["body_ml"].name, lines["body_ml"].unit, lines["body_ml"].value],
}))
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with a copy of the four packages and of what is compiled of them, but for files half written."""
    for package in ("experiments", "fem", "materials", "meshes"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("*.pyc.*", "*.nb?*"))
    return tmp_path


def code_of(heading: str) -> str:
    """The first Python code of a recipe."""
    return codes_of(heading)[0]


def codes_of(heading: str) -> list[str]:
    """All Python code of a recipe, piece by piece."""
    (recipe,) = re.findall(rf"^## {heading}$(.*?)^## ", RECIPES, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"```(?:python|text)\n(.*?)```", recipe, flags=re.DOTALL)


def insert(path: Path, code: str, after: str, before: str) -> None:
    """Put code before the first of the texts ``before`` that comes after ``after``."""
    text = path.read_text(encoding="utf-8")
    place = text.index(before, text.index(after))
    path.write_text(text[:place] + code + text[place:], encoding="utf-8")


def answers(folder: Path, program: str) -> dict[str, Any]:
    """What a program prints that imports the packages of a folder."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_key_for_a_constant_that_a_law_has_is_one_file(sources: Path) -> None:
    (sources / "cement.csv").write_text(TABLE)
    section = sources / "experiments" / "case" / "sections" / "fluids.py"
    insert(section, code_of("Adding a key to the case file"), "class Cement(Section):", "\n    @model_validator")
    told = answers(sources, KEY)
    assert told["law"] == told["manifest"]["value"] == 1200.0
    assert (told["manifest"]["source"], told["manifest"]["tag"]) == ("case file", "user")
    assert told["left out"] == 960.0
    assert (told["schema"]["sets"], told["schema"]["unit"]) == (["cement.setting_time"], "min")
    assert told["out of range"] == "case: cement.setting_time_min = 100.0 is not allowed; choose 5 to 60 min"
    assert told["misspelt"].endswith("did you mean 'setting_time_min'?")
    assert "what cement.setting_time_min sets; give the value there alone" in told["in [laws] too"]
    assert "cement.setting_time_min sets cement.setting_time, which none of the laws" in told["no such law"]
    meaning = "age at which the cement has set"
    assert f"| `setting_time_min` | {meaning} [min] | 5 to 60 min | `cement.setting_time` |  |" in told["page"]
    (row,) = (row for row in told["defaults"] if row.startswith("| `cement.setting_time` | 960 | s |"))
    assert row.endswith("| `cement.setting_time_min` |")
    assert told["sweep"] == ["min", 20.0, 16.0]
    assert ["setting_time_min", "20", "min", meaning, "case file"] in told["report"]


def test_segmental_veins_of_another_wall_are_one_row(sources: Path, demo_mesh: Callable[..., TetMesh]) -> None:
    (sources / "mesh.pickle").write_bytes(pickle.dumps(demo_mesh(3.0)))
    row = f"        {code_of('Adding a leak site').strip()},\n"
    insert(sources / "meshes" / "leak_sites.py", row, "LEAK_SITES:", "    )\n}")
    told, name = answers(sources, SITE), "segmental_veins_anterior"
    assert told["sites"] == told["names"]
    assert told["sites"][-2:] == ["anterior_veins", name]
    assert told["limit"] == 0.1
    assert name in told["classes"]
    assert name in told["yeom"]
    assert told["size"] == pytest.approx(100.0 / 3.14159265, rel=1e-8)  # mm of a cast of 2 mm
    assert told["colour"]
    assert told["page"]
    assert told["openings"] == 2
    assert told["on its wall"]
    assert told["conductance"] > 0.0
    assert told["outside"] == [pytest.approx(2e-3)] * 2


def test_a_number_of_the_results_is_two_files(sources: Path) -> None:
    entry, argument = codes_of("Adding a number to the results")
    results = sources / "experiments" / "results"
    insert(results / "parts" / "fill.py", entry, "class FillResults(Part):", "    occupied_fraction: ")
    insert(results / "builders.py", argument, "def fill_results(", "        occupied_fraction=")
    told = answers(sources, RESULT)
    assert told["file"] == 40.0
    assert (told["schema"]["unit"], told["schema"]["title"]) == ("ml", "volume of the body")
    meaning = "Volume of the vertebral body."
    assert f"| `body_ml` | volume of the body | ml | {meaning} |" in told["page"]
    assert (told["label"], told["sweep"]) == ("volume of the body", "ml")
    assert ["volume of the body", "40.00 ml"] in told["report"]
    assert told["comparison"] == ["volume of the body", "ml", 40.0]
