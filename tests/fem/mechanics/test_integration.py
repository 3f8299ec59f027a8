"""The places at which elastic constants are taken, on any number of ranks."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from phantoms import box

from fem.mechanics.integration import REFERENCE_POINTS, PointValues, at_integration_points, integration_points
from fem.partition import JIT_OPTIONS, Partition


def largest_distance(comm):
    """Largest distance in mm of a point that a form sees from the one that values were given at, on all ranks."""
    partition = Partition.build(box((40.0, 30.0, 27.0), 6.0) if comm.rank == 0 else None, comm)
    places = PointValues(partition, 3)
    places.assign(integration_points(partition.source))
    off = ufl.SpatialCoordinate(partition.mesh) - places.function
    values = fem.Expression(off, REFERENCE_POINTS, jit_options=JIT_OPTIONS).eval(
        partition.mesh, np.arange(partition.owned_cells, dtype=np.int32)
    )
    return max(comm.allgather(float(np.abs(values).max())))


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 3])
def test_a_form_sees_values_where_they_were_given(on_ranks, ranks):
    assert on_ranks(ranks, largest_distance) < 1e-12


def test_a_value_for_a_cell_holds_at_all_its_points():
    partition = Partition.build(box((10.0, 10.0, 10.0), 5.0))
    values = PointValues(partition, 2)
    given = np.arange(2.0 * len(partition.source.cells)).reshape(-1, 2)
    values.assign(given)
    held = values.function.x.array.reshape(-1, 4, 2)
    assert np.array_equal(held, np.repeat(partition.local_cells(given)[:, None], 4, axis=1))


def test_linear_functions_keep_their_values_and_quadratic_ones_their_means():
    mesh = box((10.0, 12.0, 9.0), 5.0)
    points = integration_points(mesh)
    linear = np.array([2.0, -1.0, 0.5])
    assert at_integration_points(mesh, mesh.points @ linear) == pytest.approx(points @ linear)
    mean = mesh.cell_volumes @ (points[..., 0] * points[..., 1]).mean(axis=1) / mesh.volume
    centre = 0.5 * (mesh.points.min(axis=0) + mesh.points.max(axis=0))
    assert mean == pytest.approx(centre[0] * centre[1], rel=1e-12)  # of x y over a box along the axes
