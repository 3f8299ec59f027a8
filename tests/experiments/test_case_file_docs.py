"""docs/case-file.md stays true: every key with unit, range, default; and its examples are valid case files."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from experiments.case import Case, build_case
from experiments.case_errors import _choice, _nested_model

PAGE = Path(__file__).parents[2] / "docs" / "case-file.md"


def default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "empty" if field.default_factory else "required"
    if field.default is None:
        return "–"
    return str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"


def row(key: str, field: FieldInfo) -> str:
    allowed = _choice(field).removeprefix("choose ").replace("|", "/")
    if field.description and allowed == field.description:
        allowed = "a path" if "NIfTI" in field.description else "text"
    extra: Any = field.json_schema_extra or {}
    source = (
        f"{extra['source']} ({extra['tag']})"
        if "tag" in extra and field.default not in (None, PydanticUndefined, ...)
        else ""
    )
    return f"| `{key}` | {field.description} | {allowed} | {default(field)} | {source} |"


def rows(model: type[BaseModel]) -> list[str]:
    found = []
    for key, field in model.model_fields.items():
        nested = _nested_model(field.annotation)
        if nested is None:
            found.append(row(key, field))
        else:
            found += rows(nested)
    return found


@pytest.mark.parametrize("expected", rows(Case))
def test_every_key_has_its_row(expected: str) -> None:
    assert expected in PAGE.read_text(encoding="utf-8").splitlines()


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("example", examples())
def test_examples_are_valid(example: str, tmp_path: Path) -> None:
    content = tomllib.loads(example)
    content.setdefault("patient", {"demo": True})
    for key in ("ct", "mask", "subregions"):
        if key in content["patient"]:
            (tmp_path / content["patient"][key]).touch()
    assert build_case(content, "case.toml", tmp_path)
