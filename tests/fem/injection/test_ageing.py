"""The two clocks of the cement: room temperature in the syringe, body temperature once it is in the bone.

The load-bearing checks: the entry times of all cement in the body add up to the integral of the rate over time; every
age follows from the entry time and both clocks; cement that leaves the needle is as old as the syringe says.
"""

from dataclasses import replace

import numpy as np
import pytest
from bucket import MARROW, MESH, RATE, medium_of, partition, walls_of

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from materials.cannula import Cannula
from materials.cement import Cement

START, DOUBLING = 100.0, 60.0
OUTLETS = dict.fromkeys(("left_wall", "right_wall", "superior_endplate", "inferior_endplate"), 5e5)
AGEING = Cement(
    "ageing",
    1e-4,
    1.0,
    index_rate=0.0,
    reference_age=START,
    doubling_time=DOUBLING,
    working_time=3600.0,
    setting_time=4000.0,
)
TIPS = ((-2.0, 0.0, 0.0), (2.0, 0.0, 0.0))


def bolus(volume, pause=0.0, place=0, rate=RATE):
    return Stage((Bolus(place, volume, rate),), pause)


def inject(*stages, syringe=1.0, body=1.0):
    """The records of an injection, and the saturation, age and age in the syringe at the time of each."""
    medium = medium_of(0.05)
    needles = [Needle(NeedleOpening.place(MESH, medium, np.array(tip), 1.0), Cannula()) for tip in TIPS]
    plan = InjectionPlan(stages, START, None, syringe, body, least_steps=12)
    injection = Injection.build(partition(), medium, walls_of(OUTLETS), needles, AGEING, DisplacedFluids(MARROW), plan)
    start = injection.start()
    states = [start, *injection.steps(start)]
    records = [injection.recorder.record(state) for state in states]
    injection.destroy()
    now = [replace(state, ahead=0.0) for state in states]
    fillings = [(state.saturation, state.pore_fluids(plan).age, state.syringe_age(plan)) for state in now]
    return records, fillings


def pores_with(saturation):
    return partition().local_cells(MESH.cell_volumes) * 0.8 * saturation


@pytest.mark.parametrize(("syringe", "body"), [(1.0, 2.4), (0.6, 1.8), (1.3, 0.0)])
def test_entry_times_add_up(syringe, body):
    """Over all cement in the body: sum of entry time times volume = integral of Q t dt, to round-off."""
    records, fillings = inject(bolus(60.0), bolus(40.0, 12.0, rate=0.5 * RATE), syringe=syringe, body=body)
    change = 60.0 / RATE, 60.0 / RATE + 12.0
    for record, (saturation, age, of_syringe) in zip(records, fillings, strict=True):
        assert of_syringe == pytest.approx(syringe * (START + record.time))
        first, second = min(record.time, change[0]), max(record.time, change[1])
        exact = 0.5 * RATE * first**2 + 0.25 * RATE * (second**2 - change[1] ** 2)
        entry = (syringe * START + body * record.time - age) / (body - syringe)
        assert pores_with(saturation) @ entry == pytest.approx(exact, abs=1e-9)
        present = saturation > 1e-9
        assert entry[present].min(initial=0.0) >= -1e-6
        assert entry[present].max(initial=0.0) <= record.time + 1e-6


def test_on_equal_clocks_all_cement_is_as_old_as_that_in_the_syringe():
    records, fillings = inject(bolus(60.0), bolus(40.0, 30.0), syringe=1.7, body=1.7)
    for record, (_, age, _) in zip(records, fillings, strict=True):
        np.testing.assert_allclose(age, 1.7 * (START + record.time), rtol=1e-12)


def test_a_pause_ages_the_cement_in_the_body():
    """All of it by the body's clock times the pause; without pressures outside nothing moves meanwhile."""
    records, fillings = inject(bolus(60.0), bolus(40.0, 45.0), body=2.0)
    pause = next(number for number, record in enumerate(records) if record.injected and record.rate == 0.0)
    assert records[pause + 1].time - records[pause].time == pytest.approx(45.0)
    (before, young, _), (after, old, _) = fillings[pause], fillings[pause + 1]
    np.testing.assert_allclose(after, before, atol=1e-12)
    present = before > 1e-6
    np.testing.assert_allclose(old[present] - young[present], 90.0, rtol=1e-8)


def test_a_pause_thickens_the_cement():
    """In the cannula it is 2^(P / t_double) as viscous after a pause P, in the body 2^(b P / t_double).

    With a body as cold as the room, all pressures but those of marrow grow alike.
    """
    pause = 90.0
    for body in (1.0, 2.0):
        records, _ = inject(bolus(200.0), bolus(1.0, pause), body=body)
        stop = next(number for number, record in enumerate(records) if record.injected and record.rate == 0.0)
        end, again = records[stop - 1], records[stop + 1]
        fresh, aged = 2.0 ** ((again.time - end.time) / DOUBLING), 2.0 ** (body * pause / DOUBLING)
        drops = [record.syringe_pressure - record.tip_pressure for record in (end, again)]
        assert drops[1] == pytest.approx(fresh * drops[0], rel=1e-9)
        grown = again.tip_pressure / end.tip_pressure
        if body == 1.0:
            assert grown == pytest.approx(fresh, rel=0.05)
        else:
            assert 1.2 * fresh < grown < 1.5 * aged


def test_a_warm_body_stiffens_the_cement():
    cold, _ = inject(bolus(100.0), bolus(100.0, 60.0))
    warm, _ = inject(bolus(100.0), bolus(100.0, 60.0), body=2.4)
    assert warm[0].tip_pressure == cold[0].tip_pressure
    assert warm[-1].tip_pressure > 1.2 * cold[-1].tip_pressure


def test_another_needle_begins_with_cement_from_the_syringe():
    """Where no cement has been, the first pressure of a second needle is that of one which begins at that time."""
    late = 120.0
    records, _ = inject(bolus(1.0), bolus(60.0, late, place=1), body=3.0)
    begin = next(record for record in records if record.time > late and record.rate)
    for body in (1.0, 3.0):
        alone, _ = inject(bolus(60.0, begin.time, place=1), body=body)
        assert begin.tip_pressure == pytest.approx(
            next(record for record in alone if record.rate).tip_pressure, rel=0.02
        )


def test_the_working_time_counts_the_time_since_mixing():
    """Pauses included; within a pause it ends the procedure as well."""
    plan_end = START + 50.0 / RATE + 20.0 + 0.4
    medium = medium_of(0.05)
    needles = [Needle(NeedleOpening.place(MESH, medium, np.array(TIPS[0]), 1.0), Cannula())]
    for stages, injected in (
        ((bolus(50.0), bolus(50.0, 20.0)), 50.0 + 0.4 * RATE),
        ((bolus(50.0), bolus(50.0, 30.0)), 50.0),
    ):
        plan = InjectionPlan(stages, START, plan_end, body_ageing=2.0)
        injection = Injection.build(
            partition(), medium, walls_of(OUTLETS), needles, AGEING, DisplacedFluids(MARROW), plan
        )
        history = injection.run()
        injection.destroy()
        assert history.stop_reason == "working_time"
        assert history.last.time == pytest.approx(plan_end - START, rel=1e-12)
        assert history.last.injected == pytest.approx(injected, rel=1e-9)
