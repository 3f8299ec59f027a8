"""A run is scanned, and what ``measure`` finds in the image is what was there."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.export.scanner import Scanner, scan_case
from experiments.results.finished_case import FinishedCase
from experiments.scans.postoperative import PostoperativeScan, read_scan


def command(case: FinishedCase, out: Path, *more: str) -> None:
    done = CliRunner().invoke(app, ["export", str(case.folder), "--as-ct", "-o", str(out), *more])
    assert done.exit_code == 0, done.output


def read_back(ct: Path) -> tuple[PostoperativeScan, dict]:
    stem = str(ct).removesuffix(".nii.gz")
    truth = json.loads(Path(f"{stem}_truth.json").read_text())
    patient = {"ct": str(ct), "mask": f"{stem}_mask.nii.gz", "subregions": f"{stem}_subregions.nii.gz"}
    content = {
        "patient": {**patient, "level": truth["level"]},
        "prescribed_cement": {"threshold_hu": [1500, 3071]},
    }
    return read_scan(build_case(content)), truth


def test_measuring_finds_the_cement_of_the_run(finished_demo: FinishedCase, tmp_path: Path) -> None:
    ct = tmp_path / "seen.nii.gz"
    command(finished_demo, ct)
    scan, truth = read_back(ct)
    assert truth["body"]["occupied_ml"] == finished_demo.results.fill.occupied_ml
    assert scan.cement.inside / 1000.0 == pytest.approx(truth["body"]["occupied_ml"], rel=0.03)
    weights = finished_demo.saturation() * finished_demo.mesh.cell_volumes
    centre = weights @ finished_demo.mesh.cell_centroids / weights.sum()
    found = scan.vertebra.frame.to_scanner(scan.places(scan.inside).mean(axis=0))
    np.testing.assert_allclose(found, finished_demo.frame.to_scanner(centre), atol=0.5)
    again = CliRunner().invoke(app, ["export", str(finished_demo.folder), "--as-ct", "-o", str(ct)])
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_leaks_have_the_volume_that_leaked_outside_of_the_body(finished_demo: FinishedCase) -> None:
    still = scan_case(finished_demo, Scanner(blur=0.0, noise=0.0))
    leaked = {site.site: site.leaked_ml for site in finished_demo.leak_sites() if site.leaked_ml > 0.001}
    assert leaked
    for site, volume in leaked.items():
        assert still.truth["leaks"][site]["shown_ml"] == pytest.approx(volume, rel=0.01)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--as-ct", "--format", "stl"], "keep one"),
        (["--noise-hu", "10"], "go with --as-ct"),
        (["--as-ct", "--voxel-mm", "9"], "0.2"),
        (["--as-ct", "-o", "scan.mha"], ".nii.gz"),
    ],
)
def test_what_cannot_be_scanned_ends_in_one_sentence(finished_demo: FinishedCase, more: list[str], says: str) -> None:
    told = CliRunner().invoke(app, ["export", str(finished_demo.folder), *more])
    assert told.exit_code == 2
    assert says in told.stderr
