"""Every default with its unit, range, source and tag, as the page ``docs/theory/defaults.md``.

``python -m experiments.case.default_values > docs/theory/defaults.md`` writes the page anew; a test compares the two.
The quantities of the laws are those that manifests list, the keys those of the case file's schema, and the fixed
numbers are read from the source text: constants whose docstring has a tag.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from experiments.case.keys import all_keys
from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case
from materials.curing import MeasuredCuring
from materials.provenance import describe
from materials.rheometer import TabulatedCement

_CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}
_LYTIC = {"kind": "osteolytic", "fraction": 0.3}
_CLEFT = {"kind": "cleft", **_CENTRE, "semi_axes_mm": [8.0, 6.0, 2.0]}
_BALLOON = {"kind": "balloon", **_CENTRE, "volume_ml": 2.0}

CHOICES: Mapping[str, Mapping[str, Any]] = {
    "Every case": {},
    '`cement.viscosity = "low"`': {"cement": {"viscosity": "low"}},
    '`cement.viscosity = "high"`': {"cement": {"viscosity": "high"}},
    **{
        f'`bone.modulus_law = "{law}"`': {"bone": {"modulus_law": law}}
        for law in ("morgan", "keller", "keyak", "walle")
    },
    "`heat.enabled = true`": {"heat": {"enabled": True}},
    **{
        f'`heat.kinetics = "{name}"`': {"heat": {"enabled": True, "kinetics": name}}
        for name in ("borzacchiello_2", "li")
    },
    '`mechanics.plates = "pmma"`': {"mechanics": {"plates": "pmma"}},
    '`mechanics.plates = "soft"`': {"mechanics": {"plates": "soft"}},
    '`mechanics.strength = "nonlinear"`': {"mechanics": {"strength": "nonlinear"}},
    '`mechanics.yield_law = "ogo"`': {
        "mechanics": {"strength": "nonlinear", "yield_law": "ogo"},
        "bone": {"modulus_law": "walle"},
    },
    "`[fracture]`": {"fracture": {"type": "wedge", "height_loss": 0.3}},
    "`mechanics.transverse_isotropy = true`": {"mechanics": {"transverse_isotropy": True}},
    '`mechanics.composite = "bulk"`': {"mechanics": {"composite": "bulk"}},
    '`veins.network = "none"`': {"veins": {"network": "none"}},
    '`[[lesions]]` of `kind = "osteolytic"`': {"lesions": [_LYTIC]},
    '`[[lesions]]` of `kind = "osteoblastic"`': {"lesions": [{**_LYTIC, "kind": "osteoblastic"}]},
    '`[[lesions]]` of `growth = "slow"`': {"lesions": [{**_LYTIC, "growth": "slow"}]},
    '`[[lesions]]` of `growth = "rapid"`': {"lesions": [{**_LYTIC, "growth": "rapid"}]},
    '`observation.modality = "radiograph"`': {"observation": {"modality": "radiograph"}},
    '`observation.modality = "volume"`': {"observation": {"modality": "volume"}},
    '`[[cavities]]` of `kind = "cleft"`': {"cavities": [_CLEFT]},
    '`[[cavities]]` of `kind = "balloon"`': {"cavities": [_BALLOON]},
}
"""Heading -> tables of a case that uses laws which the cases before it do not."""

_PACKAGES = ("fem", "materials", "meshes", "experiments")
_TAGGED = re.compile(r"\btag [SMD]\b")
_ROLE = re.compile(r":\w+:`~?([^`]*)`")  # a cross-reference in a docstring

_INTRODUCTION = """\
# Defaults

Written by `python -m experiments.case.default_values > docs/theory/defaults.md`; do not edit it by hand. Tags: **S**
read in the source, **M** general knowledge not checked against it, **D** derived or a choice of this project. The
manifest of a run lists the defaults that it used in the same words. Choices without a number, such as
`bone.modulus_law`, are in [the case file](../case-file.md).

## Quantities of the laws

In internal units (mm, N, s, MPa; 1 MPa s = 1e6 Pa s, 1 mm2 = 1e-6 m2, 1 MPa = 1000 kPa). The last column names the key
that sets a quantity in clinical units; `[laws]` takes all others by their names, in the unit shown. Below the headings
stands what a choice adds or changes.
"""

_KEYS = """\
## Keys of the case file

In clinical units; keys that stand above, and keys without a default, are left out.
"""

_FIXED = """\
## Fixed numbers

Not open to the case file. Numbers without a tag, which steer the numerics alone, stand with the equations.
"""


def page() -> str:
    """The whole page in Markdown."""
    quantities = ("quantity", "value", "unit", "range", "source (tag)", "set by")
    laws = [_table(f"### {heading}\n", quantities, rows) for heading, rows in _law_rows() if rows]
    keys = _table(_KEYS, ("key", "value", "unit", "range", "source (tag)"), list(_key_rows()))
    fixed = _table(_FIXED, ("name", "value", "meaning"), list(_constant_rows()))
    return "\n".join([_INTRODUCTION, *laws, keys, fixed])


def _table(above: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    return "\n".join([above, f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]) + "\n"


def _law_rows() -> Iterator[tuple[str, list[str]]]:
    """Heading and rows of each choice, without what stands under an earlier heading."""
    shown: set[str] = set()
    keys = _keys_of_quantities()
    for heading, content in CHOICES.items():
        laws = Laws.of_case(build_case({"patient": {"demo": True}, **content}))
        yield heading, _new_rows(laws.describe(), keys, shown)
    own = TabulatedCement(np.array([60.0, 60.0, 120.0, 120.0]), np.array([1.0, 2.0, 1.0, 2.0]), np.full(4, 1e-4))
    listing = {f"cement.{name}": entry for name, entry in describe(own).items()}
    yield "`cement.rheometer`", _new_rows(listing, keys, shown)
    curve = MeasuredCuring((0.0, 60.0, 120.0), (0.0, 0.1, 0.9))
    listing = {f"curing.{name}": entry for name, entry in describe(curve).items()}
    yield "`heat.calorimetry`", _new_rows(listing, keys, shown)


def _new_rows(listing: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str], shown: set[str]) -> list[str]:
    rows = []
    for name, entry in listing.items():
        law, _, quantity = name.partition("[1]")
        single = not isinstance(entry["value"], Mapping)
        key = keys.get(f"{law}{quantity}", "[laws]" if single else name)
        row = (
            f"| `{name}` | {_value(entry['value'])} | {_unit(entry['unit'])} | {_range(entry['low'], entry['high'])} | "
            f"{entry['source']} ({entry['tag']}) | `{key}` |"
        )
        if row not in shown:
            shown.add(row)
            rows.append(row)
    return rows


def _keys_of_quantities() -> dict[str, str]:
    """Quantity without the number of its table -> the key that sets it."""
    return {name.replace("[]", ""): key.path for key in all_keys(Case).values() for name in key.sets}


def _key_rows() -> Iterator[str]:
    """Keys of the case file with a number as default, but for those that set a law's quantity."""
    for key in all_keys(Case).values():
        if key.tag and key.default is not None and not key.sets:
            yield (
                f"| `{key.path}` | {_value(key.default)} | {_unit(key.unit)} | {_range(key.low, key.high)} | "
                f"{key.source} ({key.tag}) |"
            )


def _constant_rows() -> Iterator[str]:
    root = Path(__file__).parents[2]
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            for name, value, meaning in _constants(ast.parse(path.read_text(encoding="utf-8")).body):
                if _TAGGED.search(meaning):
                    yield f"| `{module}.{name}` | `{value}` | {meaning} |"


def _constants(body: list[ast.stmt]) -> Iterator[tuple[str, str, str]]:
    """Name, value and docstring of the public constants of a module that hold nothing but numbers and their names."""
    for statement, after in pairwise(body):
        if isinstance(statement, ast.Assign):
            target, content = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, content = statement.target, statement.value
        else:
            continue
        name, nodes = ast.unparse(target).strip("()"), list(ast.walk(content))
        plain = not any(isinstance(node, ast.Call | ast.DictComp) for node in nodes)
        numbers = any(isinstance(node, ast.Constant) and isinstance(node.value, int | float) for node in nodes)
        if name.isupper() and not name.startswith("_") and plain and numbers and isinstance(after, ast.Expr):
            meaning = " ".join(str(ast.literal_eval(after.value)).split())
            yield name, ast.unparse(content), _ROLE.sub(r"`\1`", meaning)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(number)}" for name, number in value.items())
    return f"{value:g}"


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _range(low: float | None, high: float | None) -> str:
    return f"{low:g} to {high:g}"


if __name__ == "__main__":
    print(page(), end="")
