"""Sweep files: what they may say, which values their designs give, and the cases that follow, all before any run."""

import math
import tomllib
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from experiments.case.identity import case_identity
from experiments.case.schema import CASES, build_case, demo_case, read_case
from experiments.sweep.cases import given_tables, plan_cases
from experiments.sweep.design import combinations, levels, number_of_cases, quantiles, sample
from experiments.sweep.paths import CasePath
from experiments.sweep.sweep_file import SWEEPS, SweepFile, Vary, read_sweep_file
from meshes.errors import InputError

DEMO = {"patient": {"demo": True}}
POSTERIOR = {"wall": "posterior_wall", "left": 0.2, "height": 0.5}
SUPERIOR = {"wall": "superior_endplate", "left": 0.2, "depth": 0.5}


def varied(**keys: Any) -> Vary:
    return Vary(path="injection.volume_ml", **keys)


def sweep_file_of(*vary: dict[str, Any], base: dict[str, Any] | None = None, **keys: Any) -> SweepFile:
    return SweepFile.model_validate({"base": base or DEMO, "vary": list(vary), **keys})


def uniform(path: str, low: float = 0.0, high: float = 1.0) -> dict[str, Any]:
    return {"path": path, "distribution": "uniform", "low": low, "high": high}


@pytest.mark.parametrize(
    ("vary", "share", "value"),
    [
        (varied(distribution="uniform", low=2.0, high=6.0), 0.25, 3.0),
        (varied(distribution="log-uniform", low=0.1, high=10.0), 0.25, 10.0**-0.5),
        (varied(distribution="normal", mean=4.0, sd=0.5), 0.5 * (1.0 + math.erf(math.sqrt(0.5))), 4.5),
        (varied(distribution="log-normal", median=4.0, geometric_sd=1.5), 0.5 * (1.0 + math.erf(math.sqrt(0.5))), 6.0),
        (varied(distribution="truncated-normal", mean=4.0, sd=1.0, low=3.0, high=5.0), 0.5, 4.0),
        (varied(distribution="truncated-normal", mean=4.0, sd=1.0, low=3.0, high=5.0), 0.0, 3.0),
        (varied(distribution="categorical", choices=["a", "b"], weights=[1.0, 3.0]), 0.24, "a"),
        (varied(distribution="categorical", choices=["a", "b"], weights=[1.0, 3.0]), 0.26, "b"),
        (varied(values=[1.0, 2.0, 4.0, 8.0]), 0.5, 4.0),
        (varied(start=1.0, stop=3.0, count=3), 0.999999, 3.0),
    ],
)
def test_shares_of_a_distribution_lie_below_its_quantiles(vary: Vary, share: float, value: Any) -> None:
    (found,) = quantiles(vary, np.array([share]))
    assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12))


def test_a_range_has_equal_steps_or_equal_ratios() -> None:
    assert levels(varied(start=2.0, stop=4.0, count=5)) == [2.0, 2.5, 3.0, 3.5, 4.0]
    assert levels(varied(start=0.1, stop=10.0, count=3, log=True)) == pytest.approx([0.1, 1.0, 10.0])
    whole = levels(varied(start=10, stop=13, count=4))
    assert whole == [10, 11, 12, 13]
    assert all(isinstance(value, int) for value in whole)


def test_a_grid_combines_all_and_zipped_pairs() -> None:
    listed = [{"path": "cement.viscosity", "values": ["low", "high"]}, {"path": "mesh.size_mm", "values": [2.0, 3.0]}]
    assert combinations(sweep_file_of(*listed)) == [("low", 2.0), ("low", 3.0), ("high", 2.0), ("high", 3.0)]
    assert combinations(sweep_file_of(*listed, design="zipped")) == [("low", 2.0), ("high", 3.0)]


PAIR = (uniform("mesh.size_mm"), uniform("injection.volume_ml"), uniform("cement.index"))


def test_a_latin_hypercube_meets_every_stratum_once() -> None:
    points = sample(sweep_file_of(*PAIR, design="latin-hypercube", count=16))
    for column in points.T:
        assert sorted(np.floor(16 * column)) == list(range(16))


def test_morris_changes_one_value_at_a_time() -> None:
    sweep_file = sweep_file_of(*PAIR, design="morris", count=5)
    points = sample(sweep_file)
    assert len(points) == number_of_cases(sweep_file) == 5 * 4
    for trajectory in points.reshape(5, 4, 3):
        steps = [after - before for before, after in pairwise(trajectory)]
        assert sorted(int(np.flatnonzero(step).item()) for step in steps) == [0, 1, 2]
        np.testing.assert_allclose(np.abs(steps).sum(axis=1), 2.0 / 3.0)


def test_sobol_exchanges_one_column_at_a_time_of_two_samples() -> None:
    sweep_file = sweep_file_of(*PAIR, design="sobol", count=8)
    points = sample(sweep_file)
    assert len(points) == number_of_cases(sweep_file) == 8 * 5
    for first, *mixed, other in points.reshape(8, 5, 3):
        for column, point in enumerate(mixed):
            expected = first.copy()
            expected[column] = other[column]
            np.testing.assert_array_equal(point, expected)


@pytest.mark.parametrize("design", ["random", "latin-hypercube", "sobol", "morris"])
def test_the_seed_fixes_a_sample(design: str) -> None:
    first, again, other = (combinations(sweep_file_of(*PAIR, design=design, count=8, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_random_sample_is_that_of_its_distribution() -> None:
    points = sample(sweep_file_of(*PAIR, design="random", count=4000))
    np.testing.assert_allclose(points.mean(axis=0), 0.5, atol=4.0 / math.sqrt(12.0 * 4000))
    assert np.abs(np.corrcoef(points.T) - np.eye(3)).max() < 4.0 / math.sqrt(4000)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"desing": "grid"}, "desing"),
        ({"design": "random"}, 'design = "random" needs count'),
        ({"design": "grid", "count": 4}, "remove count"),
        ({"design": "sobol", "count": 12}, "12 is no power of 2"),
        ({"vary": [uniform("a.b")]}, 'a.b has a distribution, from which "grid" does not sample'),
        ({"vary": [{"path": "a", "values": [1]}, {"path": "a", "values": [2]}]}, "a is varied twice"),
        (
            {"vary": [{"path": "a", "values": [1]}, {"path": "b", "values": [1, 2]}], "design": "zipped"},
            "1 of a and 2 of b",
        ),
        ({"vary": [{"path": "a"}]}, "give values, start with stop and count, or distribution"),
        ({"vary": [{"path": "a", "values": [1], "start": 2}]}, "exclude each other"),
        ({"vary": [{"path": "a", "values": []}]}, "values"),
        ({"vary": [{"path": "a", "values": ["low"], "relative": True}]}, "all values must be numbers"),
        ({"vary": [{"path": "a", "start": 0.0, "stop": 1.0, "count": 3, "log": True}]}, "above 0"),
        ({"vary": [{"path": "a", "distribution": "normal", "mean": 1.0}]}, '"normal" needs sd'),
        ({"vary": [{**uniform("a"), "sd": 1.0}]}, 'sd does not go with "uniform"'),
        ({"vary": [uniform("a", 2.0, 1.0)]}, "low = 2 is not below high = 1"),
        ({"vary": [{**uniform("a"), "distribution": "log-uniform"}]}, "low = 0 is not above 0"),
        ({"vary": [{"path": "a", "distribution": "categorical", "choices": [1], "weights": [1.0, 2.0]}]}, "one each"),
        ({"vary": [{"path": "a", "values": [1, 2], "names": ["one"]}]}, "2 values need as many different names"),
        ({"vary": [{"path": "a", "values": [1, 2], "names": ["one", "one"]}]}, "not one and one"),
        (
            {
                "vary": [{"path": "a", "distribution": "normal", "mean": 1.0, "sd": 1.0}],
                "design": "morris",
                "count": 4,
            },
            "no bounds",
        ),
    ],
)
def test_what_a_sweep_cannot_be_is_refused(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SweepFile.model_validate({"base": DEMO, "vary": [{"path": "mesh.size_mm", "values": [2.0]}], **keys})


def test_one_sentence_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('[base]\ncase = "demo"\n[[vary]]\npath = "mesh.size_mm"\nvalue = [2.0]\n')
    with pytest.raises(InputError, match=r"^study\.toml: vary\[1\]\.value is not a known key; did you mean 'values'\?"):
        read_sweep_file(file)
    with pytest.raises(InputError, match="no such sweep file; ready ones are bone-density, "):
        read_sweep_file(tmp_path / "none.toml")
    with pytest.raises(InputError, match="no such sweep; choose bone-density, "):
        SWEEPS.file("none")


@pytest.mark.parametrize(
    ("vary", "complaint"),
    [
        ({"path": "mesh.sise_mm", "values": [2.0]}, r"case 1 with mesh.sise_mm = 2: .*did you mean 'size_mm'"),
        ({"path": "mesh.size_mm", "values": [2.0, 9.0]}, r"case 2 with mesh.size_mm = 9: .*choose 0.5 to 4 mm"),
        ({"path": "mesh size", "values": [2.0]}, r"is no key of a case file"),
        ({"path": "mesh.size_mm.x", "values": [2.0]}, "goes through a value that is no table"),
        ({"path": "needles[3].left", "values": [0.1]}, "the base case gives 1 such tables"),
        ({"path": "laws.cement.nothing", "values": [0.1]}, "is no value of a law"),
        ({"path": "cement.viscosity", "values": [2.0], "relative": True}, "the base case has 'medium' there"),
        ({"path": "outside.veins_kpa", "values": [2.0], "relative": True}, "a number other than 0"),
    ],
)
def test_wrong_paths_and_values_are_refused_before_any_run(vary: dict[str, Any], complaint: str) -> None:
    base = {"case": "demo", "mesh": {"size_mm": 3.0}}
    with pytest.raises(InputError, match=complaint):
        plan_cases(sweep_file_of(vary, base=base), "study.toml", Path())


def test_factors_multiply_the_value_of_the_base_case_or_of_its_law() -> None:
    vary = [
        {"path": path, "values": [0.5], "relative": True}
        for path in (
            "outlets.conductance_ml_per_s_kpa",
            "cement.consistency_pa_s",
            "injection.rate_ml_per_min",
            "needles[1].length_mm",
        )
    ]
    (case,) = plan_cases(sweep_file_of(*vary, base={"case": "demo"}), "study.toml", Path()).cases
    length = CasePath.parse("needles[1].length_mm").value(demo_case())
    # Defaults of the outlets and of the medium class, and the rate of the demo.
    assert list(case.values.values()) == pytest.approx([0.025, 50.0, 1.5, 0.5 * length])


def test_needles_and_laws_are_reached() -> None:
    vary = [
        {"path": "needles[1].left", "values": [0.1]},
        {"path": "laws.cement.activation_energy", "values": [50.0]},
        {"path": "needles[1].gauge", "values": [13]},
    ]
    plan = plan_cases(sweep_file_of(*vary), "study.toml", Path())
    case = build_case(dict(plan.cases[0].content))
    assert case.needles[0].left == 0.1
    assert case.needles[0].gauge == 13
    assert case.laws == {"cement.activation_energy": 50.0}
    assert plan.units == {
        "needles[1].left": "1",
        "laws.cement.activation_energy": "kJ/mol",
        "needles[1].gauge": "gauge",
    }


def test_whole_tables_vary_as_well() -> None:
    sides = [[{"side": "left"}], [{"side": "left"}, {"side": "right", "left": -0.2}]]
    plan = plan_cases(sweep_file_of({"path": "needles", "values": sides}), "study.toml", Path())
    assert [len(build_case(dict(case.content)).needles) for case in plan.cases] == [1, 2]


def test_whole_tables_have_names_and_values_of_their_own() -> None:
    sites = {"path": "defects", "names": ["behind", "above"], "values": [[POSTERIOR], [SUPERIOR]]}
    diameter = {"path": "defects[1].diameter_mm", "values": [3.0, 6.0]}
    plan = plan_cases(sweep_file_of(sites, diameter), "study.toml", Path())
    assert [tuple(case.values.values()) for case in plan.cases] == list(product(("behind", "above"), (3.0, 6.0)))
    opened = [build_case(dict(case.content)).defects[0] for case in plan.cases]
    assert [(defect.wall, defect.diameter_mm) for defect in opened] == [
        (wall, diameter) for wall in ("posterior_wall", "superior_endplate") for diameter in (3.0, 6.0)
    ]
    assert "diameter_mm" not in POSTERIOR
    turned = plan_cases(sweep_file_of(diameter, sites), "study.toml", Path())
    assert {case.identity for case in turned.cases} == {case.identity for case in plan.cases}


def test_volumes_of_needles_vary_where_all_of_them_have_their_own() -> None:
    needles = [{"side": "left", "volume_ml": 2.0}, {"side": "right", "left": -0.2, "volume_ml": 1.0}]
    vary = {"path": "needles[2].volume_ml", "values": [1.0, 2.5]}
    plan = plan_cases(sweep_file_of(vary, base={**DEMO, "needles": needles}), "study.toml", Path())
    assert [build_case(dict(case.content)).injection.volume_ml for case in plan.cases] == [3.0, 4.5]


def test_equal_cases_are_one_case() -> None:
    listed = {"path": "injection.volume_ml", "values": [3.0, 4.0, 3.0]}
    plan = plan_cases(sweep_file_of(listed), "study.toml", Path())
    assert [case.number for case in plan.cases] == [1, 2, 3]
    assert [case.number for case in plan.different.values()] == [1, 2]
    assert plan.cases[0].identity == case_identity(build_case({**DEMO, "injection": {"volume_ml": 3.0}})).case


def test_the_base_is_a_file_with_changes(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("[patient]\ndemo = true\n[injection]\nvolume_ml = 3.0\nrate_ml_per_min = 2.0\n")
    base = {"case": "base.toml", "injection": {"volume_ml": 2.0}}
    (case,) = plan_cases(
        sweep_file_of({"path": "mesh.size_mm", "values": [3.0]}, base=base), "study.toml", tmp_path
    ).cases
    assert case.content["injection"] == {"volume_ml": 2.0, "rate_ml_per_min": 2.0}
    with pytest.raises(InputError, match=r"nowhere\.toml: no such case file"):
        plan_cases(
            sweep_file_of({"path": "mesh.size_mm", "values": [3.0]}, base={"case": "nowhere.toml"}), "s", tmp_path
        )


OTHER = ("sweeps", "cohorts", "trials", "calibration")
CASE_FILES = [path for path in sorted(CASES.rglob("*.toml")) if path.parent.name not in OTHER]


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_the_case_file_of_a_case_is_the_same_case(path: Path) -> None:
    case = read_case(path)
    plan = plan_cases(
        sweep_file_of({"path": "title", "values": ["one"]}, base={"case": str(path)}), "study.toml", Path()
    )
    again = build_case(tomllib.loads(plan.cases[0].case_file("failed:\nwhy")))
    assert case_identity(again).case == plan.cases[0].identity == case_identity(case).case
    assert given_tables(again) == plan.cases[0].content


@pytest.mark.parametrize("name", SWEEPS.names)
def test_ready_sweeps_have_valid_cases(name: str) -> None:
    plan = plan_cases(read_sweep_file(SWEEPS.file(name)), name, SWEEPS.file(name).parent)
    assert len(plan.different) == len(plan.cases) >= 15
