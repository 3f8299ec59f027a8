"""Leaks on voxels: the volume is kept, the shape is the one asked for, and more cement adds to what is there."""

import numpy as np
import pytest
from heat_boxes import box_medium

from fem.heat.contents import settled
from fem.heat.leak_pools import LeakSpot, leak_pool
from fem.measures.severity import Ball, Cast, HalfBall, Pool
from meshes.box_grid import BoxGrid

SHAPES = (HalfBall(), Pool(2.0), Ball(), Cast(2.0))


@pytest.fixture(scope="module")
def wall():
    """A box whose lower half along y is bone, and a spot in the middle of its surface."""
    grid = BoxGrid.around([-12.0] * 3, [12.0] * 3, 1.0)
    bone = (grid.centres[:, 1] < 0.0).astype(float)
    return box_medium(grid), bone, LeakSpot(np.zeros(3), np.array([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_volume_is_kept_outside_of_the_bone(wall, shape):
    medium, bone, spot = wall
    pool = leak_pool(medium, bone, spot, shape)
    for volume in (0.3, 40.0, 400.0):
        content = pool.content(volume, medium.grid.count)
        assert content.sum() == pytest.approx(volume)
        assert (content <= medium.room + 1e-12).all()
        assert content[bone > 0.5].sum() == 0.0


@pytest.mark.parametrize("shape", SHAPES)
def test_more_cement_adds(wall, shape):
    medium, bone, spot = wall
    pool = leak_pool(medium, bone, spot, shape)
    assert (pool.content(120.0, medium.grid.count) >= pool.content(60.0, medium.grid.count) - 1e-12).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_largest_dimension_is_that_of_the_severity(wall, shape):
    medium, bone, spot = wall
    volume = {"Cast": 25.0}.get(type(shape).__name__, 300.0)
    content = leak_pool(medium, bone, spot, shape).content(volume, medium.grid.count)
    held = medium.grid.centres[content > 0.0]
    along = held[:, 1] if isinstance(shape, Cast) else held[:, 0]
    assert np.ptp(along) + 1.0 == pytest.approx(shape.size(volume), abs=1.6)


def test_what_has_no_room_lies_beside():
    grid = BoxGrid.around([0.0] * 3, [5.0] * 3, 1.0)
    cement = np.zeros(grid.count)
    cement[62] = 3.5
    found = settled(grid, cement, np.ones(grid.count))
    assert found.sum() == pytest.approx(3.5)
    assert found.max() <= 1.0
    assert np.linalg.norm(grid.centres[found > 0.0] - grid.centres[62], axis=1).max() <= 1.0 + 1e-9
    assert settled(grid, found, np.ones(grid.count)) is found


def test_a_large_excess_goes_on_until_there_is_room():
    grid = BoxGrid.around([0.0] * 3, [12.0] * 3, 1.0)
    cement, room = np.zeros(grid.count), np.full(grid.count, 0.9)
    cement[900] = 400.0
    found = settled(grid, cement, room)
    assert found.sum() == pytest.approx(400.0)
    assert (found <= room + 1e-9).all()


def test_what_has_no_room_near_lies_in_the_nearest_voxels_that_have():
    grid = BoxGrid.around([0.0] * 3, [15.0, 3.0, 3.0], 1.0)
    cement, room = np.zeros(grid.count), np.ones(grid.count)
    room[grid.centres[:, 0] < 8.0] = 0.0
    full = int(grid.voxels_at([0.5, 1.5, 1.5]))
    room[full], cement[full] = 1.0, 6.0
    found = settled(grid, cement, room)
    beyond = np.isclose(grid.centres[:, 0], 8.5)
    distance = np.linalg.norm(grid.centres - grid.centres[full], axis=1)
    assert found[full] == pytest.approx(1.0)
    assert found[beyond].sum() == pytest.approx(5.0)
    assert distance[found > 0.0].max() < distance[beyond & (found == 0.0)].min()
