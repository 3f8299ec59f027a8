"""The constitutive laws of a case: the clinical values of the case file in the place of the laws' own defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from experiments.case import Case
from experiments.rheometer import read_rheometer
from experiments.sections import Cavity, Lesion, Needle
from experiments.units import to_internal
from materials.bone import BoneModel
from materials.cannula import Cannula, Syringe
from materials.cement import CEMENTS, Cement
from materials.composite import COMPOSITES, CompositeLaw
from materials.end_disc import DISCS, EndDisc
from materials.leak_path import BasivertebralVeins, CorticalShell, Fissures, NeedleTrack, SegmentalVeins
from materials.marrow import NewtonianMarrow
from materials.modulus import MODULUS_LAWS, BoneDamage, CorticalBone, TransverseIsotropy
from materials.outlets import MarrowOutlets
from materials.provenance import describe
from materials.rheometer import TabulatedCement
from materials.strength import OverstrainedVolume
from materials.tissue import BalloonCavity, Cleft, DefectCavity, Obstacle, TumourTissue, tumour_tissue
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
        anisotropy: of the bone's modulus; None where it is isotropic.
        cortical_bone: of the shell as a membrane; None where the voxels show the shell.
        composite: bone filled with cement.
        end_disc: on either endplate under the loading plates; None where the plates bear on the bone.
        failure: when bone counts as failed in the linear estimate of strength.
        shell: of the walls that have none of their own.
        own_shells: wall -> shell of the thickness that the case file gives it.
        fissures: in destroyed and fractured walls that are given no aperture.
        basivertebral_veins: without what tumours widen them by; see :meth:`draining_basivertebral`.
        segmental_veins: without what tumours widen them by; see :meth:`draining_segmental`.
        basivertebral_widening: factor by which tumours widen the basivertebral veins.
        segmental_widening: factor by which tumours widen the segmental veins.
        needle_track: gap around every needle.
        defect_cavity: bone lost behind an open hole.
        lesions: tissue of each lesion of the case.
        obstacle: tissue of lesions that cement cannot push away.
        cavities: one per cavity of the case.
    """

    bone: BoneModel
    cement: Cement | TabulatedCement
    marrow: NewtonianMarrow
    outlets: MarrowOutlets
    cannulas: tuple[Cannula, ...]
    syringe: Syringe
    damage: BoneDamage
    anisotropy: TransverseIsotropy | None
    cortical_bone: CorticalBone | None
    composite: CompositeLaw
    end_disc: EndDisc | None
    failure: OverstrainedVolume
    shell: CorticalShell
    own_shells: Mapping[str, CorticalShell]
    fissures: Fissures
    basivertebral_veins: BasivertebralVeins
    segmental_veins: SegmentalVeins
    basivertebral_widening: float
    segmental_widening: float
    needle_track: NeedleTrack
    defect_cavity: DefectCavity
    lesions: tuple[TumourTissue, ...]
    obstacle: Obstacle
    cavities: tuple[Cleft | BalloonCavity, ...]

    @classmethod
    def of_case(cls, case: Case) -> Laws:
        """The laws that ``case`` asks for.

        Raises:
            InputError: the rheometer data cannot be used, or the basivertebral veins do not fit into the foramen.
        """
        bone, veins, shares = _bone(case), case.veins, case.outlets.shares
        lesions = tuple(_lesion(lesion, bone) for lesion in case.lesions)
        widening = max([1.0, *(lesion.vein_calibre_factor for lesion in lesions)])
        opening_pressure = _internal(veins.opening_pressure_kpa, "kPa")
        laws = cls(
            bone=bone,
            cement=_cement(case),
            marrow=_override(NewtonianMarrow(), viscosity=_internal(case.marrow.viscosity_pa_s, "Pa s")),
            outlets=_override(
                MarrowOutlets(),
                conductance=to_internal(case.outlets.conductance_ml_per_s_kpa, "ml/(s kPa)"),
                shares=None if shares is None else shares.model_dump(),
            ),
            cannulas=tuple(_cannula(needle) for needle in case.needles),
            syringe=_override(Syringe(), bore=_internal(case.injection.syringe_bore_mm, "mm")),
            damage=_override(BoneDamage(), factor=case.bone.damage_factor),
            anisotropy=TransverseIsotropy() if case.mechanics.transverse_isotropy else None,
            cortical_bone=CorticalBone() if case.mechanics.cortex == "shell" else None,
            composite=_composite(case),
            end_disc=DISCS[case.mechanics.plates],
            failure=_override(
                OverstrainedVolume(),
                yield_strain=case.mechanics.yield_strain,
                volume_share=case.mechanics.overstrained_share,
            ),
            shell=CorticalShell(),
            own_shells={
                wall: CorticalShell(to_internal(thickness, "mm")) for wall, thickness in case.walls.thickness_mm.items()
            },
            fissures=Fissures(),
            basivertebral_veins=_override(
                BasivertebralVeins(),
                number=veins.basivertebral_number,
                diameter=_internal(veins.basivertebral_diameter_mm, "mm"),
                opening_pressure=opening_pressure,
            ),
            segmental_veins=_override(
                SegmentalVeins(),
                number=veins.segmental_number_per_side,
                diameter=_internal(veins.segmental_diameter_mm, "mm"),
                length=_internal(veins.segmental_length_mm, "mm"),
                opening_pressure=opening_pressure,
            ),
            basivertebral_widening=widening if veins.basivertebral_diameter_mm is None else 1.0,
            segmental_widening=widening if veins.segmental_diameter_mm is None else 1.0,
            needle_track=NeedleTrack(),
            defect_cavity=DefectCavity(),
            lesions=lesions,
            obstacle=Obstacle(),
            cavities=tuple(_cavity(cavity) for cavity in case.cavities),
        )
        _check_foramen(laws.draining_basivertebral())
        return laws

    def describe(self) -> dict[str, dict[str, Any]]:
        """Every quantity of every law: ``law.quantity`` -> value, unit, source and tag.

        Laws of which there are several are counted from one, ``lesions[1].viscosity``, or named, as in
        ``own_shells[left_wall].thickness``.
        """
        return {
            f"{place}.{name}": entry
            for item in fields(self)
            for place, law in _named(item.name, getattr(self, item.name))
            for name, entry in describe(law).items()
        }

    def shell_of(self, wall: str) -> CorticalShell:
        """The shell of a wall."""
        return self.own_shells.get(wall, self.shell)

    def draining_basivertebral(self) -> BasivertebralVeins:
        """The basivertebral veins as wide as the tumours of the case make them."""
        return self.basivertebral_veins.widened(self.basivertebral_widening)

    def draining_segmental(self) -> SegmentalVeins:
        """The segmental veins as wide as the tumours of the case make them."""
        return self.segmental_veins.widened(self.segmental_widening)


def _named(name: str, value: Any) -> list[tuple[str, Any]]:
    """(place, law) of every law that a field of :class:`Laws` holds."""
    if is_dataclass(value):
        return [(name, value)]
    if isinstance(value, Mapping):
        return [(f"{name}[{key}]", law) for key, law in value.items()]
    if isinstance(value, tuple):
        return [(f"{name}[{number}]", law) for number, law in enumerate(value, 1)]
    return []


def _bone(case: Case) -> BoneModel:
    bone = BoneModel()
    bone = replace(
        bone,
        calibration=_override(
            bone.calibration,
            slope=_internal(case.bone.hu_slope_mg_per_cm3, "mg/cm3/HU"),
            intercept=_internal(case.bone.hu_intercept_mg_per_cm3, "mg/cm3"),
        ),
        permeability=_override(
            bone.permeability,
            multiplier=case.bone.permeability_multiplier,
            transverse_factor=case.bone.transverse_factor,
        ),
        modulus=replace(bone.modulus, law=MODULUS_LAWS[case.bone.modulus_law]()),
    )
    return _override(bone, poisson_ratio=case.mechanics.poisson)


def _cement(case: Case) -> Cement | TabulatedCement:
    given = case.cement
    if given.rheometer is None:
        return _override(
            CEMENTS[given.viscosity],
            reference_consistency=_internal(given.consistency_pa_s, "Pa s"),
            reference_index=given.index,
            shear_constant=given.shear_constant,
        )
    data = read_rheometer(given.rheometer)
    try:
        cement = TabulatedCement(data.age, data.shear_rate, data.viscosity)
    except ValueError as refused:
        raise InputError(f"{given.rheometer}: {refused}") from None
    return _override(cement, shear_constant=given.shear_constant)


def _composite(case: Case) -> CompositeLaw:
    given = case.mechanics
    return _override(
        COMPOSITES[given.composite](),
        cement_modulus=_internal(given.cement_modulus_mpa, "MPa"),
        cement_porosity=given.cement_porosity,
    )


def _cannula(needle: Needle) -> Cannula:
    return _override(
        Cannula(needle.gauge),
        length=to_internal(needle.length_mm, "mm"),
        proximal_bore=_internal(needle.proximal_bore_mm, "mm"),
        proximal_length=_internal(needle.proximal_length_mm, "mm"),
    )


def _lesion(lesion: Lesion, bone: BoneModel) -> TumourTissue:
    """Tissue of the lesion's kind and growth; of density, porosity and permeability, one given determines the next."""
    density, porosity = _internal(lesion.density_mg_per_cm3, "mg/cm3"), lesion.porosity
    permeability = _internal(lesion.permeability_m2, "m2")
    if porosity is None and density is not None:
        porosity = float(bone.porosity.porosity(density))  # type: ignore[arg-type]
    if permeability is None and porosity is not None:
        permeability = float(bone.permeability.axial(porosity))  # type: ignore[arg-type]
    return _override(
        tumour_tissue(lesion.kind, lesion.growth),
        density=density,
        porosity=porosity,
        permeability=permeability,
        viscosity=_internal(lesion.viscosity_pa_s, "Pa s"),
        interstitial_pressure=_internal(lesion.interstitial_pressure_kpa, "kPa"),
        vascular_conductance=_internal(lesion.vascular_conductance_per_s_kpa, "1/(s kPa)"),
    )


def _cavity(cavity: Cavity) -> Cleft | BalloonCavity:
    if cavity.kind == "cleft":
        return Cleft()
    return _override(BalloonCavity(), shell_thickness=_internal(cavity.compacted_shell_mm, "mm"))


def _check_foramen(veins: BasivertebralVeins) -> None:
    """Refuse veins whose cross-section is larger than that of the foramen through which they leave."""
    foramen = 0.25 * math.pi * FORAMEN_WIDTH * FORAMEN_HEIGHT
    if veins.area > foramen:
        raise InputError(
            f"veins: the basivertebral veins ({veins.number} of {veins.diameter:.2g} mm) have a cross-section of "
            f"{veins.area:.0f} mm2, more than the {foramen:.0f} mm2 of their foramen; lower basivertebral_number or "
            "basivertebral_diameter_mm"
        )


def _internal(value: float | None, unit: str) -> float | None:
    return None if value is None else to_internal(value, unit)


def _override[Law](law: Law, **values: Any) -> Law:
    """``law`` with the values that are given; None leaves the law's own."""
    return replace(law, **{name: value for name, value in values.items() if value is not None})  # type: ignore[type-var]
