"""What random samples say of leaks, what other samples may not say, and the command."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_stand_in import injection, sweep_folder
from typer.testing import CliRunner

from experiments.analysis.analysis import Analysis, analyse_sample
from experiments.analysis.factor import Factor, level_names, number_names, readable
from experiments.analysis.leaks import CENSORED, FRONT, LEAK, Leaks
from experiments.analysis.sample import Sample
from experiments.analysis.table import ResultTable, cell
from experiments.cli.main import app
from experiments.sweep.design import combinations, number_of_cases
from experiments.sweep.sweep_file import SweepFile, Vary
from meshes.errors import InputError

ONE, TWO = [{"side": "left"}], [{"side": "left"}, {"side": "right"}]
NEEDLES = {"path": "needles", "values": [ONE, TWO], "crossed": True}
BONE = {"path": "bone.permeability_multiplier", "distribution": "log-normal", "median": 1.0, "geometric_sd": 1.5}
VOLUME = {"path": "injection.volume_ml", "distribution": "uniform", "low": 2.0, "high": 6.0}


def sampled(needles: list[dict[str, str]], bone: float, volume: float) -> dict[str, Any]:
    """Leaks above a volume that denser bone and a second needle move; 0.1 ml less leak with two needles."""
    limit = 4.0 - 2.0 * math.log10(bone) + 0.5 * (len(needles) - 1) + 0.5 * math.sin(40.0 * volume)
    leak = 0.3 if volume > limit else 0.0
    part = injection(leak + 0.01 * volume - 0.1 * (len(needles) - 1), volume, onset=limit if leak else None)
    return {"injection": part, "inputs": {"needles": needles}}


def analysed(path: Path) -> Analysis:
    return analyse_sample(Sample.read(path))


ONLY_THESE = "Intervals hold for these 12 vertebrae only: cases were drawn again, not vertebrae."


def tables_of(path: Path) -> dict[str, ResultTable]:
    return {finding.table.name: finding.table for finding in analysed(path).findings}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crossed") / "sweep"
    return sweep_folder(folder, sampled, vary=[NEEDLES, BONE, VOLUME], design="random", count=60, seed=2)


@pytest.fixture(scope="module")
def crossed_tables(crossed: Path) -> dict[str, ResultTable]:
    return tables_of(crossed)


def test_crossed_values_run_over_the_same_sample() -> None:
    sweep_file = SweepFile.model_validate({"base": {}, "design": "random", "count": 5, "vary": [BONE, NEEDLES, VOLUME]})
    alone = SweepFile.model_validate({"base": {}, "design": "random", "count": 5, "vary": [BONE, VOLUME]})
    cases = combinations(sweep_file)
    assert len(cases) == number_of_cases(sweep_file) == 10
    assert [needles for _, needles, _ in cases] == [ONE, TWO] * 5
    assert [(bone, volume) for bone, _, volume in cases[::2]] == combinations(alone)
    assert [(bone, volume) for bone, _, volume in cases[1::2]] == combinations(alone)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"design": "sobol", "count": 4, "vary": [BONE, NEEDLES]}, 'crossed = true belongs to design = "random"'),
        ({"design": "random", "count": 4, "vary": [NEEDLES]}, "nothing is sampled"),
        ({"design": "random", "count": 4, "vary": [VOLUME | {"crossed": True}]}, "give values"),
    ],
)
def test_what_cannot_be_crossed(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SweepFile.model_validate({"base": {}, **keys})


def test_pairs_are_equal_but_for_their_needles(crossed: Path, crossed_tables: dict[str, ResultTable]) -> None:
    tables = crossed_tables
    (leaked,) = tables["laterality"].rows
    cases = combinations(Sample.read(crossed).sweep_file)
    values = [sampled(*case)["injection"] for case in cases]
    changes = [two["leaked_ml"] - one["leaked_ml"] for one, two in zip(values[::2], values[1::2], strict=True)]
    assert leaked["pairs"] == 60
    assert leaked["mean"] == pytest.approx(np.mean(changes))
    assert (leaked["least"], leaked["largest"]) == pytest.approx((min(changes), max(changes)))
    assert leaked["low"] < leaked["mean"] < leaked["high"] < 0.0
    assert tables["laterality"].remarks == ("Intervals draw 60 sampled patients again.",)
    leaks = [value["leaks"]["canal_posterior_wall"]["onset_injected_ml"] is not None for value in values]
    one, two = np.array(leaks[::2]), np.array(leaks[1::2])
    (row,) = tables["laterality_leaks"].rows
    assert (row["both"], row["one_only"], row["two_only"]) == (
        (one & two).sum(),
        (one & ~two).sum(),
        (~one & two).sum(),
    )
    least, changed = min(row["one_only"], row["two_only"]), row["one_only"] + row["two_only"]
    tail = 2.0 * sum(math.comb(changed, k) for k in range(least + 1)) / 2.0**changed
    assert row["p_value"] == pytest.approx(min(1.0, tail))


def test_probabilities_are_given_for_each_arm(crossed: Path, crossed_tables: dict[str, ResultTable]) -> None:
    rows = [row for row in crossed_tables["probabilities"].rows if row["event"] == "any leak"]
    cases = combinations(Sample.read(crossed).sweep_file)
    for arm, needles in (("bilateral", TWO), ("unilateral", ONE)):
        (row,) = [row for row in rows if row["arm"] == arm]
        leaks = [sampled(*case)["injection"]["leaked_ml"] > 0.2 - 0.1 * (len(needles) - 1) for case in cases]
        mine = [leak for leak, case in zip(leaks, cases, strict=True) if case[0] == needles]
        assert (row["events"], row["cases"]) == (sum(mine), 60)
        assert row["low"] < row["probability"] < row["high"]


def test_a_random_sample_has_odds_curves_and_incidence(crossed_tables: dict[str, ResultTable]) -> None:
    tables = crossed_tables
    odds = {row["input"]: row for row in tables["odds"].rows}
    assert odds["injection volume"]["ratio"] > 1.0 > odds["needles: bilateral"]["ratio"]
    assert odds["bone permeability multiplier"]["per"].startswith("factor ")
    assert odds["needles: bilateral"]["per"] == "instead of unilateral"
    best = tables["roc"].rows[0]
    assert best["score"] == "all inputs, logistic"
    assert 0.8 < best["low"] < best["auc"] <= best["apparent"]
    assert {row["arm"] for row in tables["first_leak"].rows} == {"bilateral", "unilateral"}
    assert "Kaplan-Meier" in tables["first_leak"].remarks[0]


def test_what_ended_a_case_decides_how_it_counts(tmp_path: Path) -> None:
    ends = iter(
        [
            injection(0.0, 4.0),
            injection(0.2, 3.0, "leak_limit:canal_posterior_wall", onset=2.5),
            injection(0.005, 1.0, "leak_limit:canal_posterior_wall"),
            injection(0.0, 2.0, "front_limit"),
            injection(0.1, 3.5, "front_limit", onset=3.1),
            injection(0.0, 1.5, "working_time"),
            injection(0.0, 0.0, "no_flow"),
        ]
    )
    folder = sweep_folder(tmp_path / "s", lambda _: {"injection": next(ends)}, vary=[VOLUME], design="random", count=7)
    leaks = Leaks.of(Sample.read(folder))
    assert leaks is not None
    assert leaks.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert leaks.status.tolist() == [CENSORED, LEAK, LEAK, FRONT, LEAK, CENSORED]
    assert leaks.volume.tolist() == [4.0, 2.5, 1.0, 2.0, 3.1, 1.5]
    table = tables_of(folder)["first_leak"]
    assert "Aalen-Johansen; 3 leaked, 1 ended by the front's limit (competing), 2 ended otherwise" in table.remarks[0]


@pytest.mark.parametrize(
    ("sweep_file", "reason"),
    [
        ({"vary": [{"path": "injection.volume_ml", "values": [2.0, 4.0, 6.0]}]}, "A grid has no probabilities"),
        ({"vary": [VOLUME], "design": "latin-hypercube", "count": 20}, "A Latin hypercube has no probabilities"),
        (
            {"vary": [{"path": "injection.volume_ml", "values": [2.0, 6.0]}], "design": "random", "count": 20},
            "injection.volume_ml has no declared distribution",
        ),
        (
            {
                "vary": [VOLUME, {"path": "mesh.size_mm", "distribution": "uniform", "low": 1.0, "high": 3.0}],
                "design": "random",
                "count": 20,
            },
            "mesh.size_mm is neither a patient's nor a procedure's",
        ),
    ],
)
def test_only_random_samples_of_declared_distributions_have_probabilities(
    tmp_path: Path, sweep_file: dict[str, Any], reason: str
) -> None:
    folder = sweep_folder(
        tmp_path / "s", lambda volume, *_: {"injection": injection(0.1 * volume, volume, onset=1.0)}, **sweep_file
    )
    tables = tables_of(folder)
    assert not {"probabilities", "odds", "roc", "first_leak"} & set(tables)
    assert any(remark.startswith(reason) for remark in tables["endings"].remarks)


def test_pairs_of_a_grid_have_no_intervals_and_no_test(tmp_path: Path) -> None:
    vary = [{"path": "injection.volume_ml", "values": [2.0, 4.0]}, {"path": "needles", "values": [ONE, TWO]}]
    folder = sweep_folder(tmp_path / "g", lambda volume, needles: sampled(needles, 1.0, volume), vary=vary)
    tables = tables_of(folder)
    assert tables["laterality"].rows[0]["pairs"] == 2
    assert "low" not in tables["laterality"].headings
    assert "p_value" not in tables["laterality_leaks"].headings


def test_the_number_of_vertebrae_is_always_said(tmp_path: Path, crossed: Path) -> None:
    assert "1 vertebra: nothing here generalises over patients." in Sample.read(crossed).about()
    patients = [{"ct": f"{i}.nii", "mask": "m.nii", "level": "L3"} for i in range(12)]
    several = sweep_folder(
        tmp_path / "s",
        lambda patient, volume: {
            "injection": injection(0.3, volume, onset=2.0) if volume > 4.0 else injection(0.0, volume),
            "inputs": {"patient": patient},
        },
        vary=[{"path": "patient", "distribution": "categorical", "choices": patients}, VOLUME],
        design="random",
        count=80,
    )
    sample = Sample.read(several)
    assert "12 distinct vertebrae." in sample.about()
    assert len(set(sample.vertebrae.tolist())) == 12
    tables = tables_of(several)
    assert tables["main_effects"].remarks == ("12 vertebrae group the cases and are not among the inputs.", ONLY_THESE)
    assert [row["score"] for row in tables["roc"].rows] == ["injection volume"]


def test_intervals_over_several_vertebrae_say_whether_they_hold_for_these_alone(tmp_path: Path, crossed: Path) -> None:
    patients = [{"ct": f"{i}.nii", "mask": "m.nii", "level": "L3"} for i in range(12)]

    def model(patient: dict[str, str], volume: float) -> dict[str, Any]:
        leaks = int(patient["ct"].removesuffix(".nii")) % 2 == 0 and volume > 3.5
        ended = injection(0.3, volume, onset=2.0) if leaks else injection(0.0, volume)
        return {"injection": ended | {"peak_tip_pressure_kpa": volume}, "inputs": {"patient": patient}}

    vary = [{"path": "patient", "distribution": "categorical", "choices": patients}, VOLUME]
    folder = sweep_folder(tmp_path / "s", model, vary=vary, design="random", count=80)
    out = tmp_path / "analysis"
    outcome = invoke(str(folder), "-o", str(out), "--output", "injection.peak_tip_pressure_kpa")
    assert outcome.exit_code == 0, outcome.output
    content = json.loads((out / "analysis.json").read_text())
    assert any("unless their table says that it draws vertebrae again" in sentence for sentence in content["about"])
    told = {name: " ".join(table["remarks"]) for name, table in content["tables"].items()}
    for name in ("main_effects", "indices", "probabilities", "first_leak"):
        assert ONLY_THESE in told[name], name
        assert outcome.output.count(ONLY_THESE) >= 4
    assert "robust by 12 vertebrae" in told["odds"]
    assert "Intervals draw 12 vertebrae again." in told["roc"]
    assert not any(ONLY_THESE in told[name] for name in ("odds", "roc", "endings"))
    for plot, note in (("main_effects", "for these 12 vertebrae only"), ("roc", "intervals over 12 vertebrae")):
        assert note in (out / "plots" / f"{plot}.svg").read_text(), plot
    alone = analysed(crossed)
    assert not any("vertebrae" in remark for finding in alone.findings for remark in finding.table.remarks)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("bone.hu_slope_mg_per_cm3", "patient"),
        ("defects[1].diameter_mm", "patient"),
        ("laws.segmental_veins.length", "patient"),
        ("needles[2].left", "procedure"),
        ("cement.index", "procedure"),
        ("laws.cement.activation_energy", "procedure"),
        ("mesh.size_mm", "model"),
        ("laws.front.threshold", "model"),
    ],
)
def test_whose_a_value_is_follows_from_its_path(path: str, kind: str) -> None:
    vary = Vary.model_validate({"path": path, "values": [1.0, 2.0]})
    assert Factor.of(vary, "1", [1.0, 2.0]).kind == kind


def test_names_are_for_people() -> None:
    assert readable("outlets.conductance_ml_per_s_kpa", "ml/(s kPa)") == "outlets conductance"
    assert readable("bone.hu_slope_mg_per_cm3", "mg/cm3/HU") == "bone hu slope"
    assert level_names("title", ["a_b", "a b"]) == ["a_b", "a b"]
    assert number_names([0.0005, 12000.0]) == ("0.0005", "12000")
    assert number_names([1.00001, 1.00002]) == ("1.00001", "1.00002")
    assert level_names("needles", [ONE, TWO]) == ["unilateral", "bilateral"]
    assert level_names("needles", [ONE, [{"side": "right"}]]) == ["side left", "side right"]
    assert [cell(value) for value in (None, math.nan, 12345.6, 0.00012, 0.0, 1.23456)] == [
        *("–", "–", "12346", "1.20 × 10⁻⁴", "0", "1.235")
    ]


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["analyse", *arguments], env={"COLUMNS": "200"})


def test_the_command_shows_and_writes(crossed: Path, tmp_path: Path) -> None:
    out = tmp_path / "analysis"
    outcome = invoke(str(crossed), "-o", str(out))
    assert outcome.exit_code == 0, outcome.output
    assert "Random sample: 120 of 120 cases finished, 0 failed, 0 not run yet." in outcome.output
    assert "not a medical device" in outcome.output
    content = json.loads((out / "analysis.json").read_text())
    with (out / "tables" / "probabilities.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == [column["heading"] for column in content["tables"]["probabilities"]["columns"]]
    assert len(lines) - 1 == len(content["tables"]["probabilities"]["rows"])
    plots = {path.stem for path in out.glob("plots/*.svg")}
    assert plots == {path.stem for path in out.glob("plots/*.png")}
    assert {"main_effects", "odds", "roc", "first_leak", "laterality"} <= plots
    before = (out / "analysis.json").read_bytes()
    assert invoke(str(crossed), "-o", str(out)).exit_code == 0  # replaces its own
    assert (out / "analysis.json").read_bytes() == before


def test_failed_and_missing_cases_are_said(tmp_path: Path) -> None:
    count = iter(range(1000))

    def some(volume: float) -> dict[str, Any] | str | None:
        number = next(count)
        if number < 3:
            return "the needle misses the body"
        return None if number < 5 else {"injection": injection(0.1 * volume, volume)}

    folder = sweep_folder(tmp_path / "s", some, vary=[VOLUME], design="random", count=30)
    analysis = analysed(folder)
    assert analysis.about[0] == "Random sample: 25 of 30 cases finished, 3 failed, 2 not run yet."
    assert "short cases finish first" in analysis.about[-1]
    tables = {finding.table.name: finding.table for finding in analysis.findings}
    assert "3 failed cases are left out; they could move a probability by 0.11" in tables["probabilities"].remarks[-1]
    assert tables["odds"].remarks == ("None of the 25 cases leaked: no regression.",)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--output", "injection.nothing"], "the table has no such output"),
        (["--output", "input.injection.volume_ml"], "the table has no such output"),
        (["--output", "injection.stop_reason"], "holds string and no single numbers"),
        (["--output", "injection.leak_classes.disc"], "is 0 in all of the finished cases"),
    ],
)
def test_what_cannot_be_analysed_is_one_sentence(crossed: Path, arguments: list[str], complaint: str) -> None:
    outcome = invoke(str(crossed), *arguments)
    assert outcome.exit_code == 2
    assert complaint in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert not (crossed / "analysis").exists()


def test_names_with_dollar_signs_are_drawn_as_they_are(tmp_path: Path) -> None:
    needles = {"path": "needles", "values": [ONE, TWO], "names": ["$5_{", "$\\frac$"]}
    volume = {"path": "injection.volume_ml", "values": [2.0, 3.0]}

    def model(sides: list[dict[str, str]], volume: float) -> dict[str, Any]:
        return {"injection": injection(volume * len(sides), volume)}

    folder = sweep_folder(tmp_path / "s", model, vary=[needles, volume])
    outcome = invoke(str(folder), "--output", "injection.leaked_ml", "--output", "injection.leaked_ml")
    assert outcome.exit_code == 0, outcome.output
    content = json.loads((folder / "analysis" / "analysis.json").read_text())
    assert len(content["tables"]["indices"]["rows"]) == 2  # an output that is asked for twice is analysed once
    assert "$\\frac$" in (folder / "analysis" / "plots" / "main_effects.svg").read_text()


def test_a_plan_of_other_cases_is_one_sentence(tmp_path: Path) -> None:
    folder = sweep_folder(
        tmp_path / "s",
        lambda volume: {"injection": injection(0.1 * volume, volume)},
        vary=[VOLUME],
        design="random",
        count=5,
    )
    plan = json.loads((folder / "sweep.json").read_text())
    for cases in (plan["cases"][:3], [{**plan["cases"][0], "number": 9}, *plan["cases"][1:]]):
        (folder / "sweep.json").write_text(json.dumps({**plan, "cases": cases}))
        assert "is damaged or comes from another version" in invoke(str(folder)).stderr


def test_the_reasons_of_endings_are_for_people(tmp_path: Path) -> None:
    ended = {"injection": injection(0.5, 3.0, "leak_limit:canal_posterior_wall", 2.9)}
    vary = [{"path": "injection.volume_ml", "values": [3.0, 4.0]}]
    tables = tables_of(sweep_folder(tmp_path / "s", lambda volume: ended, vary=vary))
    assert tables["endings"].rows[0]["reason"] == "leak limit, canal posterior wall"


def test_folders_without_cases_are_one_sentence(tmp_path: Path) -> None:
    assert "holds no sweep" in invoke(str(tmp_path)).stderr
    empty = sweep_folder(tmp_path / "e", lambda _: None, vary=[VOLUME], design="random", count=3)
    assert "no case is finished yet" in invoke(str(empty)).stderr
    failed = sweep_folder(tmp_path / "f", lambda _: "wrong", vary=[VOLUME], design="random", count=3)
    assert "all 3 cases so far failed" in invoke(str(failed)).stderr


def test_constant_headlines_are_said_and_left_out(tmp_path: Path) -> None:
    folder = sweep_folder(
        tmp_path / "s",
        lambda volume: {
            "injection": injection(0.0, volume) | {"peak_tip_pressure_kpa": volume},
            "stiffness": {"intact_n_per_mm": 15565.0},
        },
        vary=[VOLUME],
        design="random",
        count=25,
    )
    analysis = analysed(folder)
    assert analysis.remarks == (
        "cement leaked [ml] is 0 in all of the finished cases.",
        "axial stiffness, intact [N/mm] is 15565 in all of the finished cases.",
    )
    with pytest.raises(InputError, match="is 0 in all"):
        analyse_sample(Sample.read(folder), ["injection.leaked_ml"])


def test_values_that_the_libraries_draw_no_longer_are_refused(tmp_path: Path) -> None:
    folder = sweep_folder(
        tmp_path / "s",
        lambda volume: {"injection": injection(0.1 * volume, volume)},
        vary=[VOLUME],
        design="random",
        count=25,
    )
    plan = json.loads((folder / "sweep.json").read_text())
    plan["study"]["seed"] = 9
    (folder / "sweep.json").write_text(json.dumps(plan))
    with pytest.raises(InputError, match="draw other values than the sweep has"):
        analysed(folder)
