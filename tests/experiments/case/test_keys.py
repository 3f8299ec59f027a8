"""The walk over the keys, against the JSON Schema that pydantic makes of the same sections, and against the laws."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from experiments.case.default_values import CHOICES
from experiments.case.keys import all_keys, key_at, key_values
from experiments.case.laws import Laws
from experiments.case.schema import Case, build_case, json_schema
from experiments.case.units import to_law
from experiments.sweep.sweep_file import SweepFile

DEMO = {"patient": {"demo": True}}
STEPPED = {
    "needles": [{"proximal_bore_mm": 3.0, "proximal_length_mm": 40.0}],
    "walls": {"thickness_mm": {"left_wall": 1}},
}


SCHEMA = json_schema()


def properties(schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Dotted path and JSON Schema of every key."""
    for name, entry in schema["properties"].items():
        yield f"{place}{name}", entry
        for table in re.findall(r'"#/\$defs/(\w+)"', json.dumps(entry)):
            yield from properties(SCHEMA["$defs"][table], f"{place}{name}.")


def test_the_walk_meets_every_key_of_the_schema_in_its_order() -> None:
    assert list(all_keys(Case)) == [path for path, _ in properties(SCHEMA)]


@pytest.mark.parametrize(("path", "entry"), list(properties(SCHEMA)))
def test_a_key_says_what_the_schema_says(path: str, entry: dict[str, Any]) -> None:
    key = all_keys(Case)[path]
    assert (key.unit, key.source, key.tag) == tuple(entry.get(name, "") for name in ("unit", "source", "tag"))
    if key.section is None:
        assert key.description == entry["description"]
        bounds = [] if "allowed" in entry else [entry, *entry.get("anyOf", ())]  # words say it where the type does not
        assert key.low == next((part["minimum"] for part in bounds if "minimum" in part), None)
        assert key.high == next((part["maximum"] for part in bounds if "maximum" in part), None)
        assert key.default == entry.get("default", {} if key.names is not None else None)
        assert key.required == (not {"default", "additionalProperties"} & set(entry))


def test_every_key_sets_quantities_in_their_units() -> None:
    units = {
        name: entry["unit"]
        for content in (*CHOICES.values(), STEPPED)
        for name, entry in Laws.of_case(build_case({**DEMO, **content})).describe().items()
    }
    set_by = {
        key.path: key.quantities("left_wall" if key.names is not None else "1") for key in all_keys(Case).values()
    }
    for path, names in set_by.items():
        for name in names:
            assert name in units, path
            to_law(1.0, all_keys(Case)[path].unit, units[name])
    names = [name for group in set_by.values() for name in group]
    assert len(names) == len(set(names)) == 53


def test_values_say_where_they_stand() -> None:
    case = build_case(
        {
            **DEMO,
            **STEPPED,
            "needles": [{}, {"side": "right", "boluses": [{"volume_ml": 1.0}, {"volume_ml": 0.5}]}],
            "laws": {"needle_track.gap": 0.2},
        }
    )
    values = {item.place: item for item in key_values(case)}
    assert values["needles[2].boluses[2].volume_ml"].value == 0.5
    assert values["needles[2].side"].given
    assert not values["needles[1].side"].given
    assert values["needles[2].length_mm"].sets == ("cannulas[2].length",)
    assert values["walls.thickness_mm.left_wall"].sets == ("own_shells[left_wall].thickness",)
    assert values["laws.needle_track.gap"].value == 0.2
    assert "needles[1].left" not in values


def test_keys_are_found_by_their_place() -> None:
    assert key_at(Case, ("needles", 1, "boluses", 0, "volume_ml")) is all_keys(Case)["needles.boluses.volume_ml"]
    assert key_at(Case, ("walls", "thickness_mm", "left_wall")) is all_keys(Case)["walls.thickness_mm"]
    assert key_at(Case, ("laws", "cement.setting_time")) is all_keys(Case)["laws"]
    assert key_at(Case, ("walls", "thicknes_mm")) is None
    assert key_at(SweepFile, ("vary", 0, "path")) is not None
