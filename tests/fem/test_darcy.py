"""The hybrid pressure on one mesh.

The load-bearing checks: pressure and fluxes equal those of an independently assembled mixed Raviart-Thomas system
solved directly; a linear pressure through walls of any conductance is exact, so cores of any orientation give their
own tensor back; fluxes are conservative and antisymmetric.
"""

import dolfinx_solver  # noqa: F401
from mpi4py import MPI  # noqa: F401

import basix.ufl
import dolfinx.fem
import numpy as np
import pytest
import scipy.sparse.linalg
import ufl
from flow_phantom import tilted_medium

import fem.darcy
from fem.darcy import DarcyPressure
from fem.errors import ConvergenceError
from fem.partition import Partition

OUTSIDE_SLOPE, OUTSIDE_LEVEL, WALL = np.array([0.02, -0.03, 0.05]), 0.1, 0.4


def outside_pressure(x):
    """MPa, linear in the place."""
    return OUTSIDE_LEVEL + OUTSIDE_SLOPE @ x


@pytest.fixture(scope="module")
def flowing(box_partition):
    """Sources of both signs, mobilities over three decades and leaky walls under a linear outside pressure."""
    partition, generator = box_partition, np.random.default_rng(1)
    count = len(partition.cell_volumes)
    permeability = partition.local_cells(tilted_medium(partition.source).permeability)
    mobility = 1e6 * 10.0 ** generator.uniform(0.0, 3.0, size=count)
    source = generator.normal(size=count) * (generator.uniform(size=count) < 0.1)
    rows = partition.boundary.original
    conductance = WALL * partition.source.facet_areas[rows]
    pressure = DarcyPressure(partition, permeability)
    pressure.solve(mobility, source, conductance, outside_pressure(partition.source.facet_centroids[rows].T))
    yield pressure, permeability, mobility, source
    pressure.destroy()


def solve_mixed(partition: Partition, permeability, mobility, source):
    """Cell pressures and velocities at the centroids from the mixed form: RT0 velocity, constant pressures, direct."""
    mesh = partition.mesh
    element = basix.ufl.mixed_element(
        [basix.ufl.element("RT", "tetrahedron", 1), basix.ufl.element("DG", "tetrahedron", 0)]
    )
    space = dolfinx.fem.functionspace(mesh, element)
    resistance = dolfinx.fem.Function(dolfinx.fem.functionspace(mesh, ("DG", 0, (3, 3))))
    resistance.x.array[:] = (np.linalg.inv(permeability) / mobility[:, None, None]).ravel()
    density = dolfinx.fem.Function(dolfinx.fem.functionspace(mesh, ("DG", 0)))
    density.x.array[:] = source / partition.cell_volumes
    (u, p), (v, w) = ufl.TrialFunctions(space), ufl.TestFunctions(space)
    x, n = ufl.SpatialCoordinate(mesh), ufl.FacetNormal(mesh)
    outside = OUTSIDE_LEVEL + sum(float(OUTSIDE_SLOPE[i]) * x[i] for i in range(3))
    left = (
        ufl.inner(resistance * u, v) * ufl.dx
        - p * ufl.div(v) * ufl.dx
        + (1.0 / WALL) * ufl.dot(u, n) * ufl.dot(v, n) * ufl.ds
        + w * ufl.div(u) * ufl.dx
    )
    right = w * density * ufl.dx - outside * ufl.dot(v, n) * ufl.ds
    matrix = dolfinx.fem.assemble_matrix(dolfinx.fem.form(left)).to_scipy().tocsc()
    vector = dolfinx.fem.assemble_vector(dolfinx.fem.form(right)).array
    solution = dolfinx.fem.Function(space)
    solution.x.array[:] = scipy.sparse.linalg.spsolve(matrix, vector)
    cells = np.arange(len(partition.cell_volumes), dtype=np.int32)
    centroid = np.full((1, 3), 0.25)
    values = dolfinx.fem.Expression(solution, centroid).eval(mesh, cells).reshape(len(cells), 4)
    return values[:, 3], values[:, :3]


def test_the_hybrid_form_is_the_mixed_raviart_thomas_method(flowing):
    pressure, permeability, mobility, source = flowing
    exact_pressure, exact_velocity = solve_mixed(pressure.partition, permeability, mobility, source)
    np.testing.assert_allclose(pressure.cell_pressure(), exact_pressure, atol=1e-7 * np.ptp(exact_pressure))
    np.testing.assert_allclose(pressure.cell_velocity(), exact_velocity, atol=1e-7 * np.abs(exact_velocity).max())


def test_fluxes_are_conservative_and_antisymmetric_to_the_bit(flowing):
    pressure, _, _, source = flowing
    partition = pressure.partition
    total = np.abs(source).sum()
    assert np.abs(pressure.flux.sum(axis=1) - source).max() <= 1e-8 * total
    assert pressure.divergence_defect == pytest.approx(np.abs(pressure.flux.sum(axis=1) - source).max(), rel=1e-12)
    cell, slot = np.nonzero(partition.neighbours >= 0)
    other = pressure.flux[partition.neighbours[cell, slot], partition.neighbour_slots[cell, slot]]
    np.testing.assert_array_equal(pressure.flux[cell, slot], -other)
    assert pressure.wall_flux.sum() == pytest.approx(source.sum(), abs=1e-8 * total)


def test_exchange_with_vessels(box_partition):
    """Vessels feed tight cells until these have their pressure; with walls open, what they give leaves through them."""
    count, generator = len(box_partition.cell_volumes), np.random.default_rng(5)
    vessels, walls = np.full(count, 0.02), np.zeros(len(box_partition.boundary.facets))
    pressure = DarcyPressure(box_partition, np.tile(1e-2 * np.eye(3), (count, 1, 1)), vessels)
    exchange = generator.uniform(0.0, 2.0, size=count) * (generator.uniform(size=count) < 0.3)
    nothing = np.zeros(count)
    pressure.solve(np.full(count, 1e6), nothing, walls, walls, exchange)
    np.testing.assert_allclose(pressure.facet_pressure, 0.02, rtol=1e-8)
    pressure.solve(np.full(count, 1e6), nothing, walls + 3.0, walls, exchange)
    mean = pressure.facet_pressure[box_partition.cell_facets].mean(axis=1)
    np.testing.assert_allclose(pressure.exchange_rate, exchange * (0.02 - mean), rtol=1e-12)
    np.testing.assert_allclose(pressure.flux.sum(axis=1), pressure.exchange_rate, atol=1e-9 * pressure.wall_flux.sum())
    assert pressure.wall_flux.sum() == pytest.approx(pressure.exchange_rate.sum(), rel=1e-9)
    assert pressure.wall_flux.sum() > 0.1
    pressure.destroy()


def test_no_source_is_no_flow(box_partition):
    count = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.tile(np.eye(3), (count, 1, 1)))
    walls = np.ones(len(box_partition.boundary.facets))
    for source in (np.eye(1, count).ravel(), np.zeros(count)):
        pressure.solve(np.ones(count), source, walls, 0.0 * walls)
    assert pressure.iterations == 0
    assert not pressure.flux.any()
    pressure.destroy()


@pytest.mark.parametrize("conductance", [1e4, 1e5, 1e7])
def test_cores_give_their_tensor_back(box_partition, conductance):
    """Steady flow under a linear pressure along x, y and z: the mean velocities are the columns of the tensor."""
    axes, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    tensor = axes @ np.diag([3.44e-2, 3.44e-2, 4.45e-2]) @ axes.T
    mobility = 1e7
    rows = box_partition.boundary.original
    source_mesh = box_partition.source
    areas, normals = source_mesh.facet_areas[rows], source_mesh.facet_normals[rows]
    count = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.tile(tensor, (count, 1, 1)))
    measured = np.empty((3, 3))
    for axis in range(3):
        slope = 1e-3 * np.eye(3)[axis]
        out = -mobility * (normals @ tensor @ slope) * areas
        inside = source_mesh.facet_centroids[rows] @ slope
        pressure.solve(
            np.full(count, mobility), np.zeros(count), conductance * areas, inside - out / (conductance * areas)
        )
        np.testing.assert_allclose(pressure.wall_flux, out, atol=1e-8 * np.abs(out).max())
        mean = box_partition.cell_volumes @ pressure.cell_velocity() / box_partition.cell_volumes.sum()
        measured[:, axis] = -mean / (mobility * 1e-3)
        np.testing.assert_allclose(
            pressure.cell_pressure(), box_partition.corner_points.mean(axis=1) @ slope, atol=1e-8 * 6e-3
        )
    np.testing.assert_allclose(measured, tensor, atol=1e-8 * tensor.max())
    np.testing.assert_allclose(measured, measured.T, atol=1e-8 * tensor.max())
    pressure.destroy()


def test_one_cell_with_a_source(single_cell):
    """q leaves evenly through four walls of conductance G: p = q / (4 G), q 2.25 / (180 |T| lambda) more inside."""
    pressure = DarcyPressure(single_cell, np.eye(3)[None])
    pressure.solve(np.array([2.0]), np.array([8.0]), np.full(4, 0.5), np.zeros(4))
    np.testing.assert_allclose(pressure.facet_pressure, 4.0, rtol=1e-12)
    np.testing.assert_allclose(pressure.wall_flux, 2.0, rtol=1e-12)
    np.testing.assert_allclose(pressure.cell_pressure(), 4.3, rtol=1e-12)
    pressure.destroy()


def test_too_few_iterations_raise(box_partition, monkeypatch):
    monkeypatch.setattr(fem.darcy, "ITERATION_LIMIT", 3)
    count = len(box_partition.cell_volumes)
    pressure = DarcyPressure(box_partition, np.tile(np.eye(3), (count, 1, 1)))
    walls = np.ones(len(box_partition.boundary.facets))
    with pytest.raises(ConvergenceError, match="pressure did not converge"):
        pressure.solve(np.ones(count), np.eye(1, count).ravel(), walls, 0.0 * walls)
    pressure.destroy()
