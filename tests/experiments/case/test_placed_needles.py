"""Needles put elsewhere: what a case and its file say of them, and what is left as the user wrote it."""

from pathlib import Path

import pytest

from experiments.case.placed_needles import CaseText, NeedlePlace, with_places
from experiments.case.schema import build_case, read_case
from meshes.errors import InputError

CASE = """# as discussed
title = "a plan"

[patient]
demo = true   # the sample

[[needles]]
side = "left"       # from the left
gauge = 13
height = 0.6  # above the middle

[[needles]]
side = "right"
camber_deg = 20.0
sagittal_deg = 3.0

[injection]
volume_ml = 3.0
"""
PLACE = NeedlePlace(0.12, 0.3, 0.55, 22.5, -4.0)


@pytest.fixture
def source(tmp_path: Path) -> CaseText:
    (tmp_path / "plan.toml").write_text(CASE)
    return CaseText(tmp_path, "plan.toml", tmp_path / "plan.toml")


def test_a_moved_needle_is_free_and_delivers_what_it_did(source: CaseText) -> None:
    assert source.path is not None
    case = read_case(source.path)
    moved = with_places(case, {0: PLACE}, "plan.toml")
    needle = moved.needles[0]
    assert (needle.approach, needle.gauge, needle.target) == ("free", 13, (0.12, 0.3, 0.55))
    assert (needle.camber_deg, needle.sagittal_deg) == (22.5, -4.0)
    assert moved.needles[1] == case.needles[1]
    assert moved.injection == case.injection


def test_the_file_keeps_comments_and_says_just_that_case(source: CaseText) -> None:
    assert source.path is not None
    written = source.write("moved.toml", {0: PLACE, 1: NeedlePlace(-0.3, 0.4, 0.5, 10.0, 0.0)})
    text = written.read_text()
    kept = [line for line in CASE.splitlines() if not line.startswith(("height", "camber", "sagittal"))]
    assert [line for line in text.splitlines() if line in kept] == kept
    case = read_case(source.path)
    assert read_case(written) == with_places(case, {0: PLACE, 1: NeedlePlace(-0.3, 0.4, 0.5, 10.0, 0.0)}, "")
    assert source.path.read_text() == CASE


@pytest.mark.parametrize("needles", ["", "needles = [{ gauge = 13, left = 0.1 }]"])
def test_needles_by_default_or_in_one_line_are_written(tmp_path: Path, needles: str) -> None:
    path = tmp_path / "short.toml"
    path.write_text(f"{needles}\n[patient]\ndemo = true\n")
    moved = read_case(CaseText(tmp_path, "short.toml", path).write("moved.toml", {0: PLACE}))
    assert moved.needles[0].target == (0.12, 0.3, 0.55)
    assert moved.needles[0].gauge == (13 if needles else 11)


def test_a_case_without_a_file_gets_one(tmp_path: Path) -> None:
    content = {"patient": {"demo": True}}
    written = CaseText(tmp_path, "L3.toml", content=content).write("L3-moved.toml", {0: PLACE})
    assert read_case(written) == with_places(build_case(content), {0: PLACE}, "L3")


def test_nothing_gives_way_unasked(source: CaseText) -> None:
    assert source.path is not None
    with pytest.raises(InputError, match=r"plan\.toml: is there already"):
        source.write("plan.toml", {0: PLACE})
    assert source.path.read_text() == CASE
    source.write("plan.toml", {0: PLACE}, replace=True)
    assert read_case(source.path).needles[0].camber_deg == 22.5
    assert [path.name for path in source.folder.iterdir()] == ["plan.toml"]


@pytest.mark.parametrize("name", ["", "plan", "plan.txt", "../plan.toml", "a/plan.toml", "/tmp/plan.toml", ".toml"])
def test_only_a_case_file_beside_the_given_one_is_written(source: CaseText, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a case file"):
        source.write(name, {0: PLACE})
    assert [path.name for path in source.folder.iterdir()] == ["plan.toml"]


def test_what_a_run_would_refuse_is_not_written(source: CaseText) -> None:
    assert source.path is not None
    with pytest.raises(InputError, match=r"needles\[1\]\.left = 1\.5 is not allowed"):
        source.write("moved.toml", {0: NeedlePlace(1.5, 0.3, 0.5, 0.0, 0.0)})
    source.path.write_text("[patient]\ndemo = true\n")
    with pytest.raises(InputError, match="fewer needles than it had"):
        source.write("moved.toml", {1: PLACE})
    source.path.unlink()
    with pytest.raises(InputError, match="no such case file"):
        source.write("moved.toml", {0: PLACE})
    assert not list(source.folder.iterdir())
