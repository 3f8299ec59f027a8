"""The opening of the needle.

The load-bearing checks: the spherical permeability against its closed form for a transversely isotropic medium, and the
tip pressure against the closed forms of Newtonian and power-law flow between the opening and the source cells.
"""

import math

import numpy as np
import pytest
from phantoms import ball

from fem.injection.needle_opening import NeedleOpening
from fem.injection.source_calibration import SourceSurface, calibrated
from fem.partition import Partition
from fem.porous import PorousMedium
from fem.pressure.darcy import DarcyPressure
from materials.cement import Cement, newtonian_cement

AXIAL, TRANSVERSE, POROSITY, RATE = 4.45e-2, 3.44e-2, 0.87, 50.0


@pytest.fixture(scope="module")
def mesh():
    return ball(6.0, 1.5)


def uniform(mesh, tensor):
    count = len(mesh.cells)
    return PorousMedium(np.full(count, POROSITY), np.tile(tensor, (count, 1, 1)))


def opening(permeability=TRANSVERSE, radius=0.8, source_radius=2.4):
    return NeedleOpening(
        np.zeros(3),
        radius,
        np.array([0]),
        np.array([1.0]),
        0.0,
        source_radius,
        permeability * np.eye(3),
        permeability,
        POROSITY,
    )


def rotated(tensor, seed):
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return axes @ tensor @ axes.T


@pytest.mark.parametrize("radius", [1.5, 2.5, 4.0])
def test_source_cells_are_those_that_the_ball_meets(mesh, radius):
    position = np.array([0.5, 0.0, -0.3])
    needle = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), position, radius)
    assert needle.shares.sum() == pytest.approx(1.0)
    assert 4.0 / 3.0 * math.pi * needle.source_radius**3 == pytest.approx(mesh.cell_volumes[needle.cells].sum())
    assert needle.porosity == pytest.approx(POROSITY)
    nearest = np.linalg.norm(mesh.points[mesh.cells] - position, axis=2).min(axis=1)
    assert set(np.flatnonzero(nearest < 0.99 * radius)) <= set(needle.cells)
    inside = np.linalg.norm(mesh.points[mesh.cells] - position, axis=2).max(axis=1) < radius
    per_volume = (needle.shares / mesh.cell_volumes[needle.cells])[inside[needle.cells]]
    assert per_volume == pytest.approx(3.0 / (4.0 * math.pi * radius**3), rel=0.2)


@pytest.mark.parametrize("size", [0.8, 1.5, 2.5])
def test_the_middle_of_the_source_is_the_tip(size):
    """On any mesh: a source that lies 1.5 mm behind its tip leaks 4.5 times as much as one 1.5 mm ahead of it."""
    mesh = ball(6.0, size)
    for position in np.random.default_rng(2).uniform(-2.5, 2.5, size=(8, 3)):
        needle = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), position, 1.2)
        assert (needle.shares > 0.0).all()
        middle = needle.shares @ mesh.cell_centroids[needle.cells]
        assert np.linalg.norm(middle - position) == pytest.approx(needle.offset, abs=1e-12)
        assert needle.offset < 1e-6


def test_bone_on_one_side_leaves_an_offset(mesh):
    """At the surface the middle of any source lies inside; far outside it is the nearest cell's."""
    at_surface = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), np.array([0.0, 0.0, 6.1]), 1.2)
    assert at_surface.offset > 0.1 * at_surface.radius
    outside = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), np.array([0.0, 0.0, 9.0]), 1.2)
    assert (len(outside.cells), outside.offset) == (1, pytest.approx(3.0, abs=0.7))


def test_a_ball_smaller_than_any_cell_has_one_cell(mesh):
    position = np.array([1.1, -0.4, 0.2])
    needle = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), position, 1e-3)
    assert len(needle.cells) == 1
    assert needle.shares == pytest.approx([1.0])
    assert np.linalg.norm(mesh.cell_centroids[needle.cells[0]] - position) < 1.5
    assert needle.radius == 1e-3
    assert 4.0 / 3.0 * math.pi * needle.source_radius**3 == pytest.approx(mesh.cell_volumes[needle.cells[0]])


def test_an_isotropic_permeability_is_itself(mesh):
    needle = NeedleOpening.place(mesh, uniform(mesh, 3e-2 * np.eye(3)), np.zeros(3), 2.0)
    assert needle.permeability == pytest.approx(3e-2, rel=1e-12)


@pytest.mark.parametrize("ratio", [1.001, 1.29, 2.05, 9.0, 0.3])
@pytest.mark.parametrize("seed", [None, 4])
def test_transversely_isotropic_permeability(mesh, ratio, seed):
    """1/k = asin(e) / (e sqrt(kt kz)) with e2 = 1 - kt / kz, asinh where kz < kt: from a point source."""
    axial = ratio * TRANSVERSE
    tensor = np.diag([TRANSVERSE, TRANSVERSE, axial])
    eccentricity = abs(1.0 - TRANSVERSE / axial) ** 0.5
    angle = math.asin(eccentricity) if ratio > 1.0 else math.asinh(eccentricity)
    exact = math.sqrt(TRANSVERSE * axial) * eccentricity / angle
    medium = uniform(mesh, tensor if seed is None else rotated(tensor, seed))
    assert NeedleOpening.place(mesh, medium, np.zeros(3), 2.0).permeability == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("source_radius", [0.5, 0.8, 2.4])
def test_newtonian_tip_pressure(source_radius):
    """p_n = p_s + Q mu / (4 pi k) (1 / r_n - 1 / r_s)."""
    viscosity, radius, source_pressure = 1e-4, 0.8, 0.03
    exact = source_pressure + RATE * viscosity / (4.0 * math.pi * TRANSVERSE) * (1.0 / radius - 1.0 / source_radius)
    tip = opening(source_radius=source_radius).tip_pressure(
        source_pressure, 1.0, RATE, newtonian_cement(viscosity), 300.0
    )
    assert tip == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("index", [0.3, 0.5, 0.7])
def test_power_law_tip_pressure(index):
    """Steady power-law flow between r_n and r_s, with mu_eff = K ((3 n + 1) / (4 n))^n (4 / sqrt(8 k phi))^(n - 1)."""
    consistency, radius, source_radius = 1e-4, 0.8, 2.4
    effective = consistency * (4.0 / math.sqrt(8.0 * TRANSVERSE * POROSITY)) ** (index - 1.0)
    effective *= ((3.0 * index + 1.0) / (4.0 * index)) ** index
    power = 1.0 - 2.0 * index
    span = math.log(source_radius / radius) if power == 0.0 else (radius**power - source_radius**power) / -power
    exact = effective / TRANSVERSE * (RATE / (4.0 * math.pi)) ** index * span
    tip = opening().tip_pressure(0.0, 1.0, RATE, Cement("power law", consistency, index, doubling_time=None), 300.0)
    assert tip == pytest.approx(exact, rel=1e-9)


def test_the_cement_ages(mesh):
    cement = Cement(index_rate=0.0, doubling_time=100.0)
    young, old = (opening().tip_pressure(0.0, 1.0, RATE, cement, age) for age in (300.0, 400.0))
    assert old == pytest.approx(2.0 * young, rel=1e-12)


def test_the_source_surface_encloses_the_source_cells(mesh):
    """The outer facets close around the cells, so that their outward area vectors add up to nothing."""
    partition = Partition.build(mesh)
    needle = NeedleOpening.place(mesh, uniform(mesh, np.eye(3)), np.zeros(3), 2.0)
    surface = SourceSurface.around(needle, partition)
    corners = partition.mesh.geometry.x[partition.facet_vertices[surface.facets]]
    vectors = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(vectors, axis=1)
    assert surface.weights == pytest.approx(areas / areas.sum(), rel=1e-10)
    outward = np.sign(np.einsum("fa,fa->f", vectors, corners.mean(axis=1)))[:, None]
    assert np.abs((outward * vectors).sum(axis=0)).max() < 1e-10 * areas.sum()
    assert surface.mean(np.full(partition.facet_map.size_local, 7.0), partition) == pytest.approx(7.0)


@pytest.mark.parametrize("size", [1.2, 1.8, 2.6])
def test_a_calibrated_needle_does_not_see_its_mesh(size):
    """In an even medium full of cement the tip pressure is that of a point source, whatever cells it falls into."""
    mesh = ball(8.0, size)
    medium = uniform(mesh, TRANSVERSE * np.eye(3))
    partition = Partition.build(mesh)
    needle = NeedleOpening.place(mesh, medium, np.array([0.4, -0.3, 0.2]), 1.2)
    surface = SourceSurface.around(needle, partition)
    needle = calibrated(needle, surface, partition)
    pressure = DarcyPressure(partition, partition.local_cells(medium.permeability))
    shares = np.zeros(len(mesh.cells))
    shares[needle.cells] = needle.shares
    boundary, viscosity = partition.boundary, 1e-4
    reach = np.linalg.norm(mesh.facet_centroids[boundary.original] - needle.position, axis=1)
    scale = RATE * viscosity / (4.0 * math.pi * TRANSVERSE)
    pressure.solve(
        np.full(len(mesh.cells), 1.0 / viscosity),
        RATE * partition.local_cells(shares),
        1e7 * mesh.facet_areas[boundary.original],
        scale / reach,
    )
    mean = surface.mean(pressure.facet_pressure, partition)
    pressure.destroy()
    tip = needle.tip_pressure(mean, 1.0, RATE, newtonian_cement(viscosity), 300.0)
    assert tip == pytest.approx(scale / 1.2, rel=0.01)
