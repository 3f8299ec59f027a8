"""Paired differences, their intervals and the number needed to treat, against what is known exactly."""

import math

import numpy as np
import pytest
from scipy import stats

from experiments.cohorts.observed import Table
from experiments.cohorts.paired import NumberNeeded, Paired, interval
from experiments.cohorts.trial_results import needed_in_words


def table(values, patients=None) -> Table:
    values = np.asarray(values, dtype=float)
    return Table({"patient": np.arange(len(values)) if patients is None else np.asarray(patients, float), "x": values})


def test_one_vertebra_a_patient_gives_the_paired_t_interval() -> None:
    rng = np.random.default_rng(3)
    one, change = rng.normal(size=30), rng.normal(0.5, 1.0, size=30)
    found = Paired.of(table(one), table(one + change), "x", event=False)
    exact = stats.ttest_rel(one + change, one).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert math.isnan(found.mcnemar_p)


def test_patients_with_several_vertebrae_widen_the_interval() -> None:
    """Twins that behave alike bring nothing: the interval is that of one of each pair."""
    change = np.random.default_rng(4).normal(size=40)
    one = np.diff(interval(change, np.arange(40.0), event=False))[0]
    twins = np.diff(interval(np.repeat(change, 2), np.repeat(np.arange(40.0), 2), event=False))[0]
    apart = np.diff(interval(np.repeat(change, 2), np.arange(80.0), event=False))[0]
    assert twins == pytest.approx(one, rel=0.01)
    assert apart == pytest.approx(one / math.sqrt(2.0), rel=0.05)


def test_events_have_the_interval_of_bonett_and_price_and_mcnemar_agrees() -> None:
    n, only_first, only_second = 100, 30, 8
    one, two = np.zeros(n), np.zeros(n)
    one[:only_first] = 1.0
    two[only_first : only_first + only_second] = 1.0
    found = Paired.of(table(one), table(two), "x", event=True)
    p12, p21 = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    half = 1.96 * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    assert found.difference == pytest.approx(-0.22)
    assert (found.low, found.high) == (
        pytest.approx(p21 - p12 - half, abs=4e-3),
        pytest.approx(p21 - p12 + half, abs=4e-3),
    )
    assert found.mcnemar_p == pytest.approx(stats.binomtest(only_second, only_first + only_second).pvalue)
    assert found.mcnemar_p < 0.05
    needed = NumberNeeded.of(found.difference, found.low, found.high)
    assert not needed.holds_none
    assert needed.number == pytest.approx(1.0 / 0.22)
    assert needed.low < needed.number < needed.high


def test_no_event_at_all_still_has_a_width() -> None:
    found = Paired.of(table(np.zeros(50)), table(np.zeros(50)), "x", event=True)
    assert found.low < -0.02
    assert found.high > 0.02
    needed = NumberNeeded.of(found.difference, found.low, found.high)
    assert needed.holds_none
    assert math.isnan(needed.number)
    assert found.mcnemar_p == 1.0


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """By patients of one to three vertebrae whose events go together."""
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(60.0), rng.integers(1, 4, size=60))
    held = 0
    for _ in range(300):
        person = rng.random(60)[patients.astype(int)]
        own = rng.random(len(patients))
        mixed = np.where(rng.random(len(patients)) < 0.5, person, own)
        other = np.where(rng.random(len(patients)) < 0.5, person, rng.random(len(patients)))
        low, high = interval((other < 0.2) * 1.0 - (mixed < 0.4), patients, event=True)
        held += low <= -0.2 <= high
    assert 0.91 <= held / 300 <= 0.99


@pytest.mark.parametrize(
    ("difference", "low", "high", "told"),
    [
        (-0.1, -0.2, -0.05, "10 (5 to 20)"),
        (0.1, 0.05, 0.2, "−10 (−20 to −5)"),
        (-0.1, -0.25, 0.05, "10, not shown (4 to ∞ to −20)"),
        (0.0, -0.1, 0.1, "not shown (10 to ∞ to −10)"),
        (0.03, 0.0, 0.1, "−34, not shown (∞ to −10)"),
    ],
)
def test_number_needed_to_treat_in_words(difference: float, low: float, high: float, told: str) -> None:
    assert needed_in_words(NumberNeeded.of(difference, low, high)) == told


def test_rows_without_a_value_are_left_out() -> None:
    found = Paired.of(table([1.0, math.nan, 2.0]), table([2.0, 5.0, math.nan]), "x", event=False)
    assert (found.vertebrae, found.patients, found.difference) == (1, 1, 1.0)
    assert math.isnan(found.low)
