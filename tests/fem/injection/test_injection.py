"""The injection loop on a coarse vertebral body with heterogeneous, tilted anisotropic bone.

The load-bearing checks: the mass balances of cement and of all fluid close to 1e-10 and every cell's fluxes to 1e-8 at
every step, with saturations within 0 and 1 to 1e-8, at viscosity ratios 1 to 1e4, with and without a leak under way;
every rule that ends an injection is met exactly where it says.
"""

from dataclasses import replace

import numpy as np
import pytest
from flow_phantom import CANAL, FORAMEN, MARROW, MARROW_VISCOSITY, RATE, build_phantom, plan_of

from fem.errors import ConvergenceError
from fem.injection.injection import Injection
from fem.injection.stopping import LEAST_FRONT
from fem.partition import Partition
from materials.cannula import Cannula
from materials.cement import CEMENTS, Cement, newtonian_cement

PLAN = plan_of(4000.0, start_age=300.0)


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


@pytest.fixture(scope="module")
def partition(phantom):
    return Partition.build(phantom.mesh)


@pytest.fixture(scope="module")
def inject(phantom, partition):
    """Call with a plan: the history of the injection and the snapshots handed out, computed once."""
    known = {}

    def run(plan, ratio=10.0, walls="leaky", needle="behind", cement=None):
        asked = repr((plan, ratio, walls, needle, cement))
        if asked not in known:
            known[asked] = carry_out(plan, ratio, walls, needle, cement)
        return known[asked]

    def carry_out(plan, ratio, walls, needle, cement):
        injection = Injection.build(
            partition,
            phantom.medium,
            getattr(phantom, walls),
            [getattr(phantom, needle)],
            cement or newtonian_cement(ratio * MARROW_VISCOSITY),
            MARROW,
            plan,
        )
        snapshots = []
        history = injection.run(snapshots.append)
        injection.destroy()
        return history, snapshots

    return run


def assert_mass_balance(phantom, history):
    pores = phantom.mesh.cell_volumes * phantom.medium.porosity
    assert history.last.stored == pytest.approx(float(pores @ history.saturation), rel=1e-12)
    for record in history.records:
        leaked = sum(record.leaked.values())
        injected = record.injected
        assert abs(injected - record.stored - record.in_conduits - leaked) <= 1e-10 * injected
        # marrow: what was displaced by stored cement and what came in from outside has left
        assert abs(record.stored + record.inflow - record.displaced_out) <= 1e-10 * injected
        assert record.balance_error <= 1e-10
        assert record.divergence_error <= 1e-8
        assert record.saturation_range[0] >= -1e-8
        assert record.saturation_range[1] <= 1.0 + 1e-8


@pytest.mark.parametrize("ratio", [1.0, 10.0, 100.0, 1e3, 1e4])
@pytest.mark.parametrize(("walls", "needle"), [("tight", "central"), ("tight", "lateral"), ("leaky", "behind")])
def test_mass_balance_up_to_twelve_millilitres(phantom, inject, ratio, walls, needle):
    history, _ = inject(plan_of(12000.0, start_age=300.0), ratio, walls, needle)
    assert_mass_balance(phantom, history)
    assert history.stop_reason == "volume_reached"
    assert history.last.injected == pytest.approx(12000.0, rel=1e-12)
    leaked = sum(history.last.leaked.values())
    assert (leaked > 50.0) if walls == "leaky" else (leaked == 0.0)


@pytest.mark.parametrize("name", CEMENTS)
def test_mass_balance_with_shear_thinning_ageing_cement(phantom, inject, name):
    history, _ = inject(plan_of(1000.0, start_age=300.0), cement=CEMENTS[name])
    assert_mass_balance(phantom, history)
    assert max(record.picard_iterations for record in history.records) > 1


def test_thicker_cement_leaks_less_and_later(inject):
    """The viscosity ratio of cement to marrow decides leakage."""
    thin, _ = inject(PLAN, 1.0)
    thick, _ = inject(PLAN, 10.0)
    assert thick.last.leaked[CANAL] < 0.5 * thin.last.leaked[CANAL]
    assert thick.onset(CANAL, 20.0).time > thin.onset(CANAL, 20.0).time


def test_an_even_ratio_moves_cement_like_marrow(inject):
    """At a ratio of 1 the saturation does not act on the pressure, which stays what it was until a wall is reached."""
    history, _ = inject(plan_of(250.0, start_age=300.0), 1.0, "leaky", "central")
    pressures = [record.tip_pressure for record in history.records]
    assert pressures == pytest.approx([pressures[0]] * len(pressures), rel=1e-6)


def test_leak_limit_is_met_exactly(phantom, inject):
    history, _ = inject(replace(PLAN, leak_limits={CANAL: 100.0}))
    assert history.stop_reason == f"leak_limit:{CANAL}"
    assert history.last.leaked[CANAL] == pytest.approx(100.0, rel=1e-6)
    assert history.last.injected < PLAN.volume
    assert_mass_balance(phantom, history)


def test_of_two_rules_the_first_one_ends_the_injection(inject):
    """Both limits fall into one step; the one that is passed by less comes first."""
    free, _ = inject(PLAN)
    before, after = free.records[-5], free.records[-4]
    limits = {
        site: before.leaked[site] + share * (after.leaked[site] - before.leaked[site])
        for site, share in ((CANAL, 0.7), (FORAMEN, 0.6))
    }
    assert after.leaked[CANAL] - limits[CANAL] > after.leaked[FORAMEN] - limits[FORAMEN] > 0.0
    history, _ = inject(replace(PLAN, leak_limits=limits))
    assert history.stop_reason == f"leak_limit:{FORAMEN}"
    assert history.last.leaked[FORAMEN] == pytest.approx(limits[FORAMEN], rel=1e-6)
    assert history.last.leaked[CANAL] < limits[CANAL]


def test_front_limit(phantom, inject):
    """The volume beyond the plane jumps cell by cell: it is passed at the end and was not one step before."""
    limit = 8.0
    history, _ = inject(replace(PLAN, front_limit=limit), needle="central")
    assert history.stop_reason == "front_limit"
    pores = phantom.mesh.cell_volumes * phantom.medium.porosity
    saturation = history.saturation
    beyond = (phantom.mesh.cell_centroids[:, 1] > limit) & (saturation > 0.5 - 1e-5)
    assert pores[beyond] @ saturation[beyond] >= LEAST_FRONT
    shorter = plan_of(history.last.injected * 0.99, start_age=300.0, front_limit=limit)
    assert inject(shorter, needle="central")[0].stop_reason == "volume_reached"


def test_working_time(inject):
    history, _ = inject(replace(PLAN, end_age=333.3))
    assert history.stop_reason == "working_time"
    assert history.last.time == pytest.approx(33.3, rel=1e-9)
    assert history.last.injected == pytest.approx(33.3 * RATE, rel=1e-9)


def test_pressure_limit_holds_the_pressure_and_then_ends_the_injection(phantom, inject):
    cement = Cement("stiffening", 2e-4, 1.0, index_rate=0.0, reference_age=300.0, doubling_time=20.0)
    limit = 2.5
    history, _ = inject(replace(PLAN, pressure_limit=limit), cement=cement)
    assert history.stop_reason == "pressure_limit"
    assert history.last.rate < 0.05 * RATE
    limited = [record for record in history.records if record.rate < RATE]
    assert 2 < len(limited) < len(history.records)
    assert [record.syringe_pressure for record in limited] == pytest.approx([limit] * len(limited), rel=1e-8)
    assert max(record.syringe_pressure for record in history.records) <= limit * (1.0 + 1e-8)
    assert_mass_balance(phantom, history)


def test_a_limited_pressure_slows_the_injection_down(phantom, inject):
    """Volumes are met exactly although walls beside full cells close within a step and change the rate."""
    plan = plan_of(12000.0, start_age=300.0, pressure_limit=3.0, output_count=12)
    history, snapshots = inject(plan, 1e4, "tight", "lateral")
    assert history.stop_reason == "volume_reached"
    assert history.last.time > 1.5 * plan.volume / plan.rate
    assert [shot.record.injected for shot in snapshots] == pytest.approx(np.linspace(0.0, 12000.0, 13), rel=1e-9)
    assert max(record.sealing_solves for record in history.records) > 1
    assert_mass_balance(phantom, history)


def test_no_flow(inject):
    history, snapshots = inject(replace(PLAN, pressure_limit=1e-3), 1e3)
    assert history.stop_reason == "no_flow"
    assert len(history.records) == len(snapshots) == 1
    assert history.last.injected == 0.0
    assert history.onset(CANAL, 20.0) is None


@pytest.mark.parametrize("volume", [3.0, 20.0])
def test_onset_lies_on_the_cumulated_leak(inject, volume):
    history, _ = inject(PLAN)
    onsets = {site: history.onset(site, volume) for site in history.last.leaked}
    assert {site for site, onset in onsets.items() if onset is not None} == {CANAL, FORAMEN}
    times = [record.time for record in history.records]
    volumes = [record.injected for record in history.records]
    for site in (CANAL, FORAMEN):
        onset = onsets[site]
        leaked = [record.leaked[site] for record in history.records]
        assert np.interp(onset.time, times, leaked) == pytest.approx(volume, rel=1e-9)
        assert np.interp(onset.injected, volumes, leaked) == pytest.approx(volume, rel=1e-9)
    small, _ = inject(replace(PLAN, leak_limits={CANAL: 0.99 * volume}))
    assert small.last.leaked[CANAL] == pytest.approx(0.99 * volume, rel=1e-6)
    assert small.onset(CANAL, volume) is None


def test_snapshots_come_at_the_start_at_exact_volumes_and_at_the_end(phantom, inject):
    history, snapshots = inject(plan_of(3000.0, start_age=300.0, output_count=4))
    assert [shot.record.injected for shot in snapshots] == pytest.approx(
        [0.0, 750.0, 1500.0, 2250.0, 3000.0], rel=1e-12
    )
    assert all(shot.record in history.records for shot in snapshots)
    pores = phantom.mesh.cell_volumes * phantom.medium.porosity
    for shot in snapshots:
        assert pores @ shot.saturation == pytest.approx(shot.record.stored, abs=1e-9)
        assert shot.velocity.shape == (len(phantom.mesh.cells), 3)
    source = phantom.behind.opening
    assert snapshots[0].pressure[source.cells] @ source.shares == pytest.approx(snapshots[0].pressure.max(), rel=0.5)
    stopped, cut = inject(replace(PLAN, end_age=340.0, output_count=4))
    assert [shot.record.injected for shot in cut] == pytest.approx([0.0, 1000.0, 2000.0])
    np.testing.assert_array_equal(cut[-1].saturation, stopped.saturation)


def test_syringe_pressure_is_that_of_the_tip_and_the_cannula(inject):
    cement = CEMENTS["medium"]
    history, _ = inject(plan_of(500.0, start_age=300.0), cement=cement)
    for record in history.records:
        drop = Cannula().pressure_drop(
            record.rate, cement.consistency(300.0 + record.time), cement.index(300.0 + record.time)
        )
        assert record.syringe_pressure == pytest.approx(record.tip_pressure + float(drop), rel=1e-10)
    assert history.peak_tip_pressure == max(record.tip_pressure for record in history.records)


def test_progress_runs_from_nothing_to_all(phantom, partition):
    injection = Injection.build(
        partition,
        phantom.medium,
        phantom.tight,
        [phantom.central],
        newtonian_cement(1e-5),
        MARROW,
        plan_of(500.0, start_age=300.0),
    )
    shares = []
    injection.run(progress=shares.append)
    injection.destroy()
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < 1.0
    assert shares[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"balance_error": 2e-10}, "balance of cement and fluid is off by 2.0e-10"),
        ({"divergence_error": 2e-8}, "balance of a cell is off by 2.0e-08"),
        ({"saturation_range": (-2e-8, 1.0)}, "a saturation is off by 2.0e-08"),
        ({"saturation_range": (0.0, 1.0 + 2e-8)}, "a saturation is off by 2.0e-08"),
    ],
)
def test_a_mass_balance_that_does_not_close_is_an_error(inject, changes, what):
    history, _ = inject(plan_of(100.0, start_age=300.0))
    history.last.check()
    with pytest.raises(ConvergenceError, match=what):
        replace(history.last, **changes).check()
