"""What links of the docs to the code are checked with: a name is found where it is defined, and nowhere else."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def definitions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("definitions", ROOT / "docs" / "_site" / "definitions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "file", "line"),
    [
        ("fem.errors.ConvergenceError", "fem/errors.py", "class ConvergenceError("),
        (
            "experiments.results.finished_case.FinishedCase.read",
            "experiments/results/finished_case.py",
            "    def read(",
        ),
        ("materials.leak_path.BasivertebralVeins.path", "materials/leak_path.py", "    def path("),  # of its base
        ("vertebroplasty.Case", "experiments/case/schema.py", "class Case("),  # which it imports
        ("fem.pressure", "fem/pressure/__init__.py", '"""'),
    ],
)
def test_a_name_is_found_where_it_is_defined(definitions: ModuleType, name: str, file: str, line: str) -> None:
    found = definitions.find(name)
    assert found is not None
    assert str(found[0]) == file
    assert (ROOT / file).read_text(encoding="utf-8").splitlines()[found[1] - 1].startswith(line)


@pytest.mark.parametrize(
    "name",
    [
        "fem.eror",
        "fem.errors.Error",
        "experiments.sweep.engine.rate",
        "fem.errors.ConvergenceError.none",
        "numpy.array",
    ],
)
def test_what_is_not_there_is_not_found(definitions: ModuleType, name: str) -> None:
    assert definitions.find(name) is None


def test_a_name_means_what_its_module_says(definitions: ModuleType) -> None:
    assert definitions.full_name("Case", "experiments.run.pipeline") == "experiments.case.schema.Case"
    assert definitions.full_name("np.float64", "experiments.run.pipeline") == "numpy.float64"
    assert definitions.full_name("int", "experiments.run.pipeline") == "builtins.int"
    assert definitions.full_name("Nonsense", "experiments.run.pipeline") is None
