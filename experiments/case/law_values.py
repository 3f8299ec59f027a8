"""The values that a case gives its laws: by keys of their own in clinical units, and by name in the table [laws].

A law's quantity has the name under which the manifest lists it, such as ``cement.activation_energy``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from experiments.case.keys import KeyValue, key_values
from experiments.case.schema import Case
from materials.provenance import as_range
from meshes.errors import InputError


def keyed_values(case: Case) -> dict[str, KeyValue]:
    """Quantity -> the value that a key of ``case`` gives it."""
    return {name: item for item in key_values(case) for name in item.sets}


def check_named(case: Case, listing: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what the table [laws] cannot say.

    Args:
        case: what is asked.
        listing: every quantity of the laws that the case uses, as :meth:`experiments.case.laws.Laws.describe` has them.

    Raises:
        InputError: a name is unknown or the quantity is no single number, a value is out of range or no whole number
            where one is needed, or a key of its own sets the quantity.
    """
    keyed = keyed_values(case)
    for name, value in case.laws.items():
        place = f'[laws] "{name}"'
        entry = listing.get(name)
        if entry is None:
            raise InputError(f"{place} is no value of a law that this case uses; {_nearest(name, listing)}")
        if isinstance(entry["value"], Mapping | list | tuple):
            raise InputError(f"{place} holds several numbers, but [laws] takes single ones; give it by its own table")
        if name in keyed:
            raise InputError(f"{place} is what {keyed[name].place} sets; give the value there alone")
        low, high, unit = entry["low"], entry["high"], entry["unit"]
        unit = "(dimensionless)" if unit == "1" else unit
        if not (low is None or value >= low) or not (high is None or value <= high):
            raise InputError(f"{place} = {value:g} is not allowed; choose {as_range(low, high)} {unit}")
        if isinstance(entry["value"], int) and not value.is_integer():
            raise InputError(f"{place} = {value:g} is not allowed; choose a whole number, {as_range(low, high)} {unit}")


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    """What may have been meant by an unknown name."""
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    # A quantity that goes by the same name in other laws, such as "activation_energy" alone.
    last = name.rpartition(".")[2]
    nearest = nearest or [other for other in known if other.rpartition(".")[2] == last][:3]
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return f"{hint}'vertebroplasty schema --laws CASE.toml' lists them all"
