"""The constitutive laws of a case: the clinical values of the case file in the place of the laws' own defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from experiments.case import Case
from experiments.units import to_internal
from materials.bone import BoneModel
from materials.cannula import Cannula
from materials.cement import CEMENTS, Cement
from materials.composite import CementBoneComposite
from materials.defect import OpenDefect
from materials.marrow import NewtonianMarrow
from materials.outlets import MarrowOutlets
from materials.provenance import describe


@dataclass(frozen=True)
class Laws:
    """Every law that a run uses, in internal units."""

    bone: BoneModel
    cement: Cement
    marrow: NewtonianMarrow
    outlets: MarrowOutlets
    cannula: Cannula
    defect: OpenDefect
    composite: CementBoneComposite

    @classmethod
    def of_case(cls, case: Case) -> Laws:
        """The laws that ``case`` asks for."""
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
        )
        shares = case.outlets.shares
        return cls(
            bone=_override(bone, poisson_ratio=case.mechanics.poisson),
            cement=_override(
                CEMENTS[case.cement.viscosity],
                reference_consistency=_internal(case.cement.consistency_pa_s, "Pa s"),
                index=case.cement.index,
            ),
            marrow=_override(NewtonianMarrow(), viscosity=_internal(case.marrow.viscosity_pa_s, "Pa s")),
            outlets=_override(
                MarrowOutlets(),
                conductance=to_internal(case.outlets.conductance_ml_per_s_kpa, "ml/(s kPa)"),
                shares=None if shares is None else shares.model_dump(),
            ),
            cannula=Cannula(case.needle.gauge, to_internal(case.needle.length_mm, "mm")),
            defect=OpenDefect(),
            composite=CementBoneComposite(),
        )

    def describe(self) -> dict[str, dict[str, Any]]:
        """Every quantity of every law: ``law.quantity`` -> value, unit, source and tag."""
        return {
            f"{item.name}.{name}": entry
            for item in fields(self)
            for name, entry in describe(getattr(self, item.name)).items()
        }


def _internal(value: float | None, unit: str) -> float | None:
    return None if value is None else to_internal(value, unit)


def _override[Law](law: Law, **values: Any) -> Law:
    """``law`` with the values that are given; None leaves the law's own."""
    return replace(law, **{name: value for name, value in values.items() if value is not None})  # type: ignore[type-var]
