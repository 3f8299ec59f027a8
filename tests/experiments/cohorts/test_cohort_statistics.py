import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from statsmodels.discrete.discrete_model import Logit

from experiments.cohorts.comparison import compare
from experiments.cohorts.firth import firth
from experiments.cohorts.observed import Table
from experiments.cohorts.published import STUDIES
from experiments.cohorts.published_number import Published
from experiments.cohorts.statistics import (
    Area,
    CutOff,
    Deviation,
    Difference,
    Mean,
    Median,
    OddsRatio,
    ShareOfLevels,
    regression,
)
from experiments.cohorts.study import Study
from experiments.cohorts.verdict import verdict

NAN = math.nan


def table(count: int = 400, slope: float = 1.0, seed: int = 1) -> Table:
    rng = np.random.default_rng(seed)
    size = rng.standard_normal(count)
    return Table(
        {
            "patient": np.repeat(np.arange(count // 2), 2)[:count].astype(float),
            "level": np.arange(count) % 4.0,
            "size": size,
            "idle": rng.standard_normal(count),
            "even": np.zeros(count),
            "leak": (rng.random(count) < expit(slope * size - 0.5)).astype(float),
        }
    )


@pytest.mark.parametrize("cells", [(7, 3, 2, 8), (5, 0, 4, 9), (0, 6, 5, 2)])
def test_firth_of_a_two_by_two_table_adds_half_to_every_cell(cells) -> None:
    """Exact: Jeffreys' prior of a saturated logit."""
    a, b, c, d = cells
    columns = np.concatenate([np.ones(a + b), np.zeros(c + d)])[:, None]
    events = np.concatenate([np.ones(a), np.zeros(b), np.ones(c), np.zeros(d)]) > 0.5
    constant, slope = firth(columns, events)
    assert slope == pytest.approx(math.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))), abs=1e-6)
    assert constant == pytest.approx(math.log((c + 0.5) / (d + 0.5)), abs=1e-6)


def test_firth_comes_to_maximum_likelihood_with_many_cases_and_does_not_mind_units() -> None:
    known = table(20_000)
    columns = np.column_stack([known["size"], 1000.0 * known["idle"]])
    expected = Logit(known["leak"], np.column_stack([np.ones(20_000), columns])).fit(disp=0).params
    assert firth(columns, known["leak"] > 0.5) == pytest.approx(expected, abs=2e-3)


def test_plain_statistics() -> None:
    known = Table(
        {
            "patient": np.arange(6.0),
            "level": np.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0]),
            "ml": np.array([1.0, 2.0, 3.0, 4.0, 5.0, NAN]),
            "leak": np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0]),
        }
    )
    assert Mean("ml").of(known) == 3.0
    assert Mean("ml", ("leak", 0.0)).of(known) == 2.0
    assert Median("ml", ("leak", 1.0)).of(known) == 4.0
    assert Deviation("ml").of(known) == pytest.approx(math.sqrt(2.5))
    assert Difference("ml", "leak").of(known) == pytest.approx(11.0 / 3.0 - 2.0)
    assert ShareOfLevels("leak", (0, 1)).of(known) == 0.5
    assert math.isnan(ShareOfLevels("leak", (7,)).of(known))
    assert Area("ml", "leak").of(known) == pytest.approx(5.0 / 6.0)
    assert CutOff("ml", "leak").of(known) in (2.0, 4.0)


def test_odds_ratios_are_those_of_maximum_likelihood_and_turn_round() -> None:
    known = table()
    whole = np.column_stack([np.ones(len(known)), known["size"], known["idle"]])
    expected = np.exp(Logit(known["leak"], whole).fit(disp=0).params[1])
    predictors = ("size", "idle", "even")
    assert OddsRatio("leak", predictors, "size").of(known) == pytest.approx(expected, rel=1e-6)
    assert OddsRatio("leak", predictors, "size", inverse=True).of(known) == pytest.approx(1.0 / expected, rel=1e-6)
    assert math.isnan(OddsRatio("leak", predictors, "even").of(known))


def test_separated_events_get_the_finite_estimate_and_are_told() -> None:
    known = table()
    apart = Table({**known.columns, "leak": (known["size"] > 0.3).astype(float)})
    found = regression(apart, "leak", ("size", "idle"))
    assert found.separated
    assert 1.0 < found.slopes["size"] < 500.0
    assert not regression(known, "leak", ("size", "idle")).separated


@pytest.mark.parametrize(
    ("published", "simulated", "null", "expected"),
    [
        ((0.5, 0.4, 0.6), (0.45, 0.4, 0.55), None, "agrees"),
        ((0.5, 0.4, 0.6), (0.45, 0.4, 0.49), None, "disagrees"),
        ((2.0, 1.2, 3.0), (1.8, 1.1, 2.5), 1.0, "agrees"),
        ((2.0, 1.2, 3.0), (1.8, 0.9, 2.5), 1.0, "uninformative"),
        ((2.0, 1.2, 3.0), (0.5, 0.3, 0.9), 1.0, "disagrees"),
        ((2.0, 1.2, 3.0), (8.0, 4.0, 16.0), 1.0, "disagrees"),
        ((-0.5, NAN, NAN), (-0.6, -0.9, -0.2), 0.0, "agrees"),
        ((-0.5, NAN, NAN), (-0.2, -0.3, -0.1), 0.0, "disagrees"),
        ((0.9, 0.5, 1.5), (0.8, 0.7, 0.95), 1.0, "agrees"),
        ((2.0, 1.2, 3.0), (NAN, NAN, NAN), 1.0, "uninformative"),
    ],
)
def test_verdicts(published, simulated, null, expected) -> None:
    assert verdict(published, simulated, null) == expected


def test_a_number_that_few_cohorts_give_is_uninformative() -> None:
    assert verdict((0.5, 0.4, 0.6), (0.45, 0.4, 0.55), None, known=0.4) == "uninformative"


def test_effects_on_few_events_are_uninformative() -> None:
    """Eight vertebrae without a leak, all of them women: drawn again they are women for ever."""
    columns = {**table(200).columns, "leak": np.ones(200), "man": np.arange(200) % 2.0}
    columns["leak"][:16:2] = 0.0
    few, numbers = Table(columns), (Published("men", Difference("man", "leak"), "-", 0.1, 0.0, 0.2),)
    (found,) = compare(few, Study("x", "test", 100, 200, numbers), draws=40)
    assert found.low > 0.0
    assert found.verdict == "uninformative"
    columns["leak"][16:24:2] = 0.0
    assert compare(Table(columns), Study("x", "test", 100, 200, numbers), draws=40)[0].verdict != "uninformative"


def test_bands_are_those_of_the_studys_size_and_errors_those_of_the_pool() -> None:
    """Of a share: the standard error of a mean over patients, drawn as whole ones."""
    known = table(2000)
    share = known["leak"].mean()
    study = Study("x", "test", 50, 100, (Published("leak", Mean("leak"), "-", share),))
    (found,) = compare(known, study, draws=300)
    expected = math.sqrt(share * (1.0 - share) * (1.0 / 100 + 1.0 / 2000))
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(expected, rel=0.2)
    assert found.error == pytest.approx(math.sqrt(share * (1.0 - share) / 2000), rel=0.15)
    assert found.verdict == "agrees"


def test_a_small_pool_has_a_wide_band() -> None:
    """A cohort of 200 patients tells no more than the 20 patients of the pool know."""
    study = Study("x", "test", 200, 400, (Published("leak", Mean("leak"), "-", 0.4),))
    (small,), (large,) = compare(table(40), study, draws=150), compare(table(1000), study, draws=150)
    assert small.high - small.low > 2.5 * (large.high - large.low)


def test_clusters_widen_the_band() -> None:
    known = table(2000)
    twins = Table({**known.columns, "leak": np.repeat(known["leak"][::2], 2)})
    study = Study("x", "test", 50, 100, (Published("leak", Mean("leak"), "-", 0.4),))
    (alone,), (paired,) = compare(known, study, draws=200), compare(twins, study, draws=200)
    assert paired.high - paired.low > 1.2 * (alone.high - alone.low)


def test_an_effect_that_is_there_agrees_and_separated_cohorts_are_counted() -> None:
    numbers = (
        Published("size", OddsRatio("leak", ("size", "idle"), "size"), "-", math.e, 2.0, 3.6),
        Published("idle", OddsRatio("leak", ("size", "idle"), "idle"), "-", 1.4, 1.1, 1.8),
        Published("area", Area("size", "leak"), "-", 0.74, 0.7, 0.78),
    )
    size, idle, area = compare(table(1500), Study("x", "test", 100, 200, numbers), draws=40)
    assert (size.verdict, idle.verdict, area.verdict) == ("agrees", "uninformative", "agrees")
    assert size.separated == 0.0
    small = compare(table(600, slope=4.0), Study("x", "test", 6, 12, numbers[:1]), draws=40)[0]
    assert small.separated > 0.2
    assert math.isfinite(small.high)


def test_p_values_are_those_of_the_tests_that_studies_use() -> None:
    known = table()
    leakers, others = (known["size"][known["leak"] == value] for value in (1.0, 0.0))
    assert Difference("size", "leak").p_value(known) == stats.ttest_ind(leakers, others, equal_var=False).pvalue
    assert Area("size", "leak").p_value(known) == stats.mannwhitneyu(leakers, others).pvalue
    big = Table({**known.columns, "big": (known["size"] > 0.0).astype(float)})
    counts = [[((big["leak"] == a) & (big["big"] == b)).sum() for b in (1.0, 0.0)] for a in (1.0, 0.0)]
    expected = stats.chi2_contingency(counts, correction=False).pvalue
    assert Difference("big", "leak").p_value(big) == pytest.approx(expected)
    whole = np.column_stack([np.ones(len(known)), known["size"], known["idle"]])
    wald = Logit(known["leak"], whole).fit(disp=0).pvalues[1]
    assert OddsRatio("leak", ("size", "idle"), "size").p_value(known) == pytest.approx(wald, rel=1e-6)
    assert math.isnan(Difference("even", "leak").p_value(known))


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_published_numbers_hang_together(name: str) -> None:
    study = STUDIES[name]
    quantities = [(one.quantity, one.remark) for one in study.numbers]
    assert len(set(quantities)) == len(quantities)
    for one in study.numbers:
        if not math.isnan(one.low):
            assert one.low <= one.estimate <= one.high
