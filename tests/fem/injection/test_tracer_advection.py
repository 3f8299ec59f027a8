"""What the phases carry.

The load-bearing checks: a plug in a row of equal cells spreads as the negative binomial distribution, the exact answer
of the implicit upwind scheme; on fluxes full of cycles both phases keep what they carry to 1e-12 and within its bounds.
"""

import math

import numpy as np
import pytest
from scipy.stats import nbinom
from test_transport import circulation

import fem.injection.transport
from fem.errors import ConvergenceError
from fem.injection.transport import CementTransport, fractional_flow
from fem.partition import Partition
from meshes.tetmesh import TetMesh

LENGTH = 40


@pytest.fixture(scope="module")
def row():
    """Regular tetrahedra of equal volume, each on a face of the one before it (Boerdijk-Coxeter helix)."""
    points = [np.array(point, dtype=float) for point in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    while len(points) < LENGTH + 3:
        face = sum(points[-3:]) / 3.0
        points.append(2.0 * face - points[-4])
    cells = np.arange(LENGTH)[:, None] + np.arange(4)
    faces = np.sort(cells[:, [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)]].reshape(-1, 3), axis=1)
    _, first, seen = np.unique(faces, axis=0, return_index=True, return_counts=True)
    return Partition.build(TetMesh(np.array(points), cells, faces[first[seen == 1]]))


def along(partition, rate):
    """The flux of ``rate`` mm3/s from the first cell to the last, and the place of each cell in the row."""
    place = partition.original_cells
    behind = np.where(partition.neighbours >= 0, place[partition.neighbours], place[:, None])
    return rate * np.sign(behind - place[:, None]), place


@pytest.mark.parametrize("courant", [0.2, 1.0, 5.0])
def test_a_plug_runs_down_a_row_of_cells(row, courant):
    """C(k + i - 1, i) of a cascade of well-mixed vessels after k steps; its middle is where the flow has come to."""
    steps, rate = 6, 3.0
    flux, place = along(row, rate)
    transport = CementTransport(row, np.full(LENGTH, 0.7))
    volume = float(transport.pore_volume[0])
    np.testing.assert_allclose(transport.pore_volume, volume, rtol=1e-12)
    step = courant * volume / rate
    ones, nothing = np.ones(LENGTH), np.zeros(LENGTH)
    plug = (place == 0).astype(float)
    out = nothing + rate * (place == LENGTH - 1)
    for _ in range(steps):
        plug = transport.advect(plug, ones, ones, step, flux, ones, out, nothing, 1.0)
    exact = nbinom.pmf(place, steps, 1.0 / (1.0 + courant))
    np.testing.assert_allclose(plug, exact, atol=1e-12)
    if courant <= 1.0:
        assert plug @ place == pytest.approx(steps * courant, rel=1e-6)


def test_a_vessel_that_fresh_marrow_flushes(single_cell):
    """V c' = -q c: the implicit steps c / (1 + q dt / V), whatever came in bringing none of the fluid."""
    volume, rate, step = 0.9 / 6.0, 0.4, 0.05
    transport = CementTransport(single_cell, np.array([0.9]))
    one, nothing = np.ones(1), np.zeros(1)
    share = one
    for _ in range(10):
        share = transport.advect(share, one, one, step, np.zeros((1, 4)), one, np.array([rate]), nothing, 1.0)
    assert share[0] == pytest.approx((1.0 + rate * step / volume) ** -10, rel=1e-12)


def test_cement_mixes_with_what_is_there_already(single_cell):
    """Entry time 10 s in 0.2 of the pores, and 0.3 more at 40 s: (0.2 10 + 0.3 40) / 0.5 = 28 s."""
    transport = CementTransport(single_cell, np.array([0.6]))
    pores, step = 0.1, 2.0
    mixed = transport.advect(
        np.array([10.0]),
        np.array([0.2]),
        np.array([0.5]),
        step,
        np.zeros((1, 4)),
        np.zeros(1),
        np.zeros(1),
        np.array([40.0 * 0.3 * pores / step]),
        40.0,
    )
    assert mixed[0] == pytest.approx(28.0, rel=1e-12)


def test_what_has_left_a_cell_leaves_nothing_behind(single_cell):
    transport = CementTransport(single_cell, np.array([0.6]))
    one, nothing = np.ones(1), np.zeros(1)
    empty = transport.advect(one, one, nothing, 1.0, np.zeros((1, 4)), nothing, nothing, nothing, 1.0)
    assert empty[0] == 0.0


def test_round_off_in_the_last_drop_stays_within_bounds(single_cell):
    """A phase that shrinks to round-off keeps a share between none and all, and what it holds stays small."""
    transport = CementTransport(single_cell, np.array([0.6]))
    one, nothing = np.ones(1), np.zeros(1)
    for before, after in ((1e-13, 4e-16), (1e-14, 1e-15), (2e-16, -1e-16)):
        share = transport.advect(
            one, before * one, after * one, 1.0, np.zeros((1, 4)), nothing, 1e-15 * one, nothing, 1.0
        )
        assert 0.0 <= share[0] <= 1.0


def test_less_than_nothing_of_a_phase_keeps_what_it_carries(single_cell):
    """A saturation of cement just above one, at which a wall is sealed, lacks fluid: what comes back is the same."""
    transport = CementTransport(single_cell, np.array([0.6]))
    one, nothing = np.ones(1), np.zeros(1)
    before, after, step = -1e-9, -4e-10, 0.5
    outflow = transport.pore_volume * (before - after) / step
    share = transport.advect(
        0.6 * one, before * one, after * one, step, np.zeros((1, 4)), nothing, outflow, nothing, 1.0
    )
    assert share[0] == pytest.approx(0.6, rel=1e-12)


@pytest.fixture(scope="module", params=[1.0, 1e2, 1e4])
def swirl(request, box_partition):
    """A step on a flux full of cycles: transport, saturations before and after, step, flux, shares of the flow."""
    generator, count = np.random.default_rng(23), len(box_partition.cell_volumes)
    flux = circulation(box_partition, generator)
    transport = CementTransport(box_partition, generator.uniform(0.5, 0.9, size=count))
    before = generator.uniform(size=count) * (generator.uniform(size=count) < 0.8)
    ratio = request.param * 10.0 ** generator.uniform(-0.5, 0.5, size=count)
    nothing = np.zeros(count)
    step = 10.0 * request.param**0.25 * float(transport.pore_volume.min() / np.abs(flux).max())
    after = transport.advance(before, step, flux, nothing, ratio, nothing, nothing)
    return transport, before, after, step, flux, fractional_flow(after, ratio)


@pytest.mark.parametrize("phase", ["cement", "displaced"])
def test_both_phases_keep_what_they_carry(swirl, phase):
    transport, before, after, step, flux, share = swirl
    if phase == "displaced":
        before, after, share = 1.0 - before, 1.0 - after, 1.0 - share
    generator, count = np.random.default_rng(5), len(before)
    nothing = np.zeros(count)
    tracer = generator.uniform(2.0, 3.0, size=count)
    carried = transport.advect(tracer, before, after, step, flux, share, nothing, nothing, 3.0)
    pores = transport.pore_volume
    assert np.abs(carried - tracer).max() > 0.1
    assert pores @ (after * carried) == pytest.approx(pores @ (before * tracer), rel=1e-12)
    present = after > 1e-6
    assert carried[present].min() >= 2.0 - 1e-5
    assert carried[present].max() <= 3.0 + 1e-5
    even = transport.advect(np.full(count, 2.5), before, after, step, flux, share, nothing, nothing, 3.0)
    np.testing.assert_allclose(even[present], 2.5, atol=1e-5)


def test_shares_of_several_fluids_stay_shares(swirl):
    """What is one together stays one together: the scheme is linear and keeps a constant."""
    transport, before, after, step, flux, share = swirl
    before, after, share = 1.0 - before, 1.0 - after, 1.0 - share
    first = np.random.default_rng(8).uniform(size=len(before))
    nothing = np.zeros(len(before))
    parts = [
        transport.advect(part, before, after, step, flux, share, nothing, nothing, 1.0) for part in (first, 1.0 - first)
    ]
    present = after > 1e-6
    np.testing.assert_allclose(sum(parts)[present], 1.0, atol=1e-5)


def test_sweeps_that_do_not_settle_raise(swirl, monkeypatch):
    transport, before, after, step, flux, share = swirl
    monkeypatch.setattr(fem.injection.transport, "SWEEP_LIMIT", 1)
    tracer = np.random.default_rng(2).uniform(size=len(before))
    nothing = np.zeros(len(before))
    with pytest.raises(ConvergenceError, match="did not settle within 1 sweeps"):
        transport.advect(tracer, before, after, step, flux, share, nothing, nothing, 3.0)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 1e3])
@pytest.mark.parametrize("leak_ratio", [1e-12, 0.1, 10.0, 1e4])
def test_an_open_cell_against_a_root_finder(single_cell, ratio, leak_ratio):
    """capacity (S - S_old) = inflow - leak f(S; M of the opening), with nothing else going out."""
    transport = CementTransport(single_cell, np.array([6.0]))
    nothing = np.zeros((1, 4))
    for old in (0.0, 1e-9, 0.3, 1.0):
        for inflow, leak in ((0.0, 2.0), (1.5, 2.0), (2.0, 2.0)):
            found = transport.advance(
                np.array([old]),
                0.5,
                nothing,
                np.array([inflow]),
                np.array([ratio]),
                np.array([leak]),
                np.array([leak_ratio]),
            )[0]
            assert 0.0 <= found <= 1.0
            flow = found / (found + leak_ratio * (1.0 - found)) if found > 0.0 else 0.0
            miss = 2.0 * (found - old) - inflow + leak * flow
            steepest = 2.0 + leak * max(leak_ratio, 1.0 / leak_ratio)
            assert math.fabs(miss) <= 1e-12 * steepest
