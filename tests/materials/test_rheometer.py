"""Power laws through rheometer tables, against tables made from known laws and against a hand-made fit."""

import numpy as np
import pytest

from materials.cement import CEMENTS, Rheology
from materials.rheometer import TabulatedCement


def table_of(cement: Rheology, ages, rates):
    age, rate = (grid.ravel() for grid in np.meshgrid(ages, rates, indexing="ij"))
    return age, rate, cement.viscosity(rate, age)


@pytest.fixture
def medium() -> TabulatedCement:
    order = np.random.default_rng(1).permutation(20)
    columns = table_of(CEMENTS["medium"], [180.0, 300.0, 400.0, 640.0], [0.05, 0.5, 1.0, 20.0, 400.0])
    return TabulatedCement(*(column[order] for column in columns))


def test_gives_back_the_law_behind_the_table(medium):
    # The preset's log K and n are linear in age, so they come back between the table's ages too.
    ages, rates = np.linspace(180.0, 640.0, 40), np.array([[0.05], [3.0], [400.0]])
    known = CEMENTS["medium"]
    assert medium.consistency(ages) == pytest.approx(known.consistency(ages), rel=1e-10)
    assert medium.index(ages) == pytest.approx(known.index(ages), rel=1e-10)
    assert medium.viscosity(rates, ages) == pytest.approx(known.viscosity(rates, ages), rel=1e-10)
    assert medium.largest_misfit < 1e-10


def test_beyond_the_table_ages_and_shear_rates_count_as_its_ends(medium):
    assert medium.viscosity(1.0, 60.0) == medium.viscosity(1.0, 180.0)
    assert medium.viscosity(np.array([1e-3, 1e6]), 2000.0) == pytest.approx(
        medium.viscosity(np.array([0.05, 400.0]), 640.0)
    )
    assert (medium.shear_rate_low, medium.shear_rate_high) == (0.05, 400.0)


def test_working_time_and_temperature(medium):
    assert medium.working_time == 640.0
    assert (
        TabulatedCement(medium.age, medium.shear_rate, medium.measured_viscosity, end_of_working=500.0).working_time
        == 500.0
    )
    assert medium.ageing_rate(37.0) == CEMENTS["medium"].ageing_rate(37.0)
    warm = TabulatedCement(medium.age, medium.shear_rate, medium.measured_viscosity, reference_temperature=37.0)
    assert warm.ageing_rate(37.0) == 1.0


def test_least_squares_line_and_its_misfit():
    # log2 mu over log2 g at (0, 1, 2): 0, -2, -1 has the line -1/2 - 1/2 log2 g, off by 1/2, -1, 1/2
    rates = np.array([1.0, 2.0, 4.0])
    cement = TabulatedCement(
        np.repeat([60.0, 120.0], 3), np.tile(rates, 2), 1e-4 * np.tile(np.array([1.0, 0.25, 0.5]), 2)
    )
    assert cement.consistency(90.0) == pytest.approx(1e-4 * 2.0**-0.5)
    assert cement.index(90.0) == pytest.approx(0.5)
    assert cement.largest_misfit == pytest.approx(1.0)


AGES, RATES = np.array([60.0, 60.0, 120.0, 120.0]), np.array([1.0, 10.0, 1.0, 10.0])
VISCOSITIES = np.array([1e-4, 5e-5, 2e-4, 1e-4])


def changed(column, row, value):
    columns = [AGES.copy(), RATES.copy(), VISCOSITIES.copy()]
    columns[column][row] = value
    return columns


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (changed(0, 0, -1.0), r"holds -1 s among its ages; they must be at least 0 s"),
        (changed(1, 1, 0.0), r"holds 0 1/s among its shear rates; they must be above 0 1/s"),
        (changed(2, 2, np.nan), r"holds nan MPa s among its viscosities"),
        (changed(2, 2, np.inf), r"holds inf MPa s among its viscosities"),
        (changed(1, 1, 1.0), r"gives the viscosity at 1 min and 1 1/s 2 times; keep one"),
        (changed(0, 3, 180.0), r"has one shear rate at the age of 2 min; it needs at least 2"),
        (changed(2, 1, 1e-6), r"index fitted at the age of 1 min is -1, not above 0 and up to 1.5; .* more slowly"),
        (changed(2, 3, 2e-1), r"index fitted at the age of 2 min is 4, not above 0 and up to 1.5; .* not rise so fast"),
        ([AGES[:2], RATES[:2], VISCOSITIES[:2]], r"number of ages in the rheometer table is 1; at least 2"),
        ([AGES[:0], RATES[:0], VISCOSITIES[:0]], r"number of ages in the rheometer table is 0; at least 2"),
        ([AGES, RATES[:3], VISCOSITIES], r"has 4 ages, 3 shear rates and 4 viscosities"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(columns, message):
    with pytest.raises(ValueError, match=message) as error:
        TabulatedCement(*columns)
    assert "\n" not in str(error.value)


def test_the_index_may_reach_its_upper_end():
    flat = TabulatedCement(AGES, RATES, 1e-4 * RATES**0.49)
    assert flat.index(60.0) == pytest.approx(1.49)


def test_the_largest_fall_is_that_from_an_earlier_peak(medium):
    assert medium.largest_fall.share == 0.0
    ages = np.repeat([60.0, 120.0, 180.0, 240.0], 2)
    # At 1 1/s 2, 4, 3, 5; at 10 1/s 1, 4, 3, 1: most is lost from 2 to 4 min at 10 1/s.
    fall = TabulatedCement(
        ages, np.tile([1.0, 10.0], 4), 1e-4 * np.array([2.0, 1.0, 4.0, 4.0, 3.0, 3.0, 5.0, 1.0])
    ).largest_fall
    assert (fall.shear_rate, fall.start, fall.end) == (10.0, 120.0, 240.0)
    assert (fall.before, fall.after, fall.share) == pytest.approx((4e-4, 1e-4, 0.75))


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"TabulatedCement\.reference_temperature"):
        TabulatedCement(AGES, RATES, VISCOSITIES, reference_temperature=80.0)
