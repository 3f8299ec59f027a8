"""Folders of finished runs that were damaged are refused by a comparison in one sentence; none moves a number."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
import pytest
from damage import Damage, binary_damage
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from outcomes import Tally, campaign, explore

from experiments.case.schema import build_case
from experiments.compare.comparison import Comparison
from experiments.pictures.scene import SAGITTAL, Panel, new_figure, show
from experiments.results.finished_case import FinishedCase
from experiments.run.pipeline import run_and_store
from meshes.errors import InputError

CASE = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 4.0},
    "mechanics": {"degree": 1},
    "output": {"pictures": False, "field_times": 1},
    "prescribed_cement": {"shapes": [{"left": 0.4, "depth": 0.4, "height": 0.5, "volume_ml": 2.0}]},
}
FILES = ("results.json", "manifest.json", "fields.vtkhdf")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run_and_store(build_case(CASE), folder, comm=MPI.COMM_SELF)
    return folder


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=6), st.just(10**400)),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(st.text(max_size=3), inside, max_size=2)),
    max_leaves=4,
)


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, Damage]:
    """A file of the folder and what happens to its bytes or to the values of its JSON."""
    name = draw(st.sampled_from(FILES))
    if name.endswith(".json") and draw(st.booleans()):
        number = draw(st.integers(0, 1 << 30))
        value = draw(JSON_VALUES)
        return name, Damage(f"value {number} = {value!r:.40}", lambda raw: _with_value(raw, number, value))
    return name, draw(binary_damage())


def _with_value(raw: bytes, number: int, value: Any) -> bytes:
    """JSON with another value in one of its places, counted through all tables and lists."""
    content = json.loads(raw)
    places = list(_places(content))
    table, key = places[number % len(places)]
    if number % 3:
        table[key] = value
    else:
        del table[key]
    return json.dumps(content).encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    for key in content if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


@campaign(40, 1200)
def test_folders_of_finished_runs(inputs: int, tally: Tally, run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(run, folder)
    intact = Comparison.of([FinishedCase.read(path, path.name) for path in (run, folder)])

    def read() -> Comparison:
        return Comparison.of([FinishedCase.read(path, path.name) for path in (run, folder)])

    def check(content: tuple[str, Damage]) -> None:
        name, damage = content
        whole = (run / name).read_bytes()
        (folder / name).write_bytes(damage.apply(whole))
        comparison = tally.attempt(read)
        if comparison is not None:
            assert comparison.quantities == intact.quantities
            assert comparison.remarks == intact.remarks
        (folder / name).write_bytes(whole)

    explore(inputs, damages(), check)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("results.json", b'"components": 1', b'"components": 2'),
        ("results.json", b"{", b"[" * 5000 + b"{"),
        ("manifest.json", b'"cement": "prescribed"', b'"cement": 3'),
        ("manifest.json", b'"warnings": [', b'"warnings": [0, '),
        ("fields.vtkhdf", b"saturation", b"saturatioN"),
    ],
    ids=["number", "depth", "kind", "warning", "field"],
)
def test_what_the_campaign_has_found_is_refused(name: str, old: bytes, new: bytes, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "damaged")
    whole = (run / name).read_bytes()
    assert old in whole
    (tmp_path / "damaged" / name).write_bytes(whole.replace(old, new, 1))
    with pytest.raises(InputError, match=r"(run the case again|give the folder of a finished run)"):
        FinishedCase.read(tmp_path / "damaged", "damaged")


def test_names_are_no_formulas() -> None:
    figure, (axes,) = new_figure()
    show(axes, Panel(np.zeros((2, 2, 3), dtype=np.uint8), SAGITTAL, 30.0, (30.0, 30.0)), "$x_{$")
    FigureCanvasAgg(figure).draw()
