"""A Darcy problem whose pressure is known, solved on one mesh: relative errors of pressure and flux."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fem.partition import Partition
from fem.pressure.darcy import DarcyPressure

Field = Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]
"""Values at (n, 3) places in mm, each seen from its cell in the partition's order."""


class Errors(NamedTuple):
    """Relative L2 errors on one mesh.

    Attributes:
        facet_pressure: of the pressures on the facets.
        cell_pressure: of the cells' mean pressures.
        flux: of the normal velocities on the facets.
        length: edge in mm of the regular tetrahedron of the mean volume.
    """

    facet_pressure: float
    cell_pressure: float
    flux: float
    length: float


def errors_on(
    partition: Partition,
    permeability: NDArray[np.float64],
    mobility: float,
    pressure: Field,
    velocity: Field,
    source: Field | None = None,
) -> Errors:
    """Solve between Robin walls with the outside pressure that the exact flux asks for.

    Args:
        partition: of the mesh.
        permeability: (cells, 3, 3) in mm2.
        mobility: in 1/(MPa s).
        pressure: exact, in MPa.
        velocity: exact, (n, 3) in mm/s.
        source: exact, in 1/s; None: nothing enters.
    """
    mesh, corners, walls = partition.source, partition.corner_points, partition.boundary
    volumes, cells = partition.cell_volumes, np.arange(len(partition.cell_volumes))
    places, areas = mesh.facet_centroids[walls.original], mesh.facet_areas[walls.original]
    out = np.einsum("fa,fa->f", velocity(places, walls.cells), mesh.facet_normals[walls.original]) * areas
    conductance = 0.3 * mobility * np.cbrt(np.linalg.det(permeability))[walls.cells] * areas
    rates = np.zeros(len(volumes)) if source is None else mean_over_cells(source, corners) * volumes
    solver = DarcyPressure(partition, permeability)
    solver.solve(np.full(len(volumes), mobility), rates, conductance, pressure(places, walls.cells) - out / conductance)
    assert solver.divergence_defect <= 1e-8 * np.abs(out).sum()
    centres = (corners.sum(axis=1, keepdims=True) - corners) / 3.0
    arms = corners[:, [1, 0, 0, 0]], corners[:, [2, 3, 1, 2]], corners[:, [3, 2, 3, 1]]
    normals = 0.5 * np.cross(arms[1] - arms[0], arms[2] - arms[0])
    normals *= np.sign(np.einsum("tia,tia->ti", normals, centres - corners))[..., None]
    facet_areas, owner, weight = np.linalg.norm(normals, axis=2).ravel(), np.repeat(cells, 4), np.repeat(volumes, 4)
    places = centres.reshape(-1, 3)
    speed = np.einsum("fa,fa->f", velocity(places, owner), normals.reshape(-1, 3)) / facet_areas
    errors = Errors(
        _relative(solver.facet_pressure[partition.cell_facets].ravel(), pressure(places, owner), weight),
        _relative(solver.cell_pressure(), mean_over_cells(pressure, corners), volumes),
        _relative(solver.flux.ravel() / facet_areas, speed, weight),
        (volumes.mean() * 6.0 * np.sqrt(2.0)) ** (1.0 / 3.0),
    )
    solver.destroy()
    return errors


def orders(results: list[Errors]) -> NDArray[np.float64]:
    """(3,) orders fitted over all meshes, of facet pressure, cell pressure and flux."""
    table = np.log(np.array(results))
    return np.polyfit(table[:, 3], table[:, :3], 1)[0]


def mean_over_cells(field: Field, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of a field over tetrahedra, exact for quadratics."""
    near, far = 0.5854101966249685, 0.1381966011250105
    cells = np.arange(len(corners))
    return sum(field(far * corners.sum(axis=1) + (near - far) * corners[:, i], cells) for i in range(4)) / 4.0


def _relative(value: NDArray[np.float64], exact: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    return float(np.sqrt((weight @ (value - exact) ** 2) / (weight @ exact**2)))
