"""The cortical shell as CT shows it: thinner than a voxel, blurred over several, its mineral per area preserved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from meshes.sampling import values_at
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra
from meshes.wall_damage import SHELL_WALLS

VERTICAL_WALLS = tuple(wall for wall in SHELL_WALLS if not wall.endswith("_endplate"))
"""Walls whose shell is loaded along its plane when the endplates move against each other."""

_STEPS = 16  # samples of a profile through a wall


def mineral_per_area(
    mesh: TetMesh, vertebra: Vertebra, density: NDArray[np.float64], inside: float, reach: float
) -> dict[str, float]:
    """Mineral of the shell of each wall and endplate above that of its surroundings, per area.

    Profiles of the density run through the centroids of the facets along their normals. Inside the surface the excess
    over ``inside`` counts, outside of it the excess over what the profile ends with, so that blur across the surface
    leaves the sum as it is. Each wall takes the mean over its area.

    Args:
        mesh: body with named facets in the anatomical frame of ``vertebra``.
        vertebra: CT and frame.
        density: density of every voxel in g/cm3 on the grid of the CT.
        inside: density of the bone behind the shell in g/cm3.
        reach: half the length of the profiles in mm.

    Returns:
        Wall of :data:`~meshes.wall_damage.SHELL_WALLS` -> g/cm3 mm.
    """
    step = 2.0 * reach / _STEPS
    along = step * (np.arange(_STEPS) + 0.5) - reach
    points = mesh.facet_centroids[:, None] + along[:, None] * mesh.facet_normals[:, None]
    profile = values_at(vertebra, density, points)
    excess = step * (profile - np.where(along < 0.0, inside, profile[:, -1:])).sum(axis=1)
    areas = mesh.facet_areas
    return {
        wall: float(np.average(excess[facets], weights=areas[facets]))
        for wall, facets in ((wall, mesh.facet_regions[wall]) for wall in SHELL_WALLS)
    }
