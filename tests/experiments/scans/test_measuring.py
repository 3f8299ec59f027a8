"""From files to the folder of a measured CT, by the command and by its parts."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from burnt_in import ball, shares
from typer.testing import CliRunner

from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.model.patient import read_patient
from experiments.results.finished_case import FinishedCase
from experiments.scans.heights import scanned_heights
from experiments.scans.measuring import measure
from meshes.demo_patient import DemoPatient
from meshes.images.image import read_ct
from meshes.vertebra import Vertebra

LEAK = 4.0  # mm, radius
MIDDLE = 8.0


@pytest.fixture(scope="module")
def post(demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's CT after cement was burnt in: 2.1 ml in the body, left of its middle, and a ball at its left side."""
    folder = tmp_path_factory.mktemp("post")
    frame, ct, stored = demo_vertebra.frame, read_ct(demo_files.ct), nib.load(demo_files.ct)
    solids = [
        ball(frame.point(0.35, 0.4, 0.5), MIDDLE),
        ball(frame.point(1.0, 0.5, 0.5) + np.array([4.5, 0.0, 0.0]), LEAK),
    ]
    share = shares(ct, frame, solids)
    values = ct.values * (1.0 - share) + 3000.0 * share
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ct.affine
    nib.save(nib.Nifti1Image(values.astype(np.int16), affine), folder / "ct.nii.gz")
    on_file = np.asarray(stored.dataobj)
    assert on_file.size == values.size
    nib.save(nib.Nifti1Image((share > 0.5).astype(np.uint8), affine), folder / "cement.nii.gz")
    for name in ("mask", "subregions"):
        (folder / f"{name}.nii.gz").write_bytes(getattr(demo_files, name).read_bytes())
    return folder


def arguments(post: Path, *more: str) -> list[str]:
    files = [str(post / "ct.nii.gz"), str(post / "mask.nii.gz")]
    return [
        "measure",
        *files,
        "--level",
        "L3",
        "--labels",
        "verse",
        "--subregions",
        str(post / "subregions.nii.gz"),
        *more,
    ]


@pytest.fixture(scope="module")
def folder(post: Path) -> Path:
    """The folder that a case file without pictures gives."""
    case, out = post / "case.toml", post / "measured"
    case.write_text(
        '[patient]\nct = "ct.nii.gz"\nmask = "mask.nii.gz"\nsubregions = "subregions.nii.gz"\nlevel = "L3"\n'
        'labels = "verse"\n\n[output]\npictures = false\n'
    )
    told = CliRunner().invoke(app, ["measure", str(case), "--puncture-side", "left", "-o", str(out)])
    assert told.exit_code == 0, told.output
    assert "paravertebral left" in told.output
    return out


def test_the_folder_holds_fill_leaks_and_heights(folder: Path, demo_vertebra: Vertebra) -> None:
    results = json.loads((folder / "results.json").read_text())
    volume = 4.0e-3 / 3.0 * np.pi * MIDDLE**3
    assert results["fill"]["occupied_ml"] == pytest.approx(volume, rel=0.02)
    assert results["fill"]["cement_ml"] is None
    assert results["fill"]["puncture_side"] == "left"
    assert results["volumetry"]["puncture_side_ratio"] == pytest.approx(
        1e3 * volume / demo_vertebra.body_volume, rel=0.04
    )
    leaks = {site: leak for site, leak in results["leaks"].items() if leak["observed"]}
    assert list(leaks) == ["paravertebral_left"]
    assert leaks["paravertebral_left"]["volume_ml"] == pytest.approx(4.0e-3 / 3.0 * np.pi * LEAK**3, rel=0.05)
    assert leaks["paravertebral_left"]["severity"] == "punctual"
    assert results["heights"]["anterior_mm"] > results["heights"]["middle_mm"]
    assert results["heights"]["relative"] is None  # L2 and L4 are cut by the image
    assert "injection" not in results


def test_the_folder_is_read_back_as_a_measured_case(folder: Path, demo_vertebra: Vertebra) -> None:
    case = FinishedCase.read(folder)
    assert case.measured
    assert not case.injected
    parts = case.scanned_cement()
    assert set(parts) == {"body", "paravertebral_left"}
    ct = case.ct()
    assert parts["body"].sum() * ct.voxel_volume / 1000.0 == pytest.approx(case.results.fill.occupied_ml)
    centre = demo_vertebra.frame.to_frame(ct.to_world(np.argwhere(parts["paravertebral_left"]))).mean(axis=0)
    np.testing.assert_allclose(centre, demo_vertebra.frame.point(1.0, 0.5, 0.5) + np.array([4.5, 0.0, 0.0]), atol=0.5)
    weights = case.saturation() * case.mesh.cell_volumes
    assert weights.sum() / 1000.0 == pytest.approx(case.results.fill.occupied_ml, rel=0.03)


def test_the_row_has_every_number_by_its_name(folder: Path) -> None:
    with (folder / "measures.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    results = json.loads((folder / "results.json").read_text())
    assert row["case"] == "measured"
    assert float(row["leaks.paravertebral_left.volume_ml"]) == results["leaks"]["paravertebral_left"]["volume_ml"]
    assert row["fill.cement_ml"] == ""
    assert float(row["volumetry.cement_ratio"]) == results["volumetry"]["cement_ratio"]


@pytest.mark.slow
def test_a_mask_tells_the_same_cement(post: Path, folder: Path) -> None:
    patient = {name: str(post / f"{name}.nii.gz") for name in ("ct", "mask", "subregions")}
    content = {
        "patient": {**patient, "level": "L3", "labels": "verse"},
        "prescribed_cement": {"mask": str(post / "cement.nii.gz")},
        "mechanics": {"enabled": False},
    }
    measured = measure(build_case(content))
    by_threshold = FinishedCase.read(folder).results
    assert measured.results.fill.occupied_ml == pytest.approx(by_threshold.fill.occupied_ml, rel=0.03)
    assert measured.results.scan.threshold_low_hu is None
    assert measured.results.fill.puncture_side is None
    assert measured.results.fill.puncture_side_occupied_ratio is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--puncture-side", "both"], "left or right"),
        (["--threshold", "400"], "1000"),
        (["--threshold", "3100"], "--threshold 3100 is not allowed"),
        (["--threshold", "0"], "less than 3071 HU"),
        (["--threshold", "2000", "--cement", "x.nii.gz"], "keep one"),
        (["--cement", "nowhere.nii.gz"], "nowhere.nii.gz"),
    ],
)
def test_what_cannot_be_measured_ends_in_one_sentence(post: Path, tmp_path: Path, more: list[str], says: str) -> None:
    told = CliRunner().invoke(app, arguments(post, *more, "-o", str(tmp_path / "out")))
    assert told.exit_code == 2
    assert says in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_ct_without_cement_is_refused(demo_files: DemoPatient, tmp_path: Path) -> None:
    files = [str(demo_files.ct), str(demo_files.mask)]
    told = CliRunner().invoke(
        app, ["measure", *files, "--level", "L3", "--labels", "verse", "-o", str(tmp_path / "out")]
    )
    assert told.exit_code == 2
    assert "no cement in the body of L3" in told.stderr


def test_a_level_or_a_mask_that_is_missing_is_named(tmp_path: Path) -> None:
    for files, says in (
        (["ct.nii.gz", "mask.nii.gz"], "--level is missing"),
        (["a", "b", "c"], "3 files"),
        (["ct.nii"], "one file"),
    ):
        told = CliRunner().invoke(app, ["measure", *files, "-o", str(tmp_path / "out")])
        assert told.exit_code == 2
        assert says in told.stderr


def column_of_boxes(folder: Path, heights: dict[int, float]) -> dict[str, str]:
    """Three bodies of 40 x 30 mm one above the other, as VerSe numbers, with a ball of cement in the middle one."""
    shape, z = (60, 50, 110), 12
    mask, ct = np.zeros(shape, np.uint8), np.full(shape, -50, np.int16)
    ct[0] = -900
    for number, height in heights.items():
        mask[10:50, 10:40, z : z + int(height)] = number
        if number == 21:
            middle = z + height / 2.0 - 0.5
        z += int(height) + 8
    ct[mask > 0] = 150
    ct[10, 20, 15] = 400
    index = np.moveaxis(np.indices(shape), 0, -1)
    ct[np.linalg.norm(index - [29.5, 24.5, middle], axis=-1) < 6.0] = 2500
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    nib.save(nib.Nifti1Image(ct, affine), folder / "ct.nii.gz")
    nib.save(nib.Nifti1Image(mask, affine), folder / "mask.nii.gz")
    return {"ct": str(folder / "ct.nii.gz"), "mask": str(folder / "mask.nii.gz"), "level": "L2", "labels": "verse"}


def test_heights_are_set_against_those_of_both_neighbours(tmp_path: Path) -> None:
    patient = column_of_boxes(tmp_path, {22: 24, 21: 18, 20: 28})
    case = build_case({"patient": patient})
    heights = scanned_heights(case, SimpleNamespace(vertebra=read_patient(case)))
    assert set(heights.neighbours) == {"L1", "L3"}
    assert heights.neighbours["L3"].middle_mm == pytest.approx(24.0, abs=0.1)
    assert heights.anterior_mm == pytest.approx(18.0, abs=0.1)
    assert heights.endplate_angle_deg == pytest.approx(0.0, abs=0.3)
    for ratio in heights.relative.values():
        assert ratio == pytest.approx(18.0 / 26.0, rel=0.01)
