"""Heat beside an injection: it holds the cement of the injection, keeps its balance, and sets the cement's clock."""

import numpy as np
import pytest
from flow_phantom import MARROW, build_phantom, plan_of, veins_of
from warmed_injection import BODY, ROOM, VOLUME, temperatures, warmed

from fem.injection.injection import Injection
from fem.partition import Partition
from materials.cement import CEMENTS


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


@pytest.fixture(scope="module")
def partition(phantom):
    return Partition.build(phantom.mesh)


@pytest.fixture(scope="module")
def uncoupled(partition, phantom):
    """Heat that the cement's clock does not hear of."""
    return warmed(partition, phantom, coupled=False)[1]


@pytest.fixture(scope="module")
def cold(partition, phantom):
    """Nearly inert cement, for it is not old yet."""
    return warmed(partition, phantom, start_age=0.0)


def test_all_cement_is_in_the_voxels(cold):
    law, history = cold
    state, last = history.warmth.heat, history.last
    assert state.cement.sum() == pytest.approx(VOLUME, rel=1e-9)
    leaked = {site: volume for site, volume in last.leaked.items() if volume > 0.0}
    assert leaked
    assert set(history.warmth.pools) == set(leaked)
    outside = law.contents.bone < 0.5
    # voxels at the wall are part bone, and cement of the bone lies in them as well
    assert state.cement[outside].sum() >= 0.99 * sum(leaked.values())


def test_temperatures_stay_between_needle_and_body(cold):
    _, history = cold
    state = history.warmth.heat
    assert state.temperature.min() >= ROOM - 1e-6
    assert state.temperature.max() <= BODY + 0.05
    assert state.temperature.min() < ROOM + 3.0
    assert state.budget.error < 1e-8


def test_cement_that_stays_cold_is_younger(partition, phantom, uncoupled):
    (_, coupled), plain = warmed(partition, phantom), uncoupled
    assert plain.warmth.ageing is None
    assert coupled.warmth.ageing.min() < float(CEMENTS["low"].ageing_rate(BODY)) - 0.2
    # younger cement is thinner, so that the needle needs less pressure
    assert coupled.last.tip_pressure < plain.last.tip_pressure


def test_without_coupling_the_injection_is_the_same(partition, phantom, uncoupled):
    cement = CEMENTS["low"]
    plan = plan_of(VOLUME, start_age=300.0, body_ageing=float(cement.ageing_rate(BODY)), least_steps=8)
    alone = Injection.build(
        partition, phantom.medium, phantom.leaky, [phantom.behind], cement, MARROW, plan, veins=veins_of(phantom.mesh)
    )
    history = alone.run()
    alone.destroy()
    assert [record.tip_pressure for record in history.records] == [record.tip_pressure for record in uncoupled.records]
    assert (history.saturation == uncoupled.saturation).all()


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_agree(ranks, on_ranks, evidence):
    one, several = (on_ranks(count, temperatures) for count in (1, ranks))
    worst = max(float(np.abs(one[name] - several[name]).max()) for name in ("temperature", "peak"))
    evidence.check(
        case=f"heat beside an injection on {ranks} ranks and on one",
        quantity="largest difference of a temperature, of a rise of 18 K [K]",
        expected=0.0,
        computed=worst,
        high=3e-3,
        source="cross-check",
        kind="cross-check",
    )
    # empty voxels have no conversion of their own
    converted = [found["cement"] * found["conversion"] for found in (one, several)]
    assert converted[0] == pytest.approx(converted[1], abs=1e-3)
