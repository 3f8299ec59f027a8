"""The one place where clinical units and the internal system (mm, N, s, MPa) meet."""

from __future__ import annotations

from collections.abc import Mapping

INTERNAL: Mapping[str, tuple[float, str]] = {
    "mm": (1.0, "mm"),
    "ml": (1e3, "mm3"),
    "s": (1.0, "s"),
    "min": (60.0, "s"),
    "ml/min": (1e3 / 60.0, "mm3/s"),
    "kPa": (1e-3, "MPa"),
    "MPa": (1.0, "MPa"),
    "Pa s": (1e-6, "MPa s"),
    "ml/(s kPa)": (1e6, "mm3/(s MPa)"),
    "1/(s kPa)": (1e3, "1/(s MPa)"),
    "m2": (1e6, "mm2"),
    "N": (1.0, "N"),
    "HU": (1.0, "HU"),
    "1/s": (1.0, "1/s"),
    "degC": (1.0, "degC"),  # a law that needs the absolute temperature adds 273.15 K itself
    "mg/cm3": (1e-3, "g/cm3"),
    "mg/cm3/HU": (1e-3, "g/cm3/HU"),
    "N/mm": (1.0, "N/mm"),
    "deg": (0.017453292519943295, "rad"),
    "N m": (1e3, "N mm"),
    "N m/deg": (1e3 / 0.017453292519943295, "N mm/rad"),
    "deg/kN": (0.017453292519943295e-3, "rad/N"),
    "1": (1.0, "1"),
}
"""Clinical unit -> how many internal units it is, and which."""


def to_internal(value: float, unit: str) -> float:
    """Convert ``value`` from the clinical ``unit`` to the internal system.

    Args:
        value: number in ``unit``.
        unit: a key of :data:`INTERNAL`.

    Raises:
        KeyError: the unit is not in the table.
    """
    return value * INTERNAL[unit][0]


def to_clinical(value: float, unit: str) -> float:
    """Convert ``value`` from the internal system to the clinical ``unit``; the inverse of :func:`to_internal`."""
    return value / INTERNAL[unit][0]


def to_law(value: float, unit: str, law_unit: str) -> float:
    """Convert ``value`` from the clinical unit of a key to the unit that a law declares.

    Raises:
        ValueError: the law's unit is not the internal one of the key's.
    """
    if INTERNAL[unit][1] != law_unit:
        raise ValueError(f"a value in {unit} cannot be one in {law_unit}, but in {INTERNAL[unit][1]}")
    return to_internal(value, unit)
