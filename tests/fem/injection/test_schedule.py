"""Stages, boluses and pauses in their order; whatever the steps, each needle delivers its volume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fem.injection.plan import Bolus, Stage
from fem.injection.schedule import Schedule

IN_TURN = (Stage((Bolus(0, 100.0, 50.0),)), Stage((Bolus(1, 60.0, 30.0),), pause=5.0))


def carry_out(schedule, longest=np.inf):
    """The schedule at its end, (time, rates) of every step, and the time that it took."""
    course, time = [], 0.0
    while not schedule.finished:
        rates = schedule.rates()
        step = min(schedule.time_left(rates), longest)
        course.append((time, rates))
        schedule = schedule.advance(rates, step)
        time += step
    return schedule, course, time


def test_needles_in_turn_with_a_pause():
    schedule = Schedule.begin(IN_TURN, 2)
    schedule, course, time = carry_out(schedule)
    assert [step for step, _ in course] == pytest.approx([0.0, 2.0, 7.0])
    assert [rates.tolist() for _, rates in course] == [[50.0, 0.0], [0.0, 0.0], [0.0, 30.0]]
    assert time == pytest.approx(9.0)
    # what was delivered last is what the final pressures are told for
    assert schedule.rates().tolist() == [0.0, 30.0]
    assert not schedule.abandoned.any()


def test_needles_together_end_one_after_the_other():
    schedule = Schedule.begin((Stage((Bolus(0, 100.0, 50.0), Bolus(1, 60.0, 20.0))),), 3)
    schedule, course, time = carry_out(schedule)
    assert [rates.tolist() for _, rates in course] == [[50.0, 20.0, 0.0], [0.0, 20.0, 0.0]]
    assert time == pytest.approx(3.0)


def test_a_needle_that_is_given_up_leaves_the_others_going():
    schedule = Schedule.begin((Stage((Bolus(0, 100.0, 50.0), Bolus(1, 60.0, 20.0))), *IN_TURN), 2)
    schedule = schedule.abandon(np.array([0]))
    assert schedule.rates().tolist() == [0.0, 20.0]
    schedule, course, _ = carry_out(schedule)
    assert len(course) == 4
    assert schedule.abandoned.tolist() == [True, False]


def test_a_place_is_pending_until_its_last_bolus_is_delivered_or_given_up():
    schedule = Schedule.begin(
        (Stage((Bolus(0, 100.0, 50.0), Bolus(1, 60.0, 20.0))), Stage((Bolus(0, 5.0, 5.0),), 5.0)), 3
    )
    schedule = schedule.abandon(np.array([0]))
    assert schedule.pending().tolist() == [True, True, False]
    schedule = schedule.advance(schedule.rates(), 3.0)
    assert schedule.pending().tolist() == [True, False, False]
    schedule = schedule.advance(schedule.rates(), 5.0)
    schedule = schedule.advance(schedule.rates(), 1.0)
    assert not schedule.pending().any()


@settings(max_examples=60, deadline=None)
@given(
    volumes=st.lists(st.lists(st.floats(1.0, 500.0), min_size=1, max_size=3), min_size=1, max_size=4),
    pauses=st.lists(st.floats(0.0, 60.0), min_size=4, max_size=4),
    longest=st.floats(0.5, 20.0),
)
def test_every_needle_delivers_its_volume(volumes, pauses, longest):
    stages = tuple(
        Stage(tuple(Bolus(place, volume, 10.0 + place) for place, volume in enumerate(stage)), pause)
        for stage, pause in zip(volumes, pauses, strict=False)
    )
    schedule, delivered = Schedule.begin(stages, 3), np.zeros(3)
    time = 0.0
    while not schedule.finished:
        rates = schedule.rates()
        step = min(schedule.time_left(rates), longest)
        assert step > 0.0
        delivered += rates * step
        schedule = schedule.advance(rates, step)
        time += step
    for place in range(3):
        planned = sum(stage[place] for stage in volumes if len(stage) > place)
        assert delivered[place] == pytest.approx(planned, rel=1e-7)
    assert time >= sum(stage.pause for stage in stages) * (1.0 - 1e-6)
