"""Every entry of results and manifest is declared once, and files of another version are refused by name."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from experiments.case.identity import code_version
from experiments.cli.main import app
from experiments.results.finished_case import FinishedCase
from experiments.results.format import FORMAT, FORMAT_VERSION, check_format_version, is_ours
from experiments.results.parts.base import Part
from experiments.results.parts.manifest import Manifest, MeshManifest
from experiments.results.parts.page import page
from experiments.results.parts.quantities import given_kind, kind_of_values, quantity_of
from experiments.results.parts.results import Results
from meshes.errors import InputError

ROOT = Path(__file__).parents[3]


def parts_below(part: type[Part]) -> Iterator[type[Part]]:
    yield part
    for field in part.model_fields.values():
        kind = given_kind(field.annotation)
        kind = kind_of_values(kind) or kind
        for inner in (kind, *get_args(kind)):
            if isinstance(inner, type) and issubclass(inner, Part):
                yield from parts_below(inner)


ALL = sorted(
    {part for root in (Results, Manifest, MeshManifest) for part in parts_below(root)}, key=lambda p: p.__name__
)


def holds_numbers(annotation: Any) -> bool:
    return annotation in (float, int) or any(holds_numbers(kind) for kind in get_args(annotation))


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.__name__)
def test_every_entry_is_one_sentence_and_every_number_has_label_and_unit(part: type[Part]) -> None:
    for name, field in part.model_fields.items():
        known = part.quantity(name)
        assert known.description.endswith("."), name
        assert ". " not in known.description.removesuffix("."), name
        if holds_numbers(field.annotation):
            assert known.unit, name
            assert known.label, name


def test_the_page_is_that_of_the_models() -> None:
    written = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert written == page(), "run 'python -m experiments.results.parts.page > docs/results.md'"


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("injection.leaked_ml", "cement leaked", "ml"),
        ("injection.leaks.disc_superior.volume_ml", "cement leaked, disc superior", "ml"),
        ("injection.needles[2].peak_tip_pressure_kpa", "peak tip pressure, needle 2", "kPa"),
        ("load.augmented.von_mises_mpa.bone.p99", "von Mises stress, 99th percentile, augmented, bone", "MPa"),
        ("stiffness.intact.flexion_nm_per_deg", "stiffness in flexion, intact", "N m/deg"),
        ("seconds.injection", "time of a stage, injection", "s"),
        ("peak_memory_mb", "peak memory", "MB"),
    ],
)
def test_dotted_names_tell_label_and_unit(name: str, label: str, unit: str) -> None:
    found = quantity_of(name)
    assert found is not None
    assert (found.label, found.unit) == (label, unit)


@pytest.mark.parametrize("name", ["injection", "injection.leaks", "injection.leaks.disc_superior", "leaked_ml", "a..b"])
def test_what_is_no_entry_has_no_label(name: str) -> None:
    assert quantity_of(name) is None


def test_files_come_back_as_they_were_written(finished_demo: FinishedCase) -> None:
    for name, model in (("results", Results), ("manifest", Manifest)):
        content = json.loads((finished_demo.folder / f"{name}.json").read_text())
        assert content["format_version"] == FORMAT_VERSION
        assert model.model_validate(content).plain() == content


@pytest.mark.parametrize("change", ["lacks", "holds more"])
def test_entries_that_nobody_declared_are_refused(finished_demo: FinishedCase, change: str) -> None:
    content = json.loads((finished_demo.folder / "results.json").read_text())
    if change == "lacks":
        del content["fill"]["pattern"]
    else:
        content["fill"]["pattern_2"] = 1.0
    with pytest.raises(ValidationError):
        Results.model_validate(content)


def test_cement_is_injected_or_prescribed(finished_demo: FinishedCase) -> None:
    content = json.loads((finished_demo.folder / "results.json").read_text())
    with pytest.raises(ValidationError, match="either injected, prescribed or measured"):
        Results.model_validate({**content, "prescribed_cement": {"source": "shapes"}})
    with pytest.raises(ValidationError, match="belong together"):
        Results.model_validate({key: value for key, value in content.items() if key != "load"})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"format": "vertebroplasty-case-1"}, r"of format 1, which vertebroplasty 0\.1\.0\+abc reads"),
        ({"format": FORMAT, "format_version": FORMAT_VERSION + 1}, rf"of format {FORMAT_VERSION + 1}, which"),
        ({}, "of format unknown"),
    ],
)
def test_another_version_is_refused_with_what_reads_it(content: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        check_format_version(Path("case"), content, "0.1.0+abc")
    assert f"this is vertebroplasty {code_version()}, which reads format {FORMAT_VERSION}" in str(refused.value)
    check_format_version(Path("case"), {"format_version": FORMAT_VERSION}, None)


def test_folders_of_all_versions_are_ours_to_replace() -> None:
    assert is_ours({"format": "vertebroplasty-case-1"})
    assert is_ours({"format": FORMAT, "format_version": FORMAT_VERSION + 1})
    assert not is_ours({"format": "another", "format_version": FORMAT_VERSION})
    assert not is_ours([])


def test_every_reader_of_folders_refuses_another_version(finished_demo: FinishedCase, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(finished_demo.folder, older, ignore=shutil.ignore_patterns("pictures"))
    manifest = json.loads((older / "manifest.json").read_text())
    del manifest["format_version"]
    (older / "manifest.json").write_text(json.dumps({**manifest, "format": "vertebroplasty-case-1"}))
    for command in (
        ["report", str(older)],
        ["view", str(older), "--port", "0"],
        ["compare", str(older), str(finished_demo.folder), "-o", str(tmp_path / "out")],
        ["export", str(older)],
        ["draw", str(older)],
        ["animate", str(older)],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2, command
        assert f"of format 1, which vertebroplasty {manifest['identity']['code']} reads" in result.output, command


def test_the_schemas_name_units_and_meanings() -> None:
    for name, definition, key in (("results", "FillResults", "occupied_ml"), ("manifest", "TissueRecord", "volume_ml")):
        result = CliRunner().invoke(app, ["schema", name])
        assert result.exit_code == 0
        entry = json.loads(result.output)["$defs"][definition]["properties"][key]
        assert (entry["unit"], entry["type"]) == ("ml", "number")
        assert entry["title"]
        assert entry["description"]
    assert json.loads(CliRunner().invoke(app, ["schema"]).output)["title"] == "Case"
    refused = CliRunner().invoke(app, ["schema", "fields"])
    assert refused.exit_code == 2
    assert "choose case, results or manifest" in refused.output
