"""Columns of cement in conduits of the walls: how they grow, what they hold, and when they let cement out.

The load-bearing checks: a column behind an even pressure grows as Washburn says, a full conduit passes all that comes,
and every drop is in pores, in conduits or outside.
"""

from dataclasses import replace

import numpy as np
import pytest
from block_grid import filled
from bucket import MESH, RATE, bucket, medium_of, partition, walls_of
from flow_phantom import CANAL, FORAMEN, build_phantom, plan_of
from flow_phantom import MARROW as PHANTOM_MARROW

from fem.injection.conduits import Conduits
from fem.injection.injection import Injection
from fem.injection.plan import Bolus, InjectionPlan, Stage
from fem.partition import Partition
from materials.cement import CEMENTS, Cement
from materials.leak_path import LeakPath

HOLE, OUTLET = "posterior_wall", "anterior_wall"
POCKET = filled(MESH, ((-4.0, 4.0), (-4.0, -2.0), (-4.0, 4.0)))
"""1 in the cells at the outlet, which hold marrow."""
SEEP = 5e3
TUBE = LeakPath("tube", 1.0, 40.0, opening_pressure=0.0)


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


@pytest.fixture(scope="module")
def body(phantom):
    return Partition.build(phantom.mesh)


CONSISTENCY = 1e-2
"""So that the marrow before a column resists little."""


def cement_of(index):
    return Cement(
        "power law", CONSISTENCY, index, index_rate=0.0, doubling_time=None, shear_rate_low=1e-6, shear_rate_high=1e6
    )


def length_after(time, steps, index):
    """mm of a column that the pressure behind a marrow outlet drives for that time in s, and what is outside."""
    case = bucket(walls_of({OUTLET: SEEP}, {HOLE: (TUBE, 0.01, 0.0)}), cement_of(index), permeability=1e6)
    law, filling, step = case.flow.walls, case.fill(1.0 - POCKET), time / steps
    empty = replace(case.state.walls.conduits, content=np.zeros(len(law.cells)), step=step)
    case.state = replace(case.state, walls=replace(case.state.walls, conduits=empty))
    outside = 0.0
    for _ in range(steps):
        for _ in range(12):
            case.solve(RATE, filling)
        cells = law.outflow(case.state.walls).rate
        entered = step * law.cement_rates(case.state.walls, cells)
        conduits, left = law.conduits.take_in(case.state.walls.conduits, entered, step)
        outside += left.sum()
        case.state = replace(case.state, walls=replace(case.state.walls, conduits=conduits))
    drive = case.state.walls.drive[case.behind(HOLE)]
    assert drive == pytest.approx(RATE / SEEP, rel=1e-3)
    return conduits.content.sum() / 0.01, outside


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("index", [1.0, 0.5])
def test_a_column_grows_as_washburn_says(index, steps):
    """l^(1 + 1/n) = (1 + 1/n) (d / 8) (4 n / (3 n + 1)) (p d / (4 K))^(1/n) t, in however many steps."""
    time = 2e3 if index == 1.0 else 2e4
    power, shape = 1.0 + 1.0 / index, 4.0 * index / (3.0 * index + 1.0)
    speed = TUBE.aperture / 8.0 * shape * (RATE / SEEP * TUBE.aperture / (4.0 * CONSISTENCY)) ** (1.0 / index)
    length, outside = length_after(time, steps, index)
    assert length == pytest.approx((power * speed * time) ** (1.0 / power), rel=2e-3)
    assert 5.0 < length < TUBE.length
    assert outside == 0.0


def test_a_full_conduit_lets_out_what_comes_in():
    walls = walls_of({OUTLET: SEEP}, {HOLE: (TUBE, 0.5, 0.0)})
    law = Conduits.build(partition(), medium_of(1.0), walls, cement_of(0.5))
    hole, start = law.area > 0.0, law.initial_state()
    half, left = law.take_in(start, 0.5 * law.volume, 1.0)
    assert left.sum() == 0.0
    assert law.held(half) == pytest.approx(0.25 * TUBE.length)
    full, left = law.take_in(half, law.volume, 1.0)
    np.testing.assert_allclose(left[hole], 0.5 * law.volume[hole])
    np.testing.assert_allclose(full.content, law.volume)
    outside = replace(law, in_bone=np.zeros_like(law.in_bone))
    beyond, left = outside.take_in(start, 0.5 * law.volume, 1.0)
    assert outside.held(beyond) == 0.0
    np.testing.assert_allclose(left, 0.5 * law.volume)


def test_a_column_has_the_mean_age_of_what_it_holds():
    """Cement that sets in a conduit stands there, however fresh the cement behind it is."""
    law = Conduits.build(
        partition(), medium_of(1.0), walls_of({OUTLET: SEEP}, {HOLE: (TUBE, 0.5, 0.0)}), cement_of(0.5)
    )
    hole, state = law.area > 0.0, law.initial_state()
    everywhere = np.ones(len(hole))
    for volume, left_at in ((0.1, 10.0), (0.3, 30.0)):
        came = volume * law.volume
        after, _ = law.take_in(state, came, 1.0)
        state = law.mix(state, after, came, left_at * everywhere)
    np.testing.assert_allclose(state.entry_time[hole], 25.0)
    np.testing.assert_allclose(state.entry_time[~hole], 30.0)


@pytest.mark.parametrize("cement", ["low", "high"])
def test_every_drop_is_in_pores_or_conduits_or_outside(phantom, body, cement):
    """Two needles together and in turn, with a pause; nothing leaves by a facet before its conduits are full."""
    needles = [phantom.behind, replace(phantom.lateral, number=1)]
    stages = (Stage((Bolus(0, 900.0, RATE), Bolus(1, 200.0, RATE)), 15.0), Stage((Bolus(0, 400.0, RATE),), 20.0))
    plan = InjectionPlan(stages, 300.0, body_ageing=2.3, least_steps=12)
    injection = Injection.build(body, phantom.medium, phantom.leaky, needles, CEMENTS[cement], PHANTOM_MARROW, plan)
    law, before, filled_first = injection.flow.walls.conduits, 0.0, False
    for state in injection.steps(injection.start()):
        record, content = injection.recorder.record(state), state.flow.walls.conduits.content
        assert record.balance_error < 1e-10
        assert record.in_conduits == pytest.approx(content.sum())
        assert (content >= before).all()
        assert (content <= law.volume).all()
        assert (state.flow.walls.conduits.entry_time <= state.time + 1e-9).all()
        filled_first |= record.in_conduits > 0.1 and sum(record.leaked.values()) == 0.0
        before = content
    injection.destroy()
    assert filled_first
    assert record.in_conduits > 0.5
    assert record.leaked[CANAL] > 0.5 or cement == "high"
    assert record.injected == pytest.approx(record.stored + record.in_conduits + sum(record.leaked.values()), rel=1e-10)


def test_a_leak_ends_the_injection_at_its_limit_beside_what_conduits_hold(phantom, body):
    limit = 3.0
    plan = plan_of(4000.0, start_age=300.0, least_steps=10, leak_limits={CANAL: limit, FORAMEN: limit})
    injection = Injection.build(
        body, phantom.medium, phantom.leaky, [phantom.behind], CEMENTS["low"], PHANTOM_MARROW, plan
    )
    last = injection.run().last
    injection.destroy()
    assert max(last.leaked.values()) == pytest.approx(limit, abs=1e-4)
    assert last.in_conduits > 1.0
    assert last.balance_error < 1e-10
