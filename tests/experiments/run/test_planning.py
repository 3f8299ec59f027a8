"""The command ``check``: the plan as a run would see it, pictures, a page and warnings, and nothing injected."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from experiments.case.schema import Case
from experiments.cli.main import app
from experiments.results.parts.manifest import PlanManifest
from experiments.results.wording import NOTICE
from meshes.demo_patient import demo_patient

# the tip lies across the midline; the mesh is the one that other tests make of the demo
CASE = """
title = "a plan <b>with</b> a slip"

[patient]
demo = true

[mesh]
needle_size_mm = 1.0

[[needles]]
side = "right"
left = 0.2

[[lesions]]
kind = "osteolytic"
left = -0.4
depth = 0.4
height = 0.5
semi_axes_mm = [6.0, 6.0, 6.0]
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("check")
    (folder / "slip.toml").write_text(CASE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.pictures.scene.PANEL_PIXELS", 300)
        result = CliRunner().invoke(app, ["check", str(folder / "slip.toml"), "-o", str(folder / "out")])
    assert result.exit_code == 0, result.output
    return folder / "out", " ".join(result.output.split())


def test_the_plan_is_told_with_its_warning(checked: tuple[Path, str]) -> None:
    out, told = checked
    needle = PlanManifest.model_validate_json((out / "manifest.json").read_text()).needles[0]
    assert "needle 1, right tip 4.6 mm left" in told
    assert f"camber {needle.camber_deg:.0f}°" in told
    assert f"{abs(needle.clearance_mm or 0.0):.1f} mm" in told
    assert "warning: needles[1] enters on the right, but its tip lies 5 mm across the midline" in told
    assert "lesion 1 0.9" in told  # 4 pi / 3 * 6^3 mm3 = 0.905 ml
    assert NOTICE in told


def test_nothing_is_injected_and_the_folder_says_what_it_is(checked: tuple[Path, str]) -> None:
    out, _ = checked
    assert {path.name for path in out.iterdir()} == {"manifest.json", "report.html", "pictures"}
    manifest = PlanManifest.model_validate_json((out / "manifest.json").read_text())
    assert manifest.needles[0].clearance_side in ("lateral", "medial", "upper", "lower")
    assert manifest.case["mesh"]["size_mm"] == 1.5  # what is asked, though the plan is meshed coarsely
    again = CliRunner().invoke(app, ["report", str(out)])
    assert again.exit_code == 2
    assert "give the folder of a finished run" in again.output


def test_pictures_show_the_needle_and_the_lesion(checked: tuple[Path, str]) -> None:
    out, _ = checked
    assert {path.name for path in (out / "pictures").iterdir()} == {"plan_needle_1.png", "plan_bodies.png"}
    pixels = 255.0 * imread(out / "pictures" / "plan_needle_1.png")[..., :3].reshape(-1, 3)
    for color in ((0xF0, 0xE4, 0x42), (0x88, 0x22, 0x55)):  # the body's edge, and the lesion's
        assert np.mean(np.abs(pixels - color).max(axis=1) < 12.0) > 1e-4, color


def test_the_page_holds_pictures_warnings_and_scene(checked: tuple[Path, str]) -> None:
    page = (checked[0] / "report.html").read_text(encoding="utf-8")
    assert "a plan &lt;b&gt;with&lt;/b&gt; a slip" in page
    assert page.count('<img src="data:image/png;base64,') == 2
    assert "across the midline" in page
    assert 'mm</span><span class="detail">of bone around it' in page
    assert "vtk" in page


def test_a_ct_and_its_mask_are_a_case_with_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Case] = []

    def stand_in(case: Case, out: Path, progress: object) -> SimpleNamespace:
        asked.append(case)
        assert out == Path("results", "check-L3")
        return SimpleNamespace(rows=[], prepared=SimpleNamespace(warnings=("a sentence",)))

    monkeypatch.setattr("experiments.run.planning.check_and_store", stand_in)
    files = demo_patient()
    command = ["check", str(files.ct), str(files.mask), "--subregions", str(files.subregions), "--level", "L3"]
    result = CliRunner().invoke(app, command)
    assert "warning: a sentence" in result.output
    (case,) = asked
    assert case.patient.level == "L3"
    assert case.patient.ct == files.ct
    assert [needle.side for needle in case.needles] == ["left"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.nii", "b.nii"], "--level is missing"),
        (["a.toml", "--level", "L3"], "stand in [patient] of a case file"),
        (["a", "b", "c"], "3 files are given"),
        (["missing.toml"], "no such case file"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["check", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
