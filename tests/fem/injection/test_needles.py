"""Several needles, places, boluses and pauses, and limits of the pressure that needles reach together.

The load-bearing checks: needles that are images of each other deliver alike, also at their limit; allowed rates meet
the conditions that define them (at the limit, or as planned below it, or none above it) however strongly the needles
hinder each other; every needle delivers its volume in its time, whatever is done in between.
"""

import numpy as np
import pytest
from bucket import MARROW, MESH, RATE, medium_of, partition, walls_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.injection import LEAST_RATE_SHARE, Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.needle_tips import NeedleTips, TipSurroundings
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from materials.cannula import Cannula
from materials.cement import CEMENTS, Cement, newtonian_cement

SIDES = ("anterior_wall", "posterior_wall", "left_wall", "right_wall", "superior_endplate", "inferior_endplate")
WALLS = walls_of(dict.fromkeys(SIDES, 2e3))
MEDIUM = medium_of(0.05)
LEFT, RIGHT, BACK = (2.0, 0.5, -0.5), (-2.0, -0.5, 0.5), (0.0, 3.0, 0.0)
"""The first two are images of each other through the middle, and so are mesh and walls."""


def needle(tip, number=0, cannula=None):
    return Needle(NeedleOpening.place(MESH, MEDIUM, np.array(tip), 1.0), cannula or Cannula(), number)


def stage(*boluses, pause=0.0):
    return Stage(tuple(Bolus(*bolus) for bolus in boluses), pause)


def inject(needles, *stages, cement=None, observe=None, **rules):
    plan = InjectionPlan(stages, **{"least_steps": 12, "start_age": 300.0} | rules)
    cement = cement or newtonian_cement(1e-5)
    injection = Injection.build(partition(), MEDIUM, WALLS, needles, cement, DisplacedFluids(MARROW), plan)
    history = injection.run(observe)
    injection.destroy()
    return history


TWO = [needle(LEFT), needle(RIGHT, 1)]
UNDISTURBED = TipSurroundings(np.zeros(3), np.zeros(3))
"""Marrow around three places, at no pressure."""


@pytest.mark.parametrize("limit", [np.inf, 0.06])
def test_needles_that_are_images_of_each_other_deliver_alike(limit):
    history = inject(TWO, stage((0, 80.0, RATE), (1, 80.0, RATE)), pressure_limit=limit)
    assert history.stop_reason == "volume_reached"
    for record in history.records:
        one, other = record.needles
        assert one.rate == pytest.approx(other.rate, rel=1e-6)
        assert one.tip_pressure == pytest.approx(other.tip_pressure, rel=1e-6)
        assert one.injected == pytest.approx(other.injected, rel=1e-6)
        assert record.rate == pytest.approx(one.rate + other.rate)
        assert record.syringe_pressure == pytest.approx(max(one.syringe_pressure, other.syringe_pressure))
    limited = [record for record in history.records if record.rate < 2.0 * RATE * (1.0 - 1e-9)]
    assert bool(limited) == np.isfinite(limit)
    for record in limited:
        assert [state.syringe_pressure for state in record.needles] == pytest.approx([limit, limit], rel=1e-6)
    # the cement itself is its own image
    order = np.lexsort(np.round(MESH.cell_centroids, 6).T)
    image = np.lexsort(np.round(-MESH.cell_centroids, 6).T)
    np.testing.assert_allclose(history.saturation[order], history.saturation[image], atol=1e-5)


def test_a_needle_hinders_the_other_one():
    """At the same limit two needles deliver more than one, and less than twice as much."""
    cement, limit = newtonian_cement(1e-4), 0.02
    alone = inject(TWO, stage((0, 80.0, RATE)), cement=cement, pressure_limit=limit)
    both = inject(TWO, stage((0, 80.0, RATE), (1, 80.0, RATE)), cement=cement, pressure_limit=limit)
    assert alone.records[0].rate < both.records[0].rate < 2.0 * alone.records[0].rate
    assert [state.rate for state in alone.records[0].needles][1] == 0.0


def test_only_the_needle_with_the_narrow_cannula_is_limited():
    """The other one delivers as planned, as it would without a limit."""
    cement = CEMENTS["low"]
    needles = [needle(LEFT, 0, Cannula(gauge=13)), needle(RIGHT, 1, Cannula(gauge=8))]
    stages = stage((0, 60.0, RATE), (1, 60.0, RATE))
    free = inject(needles, stages, cement=cement)
    narrow, wide = (state.syringe_pressure for state in free.records[0].needles)
    assert narrow > 1.5 * wide
    limit = 0.6 * narrow + 0.4 * wide
    history = inject(needles, stages, cement=cement, pressure_limit=limit)
    first = history.records[0].needles
    assert LEAST_RATE_SHARE * RATE < first[0].rate < 0.99 * RATE
    assert first[0].syringe_pressure == pytest.approx(limit, rel=1e-6)
    assert first[1].rate == RATE
    assert first[1].syringe_pressure < limit
    assert history.stop_reason == "volume_reached"
    assert [state.injected for state in history.last.needles] == pytest.approx([60.0, 60.0], rel=1e-7)


@settings(max_examples=150, deadline=None)
@given(
    own=st.lists(st.floats(-5.0, -2.0), min_size=3, max_size=3),
    coupling=st.floats(0.0, 0.9999),
    base=st.lists(st.floats(-0.003, 0.03), min_size=3, max_size=3),
    planned=st.lists(st.sampled_from([0.0, 10.0, 50.0]), min_size=3, max_size=3).filter(any),
    limit=st.floats(-3.0, 0.5),
    name=st.sampled_from(["thin", "low", "high"]),
)
def test_allowed_rates_are_those_that_the_limit_defines(tips, own, coupling, base, planned, limit, name):
    """As planned with p <= limit, or less with p = limit, or none with p >= limit, however strong the coupling."""
    diagonal = 10.0 ** np.array(own)
    scale = np.sqrt(diagonal)
    slopes = scale[:, None] * (coupling + (1.0 - coupling) * np.eye(3)) * scale
    planned, limit, base = np.array(planned), 10.0**limit, np.array(base)
    chosen = tips[name]
    rates = chosen.pressure_limited_rates(planned, (base, slopes), limit, 300.0, UNDISTURBED)
    means = base + slopes @ rates
    assert (rates >= 0.0).all()
    assert (rates <= planned).all()
    for place in np.flatnonzero(planned):
        rate = float(rates[place])
        tip = chosen.tip_pressure(place, float(means[place]), rate, 300.0, UNDISTURBED)
        pressure = chosen.syringe_pressure(place, tip, rate, 300.0)
        small = 1e-6 * max(limit, abs(base[place]))
        if rate == planned[place]:
            assert pressure <= limit + small
        elif rate > 0.0:
            assert pressure == pytest.approx(limit, abs=small)
        else:
            assert pressure >= limit - small


@pytest.mark.parametrize("coupling", [0.5, 0.95, 0.9999, 1.0 - 1e-8])
def test_needles_that_share_one_resistance_share_the_flow(tips, coupling):
    """Tight walls in common and next to nothing of their own: half of what the limit drives for each."""
    slopes = 1e-3 * (coupling + (1.0 - coupling) * np.eye(3))
    planned = np.array([50.0, 50.0, 0.0])
    rates = tips["thin"].pressure_limited_rates(planned, (np.zeros(3), slopes), 0.05, 300.0, UNDISTURBED)
    assert rates[:2] == pytest.approx([50.0 / (1.0 + coupling)] * 2, rel=1e-3)
    assert rates[2] == 0.0


@pytest.fixture(scope="module")
def tips():
    cements = {"thin": newtonian_cement(1e-9), "low": CEMENTS["low"], "high": CEMENTS["high"]}
    places = [needle(LEFT), needle(RIGHT, 1), needle(BACK, 2)]
    return {name: NeedleTips.build(places, partition(), cement) for name, cement in cements.items()}


def test_needles_in_turn_with_pauses():
    history = inject(
        TWO,
        stage((0, 30.0, 15.0)),
        stage((1, 20.0, 40.0), pause=7.0),
        stage((0, 10.0, 50.0), pause=3.0),
        output_count=3,
    )
    assert history.stop_reason == "volume_reached"
    assert history.last.time == pytest.approx(2.0 + 7.0 + 0.5 + 3.0 + 0.2, rel=1e-9)
    assert [end.reason for end in history.needle_ends] == ["volume_reached"] * 2
    assert [end.time for end in history.needle_ends] == pytest.approx([12.7, 9.5])
    times = [record.time for record in history.records]
    for number, (breaks, volumes) in enumerate(
        (
            ((0.0, 2.0, 12.5, 12.7), (0.0, 30.0, 30.0, 40.0)),
            ((0.0, 9.0, 9.5, 12.7), (0.0, 0.0, 20.0, 20.0)),
        )
    ):
        course = [record.needles[number].injected for record in history.records]
        assert course == pytest.approx(np.interp(times, breaks, volumes).tolist(), abs=1e-6)
    for record in history.records:
        for state in record.needles:
            assert (state.rate > 0.0) == (state.tip_pressure > 0.0) == (state.syringe_pressure > 0.0)
        assert sum(state.rate > 0.0 for state in record.needles) <= 1
    pauses = [record for record in history.records if record.rate == 0.0]
    assert [record.time for record in pauses] == pytest.approx([2.0, 9.5])
    # nothing drives a flow meanwhile
    for before in pauses:
        after = history.records[history.records.index(before) + 1]
        assert after.stored == pytest.approx(before.stored, rel=1e-12)
        assert after.displaced_out == before.displaced_out


def test_together_takes_as_long_as_the_slower_needle():
    history = inject(TWO, stage((0, 30.0, 15.0), (1, 20.0, 40.0)))
    assert history.last.time == pytest.approx(2.0, rel=1e-9)
    end = next(record for record in history.records if record.needles[1].injected >= 20.0 * (1.0 - 1e-9))
    assert end.time == pytest.approx(0.5, rel=1e-9)
    assert history.records[-2].needles[1].rate == 0.0


def test_in_turn_or_together_the_volumes_are_the_same():
    turn = inject(TWO, stage((0, 60.0, RATE)), stage((1, 60.0, RATE)))
    both = inject(TWO, stage((0, 60.0, RATE), (1, 60.0, RATE)))
    for history in (turn, both):
        assert [state.injected for state in history.last.needles] == pytest.approx([60.0, 60.0], rel=1e-9)
        assert history.last.stored == pytest.approx(120.0, rel=1e-9)
    assert turn.last.time == pytest.approx(2.0 * both.last.time)


def test_a_bolus_in_parts_is_the_bolus():
    """Without a pause between them, and at the same steps."""
    whole = inject([needle(LEFT)], stage((0, 100.0, RATE)), output_count=4)
    parts = inject([needle(LEFT)], *[stage((0, 25.0, RATE))] * 4, output_count=4)
    np.testing.assert_allclose(whole.saturation, parts.saturation, atol=1e-9)
    assert whole.last.tip_pressure == pytest.approx(parts.last.tip_pressure, rel=1e-6)


def test_a_needle_that_is_drawn_back_leaves_cement_along_its_way():
    """Three places of one needle: one state, one volume, and a third of the cement about each of them."""
    places = [needle((x, 0.0, 0.0)) for x in (-2.0, 0.0, 2.0)]
    history = inject(places, *[stage((place, 40.0, RATE)) for place in range(3)])
    assert len(history.last.needles) == 1
    assert history.last.injected == pytest.approx(120.0, rel=1e-9)
    assert all(state.rate == RATE for record in history.records for state in record.needles)
    pores = 0.8 * MESH.cell_volumes * history.saturation
    assert pores.sum() == pytest.approx(120.0, rel=1e-9)
    centre = pores @ MESH.cell_centroids[:, 0] / pores.sum()
    assert abs(centre) < 0.3
    still = inject(places, stage((1, 120.0, RATE)))
    spread = [
        0.8 * MESH.cell_volumes * result.saturation @ MESH.cell_centroids[:, 0] ** 2 for result in (history, still)
    ]
    assert spread[0] > 1.2 * spread[1]


def test_the_pressure_that_stops():
    """It ends the injection with the first record at or above it; below it, the injection goes on."""
    cement = CEMENTS["medium"]
    free = inject(TWO, stage((0, 100.0, RATE)), stage((1, 100.0, RATE)), cement=cement)
    assert free.stop_reason == "volume_reached"
    peaks = [record.syringe_pressure for record in free.records]
    stop = 0.5 * (min(peaks) + max(peaks))
    history = inject(TWO, stage((0, 100.0, RATE)), stage((1, 100.0, RATE)), cement=cement, stop_pressure=stop)
    assert history.stop_reason == "stop_pressure"
    assert history.last.syringe_pressure >= stop
    assert all(record.syringe_pressure < stop for record in history.records[:-1])
    above = inject(
        TWO, stage((0, 100.0, RATE)), stage((1, 100.0, RATE)), cement=cement, stop_pressure=1.01 * max(peaks)
    )
    assert above.stop_reason == "volume_reached"
    at_once = inject(TWO, stage((0, 100.0, RATE)), cement=cement, stop_pressure=0.5 * min(peaks))
    assert at_once.stop_reason == "stop_pressure"
    assert at_once.last.injected == 0.0
    assert len(at_once.records) == 1


def test_a_needle_that_is_given_up_leaves_the_other_one_going():
    """The narrow cannula lets nothing through at this limit; the wide one delivers all, and the reason is told."""
    needles = [needle(LEFT, 0, Cannula(gauge=14)), needle(RIGHT, 1, Cannula(gauge=8))]
    cement = newtonian_cement(1e-4)
    free = inject(needles, stage((0, 30.0, RATE), (1, 30.0, RATE)), cement=cement)
    narrow, wide = (state.syringe_pressure for state in free.records[0].needles)
    assert narrow > 5.0 * wide
    shots = []
    history = inject(
        needles,
        stage((0, 30.0, 40.0 * RATE), (1, 30.0, RATE)),
        stage((1, 10.0, RATE), pause=2.0),
        cement=cement,
        pressure_limit=1.2 * wide,
        observe=shots.append,
    )
    assert history.stop_reason == "pressure_limit"
    assert [state.injected for state in history.last.needles] == pytest.approx([0.0, 40.0], abs=1e-6)
    assert shots[-1].record is history.last
    assert history.last.time == pytest.approx(40.0 / RATE + 2.0)
    assert [end.reason for end in history.needle_ends] == ["no_flow", "volume_reached"]
    assert [end.time for end in history.needle_ends] == pytest.approx([0.0, 40.0 / RATE + 2.0])


def test_a_needle_that_stiffens_is_given_up_when_its_flow_ends():
    """The other one has delivered its little volume by then; its end is not that of the injection."""
    cement = Cement("stiffening", 1e-5, 1.0, index_rate=0.0, reference_age=300.0, doubling_time=1.0)
    history = inject(TWO, stage((0, 300.0, RATE), (1, 20.0, RATE)), cement=cement, pressure_limit=0.12)
    stuck, done = history.needle_ends
    assert (history.stop_reason, stuck.reason, done.reason) == ("pressure_limit", "pressure_limit", "volume_reached")
    assert stuck.time == history.last.time
    assert done.time == pytest.approx(20.0 / RATE)
    assert done.time < stuck.time
    assert 0.0 < history.last.needles[0].injected < 300.0


def test_needles_that_the_injection_cuts_short_share_its_reason():
    history = inject(TWO, stage((0, 30.0, 15.0)), stage((1, 20.0, 40.0)), end_age=301.0)
    assert [(end.reason, end.time) for end in history.needle_ends] == [("working_time", history.last.time)] * 2
