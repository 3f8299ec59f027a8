"""Rods and tissues of known density give back the line by which the CT was made."""

import tomllib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from typer.testing import CliRunner

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.scans.calibration import TISSUES

SLOPE, INTERCEPT = 0.72, -6.0
"""mg/cm3/HU and mg/cm3 of the scanner."""

RODS = {1: -50.0, 2: 0.0, 3: 100.0, 4: 200.0}
"""Number in the mask -> density in mg/cm3."""


def scanned(folder: Path, densities: dict[int, float]) -> list[str]:
    """Rods of 8 mm in voxels of 1 mm as a CT blurs them, between water and air, and their outlines."""
    shape = (20 * len(densities) + 10, 30, 12)
    x, y, _ = np.indices(shape)
    mask = np.zeros(shape, dtype=np.uint8)
    hounsfield = np.where(y > 24, -1000.0, 0.0)
    for place, (label, density) in enumerate(densities.items()):
        inside = np.hypot(x - 15 - 20 * place, y - 12) <= 4.0
        mask[inside] = label
        hounsfield[inside] = (density - INTERCEPT) / SLOPE
    hounsfield[0, 0, 0] = 1200.0  # bone elsewhere in the scan
    seen = ndimage.gaussian_filter(hounsfield, 0.6) + np.random.default_rng(3).normal(0.0, 15.0, shape)
    for name, values in (("ct", seen.astype(np.float32)), ("rods", mask)):
        nib.save(nib.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0])), folder / f"{name}.nii.gz")
    return ["calibrate", str(folder / "ct.nii.gz"), str(folder / "rods.nii.gz"), "--materials"]


@pytest.mark.parametrize("tissues", [False, True])
def test_the_line_of_the_scanner_comes_back(tmp_path: Path, tissues: bool) -> None:
    densities = dict(enumerate(TISSUES.values(), 1)) if tissues else RODS
    names = TISSUES if tissues else RODS.values()
    command = scanned(tmp_path, densities)
    done = CliRunner().invoke(app, [*command, ", ".join(f"{label}={name}" for label, name in enumerate(names, 1))])
    assert done.exit_code == 0, done.output
    section = tomllib.loads(done.stdout[done.stdout.index("[bone]") :])
    assert section["bone"]["hu_slope_mg_per_cm3"] == pytest.approx(SLOPE, rel=0.02)
    assert section["bone"]["hu_intercept_mg_per_cm3"] == pytest.approx(INTERCEPT, abs=1.5)
    assert "R2 = 0.999" in section["bone"]["calibration"] or "R2 = 1.0" in section["bone"]["calibration"]
    case = build_case({"patient": {"demo": True}, **section})
    assert Laws.of_case(case).bone.calibration.slope == pytest.approx(1e-3 * SLOPE, rel=0.02)


@pytest.mark.parametrize(
    ("materials", "says"),
    [
        ("1=0, 2=75, 9=150", "number 9 of the mask (150 mg/cm3) has 0 voxels; draw 20 of them at least"),
        ("1=200, 2=0, 3=100", "has the slope"),
        ("1=blood, 2=0", "give -1200 to 2000 mg/cm3, or air, fat, muscle"),
        ("1=0", "needs two different densities at least"),
        ("1=0, 1=5", "number 1 of the mask has two densities"),
        ("rod=0, 2=5", "'rod=0' has no number of the mask before '='"),
    ],
)
def test_what_is_no_calibration_ends_in_one_sentence(tmp_path: Path, materials: str, says: str) -> None:
    done = CliRunner().invoke(app, [*scanned(tmp_path, {1: -50.0, 2: 0.0, 3: 100.0}), materials])
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.split())


def test_regions_off_the_line_are_warned_of(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*scanned(tmp_path, RODS), "1=0, 2=-50, 3=100, 4=150"])
    assert "the regions hardly lie on a line (R2 = 0.824)" in " ".join(done.stdout.split())
