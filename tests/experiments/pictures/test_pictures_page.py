"""The page of pictures shows files that are there, made by commands that exist; the notebook ran to its end."""

import importlib.util
import json
import re
import shlex
from pathlib import Path
from typing import Any

import typer

from experiments.cli.main import app

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "pictures.md").read_text(encoding="utf-8")
REPORT = (DOCS / "report.md").read_text(encoding="utf-8")
OTHERS = "".join(
    path.read_text(encoding="utf-8")
    for path in (DOCS.parent / "README.md", DOCS / "index.md", *sorted((DOCS / "how-to").glob("*.md")))
)

specification = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
assert specification is not None
assert specification.loader is not None
make_pictures = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make_pictures)


def test_every_picture_of_the_pages_is_made_by_the_script_and_there() -> None:
    shown = set(re.findall(r"\]\((?:docs/|\.\./)?images/([^)]+)\)", PAGE + REPORT + OTHERS))
    assert shown == {
        *make_pictures.PICTURES, *make_pictures.MOVIES, make_pictures.VERIFICATION, make_pictures.REPORT,
        make_pictures.VIEWER, make_pictures.PLAN,
    }  # fmt: skip
    assert {name for name in shown if not (DOCS / "images" / name).is_file()} == set()


def test_the_page_and_the_script_name_commands_that_exist() -> None:
    group: Any = typer.main.get_command(app)
    lines = [
        *re.findall(r"`(vertebroplasty [^`]+)`", PAGE),
        *re.findall(r"^vertebroplasty [^#\n]+", PAGE, re.MULTILINE),
    ]
    for line in [*lines, *make_pictures.COMMANDS]:
        name, *arguments = shlex.split(line)[1:]
        assert name in group.commands
        if arguments or name == "demo":
            group.commands[name].make_context(name, arguments)  # refuses options that it does not know
    gallery = [line for line in PAGE.splitlines() if line.startswith("| ![")]
    for row in gallery:
        assert re.search(r"`(vertebroplasty [^`]+)`", row)[1] in make_pictures.COMMANDS  # type: ignore[index]


def test_the_notebook_ran_to_its_end_with_pictures() -> None:
    path = DOCS / "walkthrough.ipynb"
    assert path.stat().st_size < 1_500_000
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "error" not in {output["output_type"] for output in outputs}
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert "/work/" not in json.dumps([output for output in outputs if output["output_type"] == "stream"])
