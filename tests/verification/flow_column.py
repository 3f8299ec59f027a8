"""A column through which fluid flows evenly, cement coming in from below."""

import numpy as np
from phantoms import box

from fem.injection.transport import CementTransport
from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

WIDTH, LENGTH, POROSITY, SPEED, DURATION = 4.0, 40.0, 0.8, 0.5, 30.0
"""Lengths in mm, Darcy speed in mm/s, time in s."""


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
