"""Cases side by side: the numbers are those of the cases, and finished results are used again."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from mpi4py import MPI

import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from experiments.case.schema import read_case
from experiments.cli.main import app
from experiments.compare.comparison import Comparison, Quantity, shown
from experiments.report.comparison_folder import compare_and_store
from experiments.results.finished_case import FinishedCase
from experiments.results.format import FORMAT_VERSION
from experiments.results.progress import Progress
from experiments.run.case_sources import READY, CaseSource, read_case_sources, ready_comparison
from meshes.errors import InputError

CASE = """
[patient]
demo = true
[mesh]
size_mm = 4.0
[mechanics]
degree = 1
[output]
pictures = false
[[prescribed_cement.shapes]]
left = {left}
depth = 0.4
height = 0.5
volume_ml = 2.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two case files and their results in results/."""
    folder = tmp_path_factory.mktemp("comparison")
    here = Path.cwd()
    for name, left in (("aside", 0.4), ("middle", 0.0)):
        (folder / f"{name}.toml").write_text(CASE.format(left=left))
    os.chdir(folder)
    try:
        for source in read_case_sources([folder / "aside.toml", folder / "middle.toml"]):
            source.finish(Progress(), MPI.COMM_SELF)
    finally:
        os.chdir(here)
    return folder


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[FinishedCase]:
    return [FinishedCase.read(folder / "results" / name, name) for name in ("aside", "middle")]


def quantity(comparison: Comparison, key: str) -> Quantity:
    (found,) = (line for line in comparison.quantities if line.key == key)
    return found


def test_the_numbers_are_those_of_the_cases(cases: list[FinishedCase]) -> None:
    comparison = Comparison.of(cases)
    axial = quantity(comparison, "augmented.k_uz")
    assert axial.values == tuple(case.results.stiffness.augmented_n_per_mm for case in cases)
    assert axial.ratios[1] == pytest.approx(axial.values[1] / axial.values[0])  # type: ignore[operator]
    assert axial.differences[0] == 0.0
    over = quantity(comparison, "augmented_over_intact.k_uz")
    assert over.values[0] == pytest.approx(axial.values[0] / cases[0].results.stiffness.intact_n_per_mm)
    left = quantity(comparison, "cement_left_ml")
    assert left.values[0] > 1.9 > 1.1 > left.values[1]  # type: ignore[operator]
    tilt = quantity(comparison, "augmented.tilt_left_deg_per_kn")
    assert tilt.ratios == (None, None)
    assert quantity(comparison, "pattern").differences == (None, None)
    rotation = quantity(comparison, "intact.k_rx")
    matrix = cases[0].results.stiffness.intact.matrix
    assert rotation.unit == "N m/deg"
    assert rotation.values[0] == pytest.approx(matrix[3][3] * 3.14159265 / 180.0 / 1000.0)
    coupling = quantity(comparison, "augmented.k_ux_ry")
    assert coupling.values[1] == cases[1].results.stiffness.augmented.matrix[0][4]
    assert (coupling.unit, coupling.ratios[1]) == ("N/rad", None)
    load = cases[1].results.load.augmented
    strength = cases[1].results.strength.augmented
    assert quantity(comparison, "augmented.strength.linear_n").values[1] == strength.linear_n
    shares = [quantity(comparison, f"augmented.load_share.{part}").values[1] for part in load.load_share.at_mid_height]
    assert sum(shares) == pytest.approx(1.0)  # type: ignore[arg-type]


def test_table_and_picture_are_written(cases: list[FinishedCase], tmp_path: Path) -> None:
    comparison = compare_and_store(cases, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.csv",
        "comparison.json",
        "comparison.png",
        "manifest.json",
        "report.html",
    }
    rows = list(csv.reader((tmp_path / "out" / "comparison.csv").open(encoding="utf-8")))
    assert rows[0] == ["key", "quantity", "unit", "aside", "middle", "middle - aside", "middle / aside"]
    assert len(rows) == len(comparison.quantities) + 1
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [case["name"] for case in content["cases"]] == ["aside", "middle"]
    picture = imread(tmp_path / "out" / "comparison.png")[..., :3]
    half = picture.shape[1] // 2
    blue = [(panel[..., 2] > panel[..., 0] + 0.12).sum() for panel in (picture[:, :half], picture[:, half:])]
    assert min(blue) > 0.7 * max(blue) > 1000
    compare_and_store(cases, tmp_path / "out")


def test_finished_results_are_used_again_until_the_case_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.chdir(folder)
    monkeypatch.setattr("experiments.run.case_sources.run_and_store", lambda case, out, *_: ran.append(out.name))
    for source in read_case_sources([folder / "aside.toml", folder / "results" / "middle"]):
        source.finish(Progress(), MPI.COMM_SELF)
    assert ran == []
    (folder / "other.toml").write_text(CASE.format(left=0.1))
    changed = CaseSource("aside", Path("results", "aside"), read_case(folder / "other.toml"))
    changed.finish(Progress(), MPI.COMM_SELF)
    assert ran == ["aside"]


def test_sources_that_cannot_be_compared_are_refused(folder: Path, tmp_path: Path) -> None:
    results = folder / "results"
    with pytest.raises(InputError, match="needs two cases at least"):
        read_case_sources([results / "aside"])
    with pytest.raises(InputError, match=r"holds no readable manifest.json; give the folder of a finished run"):
        read_case_sources([results / "aside", tmp_path])
    shutil.copytree(results / "aside", tmp_path / "aside")
    with pytest.raises(InputError, match="two cases are called 'aside'"):
        read_case_sources([results / "aside", tmp_path / "aside"])
    with pytest.raises(InputError, match="no such case file"):
        read_case_sources([results / "aside", tmp_path / "nowhere.toml"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("fields.vtkhdf", "no HDF5"),
        ("manifest.json", json.dumps({"format_version": FORMAT_VERSION, "identity": {"case": "1"}})),
        ("manifest.json", json.dumps({"format": "another-case-2", "format_version": FORMAT_VERSION})),
        ("results.json", "3"),
    ],
)
def test_a_damaged_folder_is_refused_before_anything_runs(
    folder: Path, tmp_path: Path, name: str, content: str
) -> None:
    shutil.copytree(folder / "results" / "aside", tmp_path / "old")
    (tmp_path / "old" / name).write_text(content)
    with pytest.raises(InputError, match=r"old: .*(run the case again|give the folder of a finished run)"):
        read_case_sources([folder / "results" / "middle", tmp_path / "old"])


def test_a_comparison_tells_what_else_differs(cases: list[FinishedCase]) -> None:
    assert not any("differs" in remark for remark in Comparison.of(cases).remarks)
    case = cases[1].manifest.case
    soft = {**case, "mechanics": {**case["mechanics"], "plates": "soft"}}
    other = replace(cases[1], manifest=cases[1].manifest.with_values(case=soft))
    remarks = Comparison.of([cases[0], other]).remarks
    assert remarks[0].startswith("middle differs from aside in mechanics.plates as well")
    assert any("the cement is prescribed" in remark for remark in remarks[1:])


def test_a_comparison_does_not_replace_a_run(folder: Path) -> None:
    first, second = (folder / "results" / name for name in ("aside", "middle"))
    done = CliRunner().invoke(app, ["compare", str(first), str(second), "-o", str(first)])
    assert done.exit_code == 2
    assert (first / "results.json").is_file()


@pytest.mark.parametrize("name", READY)
def test_the_comparisons_that_come_along_are_valid_and_hold_equal_volumes(name: str) -> None:
    volumes = []
    for path in ready_comparison(name):
        case = read_case(path)
        given = case.prescribed_cement
        volumes.append(
            case.injection.volume_ml if given is None else sum(shape.volume_ml for shape in given.shapes or ())
        )
    assert volumes == [4.0] * len(volumes)


def test_an_unknown_comparison_is_refused() -> None:
    with pytest.raises(InputError, match="choose unilateral-bilateral or confluent-separated"):
        ready_comparison("left-right")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), ("one_sided", "one sided"), (0.0, "0"), (2, "2"), (13867.4, "13867"), (0.12346, "0.1235")],
)
def test_values_are_short(value: float | str | None, text: str) -> None:
    assert shown(value) == text
