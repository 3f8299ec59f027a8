"""The page of typical mistakes: each is made, and what is said is what the page has."""

import re
from collections.abc import Callable
from pathlib import Path

import mistakes
import pytest

from meshes.demo_patient import DemoPatient
from meshes.vertebra import Vertebra

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "mistakes.md"
ROWS = dict(re.findall(r"^\| (?!what one does|---)(.+?) \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
LEAST = 29


def agrees(name: str, said: str, folder: Path) -> None:
    """Whether all that the page quotes of a sentence is in what is said, in this order, and in one line of it."""
    quoted = [re.escape(part.strip()) for part in ROWS[name].split("…")]
    lines = said.replace(f"{folder}/", "").splitlines()
    assert any(re.search(".*".join(quoted), line) for line in lines), (ROWS[name], lines)


def test_the_page_lists_all_that_is_tested() -> None:
    tested = [*mistakes.CASE_FILES, *mistakes.PLANS, *mistakes.IMAGES, *mistakes.COMMANDS]
    assert list(ROWS) == tested
    assert len(tested) >= LEAST
    assert len(set(ROWS.values())) > 0.9 * len(tested)


@pytest.mark.parametrize("name", mistakes.CASE_FILES)
def test_a_mistake_in_a_case_file(name: str, tmp_path: Path) -> None:
    agrees(name, mistakes.said_of_case_file(mistakes.CASE_FILES[name], tmp_path), tmp_path)


@pytest.mark.parametrize("name", mistakes.PLANS)
def test_a_mistake_in_a_plan(name: str, tmp_path: Path, demo_vertebra: Vertebra) -> None:
    agrees(name, mistakes.said_of_plan(mistakes.PLANS[name], tmp_path, demo_vertebra), tmp_path)


@pytest.mark.parametrize("name", mistakes.IMAGES)
def test_a_mistake_in_the_images(name: str, tmp_path: Path, rewrite: Callable[..., DemoPatient]) -> None:
    agrees(name, mistakes.said_of_images(mistakes.IMAGES[name], tmp_path, rewrite, name), tmp_path)


@pytest.mark.parametrize("name", mistakes.COMMANDS)
def test_a_mistake_on_the_command_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    agrees(name, mistakes.said_of_command(mistakes.COMMANDS[name]), tmp_path)


def test_what_is_right_says_nothing(demo_vertebra: Vertebra, tmp_path: Path) -> None:
    right = mistakes.DEMO + '[cement]\nviscosity = "low"\n[[needles]]\ngauge = 11\nleft = 0.2\n'
    assert mistakes.said_of_case_file(right, tmp_path) == ""
    assert mistakes.said_of_plan(right, tmp_path, demo_vertebra) == ""
