"""The surface of the vertebral body as a set of facets that let marrow seep and, where they are open, cement leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshes.tetmesh import TetMesh

SITES = (
    "canal_posterior_wall",
    "basivertebral_foramen",
    "disc_superior",
    "disc_inferior",
    "paravertebral_left",
    "paravertebral_right",
    "paravertebral_anterior",
    "segmental_veins_left",
    "segmental_veins_right",
    "needle_track",
)
"""Every place where cement can leave a vertebral body."""

LEAK_CLASSES: Mapping[str, tuple[str, ...]] = {
    "canal": ("canal_posterior_wall", "basivertebral_foramen"),
    "vessel": ("segmental_veins_left", "segmental_veins_right"),
    "disc": ("disc_superior", "disc_inferior"),
    "paravertebral": ("paravertebral_left", "paravertebral_right", "paravertebral_anterior"),
}
"""Clinical class of a leak -> its sites."""

SITE_BEHIND_WALL: Mapping[str, str] = {
    "posterior_wall": "canal_posterior_wall",
    "basivertebral_foramen": "basivertebral_foramen",
    "superior_endplate": "disc_superior",
    "inferior_endplate": "disc_inferior",
    "left_wall": "paravertebral_left",
    "right_wall": "paravertebral_right",
    "anterior_wall": "paravertebral_anterior",
}
"""Facet region -> the site that cement reaches through a defect of it."""

OUTLET_GROUPS: Mapping[str, tuple[str, ...]] = {
    "endplates": ("superior_endplate", "inferior_endplate"),
    "cortical_walls": ("posterior_wall", "anterior_wall", "left_wall", "right_wall"),
    "pedicles": ("left_pedicle", "right_pedicle"),
    "basivertebral_foramen": ("basivertebral_foramen",),
}
"""Outlet group -> the facet regions over which its conductance is spread by area."""


@dataclass(frozen=True)
class Opening:
    """A part of the surface that lets cement pass.

    Attributes:
        site: the name of the site behind it, one of :data:`SITES`.
        facets: rows of ``mesh.facets`` that are open.
        conductance: of all of them together to marrow in mm3/(s MPa).
    """

    site: str
    facets: NDArray[np.int64]
    conductance: float


@dataclass(frozen=True)
class Walls:
    """Conductance and permission of every boundary facet, in the order of ``mesh.facets``.

    A facet passes marrow at the rate conductance * mu_m * mobility of the cell behind it * pressure: an intact wall
    feels only the mobility of marrow, an opening that of both phases.

    Attributes:
        conductance: (k,) to marrow in mm3/(s MPa).
        site: (k,) index into :data:`SITES` where cement may pass, -1 elsewhere.
    """

    conductance: NDArray[np.float64]
    site: NDArray[np.int64]

    @property
    def total_conductance(self) -> float:
        """Conductance of the whole surface to marrow in mm3/(s MPa)."""
        return float(self.conductance.sum())

    def site_conductance(self) -> dict[str, float]:
        """Conductance to marrow of each open site in mm3/(s MPa); zero where a site is closed."""
        sums = np.bincount(self.site[self.site >= 0], self.conductance[self.site >= 0], minlength=len(SITES))
        return dict(zip(SITES, sums.tolist(), strict=True))


def build_walls(
    mesh: TetMesh,
    outlets: Mapping[str, float],
    openings: Sequence[Opening] = (),
) -> Walls:
    """Spread the conductance of the outlet groups over their facets and lay the openings on top.

    Args:
        mesh: mesh with named facet regions.
        outlets: outlet group (a key of :data:`OUTLET_GROUPS`) -> conductance to marrow in mm3/(s MPa). What belongs
            to a group that has no intact facets on this mesh goes to the others in proportion.
        openings: parts that let cement pass, with their own conductance; they take their facets out of the groups, and
            later ones out of earlier ones.

    Raises:
        ValueError: nothing can leave.
    """
    areas = mesh.facet_areas
    conductance = np.zeros(len(mesh.facets))
    site = np.full(len(mesh.facets), -1, dtype=np.int64)
    owner = np.full(len(mesh.facets), -1, dtype=np.int64)
    for number, opening in enumerate(openings):
        owner[opening.facets] = number
    for number, opening in enumerate(openings):
        rows = np.flatnonzero(owner == number)
        site[rows] = SITES.index(opening.site)
        conductance[rows] = opening.conductance * areas[rows] / areas[rows].sum()
    intact = {
        group: np.concatenate([mesh.facet_regions.get(name, np.empty(0, np.int64)) for name in OUTLET_GROUPS[group]])
        for group in outlets
    }
    intact = {group: rows[site[rows] < 0] for group, rows in intact.items()}
    total, present = sum(outlets.values()), sum(value for group, value in outlets.items() if len(intact[group]))
    for group, rows in intact.items():
        if len(rows) and present > 0.0:
            conductance[rows] = outlets[group] * total / present * areas[rows] / areas[rows].sum()
    if not conductance.sum() > 0.0:
        raise ValueError("the outlets have no conductance at all: the displaced marrow cannot leave the body")
    return Walls(conductance, site)
