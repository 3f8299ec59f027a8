"""docs/case-file.md stays true: every key with unit, range, default; and its examples are valid case files."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.case.case_file_page import page
from experiments.case.rheometer_file import read_rheometer
from experiments.case.schema import build_case, json_schema

PAGE = Path(__file__).parents[3] / "docs" / "case-file.md"


def test_the_page_is_that_of_the_code() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "run 'python -m experiments.case.case_file_page > docs/case-file.md'"


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Key and JSON Schema of every key that holds no table, of every table, with the name of the table's model."""
    for model, table in {**schema["$defs"], "Case": schema}.items():
        for key, entry in table["properties"].items():
            if "$ref" not in json.dumps({**entry, "additionalProperties": None}):
                yield f"{model}.{key}", entry


@pytest.mark.parametrize(("key", "entry"), list(properties(json_schema())))
def test_the_page_says_what_the_schema_says(key: str, entry: dict[str, Any]) -> None:
    start = f"| `{key.rpartition('.')[2]}` | {entry['description']} |"
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith(start)]
    bounds = [] if "allowed" in entry else [entry, *entry.get("anyOf", ())]
    told = [f"{bound[end]:g}" for bound in bounds for end in ("minimum", "maximum") if end in bound]
    told += [entry["allowed"]] if "allowed" in entry else []
    told += [f"'{choice}'" for choice in entry.get("enum", ()) if isinstance(choice, str)]
    if "tag" in entry and entry.get("default") is not None:
        told += [f"| {entry['default']} |", f"{entry['source']} ({entry['tag']})"]
    assert any(all(text in row for text in told) for row in rows), told


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_examples_are_valid(example: str, tmp_path: Path) -> None:
    content = tomllib.loads(example)
    content.setdefault("patient", {"demo": True})
    for name in re.findall(r'"(\w+\.(?:nii\.gz|csv|vtp))"', example):
        (tmp_path / name).touch()
    assert build_case(content, "case.toml", tmp_path)


def test_the_rheometer_example_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```csv\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "cement.csv").write_text(example)
    assert len(read_rheometer(tmp_path / "cement.csv").age) == len(example.splitlines()) - 1
