"""Damaged case files and values of every key are refused in one sentence, or lead up to the mesh."""

import math
import os
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from damage import Damage, binary_damage, values
from hypothesis import strategies as st
from outcomes import Tally, campaign, check_sentence, explore
from phantom import write_phantom
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from experiments.case.laws import Laws
from experiments.case.schema import CASES, Case, build_case, read_case
from experiments.model import preparation
from experiments.model.preparation import prepare
from experiments.results.progress import Progress
from meshes.errors import InputError
from meshes.vertebra import Vertebra

Table = dict[str, Any]

SHIPPED = sorted(CASES.rglob("*.toml"))
DEMO: Table = {"patient": {"demo": True}}
CENTRE = {"left": 0.0, "depth": 0.5, "height": 0.5}


class ReachedMesh(Exception):  # noqa: N818 (no error: all that needs no mesh is done)
    """The preparation has come to the mesh."""


@pytest.fixture(scope="module")
def up_to_mesh(demo_vertebra: Vertebra) -> Iterator[None]:
    """Every patient is the demo's, read once, and the preparation ends where the mesh would be made."""

    def stop(*_: Any) -> None:
        raise ReachedMesh

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "read_patient", lambda case: demo_vertebra)
        patch.setattr(preparation, "mesh_body", stop)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that cases name."""
    folder = tmp_path_factory.mktemp("cases")
    write_phantom(folder)
    os.mkfifo(folder / "fifo.nii")
    (folder / "cement.csv").write_text(
        "age_min,shear_rate_per_s,viscosity_pa_s\n5,0.1,310\n5,10,35\n8,0.1,1650\n8,10,190"
    )
    return folder


def lead_to_mesh(case: Case) -> Case:
    """Do what a run does before it makes the mesh."""
    laws = Laws.of_case(case)
    laws.describe()
    laws.leak_geometry({})
    with pytest.raises(ReachedMesh):
        prepare(case, laws, Progress())
    return case


def lead_through(content: Table, folder: Path) -> Case:
    return lead_to_mesh(build_case(content, "case.toml", folder))


@campaign(40, 1500)
def test_damaged_case_files(inputs: int, tally: Tally, up_to_mesh: None, tmp_path: Path) -> None:
    path = tmp_path / "case.toml"

    def check(content: tuple[Path, list[Damage]]) -> None:
        source, damages = content
        raw = source.read_bytes()
        for damage in damages:
            raw = damage.apply(raw)
        path.write_bytes(raw)
        tally.attempt(lambda: lead_to_mesh(read_case(path)))

    tokens = st.sampled_from(
        [
            b"nan",
            b"inf",
            b"-",
            b"[[",
            b"]",
            b"=",
            b"\n",
            b"1e999",
            b"0x" + b"f" * 9000,
            b"9" * 5000,
            b"[" * 3000,
            b"a." * 3000,
        ]
    )
    places = st.tuples(st.integers(0, 1 << 12), st.sampled_from([0, 1, 3, 8]), tokens)
    inserted = places.map(lambda found: Damage(f"insert {found}", _insert(*found)))
    damages = st.lists(st.one_of(binary_damage(), inserted, inserted), min_size=1, max_size=2)
    explore(inputs, st.tuples(st.sampled_from(SHIPPED), damages), check)


def _insert(place: int, length: int, token: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:place] + token + raw[place + length :]


def any_table(model: type[BaseModel]) -> st.SearchStrategy[Table]:
    """Tables of a section: few keys, most with a value that the schema allows them."""
    keys = {key: st.one_of(*[allowed(field)] * 7, values()) for key, field in model.model_fields.items()}
    needed = {key: keys[key] for key, field in model.model_fields.items() if field.is_required()}
    some = st.lists(st.sampled_from(sorted(keys)), max_size=4, unique=True)
    return some.flatmap(lambda chosen: st.fixed_dictionaries(needed | {key: keys[key] for key in chosen}))


def allowed(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values that the schema allows for a key by itself."""
    return _of_type(field.annotation, tuple(field.metadata))


def _of_type(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of_type(arguments[0], (*arguments[1:], *metadata))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([_of_type(argument, metadata) for argument in arguments if argument is not type(None)])
    if origin is dict:
        return st.dictionaries(_of_type(arguments[0]), _of_type(arguments[1]), max_size=2)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(_of_type(arguments[0]), max_size=2)
        return st.tuples(*map(_of_type, arguments)).map(list)
    if issubclass(annotation, BaseModel):
        return st.deferred(lambda: any_table(annotation))
    return _plain(annotation, metadata)


def _plain(annotation: Any, metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    low = next((float(entry.ge) for entry in metadata if hasattr(entry, "ge")), -1e3)
    high = next((float(entry.le) for entry in metadata if hasattr(entry, "le")), 1e3)
    known = {
        bool: st.booleans(),
        int: st.integers(math.ceil(low), math.floor(high)),
        float: st.one_of(st.floats(low, high), st.sampled_from([low, high]), st.floats(low, high).map(_rounded)),
        str: st.one_of(st.sampled_from(["L3", "T12", "L9"]), st.text(max_size=12)),
        Path: st.sampled_from(["ct.nii", "mask.nii", "subregions.nii", "cement.csv", "missing.nii", ".", "fifo.nii"]),
    }
    return known[annotation]


def _rounded(value: float) -> float:
    return round(value, 2)


@st.composite
def damaged_tables(draw: st.DrawFn) -> Table:
    """A case whose tables are drawn from the schema; a key or two may be wrong, of another table, or missing."""
    content: Table = {"patient": {"demo": True}}
    for name in draw(st.lists(st.sampled_from(sorted(Case.model_fields)), max_size=4, unique=True)):
        content[name] = draw(allowed(Case.model_fields[name]))
    if draw(st.integers(0, 3)) == 3:
        place = draw(st.sampled_from(sorted(content)))
        change = draw(st.sampled_from(["drop", "list", "double", "unknown", "value", "empty"]))
        inside = content[place]
        if change == "drop":
            del content[place]
        elif change == "list":
            content[place] = [inside]
        elif change == "double" and isinstance(inside, list):
            content[place] = inside * 2
        elif change == "unknown":
            content[draw(st.text(max_size=8))] = draw(values())
        elif change == "empty":
            content[place] = type(inside)()
        elif isinstance(inside, dict):
            inside[draw(st.one_of(st.sampled_from(["left", "size_mm", "Demo", "mask"]), st.text(max_size=5)))] = draw(
                values()
            )
    return content


@campaign(40, 3000)
def test_values_of_every_key(inputs: int, tally: Tally, up_to_mesh: None, folder: Path) -> None:
    def check(content: Table) -> None:
        case = tally.attempt(lambda: lead_through(content, folder))
        if case is not None:
            check_values_kept(content, case)

    explore(inputs, damaged_tables(), check)


def check_values_kept(content: Table, case: Case) -> None:
    """Every number of the file stands in the case as it was given."""
    for name, table in content.items():
        if isinstance(table, dict) and name != "laws":
            section = getattr(case, name)
            for key, value in table.items():
                if isinstance(value, float | int | str) and not isinstance(getattr(section, key), Path):
                    assert getattr(section, key) == value


@campaign(40, 1000)
def test_tables_of_laws(inputs: int, tally: Tally, folder: Path) -> None:
    sections = [
        {},
        {
            "lesions": [{"kind": "osteolytic", "fraction": 0.2}],
            "cavities": [{"kind": "balloon", "volume_ml": 1.0, **CENTRE}],
        },
        {"mechanics": {"plates": "pmma", "cortex": "shell", "transverse_isotropy": True, "composite": "bulk"}},
        {"walls": {"thickness_mm": {"left_wall": 1.0}}, "cement": {"rheometer": "cement.csv"}},
        {"prescribed_cement": {"threshold_hu": [1500, 3071]}, "bone": {"modulus_law": "walle"}},
        {"veins": {"network": "none"}},
    ]
    listings = [Laws.of_case(build_case({**DEMO, **section}, "case.toml", folder)).describe() for section in sections]

    def values_of(number: int) -> st.SearchStrategy[Table]:
        single = {name: entry for name, entry in listings[number].items() if isinstance(entry["value"], float | int)}
        own = st.sampled_from(sorted(single)).flatmap(lambda name: st.tuples(st.just(name), _near(single[name])))
        odd = st.tuples(st.one_of(st.sampled_from(sorted(listings[number])), st.text(max_size=30)), values())
        return st.lists(st.one_of(own, own, own, odd), min_size=1, max_size=4).map(
            lambda found: {**DEMO, **sections[number], "laws": dict(found)}
        )

    def read(content: Table) -> Table:
        return Laws.of_case(build_case(content, "case.toml", folder)).describe()

    def check(content: Table) -> None:
        listing = tally.attempt(lambda: read(content))
        if listing is not None:
            for name, value in content["laws"].items():
                assert listing[name]["value"] == value
                assert listing[name]["tag"] == "user"

    explore(inputs, st.integers(0, len(sections) - 1).flatmap(values_of), check)


def _near(entry: Table) -> st.SearchStrategy[float]:
    """Values in the range of a law's quantity, at its ends and beyond."""
    value, low, high = (entry[key] if entry[key] is not None else 1.0 for key in ("value", "low", "high"))
    factors = st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 10.0, -1.0]).map(lambda factor: factor * value)
    return st.one_of(factors, st.floats(*sorted((float(low), float(high)))), st.sampled_from([low, high]))


START = "[patient]\ndemo = true\n"
FOUND = {
    "endless number": ("mesh.size_mm = " + "9" * 5000, "holds a number with thousands of digits; write it as"),
    "endless hexadecimal number": (
        START + "[mesh]\nsize_mm = 0x" + "f" * 9000,
        "mesh.size_mm = a value too long to show",
    ),
    "lists in lists": ("a = " + "[" * 3000 + "]" * 3000, "nests tables or lists too deeply"),
    "tables in tables": ("a = " + "{a=" * 3000 + "1" + "}" * 3000, "nests tables or lists too deeply"),
    "endless path": (
        '[patient]\nct = "' + "a" * 5000 + '"\nmask = "a"\nlevel = "L3"',
        "cannot be found .File name too long",
    ),
    "endless file": ("#" * (1 << 20) + "\n", "is larger than 1048576 bytes, so it is no case file"),
    "device": (START + '[cement]\nrheometer = "/dev/zero"', "cement.rheometer = '/dev/zero' is a device or a pipe"),
    "terminal codes": (START + '"\\u001b[31m" = 1', r"^case.toml: patient.\\x1b\[31m is not a known key"),
    "two lines": (START + '"a\\nb" = 1', r"^case.toml: patient.a\\nb is not a known key"),
}
"""Text of a case that ended with a traceback, without a limit or in more than one line -> what refuses it."""


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_what_the_campaign_has_found_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=expected) as refused:
        read_case(path)
    check_sentence(str(refused.value))
