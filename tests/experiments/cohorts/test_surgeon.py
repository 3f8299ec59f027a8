import numpy as np
import pytest

from experiments.case.schema import build_case
from experiments.cohorts.cohort_file import COHORTS, read_cohort
from experiments.cohorts.cohort_plan import treated, vertebrae_of
from experiments.cohorts.distributions import Choice, Fixed
from experiments.cohorts.population import Population
from experiments.cohorts.published import STUDIES
from experiments.cohorts.surgeon import Surgeon, operation_tables
from experiments.cohorts.virtual_patient import draw_patient

BOTH = Choice(weights={"both": 1}, source="test", tag="D")


def operations(surgeon: Surgeon, count: int = 300) -> list[dict]:
    return [operation_tables(surgeon, 4, draw_patient(Population(), 4, number)[0]) for number in range(1, count + 1)]


def test_tips_scatter_about_the_rule_on_the_needles_side() -> None:
    needles = [table["needles"][0] for table in operations(Surgeon())]
    depth, height = (np.array([needle[key] for needle in needles]) for key in ("depth", "height"))
    aside = np.array([needle["left"] * (1.0 if needle["side"] == "left" else -1.0) for needle in needles])
    for values, law in ((depth, Surgeon().tip_depth), (height, Surgeon().tip_height), (aside, Surgeon().tip_aside_one)):
        assert abs(values.mean() - law.expected) < 3.5 * law.spread / np.sqrt(len(values))
        assert values.std() == pytest.approx(law.spread, rel=0.15)
    assert 0.4 < np.mean([needle["side"] == "left" for needle in needles]) < 0.6


def test_two_needles_stay_on_their_sides_and_share_the_volume() -> None:
    for table in operations(Surgeon(sides=BOTH), 60):
        left, right = table["needles"]
        assert left["left"] > 0.05 > -0.05 > right["left"]
        assert (left["side"], right["side"]) == ("left", "right")


def test_rules_follow_the_level() -> None:
    for number in range(1, 40):
        vertebra = draw_patient(Population(), 4, number)[0]
        table = operation_tables(Surgeon(), 4, vertebra)
        thoracic = vertebra.level.startswith("T")
        assert table["needles"][0]["gauge"] == (13 if thoracic else 11)
        assert table["injection"]["volume_ml"] == (6.0 if thoracic else 8.0)


def test_boluses_add_up_to_the_volume() -> None:
    volume = Fixed(value=4.0, unit="ml", source="test", tag="D")
    surgeon = Surgeon(
        bolus_ml=Fixed(value=1.5, unit="ml", source="test", tag="D"), volume_lumbar_ml=volume, volume_thoracic_ml=volume
    )
    (table,) = operations(surgeon, 1)
    assert [bolus["volume_ml"] for bolus in table["needles"][0]["boluses"]] == [1.5, 1.5, 1.0]
    assert "pause_before_s" not in table["needles"][0]["boluses"][0]
    assert "volume_ml" not in table["injection"]


def test_an_operation_is_the_same_again_and_another_aim_moves_needles_alone() -> None:
    vertebra = draw_patient(Population(), 4, 9)[0]
    first, again, second = (operation_tables(Surgeon(), 4, vertebra, aim) for aim in (1, 1, 2))
    assert first == again
    assert first["needles"][0]["depth"] != second["needles"][0]["depth"]
    assert {**first, "needles": 0} == {**second, "needles": 0}
    assert first["needles"][0]["side"] == second["needles"][0]["side"]


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_ready_cohorts_are_of_the_studies_size_and_their_cases_are_valid(name: str, tmp_path) -> None:
    cohort, study = read_cohort(COHORTS.file(name)), STUDIES[name]
    assert (cohort.study, cohort.patients) == (name, study.patients)
    count = cohort.population.vertebrae.shares
    expected = sum(int(number) * share for number, share in count.items()) * study.patients
    assert expected == pytest.approx(study.vertebrae, abs=0.5)
    found = treated(cohort, 3, tmp_path, {})
    assert len(found) == len(list(vertebrae_of(cohort, 3)))
    for one in found:
        case = build_case(dict(one.case.content))
        assert case.observation.modality == cohort.observation.modality


def test_laws_of_a_cohort_hold_in_every_case(tmp_path) -> None:
    cohort = read_cohort(COHORTS.file("metastatic-outcome"))
    fitted = cohort.model_copy(update={"laws": {"vein_distributions.calibre": 1.0}})
    for before, after in zip(treated(cohort, 2, tmp_path, {}), treated(fitted, 2, tmp_path, {}), strict=True):
        assert after.case.content["laws"] == {"vein_distributions.calibre": 1.0}
        assert {**after.case.content, "laws": 0} == {**before.case.content, "laws": 0}
        assert after.case.identity != before.case.identity


def test_every_ready_cohort_belongs_to_a_study() -> None:
    assert set(COHORTS.names) == set(STUDIES)


def test_ways_that_left_the_bone_bring_tips_nearer_to_their_sides() -> None:
    vertebra = draw_patient(Population(), 4, 9)[0]
    surgeon = Surgeon(sides=BOTH)
    before, after = (operation_tables(surgeon, 4, vertebra, 3, astray)["needles"] for astray in (0, 2))
    for sign, near, far in zip((1.0, -1.0), before, after, strict=True):
        assert sign * far["left"] == pytest.approx(sign * near["left"] + 0.12, abs=1e-9)
        assert {**far, "left": 0.0} == {**near, "left": 0.0}


def test_balloons_that_did_not_fit_are_filled_with_less() -> None:
    vertebra = draw_patient(Population(), 4, 9)[0]
    surgeon = Surgeon(sides=BOTH, balloon_ml=Fixed(value=1.2, unit="ml", source="test", tag="D"))
    before, after = (operation_tables(surgeon, 4, vertebra, 3, 0, tight) for tight in (0, 2))
    assert [balloon["volume_ml"] for balloon in before["cavities"]] == [1.2, 1.2]
    assert [balloon["volume_ml"] for balloon in after["cavities"]] == [0.675, 0.675]
    assert after["needles"] == before["needles"]
