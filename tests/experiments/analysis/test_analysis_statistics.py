"""Statistics of random samples beside hand calculations, published values and simulated coverage."""

import math
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from experiments.analysis.bootstrap import mean_interval, percentile_interval, resamples
from experiments.analysis.incidence import incidence, log_log_interval
from experiments.analysis.laterality import discordance
from experiments.analysis.leaks import CENSORED, FRONT, LEAK
from experiments.analysis.logistic import Predictor, logistic
from experiments.analysis.roc import area, cross_validated, curves_drawn_again, cut_off, marker, regression, youden
from experiments.analysis.separation import separation
from experiments.results.probability import Probability


@pytest.mark.parametrize(
    ("events", "cases", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_those_published(events: int, cases: int, low: float, high: float) -> None:
    found = Probability.of(events, cases)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.estimate == events / cases


def test_mcnemar_is_the_exact_binomial_test() -> None:
    one = np.array([True] * 9 + [False] * 11)
    two = np.array([True] * 4 + [False] * 5 + [True] * 1 + [False] * 10)
    found = discordance(one, two)
    assert (found.both, found.one_only, found.two_only, found.neither) == (4, 5, 1, 10)
    assert found.p_value == pytest.approx(2.0 * (math.comb(6, 0) + math.comb(6, 1)) / 2**6)  # 14/64
    assert discordance(one, one).p_value == 1.0


def test_kaplan_meier_by_hand() -> None:
    volume = np.array([1.0, 2.0, 2.0, 3.0, 4.0])
    status = np.array([LEAK, LEAK, CENSORED, LEAK, CENSORED])
    found = incidence(volume, status)
    assert found.method == "Kaplan-Meier"
    # Survival 4/5, 4/5 * 3/4, 4/5 * 3/4 * 1/2; Greenwood's variance at the second: 0.36 (1/20 + 1/12).
    share, low, high = found.at(2.0)
    assert [found.at(v)[0] for v in (0.5, 1.0, 2.5, 3.0)] == pytest.approx([0.0, 0.2, 0.4, 0.7])
    ends = log_log_interval(np.array([0.4]), np.array([0.6 * math.sqrt(1 / 20 + 1 / 12)]))
    assert (share, low, high) == pytest.approx((0.4, ends[0][0], ends[1][0]))
    assert (found.leaks, found.fronts, found.censored) == (3, 0, 2)
    assert found.at(4.0)[0] == pytest.approx(0.7)
    assert np.isnan(found.at(4.1)).all()
    none = incidence(volume, np.full(5, CENSORED))
    assert (none.at(4.0)[0], none.leaks) == (0.0, 0)


def test_aalen_johansen_by_hand() -> None:
    volume = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    status = np.array([LEAK, FRONT, LEAK, CENSORED, LEAK])
    found = incidence(volume, status)
    assert found.method == "Aalen-Johansen"
    # Free of both: 4/5, 3/5, 2/5, 2/5. Leaks: 1/5, 1/5, 1/5 + 3/5 * 1/3 = 2/5, 2/5, 2/5 + 2/5 * 1 = 4/5.
    assert found.share == pytest.approx([0.2, 0.2, 0.4, 0.4, 0.8])
    assert found.competing == pytest.approx([0.0, 0.2, 0.2, 0.2, 0.2])
    assert found.share[-1] + found.competing[-1] == pytest.approx(1.0)
    # Taking the front for censoring would say more: 1 - 4/5 * 2/3 = 0.47 at 3 ml.
    assert incidence(volume, np.where(status == FRONT, CENSORED, status)).at(3.0)[0] == pytest.approx(7 / 15)


def test_without_censoring_the_incidence_is_a_share_with_its_binomial_error() -> None:
    status = np.array([LEAK] * 30 + [FRONT] * 70)
    volume = np.random.default_rng(1).permutation(100) + 1.0
    found = incidence(volume, status)
    middle = int(np.searchsorted(found.volume, 50.0))
    share = np.mean((volume <= 50.0) & (status == LEAK))
    error = math.sqrt(share * (1.0 - share) / 100.0)
    low, high = log_log_interval(np.array([share]), np.array([error]))
    assert found.share[middle] == pytest.approx(share)
    assert (found.low[middle], found.high[middle]) == pytest.approx((low[0], high[0]), rel=0.02)


@pytest.mark.parametrize(
    ("inputs", "events", "kind"),
    [
        ([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1], "complete"),
        ([[1.0], [2.0], [2.0], [3.0]], [0, 0, 1, 1], "quasi-complete"),
        ([[1.0], [2.0], [3.0], [4.0]], [0, 1, 0, 1], None),
        ([[0.0, 0.0], [1.0, 1.0], [0.0, 1.1], [1.0, 2.1]], [0, 0, 1, 1], "complete"),  # by neither alone
        ([[0.0], [0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 1, 1], "quasi-complete"),  # an empty cell
    ],
)
def test_separation_is_found(inputs: list[list[float]], events: list[int], kind: str | None) -> None:
    assert separation(np.array(inputs), np.array(events, dtype=bool)) == kind


def test_separated_leaks_have_a_sentence_and_no_numbers() -> None:
    values = np.arange(20.0)
    noise = np.random.default_rng(0).normal(size=20)
    found = logistic([Predictor("size", "+1 mm", values), Predictor("noise", "+1", noise)], values > 9.5)
    assert found.ratios == ()
    assert found.remarks[0].startswith("Complete separation: size alone tells leaks from the rest")
    twice = logistic([Predictor("size", "+1 mm", values), Predictor("again", "+1 mm", values)], noise > 0.0)
    assert twice.remarks == ("20 cases do not tell 2 inputs apart: no regression.",)
    none = logistic([Predictor("size", "+1 mm", values)], np.zeros(20, dtype=bool))
    assert none.remarks == ("None of the 20 cases leaked: no regression.",)


def test_the_odds_ratio_of_a_two_by_two_table() -> None:
    # 30 of 50 against 15 of 50: odds ratio (30 * 35) / (20 * 15), Woolf's error, Wald's p.
    exposed = np.repeat([1.0, 0.0], 50)
    events = np.concatenate([np.arange(50) < 30, np.arange(50) < 15])
    (ratio,) = logistic([Predictor("exposed", "+1", exposed)], events).ratios
    log, error = math.log(30 * 35 / (20 * 15)), math.sqrt(1 / 30 + 1 / 20 + 1 / 15 + 1 / 35)
    assert ratio.estimate == pytest.approx(3.5)
    assert (ratio.low, ratio.high) == pytest.approx(
        (math.exp(log - 1.959964 * error), math.exp(log + 1.959964 * error)), rel=1e-5
    )
    assert ratio.p_value == pytest.approx(math.erfc(log / error / math.sqrt(2.0)), rel=1e-5)


def test_robust_errors_are_the_sandwich_by_hand() -> None:
    x, events, clusters = clustered(np.random.default_rng(3), 40, 8)
    (ratio,) = logistic([Predictor("x", "+1", x)], events, clusters).ratios
    matrix = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(2)
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-matrix @ beta))
        bread = np.linalg.inv((matrix * (p * (1.0 - p))[:, None]).T @ matrix)
        beta += bread @ matrix.T @ (events - p)
    scores = np.array([(matrix * (events - p)[:, None])[clusters == g].sum(axis=0) for g in range(40)])
    count = len(x)
    correction = 40 / 39 * (count - 1) / (count - 2)
    error = math.sqrt((bread @ (scores.T @ scores) @ bread * correction)[1, 1])
    assert math.log(ratio.estimate) == pytest.approx(beta[1], rel=1e-6)
    reach = 2.0226909  # t with 39 degrees of freedom, 97.5 %
    assert math.log(ratio.high / ratio.low) == pytest.approx(2.0 * reach * error, rel=1e-5)


def clustered(
    rng: np.random.Generator, groups: int, size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """An input that is the same within a cluster, and leaks that share an unseen cause within it; no effect."""
    clusters = np.repeat(np.arange(groups), size)
    x = rng.normal(size=groups)[clusters]
    chance = 1.0 / (1.0 + np.exp(-1.5 * rng.normal(size=groups)[clusters]))
    return x, rng.random(len(x)) < chance, clusters


@pytest.mark.slow
def test_intervals_that_are_robust_by_vertebra_hold_what_they_promise() -> None:
    rng, robust, naive, runs = np.random.default_rng(5), 0, 0, 200
    for _ in range(runs):
        x, events, clusters = clustered(rng, 40, 8)
        predictor = [Predictor("x", "+1", x)]
        (with_clusters,), (without,) = logistic(predictor, events, clusters).ratios, logistic(predictor, events).ratios
        robust += with_clusters.low <= 1.0 <= with_clusters.high
        naive += without.low <= 1.0 <= without.high
    assert robust / runs > 0.90
    assert naive / runs < 0.85


def test_too_few_vertebrae_have_no_intervals() -> None:
    x, events, clusters = clustered(np.random.default_rng(3), 40, 8)
    found = logistic([Predictor("x", "+1", x)], events, np.minimum(clusters, 1))
    assert np.isnan([found.ratios[0].low, found.ratios[0].p_value]).all()
    assert found.remarks[-1].startswith("2 vertebrae for 2 coefficients: too few")


def test_auc_and_cut_off_by_hand() -> None:
    score = np.array([0.1, 0.4, 0.35, 0.8])
    events = np.array([False, False, True, True])
    # Of the 4 pairs 3 are in order; from 0.8 on: 1/2 found, none wrong; from 0.35 on: both found, 1/2 wrong.
    assert youden(score, events) == 0.8
    found = cut_off(-score, events, np.arange(4))
    assert (found.value, found.above) == (-0.8, False)


@pytest.mark.parametrize("digits", [0, 1, 8])  # many ties, some, none
def test_area_and_cut_off_are_those_of_every_pair_and_every_cut(digits: int) -> None:
    rng = np.random.default_rng(digits)
    events = rng.random(150) < 0.3
    score = np.round(rng.normal(size=150) + 1.0 * events, digits)
    leaks, others = score[events][:, None], score[~events][None, :]
    assert area(events, score) == pytest.approx(((leaks > others) + 0.5 * (leaks == others)).mean(), abs=1e-12)
    cuts = np.unique(score)[::-1]
    gains = [(score[events] >= cut).mean() - (score[~events] >= cut).mean() for cut in cuts]
    assert youden(score, events) == cuts[np.argmax(np.round(gains, 12))]


def test_the_curves_of_an_interval_are_those_of_the_cases_that_are_drawn() -> None:
    rng = np.random.default_rng(4)
    events, groups = rng.random(40) < 0.3, np.repeat(np.arange(20), 2)
    score = np.round(rng.normal(size=40) - 0.5 * events, 1)
    curves = iter(curves_drawn_again(events, score, groups))
    for rows, curve in zip(islice(resamples(groups, 1000), 50), curves, strict=False):
        for computed, expected in zip(
            curve, roc_curve(events[rows], score[rows], drop_intermediate=False), strict=True
        ):
            np.testing.assert_allclose(computed, expected, rtol=0.0, atol=1e-15)


def test_the_area_out_of_sample_of_one_input_is_that_of_its_ranks() -> None:
    rng = np.random.default_rng(8)
    events = rng.random(200) < 0.4
    values = rng.normal(size=200) + 1.0 * events
    found = cross_validated(marker(values, events), events, np.arange(200))
    assert found is not None
    pairs = values[events][:, None] > values[~events][None, :]
    assert found.auc == pytest.approx(pairs.mean())
    assert found.low < 0.5 * (1.0 + math.erf(0.5)) < found.high  # of two normal distributions one deviation apart
    assert 0.5 < found.sensitivity < 0.9


def test_an_area_in_the_fitted_cases_flatters_and_one_out_of_sample_does_not() -> None:
    rng = np.random.default_rng(6)
    events = rng.random(60) < 0.5
    inputs = rng.normal(size=(60, 20))
    found = cross_validated(regression(inputs, events), events, np.arange(60))
    assert found is not None
    assert found.apparent > 0.8
    assert found.low < 0.5 < found.high


def test_a_vertebra_is_never_in_both_parts_of_a_fold() -> None:
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(30), 4)
    events = rng.random(120) < 0.5
    seen: list[set[int]] = []

    def scorer(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        seen.append(set(groups[rows].tolist()))
        return rng.random(120)

    cross_validated(scorer, events, groups)
    for inside in seen[:-1]:  # the last one is fitted to all
        rows = np.isin(groups, list(inside))
        assert rows.sum() == 4 * len(inside)
    assert all(len(inside) < 30 for inside in seen[:-1])


def test_too_few_leaks_have_no_curve() -> None:
    events = np.arange(100) < 9
    assert cross_validated(marker(np.arange(100.0), events), events, np.arange(100)) is None


def test_a_bootstrap_draws_whole_clusters() -> None:
    clusters = np.array([0, 0, 0, 1, 2, 2])
    for rows in resamples(clusters, 20):
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[1] == counts[2]
        assert counts[4] == counts[5]


def test_the_interval_of_a_mean_is_that_of_a_normal_one() -> None:
    values = np.random.default_rng(2).normal(size=400)
    low, high = mean_interval(values, np.arange(400))
    error = values.std() / 20.0
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15 * error)
    assert np.isnan(percentile_interval([])).all()
