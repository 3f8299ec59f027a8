"""The values that a case gives its laws: by keys of their own in clinical units, and by name in the table [laws].

A law's quantity has the name under which the manifest lists it, such as ``cement.activation_energy``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.case.schema import Case
from experiments.case.sections.base import Section
from experiments.case.units import to_internal
from materials.provenance import as_range
from meshes.errors import InputError

OWN_KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bone": {
        "hu_slope_mg_per_cm3": ("bone.calibration.slope",),
        "hu_intercept_mg_per_cm3": ("bone.calibration.intercept",),
        "permeability_multiplier": ("bone.permeability.multiplier",),
        "transverse_factor": ("bone.permeability.transverse_factor",),
        "damage_factor": ("damage.factor",),
    },
    "cement": {
        "consistency_pa_s": ("cement.reference_consistency",),
        "index": ("cement.reference_index",),
        "shear_constant": ("cement.shear_constant",),
        "rheometer_temperature_c": ("cement.reference_temperature",),
    },
    "marrow": {"viscosity_pa_s": ("marrow.viscosity",)},
    "injection": {"syringe_bore_mm": ("syringe.bore",)},
    "outlets": {"conductance_ml_per_s_kpa": ("outlets.conductance",)},
    "veins": {
        "basivertebral_number": ("basivertebral_veins.number",),
        "basivertebral_diameter_mm": ("basivertebral_veins.diameter",),
        "segmental_number_per_side": ("segmental_veins.number",),
        "segmental_diameter_mm": ("segmental_veins.diameter",),
        "segmental_length_mm": ("segmental_veins.length",),
        "opening_pressure_kpa": ("basivertebral_veins.opening_pressure", "segmental_veins.opening_pressure"),
    },
    "mechanics": {
        "poisson": ("bone.poisson_ratio",),
        "cement_modulus_mpa": ("composite.cement_modulus",),
        "cement_porosity": ("composite.cement_porosity",),
        "yield_strain": ("failure.yield_strain",),
        "overstrained_share": ("failure.volume_share",),
    },
}
"""Table -> its key -> the quantities that the key sets."""

OWN_KEYS_OF_EACH: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "needles": (
        "cannulas",
        {"length_mm": "length", "proximal_bore_mm": "proximal_bore", "proximal_length_mm": "proximal_length"},
    ),
    "lesions": (
        "lesions",
        {
            "density_mg_per_cm3": "density",
            "porosity": "porosity",
            "permeability_m2": "permeability",
            "viscosity_pa_s": "viscosity",
            "interstitial_pressure_kpa": "interstitial_pressure",
            "vascular_conductance_per_s_kpa": "vascular_conductance",
        },
    ),
    "cavities": ("cavities", {"compacted_shell_mm": "shell_thickness"}),
}
"""Table that may occur several times -> its laws, and its key -> the quantity of each law that the key sets."""


@dataclass(frozen=True)
class KeyedValue:
    """A quantity of a law that a key of the case file sets.

    Attributes:
        key: the key with its table.
        name: the quantity.
        value: in internal units.
        given: whether the file gives it; otherwise it is the key's default.
    """

    key: str
    name: str
    value: float
    given: bool


def keyed_values(case: Case) -> Iterator[KeyedValue]:
    """The quantities that keys of ``case`` set."""
    for table, keys in OWN_KEYS.items():
        for key, names in keys.items():
            for name in names:
                yield from _keyed(getattr(case, table), table, key, name)
    for table, (laws, quantities) in OWN_KEYS_OF_EACH.items():
        for number, section in enumerate(getattr(case, table), 1):
            for key, quantity in quantities.items():
                yield from _keyed(section, f"{table}[{number}]", key, f"{laws}[{number}].{quantity}")
    for wall, thickness in case.walls.thickness_mm.items():
        name = f"own_shells[{wall}].thickness"
        yield KeyedValue(f"walls.thickness_mm.{wall}", name, to_internal(thickness, "mm"), given=True)


def check_named(case: Case, listing: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what the table [laws] cannot say.

    Args:
        case: what is asked.
        listing: every quantity of the laws that the case uses, as :meth:`experiments.case.laws.Laws.describe` has them.

    Raises:
        InputError: a name is unknown or the quantity is no single number, a value is out of range or no whole number
            where one is needed, or a key of its own sets the quantity.
    """
    keyed = {item.name: item.key for item in keyed_values(case)}
    for name, value in case.laws.items():
        place = f'[laws] "{name}"'
        entry = listing.get(name)
        if entry is None:
            raise InputError(f"{place} is no value of a law that this case uses; {_nearest(name, listing)}")
        if isinstance(entry["value"], Mapping | list | tuple):
            raise InputError(f"{place} holds several numbers, but [laws] takes single ones; give it by its own table")
        if name in keyed:
            raise InputError(f"{place} is what {keyed[name]} sets; give the value there alone")
        low, high, unit = entry["low"], entry["high"], entry["unit"]
        unit = "(dimensionless)" if unit == "1" else unit
        if not (low is None or value >= low) or not (high is None or value <= high):
            raise InputError(f"{place} = {value:g} is not allowed; choose {as_range(low, high)} {unit}")
        if isinstance(entry["value"], int) and not value.is_integer():
            raise InputError(f"{place} = {value:g} is not allowed; choose a whole number, {as_range(low, high)} {unit}")


def _keyed(section: Section, table: str, key: str, name: str) -> Iterator[KeyedValue]:
    """The value of one key, if it has one."""
    value = getattr(section, key)
    extra = type(section).model_fields[key].json_schema_extra
    if value is not None and isinstance(extra, dict):
        given = key in section.model_fields_set
        yield KeyedValue(f"{table}.{key}", name, to_internal(value, str(extra["unit"])), given)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    """What may have been meant by an unknown name."""
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    # A quantity that goes by the same name in other laws, such as "activation_energy" alone.
    last = name.rpartition(".")[2]
    nearest = nearest or [other for other in known if other.rpartition(".")[2] == last][:3]
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return f"{hint}'vertebroplasty schema --laws CASE.toml' lists them all"
