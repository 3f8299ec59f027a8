"""The state of an injection as a value.

The load-bearing checks: a step leaves its state as it was and gives the same bits when it is taken again, whatever the
solvers did in between; a state that was stored goes on, in an injection set up anew, to the bits of the uninterrupted
one, on one rank and on two.
"""

import pickle
from dataclasses import fields, is_dataclass
from itertools import pairwise

import numpy as np
import pytest
from continued_on_ranks import continued as continued_on
from flow_phantom import build_phantom
from injection_on_ranks import CASES

from fem.partition import Partition

STORED_AFTER = 4
"""Steps, after which both cases have cement in the bone and limited pressures."""


def assert_same(one, other, name="state"):
    """To the bit, whatever is nested in it."""
    assert type(one) is type(other), name
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{name}.{field.name}")
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=name)
    elif isinstance(one, tuple):
        assert len(one) == len(other), name
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{name}[{number}]")
    else:
        assert one == other, name


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


@pytest.fixture(scope="module")
def partition(phantom):
    return Partition.build(phantom.mesh)


@pytest.fixture(scope="module", params=CASES)
def course(request, phantom, partition):
    """An injection and its states, as it has gone through."""
    injection = CASES[request.param](partition, phantom)
    states = [injection.start()]
    states += injection.steps(states[0])
    yield request.param, injection, states
    injection.destroy()


def test_a_step_taken_again_gives_the_same_bits(course):
    """From the middle, with the workspace as the end of the injection left it; twice, with another step between."""
    _, injection, states = course
    before, after = states[STORED_AFTER], states[STORED_AFTER + 1]
    kept = pickle.dumps(before)
    length = injection.step_control.length(before)
    assert before.time + length == after.time > before.time
    again = injection.step(before, length)
    assert_same(again, after)
    injection.step(states[1], 0.5 * length)
    assert_same(injection.step(before, length), after)
    assert_same(pickle.loads(kept), before)
    # a state has something to lose: another length is another state
    assert not np.array_equal(injection.step(before, 0.9 * length).saturation, after.saturation)


def test_a_stored_state_goes_on_as_if_nothing_had_been(course, phantom, tmp_path):
    name, injection, states = course
    file = tmp_path / "state.pickle"
    file.write_bytes(pickle.dumps(states[STORED_AFTER]))
    anew = CASES[name](Partition.build(phantom.mesh), phantom)
    continued = list(anew.steps(pickle.loads(file.read_bytes())))
    assert len(continued) == len(states) - STORED_AFTER - 1 > 5
    for one, other in zip(continued, states[STORED_AFTER + 1 :], strict=True):
        assert_same(one, other)
        assert anew.recorder.record(one) == injection.recorder.record(other)
    anew.destroy()


def test_the_flow_is_that_of_the_middle_of_the_step_that_comes(course):
    """As far as the last step tells, and never beyond a full or an empty cell; at the end it is that of the end."""
    _, _, states = course
    ahead = 0
    for before, after in pairwise(states):
        rates = [state.schedule.rates() for state in (before, after)]
        ended = after.stop_reason is not None or after.schedule.finished
        if ended or not np.array_equal(*rates) or not rates[0].any():
            assert after.ahead == 0.0
            np.testing.assert_array_equal(after.flow_saturation, np.clip(after.saturation, 0.0, 1.0))
            continue
        ahead += 1
        assert after.ahead == 0.5 * (after.time - before.time)
        middle = np.clip(1.5 * after.saturation - 0.5 * before.saturation, 0.0, 1.0)
        np.testing.assert_allclose(after.flow_saturation, middle, atol=1e-15)
    assert ahead > 3
    assert states[-1].ahead == 0.0


def test_the_states_are_those_of_the_history(course):
    """:meth:`run` is :meth:`start` and :meth:`steps`."""
    _, injection, states = course
    history = injection.run()
    assert history.records == tuple(injection.recorder.record(state) for state in states)
    assert history.stop_reason == states[-1].stop_reason
    last = injection.flow.partition.gather_cells(states[-1].saturation)
    np.testing.assert_array_equal(history.saturation, last)


@pytest.mark.mpi
def test_on_two_ranks_a_stored_state_goes_on_too(on_ranks):
    steps, same = on_ranks(2, continued_on)
    assert steps > 5
    assert same
