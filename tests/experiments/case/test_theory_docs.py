"""docs/theory stays true: links and linked functions exist, defaults and estimates are those of the code."""

import importlib
import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from experiments.case.default_values import page
from fem.measures.severity import LeakGeometry
from materials.bone import BoneModel
from materials.cannula import Cannula
from materials.cement import CEMENTS, arrhenius, bundle_viscosity, pore_shear_rate
from materials.leak_path import LeakPath

ROOT = Path(__file__).parents[3]
THEORY = sorted((ROOT / "docs" / "theory").glob("*.md"))
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]

LINK = re.compile(r"\]\(([^()\s]+)\)")
FUNCTION = re.compile(r"\[`([\w.]+)`\]\(([^()\s]+\.py)\)")
FENCE = re.compile(r"```.*?```", flags=re.DOTALL)
EQUATIONS = re.compile(r"```math.*?```(?:\n```math.*?```)*", flags=re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", THEORY, ids=name)
def test_linked_functions_exist_in_their_files(path: Path) -> None:
    for qualified, file in FUNCTION.findall(path.read_text(encoding="utf-8")):
        target = (path.parent / file).resolve()
        module = ".".join(target.relative_to(ROOT).with_suffix("").parts)
        assert qualified == module or qualified.startswith(f"{module}."), f"{qualified} is not in {file}"
        item = importlib.import_module(module)
        for part in qualified.removeprefix(module).split(".")[1:]:
            assert hasattr(item, part), qualified
            item = getattr(item, part)


@pytest.mark.parametrize("path", THEORY, ids=name)
def test_every_equation_stands_beside_the_function_that_computes_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for equation in EQUATIONS.finditer(text):
        before, after = text[: equation.start()].rstrip(), text[equation.end() :].lstrip()
        assert FUNCTION.search(before.rpartition("\n\n")[2] + after.partition("\n\n")[0]), equation[0]


def test_every_page_of_the_theory_is_in_its_index() -> None:
    index = ROOT / "docs" / "theory" / "README.md"
    assert {path.name for path in THEORY} - {index.name} <= set(LINK.findall(index.read_text(encoding="utf-8")))


def test_the_defaults_are_those_of_the_code() -> None:
    written = (ROOT / "docs" / "theory" / "defaults.md").read_text(encoding="utf-8")
    assert written == page(), "run 'python -m experiments.case.default_values > docs/theory/defaults.md'"


def quantities() -> Iterator[tuple[str, str, str]]:
    """Class, field and source of every physical value that a law declares."""
    for path in sorted((ROOT / "materials").glob("*.py")):
        module = importlib.import_module(f"materials.{path.stem}")
        for law in [*vars(module).values(), LeakGeometry]:
            if isinstance(law, type) and is_dataclass(law) and law is not LeakPath:  # which laws build
                for item in fields(law):
                    if "unit" in item.metadata:
                        yield law.__name__, item.name, item.metadata["source"]


def test_the_defaults_hold_every_quantity_of_every_law() -> None:
    written = page().splitlines()
    missing = [
        f"{law}.{field}"
        for law, field, source in quantities()
        if not any(f".{field}` |" in row and source in row for row in written)
    ]
    assert not missing


def test_the_limits_are_estimated_with_the_defaults() -> None:
    """The figures in the head of limits.md, and those that follow from them, with the laws as they are."""
    text = (ROOT / "docs" / "theory" / "limits.md").read_text(encoding="utf-8")
    bone, cement = BoneModel(), CEMENTS["medium"]
    density = bone.calibration.density(np.array(53.0))
    porosity, modulus = float(bone.porosity.porosity(density)), float(bone.modulus.modulus(density))
    axial, across = (float(k(np.array(porosity))) for k in (bone.permeability.axial, bone.permeability.transverse))
    permeability = (axial * across**2) ** (1.0 / 3.0)
    speeds = [50.0 / (4.0 * math.pi * radius**2) for radius in (0.5 * Cannula().bore, 10.0)]
    rates = [pore_shear_rate(speed, 1.0, permeability, 1.0, porosity) for speed in speeds]
    at_opening, at_front = (1e6 * float(bundle_viscosity(cement, rate, 300.0)) for rate in rates)
    for figure in (
        f"= {1e3 * float(density):.1f} mg/cm³",
        f"= {porosity:.3f}",
        f"= {1e-6 * permeability:.1e} m²".replace("e-0", "e-"),
        f"= {math.sqrt(8.0 * permeability / porosity):.2f} mm",
        f"= {modulus:.0f} MPa",
        f"is {speeds[0]:.1f} mm/s at the opening",
        f"{speeds[1]:.3f} mm/s at",
        f"{at_opening:.0f} Pa·s at the opening, {at_front:.0f} Pa·s at 10 mm",
        f"{1e6 * float(cement.viscosity(0.0, 300.0)):.0f} Pa·s at rest",
        f"low-viscosity cement, {1e6 * float(CEMENTS['low'].viscosity(0.0, 300.0)):.0f} Pa·s at rest",
        f"= {arrhenius(47.0, 37.0, cement.activation_energy):.2f} |",
        f"({arrhenius(37.0, 23.0, cement.activation_energy):.2f} − 1)",
    ):
        assert figure in " ".join(text.split()), figure
