"""The same patients treated twice: both arms in one sweep, pairs, and what is written and shown."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cohort_stand_in
import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.cohorts.cohort_plan import treated
from experiments.cohorts.observed import stiffness_gained
from experiments.cohorts.trial_file import TRIALS, read_trial
from experiments.cohorts.trial_folder import TrialFolder, label_of
from experiments.cohorts.trial_pairs import Pairs
from experiments.cohorts.trial_results import write_trial
from experiments.cohorts.trial_run import run_trial
from experiments.cohorts.trials_page import keep, write_page
from experiments.sweep.cluster import Cluster
from meshes.errors import InputError

PATIENTS = 4
FILE = """
title = "Near or far"
cohort = "puncture-side-ratio"
patients = 9

[arms.near.surgeon.tip_depth]
kind = "uniform"
low = 0.1
high = 0.3
source = "the arm"
tag = "D"

[arms.refused.surgeon.tip_depth]
kind = "fixed"
value = 0.4
source = "the arm"
tag = "D"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "near-or-far.toml"
    path.write_text(FILE)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialFolder]:
    """Of a trial that was stopped after a patient and went on; the second way is refused in the second of them."""
    place = tmp_path_factory.mktemp("trial")
    (place / "trial.toml").write_text(FILE)
    found = TrialFolder(place / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cohort_stand_in.LOG, str(place / "log"))
        patch.setenv("PYTHONPATH", str(Path(cohort_stand_in.__file__).parent))
        for patients in (1, PATIENTS):
            run_trial(place / "trial.toml", found, Cluster(1, dashboard=":0"), patients, solver=cohort_stand_in.SOLVER)
        yield found


def test_both_arms_treat_the_same_vertebrae_and_what_is_done_is_not_done_again(folder: TrialFolder) -> None:
    computed = Counter((folder.path.parent / "log").read_text().splitlines())
    assert set(computed.values()) == {1}
    assert any(title.endswith("aim 2") for title in computed)
    pairs = Pairs.of(folder)
    assert len(pairs.first) == len(pairs.second) >= PATIENTS - 1
    for column in ("patient", "level", "density", "man"):
        assert (pairs.first[column] == pairs.second[column]).all()


def test_a_vertebra_of_which_one_treatment_fails_is_left_out_of_both_arms(folder: TrialFolder) -> None:
    pairs = Pairs.of(folder)
    write_trial(pairs, folder.results)
    assert pairs.failed == {"near": 0, "refused": pairs.left_out}
    assert pairs.left_out > 0
    assert 2 not in pairs.first["patient"]
    assert json.loads(folder.results.read_text())["left_out"] == pairs.left_out


def test_differences_are_written_and_shown(folder: TrialFolder, tmp_path: Path) -> None:
    pairs = Pairs.of(folder)
    rows = write_trial(pairs, folder.results)
    written = {row["quantity"]: row for row in json.loads(folder.results.read_text())["rows"]}
    assert list(written) == [row.outcome.quantity for row in rows]
    leak = written["any leak"]
    # The stand-in leaks where the tip is deeper than a quarter.
    assert (leak["first"], leak["second"]) == (pairs.first["leak"].mean(), 1.0)
    assert leak["difference"] == pytest.approx(1.0 - pairs.first["leak"].mean())
    assert leak["number_needed_to_treat"] == pytest.approx(-1.0 / leak["difference"])
    assert (leak["patients"], leak["failed"]) == (PATIENTS - 1, pairs.left_out)
    assert leak["low"] < leak["difference"] <= leak["high"]
    assert written["volume injected"]["difference"] == 0.0
    assert written["volume injected"]["number_needed_to_treat"] is None
    assert "stiffness gained" not in written
    keep(folder, tmp_path)
    page = write_page(tmp_path).read_text()
    assert "Near or far" in page
    assert "Preliminary" in page
    assert all(f"| {row.outcome.quantity} |" in page for row in rows)
    file = folder.path.parent / "trial.toml"
    found = CliRunner().invoke(app, ["trial", str(file), "-o", str(folder.path), "--compare"])
    assert found.exit_code == 0
    assert "any leak" in found.output
    assert f"{pairs.left_out} left out" in found.output


def test_stiffness_is_gained_over_the_fractured_body() -> None:
    assert np.isnan(stiffness_gained(None))
    states = {"intact_n_per_mm": 9.0, "fractured_n_per_mm": 4.0, "augmented_n_per_mm": 6.0}
    assert stiffness_gained(states) == 2.0
    assert stiffness_gained({**states, "fractured_n_per_mm": None}) == -3.0


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bodies")


@pytest.mark.parametrize("name", TRIALS.names)
def test_ready_trials_differ_in_the_operation_alone(name: str, bodies: Path) -> None:
    trial = read_trial(TRIALS.file(name))
    cases = [treated(cohort, 2, bodies, {}, label_of(arm), True) for arm, cohort in trial.arms.items()]
    for one, two in zip(*cases, strict=True):
        assert one.case.identity != two.case.identity
        assert one.case.content["mechanics"]["enabled"] is True
        own = ("title", "needles", "cement", "injection", "cavities")
        rest = [{key: value for key, value in case.case.content.items() if key not in own} for case in (one, two)]
        assert rest[0] == rest[1]


def test_a_folder_of_another_trial_is_refused(file: Path, tmp_path: Path) -> None:
    folder = TrialFolder(tmp_path / "trial")
    folder.open(file)
    file.write_text(FILE.replace("patients = 9", "patients = 12"))
    folder.open(file)
    file.write_text(FILE.replace("value = 0.4", "value = 0.5"))
    with pytest.raises(InputError, match="other settings"):
        folder.open(file)


def test_a_cohort_of_ones_own_is_kept_beside_the_trial(file: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("patients = 3\nmesh_mm = 3.0")
    file.write_text(FILE.replace('"puncture-side-ratio"', '"own.toml"'))
    folder = TrialFolder(tmp_path / "trial")
    trial = folder.open(file)
    (tmp_path / "own.toml").unlink()
    assert folder.trial() == trial
    assert {cohort.mesh_mm for cohort in trial.arms.values()} == {3.0}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[arms.near.surgeon.tip_depth]", "[arms.refused.surgeon.tip_height]", "two arms"),
        (
            "[arms.near.surgeon.tip_depth]",
            "[arms.near.population.age_years]",
            r"\[arms.near.surgeon\] and nothing else",
        ),
        ('kind = "fixed"', 'kind = "often"', "arms.refused: surgeon.tip_depth"),
        ("patients = 9", "patients = 0", "patients"),
        ('cohort = "puncture-side-ratio"', 'cohort = "nobody"', "no such cohort"),
        ("patients = 9", "patients = 9\nsurgeons = 2", "surgeons"),
    ],
)
def test_a_wrong_file_of_a_trial_is_told_in_a_sentence(file: Path, old: str, new: str, said: str) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(InputError, match=said):
        read_trial(file)


def test_the_command_names_the_ready_trials() -> None:
    refused = CliRunner().invoke(app, ["trial", "--ready", "nothing"])
    assert refused.exit_code != 0
    assert "one-or-two-needles" in refused.output + (refused.stderr or "")
