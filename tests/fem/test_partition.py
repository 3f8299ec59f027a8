"""Numbering and geometry of a distributed mesh.

The load-bearing checks: gradients reproduce a linear function, every slot looks back at the cell it came from, and
boundary facets find their rows in the whole mesh by their centroids, whatever DOLFINx does to the numbering. What
changes with the number of ranks is checked in test_injection_ranks.
"""

import subprocess
import sys

import numpy as np
import pytest


def test_cells_keep_their_geometry(box_partition):
    source = box_partition.source
    np.testing.assert_allclose(box_partition.cell_volumes, box_partition.local_cells(source.cell_volumes), rtol=1e-12)
    np.testing.assert_allclose(
        box_partition.corner_points.mean(axis=1), box_partition.local_cells(source.cell_centroids), atol=1e-12
    )
    assert box_partition.cell_volumes.sum() == pytest.approx(120.0, rel=1e-12)


def test_gradients_of_a_linear_function_are_exact(box_partition):
    slope = np.array([0.3, -1.7, 2.2])
    values = box_partition.corner_points @ slope
    gradients = np.einsum("ti,tia->ta", values, box_partition.barycentric_gradients)
    np.testing.assert_allclose(gradients, np.broadcast_to(slope, gradients.shape), atol=1e-11)


def test_facets_lie_opposite_to_their_vertices(box_partition):
    """The facet in slot i holds every vertex of the cell but the i-th."""
    points = box_partition.mesh.geometry.x
    geometry = np.empty(box_partition.mesh.topology.index_map(0).size_local, dtype=int)
    vertices = box_partition.mesh.topology.connectivity(3, 0).array.reshape(-1, 4)
    geometry[vertices] = box_partition.mesh.geometry.dofmaps[0]
    centres = points[geometry[box_partition.facet_vertices]].mean(axis=1)
    corners = box_partition.corner_points
    opposite = (corners.sum(axis=1, keepdims=True) - corners) / 3.0
    np.testing.assert_allclose(centres[box_partition.cell_facets], opposite, atol=1e-12)


def test_neighbours_look_back(box_partition):
    neighbours, slots = box_partition.neighbours, box_partition.neighbour_slots
    cell, slot = np.nonzero(neighbours >= 0)
    np.testing.assert_array_equal(neighbours[neighbours[cell, slot], slots[cell, slot]], cell)
    np.testing.assert_array_equal(
        box_partition.cell_facets[cell, slot],
        box_partition.cell_facets[neighbours[cell, slot], slots[cell, slot]],
    )
    assert (neighbours < 0).sum() == len(box_partition.source.facets)
    np.testing.assert_array_equal(slots < 0, neighbours < 0)


def test_boundary_facets_find_their_rows(box_partition):
    boundary, source = box_partition.boundary, box_partition.source
    np.testing.assert_array_equal(np.sort(boundary.original), np.arange(len(source.facets)))
    corners = box_partition.corner_points[boundary.cells]
    opposite = corners[np.arange(len(corners)), boundary.slots]
    centres = (corners.sum(axis=1) - opposite) / 3.0
    np.testing.assert_allclose(centres, source.facet_centroids[boundary.original], atol=1e-12)
    for name, rows in source.facet_regions.items():
        local = box_partition.facets_of_region(name)
        found = boundary.original[np.isin(boundary.facets, local)]
        np.testing.assert_array_equal(np.sort(found), np.sort(rows))
    with pytest.raises(KeyError):
        box_partition.facets_of_region("no_such_wall")


def test_gathering_undoes_the_distribution(box_partition):
    values = np.random.default_rng(0).normal(size=(len(box_partition.source.cells), 3))
    gathered = box_partition.gather_cells(box_partition.local_cells(values))
    np.testing.assert_array_equal(gathered, values)


def test_one_cell(single_cell):
    assert single_cell.owned_cells == 1
    assert (single_cell.neighbours == -1).all()
    assert len(single_cell.boundary.facets) == 4
    assert single_cell.cell_volumes == pytest.approx([1.0 / 6.0])


def test_h5py_works_after_dolfinx():
    """Both carry an HDF5; the package loads them in the order in which they get along."""
    code = "import fem.mechanics.plates, h5py; h5py.File.in_memory().create_dataset('a', data=[1.0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
