"""docs/case-file.md stays true: every key with unit, range, default; and its examples are valid case files."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from experiments.case.errors import _choice, _is_table_list, _nested_model
from experiments.case.rheometer_file import read_rheometer
from experiments.case.schema import PATHS, Case, build_case

PAGE = Path(__file__).parents[3] / "docs" / "case-file.md"


def default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "empty" if field.default_factory else "required"
    if field.default is None:
        return "–"
    return str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"


def row(key: str, field: FieldInfo) -> str:
    allowed = _choice(field).removeprefix("choose ").replace("|", "/")
    if field.description and allowed == field.description:
        allowed = "a path" if "Path" in str(field.annotation) else "text"
    extra: Any = field.json_schema_extra or {}
    source = (
        f"{extra['source']} ({extra['tag']})"
        if "tag" in extra and field.default not in (None, PydanticUndefined, ...)
        else ""
    )
    return f"| `{key}` | {field.description} | {allowed} | {default(field)} | {source} |"


def tables(model: type[BaseModel], heading: str = "Keys", place: str = "") -> dict[str, list[str]]:
    """Heading -> the rows below it, for ``model`` and all tables inside it."""
    found: dict[str, list[str]] = {heading: []}
    for key, field in model.model_fields.items():
        nested = _nested_model(field.annotation)
        if nested is None:
            found[heading].append(row(key, field))
            continue
        name = f"{place}{key}"
        found |= tables(nested, f"[[{name}]]" if _is_table_list(field.annotation) else f"[{name}]", f"{name}.")
    return found


def page_tables() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `"):
            found.setdefault(heading, []).append(line)
    return found


@pytest.mark.parametrize(("heading", "rows"), tables(Case).items(), ids=list(tables(Case)))
def test_every_key_has_its_row(heading: str, rows: list[str]) -> None:
    assert page_tables()[heading] == rows


def test_the_page_has_no_other_tables() -> None:
    assert set(page_tables()) == set(tables(Case))


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_examples_are_valid(example: str, tmp_path: Path) -> None:
    content = tomllib.loads(example)
    content.setdefault("patient", {"demo": True})
    named = [content["patient"].get(key) for key in PATHS]
    named += [
        content.get("cement", {}).get("rheometer"),
        content.get("prescribed_cement", {}).get("mask"),
        *(lesion.get("mask") for lesion in content.get("lesions", [])),
    ]
    for name in filter(None, named):
        (tmp_path / name).touch()
    assert build_case(content, "case.toml", tmp_path)


def test_the_rheometer_example_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```csv\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "cement.csv").write_text(example)
    assert len(read_rheometer(tmp_path / "cement.csv").age) == len(example.splitlines()) - 1
