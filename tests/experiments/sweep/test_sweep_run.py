"""A real sweep on the coarsest mesh: the numbers of single runs, and a mesh that is made once."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.case.identity import case_identity, code_version
from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.results.finished_case import FinishedCase
from experiments.results.store import json_text
from experiments.sweep.case_process import SOLVER, CaseProcess
from experiments.sweep.case_process_main import UnfitWorkerError
from experiments.sweep.cases import plan_cases
from experiments.sweep.engine import time_one
from experiments.sweep.folder import SweepFolder, identity_of
from experiments.sweep.sweep_file import read_sweep_file
from experiments.sweep.table import SweepTable

SWEEP = """
[base]
patient = { demo = true }
mesh = { size_mm = 4.0 }
injection = { volume_ml = 1.0 }
mechanics = { degree = 1 }

[[vary]]
path = "cement.viscosity"
values = ["low", "medium"]
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"code": "0.0.0+other"}, r"runs vertebroplasty .*, the sweep 0\.0\.0\+other"), ({}, "has other input files")],
)
def test_a_case_that_would_be_another_one_here_is_not_computed(change: dict[str, str], complaint: str) -> None:
    from experiments.sweep.case_solver import solve

    request = {"content": {"patient": {"demo": True}}, "identity": "another", "code": code_version(), "meshes": "x"}
    with pytest.raises(UnfitWorkerError, match=complaint):
        solve(request | change)


def test_kept_fields_are_a_folder_that_the_other_commands_take(tmp_path: Path) -> None:
    content = {
        "title": "kept",
        "patient": {"demo": True},
        "mesh": {"size_mm": 4.0},
        "injection": {"volume_ml": 0.3},
        "mechanics": {"enabled": False},
    }
    folder, identity = SweepFolder(tmp_path).fields(12), case_identity(build_case(content)).case
    request = {"content": content, "identity": identity, "code": code_version(), "meshes": str(tmp_path / "meshes")}
    process = CaseProcess(SOLVER)
    try:
        row = process.solve({**request, "fields": str(folder)})["outcome"]
    finally:
        process.close()
    assert identity_of(folder) == identity
    case = FinishedCase.read(folder)
    assert case.title == "kept"
    assert row["results"]["fill"] == json.loads(json_text(case.results.plain()))["fill"]
    exported = CliRunner().invoke(app, ["export", str(folder), "-o", str(tmp_path / "out")])
    assert exported.exit_code == 0, exported.output
    assert [path.name for path in folder.parent.iterdir()] == ["000012"]


@pytest.mark.slow
def test_a_sweep_gives_what_single_runs_give(tmp_path: Path) -> None:
    from mpi4py import MPI

    from experiments.run.pipeline import run_case

    (tmp_path / "tiny.toml").write_text(SWEEP)
    arguments = [str(tmp_path / "tiny.toml"), "-o", str(tmp_path / "out"), "--dashboard", "127.0.0.1:0"]
    outcome = CliRunner().invoke(app, ["sweep", *arguments])
    assert outcome.exit_code == 0, outcome.output
    assert "2 of 2 done" in outcome.output
    rows = SweepTable.read(tmp_path / "out").rows
    assert len(list((tmp_path / "out" / "meshes").glob("*.npz"))) == 1
    for row, viscosity in zip(rows.to_pylist(), ("low", "medium"), strict=True):
        content = tomllib.loads(SWEEP)["base"] | {"cement": {"viscosity": viscosity}}
        single = run_case(build_case(content), comm=MPI.COMM_SELF).results.plain()
        assert row["injection.peak_tip_pressure_kpa"] == single["injection"]["peak_tip_pressure_kpa"]
        assert row["stiffness.augmented_n_per_mm"] == single["stiffness"]["augmented_n_per_mm"]
        assert row["stiffness.augmented.matrix"] == single["stiffness"]["augmented"]["matrix"]
        assert row["fill.centroid_mm"] == list(single["fill"]["centroid_mm"])


@pytest.mark.slow
def test_a_dry_run_times_one_case(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(SWEEP)
    plan = plan_cases(read_sweep_file(tmp_path / "tiny.toml"), "tiny.toml", tmp_path)
    assert 0.5 < time_one(plan, plan.cases[0], 600.0) < 600.0
