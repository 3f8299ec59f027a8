"""Cement displacing marrow along a column: the Buckley-Leverett problem on unstructured tetrahedra.

With linear relative permeabilities f(S) = S / (S + M (1 - S)), M the viscosity ratio. At M < 1 cement fingers ahead in
a rarefaction S = (sqrt(M / xi) - M) / (1 - M) with xi = phi z / (u t) between M and 1 / M; at M = 1 it moves as a
contact and at M > 1 as a shock, both at the speed u / phi (Buckley & Leverett 1942, 10.2118/942107-G). The load-bearing
check is the L1 error of the saturation against these, with the order fitted over four meshes, and the place of the
front. One step that would fill the column several times over must stay within 0 and 1.
"""

import numpy as np
import pytest

from fem.darcy import DarcyPressure
from fem.partition import Partition
from fem.transport import CementTransport
from meshes.phantoms import box

WIDTH, LENGTH, POROSITY, SPEED, DURATION = 4.0, 40.0, 0.8, 0.5, 30.0
SIZES = (2.4, 1.7, 1.2, 0.8)
ORDERS = {0.1: 0.6, 1.0: 0.4, 10.0: 0.6, 100.0: 0.6}


class Column:
    """A column with the uniform flow of speed :data:`SPEED` along z, cement coming in from below."""

    def __init__(self, size):
        self.partition = Partition.build(box((WIDTH, WIDTH, LENGTH), size))
        partition, count = self.partition, len(self.partition.cell_volumes)
        walls, mesh = partition.boundary, partition.source
        along = mesh.facet_normals[walls.original, 2] * mesh.facet_areas[walls.original]
        pressure = DarcyPressure(partition, np.tile(np.eye(3), (count, 1, 1)))
        # A pressure falling by SPEED per mm, through walls that do not conduct along the sides.
        conductance = np.abs(along)
        outside = -SPEED * mesh.facet_centroids[walls.original, 2] - SPEED * np.sign(along)
        pressure.solve(np.ones(count), np.zeros(count), conductance, outside)
        np.testing.assert_allclose(pressure.wall_flux, SPEED * along, atol=1e-8)
        self.flux = pressure.flux.copy()
        pressure.destroy()
        self.inflow, self.outflow = (
            np.bincount(walls.cells, np.maximum(sign * SPEED * along, 0.0), minlength=count) for sign in (-1.0, 1.0)
        )
        self.transport = CementTransport(partition, np.full(count, POROSITY))
        self.height = partition.corner_points[..., 2].mean(axis=1)
        inside = np.random.default_rng(0).dirichlet(np.ones(4), size=100)
        self.sample_heights = partition.corner_points[..., 2] @ inside.T
        self.cell_length = (partition.cell_volumes.mean() * 6.0 * np.sqrt(2.0)) ** (1.0 / 3.0)

    def fill(self, ratio, steps):
        count = len(self.height)
        saturation = np.zeros(count)
        for _ in range(steps):
            ratios = np.full(count, ratio)
            saturation = self.transport.advance(
                saturation, DURATION / steps, self.flux, self.inflow, ratios, self.outflow, ratios
            )
        return saturation


def exact_saturation(place, ratio):
    """At ``place`` = phi z / (u t)."""
    if ratio >= 1.0:
        return (place < 1.0).astype(float)
    return np.clip((np.sqrt(ratio / np.maximum(place, 1e-12)) - ratio) / (1.0 - ratio), 0.0, 1.0)


@pytest.fixture(scope="module")
def columns():
    return [Column(size) for size in SIZES]


@pytest.mark.parametrize("ratio", ORDERS)
def test_column(columns, ratio):
    reach = SPEED * DURATION / POROSITY
    errors, fronts = [], []
    for column in columns:
        steps = int(np.ceil(2.0 * reach / column.cell_length))
        saturation = column.fill(ratio, steps)
        exact = exact_saturation(column.sample_heights / reach, ratio).mean(axis=1)
        volumes = column.partition.cell_volumes
        errors.append(volumes @ np.abs(saturation - exact) / (volumes @ exact))
        inside = column.transport.pore_volume @ saturation
        assert saturation.min() >= -1e-12
        assert saturation.max() <= 1.0 + 1e-8
        if ratio > 1.0:
            assert inside == pytest.approx(SPEED * WIDTH**2 * DURATION, rel=1e-8)
        # where the saturation falls through one half, from means over slices of one cell length
        edges = np.linspace(0.0, LENGTH, int(LENGTH / column.cell_length) + 1)
        slices = np.digitize(column.height, edges) - 1
        means = np.bincount(slices, volumes * saturation) / np.bincount(slices, volumes)
        below = int(np.argmax(means < 0.5))
        middle = 0.5 * (edges[1:] + edges[:-1])
        fronts.append(np.interp(0.5, means[[below, below - 1]], middle[[below, below - 1]]))
    lengths = [column.cell_length for column in columns]
    order = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    half = 1.0 if ratio >= 1.0 else ratio / (0.5 * (1.0 + ratio)) ** 2
    print(
        f"ratio {ratio:g}: L1 errors {np.round(errors, 4)}, order {order:.2f}, fronts {np.round(fronts, 2)}, "
        f"exact {half * reach:.2f} mm, cells {np.round(lengths, 2)} mm"
    )
    assert order > ORDERS[ratio]
    assert errors[-1] < (0.2 if ratio == 1.0 else 0.04)
    assert abs(fronts[-1] - half * reach) < 0.5 * lengths[-1]


@pytest.mark.parametrize("ratio", [0.01, 1.0, 100.0, 1e4])
def test_one_giant_step_stays_within_bounds(columns, ratio):
    column = columns[0]
    saturation = column.fill(ratio, 1)
    assert saturation.min() >= -1e-12
    assert saturation.max() <= 1.0 + 1e-8
