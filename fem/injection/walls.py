"""The surface of the vertebral body as a set of facets that let marrow seep and, where they are open, cement leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from materials.leak_path import LeakPath
from meshes.leak_sites import LEAK_SITES, SITE_BEHIND_WALL, SITES
from meshes.tetmesh import TetMesh

OUTLET_GROUPS: Mapping[str, tuple[str, ...]] = {
    "endplates": ("superior_endplate", "inferior_endplate"),
    "cortical_walls": ("posterior_wall", "anterior_wall", "left_wall", "right_wall"),
    "pedicles": ("left_pedicle", "right_pedicle"),
    "basivertebral_foramen": ("basivertebral_foramen",),
    "segmental_veins": (),
    "needle_track": (),
}
"""Outlet group -> the facet regions over which its conductance is spread where it is no opening of its own."""


@dataclass(frozen=True)
class Opening:
    """A part of the surface that lets cement pass.

    Attributes:
        site: the name of the site behind it, one of :data:`~meshes.leak_sites.SITES`.
        facets: rows of ``mesh.facets`` that are open.
        path: conduits through which cement leaves.
        area: open cross-section of all conduits together in mm2.
        conductance: of all of them together to marrow in mm3/(s MPa), with the bone on their approach.
        approach: resistance over viscosity in 1/mm3 of the bone between the facets and the mouth of the conduits, where
            these are narrower than the facets.
        shares: (facets,) of the conduits that each facet has; None: by area.
        in_bone: whether the conduits lie in the bone, so that what is in them has not leaked.
    """

    site: str
    facets: NDArray[np.int64]
    path: LeakPath
    area: float
    conductance: float
    approach: float = 0.0
    shares: NDArray[np.float64] | None = None
    in_bone: bool = True


@dataclass(frozen=True)
class Walls:
    """The law of every boundary facet, in the order of ``mesh.facets``.

    Attributes:
        conductance: (k,) to marrow in mm3/(s MPa).
        outside_pressure: (k,) pressure behind the facet in MPa above the resting intraosseous pressure.
        opening: (k,) index into ``openings``, -1 where the wall is intact.
        open_area: (k,) cross-section of the conduits that each facet holds in mm2.
        openings: the parts that let cement pass.
    """

    conductance: NDArray[np.float64]
    outside_pressure: NDArray[np.float64]
    opening: NDArray[np.int64]
    open_area: NDArray[np.float64]
    openings: tuple[Opening, ...]

    @property
    def site(self) -> NDArray[np.int64]:
        """(k,) index into :data:`~meshes.leak_sites.SITES` where cement may pass, -1 elsewhere."""
        numbers = np.array([*(SITES.index(opening.site) for opening in self.openings), -1])
        return numbers[self.opening]

    @property
    def total_conductance(self) -> float:
        """Conductance of the whole surface to marrow in mm3/(s MPa)."""
        return float(self.conductance.sum())

    def site_conductance(self) -> dict[str, float]:
        """Conductance to marrow of each open site in mm3/(s MPa); zero where a site is closed."""
        site = self.site
        sums = np.bincount(site[site >= 0], self.conductance[site >= 0], minlength=len(SITES))
        return dict(zip(SITES, sums.tolist(), strict=True))


def build_walls(
    mesh: TetMesh,
    outlets: Mapping[str, float],
    openings: Sequence[Opening] = (),
    outside: Mapping[str, float] | None = None,
    thickness: Mapping[str, float] | None = None,
    conductances: Mapping[str, float] | None = None,
) -> Walls:
    """Spread the conductance of the outlet groups over their facets and lay the openings on top.

    Args:
        mesh: mesh with named facet regions.
        outlets: outlet group (a key of :data:`OUTLET_GROUPS`) -> conductance to marrow in mm3/(s MPa). What belongs
            to a group that has no intact facets on this mesh goes to the others in proportion.
        openings: parts that let cement pass, with their own conductance; they take their facets out of the groups, and
            later ones out of earlier ones.
        outside: space (of :data:`meshes.leak_sites.Space`) -> pressure in MPa above the resting intraosseous pressure;
            0 where left out. Behind the pedicles lies the marrow of the arch, at the pressure of the veins.
        thickness: facet region -> thickness of its cortex in mm, 1 where left out; within a group, facets share its
            conductance by area over thickness.
        conductances: facet region -> conductance of this intact wall in mm3/(s MPa), instead of its share.

    Raises:
        ValueError: nothing can leave.
    """
    outside, thickness, conductances = outside or {}, thickness or {}, conductances or {}
    areas = mesh.facet_areas
    conductance, open_area = np.zeros(len(mesh.facets)), np.zeros(len(mesh.facets))
    pressure = np.full(len(mesh.facets), outside.get("veins", 0.0))
    owner = np.full(len(mesh.facets), -1, dtype=np.int64)
    weight = areas.copy()
    for region, rows in mesh.facet_regions.items():
        weight[rows] /= thickness.get(region, 1.0)
        if region in SITE_BEHIND_WALL:
            pressure[rows] = outside.get(LEAK_SITES[SITE_BEHIND_WALL[region]].space, 0.0)
    for number, opening in enumerate(openings):
        owner[opening.facets] = number
    for number, opening in enumerate(openings):
        rows = np.flatnonzero(owner == number)
        weight_of_opening = np.zeros(len(owner))
        weight_of_opening[opening.facets] = areas[opening.facets] if opening.shares is None else opening.shares
        share = weight_of_opening[rows] / weight_of_opening[rows].sum()
        conductance[rows], open_area[rows] = opening.conductance * share, opening.area * share
        pressure[rows] = outside.get(LEAK_SITES[opening.site].space, 0.0)
    regions = {name: rows[owner[rows] < 0] for name, rows in mesh.facet_regions.items()}
    none = np.empty(0, dtype=np.int64)
    intact = {
        group: np.concatenate([none, *(regions.get(name, none) for name in OUTLET_GROUPS[group])]) for group in outlets
    }
    total, present = sum(outlets.values()), sum(value for group, value in outlets.items() if len(intact[group]))
    for group, rows in intact.items():
        if len(rows) and present > 0.0:
            conductance[rows] = outlets[group] * total / present * weight[rows] / weight[rows].sum()
    for name, own in conductances.items():
        rows = regions.get(name, none)
        if len(rows):
            conductance[rows] = own * weight[rows] / weight[rows].sum()
    if not conductance.sum() > 0.0:
        raise ValueError("the outlets have no conductance at all: the displaced marrow cannot leave the body")
    return Walls(conductance, pressure, owner, open_area, tuple(openings))
