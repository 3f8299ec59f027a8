from pathlib import Path

import pytest

from meshes.errors import InputError
from meshes.images.labels import LEVELS, choose_label, label_maps

MASK = Path("mask.nii.gz")


def stacked(*labels: int) -> dict[int, float]:
    """Heights of labels given from the head down."""
    return {label: -30.0 * k for k, label in enumerate(labels)}


def test_numbers_of_l3_and_its_neighbours():
    expected = {
        "verse": {"C1": 1, "C7": 7, "T1": 8, "T12": 19, "L1": 20, "L3": 22, "L5": 24, "L6": 25, "T13": 28},
        "totalsegmentator_v1": {"C1": 41, "T1": 34, "T12": 23, "L1": 22, "L3": 20, "L5": 18},
        "totalsegmentator_v2": {"C1": 50, "T1": 43, "T12": 32, "L1": 31, "L3": 29, "L5": 27},
    }
    assert set(label_maps()) == set(expected)
    for name, numbers in expected.items():
        chosen = label_maps()[name]
        levels = chosen.levels
        assert {level: levels[level] for level in numbers} == numbers
        assert list(levels) == [level for level in LEVELS if level in levels]
        assert len(set(levels.values())) == len(levels)
        assert not set(levels.values()) & (set(chosen.sacrum) | chosen.spine | chosen.other)


def test_verse_is_inferred_because_its_numbers_grow_downwards():
    choice = choose_label(stacked(21, 22, 23), MASK, "L3")
    assert (choice.level, choice.label, choice.label_map) == ("L3", 22, "verse")
    assert "inferred" in choice.reason


def test_totalsegmentator_1_is_inferred_because_its_numbers_shrink_downwards():
    choice = choose_label(stacked(22, 21, 20, 19, 18), MASK, "l3")
    assert (choice.level, choice.label, choice.label_map) == ("L3", 20, "totalsegmentator_v1")


def test_version_2_is_inferred_where_version_1_would_read_organs_in_the_spine():
    assert choose_label(stacked(*range(45, 26, -1)), MASK, "L3").label == 29


def test_whole_body_results_are_told_apart_by_the_order_of_their_labels():
    organs = {1: 10.0, 5: 0.0, 18: -60.0, 19: -20.0, 20: -80.0, 21: -200.0, 52: 40.0, 110: 90.0}
    spine = {32 - k: -30.0 * k for k in range(6)}
    choice = choose_label(organs | spine, MASK, "L3")
    assert (choice.label, choice.label_map) == (29, "totalsegmentator_v2")


@pytest.mark.parametrize(
    ("labels", "first", "second"),
    [
        ((30, 29, 28), r"totalsegmentator_v1 \(T5 = 30, T6 = 29, T7 = 28\)", r"v2 \(L2 = 30, L3 = 29, L4 = 28\)"),
        ((22,), r"verse \(L3 = 22\)", r"totalsegmentator_v1 \(L1 = 22\)"),
    ],
)
def test_masks_that_fit_two_conventions_are_refused_with_both(labels, first, second):
    with pytest.raises(InputError, match=rf"can be read as {first} or .*{second}; choose one with labels"):
        choose_label(stacked(*labels), MASK, "L3")


def test_the_given_convention_decides():
    assert choose_label(stacked(30, 29, 28), MASK, "L3", "totalsegmentator_v2").label == 29
    assert choose_label(stacked(30, 29, 28), MASK, "T6", "totalsegmentator_v1").label == 29
    assert choose_label(stacked(22), MASK, None, "verse").level == "L3"


def test_a_number_decides():
    for labels in (29, "29"):
        choice = choose_label(stacked(30, 29, 28), MASK, "L3", labels)
        assert (choice.level, choice.label, choice.label_map) == ("L3", 29, "number")
    with pytest.raises(InputError, match=r"label 7 is not in mask mask.nii.gz, which holds labels 28, 29, 30"):
        choose_label(stacked(30, 29, 28), MASK, "L3", 7)
    with pytest.raises(InputError, match="needs the name of its vertebra"):
        choose_label(stacked(30, 29, 28), MASK, None, 29)


def test_binary_masks():
    for value in (1, 255, 300):
        choice = choose_label(stacked(value), MASK, "L3")
        assert (choice.level, choice.label, choice.label_map) == ("L3", value, "binary")
    with pytest.raises(InputError, match="single value 1; give the level"):
        choose_label(stacked(1), MASK)
    of_totalsegmentator = Path("segmentations/vertebrae_L3.nii.gz")
    assert choose_label(stacked(1), of_totalsegmentator).level == "L3"
    assert choose_label(stacked(1), Path("vertebrae_T12.nii.gz"), "T12").level == "T12"
    with pytest.raises(InputError, match="holds L3 by its name but level L4 is asked for"):
        choose_label(stacked(1), of_totalsegmentator, "L4")


def test_refusals_say_what_is_there():
    with pytest.raises(InputError, match=r"level L5 is not in mask .* holds L2 = 21, L3 = 22, L4 = 23"):
        choose_label(stacked(21, 22, 23), MASK, "L5")
    with pytest.raises(InputError, match=r"holds L2 = 21, L3 = 22, L4 = 23; choose one with the level"):
        choose_label(stacked(21, 22, 23), MASK)
    with pytest.raises(InputError, match=r"level 'L9' is not a vertebra; use C1 to C7"):
        choose_label(stacked(21, 22, 23), MASK, "L9")
    with pytest.raises(InputError, match=r"labels = 'nako' is not known; use one of verse, totalsegmentator_v1"):
        choose_label(stacked(21, 22, 23), MASK, "L3", "nako")
    with pytest.raises(
        InputError, match=r"holds no vertebra in the numbers of TotalSegmentator 2 but labels 21, 22, 23"
    ):
        choose_label(stacked(21, 22, 23), MASK, "L3", "totalsegmentator_v2")
    with pytest.raises(InputError, match="fits no label map"):
        choose_label(stacked(22, 21, 23), MASK, "L3")
    with pytest.raises(InputError, match="fits no label map"):
        choose_label(stacked(*range(41, 51)), MASK, "L3")
