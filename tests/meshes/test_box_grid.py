"""Voxels around a mesh: what cells hold is in them, and faces join neighbours."""

import numpy as np
import pytest
from block_grid import block_grid

from meshes.box_grid import BoxGrid
from meshes.sampling import equal_parts


def test_cells_lie_in_their_voxels():
    mesh = block_grid((4, 3, 2), 2.0)
    grid = BoxGrid.around([-5.0, -4.0, -3.0], [5.0, 4.0, 3.0], 1.0)
    shares = grid.shares_of(mesh)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    inside = shares.T @ mesh.cell_volumes
    assert inside.sum() == pytest.approx(mesh.cell_volumes.sum())
    # the block's sides lie on faces of the grid
    block = (np.abs(grid.centres) < [4.0, 3.0, 2.0]).all(axis=1)
    assert inside[~block].sum() == pytest.approx(0.0)
    assert inside[block] == pytest.approx(1.0, abs=0.25)


def test_a_cell_beyond_the_box_is_refused():
    with pytest.raises(ValueError, match="out of the box"):
        BoxGrid.around([0.0] * 3, [2.0] * 3, 1.0).shares_of(block_grid((4, 3, 2), 2.0))


def test_box_lies_in_the_middle_of_its_voxels():
    grid = BoxGrid.around([0.0] * 3, [2.5, 2.0, 1.0], 1.0)
    assert grid.shape == (3, 2, 1)
    assert grid.centres.mean(axis=0) == pytest.approx([1.25, 1.0, 0.5])


def test_voxels_are_found_at_their_centres_and_nowhere_outside():
    grid = BoxGrid.around([-1.0] * 3, [2.0, 1.0, 3.0], 0.5)
    assert (grid.voxels_at(grid.centres) == np.arange(grid.count)).all()
    assert grid.voxels_at([[9.0, 0.0, 0.0]])[0] == -1


def test_neighbours_are_one_voxel_apart():
    grid = BoxGrid.around([0.0] * 3, [3.0, 4.0, 5.0], 1.0)
    for axis in range(3):
        coordinate = grid.centres[:, axis].copy()
        assert (grid.above(coordinate, axis) - grid.below(coordinate, axis) == 1.0).all()
    low, high, *_ = grid.sides(grid.centres[:, 0].copy())
    assert (low == 0.5).all()
    assert (high == 2.5).all()


def test_shares_are_those_of_equal_parts_by_the_voxel_of_each():
    mesh = block_grid((2, 1, 1), 1.7)
    grid = BoxGrid.around(mesh.points.min(axis=0) - 0.3, mesh.points.max(axis=0) + 0.4, 1.0)
    shares = grid.shares_of(mesh)
    corners = mesh.points[mesh.cells]
    longest = np.linalg.norm(corners[:, :, None] - corners[:, None], axis=3).max(axis=(1, 2))
    for cell in range(len(corners)):
        samples = equal_parts(int(np.clip(np.ceil(3.0 * longest[cell]), 3, 8)))
        found = np.bincount(grid.voxels_at(samples @ corners[cell]), minlength=grid.count) / len(samples)
        assert shares[[cell]].toarray()[0] == pytest.approx(found, abs=1e-12)
