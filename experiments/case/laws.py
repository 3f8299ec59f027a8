"""The constitutive laws of a case: the clinical values of the case file in the place of the laws' own defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from experiments.case.law_choices import bone_of, cement_of, curing_of, strength_of
from experiments.case.law_values import check_named, keyed_values
from experiments.case.schema import Case
from experiments.case.units import to_law
from fem.measures.severity import LeakGeometry
from materials.bone import BoneModel
from materials.cannula import Cannula, Syringe
from materials.cement import Cement
from materials.composite import COMPOSITES, CompositeLaw
from materials.curing import AutocatalyticCuring, MeasuredCuring
from materials.end_disc import DISCS, EndDisc
from materials.fracture import BrokenBody
from materials.leak_path import BasivertebralVeins, CementFront, CorticalShell, Fissures, NeedleTrack, SegmentalVeins
from materials.marrow import NewtonianMarrow
from materials.modulus import BoneDamage, CorticalBone, TransverseIsotropy, WalleModulus
from materials.observation import MODALITIES, ComputedTomography, EqualVolume, Radiograph
from materials.outlets import MarrowOutlets
from materials.provenance import describe, with_values
from materials.rheometer import TabulatedCement
from materials.strength import OverstrainedVolume
from materials.surroundings import SpinalSurroundings
from materials.thermal import ThermalProperties
from materials.thermal_damage import ThermalDamage
from materials.tissue import BalloonCavity, Cleft, DefectCavity, Obstacle, TumourTissue, tumour_tissue
from materials.vein import IntraosseousVeins
from materials.vein_distributions import VeinDistributions
from materials.yield_law import BoneStrength, OgoYield
from meshes.errors import InputError
from meshes.regions import FORAMEN_HEIGHT, FORAMEN_WIDTH


@dataclass(frozen=True)
class Laws:
    """Every law that a run uses, in internal units.

    Attributes:
        bone: from CT numbers to density, porosity, permeability and modulus.
        cement: rheology of a viscosity class or of the user's own rheometer data.
        marrow: what cement displaces.
        outlets: where marrow leaves.
        cannulas: one per needle of the case.
        syringe: behind the cannulas.
        damage: what fractured bone keeps of its modulus.
        broken_body: of a compression fracture; None where the case has none.
        anisotropy: of the bone's modulus; None where it is isotropic.
        cortical_bone: of the shell as a layer of its own; None where the voxels show the shell.
        composite: bone filled with cement.
        end_disc: on either endplate under the loading plates; None where the plates bear on the bone.
        failure: when bone counts as failed in the linear estimate of strength.
        strength: where bone and cement yield; None where the case asks for no non-linear solve.
        shell: of the walls that have none of their own.
        own_shells: wall -> shell of the thickness that the case file gives it.
        front: of cement at the mouths of veins, holes, fissures and needle tracks.
        fissures: in destroyed and fractured walls that are given no aperture.
        basivertebral_veins: without what tumours widen them by; see :meth:`draining_basivertebral`. None beside a
            network.
        segmental_veins: without what tumours widen them by; see :meth:`draining_segmental`. None beside a network.
        vein_distributions: of a network that is drawn at random; None of others.
        vein_walls: what enters the veins of a network; None without one.
        needle_track: gap around every needle.
        leaks: dimensions of what leaked; see :meth:`leak_geometry`.
        observation: what an image shows of it.
        defect_cavity: bone lost behind an open hole.
        lesions: tissue of each lesion of the case.
        obstacle: tissue of lesions that cement cannot push away.
        cavities: one per cavity of the case.
        curing: how the cement converts, and its heat; None where no temperatures are asked for, as those that follow.
        thermal: how tissues and cement conduct and hold heat.
        thermal_damage: what heat does to tissue.
        surroundings: what lies around the body.
        given: the quantities that the case file gives a value.
        keyed: those of them that it gives by keys, which tell of this very body, as [laws] does not.
    """

    bone: BoneModel
    cement: Cement | TabulatedCement
    marrow: NewtonianMarrow
    outlets: MarrowOutlets
    cannulas: tuple[Cannula, ...]
    syringe: Syringe
    damage: BoneDamage
    broken_body: BrokenBody | None
    anisotropy: TransverseIsotropy | None
    cortical_bone: CorticalBone | None
    composite: CompositeLaw
    end_disc: EndDisc | None
    failure: OverstrainedVolume
    strength: BoneStrength | None
    shell: CorticalShell
    own_shells: Mapping[str, CorticalShell]
    front: CementFront
    fissures: Fissures
    basivertebral_veins: BasivertebralVeins | None
    segmental_veins: SegmentalVeins | None
    vein_distributions: VeinDistributions | None
    vein_walls: IntraosseousVeins | None
    needle_track: NeedleTrack
    leaks: LeakGeometry
    observation: ComputedTomography | Radiograph | EqualVolume
    defect_cavity: DefectCavity
    lesions: tuple[TumourTissue, ...]
    obstacle: Obstacle
    cavities: tuple[Cleft | BalloonCavity, ...]
    curing: AutocatalyticCuring | MeasuredCuring | None = None
    thermal: ThermalProperties | None = None
    thermal_damage: ThermalDamage | None = None
    surroundings: SpinalSurroundings | None = None
    given: frozenset[str] = frozenset()
    keyed: frozenset[str] = frozenset()

    @classmethod
    def of_case(cls, case: Case) -> Laws:
        """The laws that ``case`` asks for.

        Raises:
            InputError: the rheometer data cannot be used, a key sets what the laws do not have, the table [laws] says
                what :func:`experiments.case.law_values.check_named` refuses, values do not go with each other, or the
                basivertebral veins do not fit into the foramen.
        """
        laws = cls._chosen(case)
        used = laws.describe()
        keyed = {
            name: item
            for name, item in keyed_values(case).items()
            if name in used or (item.given and used.keys().isdisjoint(item.sets))
        }
        if strange := next((name for name in keyed if name not in used), None):
            place = keyed[strange].place
            raise InputError(f"{place} sets {strange}, which none of the laws that this case uses has; remove {place}")
        values = {name: to_law(item.value, item.key.unit, used[name]["unit"]) for name, item in keyed.items()}
        if case.prescribed_cement is not None:
            used = {name: entry for name, entry in used.items() if law_of(name) not in INJECTION_LAWS}
        _check_single_veins(case)
        check_named(case, used)
        given = frozenset(name for name, item in keyed.items() if item.given)
        laws = replace(laws._with(values | case.laws), given=given | frozenset(case.laws), keyed=given)
        _check_yield_law(laws)
        _check_foramen(laws.draining_basivertebral())
        return laws

    @classmethod
    def _chosen(cls, case: Case) -> Laws:
        """The laws that ``case`` chooses, with their own values."""
        shares = case.outlets.shares
        cannulas = tuple(Cannula(needle.gauge) for needle in case.needles)
        return cls(
            bone=bone_of(case),
            cement=cement_of(case),
            marrow=NewtonianMarrow(),
            outlets=MarrowOutlets() if shares is None else MarrowOutlets(shares=shares.model_dump()),
            cannulas=cannulas,
            syringe=Syringe(),
            damage=BoneDamage(),
            broken_body=None if case.fracture is None else BrokenBody(),
            anisotropy=TransverseIsotropy() if case.mechanics.transverse_isotropy else None,
            cortical_bone=CorticalBone() if case.mechanics.cortex == "shell" else None,
            composite=COMPOSITES[case.mechanics.composite](),
            end_disc=DISCS[case.mechanics.plates],
            failure=OverstrainedVolume(),
            strength=strength_of(case),
            shell=CorticalShell(),
            own_shells=dict.fromkeys(case.walls.thickness_mm, CorticalShell()),
            front=CementFront(),
            fissures=Fissures(),
            basivertebral_veins=BasivertebralVeins() if case.veins.network == "none" else None,
            segmental_veins=SegmentalVeins() if case.veins.network == "none" else None,
            vein_distributions=VeinDistributions() if case.veins.network == "random" else None,
            vein_walls=None if case.veins.network == "none" else IntraosseousVeins(),
            needle_track=NeedleTrack(),
            leaks=LeakGeometry(track_diameter=max(cannula.outer_diameter for cannula in cannulas)),
            observation=MODALITIES[case.observation.modality](),
            defect_cavity=DefectCavity(),
            lesions=tuple(tumour_tissue(lesion.kind, lesion.growth) for lesion in case.lesions),
            obstacle=Obstacle(),
            cavities=tuple(Cleft() if cavity.kind == "cleft" else BalloonCavity() for cavity in case.cavities),
            curing=curing_of(case),
            thermal=ThermalProperties() if case.heat.enabled else None,
            thermal_damage=ThermalDamage() if case.heat.enabled else None,
            surroundings=SpinalSurroundings() if case.heat.enabled else None,
        )

    def _with(self, values: Mapping[str, float]) -> Laws:
        """The laws with ``values`` of some of their quantities in internal units.

        Of a lesion's density, porosity and permeability, one given determines the next by the laws of the bone.
        """
        of_law: dict[str, dict[str, float]] = {}
        for name, value in values.items():
            place, _, quantity = name.partition(".")
            of_law.setdefault(place, {})[quantity] = value
        laws = {place: law for item in fields(self) for place, law in _named(item.name, getattr(self, item.name))}
        try:
            bone = with_values(self.bone, of_law.pop("bone", {}))
            for number in range(1, len(self.lesions) + 1):
                given = of_law.setdefault(f"lesions[{number}]", {})
                if "porosity" not in given and "density" in given:
                    given["porosity"] = float(bone.porosity.porosity(np.array(given["density"])))
                if "permeability" not in given and "porosity" in given:
                    given["permeability"] = float(bone.permeability.axial(np.array(given["porosity"])))
            laws |= {place: with_values(laws[place], given) for place, given in of_law.items()} | {"bone": bone}
        except ValueError as refused:
            raise InputError(f"the laws of the case: {refused}; change one of these values") from None
        changed: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            own = [laws[place] for place, _ in _named(item.name, value)]
            if isinstance(value, Mapping):
                changed[item.name] = dict(zip(value, own, strict=True))
            elif isinstance(value, tuple):
                changed[item.name] = tuple(own)
            elif own:
                changed[item.name] = own[0]
        return replace(self, **changed)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Every quantity of every law: ``law.quantity`` -> value, unit, source and tag.

        Laws of which there are several are counted from one, ``lesions[1].viscosity``, or named, as in
        ``own_shells[left_wall].thickness``.
        """
        listing = {
            f"{place}.{name}": entry
            for item in fields(self)
            for place, law in _named(item.name, getattr(self, item.name))
            for name, entry in describe(law).items()
        }
        for name in self.given:
            listing[name] |= {"source": "case file", "tag": "user"}
        return listing

    def shell_of(self, wall: str) -> CorticalShell:
        """The shell of a wall."""
        return self.own_shells.get(wall, self.shell)

    def draining_basivertebral(self) -> BasivertebralVeins | None:
        """The basivertebral veins as tumours and outlets leave them, unless the case gives their diameter.

        None where there are none: beside a network, or by their number.
        """
        veins = self.basivertebral_veins
        if veins is None or not veins.number:
            return None
        return veins.widened(self._calibre("basivertebral_veins.diameter"))

    def draining_segmental(self) -> SegmentalVeins | None:
        """The segmental veins as tumours and outlets leave them, unless the case gives their diameter.

        None where there are none: beside a network, or by their number.
        """
        veins = self.segmental_veins
        if veins is None or not veins.number:
            return None
        return veins.widened(self._calibre("segmental_veins.diameter"))

    def network_widening(self) -> float:
        """Factor by which tumours widen the veins of a random network, unless ``veins.calibre_mm`` gives their calibre.

        A median in [laws] is that of bodies without a tumour.
        """
        return 1.0 if "vein_distributions.calibre" in self.keyed else self._widening

    def leak_geometry(self, exits: Mapping[str, float]) -> LeakGeometry:
        """Shapes of leaks: in veins casts of the large vein outside, never narrower than the draining one.

        Args:
            exits: leak site -> diameter in mm of the widest vein of a network that leads there.
        """
        draining = self.draining_segmental()
        outside = self.leaks.vein_diameter if draining is None else max(self.leaks.vein_diameter, draining.diameter)
        return replace(self.leaks, vein_diameter=outside, draining=exits)

    def _calibre(self, diameter: str) -> float:
        """Factor on the default of veins whose ``diameter`` is named.

        Tumours widen them. Outlets that conduct less than by default make them narrower: their calibre is chosen for
        the conductance, which goes with its fourth power (Poiseuille).
        """
        if diameter in self.given:
            return 1.0
        narrowed = min(self.outlets.conductance / MarrowOutlets().conductance, 1.0) ** 0.25
        return narrowed * self._widening

    @property
    def _widening(self) -> float:
        """Factor by which tumours widen veins."""
        return max([1.0, *(lesion.vein_calibre_factor for lesion in self.lesions)])


INJECTION_LAWS = frozenset(
    (
        "cement",
        "marrow",
        "outlets",
        "cannulas",
        "syringe",
        "shell",
        "front",
        "fissures",
        "basivertebral_veins",
        "segmental_veins",
        "vein_distributions",
        "vein_walls",
        "needle_track",
        "leaks",
        "observation",
    )
)
"""Laws, by their names in :class:`Laws`, that prescribed cement has no use for."""


def law_of(name: str) -> str:
    """The law or table that a dotted name, such as ``lesions[1].viscosity``, begins with."""
    return name.partition(".")[0].partition("[")[0]


def _named(name: str, value: Any) -> list[tuple[str, Any]]:
    """(place, law) of every law that a field of :class:`Laws` holds."""
    if is_dataclass(value):
        return [(name, value)]
    if isinstance(value, Mapping):
        return [(f"{name}[{key}]", law) for key, law in value.items()]
    if isinstance(value, tuple):
        return [(f"{name}[{number}]", law) for number, law in enumerate(value, 1)]
    return []


def _check_yield_law(laws: Laws) -> None:
    """Refuse a yield law that takes the density from another law of the modulus than the case has."""
    if laws.strength is None or not isinstance(laws.strength.law, OgoYield):
        return
    if laws.bone.modulus.law != WalleModulus():
        raise InputError(
            'mechanics.yield_law = "ogo" tells the density from the modulus by the printed constants of "walle"; '
            'remove laws."bone.modulus.law.…", or choose yield_law = "morgan_keaveny"'
        )


def _check_single_veins(case: Case) -> None:
    """Refuse values of laws of the veins that begin at the wall beside a network, as their keys are."""
    if case.veins.network == "none":
        return
    if single := [name for name in case.laws if law_of(name) in ("basivertebral_veins", "segmental_veins")]:
        raise InputError(
            f'[laws] "{single[0]}" describes veins without a network in the body; remove it, or set veins.network = '
            '"none"'
        )


def _check_foramen(veins: BasivertebralVeins | None) -> None:
    """Refuse veins whose cross-section is larger than that of the foramen through which they leave."""
    foramen = 0.25 * math.pi * FORAMEN_WIDTH * FORAMEN_HEIGHT
    if veins is not None and veins.area > foramen:
        raise InputError(
            f"veins: the basivertebral veins ({veins.number} of {veins.diameter:.2g} mm) have a cross-section of "
            f"{veins.area:.0f} mm2, more than the {foramen:.0f} mm2 of their foramen; lower basivertebral_number or "
            "basivertebral_diameter_mm"
        )
