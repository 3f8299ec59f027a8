"""Whatever shows results says of the same volumes that nothing leaked."""

from typing import Any

import pytest

from experiments.cli.summary import result_rows
from experiments.report.outcome import headlines
from experiments.results.finished_case import FinishedCase
from experiments.results.parts.fill import FillResults
from experiments.results.parts.injection import InjectionResults, LeakResults
from experiments.results.parts.mesh import MeshResults
from experiments.results.parts.results import Results
from experiments.results.wording import LEAST_LEAK_ML, NOTHING_LEAKED, leaked


def case_with(volume: float, onset: float | None) -> FinishedCase:
    severity = None if onset is None else "punctual"
    leak = LeakResults(
        volume_ml=volume,
        observed=onset is not None,
        onset_s=onset,
        onset_injected_ml=onset,
        size_mm=1.0,
        severity=severity,
    )
    injection: dict[str, Any] = {
        "injected_ml": 4.0,
        "stored_ml": 4.0 - volume,
        "in_veins_ml": 0.0,
        "in_conduits_ml": 0.0,
        "leaked_ml": volume,
        "leak_severity": severity,
        "modality": "ct",
        "leaks": {"canal_posterior_wall": leak},
        "duration_s": 80.0,
        "stop_reason": "volume_reached",
        "peak_tip_pressure_kpa": 5.0,
        "peak_syringe_pressure_kpa": 250.0,
        "limited_from_s": None,
        "mass_balance_error": 1e-14,
    }
    sides = {"left": 3.0, "right": 1.0}
    results = Results.model_construct(
        mesh=MeshResults.model_construct(cells=10, volume_ml=39.0, mask_volume_ml=39.0),
        injection=InjectionResults.model_construct(**injection),
        fill=FillResults.model_construct(
            fraction=0.1,
            cement_ml=4.0,
            pattern="one_sided",
            cement_by_side_ml=sides,
            posterior_distance_mm=5.0,
        ),
    )
    return FinishedCase("case", None, results, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("volume", "onset", "printed", "told"),
    [
        (-1e-17, None, "nothing", NOTHING_LEAKED),
        (1e-6, None, "nothing", NOTHING_LEAKED),
        (LEAST_LEAK_ML, None, "nothing", NOTHING_LEAKED),
        (0.0006, None, "6.00 × 10⁻⁴ ml", "no leak that CT would show"),
        (0.003, 40.0, "0.003000 ml", "canal posterior wall from 40.0 s (punctual)"),
    ],
)
def test_summary_report_and_pictures_agree(volume: float, onset: float | None, printed: str, told: str) -> None:
    case = case_with(volume, onset)
    assert dict(result_rows(case.results))["cement leaked"] == printed
    (headline,) = [each for each in headlines(case) if each.name == "Cement leaked"]
    assert headline.detail == told
    assert (headline.value == "0 ml") == (told == NOTHING_LEAKED) == (not leaked(volume))
