"""Every template is a case that loads, whose needles fit what they are there for, and whose plan raises no doubt."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.case.laws import Laws
from experiments.case.schema import Case, json_schema, read_case
from experiments.case.templates import SCHEMA, TEMPLATES, template_names, write_template
from experiments.cli.main import app
from experiments.model.needle_paths import plan_paths
from experiments.model.preparation import prepare
from experiments.results.progress import Progress
from meshes.errors import InputError
from meshes.vertebra import Vertebra

NAMES = ["cleft", "fracture", "kyphoplasty", "metastasis", "osteoporotic", "own-cement", "prescribed"]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {name: read_case(TEMPLATES / f"{name}.toml") for name in NAMES}


def test_there_is_one_for_each_procedure_and_the_help_names_it() -> None:
    assert template_names() == NAMES
    told = " ".join(CliRunner().invoke(app, ["new", "--help"], env={"COLUMNS": "400"}).output.split())
    for name in NAMES:
        assert name in told


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_written_with_its_schema_and_stays_what_it_is(name: str, tmp_path: Path) -> None:
    written = write_template(tmp_path / "deep" / "mine.toml", name)
    assert {path.name for path in written} == {path.name for path in (tmp_path / "deep").iterdir()}
    lines = written[0].read_text().splitlines()
    assert lines[0] == f"#:schema {SCHEMA}"
    assert json.loads((tmp_path / "deep" / SCHEMA).read_text()) == json_schema()
    assert sum("#" in line for line in lines) > 6  # commented
    assert read_case(written[0]).title


@pytest.mark.parametrize("name", NAMES)
def test_a_template_meets_the_schema_that_editors_check_it_by(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is missing: uv sync --group docs")
    jsonschema.validate(tomllib.loads((TEMPLATES / f"{name}.toml").read_text()), json_schema())


@pytest.mark.parametrize("name", NAMES)
def test_its_needles_can_be_laid_without_a_doubt(name: str, cases: dict[str, Case], demo_vertebra: Vertebra) -> None:
    case = cases[name]
    if case.prescribed_cement is None and case.fracture is None:  # a broken body is another one, see the slow test
        paths = plan_paths(case.needles, Laws.of_case(case).cannulas, demo_vertebra)
        assert [path.warnings for path in paths] == [()] * len(case.needles)


@pytest.mark.parametrize("name", ["cleft", "kyphoplasty", "metastasis"])
def test_every_lesion_and_cavity_has_its_needle(name: str, cases: dict[str, Case], demo_vertebra: Vertebra) -> None:
    case, frame = cases[name], demo_vertebra.frame
    targets = [*case.lesions, *case.cavities]
    assert len(targets) == len(case.needles)
    for target, needle in zip(targets, case.needles, strict=True):
        radius = (0.75 * 1000.0 * (getattr(target, "volume_ml", None) or 0.0) / np.pi) ** (1.0 / 3.0)
        axes = np.array(target.semi_axes_mm or [radius] * 3)
        assert target.centre[0] is not None
        away = frame.point(*needle.target) - frame.point(*target.centre)
        assert np.linalg.norm(away / axes) < 1.0
        if abs(target.centre[0]) > 0.1:
            assert (target.centre[0] > 0.0) == (needle.side == "left")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_prepared_without_a_warning(name: str, cases: dict[str, Case]) -> None:
    case = cases[name]
    case = case.model_copy(update={"mesh": case.mesh.model_copy(update={"size_mm": 3.0})})
    warnings = prepare(case, Laws.of_case(case), Progress()).warnings
    assert [text for text in warnings if "the cement is prescribed" not in text] == []


def test_nothing_is_replaced_and_no_other_name_is_taken(tmp_path: Path) -> None:
    write_template(tmp_path / "a.toml", "Own_Cement")
    (tmp_path / "own-cement.csv").write_text("mine")
    with pytest.raises(InputError, match="is there already and is not replaced"):
        write_template(tmp_path / "a.toml", "cleft")
    write_template(tmp_path / "b.toml", "own-cement")
    assert (tmp_path / "own-cement.csv").read_text() == "mine"
    with pytest.raises(InputError, match="did you mean 'kyphoplasty'"):
        write_template(tmp_path / "c.toml", "kyphoplasti")
    with pytest.raises(InputError, match=r"choose cleft, fracture, .* or prescribed"):
        write_template(tmp_path / "c.toml", "xyz")
    with pytest.raises(InputError, match=r"ends in \.toml"):
        write_template(tmp_path / "c.txt", "cleft")
    assert not (tmp_path / "c.toml").exists()


def test_the_command_tells_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["new", str(tmp_path / "mine.toml"), "--like", "cleft"])
    assert result.exit_code == 0
    assert f"Next: vertebroplasty check {tmp_path / 'mine.toml'}" in result.output
    again = CliRunner().invoke(app, ["new", str(tmp_path / "mine.toml")])
    assert again.exit_code == 2
    assert "not replaced" in again.output
