"""docs/analysis.md stays true: its sweep file is valid, its pictures are there, its rules are those of the code."""

import re
import tomllib
from pathlib import Path

from experiments.analysis.factor import KINDS
from experiments.case.sections import base
from experiments.sweep.cases import plan_cases
from experiments.sweep.sweep_file import SweepFile

DOCS = Path(base.__file__).parents[3] / "docs"
PAGE = (DOCS / "analysis.md").read_text(encoding="utf-8")


def test_the_example_is_a_valid_sweep() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    plan = plan_cases(SweepFile.model_validate(tomllib.loads(example)), "example", DOCS)
    assert f"Random sample: {len(plan.cases)} of {len(plan.cases)} cases finished" in PAGE


def test_its_pictures_are_there() -> None:
    pictures = re.findall(r"\]\((images/[^)]+)\)", PAGE)
    assert pictures
    assert all((DOCS / picture).is_file() for picture in pictures)


def test_whose_inputs_are_is_said() -> None:
    inside = ("cannulas", "syringe")  # laws without a table of the case file
    for tables in KINDS.values():
        assert all(f"`{table}`" in PAGE for table in tables if table not in inside)
