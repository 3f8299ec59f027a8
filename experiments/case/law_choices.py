"""Laws that a case chooses by more than a name: bone, cement, yielding, curing."""

from __future__ import annotations

from dataclasses import replace

from experiments.case.calorimetry_file import read_calorimetry
from experiments.case.rheometer_file import read_rheometer
from experiments.case.schema import Case
from experiments.case.units import to_internal
from materials.bone import CALIBRATIONS, BoneModel
from materials.cement import CEMENTS, Cement
from materials.curing import CURINGS, AutocatalyticCuring, MeasuredCuring
from materials.modulus import MODULUS_LAWS
from materials.rheometer import TabulatedCement
from materials.yield_law import YIELD_LAWS, BoneStrength
from meshes.errors import InputError


def bone_of(case: Case) -> BoneModel:
    """The bone of the CT's units and the chosen law of the modulus."""
    bone = BoneModel(calibration=CALIBRATIONS[case.bone.units]())
    return replace(bone, modulus=replace(bone.modulus, law=MODULUS_LAWS[case.bone.modulus_law]()))


def cement_of(case: Case) -> Cement | TabulatedCement:
    """A preset, or what the user's rheometer measured.

    Raises:
        InputError: the rheometer data cannot be used.
    """
    given = case.cement
    if given.rheometer is None:
        return CEMENTS[given.viscosity]
    data = read_rheometer(given.rheometer)
    try:
        return TabulatedCement(data.age, data.shear_rate, data.viscosity)
    except ValueError as refused:
        raise InputError(f"{given.rheometer}: {refused}") from None


def strength_of(case: Case) -> BoneStrength | None:
    """Where bone and cement yield; None where the case asks for no non-linear solve."""
    mechanics = case.mechanics
    return BoneStrength(YIELD_LAWS[mechanics.yield_law]()) if mechanics.strength == "nonlinear" else None


def curing_of(case: Case) -> AutocatalyticCuring | MeasuredCuring | None:
    """How the cement converts; None where no temperatures are asked for.

    Raises:
        InputError: the calorimetry data cannot be used.
    """
    if not case.heat.enabled:
        return None
    if case.heat.calorimetry is None:
        return CURINGS[case.heat.kinetics]
    time, conversion = read_calorimetry(case.heat.calorimetry)
    given = case.heat.calorimetry_temperature_c
    known = {} if given is None else {"reference_temperature": to_internal(given, "degC")}
    try:
        return MeasuredCuring(tuple(time.tolist()), tuple(conversion.tolist()), **known)
    except ValueError as refused:
        raise InputError(f"{case.heat.calorimetry}: {refused}") from None
