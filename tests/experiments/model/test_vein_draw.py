"""Random veins: what is drawn has the distributions that the law declares, and a seed means the same for ever."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.model.vein_draw import draw_veins
from materials.vein_distributions import VeinDistributions
from meshes.vein_layout import VeinPlan

LAW = VeinDistributions()
SEEDS = 3000


@pytest.fixture(scope="module")
def plans() -> list[VeinPlan]:
    return [draw_veins(LAW, seed) for seed in range(SEEDS)]


def test_a_seed_means_the_same_veins_for_ever() -> None:
    plan = draw_veins(LAW, 1)
    again = draw_veins(LAW, 1)
    for name in ("trunks", "confluences", "directions", "inclinations", "calibres"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(again, name))
    np.testing.assert_allclose(plan.trunks, [1.19624608, 2.78253647], atol=1e-8)
    np.testing.assert_allclose(plan.calibres.mean(axis=1), [1.2887757, 1.22549086, 1.29929209], atol=1e-8)
    np.testing.assert_allclose(np.degrees(plan.directions), [-93.42908387, 12.3618443, 58.06778013], atol=1e-8)


def test_shares_of_foramina_are_those_that_were_counted(plans) -> None:
    counts = np.bincount([len(plan.trunks) for plan in plans], minlength=6)[1:] / SEEDS
    shares = np.array(list(LAW.foramina.values()))
    assert np.abs(counts - shares).max() < 4.0 * np.sqrt(0.25 / SEEDS)
    # the counts of the source, 45.1 to 36.9 to 10.1 %, keep their proportions
    np.testing.assert_allclose(shares / shares[0], np.array([45.1, 36.9, 3.8, 0.6, 10.1]) / 45.1, atol=2e-3)


def test_all_numbers_of_branches_are_alike_probable(plans) -> None:
    counts = np.bincount([len(plan.directions) for plan in plans], minlength=7)
    assert counts[:3].sum() == 0
    assert len(counts) == 7
    assert np.abs(counts[3:] / SEEDS - 0.25).max() < 4.0 * np.sqrt(0.25 * 0.75 / SEEDS)


def test_calibres_are_log_normal_and_taper(plans) -> None:
    ends = np.concatenate([plan.calibres for plan in plans])
    logs = np.log(ends.mean(axis=1))
    error = np.log(LAW.calibre_spread) / np.sqrt(len(logs))
    assert logs.mean() == pytest.approx(np.log(1.5), abs=4.0 * error)
    assert logs.std() == pytest.approx(np.log(1.4), abs=4.0 * error)
    assert np.mean(((logs - logs.mean()) / logs.std()) ** 3) == pytest.approx(0.0, abs=0.1)
    np.testing.assert_allclose(ends[:, 1] / ends[:, 0], 0.5)
    single = np.log([plan.trunks[0] for plan in plans if len(plan.trunks) == 1])
    assert single.mean() == pytest.approx(np.log(1.6 * 1.5), abs=4.0 * np.log(1.4) / np.sqrt(len(single)))


def test_several_trunks_share_the_cross_section_of_one(plans) -> None:
    areas = [(plan.trunks**2).sum() for plan in plans if len(plan.trunks) == 5]
    expected = (1.6 * 1.5) ** 2 * np.exp(2.0 * np.log(1.4) ** 2)
    assert np.mean(areas) == pytest.approx(expected, rel=0.1)
    assert np.median([plan.trunks for plan in plans if len(plan.trunks) == 5]) < 1.15  # "many, below 1 mm"


def test_directions_lie_evenly_about_straight_ahead_and_horizontally(plans) -> None:
    three = np.degrees([plan.directions for plan in plans if len(plan.directions) == 3])
    np.testing.assert_allclose(three.mean(axis=0), [-200.0 / 3.0, 0.0, 200.0 / 3.0], atol=2.0)
    np.testing.assert_allclose(three.std(axis=0), 12.0, atol=1.5)
    tilt = np.degrees(np.concatenate([plan.inclinations for plan in plans]))
    assert tilt.std() == pytest.approx(4.0, rel=0.05)
    assert max(np.abs(plan.directions).max() for plan in plans) <= LAW.reach


def test_confluences_lie_where_the_law_says(plans) -> None:
    depths = np.concatenate([plan.confluences for plan in plans])
    assert (depths >= 0.3).all()
    assert (depths <= 0.5).all()
    assert depths.mean() == pytest.approx(0.4, abs=0.005)
    assert {len(plan.confluences) for plan in plans if len(plan.trunks) == 1} == {1}
    assert {len(plan.confluences) for plan in plans if len(plan.trunks) > 1} == {2}


def test_a_change_of_one_quantity_does_not_shuffle_the_others() -> None:
    for seed in range(20):
        plan = draw_veins(LAW, seed, foramina=2)
        wide = draw_veins(replace(LAW, calibre=3.0), seed, foramina=2)
        np.testing.assert_allclose(wide.calibres, np.minimum(2.0 * plan.calibres, 8.0))
        np.testing.assert_array_equal(wide.directions, plan.directions)
        other = draw_veins(LAW, seed, foramina=1)
        np.testing.assert_array_equal(other.calibres, plan.calibres)
        np.testing.assert_array_equal(other.confluences, plan.confluences[:1])
        six = draw_veins(replace(LAW, fewest_branches=6), seed, foramina=2)
        np.testing.assert_array_equal(six.calibres[: len(plan.calibres)], plan.calibres)
        np.testing.assert_array_equal(six.trunks, plan.trunks)


def test_veins_widen_with_age_and_tumours() -> None:
    known = draw_veins(LAW, 5, age=LAW.reference_age)
    np.testing.assert_array_equal(known.calibres, draw_veins(LAW, 5).calibres)
    young = draw_veins(LAW, 5, age=25.0)
    np.testing.assert_allclose(young.calibres / known.calibres, 1.0 / 1.5, rtol=0.01)
    np.testing.assert_allclose(draw_veins(LAW, 5, widening=1.26).trunks, 1.26 * known.trunks)


def test_calibres_are_cut_at_those_that_files_may_have(plans) -> None:
    """At the default distribution one calibre in ten thousand is; the widest gave a vein of 67 mm."""
    cut = [plan.cut for plan in plans]
    assert sum(cut) <= 3
    wide = replace(LAW, calibre=4.0, calibre_spread=3.0, fewest_branches=12, most_branches=12)
    found = [draw_veins(wide, seed) for seed in range(50)]
    calibres = np.concatenate([np.concatenate([plan.trunks, plan.calibres.ravel()]) for plan in found])
    assert (calibres.min(), calibres.max()) >= (0.05, 8.0)
    assert calibres.max() == 8.0
    assert np.count_nonzero(np.isin(calibres, (0.05, 8.0))) == sum(plan.cut for plan in found) > 200


@pytest.mark.parametrize(
    "values",
    [
        {"fewest_branches": 7},
        {"nearest_confluence": 0.6},
        {"foramina": {**LAW.foramina, "one": 0.5}},
        {"calibre": 0.1},
    ],
)
def test_laws_that_cannot_be_are_refused(values) -> None:
    with pytest.raises(ValueError, match="VeinDistributions"):
        replace(LAW, **values)
