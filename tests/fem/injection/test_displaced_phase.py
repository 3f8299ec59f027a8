"""What cement displaces: fluids that move with the marrow, vessels that feed them, and tissue that does not move.

The load-bearing checks: fluids are kept to 1e-10 and within 0 and 1; the mixing and the exchange with vessels have the
exact answers of a bucket; at even viscosities the fluids move as marrow does; cement goes round an obstacle.
"""

from dataclasses import replace

import numpy as np
import pytest
from bucket import MARROW, MESH, RATE, bucket, medium_of, partition, walls_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from materials.cannula import Cannula
from materials.cement import newtonian_cement
from materials.tissue import mixed_viscosity

TUMOUR, BLOOD = 3e-5, 4e-9
OUTLET, OTHER = "anterior_wall", "left_wall"
PORES = 0.8 * MESH.cell_volumes
LESION = np.linalg.norm(MESH.cell_centroids - [0.0, 2.0, 0.0], axis=1) < 2.2
"""(m,) cells of a lesion between the middle and the posterior wall."""
COUNT = len(MESH.cells)


def fluids_of(**shares):
    """Fluid -> (viscosity, (m,) share)."""
    return DisplacedFluids(
        MARROW,
        tuple(shares),
        np.array([viscosity for viscosity, _ in shares.values()]),
        np.array([share * np.ones(COUNT) for _, share in shares.values()]),
    )


def vessels(conductance, pressure, where=None):
    """Vessels of a total conductance, spread by volume."""
    where = np.ones(COUNT, dtype=bool) if where is None else where
    spread = np.where(where, MESH.cell_volumes, 0.0)
    return VascularExchange(conductance * spread / spread.sum(), np.where(where, pressure, 0.0))


def inject(fluids, walls, *stages, exchange=None, medium=None, cement=None, needle_at=(0.0, -2.0, 0.0), **rules):
    medium = medium or medium_of(0.05)
    needle = Needle(NeedleOpening.place(MESH, medium, np.array(needle_at), 1.0), Cannula())
    plan = InjectionPlan(stages, least_steps=12, **rules)
    cement, shots = cement or newtonian_cement(1e-5), []
    injection = Injection.build(partition(), medium, walls, [needle], cement, fluids, plan, exchange)
    history = injection.run(shots.append)
    injection.destroy()
    return history, shots


def bolus(volume, pause=0.0, rate=RATE):
    return Stage((Bolus(0, volume, rate),), pause)


def everywhere(conductance=1e3):
    sides = ("anterior_wall", "posterior_wall", "left_wall", "right_wall", "superior_endplate", "inferior_endplate")
    return dict.fromkeys(sides, conductance)


@settings(max_examples=50, deadline=None)
@given(
    shares=st.lists(st.floats(0.0, 0.5), min_size=2, max_size=2),
    powers=st.lists(st.floats(-9.0, -3.0), min_size=2, max_size=2),
)
def test_a_mixture_lies_between_its_fluids(shares, powers):
    viscosities = 10.0 ** np.array(powers)
    mixed = float(mixed_viscosity(np.array(shares)[:, None], viscosities, MARROW)[0])
    exact = np.prod(viscosities ** np.array(shares)) * MARROW ** (1.0 - sum(shares))
    assert mixed == pytest.approx(exact, rel=1e-9)
    assert min(*viscosities, MARROW) * (1.0 - 1e-9) <= mixed <= max(*viscosities, MARROW) * (1.0 + 1e-9)
    assert mixed_viscosity(np.empty((0, 3)), np.empty(0), MARROW) == pytest.approx(MARROW)


def test_a_bucket_of_three_fluids_seeps_by_their_mixture():
    shares = 0.2, 0.5
    case = bucket(walls_of({OUTLET: 2e3}), fluids=fluids_of(tumour=(TUMOUR, shares[0]), blood=(BLOOD, shares[1])))
    case.solve(RATE, case.fill(0.0, shares))
    mixed = TUMOUR ** shares[0] * BLOOD ** shares[1] * MARROW ** (1.0 - sum(shares))
    assert case.level() == pytest.approx(RATE * mixed / MARROW / 2e3, rel=1e-5)


@pytest.mark.parametrize("saturation", [0.0, 0.4])
@pytest.mark.parametrize("rate", [0.0, RATE])
@pytest.mark.parametrize("outside", [0.0, 0.003])
def test_vessels_feed_or_drain_a_bucket(saturation, rate, outside):
    """Q + E (1 - S) (p_v - p) = G (1 - S) (p - p_o): fed at rest, drained while the injection drives p above p_v."""
    seep, feed, pressure = 2e3, 5e3, 0.002
    walls = walls_of({OUTLET: seep}, outside={"soft_tissue": outside})
    case = bucket(walls, exchange=vessels(feed, pressure))
    case.solve(rate, case.fill(saturation))
    left = 1.0 - saturation
    out = left if rate or outside == 0.0 else 1.0
    exact = (rate + left * feed * pressure + out * seep * outside) / (left * feed + out * seep)
    assert case.level() == pytest.approx(exact, rel=1e-5)
    assert case.state.pressure.exchange_rate.sum() == pytest.approx(left * feed * (pressure - exact), rel=1e-6)
    assert case.flow.driven_at_rest


def test_the_interstitial_pressure_stands_at_rest():
    """A lesion that hardly drains has the pressure of its vessels; tip pressures count from the one at rest."""
    pressure = 0.0025
    walls = walls_of(everywhere(1e3))
    history, shots = inject(DisplacedFluids(MARROW), walls, bolus(20.0, 30.0), exchange=vessels(1e7, pressure, LESION))
    assert history.resting_pressure == pytest.approx(pressure, rel=0.02)
    assert history.records[0].time == 0.0
    assert history.records[0].inflow == 0.0
    start = next(record for record in history.records if record.rate)
    assert start.time == pytest.approx(30.0)
    fed = start.inflow / 30.0
    assert 0.1 * 6e3 * pressure < fed < 6e3 * pressure
    assert start.displaced_out == pytest.approx(start.inflow, rel=1e-9)
    assert shots[0].pressure[LESION].mean() == pytest.approx(pressure, rel=0.02)


def test_only_differences_of_pressure_count():
    """Vessels and outsides that are 5 kPa higher leave every flow and every tip pressure as it was."""
    spaces, course = ("canal", "disc", "veins", "soft_tissue"), []
    for level in (0.0, 0.005):
        walls = walls_of(everywhere(), outside={space: level + 1e-4 * number for number, space in enumerate(spaces)})
        history, _ = inject(
            fluids_of(tumour=(TUMOUR, LESION)), walls, bolus(60.0, 20.0), exchange=vessels(2e3, level + 0.0025, LESION)
        )
        course.append(history)
    assert course[1].resting_pressure - course[0].resting_pressure == pytest.approx(0.005, rel=1e-6)
    assert course[0].last.inflow > 1.0
    for low, high in zip(course[0].records, course[1].records, strict=True):
        assert high.tip_pressure == pytest.approx(low.tip_pressure, rel=1e-5)
        assert high.inflow == pytest.approx(low.inflow, rel=1e-5)
        assert high.fluid_out["tumour"] == pytest.approx(low.fluid_out["tumour"], rel=1e-5, abs=1e-9)


def test_vessels_that_take_up_are_an_outlet():
    """What they take has left: marrow and fluids are counted as such, and none comes in."""
    fluids = fluids_of(tumour=(TUMOUR, LESION))
    history, shots = inject(fluids, walls_of(everywhere(1.0)), bolus(150.0), exchange=vessels(5e3, 0.0))
    last = history.last
    assert last.inflow == pytest.approx(0.0, abs=1e-9)
    assert last.displaced_out == pytest.approx(last.stored, rel=1e-9)
    assert last.fluid_out["tumour"] > 0.05 * PORES[LESION].sum()
    assert history.tracer_error <= 1e-10
    assert shots[-1].fluids["tumour"].min() >= 0.0


def test_cells_full_of_cement_are_cut_off_from_vessels():
    """Vessels everywhere are the only outlet: cement fills cell by cell, and none is drained below its cement."""
    history, _ = inject(DisplacedFluids(MARROW), walls_of(everywhere(1.0)), bolus(330.0), exchange=vessels(5e3, 0.0))
    assert history.stop_reason == "volume_reached"
    assert history.last.stored == pytest.approx(330.0, rel=1e-9)
    assert history.saturation.max() <= 1.0 + 1e-8
    assert history.last.saturation_range[1] > 0.999


@pytest.mark.parametrize("viscosity", [BLOOD, MARROW, TUMOUR])
def test_a_fluid_is_kept_to_the_last_drop(viscosity):
    """At every output: what is left in the pores and what has left the body is what was there."""
    fluids = fluids_of(tumour=(viscosity, LESION), blood=(BLOOD, 0.3 * ~LESION))
    history, shots = inject(fluids, walls_of(everywhere()), bolus(120.0), bolus(120.0, 5.0), output_count=4)
    assert history.tracer_error <= 1e-10
    for shot in shots:
        room = PORES * (1.0 - shot.saturation)
        for number, name in enumerate(fluids.names):
            start = PORES @ fluids.shares[number]
            assert room @ shot.fluids[name] + shot.record.fluid_out[name] == pytest.approx(start, rel=1e-10)
        present = 1.0 - shot.saturation > 1e-6
        total = sum(shot.fluids.values())[present]
        assert min(share[present].min() for share in shot.fluids.values()) >= -1e-12
        assert total.max() <= 1.0 + 1e-6
    outs = np.array([record.fluid_out["tumour"] for record in history.records])
    assert (np.diff(outs) >= 0.0).all()
    assert 0.0 < outs[-1] <= history.last.displaced_out


def test_a_fluid_like_marrow_changes_nothing():
    """A name for a part of the marrow: every number stays what it was, and the share that leaves is told."""
    walls, stages = walls_of(everywhere()), (bolus(150.0), bolus(50.0, 3.0))
    plain, _ = inject(DisplacedFluids(MARROW), walls, *stages)
    named, shots = inject(fluids_of(dyed=(MARROW, 1.0)), walls, *stages)
    for one, other in zip(plain.records, named.records, strict=True):
        assert one.tip_pressure == pytest.approx(other.tip_pressure, rel=1e-9)
        assert one.displaced_out == pytest.approx(other.displaced_out, rel=1e-9)
        # all that leaves was dyed, since nothing comes in
        assert other.fluid_out["dyed"] == pytest.approx(other.displaced_out, rel=1e-9)
    np.testing.assert_allclose(plain.saturation, named.saturation, atol=1e-9)
    present = shots[-1].saturation < 1.0 - 1e-6
    np.testing.assert_allclose(shots[-1].fluids["dyed"][present], 1.0, atol=1e-5)


def test_marrow_that_flows_back_thins_a_fluid():
    """A pause with one side at 8 kPa: no more dye leaves than flows through, no less than if it were stirred."""
    walls = walls_of({OUTLET: 2e3, OTHER: 2e3, "posterior_wall": 4e3}, outside={"canal": 0.008})
    history, _ = inject(fluids_of(dyed=(MARROW, 1.0)), walls, bolus(10.0, 20.0))
    flushed = next(record for record in history.records if record.rate)
    assert flushed.inflow == pytest.approx(20.0 * 4e3 * 0.004, rel=0.05)
    through = flushed.inflow / PORES.sum()
    left = 1.0 - flushed.fluid_out["dyed"] / PORES.sum()
    assert 1.0 - through < left < 1.0 / (1.0 + through)
    assert history.tracer_error <= 1e-10


def test_viscous_tissue_raises_the_pressure_and_turns_cement_away():
    walls = walls_of(everywhere())
    thin, _ = inject(DisplacedFluids(MARROW), walls, bolus(120.0), cement=newtonian_cement(2e-6))
    thick, _ = inject(fluids_of(tumour=(TUMOUR, LESION)), walls, bolus(120.0), cement=newtonian_cement(2e-6))
    assert thick.last.tip_pressure > thin.last.tip_pressure
    inside = [PORES[LESION] @ history.saturation[LESION] for history in (thin, thick)]
    assert inside[1] < 0.8 * inside[0]


def test_cement_goes_round_an_obstacle():
    """Tissue of a millionth of the permeability: what enters it is at most what such a permeability lets in."""
    free = medium_of(0.05)
    blocked = replace(free, permeability=np.where(LESION[:, None, None], 1e-6, 1.0) * free.permeability)
    walls = walls_of(everywhere())
    entered = {}
    for name, medium in (("free", free), ("blocked", blocked)):
        history, _ = inject(
            DisplacedFluids(MARROW), walls, bolus(200.0), medium=medium, exchange=vessels(20.0, 0.001, LESION)
        )
        assert history.stop_reason == "volume_reached"
        assert history.last.stored == pytest.approx(200.0, rel=1e-9)
        entered[name] = PORES[LESION] @ history.saturation[LESION]
    assert entered["free"] > 0.2 * PORES[LESION].sum()
    assert entered["blocked"] < 1e-2 * entered["free"]


def test_what_fills_a_void_keeps_its_place_in_the_mesh():
    """Shares are given in the order of the mesh, and come back in it."""
    shares = np.random.default_rng(4).uniform(size=COUNT)
    _, shots = inject(fluids_of(blood=(BLOOD, shares)), walls_of(everywhere()), bolus(5.0))
    np.testing.assert_array_equal(shots[0].fluids["blood"], shares)


@pytest.mark.parametrize("pressure", [1e-3, 1e-5])
def test_the_mass_balance_closes_after_a_long_pause_with_a_weak_flow(pressure):
    """What the pressure of half an hour misses is small beside the first drop of cement."""
    history, _ = inject(
        DisplacedFluids(MARROW), walls_of(everywhere()), bolus(10.0, 1800.0), exchange=vessels(50.0, pressure, LESION)
    )
    start = next(record for record in history.records if record.rate)
    assert 0.0 < start.inflow <= 1800.0 * 50.0 * pressure
    assert history.balance_error <= 1e-10
