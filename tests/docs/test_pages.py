"""The pages for users stay true: examples are valid, commands and names exist; the reference has every room."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

import vertebroplasty
from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.cohorts.cohort_file import read_cohort
from experiments.cohorts.trial_file import read_trial
from experiments.sweep.cases import read_plan

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", DOCS / "index.md", DOCS / "start.md", *sorted((DOCS / "how-to").glob("*.md"))]
WITHOUT_REFERENCE = {
    "experiments.case.sections": "docs/case-file.md lists the keys",
    "experiments.cli": "--help lists the commands",
    "experiments.export": "docs/pictures.md",
    "experiments.pictures": "docs/pictures.md",
    "experiments.report": "docs/report.md",
    "experiments.verification": "docs/verification.md",
    "experiments.viewer": "docs/report.md",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


EXAMPLES = [(path, number, text) for path in PAGES for number, text in enumerate(fences(path, "toml"), 1)]


@pytest.mark.parametrize(("path", "number", "text"), EXAMPLES, ids=[f"{name(p)}-{n}" for p, n, _ in EXAMPLES])
def test_examples_are_valid(path: Path, number: int, text: str, tmp_path: Path) -> None:
    content = tomllib.loads(text)
    if "vary" in content:
        (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
        assert read_plan(tmp_path / "sweep.toml").cases
        return
    if "arms" in content:
        (tmp_path / "trial.toml").write_text(text, encoding="utf-8")
        assert len(read_trial(tmp_path / "trial.toml").arms) == 2
        return
    if "population" in content:
        (tmp_path / "cohort.toml").write_text(text, encoding="utf-8")
        assert read_cohort(tmp_path / "cohort.toml").patients
        return
    content.setdefault("patient", {"demo": True})
    for file in re.findall(r'"([\w-]+\.(?:nii\.gz|csv|nrrd|seg\.nrrd|mrk\.json))"', text):
        (tmp_path / file).touch()
    assert build_case(content, path.name, tmp_path)


def test_commands_exist() -> None:
    group: Any = typer.main.get_command(app)
    lines = [
        line.partition("#")[0].partition("&&")[2] or line.partition("#")[0]
        for path in PAGES
        for fence in fences(path, "bash")
        for line in fence.splitlines()
    ]
    lines += [
        quoted for path in PAGES for quoted in re.findall(r"`(?:uv run )?(vertebroplasty [^`]+)`", path.read_text())
    ]
    commands = [line.rpartition("vertebroplasty ")[2] for line in lines if "vertebroplasty " in line]
    assert len(commands) > 20
    for command in commands:
        for part in command.split("&&"):
            called, *arguments = shlex.split(part.removeprefix(" vertebroplasty "))
            assert called in group.commands, command
            if arguments or called in ("demo", "doctor", "schema"):
                group.commands[called].make_context(called, arguments)  # refuses options that it does not know


def test_python_names_exist() -> None:
    used = {
        word
        for path in PAGES
        for fence in fences(path, "python")
        for word in re.findall(r"\bvertebroplasty\.(\w+)", fence)
    }
    assert {"run", "build_case", "open_case", "compare", "sweep", "analyse", "plot"} <= used <= {*dir(vertebroplasty)}


def test_the_reference_of_the_front_door_has_every_name() -> None:
    page = (DOCS / "api" / "vertebroplasty.md").read_text(encoding="utf-8")
    assert [word for word in vertebroplasty.__all__ if not re.search(rf"\b{word}\b", page)] == []


def test_every_room_has_a_page_of_the_reference() -> None:
    rooms = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for folder in ("experiments", "fem", "materials", "meshes")
        for file in (ROOT / folder).rglob("__init__.py")
    }
    pages = {path.stem for path in (DOCS / "api").glob("*.md")} - {"vertebroplasty"}
    assert pages == rooms - set(WITHOUT_REFERENCE)


def test_one_version_everywhere() -> None:
    released = re.findall(
        r"^## (\d+\.\d+\.\d+) – (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert released[0][0] == about["version"]
    assert f"\nversion: {released[0][0]}\ndate-released: {released[0][1]}\n" in citation
    assert sorted(released, key=lambda entry: [int(part) for part in entry[0].split(".")], reverse=True) == released
