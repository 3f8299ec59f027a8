"""docs/sweeps.md stays true: every key of the sweep file, valid examples, every ready sweep."""

import re
import tomllib
from pathlib import Path

import pytest

from experiments.sweep.cases import plan_cases
from experiments.sweep.study import Study, Vary, ready_sweeps

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "sweeps.md").read_text(encoding="utf-8")


def test_every_key_is_on_the_page() -> None:
    missing = [key for key in (*Study.model_fields, *Vary.model_fields) if f"`{key}`" not in PAGE]
    assert missing == ["base", "vary"]  # headings of tables


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL))
def test_examples_are_valid(example: str) -> None:
    assert plan_cases(Study.model_validate(tomllib.loads(example)), "example", PROJECT).cases


def test_every_ready_sweep_is_on_the_page() -> None:
    assert all(f"`{name}`" in PAGE for name in ready_sweeps())
