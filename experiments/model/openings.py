"""The walls of one case: where marrow seeps, and every opening that lets cement pass with its site and its conduits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from experiments.case.errors import about
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.sections import Defect
from experiments.case.units import to_clinical, to_internal
from experiments.model.defects import check_height, defect_facets, defect_point, fracture
from experiments.model.needle_paths import NeedlePath
from experiments.model.tissues import TissueMap
from experiments.results.parts.manifest import OpeningRecord
from fem.injection.veins import Veins
from fem.injection.walls import Opening, Walls, build_walls
from fem.porous import PorousMedium
from materials.leak_path import Fissures, LeakPath
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.leak_sites import LEAK_SITES, SITE_BEHIND_WALL, Space
from meshes.mouths import REACH, Mouth
from meshes.regions import facets_around, region_area, wall_point
from meshes.tetmesh import TetMesh
from meshes.vein_network import VeinNetwork
from meshes.veins import segmental_mouths
from meshes.vertebra import Vertebra
from meshes.wall_damage import SHELL_WALLS, facets_behind, missing_shell

TOLD_OVERHANG = 0.05
"""Share of a disc that has no place on its wall from which on the run warns (tag D)."""


@dataclass(frozen=True)
class LaidOpenings:
    """The openings of a case before its walls are made.

    Attributes:
        found: openings with their facets.
        outlets: outlet group -> conductance to marrow in mm3/(s MPa) that is left for the intact walls.
        outside: space -> pressure in MPa above the resting intraosseous pressure.
        veins: of a network in the body, with what they conduct; None without one.
        warnings: sentences for the reader of the results.
    """

    found: tuple[Opening, ...]
    outlets: Mapping[str, float]
    outside: Mapping[str, float]
    veins: Veins | None
    warnings: tuple[str, ...]


def case_walls(case: Case, laws: Laws, mesh: TetMesh, openings: LaidOpenings) -> Walls:
    """Conductance and openings of every boundary facet of the body.

    Raises:
        ValueError: nothing can leave.
    """
    return build_walls(
        mesh,
        openings.outlets,
        openings.found,
        outside=openings.outside,
        thickness={wall: laws.shell_of(wall).thickness for wall in SHELL_WALLS},
        conductances={
            wall: to_internal(conductance, "ml/(s kPa)")
            for wall, conductance in case.walls.conductance_ml_per_s_kpa.items()
        },
    )


def case_openings(
    case: Case,
    laws: Laws,
    vertebra: Vertebra,
    mesh: TetMesh,
    paths: Sequence[NeedlePath],
    tissues: TissueMap,
    network: VeinNetwork | None = None,
    brought: int = 0,
) -> LaidOpenings:
    """Every opening with its facets, and what it leaves of the outlets.

    Where openings would share facets, needle tracks come before veins, veins before the defects of the case file, the
    last of these first, defects before walls that lesions destroy, and those before shell that the CT does not show.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: CT, mask and frame.
        mesh: its body with named facets.
        paths: the way of each needle, with the facets that it crosses.
        tissues: what the body is made of.
        network: of veins in the body, which take the outlets' conductance of all veins; None without one.
        brought: how many of the last defects are those of a fracture and not the case file's own.

    Raises:
        InputError: a defect or a vein does not fit on its wall, or the CT cannot tell where shell is missing.
    """
    outlets = laws.outlets.group_conductances()
    openings = _Openings(laws, mesh, tissues.medium)
    for path in paths:
        openings.add_track(path)
    openings.share_out(outlets, "needle_track")
    outside = {space: to_internal(getattr(case.outside, f"{space}_kpa"), "kPa") for space in get_args(Space)}
    veins = None
    if network is not None and laws.vein_walls is not None:
        drained = sum(outlets.pop(group) for group in ("basivertebral_foramen", "segmental_veins"))
        veins = Veins(network, laws.vein_walls, drained, outside["veins"])
    else:
        openings.add_foramen()
        openings.share_out(outlets, "basivertebral_foramen")
        with about("veins"):
            openings.add_segmental_veins()
        openings.share_out(outlets, "segmental_veins")
    for number, defect in reversed(list(enumerate(case.defects, 1))):
        name = f"defects[{number}]" if number <= len(case.defects) - brought else "fracture"
        with about(name):
            openings.add_defect(name, defect, vertebra.frame)
    for number, lesion in reversed(list(enumerate(case.lesions, 1))):
        if lesion.opens_walls:
            behind = facets_behind(mesh, tissues.cells[f"lesion_{number}"])
            openings.add_fissures(behind, _fissures(laws, lesion.aperture_mm))
    warnings = tuple(reversed(openings.warnings))
    if case.walls.missing_shell == "open":
        with about("walls.missing_shell"):
            gaps = missing_shell(mesh, vertebra)
        warnings += _told_gaps(mesh, gaps)
        openings.add_fissures(gaps, laws.fissures)
    return LaidOpenings(tuple(openings.found), outlets, outside, veins, warnings)


def openings_summary(mesh: TetMesh, walls: Walls) -> tuple[OpeningRecord, ...]:
    """The openings for people: site, wall, conduits with their size and number, and what they conduct to marrow.

    ``number`` counts the tubes of an opening, ``total_length_mm`` is that of its slots along the wall.
    """
    return tuple(_summary(mesh, opening) for opening in walls.openings)


class _Openings:
    """Openings one after the other, each on the facets that those before have left."""

    def __init__(self, laws: Laws, mesh: TetMesh, medium: PorousMedium) -> None:
        self.found: list[Opening] = []
        self.warnings: list[str] = []
        self._laws, self._mesh = laws, mesh
        self._permeability = medium.mean_permeability
        self._free = np.ones(len(mesh.facets), dtype=bool)
        self._shared = 0

    def add_track(self, path: NeedlePath) -> None:
        """The gap around a needle, one opening with that of a needle on the same way."""
        law = self._laws.needle_track
        facets, area = path.track_facets, law.area(path.outer_diameter)
        joined = [bool(np.isin(found.facets, facets).any()) for found in self.found]
        for other in compress(self.found, joined):
            self._free[other.facets] = True
            facets, area = np.union1d(facets, other.facets), area + other.area
        self.found = [found for found, joins in zip(self.found, joined, strict=True) if not joins]
        self._add("needle_track", facets, law.path(self._laws.front), area)

    def add_foramen(self) -> None:
        """The basivertebral veins, if there are any."""
        veins = self._laws.draining_basivertebral()
        if veins is not None:
            facets = self._mesh.facet_regions["basivertebral_foramen"]
            self._add("basivertebral_foramen", facets, veins.path(self._laws.front), veins.area)

    def add_segmental_veins(self) -> None:
        """The segmental veins at all their walls, if there are any."""
        veins = self._laws.draining_segmental()
        for site in LEAK_SITES.values():
            if veins is not None and site.conduits == "segmental_veins" and site.wall is not None:
                for mouth in segmental_mouths(self._mesh, site.wall, veins.number):
                    path, area = veins.path(self._laws.front), veins.area / veins.number
                    self._add_narrow(site.name, mouth, path, area, in_bone=False)

    def add_defect(self, name: str, defect: Defect, frame: AnatomicalFrame) -> None:
        """The defect of that name in the case file: an open hole, or fissures where it is none or has an aperture."""
        site, shell, front = SITE_BEHIND_WALL[defect.wall], self._laws.shell_of(defect.wall), self._laws.front
        fissures = _fissures(self._laws, defect.aperture_mm)
        check_height(defect, self._mesh, frame)
        mouth = None if defect.fracture_length_mm is None else fracture(defect, self._mesh, frame)
        facets = defect_facets(defect, self._mesh, frame) if mouth is None else mouth.facets
        if not self._free[facets].any():
            raise InputError(
                f"its place on the {defect.wall} is taken by a needle's track, veins or later defects; move or enlarge "
                "it, or remove what lies there"
            )
        if defect.fraction is not None:
            self.add_fissures({defect.wall: facets}, fissures)
        elif mouth is not None:
            length = mouth.open_part * to_internal(defect.fracture_length_mm or 0.0, "mm")
            self._add_narrow(site, mouth, fissures.path(shell.thickness, front), fissures.aperture * length)
        else:
            diameter = to_internal(defect.diameter_mm or 0.0, "mm")
            disc = self._open_area(name, defect, facets, frame)
            if defect.aperture_mm is None:
                self._add(site, facets, shell.hole(diameter, front=front), disc)
            else:
                self._add(site, facets, fissures.path(shell.thickness, front), fissures.open_share * disc)

    def _open_area(self, name: str, defect: Defect, facets: NDArray[np.int64], frame: AnatomicalFrame) -> float:
        """Area in mm2 of the part of a disc that lies on its wall and that no other opening takes."""
        diameter = to_internal(defect.diameter_mm or 0.0, "mm")
        centre = wall_point(self._mesh, defect.wall, defect_point(defect, frame))
        whole = region_area(self._mesh, np.union1d(facets, facets_around(self._mesh, centre, diameter)))
        disc = 0.25 * math.pi * diameter**2
        there = disc * region_area(self._mesh, facets[self._free[facets]]) / whole
        if there < (1.0 - TOLD_OVERHANG) * disc:
            self.warnings.append(
                f"{name}: its disc has {disc:.1f} mm2, but the {defect.wall.replace('_', ' ')} has room for "
                f"{there:.1f} mm2 of it there, and no more is open; it hangs over the edge of the wall, or other "
                "openings take its place"
            )
        return there

    def add_fissures(self, damage: Mapping[str, NDArray[np.int64]], fissures: Fissures) -> None:
        """Fissures all over some facets of each wall; the pedicles and the foramen have no shell to break."""
        for wall, facets in damage.items():
            if wall in SHELL_WALLS:
                left = facets[self._free[facets]]
                area = fissures.open_share * region_area(self._mesh, left)
                path = fissures.path(self._laws.shell_of(wall).thickness, self._laws.front)
                self._add(SITE_BEHIND_WALL[wall], left, path, area)

    def share_out(self, outlets: dict[str, float], group: str) -> None:
        """Let the openings since the last call share the conductance of ``group``, and take it out of ``outlets``."""
        members = self.found[self._shared :]
        self._shared = len(self.found)
        if members:
            share = outlets.pop(group) / len(members)
            self.found[-len(members) :] = [
                replace(opening, conductance=max(opening.conductance, share)) for opening in members
            ]

    def _add(self, site: str, facets: NDArray[np.int64], path: LeakPath, area: float) -> None:
        """An opening as wide as its facets."""
        facets = facets[self._free[facets]]
        self._lay(Opening(site, facets, path, area, area * path.conductance_per_area / self._laws.marrow.viscosity))

    def _add_narrow(self, site: str, mouth: Mouth, path: LeakPath, area: float, in_bone: bool = True) -> None:
        """Conduits narrower than the facets, in the bone or outside, with the bone on the way to their mouth."""
        free = self._free[mouth.facets]
        if free.any():
            facets, shares = mouth.facets[free], mouth.shares[free] / mouth.shares[free].sum()
            approach = path.approach(area, REACH, float(shares @ self._permeability[self._mesh.facet_cells[facets]]))
            resistance = 1.0 / (area * path.conductance_per_area) + approach
            conductance = 1.0 / (resistance * self._laws.marrow.viscosity)
            self._lay(Opening(site, facets, path, area, conductance, approach, shares, in_bone))

    def _lay(self, opening: Opening) -> None:
        """Take an opening up; marrow and cement flow through the same conduits."""
        self._free[opening.facets] = False
        if len(opening.facets):
            self.found.append(opening)


def _fissures(laws: Laws, aperture_mm: float | None) -> Fissures:
    """The law's fissures, or some of another aperture."""
    return laws.fissures if aperture_mm is None else replace(laws.fissures, aperture=to_internal(aperture_mm, "mm"))


def _told_gaps(mesh: TetMesh, gaps: Mapping[str, NDArray[np.int64]]) -> tuple[str, ...]:
    if not gaps:
        return ("walls.missing_shell: the CT shows the shell everywhere, so that no wall is opened for it",)
    return tuple(
        f"walls.missing_shell: the CT shows no shell on {region_area(mesh, facets):.0f} mm2 of the "
        f"{wall.replace('_', ' ')}, where fissures now let cement pass"
        for wall, facets in gaps.items()
    )


def _summary(mesh: TetMesh, opening: Opening) -> OpeningRecord:
    path = opening.path
    tube = path.shape == "tube"
    areas = {name: region_area(mesh, np.intersect1d(rows, opening.facets)) for name, rows in mesh.facet_regions.items()}
    return OpeningRecord(
        site=opening.site,
        wall=max(areas, key=lambda name: areas[name]),
        shape=path.shape,
        aperture_mm=path.aperture,
        length_mm=path.length,
        number=opening.area / (0.25 * math.pi * path.aperture**2) if tube else None,
        total_length_mm=None if tube else opening.area / path.aperture,
        open_area_mm2=opening.area,
        facet_area_mm2=region_area(mesh, opening.facets),
        entry_pressure_kpa=to_clinical(path.entry_pressure, "kPa"),
        conductance_ml_per_s_kpa=to_clinical(opening.conductance, "ml/(s kPa)"),
    )
