"""Options for PETSc in a run: what can change results stands in the manifest, what prints changes nothing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dolfinx_solver  # noqa: F401  (must be loaded before MPI, PETSc and DOLFINx)
from petsc4py import PETSc

import pytest

from experiments.case.identity import case_identity
from experiments.run.output import CaseOutcome
from fem import solver_options
from fem.errors import ConvergenceError
from vertebroplasty import build_case, run

CASE = """
[patient]
demo = true

[mesh]
size_mm = 4.0
needle_size_mm = 1.5

[injection]
volume_ml = 0.5

[veins]
network = "none"

[mechanics]
degree = 2

[output]
pictures = false
"""


@pytest.fixture(autouse=True)
def clean_table() -> Iterator[None]:
    """What a test gives PETSc ends with it."""
    assert solver_options.given() == {}
    yield
    for name in solver_options.given():
        PETSc.Options().delValue(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("options")
    (folder / "case.toml").write_text(CASE)
    return folder


@pytest.fixture(scope="module")
def case(folder: Path) -> Any:
    from vertebroplasty import read_case

    return read_case(folder / "case.toml")


@pytest.fixture(scope="module")
def usual(case: Any) -> CaseOutcome:
    return run(case)


@pytest.fixture(scope="module")
def watched(folder: Path) -> subprocess.CompletedProcess[str]:
    """The same case from the command line, with all that prints and an option that nothing reads."""
    printing = "-vp_pressure_ksp_converged_reason -vp_elasticity_ksp_monitor :monitor.txt -log_view :log.txt"
    root = str(Path(__file__).parents[3])
    command = ["run", "case.toml", "-v", "-o", "out", "--petsc", f"{printing} -vp_presure_x 1"]
    return subprocess.run(
        [sys.executable, "-m", "vertebroplasty", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root, "COLUMNS": "200", "PETSC_OPTIONS": "-vp_elasticity_ksp_view :view.txt"},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def manifest(watched: subprocess.CompletedProcess[str], folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "manifest.json").read_text())


def steps_of(outcome: CaseOutcome) -> int:
    return len(outcome.results.injection.course.time_s) - 1


def test_what_only_prints_prints_and_changes_no_result(
    watched: subprocess.CompletedProcess[str], usual: CaseOutcome, folder: Path
) -> None:
    assert watched.stdout.count("Linear vp_pressure_ solve converged") >= steps_of(usual)
    assert "Residual norms for vp_elasticity_ solve" in (folder / "monitor.txt").read_text()
    assert "KSP Object: (vp_elasticity_nodes_)" in (folder / "view.txt").read_text()
    stored = json.loads((folder / "out" / "results.json").read_text())
    # BLAS rounds by where in memory an array lies
    course, usual_course = stored["injection"]["course"], usual.results.injection.course
    assert course["tip_pressure_kpa"] == pytest.approx(usual_course.tip_pressure_kpa, rel=1e-10)
    assert stored["fill"]["fraction"] == pytest.approx(usual.results.fill.fraction, rel=1e-10)
    for name in ("intact_n_per_mm", "augmented_n_per_mm"):
        assert stored["stiffness"][name] == pytest.approx(getattr(usual.results.stiffness, name), rel=1e-10)


def test_an_option_that_nothing_reads_is_told(
    watched: subprocess.CompletedProcess[str], manifest: dict[str, Any]
) -> None:
    (warning,) = (warning for warning in manifest["warnings"] if "solver option" in warning)
    assert warning.startswith("the solver option -vp_presure_x was not used")
    assert "the solver option -vp_presure_x was not used" in " ".join(watched.stdout.split())
    assert manifest["solver_options"] == {"vp_presure_x": "1"}
    assert not any("options of the user" in warning for warning in manifest["warnings"])


def test_the_log_has_the_stages_and_events_of_the_docs(
    watched: subprocess.CompletedProcess[str], usual: CaseOutcome, folder: Path
) -> None:
    log = (folder / "log.txt").read_text()
    assert re.findall(r"^ \d: +(\w+(?: Stage)?): ", log, re.MULTILINE) == [
        "Main Stage",
        "Preparation",
        "Injection",
        "Mechanics",
    ]
    counts = {name: int(count) for name, count in re.findall(r"^(vp\w+) +(\d+) 1\.0 ", log, re.MULTILINE)}
    steps = steps_of(usual)
    assert counts["vpPressureSolve"] >= counts["vpPressureSetUp"] > steps
    assert counts["vpPressureMatrix"] == counts["vpPressureSetUp"] == counts["vpPocketsFind"]
    assert counts["vpTransport"] >= steps
    assert counts["vpElasticSolve"] == 2
    assert counts["vpElasticSetUp"] > counts["vpStress"] == 2  # a set-up for each level
    assert counts["vpElasticMatrix"] == 4
    assert {"vpNodesCycle", "vpPressureFlux", "vpWallLaw", "vpTracers"} <= set(counts)
    page = (Path(__file__).parents[3] / "docs" / "solver-options.md").read_text()
    assert set(counts) <= set(re.findall(r"`(vp[A-Z]\w+)`", page))


def test_verbose_tells_of_every_step(watched: subprocess.CompletedProcess[str], usual: CaseOutcome) -> None:
    steps = re.findall(r"^\d\d:\d\d:\d\d step (\d+) \(\d\.\d\d s\): .* mm3 in, .* Picard", watched.stderr, re.MULTILINE)
    assert list(map(int, steps)) == list(range(1, steps_of(usual) + 1))
    assert watched.stderr.count("elasticity: solved in") == 2
    assert "Picard iteration 1:" not in watched.stderr


def test_a_tolerance_stands_in_the_manifest_and_makes_another_case(case: Any, usual: CaseOutcome) -> None:
    solver_options.add("-vp_elasticity_ksp_rtol 1e-8 -vp_elasticity_ksp_converged_rate")
    loose = run(case)
    assert loose.manifest.solver_options == {"vp_elasticity_ksp_rtol": "1e-8"}
    warning = "solved with options of the user, not with the defaults: -vp_elasticity_ksp_rtol 1e-8"
    assert warning in loose.manifest.warnings
    assert usual.manifest.solver_options == {}
    assert loose.manifest.identity.case != usual.manifest.identity.case
    iterations = [sum(outcome.manifest.solvers.stiffness.intact.iterations) for outcome in (loose, usual)]
    assert iterations[0] < iterations[1]
    assert steps_of(loose) == steps_of(usual)


def test_a_tolerance_that_breaks_the_balance_is_named(case: Any) -> None:
    solver_options.add("-vp_pressure_ksp_rtol 1e-3 -vp_pressure_ksp_view ascii::ascii_info")
    named = r"balance of a cell is off by .* given: -vp_pressure_ksp_rtol 1e-3; try without them\.$"
    with pytest.raises(ConvergenceError, match=named):
        run(case)


def test_only_options_that_can_change_results_change_the_identity() -> None:
    case = build_case({"patient": {"demo": True}})
    plain = case_identity(case)
    assert plain.solver_options == {}
    solver_options.add("-vp_pressure_ksp_monitor -ksp_rtol 1e-3")
    assert case_identity(case) == plain
    solver_options.add("-vp_pressure_ksp_rtol 1e-12")
    tighter = case_identity(case)
    assert tighter.case != plain.case
    assert tighter.content == plain.content
    PETSc.Options().delValue("vp_pressure_ksp_rtol")
    PETSc.Options().delValue("ksp_rtol")
    assert case_identity(case) == plain


BEFORE_PETSC = """
import sys
from experiments.case.identity import case_identity
from experiments.case.schema import build_case

case = build_case({"patient": {"demo": True}})
before = case_identity(case)
assert "petsc4py" not in sys.modules
from experiments.run import pipeline
assert case_identity(case) == before
assert before.solver_options == {"vp_pressure_ksp_atol": "-1e-9", "vp_pressure_ksp_rtol": "1e-12"}, before
"""


def test_a_sweep_whose_parent_starts_no_petsc_knows_the_identity_of_its_cases() -> None:
    options = "-vp_pressure_ksp_view -vp_pressure_KSP_rtol 1e-12 -vp_pressure_ksp_atol -1e-9"
    environment = {**os.environ, "PETSC_OPTIONS": options}
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", BEFORE_PETSC], cwd=root, env=environment, check=True, timeout=120)


IN_A_FILE = """
from experiments.case.identity import case_identity
from experiments.case.schema import build_case

case = build_case({"patient": {"demo": True}})
before = case_identity(case)
assert before.solver_options == {"vp_elasticity_ksp_rtol": "1e-6", "vp_pressure_ksp_rtol": "1e-12"}, before
from experiments.run import pipeline
assert case_identity(case) == before
"""


def test_options_in_files_count_before_petsc_starts_too(tmp_path: Path) -> None:
    (tmp_path / ".petscrc").write_text("# of this folder\n-vp_elasticity_ksp_rtol 1e-6\n")
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PETSC_OPTIONS": "-vp_pressure_ksp_rtol 1e-12", "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", IN_A_FILE], cwd=tmp_path, env=environment, check=True, timeout=120)
