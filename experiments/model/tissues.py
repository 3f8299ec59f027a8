"""What fills the body of one case: bone as the CT shows it, and over it lesions, cavities and the veins' channel.

The layers in their order, each of which takes its cells over from those before: lesions as the case file lists them,
clefts, balloon cavities, the bone lost behind holes in the walls. Bone compacted around balloons and the channel of the
basivertebral veins change the bone of their cells and leave alone what is in its pores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import fem.injection.plan
from experiments.case.errors import about
from experiments.case.laws import Laws
from experiments.case.schema import Case
from experiments.case.sections import Cavity, Lesion
from experiments.case.units import to_clinical, to_internal
from experiments.model.defects import lost_bone
from experiments.model.thin_cleft import Gap, thin_gap
from experiments.results.parts.manifest import TissueRecord
from fem.injection.displaced_phase import DisplacedFluids, VascularExchange
from fem.porous import PorousMedium
from materials.bone import BoneField
from materials.thin_plate import plate_permeability
from materials.tissue import BalloonCavity, Cleft, TumourTissue
from meshes.body_wall import BodyWall
from meshes.errors import InputError
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image
from meshes.inclusions import (
    ball_of_diameter,
    ball_of_volume,
    cells_grown_from,
    cells_in_ellipsoid,
    cells_with_label,
    read_lesion_mask,
    shell_around,
)
from meshes.regions import region_area, region_facets
from meshes.tetmesh import TetMesh
from meshes.veins import basivertebral_channel
from meshes.vertebra import Vertebra

MOBILE = True
"""Whether cement can push tumour tissue out of the pores where the case file does not say (tag D)."""

BLOOD = "blood"
"""Name of the fluid in clefts and balloon cavities."""

VOLUME_WARNING = 0.2
"""Share by which the volume of an ellipsoid or a ball may differ from the asked one before the run warns (tag D)."""

_LATTICE = 25  # points along each axis by which the part of an ellipsoid in the body is measured

FIT_WARNING = 0.1
"""Share of a cavity's bone that may not fit into its compacted shell before the run warns (tag D)."""


@dataclass(frozen=True)
class TissueMap:
    """What every cell is made of when the injection starts.

    Attributes:
        medium: porosity and permeability.
        modulus: (m, points) Young's modulus along the superior-inferior axis in MPa at the points of each cell.
        transverse_modulus: (m, points) the same across the axis, no other in lesions and cavities.
        fluids: what fills the pores: marrow, ``"tumour_<n>"`` in the n-th lesion if it is mobile, and blood.
        exchange: between lesions and their vessels, or None.
        cells: name -> ascending indices into ``mesh.cells``: ``"lesion_<n>"``, ``"cleft_<n>"``, ``"balloon_<n>"``,
            ``"compacted_<n>"``, ``"basivertebral_channel"`` and ``"defect_<n>"``, where n counts the tables of the case
            file. No cell has two names, but bone of a lesion may be compacted as well.
        immobile: numbers of the lesions, from one, that cement must go round.
        warnings: sentences for the reader of the results.
        summary: name -> volume in ml and as a fraction of the body, for the manifest.
    """

    medium: PorousMedium
    modulus: NDArray[np.float64]
    transverse_modulus: NDArray[np.float64]
    fluids: DisplacedFluids
    exchange: VascularExchange | None
    cells: Mapping[str, NDArray[np.int64]]
    immobile: tuple[int, ...]
    warnings: tuple[str, ...]
    summary: Mapping[str, TissueRecord]


def read_lesions(case: Case, vertebra: Vertebra) -> tuple[Image | None, ...]:
    """The label mask of each lesion that is given by one, None for the others; needs no mesh.

    Raises:
        InputError: a mask cannot be read, lacks the label, or shows it outside of the body.
    """
    images: list[Image | None] = []
    for number, lesion in enumerate(case.lesions, 1):
        with about(f"lesions[{number}]"):
            if lesion.mask is None or lesion.label is None:
                images.append(None)
            else:
                images.append(read_lesion_mask(lesion.mask, vertebra, lesion.label))
    return tuple(images)


def build_tissues(
    case: Case,
    laws: Laws,
    vertebra: Vertebra,
    mesh: TetMesh,
    bone: BoneField,
    masks: Sequence[Image | None],
    brought: int = 0,
) -> TissueMap:
    """Lay lesions, cavities and veins over the bone.

    Args:
        case: what is asked.
        laws: its laws.
        vertebra: CT, mask and frame.
        mesh: its body with named facets.
        bone: bone of each cell.
        masks: what :func:`read_lesions` gives.
        brought: how many of the last cavities are those of a fracture and not the case file's own. They may open on a
            wall, so that no more than what lies in the body is asked of them.

    Raises:
        InputError: something does not fit into the body, holds no cell, or lies wholly under something else.
    """
    layers = _Layers(mesh, bone, laws, len(case.cavities) - brought)
    for number, (lesion, law, mask) in enumerate(zip(case.lesions, laws.lesions, masks, strict=True), 1):
        with about(f"lesions[{number}]"):
            layers.add_lesion(number, lesion, law, _lesion_cells(lesion, mesh, vertebra, mask))
    for kind in ("cleft", "balloon"):
        for number, cavity in enumerate(case.cavities, 1):
            if cavity.kind == kind:
                wall = BodyWall(vertebra) if number > len(case.cavities) - brought else None
                with about(layers.cavity_name(number)):
                    layers.add_cavity(number, cavity, laws.cavities[number - 1], vertebra.frame, wall)
    for number, balloon in enumerate(laws.cavities, 1):
        if isinstance(balloon, BalloonCavity):
            with about(layers.cavity_name(number)):
                layers.compact_around(number, balloon)
    if case.veins.basivertebral_channel:
        layers.add_channel()
    for number, defect in enumerate(case.defects, 1):
        if defect.diameter_mm is not None:
            cells = lost_bone(defect, mesh, vertebra.frame)
            layers.add_lost_bone(number, to_internal(defect.diameter_mm, "mm"), cells)
    return layers.finished()


def anisotropy_of(laws: Laws, density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Axial over transverse modulus of bone at a BMD in g/cm3; 1 where the case takes bone as isotropic."""
    return np.ones_like(density) if laws.anisotropy is None else laws.anisotropy.ratio(density)


def check_tips(tissues: TissueMap, needles: Sequence[fem.injection.plan.Needle]) -> None:
    """Refuse needles that open into tissue which cement cannot enter.

    Args:
        tissues: what the body is made of.
        needles: every place of every needle.

    Raises:
        InputError: cells that receive cement lie in an immobile lesion.
    """
    for number in tissues.immobile:
        for needle in needles:
            if np.isin(needle.opening.cells, tissues.cells[f"lesion_{number}"]).any():
                raise InputError(
                    f"needles[{needle.number + 1}] opens inside or at the edge of lesions[{number}], whose tissue "
                    "cement cannot enter (mobile = false); move the tip out of it or set mobile = true"
                )


class _Layers:
    """The cells of a body while layer after layer is laid over its bone."""

    def __init__(self, mesh: TetMesh, bone: BoneField, laws: Laws, own_cavities: int) -> None:
        self._mesh, self._laws, self._volumes = mesh, laws, mesh.cell_volumes
        self._own_cavities = own_cavities
        medium = PorousMedium.transversely_isotropic(
            bone.porosity, bone.permeability_axial, bone.permeability_transverse
        )
        self._porosity, self._permeability = medium.porosity.copy(), medium.permeability
        self._density = bone.bmd.copy()
        self._modulus, self._transverse_modulus = bone.modulus.copy(), bone.transverse_modulus.copy()
        self._conductance, self._pressure = np.zeros(len(mesh.cells)), np.zeros(len(mesh.cells))
        self._viscosities: dict[str, float] = {}
        self._fluid = np.full(len(mesh.cells), -1)
        self._cells: dict[str, NDArray[np.int64]] = {}
        self._pushed_aside: dict[int, tuple[float, float]] = {}
        self._immobile: list[int] = []
        self._warnings: list[str] = []

    def add_lesion(self, number: int, lesion: Lesion, law: TumourTissue, cells: NDArray[np.int64]) -> None:
        """Put a tumour into ``cells``."""
        self._take(f"lesion_{number}", cells)
        self._porosity[cells], self._permeability[cells] = law.porosity, law.permeability * np.eye(3)
        self._density[cells] = law.density
        modulus = law.modulus_factor * float(self._laws.bone.modulus.modulus(np.array(law.density)))
        self._modulus[cells] = self._transverse_modulus[cells] = modulus
        self._conductance[cells] = law.vascular_conductance * self._volumes[cells]
        self._pressure[cells] = law.interstitial_pressure
        if MOBILE if lesion.mobile is None else lesion.mobile:
            self._fill(cells, f"tumour_{number}", law.viscosity)
        else:
            self._immobile.append(number)
            self._permeability[cells] *= self._laws.obstacle.permeability_factor
        if lesion.semi_axes_mm is not None:
            self._warn_of_volume(f"lesions[{number}]", cells, _ellipsoid_volume(lesion.semi_axes_mm))

    def cavity_name(self, number: int) -> str:
        """How messages call a cavity: by its number in the case file, or by the fracture that brings it."""
        return f"cavities[{number}]" if number <= self._own_cavities else "fracture"

    def add_cavity(
        self, number: int, cavity: Cavity, law: Cleft | BalloonCavity, frame: AnatomicalFrame, wall: BodyWall | None
    ) -> None:
        """Put a cleft or a balloon's cavity where the case file says; a cleft that opens on a ``wall`` ends there."""
        centre = frame.point(*cavity.centre)
        if isinstance(law, Cleft):
            semi_axes = np.array(cavity.semi_axes_mm)
            asked = _ellipsoid_volume(semi_axes) * (1.0 if wall is None else _inside(wall, centre, semi_axes))
            if (gap := thin_gap(self._mesh, centre, semi_axes)) is not None:
                self._cross(number, law, gap)
                self._warn_of_volume(self.cavity_name(number), gap.cells, asked, gap.share)
                return
            cells = cells_in_ellipsoid(self._mesh, centre, semi_axes)
            permeability = law.permeability(2.0 * float(semi_axes.min()))
        else:
            if cavity.diameter_mm is not None:
                radius = 0.5 * to_internal(cavity.diameter_mm, "mm")
                cells = ball_of_diameter(self._mesh, centre, 2.0 * radius)
            else:
                volume = to_internal(cavity.volume_ml or 0.0, "ml")
                radius = (0.75 * volume / math.pi) ** (1.0 / 3.0)
                cells = ball_of_volume(self._mesh, centre, volume)
            permeability, asked = law.permeability(radius), _ellipsoid_volume((radius, radius, radius))
            volumes = self._volumes[cells]
            self._pushed_aside[number] = (
                float((1.0 - self._porosity[cells]) @ volumes),
                float(np.maximum(self._density[cells], 0.0) @ volumes),
            )
        self._take(f"{cavity.kind}_{number}", cells)
        self._empty(cells, law.porosity, permeability)
        self._fill(cells, BLOOD, law.viscosity)
        self._warn_of_volume(self.cavity_name(number), cells, asked)

    def _cross(self, number: int, law: Cleft, gap: Gap) -> None:
        """Let a cleft that is thinner than the cells cut through what is there; marrow stays in the pores beside it."""
        cells, share, left = gap.cells, gap.share, 1.0 - gap.share
        self._take(f"cleft_{number}", cells)
        conducts = np.minimum(gap.aperture**2 / 12.0, law.largest_permeability)
        self._permeability[cells] = plate_permeability(self._permeability[cells], gap.normal, share, conducts)
        self._porosity[cells] = left * self._porosity[cells] + share * law.porosity
        self._density[cells] *= left
        lowest = self._laws.bone.modulus.lowest
        modulus = 1.0 / (left[:, None] / np.maximum(self._modulus[cells], lowest) + share[:, None] / lowest)
        self._modulus[cells] = self._transverse_modulus[cells] = modulus

    def compact_around(self, number: int, law: BalloonCavity) -> None:
        """Press the bone of a balloon's cavity into the shell around it, evenly by volume.

        Mineral goes with the bone. The permeability falls as the bone law has it between both porosities.
        """
        cavities = [cells for name, cells in self._cells.items() if name.startswith(("cleft_", "balloon_"))]
        solid, mineral = self._pushed_aside[number]
        # A cavity that another one covers is refused once all layers are there.
        if law.shell_thickness == 0.0 or solid == 0.0 or not len(self._cells[f"balloon_{number}"]):
            return
        around = shell_around(self._mesh, self._cells[f"balloon_{number}"], law.shell_thickness)
        shell = np.setdiff1d(around, np.concatenate(cavities))
        volumes, before, density = self._volumes[shell], self._porosity[shell], self._density[shell]
        after = law.compacted_porosity(before, solid, float(volumes.sum()))
        denser = density + mineral / solid * (before - after)
        bone = self._laws.bone
        self._porosity[shell], self._density[shell] = after, denser
        self._permeability[shell] *= (bone.permeability.axial(after) / bone.permeability.axial(before))[:, None, None]
        risen = (bone.modulus.modulus(denser) - bone.modulus.modulus(density))[:, None]
        isotropy = np.maximum(
            self._transverse_modulus[shell] / self._modulus[shell], 1.0 / anisotropy_of(self._laws, denser)[:, None]
        )
        self._modulus[shell] += risen
        self._transverse_modulus[shell] = isotropy * self._modulus[shell]
        self._cells[f"compacted_{number}"] = shell
        left = 1.0 - float((before - after) @ volumes) / solid
        if left > FIT_WARNING:
            self._warnings.append(
                f"cavities[{number}]: {100.0 * left:.0f} % of the cavity's bone do not fit into the compacted shell of "
                f"{law.shell_thickness:g} mm and are left out"
            )

    def add_channel(self) -> None:
        """Let the canal of the basivertebral veins conduct as well as the most porous bone, where nothing else lies.

        It is free of trabeculae, which the CT does not resolve (tag M); the veins add tubes along the depth.
        """
        veins = self._laws.draining_basivertebral()
        if veins is None:
            return
        others = np.concatenate([np.empty(0, np.int64), *self._cells.values()])
        cells = np.setdiff1d(basivertebral_channel(self._mesh), others)
        foramen = region_area(self._mesh, region_facets(self._mesh, "basivertebral_foramen"))
        self._permeability[cells] *= (self._laws.bone.permeability.largest / self._permeability[cells, 2, 2])[
            :, None, None
        ]
        self._permeability[cells, 1, 1] += veins.channel_permeability(foramen)
        self._cells["basivertebral_channel"] = cells

    def add_lost_bone(self, number: int, diameter: float, cells: NDArray[np.int64]) -> None:
        """Leave next to no bone in ``cells`` behind a hole of a ``diameter`` in mm, and marrow in it."""
        law = self._laws.defect_cavity
        self._take(f"defect_{number}", cells)
        self._empty(cells, law.porosity, law.permeability(diameter))

    def finished(self) -> TissueMap:
        """All layers together."""
        for name, cells in self._cells.items():
            kind, _, number = name.partition("_")
            if kind in ("lesion", "cleft", "balloon") and not len(cells):
                table = f"lesions[{number}]" if kind == "lesion" else self.cavity_name(int(number))
                if table == "fracture":
                    raise InputError("fracture: its cleft lies wholly under a cavity; move that or set cleft = false")
                raise InputError(f"{table} lies wholly under what comes after it; move or remove one of them")
        names = tuple(self._viscosities)
        whole, exchanging = self._volumes.sum(), bool(self._conductance.any())
        return TissueMap(
            medium=PorousMedium(self._porosity, self._permeability),
            modulus=self._modulus,
            transverse_modulus=self._transverse_modulus,
            fluids=DisplacedFluids(
                self._laws.marrow.viscosity,
                names,
                np.array([self._viscosities[name] for name in names]),
                (self._fluid == np.arange(len(names))[:, None]).astype(float),
            ),
            exchange=VascularExchange(self._conductance, self._pressure) if exchanging else None,
            cells={name: cells for name, cells in self._cells.items() if len(cells)},
            immobile=tuple(self._immobile),
            warnings=tuple(self._warnings),
            summary={
                name: TissueRecord(
                    volume_ml=to_clinical(float(self._volumes[cells].sum()), "ml"),
                    fraction_of_body=float(self._volumes[cells].sum() / whole),
                )
                for name, cells in self._cells.items()
                if len(cells)
            },
        )

    def _take(self, name: str, cells: NDArray[np.int64]) -> None:
        """Give ``cells`` to a new layer, with marrow in it and no vessels."""
        for other, theirs in self._cells.items():
            self._cells[other] = np.setdiff1d(theirs, cells)
        self._cells[name] = cells
        self._fluid[cells] = -1
        self._conductance[cells] = self._pressure[cells] = 0.0

    def _empty(self, cells: NDArray[np.int64], porosity: float, permeability: float) -> None:
        self._porosity[cells], self._permeability[cells] = porosity, permeability * np.eye(3)
        self._density[cells] = 0.0
        self._modulus[cells] = self._transverse_modulus[cells] = self._laws.bone.modulus.lowest

    def _fill(self, cells: NDArray[np.int64], fluid: str, viscosity: float) -> None:
        self._viscosities.setdefault(fluid, viscosity)
        self._fluid[cells] = list(self._viscosities).index(fluid)

    def _warn_of_volume(
        self, table: str, cells: NDArray[np.int64], asked: float, share: NDArray[np.float64] | float = 1.0
    ) -> None:
        found = float((share * self._volumes[cells]).sum())
        if abs(found / asked - 1.0) > VOLUME_WARNING:
            self._warnings.append(
                f"{table}: its cells hold {to_clinical(found, 'ml'):.2f} ml instead of {to_clinical(asked, 'ml'):.2f} "
                "ml, because it reaches out of the body or the mesh is coarse there"
            )


def _lesion_cells(lesion: Lesion, mesh: TetMesh, vertebra: Vertebra, mask: Image | None) -> NDArray[np.int64]:
    if lesion.label is not None and mask is not None:
        return cells_with_label(mesh, vertebra, mask, lesion.label)
    if lesion.semi_axes_mm is not None:
        return cells_in_ellipsoid(mesh, vertebra.frame.point(*lesion.centre), np.array(lesion.semi_axes_mm))
    return cells_grown_from(mesh, lesion.grown_from, lesion.fraction or 0.0)


def _ellipsoid_volume(semi_axes: Sequence[float] | NDArray[np.float64]) -> float:
    return 4.0 / 3.0 * math.pi * float(np.prod(semi_axes))


def _inside(wall: BodyWall, centre: NDArray[np.float64], semi_axes: NDArray[np.float64]) -> float:
    """Share of an ellipsoid that lies in the body."""
    points = np.stack(np.meshgrid(*3 * [np.linspace(-1.0, 1.0, _LATTICE)]), axis=-1).reshape(-1, 3)
    ball = points[(points**2).sum(axis=1) < 1.0]
    return float(wall.contains(centre + ball * semi_axes).mean())
