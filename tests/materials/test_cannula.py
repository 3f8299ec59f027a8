"""Cannulas and syringes: their sizes, steps and arguments; tube flow itself is checked in tests/verification."""

import numpy as np
import pytest

from materials.cannula import GAUGES, Cannula, Syringe

RATE = 4000.0 / 60.0


def test_drop_has_the_sign_of_the_rate_and_takes_arrays():
    drop = Cannula(11).pressure_drop(np.array([-RATE, 0.0, RATE]), 1e-4, 0.5)
    assert drop[1] == 0.0
    assert drop[0] == -drop[2] < 0.0


def test_gauges():
    assert Cannula(13).pressure_drop(RATE, 1e-4, 1.0) == pytest.approx(3.234, rel=1e-3)
    assert list(GAUGES) == list(range(8, 15))
    bores, outsides = np.array(list(GAUGES.values())).T
    assert np.all(np.diff(bores) < 0.0)
    assert np.all(outsides > bores)
    assert (Cannula(11).bore, Cannula(11).outer_diameter, Cannula(11).length) == (2.39, 3.05, 125.0)


def test_unknown_gauge_and_length():
    with pytest.raises(ValueError, match=r"Cannula\.gauge = 15 is not one of 8, 9, 10, 11, 12, 13, 14"):
        Cannula(15)
    with pytest.raises(ValueError, match=r"Cannula\.length"):
        Cannula(11, 0.0)


def test_index_and_consistency_may_differ_from_entry_to_entry():
    indices, consistencies = np.array([0.3, 0.6, 1.0]), np.array([1e-4, 2e-4, 3e-4])
    together = Cannula(11).pressure_drop(RATE, consistencies, indices)
    alone = [Cannula(11).pressure_drop(RATE, k, n) for k, n in zip(consistencies, indices, strict=True)]
    assert together == pytest.approx(np.array(alone))


class TestSteppedCannula:
    """Baroud & Steffen 2005, PMC3454663: twice the bore near the syringe lowers the delivery pressure by 63 %."""

    @pytest.mark.parametrize(("index", "share"), [(1.0, 0.67), (0.5, 0.77), (0.3, 0.86)])
    def test_share_of_the_length_that_lowers_the_pressure_by_63_percent(self, index, share):
        exact = 0.63 / (1.0 - 2.0 ** -(3.0 * index + 1.0))
        assert exact == pytest.approx(share, abs=0.006)
        straight = Cannula(11, 125.0)
        stepped = Cannula(11, 125.0, proximal_bore=2.0 * straight.bore, proximal_length=exact * 125.0)
        drops = [cannula.pressure_drop(RATE, 1e-4, index) for cannula in (straight, stepped)]
        assert drops[1] / drops[0] == pytest.approx(1.0 - 0.63)

    def test_segments(self):
        assert Cannula(11, 125.0).segments == ((2.39, 125.0),)
        assert Cannula(13, 125.0, 3.6, 80.0).segments == ((3.6, 80.0), (1.80, 45.0))

    def test_a_step_needs_both_numbers_and_room(self):
        for half in ({"proximal_bore": 4.0}, {"proximal_length": 50.0}):
            with pytest.raises(ValueError, match="must be given together"):
                Cannula(11, **half)
        with pytest.raises(ValueError, match=r"proximal_length = 125 mm is not below Cannula\.length = 125 mm"):
            Cannula(11, 125.0, 4.8, 125.0)


def test_hand_force_on_a_1_ml_syringe():
    # Krebs 2005: peaks of 1693 and at most 3215 kPa
    syringe = Syringe()
    assert syringe.pressure_at(29.0) == pytest.approx(1.693, abs=0.5 / syringe.area)
    assert syringe.pressure_at(56.0) == pytest.approx(3.215, abs=0.5 / syringe.area)
    with pytest.raises(ValueError, match=r"Syringe\.bore"):
        Syringe(0.0)
