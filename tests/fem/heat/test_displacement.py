"""Flows between voxels: they carry what they should, and join what is apart."""

import numpy as np
import pytest

from fem.heat.displacement import carried, joined, potential_flow
from meshes.box_grid import BoxGrid


@pytest.fixture(scope="module")
def grid():
    return BoxGrid.around([0.0] * 3, [8.0, 5.0, 4.0], 1.0)


def divergence(grid, flow):
    out = np.zeros(grid.count)
    for axis, rate in enumerate(flow.faces):
        grid.below(out, axis)[...] += rate
        grid.above(out, axis)[...] -= rate
    return out


def test_rates_balance(grid):
    source = np.random.default_rng(1).normal(size=grid.count)
    source -= source.mean()
    flow = potential_flow(grid, np.ones(grid.count, dtype=bool), source)
    assert divergence(grid, flow) == pytest.approx(source, abs=1e-9)


def test_outlet_takes_the_rest(grid):
    members = grid.centres[:, 0] < 6.0
    source, outlet = np.zeros(grid.count), np.where(grid.centres[:, 0] > 5.0, 0.3, 0.0)
    source[0] = 2.0
    flow = potential_flow(grid, members, source, outlet)
    left = source - divergence(grid, flow)
    assert left.sum() == pytest.approx(2.0)
    assert left[~members] == pytest.approx(0.0, abs=1e-9)
    assert left[(outlet == 0.0)] == pytest.approx(0.0, abs=1e-9)


def test_loose_pieces_are_reached_by_faces(grid):
    members = np.zeros(grid.count, dtype=bool)
    first, far, corner = grid.voxels_at([[0.5, 0.5, 0.5], [7.5, 0.5, 0.5], [0.5, 4.5, 3.5]])
    members[[first, far, corner]] = True
    whole = joined(grid, members, np.array([first]))
    # seven voxels along x, four along y and three along z
    assert whole.sum() == 1 + 7 + 4 + 3
    source = np.zeros(grid.count)
    source[[first, far, corner]] = 3.0, -1.0, -2.0
    assert divergence(grid, potential_flow(grid, whole, source)) == pytest.approx(source, abs=1e-9)


def test_what_is_carried_is_mixed(grid):
    members = np.ones(grid.count, dtype=bool)
    source = np.zeros(grid.count)
    source[0], source[-1] = 4.0, -4.0
    flow = potential_flow(grid, members, source)
    before, entering = np.full(grid.count, 0.2), np.zeros(grid.count)
    entering[0] = 4.0
    value = carried(grid, flow, 1.0, before, np.full(grid.count, 0.1), entering, 0.9)
    assert value.min() >= 0.1 - 1e-12
    assert value.max() <= 0.9 + 1e-12
    assert value[0] == pytest.approx((0.2 * 0.1 + 4.0 * 0.9) / 4.2)
    assert value[0] > value[-1]
