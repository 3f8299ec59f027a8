"""Veins in the bone: what drains into them, what comes back, and where the cement in them is at every moment."""

import numpy as np
import pytest
from bucket import MARROW, PERMEABILITY, RATE, even_source, medium_of, partition, walls_of
from flow_phantom import FORAMEN, build_phantom, plan_of, veins_of
from flow_phantom import MARROW as PHANTOM_MARROW

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.injection import Injection
from fem.injection.plan import Bolus, InjectionPlan, Stage
from fem.injection.veins import Veins
from fem.partition import Partition
from materials.cement import CEMENTS, newtonian_cement
from materials.vein import IntraosseousVeins
from meshes.vein_network import VeinNetwork

SEEP, DRAIN = 2e4, 3e4
NETWORK = VeinNetwork(
    np.array([[-3.9, 0.5, 0.3], [3.9, 0.7, -0.2]]), np.array([[0, 1]]), np.array([1.0]), {1: "segmental_veins_left"}
)


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


@pytest.fixture(scope="module")
def body(phantom):
    return Partition.build(phantom.mesh)


def in_bucket(pressure_outside, cement=None, volume=10.0, **law):
    """An injection into a bucket with one vein, whose walls seep."""
    medium = medium_of(PERMEABILITY)
    veins = Veins(NETWORK, IntraosseousVeins(**law), DRAIN, pressure_outside)
    needle = even_source(medium)
    walls, cement = walls_of({"posterior_wall": SEEP}), cement or newtonian_cement(1e-4)
    plan = InjectionPlan((Stage((Bolus(0, volume, RATE),)),))
    return Injection.build(partition(), medium, walls, [needle], cement, DisplacedFluids(MARROW), plan, veins=veins)


def test_marrow_drains_by_the_conductance_of_the_veins():
    injection = in_bucket(0.0)
    state = injection.start()
    level = RATE / (SEEP + DRAIN)
    np.testing.assert_allclose(state.flow.pressure.facet_pressure, level, rtol=1e-6)
    assert injection.flow.displaced_exchange(state.flow).sum() == pytest.approx(-level * DRAIN, rel=1e-6)
    injection.destroy()


def test_blood_flows_back_from_veins_at_pressure():
    """At rest what comes in by the veins leaves through the walls; all of it is accounted for."""
    outside = 5e-3
    injection = in_bucket(outside)
    start = injection.start()
    assert start.resting_pressure == pytest.approx(outside * DRAIN / (SEEP + DRAIN), rel=1e-6)
    after = injection.step(start, 0.02)
    level = (RATE + outside * DRAIN) / (SEEP + DRAIN)
    assert after.balance.inflow == pytest.approx(0.02 * (outside - level) * DRAIN, rel=1e-6)
    assert injection.recorder.record(after).balance_error < 1e-12
    injection.destroy()


@pytest.mark.parametrize(
    ("collapse", "opening", "enters"), [(1.5, 0.0, False), (0.1, 0.0, True), (0.0, 1.5, False), (0.9, 0.6, False)]
)
def test_no_cement_enters_below_the_pressures_of_collapse_and_entry(collapse, opening, enters):
    level = RATE / SEEP
    injection = in_bucket(0.0, volume=60.0, collapse_pressure=collapse * level, opening_pressure=opening * level)
    states = list(injection.steps(injection.start()))
    assert (states[-1].flow.veins.content.sum() > 0.0) == enters
    injection.destroy()


@pytest.mark.parametrize("cement", ["low", "high"])
def test_every_drop_is_in_pores_or_veins_or_outside(phantom, body, cement):
    """Balances hold to 1e-10 at every moment; no piece of vein holds more than its volume, and none gives back."""
    veins = veins_of(phantom.mesh)
    plan = plan_of(1500.0, start_age=300.0, least_steps=12)
    needles = [phantom.central]
    injection = Injection.build(
        body, phantom.medium, phantom.leaky, needles, CEMENTS[cement], PHANTOM_MARROW, plan, veins=veins
    )
    volume, before = injection.flow.vessels.veins.grid.volume, 0.0
    assert volume.sum() == pytest.approx(veins.network.volume)
    for state in injection.steps(injection.start()):
        record = injection.recorder.record(state)
        assert record.balance_error < 1e-10
        content = state.flow.veins.content
        assert record.in_veins == pytest.approx(content.sum())
        assert (content >= before - 1e-9).all()
        assert (content <= volume * (1.0 + 1e-9)).all()
        assert (state.flow.veins.entry_time <= state.time + 1e-9).all()
        before = content
    assert record.in_veins > 5.0
    assert record.injected == pytest.approx(record.stored + record.in_veins + sum(record.leaked.values()), rel=1e-10)
    injection.destroy()


def test_a_leak_by_a_vein_ends_the_injection_at_its_limit(phantom, body):
    veins, limit = veins_of(phantom.mesh), 2.0
    plan = plan_of(4000.0, start_age=300.0, least_steps=12, leak_limits={"anterior_veins": limit, FORAMEN: limit})
    injection = Injection.build(
        body, phantom.medium, phantom.tight, [phantom.central], CEMENTS["low"], PHANTOM_MARROW, plan, veins=veins
    )
    history = injection.run()
    injection.destroy()
    site = history.stop_reason.removeprefix("leak_limit:")
    assert history.last.leaked[site] == pytest.approx(limit, abs=1e-4)
    assert history.balance_error < 1e-10


def test_set_cement_stands_still(phantom, body):
    """What is in the veins when it sets stays there: after it, what comes later does not move them on."""
    veins = veins_of(phantom.mesh)
    plan = InjectionPlan(
        (Stage((Bolus(0, 400.0, RATE),)), Stage((Bolus(0, 50.0, RATE),), 600.0)), 300.0, body_ageing=4.0
    )
    injection = Injection.build(
        body, phantom.medium, phantom.leaky, [phantom.central], CEMENTS["low"], PHANTOM_MARROW, plan, veins=veins
    )
    states = list(injection.steps(injection.start()))
    pause = next(state for state in states if state.schedule.pausing)
    last = states[-1]
    full = pause.flow.veins.content > 0.999 * injection.flow.vessels.veins.grid.volume
    assert full.sum() > 2
    moved = last.balance.leaked.sum() - states[-2].balance.leaked.sum()
    assert moved < 0.1
    assert injection.recorder.record(last).balance_error < 1e-10
    injection.destroy()


def test_a_stop_in_the_middle_keeps_the_balance(phantom, body):
    veins = veins_of(phantom.mesh, wall_entry_factor=0.1)
    plan = plan_of(1500.0, start_age=300.0, least_steps=10, end_age=310.0)
    injection = Injection.build(
        body, phantom.medium, phantom.leaky, [phantom.behind], CEMENTS["low"], PHANTOM_MARROW, plan, veins=veins
    )
    history = injection.run()
    injection.destroy()
    assert history.stop_reason == "working_time"
    assert history.last.in_veins > 0.0
    assert history.balance_error < 1e-10
