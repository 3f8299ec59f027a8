"""Cement is compared with the bone that it came to, the fractured one where there is one, then with the intact one."""

import pytest

from experiments.cli.summary import result_rows
from experiments.report.outcome import headlines
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.fill import FillResults
from experiments.results.parts.injection import InjectionResults
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.results import Results
from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
from experiments.results.parts.strength import StateStrength, StrengthResults

NEWTONS = {"intact": 3000.0, "fractured": 1500.0, "augmented": 2400.0}


def finished(states: tuple[str, ...], entry: str) -> FinishedCase:
    """A case whose cement lifts a half of the strength to four fifths of it."""
    matrices = {state: StateStiffness.model_construct(matrix=[]) for state in states}
    axial = {f"{state}_n_per_mm": 5.0 * NEWTONS[state] for state in states}
    strengths = {state: StateStrength.model_validate({"linear_n": 1.0, entry: NEWTONS[state]}) for state in states}
    results = Results.model_construct(
        mesh=MeshResults.model_construct(cells=10, volume_ml=39.0, mask_volume_ml=39.0),
        injection=InjectionResults.model_construct(
            injected_ml=4.0, stored_ml=4.0, in_veins_ml=0.0, in_conduits_ml=0.0, leaked_ml=0.0, leak_severity=None,
            modality="ct", leaks={}, duration_s=80.0, stop_reason="volume_reached", peak_tip_pressure_kpa=5.0,
            peak_syringe_pressure_kpa=250.0, limited_from_s=None, mass_balance_error=1e-14,
        ),
        fill=FillResults.model_construct(
            fraction=0.1, cement_ml=4.0, pattern="confluent", cement_by_side_ml={"left": 4.0}, posterior_distance_mm=5.0
        ),
        stiffness=StiffnessResults.model_construct(**matrices, **axial),
        strength=StrengthResults.model_construct(**strengths),
    )  # fmt: skip
    return FinishedCase("case", None, results, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "change", "detail"),
    [
        (("intact", "augmented"), "0.800 × intact", "3000 N intact, 2400 N augmented"),
        (
            ("intact", "fractured", "augmented"),
            "1.60 × fractured",
            "3000 N intact, 1500 N fractured, 2400 N augmented; 0.800 × intact",
        ),
    ],
)
def test_cement_is_compared_with_what_it_came_to(states: tuple[str, ...], change: str, detail: str) -> None:
    case = finished(states, "nonlinear_n")
    cards = {card.name: card for card in headlines(case)}
    assert cards["Axial stiffness"].value == cards["Strength"].value == change
    assert cards["Strength"].detail.startswith(detail)
    rows = dict(result_rows(case.results))
    assert change in rows["axial stiffness, augmented"]
    assert change in rows["strength"]
    assert "0.800 × intact" in rows["strength"]


def test_an_estimate_that_is_no_prediction_is_on_no_card() -> None:
    case = finished(("intact", "augmented"), "linear_n")
    assert not [card for card in headlines(case) if "strength" in card.name.lower()]
    assert "strength, linear estimate" in dict(result_rows(case.results))
