"""The case files of the five clinical series, coarse: they run, keep their mass balance and do what the series did."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.case.schema import CASES, build_case
from experiments.cli.main import app
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_case
from fem.injection.history import BALANCE_LIMIT, DIVERGENCE_LIMIT, SATURATION_LIMIT

COARSE: dict[str, Any] = {
    "mesh": {"size_mm": 4.0, "needle_size_mm": 1.0},
    "mechanics": {"degree": 1},
    "output": {"pictures": False, "field_times": 2},
}
STUDIES = {
    "metastatic_leakage": (4.84, ["left", "right"]),
    "confluent_separated": (3.9, ["left", "right"]),
    "puncture_side_ratio": (5.3, ["left"]),
    "metastatic_outcome": (3.22, ["left"]),
    "filling_fraction": (2.0, ["left", "right"]),
}
"""Case file -> volume in ml that the series injects on average, and the sides of its needles."""

NAMES = [
    name if name in ("metastatic_outcome", "filling_fraction") else pytest.param(name, marks=pytest.mark.slow)
    for name in STUDIES
]
"""The series by name: one that pauses, one of two needles, and those that the long checks run."""


def content(name: str) -> dict[str, Any]:
    return tomllib.loads((CASES / f"{name}.toml").read_text()) | COARSE


@pytest.fixture(scope="module")
def outcomes() -> Any:
    """Study -> its outcome; each is run once."""
    found: dict[str, CaseOutcome] = {}

    def outcome(name: str) -> CaseOutcome:
        if name not in found:
            found[name] = run_case(build_case(content(name), f"{name}.toml"))
        return found[name]

    return outcome


def test_there_is_a_case_file_for_every_series() -> None:
    assert {path.stem for path in CASES.glob("*.toml")} == {*STUDIES, "demo", "demo_defect"}


@pytest.mark.parametrize("name", NAMES)
def test_the_mass_balance_of_a_study_closes(outcomes: Any, name: str) -> None:
    outcome = outcomes(name)
    injection, fill = outcome.results.injection, outcome.results.fill
    assert injection.mass_balance_error <= BALANCE_LIMIT
    assert injection.tracer_balance_error <= BALANCE_LIMIT
    assert injection.divergence_error <= DIVERGENCE_LIMIT
    assert -SATURATION_LIMIT <= injection.saturation_min <= injection.saturation_max <= 1.0 + SATURATION_LIMIT
    kept = injection.stored_ml + injection.in_veins_ml + injection.in_conduits_ml
    assert injection.injected_ml == pytest.approx(kept + injection.leaked_ml, rel=1e-9)
    assert injection.leaked_ml == pytest.approx(sum(leak.volume_ml for leak in injection.leaks.values()))
    assert injection.fluids_out_ml.keys() == set(outcome.tissues.fluids.names)
    for by_place in ("cement_by_side_ml", "cement_by_third_ml"):
        assert sum(getattr(fill, by_place).values()) == pytest.approx(injection.stored_ml, rel=1e-9)
    assert sum(fill.occupied_by_side_ml.values()) == pytest.approx(fill.occupied_ml, rel=1e-9)
    body = outcome.results.mesh.volume_ml
    assert fill.fraction == pytest.approx(injection.stored_ml / body, rel=1e-9)
    assert fill.occupied_fraction == pytest.approx(fill.occupied_ml / body, rel=1e-9)
    # What is occupied holds bone besides cement.
    assert fill.occupied_ml > fill.cement_ml
    for leak in injection.leaks.values():
        assert (leak.severity is None) == (leak.volume_ml < 0.003) == (not leak.observed)
        assert (leak.onset_s is None) == (not leak.observed)


@pytest.mark.parametrize("name", NAMES)
def test_a_study_injects_what_its_series_did(outcomes: Any, name: str) -> None:
    outcome, (volume, sides) = outcomes(name), STUDIES[name]
    injection, fill, course = (
        outcome.results.injection,
        outcome.results.fill,
        outcome.results.injection.course,
    )
    assert injection.stop_reason == "volume_reached"
    assert injection.injected_ml == pytest.approx(volume, rel=1e-7)
    assert [path.side for path in outcome.paths] == sides
    assert [needle.injected_ml for needle in injection.needles] == pytest.approx(
        [volume / len(sides)] * len(sides), rel=1e-7
    )
    assert fill.puncture_side == (sides[0] if len(sides) == 1 else None)
    if len(sides) == 2:
        # Both fill their own side, the left one first, but for what has gone into veins.
        gone = injection.in_veins_ml + injection.leaked_ml
        left, right = fill.cement_by_side_ml["left"], fill.cement_by_side_ml["right"]
        assert left == pytest.approx(right, abs=0.1 * right + gone)
        first, second = (np.array(needle.injected_ml) for needle in course.needles)
        assert second[first < first[-1] * (1.0 - 1e-9)].max() == 0.0
    else:
        assert fill.puncture_side_share > 0.6
        assert fill.puncture_side_ratio == pytest.approx(fill.puncture_side_share * fill.fraction)
    # From what thick cement needs in bone to what syringes bear in vivo.
    assert 2.0 < injection.peak_tip_pressure_kpa < 100.0
    assert 100.0 < injection.peak_syringe_pressure_kpa < 3215.0
    stiffness = outcome.results.stiffness
    assert 1.0 < stiffness.augmented_n_per_mm / stiffness.intact_n_per_mm < 3.0


@pytest.mark.parametrize(
    ("name", "pauses"),
    [
        ("metastatic_outcome", [20.0, 20.0]),
        pytest.param("confluent_separated", [30.0], marks=pytest.mark.slow),
        ("filling_fraction", []),
    ],
)
def test_pauses_stand_in_the_course(outcomes: Any, name: str, pauses: list[float]) -> None:
    course = outcomes(name).results.injection.course
    time, injected = np.array(course.time_s), np.array(course.injected_ml)
    resting = np.diff(injected) == 0.0
    begins = np.flatnonzero(np.diff(np.concatenate([[False], resting, [False]]).astype(int)) == 1)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], resting, [False]]).astype(int)) == -1)
    assert (time[ends] - time[begins]).tolist() == pytest.approx(pauses)
    delivered = 60.0 * injected[-1] / 3.0
    assert time[-1] == pytest.approx(delivered + sum(pauses), rel=1e-6)


def toml(table: dict[str, Any], heading: str = "") -> str:
    """A case file of nested tables."""
    own = {key: value for key, value in table.items() if not isinstance(value, dict | list)}
    text = f"[{heading}]\n" if heading and own else ""
    text += "".join(f"{key} = {json.dumps(value)}\n" for key, value in own.items())
    for key, value in table.items():
        name = f"{heading}.{key}".lstrip(".")
        if isinstance(value, dict):
            text += toml(value, name)
        elif isinstance(value, list):
            text += "".join(f"[[{name}]]\n{toml(item)}" for item in value)
    return text


def test_the_command_line_gives_the_same_numbers(
    outcomes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study.toml").write_text(toml(content("filling_fraction")))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", "study.toml", "-o", "out"])
    assert done.exit_code == 0, done.output
    told = " ".join(done.stdout.split())
    for part in ("cement injected 2.000 ml", "stopped by volume reached", "out/results.json"):
        assert part in told
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    expected = outcomes("filling_fraction").results
    for part, name in (("injection", "peak_tip_pressure_kpa"), ("fill", "bridge_area_mm2"), ("mesh", "volume_ml")):
        assert written[part][name] == pytest.approx(getattr(getattr(expected, part), name), rel=1e-6)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [needle["side"] for needle in manifest["needles"]] == ["left", "right"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.json",
        "results.json",
        "fields.vtkhdf",
        "veins.vtp",
        "vein_cement.vtp",
        "mechanics.vtu",
        "surface.vtp",
        "ct.nii.gz",
    }
