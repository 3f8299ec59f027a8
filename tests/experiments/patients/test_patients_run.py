"""What becomes of many patients: a row, a small picture and a place on the page for each, failures among them."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.patients.overview import write_overview
from experiments.patients.plan import plan_patients
from experiments.patients.solver import thumbnail_of
from experiments.sweep.folder import SweepFolder
from experiments.sweep.table import SweepTable
from meshes.demo_patient import DemoPatient

if TYPE_CHECKING:
    from experiments.run.output import CaseOutcome

PLAN = """
title = "Cohort"
patient = { level = "L3", labels = "verse" }
mesh = { size_mm = 4.0 }
injection = { volume_ml = 1.0 }
mechanics = { enabled = false }
"""


def cohort(folder: Path, demo_files: DemoPatient, names: str) -> Path:
    """A plan, and beside it the demo patient under several names."""
    for name in names:
        files = folder / "patients" / name
        files.mkdir(parents=True)
        for role in ("ct", "mask", "subregions"):
            shutil.copy(getattr(demo_files, role), files / f"{role}.nii.gz")
    (folder / "plan.toml").write_text(PLAN)
    return folder / "plan.toml"


def test_a_patient_is_computed_with_its_picture(
    tmp_path: Path, stored_demo: "tuple[CaseOutcome, Path]", monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.patients import solver

    outcome, _ = stored_demo
    monkeypatch.setattr(solver, "outcome_of", lambda request: outcome)
    found = solver.solve({"identity": "abc", "meshes": str(tmp_path / "meshes")})
    assert found["results"]["fill"]["cement_ml"] == outcome.results.fill.cement_ml
    with Image.open(thumbnail_of(tmp_path, "abc")) as picture:
        assert picture.size == (440, 220)
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=int), -1, 0)
    assert (blue > red + 60).sum() > 100  # edge of the cement


def test_the_page_shows_what_is_known_of_each_patient(tmp_path: Path, demo_files: DemoPatient) -> None:
    plan = plan_patients(cohort(tmp_path, demo_files, "ab"), tmp_path / "patients")
    # equal files would be one case
    (tmp_path / "patients" / "b" / "mask.nii.gz").write_bytes(b"broken")
    (tmp_path / "patients" / "a" / "ct.nii.gz").write_bytes(b"other")
    plan = plan_patients(tmp_path / "plan.toml", tmp_path / "patients")
    first, second = plan.cases
    folder = SweepFolder(tmp_path / "out")
    leaks = {"disc_superior": {"observed": False}, "anterior_veins": {"observed": True}}
    done = {
        "outcome": {
            "results": {"injection": {"leaked_ml": 0.125, "peak_tip_pressure_kpa": 8.5, "leaks": leaks}},
            "warnings": ["half of it is <clamped>"],
        }
    }
    with folder.open(plan):
        folder.keep(first, {"inputs": {}, "seconds": 1.0, **done})
        page = write_overview(plan, folder).read_text(encoding="utf-8")
        assert "2 patients: 1 finished, 0 failed, 1 not computed yet." in page
        assert "data:image/png" not in page
        thumbnail_of(folder.path, first.identity).parent.mkdir()
        Image.new("RGB", (4, 2)).save(thumbnail_of(folder.path, first.identity))
        error = {"kind": "input", "message": "mask <b> is no image"}
        folder.keep(second, {"inputs": {}, "seconds": 1.0, "error": error})
        page = write_overview(plan, folder).read_text(encoding="utf-8")
    assert "2 patients: 1 finished, 1 failed." in page
    assert page.count("data:image/png;base64,") == 1
    for text in (
        "<h1>Cohort</h1>",
        "<h3>a, L3</h3>",
        "0.1250 ml",
        "8.500 kPa",
        "anterior veins",
        "is &lt;clamped&gt;",
    ):
        assert text in page, text
    assert page.index("<h3>a, L3</h3>") < page.index("<h3>b, L3</h3>") < page.index("input: mask &lt;b&gt; is no image")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--workers", "2"], "--workers belongs to --patients"),
        (["--retry"], "--retry belongs to --patients"),
        (["--patients", "p", "--networks", "4"], "--networks belongs to a single run"),
        (["--patients", "p", "--petsc", "-log_view"], "set PETSC_OPTIONS in the environment"),
        (["--patients", "p"], "p: cannot be read (No such file or directory); give a folder or a CSV file"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str], sentence: str) -> None:
    outcome = CliRunner().invoke(app, ["run", "plan.toml", "-o", str(tmp_path / "out"), *options])
    assert outcome.exit_code == 2
    assert sentence in outcome.output


@pytest.mark.slow
def test_a_folder_of_patients(tmp_path: Path, demo_files: DemoPatient) -> None:
    plan = cohort(tmp_path, demo_files, "ab")
    (tmp_path / "patients" / "b" / "mask.nii.gz").write_bytes(b"broken")
    command = [
        "run",
        str(plan),
        "--patients",
        str(tmp_path / "patients"),
        "-o",
        str(tmp_path / "out"),
        "--workers",
        "1",
    ]
    outcome = CliRunner().invoke(app, command)
    assert outcome.exit_code == 4, outcome.output
    assert "2 of 2 done" in outcome.output
    rows = SweepTable.read(tmp_path / "out").rows
    assert rows["input.patient"].to_pylist() == ["a", "b"]
    assert rows["status"].to_pylist() == ["finished", "failed"]
    assert "b/mask.nii.gz is not a readable" in rows["error"].to_pylist()[1]
    assert rows["injection.injected_ml"].to_pylist() == [pytest.approx(1.0, abs=1e-9), None]
    assert len(list((tmp_path / "out" / "thumbnails").glob("*.png"))) == 1
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "2 patients: 1 finished, 1 failed." in page
    # once it is mended, the same command goes on
    shutil.copy(demo_files.mask, tmp_path / "patients" / "b" / "mask.nii.gz")
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0, again.output  # equal files are one case, which is there
    assert SweepTable.read(tmp_path / "out").rows["status"].to_pylist() == ["finished", "finished"]
