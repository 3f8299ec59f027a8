"""Needles, boluses and the injection in the case file: what fits together and what is refused."""

from typing import Any

import pytest

from experiments.case.schema import Case, build_case, defaults_used
from meshes.errors import InputError

DEMO = {"patient": {"demo": True}}
RIGHT = {"side": "right"}


def build(**sections: Any) -> Case:
    return build_case({**DEMO, **sections}, "case.toml")


def parts(*volumes: float) -> list[dict[str, float]]:
    return [{"volume_ml": volume} for volume in volumes]


def volumes(case: Case) -> list[list[float]]:
    return [[bolus.volume_ml for bolus in boluses] for boluses in case.boluses]


def test_one_needle_is_the_default() -> None:
    case = build()
    (needle,) = case.needles
    assert (needle.side, needle.gauge, needle.opening, needle.withdraw_mm) == ("left", 11, "front", 0.0)
    assert volumes(case) == [[4.0]]


def test_a_side_moves_the_default_target_to_the_other_half() -> None:
    case = build(needles=[{"side": "left"}, {"side": "right"}, {"side": "right", "left": 0.1}])
    assert [needle.target[0] for needle in case.needles] == [0.2, -0.2, 0.1]


@pytest.mark.parametrize(
    ("needles", "injection", "expected"),
    [
        ([{}, RIGHT], {"volume_ml": 5.0}, [[2.5], [2.5]]),
        ([{"volume_ml": 1.0}, RIGHT, {**RIGHT, "depth": 0.6}], {}, [[1.0], [1.5], [1.5]]),
        ([{"boluses": parts(1.0, 0.5)}, RIGHT], {}, [[1.0, 0.5], [2.5]]),
        ([{"boluses": parts(0.1, 0.2), "volume_ml": 0.3}], {}, [[0.1, 0.2]]),
        ([{"volume_ml": 1.1}, {**RIGHT, "volume_ml": 2.2}], {"volume_ml": 3.3}, [[1.1], [2.2]]),
    ],
    ids=["equal shares", "shares of the rest", "boluses and a share", "sum of boluses", "sum of needles"],
)
def test_what_is_left_open_is_shared(
    needles: list[dict[str, Any]], injection: dict[str, Any], expected: list[list[float]]
) -> None:
    case = build(needles=needles, injection=injection)
    assert volumes(case) == [pytest.approx(row) for row in expected]
    assert case.injection.volume_ml == pytest.approx(sum(map(sum, expected)))


def test_volumes_of_all_needles_make_the_planned_volume() -> None:
    case = build(needles=[{"volume_ml": 1.5}, {**RIGHT, "boluses": parts(0.5, 1.0)}])
    assert case.injection.volume_ml == 3.0
    derived = {"value": 3.0, "unit": "ml", "source": "the needles' volumes added up", "tag": "derived"}
    assert defaults_used(case)["injection.volume_ml"] == derived
    assert defaults_used(build(needles=[{"volume_ml": 1.5}, RIGHT]))["injection.volume_ml"]["tag"] == "M"
    given = build(needles=[{"volume_ml": 1.5}, {**RIGHT, "volume_ml": 1.5}], injection={"volume_ml": 3.0})
    assert "injection.volume_ml" not in defaults_used(given)
    assert build_case(case.model_dump(exclude_unset=True)) == case


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"needles": [{"volume_ml": 3.0}], "injection": {"volume_ml": 4.0}},
            "the needles' volumes add up to 3 ml, but injection.volume_ml = 4 ml; make them agree",
        ),
        (
            {"needles": [{"volume_ml": 9.0}, {**RIGHT, "volume_ml": 9.0}]},
            "the needles' volumes add up to 18 ml; choose 0.1 to 15 ml in all",
        ),
        (
            {"needles": [{"volume_ml": 3.99}, RIGHT]},
            "injection.volume_ml = 4 leaves too little for needles[2], because the other needles take 3.99 ml; "
            "enlarge it to 4.01 ml at least",
        ),
        (
            {"needles": [{"volume_ml": 3.0, "boluses": parts(1.0, 1.5)}]},
            "needles[1]: the boluses add up to 2.5 ml, but volume_ml = 3 ml; make them agree or leave volume_ml out",
        ),
        ({"needles": [{"boluses": []}]}, "needles[1].boluses is an empty list; write at least one table"),
        ({"needles": [{"boluses": parts(1.0)[0]}]}, "is not a list of tables; write [[needles.boluses]] above each"),
        ({"needles": [{"boluses": parts(*[0.1] * 11)}]}, "needles[1].boluses has 11 tables; at most 10 are allowed"),
        ({"needles": [{"boluses": [{}]}]}, "needles[1].boluses[1].volume_ml is missing; choose 0.02 to 15 ml"),
        (
            {"needles": [{"boluses": [{"volume_ml": 1.0, "pause_before_s": 3600}]}]},
            "needles[1].boluses[1].pause_before_s = 3600 is not allowed; choose 0 to 1800 s",
        ),
        ({"needles": [{}] * 5}, "needles has 5 tables; at most 4 are allowed"),
        (
            {"needles": [RIGHT, {}, {**RIGHT, "left": -0.21}]},
            "needles[3] has its tip where needles[1] has it (left = -0.21, depth = 0.25, height = 0.5)",
        ),
        ({"needles": [{"approach": "free", "camber_deg": 20.0}]}, "needs both camber_deg and sagittal_deg"),
        (
            {"needles": [{"camber_deg": 20.0}]},
            'needles[1]: approach = "transpedicular" takes both camber_deg and sagittal_deg, or neither',
        ),
        (
            {"needles": [{"camber_deg": 20.0, "sagittal_deg": 5.0, "height": 0.5}]},
            "needles[1]: height does not go with camber_deg and sagittal_deg of a transpedicular needle",
        ),
        (
            {"needles": [{"camber_deg": 20.0, "sagittal_deg": 5.0, "left": 0.2, "height": 0.5}]},
            "needles[1]: left and height do not go with camber_deg and sagittal_deg of a transpedicular needle",
        ),
        (
            {"needles": [{"approach": "parapedicular", "camber_deg": 20.0, "sagittal_deg": 0.0}]},
            'camber_deg and sagittal_deg need approach = "transpedicular" or "free"; parapedicular derives its axis',
        ),
        ({"needles": [{"approach": "angles"}]}, "choose 'transpedicular', 'parapedicular', 'free' or 'drawn'"),
        ({"needles": [{"proximal_bore_mm": 4.0}]}, "needs both proximal_bore_mm and proximal_length_mm"),
        (
            {"needles": [{"length_mm": 100, "proximal_bore_mm": 4.0, "proximal_length_mm": 100}]},
            "needles[1]: proximal_length_mm = 100 leaves nothing of length_mm = 100",
        ),
        ({"needles": [{"withdraw_mm": 31.0}]}, "needles[1].withdraw_mm = 31.0 is not allowed; choose 0 to 30 mm"),
        (
            {"injection": {"stop_pressure_kpa": 3000.0, "pressure_limit_kpa": 2000.0}},
            "injection: stop_pressure_kpa = 3000 is never reached, because the pressure is held at pressure_limit_kpa "
            "= 2000",
        ),
        (
            {"injection": {"order": "together", "pause_between_needles_s": 30.0}},
            'injection: pause_between_needles_s = 30 needs order = "in_turn"',
        ),
        (
            {"injection": {"hand_force_limit_n": 0.0}},
            "injection.hand_force_limit_n = 0.0 is not allowed; choose 5 to 1000 N",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(sections: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        build(**sections)
    text = str(caught.value)
    assert text.startswith("case.toml: ")
    assert expected in text
    assert "more problem" not in text
    assert "\n" not in text


def test_a_transpedicular_needle_may_be_given_by_its_angles() -> None:
    angles = {"camber_deg": 20.0, "sagittal_deg": 5.0}
    needles = build(needles=[{**angles, "depth": 0.3}, {**angles, "camber_deg": 15.0}, RIGHT]).needles
    assert [needle.by_angles for needle in needles] == [True, True, False]
    assert needles[0].target[1] == 0.3
    (free,) = build(needles=[{"approach": "free", **angles, "left": 0.3, "height": 0.4}]).needles
    assert not free.by_angles


def test_a_stop_at_the_pressure_limit_is_reached() -> None:
    assert build(injection={"stop_pressure_kpa": 3200.0}).injection.stop_pressure_kpa == 3200.0
