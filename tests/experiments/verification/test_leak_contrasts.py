"""Published contrasts of leaks: what is declared, the statistics, and the page of a made-up table."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from experiments.analysis.table import ResultTable
from experiments.case.schema import build_case
from experiments.results.store import json_text
from experiments.sweep.folder import SweepFolder, describe
from experiments.verification import contrasts, procedures
from experiments.verification.arms import Arm, Finished, merged, plan_arms
from experiments.verification.contrasts import CONTRASTS, LINKED, PREDICTORS, Tag, outlets, varied_patient
from experiments.verification.injected import PLACES, Injected
from experiments.verification.leak_acceptance import main
from experiments.verification.leak_page import counts, page
from experiments.verification.leak_statistics import (
    Band,
    Estimate,
    Known,
    MedianOnset,
    OddsRatio,
    PressureRatio,
    RiskRatio,
    SamePlace,
    Share,
)
from experiments.verification.scaled_body import DEMO_BODY_ML, scaled_patient
from meshes.leak_sites import SITES

ARM_NAMES = {arm.name for arm in contrasts.ARMS}
ALL_ARMS = (*contrasts.ARMS, *procedures.ARMS)


def injected(*sites: str, onset: float = 2.0, tip: float = 10.0, far: float = 1.0, **inputs: Any) -> Injected:
    """An injection with observed leaks at some sites, the first the largest."""
    leaked = {site: 0.1 / (place + 1) for place, site in enumerate(sites)}
    return Injected(leaked, frozenset(sites), onset if sites else math.inf, tip, far, inputs)


def arm(leaking: int, of: int, site: str = "anterior_veins", **more: Any) -> dict[int, Injected]:
    """Patients 1 to ``of``, of whom the first ones leak."""
    return {number: injected(*([site] if number <= leaking else []), **more) for number in range(1, of + 1)}


# What is declared


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda contrast: contrast.name)
def test_every_contrast_is_declared_in_full(contrast: contrasts.Contrast) -> None:
    assert contrast.source.rpartition("(")[2].rstrip(")") in "SMD"
    assert contrast.tag in get_args(Tag)
    assert contrast.published
    assert contrast.about
    assert contrast.band.low < contrast.band.high
    assert math.isfinite(contrast.band.low) or math.isfinite(contrast.band.high)
    assert set(contrast.statistic.arms) <= ARM_NAMES


def test_what_a_prototype_had_shown_is_no_prediction() -> None:
    predicted = {name for contrast in CONTRASTS if contrast.tag == "predicted" for name in contrast.statistic.arms}
    assert predicted == {"eight gauge", "base", "venogram"}
    assert [contrast.name for contrast in CONTRASTS if contrast.tag == "by construction"] == [CONTRASTS[0].name]


def test_every_arm_is_run_for_a_contrast() -> None:
    assert {name for contrast in CONTRASTS for name in contrast.statistic.arms} == ARM_NAMES
    assert len(ARM_NAMES) == len(contrasts.ARMS)


@pytest.mark.parametrize("arm", ALL_ARMS, ids=lambda arm: arm.name)
def test_every_arm_draws_its_veins_and_stops_at_no_leak_unless_its_series_does(arm: Arm, bodies: Path) -> None:
    tables = arm.case_tables(7, bodies)
    case = build_case(tables)
    assert case.veins.network == "random"
    assert case.veins.seed == case.bone.heterogeneity_seed == 7
    assert case.mesh.size_mm == 3.0
    assert not case.mechanics.enabled
    assert arm in procedures.ARMS or arm.name == "filling fraction" or case.injection.leak_limit_ml == 15.0


def test_the_procedures_have_the_dose_and_the_tip_of_their_series(bodies: Path) -> None:
    cases = {arm.name: build_case(arm.case_tables(1, bodies)) for arm in procedures.ARMS}
    doses = {name: case.injection.volume_ml for name, case in cases.items() if name.endswith("whole")}
    assert doses == pytest.approx(
        {
            "metastatic_leakage, whole": 4.84,
            "confluent_separated, whole": 3.9,
            "puncture_side_ratio, whole": 5.3,
            "metastatic_outcome, whole": 3.22,
            "filling_fraction, whole": 2.0,
        }
    )
    metastatic = cases["metastatic_leakage, whole"]
    assert [needle.depth for needle in metastatic.needles] == [0.67, 0.67]
    assert metastatic.injection.front_limit_depth is None
    assert cases["confluent_separated, whole"].observation.modality == "radiograph"
    assert all((case.fracture is not None) == name.endswith("fractured") for name, case in cases.items())


def test_volume_of_the_varied_patients_is_independent_of_the_rest() -> None:
    patients = [varied_patient(number) for number in range(1, 1001)]
    columns = np.array(
        [
            [
                patient["injection"]["volume_ml"],
                patient["body_ml"],
                patient["bone"]["hu_intercept_mg_per_cm3"],
                "fracture" in patient,
            ]
            for patient in patients
        ],
        dtype=float,
    )
    assert np.abs(np.corrcoef(columns.T)[0, 1:]).max() < 0.09
    assert varied_patient(3) == patients[2]
    assert 2.0 <= columns[:, 0].min() < 2.1 < 5.9 < columns[:, 0].max() <= 6.0


def test_predictors_are_read_off_the_case(bodies: Path) -> None:
    drawn = varied_patient(1)
    arm = next(arm for arm in contrasts.ARMS if arm.name == "varied")
    inputs = build_case(arm.case_tables(1, bodies)).model_dump(mode="json")
    values = {name: value(injected(**inputs)) for name, value in PREDICTORS.items()}
    assert values["volume"] == drawn["injection"]["volume_ml"]
    assert values["body"] == drawn["body_ml"] / 10.0
    assert values["density"] == pytest.approx(drawn["bone"]["hu_intercept_mg_per_cm3"] / 26.7)
    assert values["fracture"] == ("fracture" in drawn)


def test_tables_are_merged_and_lists_replaced() -> None:
    below = {"cement": {"viscosity": "low", "index": 0.5}, "needles": [{"side": "left"}]}
    above = {"cement": {"viscosity": "high"}, "needles": [], "bone": {"poisson": 0.3}}
    assert merged(below, above) == {
        "cement": {"viscosity": "high", "index": 0.5},
        "needles": [],
        "bone": {"poisson": 0.3},
    }
    assert below["needles"] == [{"side": "left"}]


def test_places_are_sites() -> None:
    assert all(set(sites) <= set(SITES) for sites in PLACES.values())
    assert set(PLACES["venous"]) == {site for site in SITES if "vein" in site or "foramen" in site}
    assert all(place in PLACES for series in procedures.SERIES for place in series.published)


def test_a_scaled_body_has_the_volume_that_was_asked_for(bodies: Path) -> None:
    import nibabel

    patient = scaled_patient(bodies, 24.6)
    parts = nibabel.nifti1.load(patient["subregions"])
    labels = nibabel.nifti1.load(patient["mask"])
    body = np.isin(np.asanyarray(parts.dataobj), (49, 50)) & (np.asanyarray(labels.dataobj) == 22)
    spacing = parts.header.get_zooms()
    assert body.sum() * np.prod(spacing) / 1e3 == pytest.approx(24.6, rel=1e-3)
    before = Path(patient["ct"]).stat().st_mtime_ns
    assert scaled_patient(bodies, 24.6) == patient
    assert Path(patient["ct"]).stat().st_mtime_ns == before
    assert DEMO_BODY_ML > 24.6


# Statistics


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (Estimate(0.4, 0.3, 0.5, 96), "met"),
        (Estimate(0.4, 0.2, 0.5, 96), "undecided"),
        (Estimate(0.7, 0.61, 0.8, 96), "missed"),
        (Estimate(0.1, 0.0, 0.2, 96), "missed"),
        (Estimate(math.nan, math.nan, math.nan, 96), "undecided"),
        (Estimate(0.4, 0.35, 0.45, 9), "undecided"),
        (Estimate(math.nan, math.nan, math.nan, 0), "not run"),
    ],
)
def test_a_verdict_is_that_of_the_interval(estimate: Estimate, verdict: str) -> None:
    assert estimate.verdict(Band(0.3, 0.6)) == verdict


def test_a_band_with_one_end_takes_everything_beyond_it() -> None:
    assert Estimate(9.0, 1.1, math.inf, 96).verdict(Band(low=1.0)) == "met"
    assert Estimate(0.1, 0.0, 0.19, 96).verdict(Band(high=0.2)) == "met"
    assert [str(Band(low=1.0)), str(Band(high=0.2)), str(Band(0.3, 0.6))] == ["≥ 1", "≤ 0.2", "0.3 to 0.6"]


def test_a_share_has_the_interval_of_wilson() -> None:
    found = Share("a", "S").of({"a": arm(8, 41)})
    assert (found.value, found.low, found.high) == pytest.approx((8 / 41, 0.1024, 0.3402), abs=2e-4)
    assert Share("a", "B").of({"a": arm(8, 41)}).value == 0.0
    assert Share("a", "S").of({}).cases == 0


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(ValueError, match="'nose' is none of"):
        Share("a", "nose")


def test_a_risk_ratio_is_narrower_over_paired_patients_than_over_others() -> None:
    paired = RiskRatio("a", "b", "venous").of({"a": arm(40, 96), "b": arm(60, 96)})
    mixed = {97 - number: one for number, one in arm(60, 96).items()}
    crossed = RiskRatio("a", "b", "venous").of({"a": arm(40, 96), "b": mixed})
    assert paired.value == crossed.value == pytest.approx(2 / 3)
    assert paired.low < 2 / 3 < paired.high
    assert paired.high - paired.low < crossed.high - crossed.low


def test_the_interval_of_a_risk_ratio_is_about_that_of_the_logarithm() -> None:
    """Katz's interval, over patients whose leaks in both arms have nothing to do with each other."""
    draw = np.random.default_rng(1)
    leaks = draw.random((2, 400)) < np.array([[0.3], [0.5]])
    first, second = (
        {number: injected(*(["anterior_veins"] if leak else [])) for number, leak in enumerate(row)} for row in leaks
    )
    found = RiskRatio("a", "b", "anywhere").of({"a": first, "b": second})
    a, b = leaks.sum(axis=1)
    spread = 1.96 * math.sqrt(1 / a - 1 / 400 + 1 / b - 1 / 400)
    assert math.log(found.low / found.value) == pytest.approx(-spread, rel=0.15)
    assert math.log(found.high / found.value) == pytest.approx(spread, rel=0.15)


def test_few_leaks_have_the_wider_interval_of_both_shares() -> None:
    none = RiskRatio("a", "b", "venous").of({"a": arm(0, 96), "b": arm(40, 96)})
    assert none.value == 0.0
    assert none.low == 0.0
    assert 0.05 < none.high < 0.2
    assert none.verdict(Band(0.25, 0.8)) == "missed"
    scarce = RiskRatio("a", "b", "venous").of({"a": arm(1, 24), "b": arm(3, 24)})
    assert scarce.verdict(Band(0.25, 0.8)) == "undecided"
    empty = RiskRatio("a", "b", "venous").of({"a": arm(5, 24), "b": arm(0, 24)})
    assert math.isnan(empty.value)
    assert empty.verdict(Band(low=1.0)) == "undecided"


def test_patients_of_one_arm_alone_play_no_part() -> None:
    found = RiskRatio("a", "b", "venous").of({"a": arm(20, 96), "b": arm(20, 48)})
    assert found.cases == 48
    assert found.value == 1.0


def test_a_pressure_ratio_is_that_of_the_means() -> None:
    first = {number: injected(tip=4.0 + 0.1 * number, far=3.0) for number in range(20)}
    second = {number: injected(tip=2.0 + 0.05 * number, far=1.0) for number in range(20)}
    at_tip = PressureRatio("a", "b", "tip").of({"a": first, "b": second})
    far = PressureRatio("a", "b", "far").of({"a": first, "b": second})
    assert (at_tip.value, at_tip.low, at_tip.high) == pytest.approx((2.0, 2.0, 2.0))
    assert far.value == 3.0
    assert at_tip.remark == "4.95 over 2.48 kPa"


def test_a_median_onset_is_that_of_those_who_leak() -> None:
    patients = {number: injected("anterior_veins", onset=0.1 * number) for number in range(1, 42)}
    patients |= {number: injected() for number in range(50, 60)}
    found = MedianOnset("a").of({"a": patients})
    assert found.value == pytest.approx(2.1)
    assert 1.2 < found.low < 2.1 < found.high < 3.0
    assert found.remark == "41 of 51 leak"
    assert MedianOnset("a").of({"a": arm(0, 20)}).verdict(Band(2.0, 5.0)) == "undecided"


def test_odds_per_ml_are_those_that_the_leaks_were_drawn_with() -> None:
    draw = np.random.default_rng(3)
    patients = {}
    for number in range(3000):
        volume, body = draw.uniform(2.0, 6.0), draw.uniform(2.0, 4.0)
        odds = math.exp(math.log(1.6) * (volume - 4.0) - 0.8 * (body - 3.0))
        leaks = draw.random() < odds / (1.0 + odds)
        patients[number] = injected(*(["anterior_veins"] if leaks else []), volume=volume, body=body)
    predictors = {name: lambda one, name=name: float(one.inputs[name]) for name in ("volume", "body")}
    found = OddsRatio("a", "anywhere", "volume", predictors).of({"a": patients})
    assert found.low < 1.6 < found.high
    assert found.value == pytest.approx(1.6, rel=0.1)
    separated = {number: injected(*(["anterior_veins"] if number > 9 else []), volume=number) for number in range(20)}
    alone = OddsRatio("a", "anywhere", "volume", {"volume": predictors["volume"]}).of({"a": separated})
    assert alone.verdict(Band(1.2, 2.5)) == "undecided"
    assert "separation" in alone.remark


def test_the_same_place_is_told_beside_what_chance_gives() -> None:
    left, right = injected("segmental_veins_left", "anterior_veins"), injected("segmental_veins_right")
    cement = {number: left if number % 2 else right for number in range(20)} | {20: injected()}
    shown = {**cement, 0: left, 20: left}
    found = SamePlace("a", "b").of({"a": cement, "b": shown})
    assert found.value == 19 / 20
    assert "20 of 21 leak" in found.remark
    assert "agree in 0.48" in found.remark


def test_a_known_number_needs_no_run() -> None:
    assert Known(lambda: 0.05).of({}).verdict(Band(low=0.042)) == "met"
    assert outlets() == pytest.approx(0.05)


# The folder and the page


def row(one: Injected, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a sweep keeps of a case, as far as the harness reads it."""
    leaks = {
        site: {
            "volume_ml": one.leaked.get(site, 0.0),
            "observed": site in one.observed,
            "onset_injected_ml": one.onset if site in one.observed else None,
        }
        for site in SITES
    }
    results = {"injection": {"leaks": leaks, "peak_tip_pressure_kpa": one.tip, "mass_balance_error": 0.0}}
    return {"inputs": inputs, "outcome": {"results": results, "far_field_kpa": one.far}, "seconds": 1.0}


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bodies")


MADE_UP = {
    "base": (arm(6, 20, "basivertebral_foramen"), 1.0),
    "low": (arm(19, 20), 1.0),
    "high": (arm(0, 20), 1.0),
}
"""Arm -> made-up patients."""


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    """Three arms of 20 patients, of whom the last one of the base failed."""
    folder = tmp_path / "leak-contrasts"
    arms = [arm for arm in contrasts.ARMS if arm.name in MADE_UP]
    plan, sweep = plan_arms(arms, 20, folder, "Leaks"), SweepFolder(folder)
    (folder / "rows").mkdir(parents=True)
    sweep.write("sweep.json", json_text(describe(plan)))
    for case in plan.cases:
        name, _, number = case.values["title"].rpartition(", patient ")
        if (name, number) == ("base", "20"):
            sweep.keep(case, {"inputs": {}, "error": {"kind": "input", "message": "no | way\nin"}, "seconds": 1.0})
        else:
            sweep.keep(case, row(MADE_UP[name][0][int(number)], {}))
    return Finished.read(folder)


def test_a_folder_is_read_by_the_titles_of_its_cases(finished: Finished, tmp_path: Path) -> None:
    assert {name: len(patients) for name, patients in finished.injected.items()} == {"base": 19, "low": 20, "high": 20}
    assert finished.injected["low"][1] == replace(
        MADE_UP["low"][0][1], inputs={}, leaked=finished.injected["low"][1].leaked
    )
    assert finished.failed == {"base": {20: "input: no | way\nin"}}
    assert Finished.read(tmp_path / "nothing").injected == {}


def test_equal_cases_of_two_arms_run_once(tmp_path: Path) -> None:
    base = contrasts.ARMS[0]
    plan = plan_arms([base, replace(base, name="again")], 3, tmp_path / "sweep", "Leaks")
    assert (len(plan.cases), len(plan.different)) == (6, 3)


def test_the_page_has_the_verdicts_of_a_made_up_table(finished: Finished, tmp_path: Path) -> None:
    verification = tmp_path / "verification.md"
    verification.write_text("| V8 x | 1 | holds |\n| V8 y | 2 | **miss** |\n| V14 z | 3 | **miss** |\n")
    rows = [{"input": "volume", "first": 0.5, "low": 0.25}, {"input": "tip", "first": 0.125, "low": None}]
    decided = ResultTable("indices", "What decides", {"input": "input", "first": "alone"}, rows, ("Few points.",))
    text = page(finished, Finished({}, {}), [decided], verification, date(2026, 11, 29))
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert "| 0.316 (0.154 to 0.54) | met | seen |" in lines["B leaks on CT, cement like toothpaste"]
    assert "| 0 (0 to 0.168) | undecided | seen |" in lines["S leaks on CT, cement like toothpaste"]
    assert "| **missed** | seen |" in lines["high over low viscosity: any leak"]
    assert "| met | by construction |" in lines["outlets' conductance at rest"]
    assert "| not run | predicted |" in lines["thoracic bodies through 8G: median onset"]
    assert "1 holds, 1 miss" in lines["V8"]
    assert "not run" in lines["V13"]
    assert "**What decides.**\n\n| input | alone |\n|---|---|\n| volume | 0.5000 |\n| tip | 0.1250 |\n" in text
    assert "- input: no | way (base 1 times)" in text
    assert counts(finished).startswith("**predicted: 3 not run; seen: 1 met, 1 missed, ")
    assert set(LINKED) == {"V8", "V13", "V14"}


def test_the_command_writes_the_page_from_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "--results", str(tmp_path), "--page", str(tmp_path / "page.md")]) == 0
    assert "predicted: 3 not run" in capsys.readouterr().out
    assert "not run yet" in (tmp_path / "page.md").read_text()


def test_the_folder_of_another_sweep_is_refused(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "leak-contrasts" / "sweep.json"
    plan.write_text(plan.read_text().replace("base, patient", "base"))
    assert main(["page", "--results", str(tmp_path), "--page", str(tmp_path / "page.md")]) == 1
    assert "holds another sweep" in capsys.readouterr().err


def test_the_far_field_is_the_largest_mean_without_cement_above_the_resting_pressure() -> None:
    from experiments.verification.far_field import far_field

    def shot(pressure: list[float], saturation: list[float]) -> SimpleNamespace:
        return SimpleNamespace(pressure=1e-3 * np.array(pressure), saturation=np.array(saturation))

    outcome: Any = SimpleNamespace(
        mesh=SimpleNamespace(cell_volumes=np.array([1.0, 1.0, 2.0])),
        snapshots=(
            shot([9.0, 1.0, 1.0], [0.5, 0.0, 0.0]),
            shot([50.0, 4.0, 1.0], [1.0, 0.005, 0.0]),
            shot([99.0, 99.0, 99.0], [1.0, 1.0, 0.02]),
        ),
        results=SimpleNamespace(injection=SimpleNamespace(resting_pressure_kpa=0.25)),
    )
    assert far_field(outcome) == pytest.approx(2.0 - 0.25)


@pytest.mark.slow
def test_arms_run_and_go_on_where_they_were(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*more: str) -> str:
        page = tmp_path / "page.md"
        command = ["contrasts", "--size-mm", "4", "--workers", "1", "--results", str(tmp_path), "--page", str(page)]
        assert main([*command, "--only", "base", "washed", *more]) == 0
        return capsys.readouterr().out

    assert "2 cases, 2 of them not yet" in run("--seeds", "1")
    assert "4 cases, 2 of them not yet" in run("--seeds", "2")
    assert "4 cases, 0 of them not yet" in run("--seeds", "2")
    found = Finished.read(tmp_path / "leak-contrasts")
    assert {name: sorted(patients) for name, patients in found.injected.items()} == {"base": [1, 2], "washed": [1, 2]}
    assert found.failed == {}
    assert all(0.0 < one.far < one.tip for patients in found.injected.values() for one in patients.values())
    assert "| base | " in (tmp_path / "page.md").read_text()
