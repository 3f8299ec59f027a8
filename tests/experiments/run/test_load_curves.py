"""Cases that are loaded until they fail: numbers, fields, pictures, and curves that end before failure."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.cli.summary import result_rows
from experiments.compare.lines import PARTS
from experiments.model.elastic_states import elastic_states
from experiments.model.preparation import Preparation, prepare
from experiments.model.yield_states import plastic_material
from experiments.pictures.curves import plot_load_curves
from experiments.pictures.mechanics import draw_failed
from experiments.report.outcome import outcome_tables
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.strength import LoadCurveResults, StateStrength, StrengthResults
from experiments.results.progress import Progress
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_and_store
from fem.mechanics import load_curve, plasticity
from meshes.errors import InputError

CONTENT: dict[str, Any] = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 4.0},
    "mechanics": {"strength": "nonlinear"},
    "prescribed_cement": {"shapes": [{"left": 0.0, "depth": 0.5, "height": 0.5, "volume_ml": 4.0}]},
    "output": {"pictures": False},
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseOutcome, Path]:
    folder = tmp_path_factory.mktemp("loaded") / "case"
    return run_and_store(build_case(CONTENT), folder), folder


@pytest.mark.slow
def test_strength_rises_with_cement_and_the_curves_lead_to_it(stored: tuple[CaseOutcome, Path]) -> None:
    results = stored[0].results
    assert results.strength is not None
    assert results.stiffness is not None
    assert list(results.strength.states) == ["intact", "augmented"]
    for name, state in results.strength.states.items():
        assert state.ended is None
        assert state.curve is not None
        force, compression = np.array(state.curve.force_n), np.array(state.curve.compression_mm)
        assert force[1] / compression[1] == pytest.approx(results.stiffness.axial[name], rel=1e-3)
        assert state.nonlinear_n == pytest.approx(np.interp(state.failure_mm, compression, force))
        assert state.energy_mj == pytest.approx(np.interp(state.failure_mm, compression, state.curve.work_mj))
        assert 0.05 < state.failed_share < 0.8
        # a linear estimate counts the weakest 2 % of the bone as all of it
        assert 1.2 * state.linear_n < state.nonlinear_n < 4.0 * state.linear_n
    assert results.strength.augmented.nonlinear_n > 1.05 * results.strength.intact.nonlinear_n


@pytest.mark.slow
def test_people_read_the_strength_of_the_curve(stored: tuple[CaseOutcome, Path]) -> None:
    case = FinishedCase.read(stored[1])
    told = dict(result_rows(case.results))
    assert f"{case.results.strength.augmented.nonlinear_n:.0f} N augmented" in told["strength"]
    tables = {table.title: table for table in outcome_tables(case)}
    assert [row[0] for row in tables["Strength"].rows][:2] == ["strength, linear estimate", "strength"]
    lines = {key: line for part in PARTS for key, line in part(case.results).items()}
    assert lines["augmented_over_intact.strength.nonlinear_n"].value > 1.05


@pytest.mark.slow
def test_pictures_of_the_curves_and_of_what_failed(stored: tuple[CaseOutcome, Path], tmp_path: Path) -> None:
    case = FinishedCase.read(stored[1])
    bone = case.mechanics()
    strain = np.asarray(bone["plastic_strain_intact"])
    assert 0.002 < strain.max() < 0.2
    assert (strain > 0.002).mean() == pytest.approx(case.results.strength.intact.curve.failed_share[-1], abs=0.1)
    assert plot_load_curves(case.results.strength, tmp_path / "curves.png").stat().st_size > 10_000
    assert draw_failed(bone, tmp_path / "failed.png").stat().st_size > 10_000


def test_the_plot_says_where_a_curve_fails_and_that_another_does_not(tmp_path: Path) -> None:
    column = {"work_mj": [0.0, 0.0, 0.0], "dissipated_mj": [0.0, 0.0, 0.0], "failed_share": [0.0, 0.0, 0.0]}
    curve = LoadCurveResults(compression_mm=[0.0, 0.1, 0.2], force_n=[0.0, 1000.0, 1500.0], **column)
    failed = StateStrength(linear_n=900.0, nonlinear_n=1400.0, failure_mm=0.18, curve=curve)
    ended = StateStrength(linear_n=900.0, nonlinear_n=None, ended="no step converged", curve=curve)
    plot_load_curves(StrengthResults(intact=failed, augmented=ended), tmp_path / "curves.png")
    drawn = (tmp_path / "curves.svg").read_text()
    assert "<!-- intact, 1400 N -->" in drawn
    assert "<!-- augmented, no failure -->" in drawn


def test_a_curve_that_ends_early_is_told_and_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plasticity, "NEWTON_LIMIT", 1)
    monkeypatch.setattr(load_curve, "SMALLEST_STEP", 1.0)
    outcome = run_and_store(build_case(CONTENT), tmp_path / "case")
    strength = outcome.results.strength
    assert strength.intact.nonlinear_n is None
    assert "did not converge" in strength.intact.ended
    assert '"nonlinear_n": null' in (tmp_path / "case" / "results.json").read_text()
    told = dict(result_rows(outcome.results))
    assert "strength" not in told
    assert "no strength: at" in told["load curve, intact"]


def prepared(**mechanics: Any) -> tuple[Laws, Preparation]:
    case = build_case(
        {**CONTENT, "mechanics": {"strength": "nonlinear", **mechanics}, "bone": {"modulus_law": "walle"}}
    )
    laws = Laws.of_case(case)
    return laws, prepare(case, laws, Progress())


@pytest.mark.parametrize(("law", "surface"), [("morgan_keaveny", "drucker_prager"), ("ogo", "mohr_coulomb")])
def test_bone_cement_and_discs_yield_where_their_laws_say(law: str, surface: str) -> None:
    laws, ready = prepared(yield_law=law, plates="pmma")
    full = np.zeros(len(ready.mesh.cells))
    full[:100] = 1.0
    state = elastic_states(laws, ready, ready.specimen, full)["augmented"]
    material = plastic_material(laws, ready.specimen, state)
    assert material.surface == surface
    bone, discs = slice(100, ready.specimen.bone_cells), slice(ready.specimen.bone_cells, None)
    reference = np.sqrt(state.bone.axial_modulus * state.bone.transverse_modulus)
    assert (
        np.ptp(state.bone.axial_modulus / reference) > 0.5
    )  # behind the endplates the shell is stiff in its plane alone
    tension, compression = laws.strength.law.strengths(reference[bone])
    assert material.tension[bone] == pytest.approx(tension)
    assert material.compression[bone] == pytest.approx(compression)
    knocked_down = laws.composite.filled_modulus / laws.composite.cement_modulus
    assert np.median(material.compression[:100]) == pytest.approx(70.0 * knocked_down)
    assert np.all(np.isinf(material.tension[discs]))
    assert len(material.tension[discs]) > 0


@pytest.mark.parametrize(
    ("mechanics", "message"),
    [
        ({"strength": "linear", "yield_law": "ogo"}, 'yield_law belongs to strength = "nonlinear"'),
        ({"strength": "nonlinear", "degree": 1}, "needs degree = 2"),
        ({"strength": "nonlinear", "enabled": False}, "set enabled = true"),
        ({"strength": "nonlinear", "yield_law": "ogo"}, 'goes with bone.modulus_law = "walle"'),
    ],
)
def test_impossible_strengths_are_refused(mechanics: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_case({"patient": {"demo": True}, "mechanics": mechanics})


def test_ogo_knows_the_density_by_the_printed_law_alone() -> None:
    content = {
        "patient": {"demo": True},
        "bone": {"modulus_law": "walle"},
        "mechanics": {"strength": "nonlinear", "yield_law": "ogo"},
    }
    assert Laws.of_case(build_case(content)).strength is not None
    with pytest.raises(InputError, match="tells the density from the modulus"):
        Laws.of_case(build_case({**content, "laws": {"bone.modulus.law.coefficient": 4000.0}}))
