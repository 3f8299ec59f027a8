"""What the walls pass.

The load-bearing checks: a chamber full of cement leaks by the exact power law of its tubes and slots; marrow, cement
and what flows back have the exact answers of a bucket with holes; a hole opens at what it asks beyond the pores.
"""

import math

import numpy as np
import pytest
from block_grid import filled
from bucket import MARROW, MESH, PERMEABILITY, POROSITY, RATE, bucket, medium_of, partition, walls_of

from fem.injection.displaced_phase import DisplacedFluids
from fem.injection.flow import CONDUIT_TOLERANCE
from fem.injection.injection import Injection
from fem.injection.needle_opening import NeedleOpening
from fem.injection.plan import Bolus, InjectionPlan, Needle, Stage
from fem.injection.wall_flow import WallFlow
from fem.injection.walls import Opening, build_walls
from materials.cannula import Cannula
from materials.cement import Cement, newtonian_cement
from materials.leak_path import LeakPath

HOLE, OUTLET = "posterior_wall", "anterior_wall"
CANAL = "canal_posterior_wall"
POCKET = filled(MESH, ((-4.0, 4.0), (-4.0, -2.0), (-4.0, 4.0)))
"""1 in the cells at the outlet."""


def power_law(consistency, index):
    return Cement(
        "power law", consistency, index, index_rate=0.0, doubling_time=None, shear_rate_low=1e-6, shear_rate_high=1e6
    )


def pore_radius(permeability):
    """Radius in mm of tubes that conduct as a bucket of that permeability in mm2 does."""
    return math.sqrt(8.0 * permeability / POROSITY)


def exact_speed(path, drive, consistency, index):
    """Mean speed in mm/s of a power-law fluid in a tube of diameter d or a slot of opening h (Bird 1987)."""
    if path.shape == "tube":
        wall_stress, shape, width = drive * path.aperture / (4.0 * path.length), 3.0 * index + 1.0, 8.0
        return path.aperture / width * 4.0 * index / shape * (wall_stress / consistency) ** (1.0 / index)
    wall_stress, shape, width = drive * path.aperture / (2.0 * path.length), 2.0 * index + 1.0, 6.0
    return path.aperture / width * 3.0 * index / shape * (wall_stress / consistency) ** (1.0 / index)


STEPS = 16
"""Steps after which the speed in every conduit is its own: each takes 1 - n of what a facet is off."""


@pytest.mark.parametrize("index", [1.0, 0.5, 0.25])
@pytest.mark.parametrize(
    ("path", "area", "outside"),
    [
        (LeakPath("tube", 3.0, 0.35), 7.0, 0.0),
        (LeakPath("tube", 1.0, 12.0, opening_pressure=0.005), 0.8, 0.008),
        (LeakPath("slot", 0.3, 1.0, opening_pressure=0.02), 5.0, -0.003),
    ],
)
def test_a_chamber_full_of_cement_leaks_by_the_law_of_its_conduits(path, area, index, outside):
    """Every facet: area share times the power law at p - p_outside - p_entry; together what is injected."""
    consistency = 3e-5
    case = bucket(
        walls_of({OUTLET: 1e-3}, {HOLE: (path, area, 1e3)}, {"canal": outside}),
        power_law(consistency, index),
        permeability=1.0,
    )
    for _ in range(STEPS):
        case.solve(RATE, case.fill(1.0 - POCKET))
    hole = case.behind(HOLE)
    boundary = case.flow.partition.boundary
    drive = case.state.pressure.facet_pressure[boundary.facets[hole]] - outside - path.barrier(pore_radius(1.0))
    assert (drive > 0.0).all()
    areas = area * MESH.facet_areas[boundary.original[hole]] / MESH.facet_areas[boundary.original[hole]].sum()
    exact = areas * exact_speed(path, drive, consistency, index)
    # At a fixed drive an error of the viscosity shrinks by 1 - n in a round; what is left is the sum of the rounds.
    allowed = CONDUIT_TOLERANCE / index
    assert exact.sum() == pytest.approx(RATE, rel=allowed)
    assert case.state.pressure.wall_flux[hole].sum() == pytest.approx(RATE - case.passed(OUTLET), rel=1e-9)
    assert 0.0 < case.passed(OUTLET) < 1e-4 * RATE
    assert case.passed(HOLE) + case.passed(OUTLET) == pytest.approx(RATE, rel=1e-9)
    # The rounds end by the mean over the facets, weighted by flow; a single one may be further off.
    flux = case.state.pressure.wall_flux[hole]
    assert np.abs(flux - exact).sum() < 1.5 * allowed * RATE
    np.testing.assert_allclose(flux, exact, rtol=6.0 * allowed)
    cells = case.flow.walls.outflow(case.state.walls).rate
    assert cells.sum() == pytest.approx(case.passed(HOLE), rel=1e-12)
    rates = case.flow.walls.cement_rates(case.state.walls, cells)
    assert rates[hole].sum() == pytest.approx(cells.sum(), rel=1e-12)
    assert rates.sum() == pytest.approx(cells.sum(), rel=1e-12)


WIDE = LeakPath("tube", 2.0, 1.0, opening_pressure=0.01)
ENTRY = float(WIDE.barrier(pore_radius(PERMEABILITY)))
"""MPa beyond what the pores of the bucket give, 0.02 Pa."""
AREA, CEMENT = 1.0, 1e-6
LEAK = AREA * WIDE.conductance_per_area / CEMENT
"""mm3/(s MPa) of cement through the hole, 1.25e5."""
SEEP = 2e3
"""mm3/(s MPa) of marrow through the outlet."""


def leaking_bucket(path=WIDE, outside=None):
    """Cement at the hole and marrow at the outlet."""
    case = bucket(walls_of({OUTLET: SEEP}, {HOLE: (path, AREA, 0.0)}, outside), newtonian_cement(CEMENT))
    return case, case.fill(1.0 - POCKET)


@pytest.mark.parametrize("outside", [0.0, 0.004, -0.002])
@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 1.5, 10.0])
def test_the_entry_pressure_opens_a_hole(share, outside):
    """Q = G p + L max(p - p_o - p_e, 0): the pressure Q / G is ``share`` of what opens the hole."""
    case, filling = leaking_bucket(outside={"canal": outside})
    opens = ENTRY + outside
    rate = share * SEEP * opens
    case.solve(rate, filling)
    exact = share * opens if share < 1.0 else (rate + LEAK * opens) / (SEEP + LEAK)
    assert case.level() == pytest.approx(exact, rel=1e-6)
    leak = LEAK * max(exact - opens, 0.0)
    assert case.passed(HOLE) == pytest.approx(leak, rel=1e-6, abs=1e-9)
    assert case.passed(OUTLET) == pytest.approx(rate - leak, rel=1e-6)
    cells = case.flow.walls.outflow(case.state.walls).rate
    assert (cells.sum() > 0.0) == (share > 1.0)


@pytest.mark.parametrize(
    ("radius", "path", "barrier"),
    [
        (0.44, LeakPath("tube", 8.0, 0.35), 0.0),
        (0.44, LeakPath("tube", 1.0, 12.4), 0.0),
        (1.5, LeakPath("tube", 1.0, 12.4), 80e-6),
        (0.44, LeakPath("slot", 0.1, 20.0), 600e-6 - 60e-6 / 0.44),
        (0.44, LeakPath("tube", 1.0, 12.4, opening_pressure=2e-3), 2e-3 - 60e-6 / 0.44),
    ],
)
def test_a_conduit_asks_only_for_what_it_asks_beyond_the_pores(radius, path, barrier):
    """The front in pores of 0.44 mm has 136 Pa: an 8 mm hole (15 Pa) and a vein of 1 mm (120 Pa) let it pass."""
    walls = walls_of({OUTLET: 1e3}, {HOLE: (path, AREA, 0.0)})
    whole = partition()
    medium = medium_of(POROSITY * radius**2 / 8.0)
    law = WallFlow.build(whole, medium, walls, newtonian_cement(CEMENT), MARROW)
    hole = np.isin(whole.boundary.original, MESH.facet_regions[HOLE])
    assert np.isinf(law.conduits.barrier[~hole]).all()
    assert law.conduits.barrier[hole] == pytest.approx(barrier, abs=1e-12)
    full, stiff = np.ones(len(MESH.cells)), np.full(len(hole), 1e9)
    thin = np.full(len(full), MARROW)
    state, _, _ = law.linearise(law.initial_state(), full, thin, thin, stiff)
    for pascals, passes in ((1e6 * barrier - 2.0, False), (1e6 * barrier + 2.0, True)):
        pressure = np.full(whole.facet_map.size_local, 1e-6 * pascals)
        after, _ = law.take_solution(state, pressure, np.zeros(len(hole)))
        assert (law.update_active_set(after, np.zeros(len(hole)), thin).cement_passes == (hole & passes)).all()


@pytest.mark.parametrize("share", [0.1, 1.0, 10.0])
def test_bone_on_the_way_to_narrow_conduits_lies_in_series_with_them(share):
    """Q = (p - p_o - p_b) / (mu / (A c) + R mu), on facets that have unequal parts of the conduits."""
    approach = share / (AREA * WIDE.conductance_per_area)
    facets = MESH.facet_regions[HOLE][:6]
    parts = np.arange(1.0, 7.0) / 21.0
    hole = Opening(CANAL, facets, WIDE, AREA, 0.0, approach, parts)
    case = bucket(build_walls(MESH, {}, [hole], conductances={OUTLET: SEEP}), newtonian_cement(CEMENT))
    case.solve(1.0, case.fill(1.0 - POCKET))
    case.solve(100.0, case.fill(1.0 - POCKET))
    leak = LEAK / (1.0 + share)
    level = (100.0 + leak * ENTRY) / (SEEP + leak)
    assert case.passed(HOLE) == pytest.approx(leak * (level - ENTRY), rel=1e-6)
    boundary = case.flow.partition.boundary
    order = [int(np.flatnonzero(boundary.original == facet)[0]) for facet in facets]
    assert case.state.pressure.wall_flux[order] == pytest.approx(case.passed(HOLE) * parts, rel=1e-5)


def test_cement_shares_the_way_with_marrow_by_saturation():
    """At S behind the hole: seep (1 - S) (p - p_o) of marrow and leak S (p - p_o - p_e) of cement."""
    conductance, saturation = 3e4, 0.3
    case = bucket(walls_of({OUTLET: SEEP}, {HOLE: (WIDE, AREA, conductance)}), newtonian_cement(CEMENT))
    case.solve(1e3, case.fill(saturation * (1.0 - POCKET)))
    level = case.level()
    marrow, cement = conductance * (1.0 - saturation) * level, LEAK * saturation * (level - ENTRY)
    assert cement > 0.1 * marrow > 0.0
    assert case.passed(HOLE) == pytest.approx(marrow + cement, rel=1e-6)
    outflow = case.flow.walls.outflow(case.state.walls)
    cells, ratio = outflow.rate, outflow.ratio
    share = saturation / (saturation + ratio * (1.0 - saturation))
    assert cells @ share == pytest.approx(cement, rel=1e-6)


def test_an_intact_wall_lets_the_displaced_phase_seep_by_its_viscosity():
    """G mu_m / mu_d (1 - S) (p - p_o), with mu_d = mu_m^(1 - c) mu_t^c of a fluid of share c."""
    tumour, share, saturation = 3e-5, 0.25, 0.6
    fluids = DisplacedFluids(MARROW, ("tumour",), np.array([tumour]), np.full((1, len(MESH.cells)), share))
    case = bucket(walls_of({OUTLET: SEEP}), fluids=fluids)
    case.solve(RATE, case.fill(saturation, [share]))
    mixed = MARROW ** (1.0 - share) * tumour**share
    assert case.level() == pytest.approx(RATE * mixed / (MARROW * SEEP * (1.0 - saturation)), rel=1e-6)


@pytest.mark.parametrize("saturation", [0.0, 0.7])
def test_what_flows_back_is_marrow(saturation):
    """Outside at two pressures, nothing injected: p between them, in by G_2 (p - p_2) whatever stands inside."""
    high, entering = 0.009, 5e3
    case = bucket(walls_of({OUTLET: SEEP, HOLE: entering}, outside={"canal": high}), newtonian_cement(CEMENT))
    case.solve(0.0, case.fill(saturation))
    leaving = SEEP * (1.0 - saturation)
    exact = entering * high / (entering + leaving)
    assert case.level() == pytest.approx(exact, rel=1e-6)
    assert case.flow.walls.inflow(case.state.walls) == pytest.approx(leaving * exact, rel=1e-6)
    assert case.flow.walls.total_outflow(case.state.walls).sum() == pytest.approx(leaving * exact, rel=1e-6)
    assert case.flow.driven_at_rest


def test_a_wall_that_marrow_entered_is_sealed_too():
    """Once the pressure behind a wall rises above that outside, it must not drain a cell that is full already."""
    whole = partition()
    walls = WallFlow.build(
        whole, medium_of(1.0), walls_of({HOLE: 1e3}, outside={"canal": 0.01}), newtonian_cement(CEMENT), MARROW
    )
    facets = whole.boundary.facets
    everywhere = np.ones(whole.facet_map.size_local)
    full, viscosity = np.full(len(MESH.cells), 1.0 + 1e-6), np.full(len(MESH.cells), MARROW)
    stiffness = np.full(len(facets), 1e9)
    state, slope, zero = walls.linearise(walls.initial_state(), full, viscosity, viscosity, stiffness)
    state, _ = walls.take_solution(state, 0.005 * everywhere, slope * (0.005 - zero))
    state = walls.update_active_set(state, np.zeros(len(facets)), viscosity)
    state, slope, zero = walls.linearise(state, full, viscosity, viscosity, stiffness)
    assert slope.sum() == pytest.approx(1e3)
    state, _ = walls.take_solution(state, 0.02 * everywhere, slope * (0.02 - zero))
    state, any_sealed = walls.seal(state, full)
    assert any_sealed
    state, slope, _ = walls.linearise(state, full, viscosity, viscosity, stiffness)
    assert not slope.any()
    assert not walls.seal(state, full)[1]
    state = walls.unseal(state)
    assert walls.linearise(state, full, viscosity, viscosity, stiffness)[1].sum() == pytest.approx(1e3)


def inject(walls, plan, cement, needle_at=(0.0, 0.0, 0.0), permeability=1.0):
    medium = medium_of(permeability)
    needle = Needle(NeedleOpening.place(MESH, medium, np.array(needle_at), 1.0), Cannula())
    injection = Injection.build(partition(), medium, walls, [needle], cement, DisplacedFluids(MARROW), plan)
    history = injection.run()
    injection.destroy()
    return history


def plan_of(*boluses):
    """(volume, rate, pause before) of each bolus, in few steps."""
    return InjectionPlan(
        tuple(Stage((Bolus(0, volume, rate),), pause) for volume, rate, pause in boluses), least_steps=10
    )


@pytest.mark.parametrize("entry", [0.0, 0.015, 0.04])
def test_cement_passes_a_hole_only_above_its_entry_pressure(entry):
    """The outlet holds the marrow at 25 kPa: a hole below that leaks, one above it never does."""
    path = LeakPath("tube", 2.0, 1.0, opening_pressure=entry)
    walls = walls_of({OUTLET: SEEP}, {HOLE: (path, AREA, 0.0)})
    history = inject(walls, plan_of((150.0, RATE, 0.0)), newtonian_cement(1e-5), (0.0, 3.0, 0.0))
    leaked = history.last.leaked[CANAL]
    if entry > 0.03:
        assert leaked == 0.0
        assert not any(record.open_sites for record in history.records)
    else:
        assert leaked > 20.0
        assert history.last.open_sites == (CANAL,)
    assert history.last.needles[0].injected == pytest.approx(150.0)


def test_pressures_count_from_those_outside():
    """The same pressure everywhere outside changes nothing but the pressures themselves."""
    path = LeakPath("slot", 0.3, 1.0, opening_pressure=0.002)
    plan, cement = plan_of((200.0, RATE, 0.0)), newtonian_cement(1e-6)
    sides = dict.fromkeys(("left_wall", "right_wall", "superior_endplate", OUTLET), 1000.0)
    outside = dict.fromkeys(("canal", "disc", "veins", "soft_tissue"), 0.006)
    there, here = (
        inject(walls_of(sides, {HOLE: (path, 3.0, 2e3)}, pressures), plan, cement, permeability=0.05)
        for pressures in (outside, None)
    )
    assert here.resting_pressure == 0.0
    assert there.resting_pressure == pytest.approx(0.006, rel=1e-8)
    assert here.last.leaked[CANAL] > 0.5
    assert there.last.leaked[CANAL] == pytest.approx(here.last.leaked[CANAL], rel=1e-6)
    assert there.last.inflow == pytest.approx(0.0, abs=1e-6)
    for one, other in zip(there.records, here.records, strict=True):
        assert one.tip_pressure == pytest.approx(other.tip_pressure, rel=1e-6)
        assert one.syringe_pressure == pytest.approx(other.syringe_pressure, rel=1e-6)


def test_backflow_stands_in_the_mass_balance():
    """A canal at 9 kPa against 0 elsewhere: marrow runs through the body before, between and after the boluses."""
    walls = walls_of({OUTLET: SEEP, "left_wall": SEEP}, {HOLE: (WIDE, AREA, 5e3)}, {"canal": 0.009})
    plan = plan_of((50.0, 5.0, 30.0), (50.0, 5.0, 30.0))
    history = inject(walls, plan, newtonian_cement(1e-6), permeability=1.0)
    level = 5e3 * 0.009 / (5e3 + 2.0 * SEEP)
    assert history.resting_pressure == pytest.approx(level, rel=1e-3)
    before = [record for record in history.records if record.injected == 0.0]
    assert [record.time for record in before] == pytest.approx([0.0, 10.0, 20.0, 30.0])
    assert [record.rate for record in before] == [0.0, 0.0, 0.0, 5.0]
    for record in before:
        assert record.inflow == pytest.approx(2.0 * SEEP * level * record.time, rel=1e-3)
        assert record.displaced_out == pytest.approx(record.inflow, rel=1e-9)
        assert (record.tip_pressure > 0.0) == (record.rate > 0.0)
    for record in history.records:
        leaked = sum(record.leaked.values())
        total = record.injected + record.inflow
        assert abs(record.injected - record.stored - record.in_conduits - leaked) <= 1e-10 * max(record.injected, 1.0)
        assert abs(total - leaked - record.displaced_out) <= 1e-10 * max(total, 1.0)
    # cement cannot leave against a pressure outside that is above the one inside
    assert history.last.leaked[CANAL] == 0.0
