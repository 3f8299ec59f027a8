import json
import re
from collections import Counter
from pathlib import Path

import cohort_stand_in
import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.cohorts import comparison
from experiments.cohorts.cohort_file import COHORTS, read_cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_results import write_comparison
from experiments.cohorts.cohort_run import run_cohort
from experiments.cohorts.pool import Pool
from experiments.cohorts.published import STUDIES
from experiments.cohorts.study_page import keep, write_page
from experiments.sweep.cluster import Cluster
from meshes.errors import InputError

PATIENTS = 9


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CohortFolder:
    monkeypatch.setenv(cohort_stand_in.LOG, str(tmp_path / "log"))
    monkeypatch.setenv("PYTHONPATH", str(Path(cohort_stand_in.__file__).parent))
    return CohortFolder(tmp_path / "cohort")


def run(folder: CohortFolder, patients: int = PATIENTS) -> None:
    source = COHORTS.file("puncture-side-ratio")
    run_cohort(source, folder, Cluster(1, dashboard=":0"), patients, solver=cohort_stand_in.SOLVER)


def test_needles_that_leave_the_bone_are_set_again_and_what_is_done_is_not_done_again(cohort, tmp_path) -> None:
    run(cohort)
    computed = Counter((tmp_path / "log").read_text().splitlines())
    assert set(computed.values()) == {1}
    assert any(title.endswith("aim 2") for title in computed)
    rows = dict(cohort.finished())
    assert len(rows) >= PATIENTS
    assert all("outcome" in row for row in rows.values())
    run(cohort, PATIENTS + 1)
    more = Counter((tmp_path / "log").read_text().splitlines())
    assert set(more.values()) == {1}
    assert len(dict(cohort.finished())) > len(rows)


def test_what_was_found_stands_beside_the_study(cohort, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(comparison, "DRAWS", 40)
    run(cohort)
    rows = write_comparison(Pool.of(cohort), cohort.comparison)
    content = json.loads(cohort.comparison.read_text())
    assert len(content["rows"]) == len(rows) > 20
    assert content["study"] == "puncture-side-ratio"
    keys = {"quantity", "published", "published_low", "published_high", "verdict", "stage"}
    keys |= {"simulated", "simulated_low", "simulated_high"}
    for row in content["rows"]:
        assert keys <= set(row)
        assert row["verdict"] in ("agrees", "disagrees", "uninformative")
        assert row["stage"] == "A"
    (body,) = [row for row in content["rows"] if row["quantity"] == "body, mean"]
    assert (body["published"], body["simulated"]) == (24.59, 25.0)
    table = cohort.vertebrae().table
    assert table["leak_vessel"].mean() == np.mean(table["puncture_percent"] > 25.0)
    keep(cohort, tmp_path / "docs")
    page = write_page(STUDIES["puncture-side-ratio"], tmp_path / "docs").read_text()
    for row in rows:
        assert row.published.quantity in page
    assert "Preliminary" in page
    for picture in re.findall(r"!\[.*\]\((.*)\)", page):
        assert (tmp_path / "docs" / "cohorts" / picture).stat().st_size > 5000
    assert len(list((tmp_path / "docs" / "images" / "cohorts").glob("*.png"))) >= 2


def test_a_folder_with_something_else_is_refused(cohort, tmp_path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(COHORTS.file("puncture-side-ratio").read_text().replace("seed = 2301", "seed = 7"))
    cohort.open(other)
    with pytest.raises(InputError, match="other settings"):
        run(cohort)
    full = tmp_path / "full"
    full.mkdir()
    (full / "holiday.jpg").write_text("")
    with pytest.raises(InputError, match="holds no cohort"):
        CohortFolder(full).open(other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patients = 0", "patients"),
        ("patients = 3\n[population.man]\nkind = 'choice'\nweights = { yes = 1 }\ntag = 'D'", "source"),
        ("patients = 3\n[surgeon.minutes]\nkind = 'often'", "surgeon.minutes"),
        ("patients = 3\nsurgeons = 2", "surgeons"),
        ("patients = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_cohort(file)


def test_the_command_names_the_ready_ones() -> None:
    found = CliRunner().invoke(app, ["cohort", "--ready", "nothing"])
    assert found.exit_code != 0
    assert "puncture-side-ratio" in found.output + (found.stderr or "")
