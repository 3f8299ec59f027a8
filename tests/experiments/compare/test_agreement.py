"""A run against a CT that shows its own cement agrees; one that is moved or leaks elsewhere does not."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from experiments.case.schema import build_case
from experiments.compare.agreement import BY_FRAMES, BY_REGISTRATION, Agreement
from experiments.compare.comparison import Comparison
from experiments.export.nifti import saturation_on_scan
from experiments.results.finished_case import FinishedCase
from experiments.scans.measuring import measure_and_store
from meshes.demo_patient import DemoPatient
from meshes.frame import AnatomicalFrame
from meshes.images.image import Image, read_ct

RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class MeasuredStandIn:
    """What a measured CT has of a finished case, as far as an agreement asks for it."""

    image: Image
    frame: AnatomicalFrame
    body: NDArray[np.bool_]
    results: Any
    manifest: Any

    def ct(self) -> Image:
        return self.image

    def scanned_cement(self) -> dict[str, NDArray[np.bool_]]:
        return {"body": self.body}


def stand_in(run: FinishedCase, shift: int = 0, leaks: tuple[str, ...] = ()) -> Any:
    """A CT that shows the run's own cement, or that so many voxels farther to the left."""
    window = saturation_on_scan(run)
    fill = run.results.fill
    results = SimpleNamespace(
        before=None,
        injection=None,
        fill=fill.with_values(occupied_ml=fill.occupied_ml + 1.0),
        leaks={site: SimpleNamespace(observed=True) for site in leaks},
    )
    manifest = SimpleNamespace(identity=SimpleNamespace(inputs={"before.ct": run.manifest.identity.inputs["ct"]}))
    body = ndimage.shift(window.values, (shift, 0, 0), order=0) > 0.5
    return cast("FinishedCase", MeasuredStandIn(window, run.frame, body, results, manifest))


def test_a_ct_of_the_runs_own_cement_agrees(finished_demo: FinishedCase) -> None:
    agreement = Agreement.of(finished_demo, stand_in(finished_demo)).results
    assert agreement.aligned_by == BY_FRAMES
    assert agreement.dice > 0.95  # mean of a voxel against its centre
    assert agreement.centroid_distance_mm < 0.2
    assert agreement.surface_mean_mm < 0.3
    assert agreement.surface_mean_mm < agreement.surface_p95_mm <= agreement.hausdorff_mm < 3.0
    assert agreement.volume_error_ml["all"] == pytest.approx(-1.0)
    assert agreement.volume_error_ml["left"] == agreement.volume_error_ml["middle"] == 0.0


def test_cement_that_is_moved_lies_as_far_and_overlaps_less(finished_demo: FinishedCase) -> None:
    """Two voxels of 1.5 mm along the image's first axis, which points to the left."""
    agreement = Agreement.of(finished_demo, stand_in(finished_demo, 2)).results
    assert agreement.centroid_distance_mm == pytest.approx(3.0, abs=0.2)
    assert agreement.dice < 0.9
    assert agreement.hausdorff_mm > 2.5


def test_the_registered_motion_lays_them_over_each_other(finished_demo: FinishedCase) -> None:
    """The patient lay 30 mm higher after the operation, and the frame was found 8 mm off."""
    scan, motion = stand_in(finished_demo), np.eye(4)
    motion[2, 3] = 30.0
    moved, frame = scan.image.affine.copy(), scan.frame
    moved[2, 3] += 30.0
    off = replace(frame, origin=frame.origin + np.array([8.0, 0.0, 30.0]))
    results = SimpleNamespace(**{**vars(scan.results), "before": SimpleNamespace(before_to_after=motion.tolist())})
    higher = replace(scan, image=replace(scan.image, affine=moved), frame=off, results=results)
    agreement = Agreement.of(finished_demo, cast("FinishedCase", higher)).results
    assert agreement.aligned_by == BY_REGISTRATION
    assert agreement.dice == pytest.approx(Agreement.of(finished_demo, scan).results.dice, abs=0.01)
    elsewhere = SimpleNamespace(identity=SimpleNamespace(inputs={"before.ct": "that of another CT"}))
    by_frames = Agreement.of(finished_demo, cast("FinishedCase", replace(higher, manifest=elsewhere))).results
    assert by_frames.aligned_by == BY_FRAMES
    assert by_frames.dice < 0.8


def test_leaks_are_found_missed_or_invented(finished_demo: FinishedCase) -> None:
    shown = {site for site, leak in finished_demo.results.injection.leaks.items() if leak.observed}
    other = next(site for site in finished_demo.results.injection.leaks if site not in shown)
    agreement = Agreement.of(finished_demo, stand_in(finished_demo, leaks=(other, *sorted(shown)[:1]))).results
    assert agreement.leaks_missed == (other,)
    assert set(agreement.leaks_found) == set(sorted(shown)[:1])
    assert set(agreement.leaks_invented) == shown - set(agreement.leaks_found)


@pytest.mark.slow
def test_a_comparison_with_a_measured_ct_holds_the_agreement(
    finished_demo: FinishedCase, demo_files: DemoPatient, tmp_path: Path
) -> None:
    """From the files of a CT that shows the run's cement, registered onto the CT before, to the folder's picture."""
    ct, window = read_ct(demo_files.ct), saturation_on_scan(finished_demo)
    start = np.rint(ct.to_indices(window.affine[:3, 3])).astype(int)
    part = tuple(slice(low, low + size) for low, size in zip(start, window.values.shape, strict=True))
    ct.values[part] = np.where(window.values > 0.5, 3000.0, ct.values[part])
    nib.save(nib.Nifti1Image(ct.values.astype(np.int16), RAS @ ct.affine), tmp_path / "ct.nii.gz")
    patient = {"mask": str(demo_files.mask), "subregions": str(demo_files.subregions), "level": "L3", "labels": "verse"}
    content = {
        "patient": {"ct": str(tmp_path / "ct.nii.gz"), **patient},
        "prescribed_cement": {"threshold_hu": [1500.0, 3071.0]},
        "mechanics": {"enabled": False},
    }
    before = build_case({"patient": {"ct": str(demo_files.ct), **patient}})
    measure_and_store(build_case(content), tmp_path / "measured", before=before)
    same = FinishedCase.read(tmp_path / "measured")
    assert same.results.before.rotation_deg < 0.1
    assert same.results.fill.occupied_ml == pytest.approx(finished_demo.results.fill.occupied_ml, rel=0.05)
    comparison = Comparison.of([finished_demo, same])
    (tmp_path / "compared").mkdir()
    comparison.write(tmp_path / "compared")
    lines = json.loads((tmp_path / "compared" / "comparison.json").read_text())["quantities"]
    told = {line["key"]: line["values"] for line in lines}
    assert told["agreement.dice"][0] > 0.9
    assert told["agreement.dice"][1] is None
    assert told["agreement.aligned_by"][0] == BY_REGISTRATION
    assert (tmp_path / "compared" / "agreement.png").stat().st_size > 10_000
    assert (tmp_path / "measured" / "pictures" / "leaks_in_ct.png").is_file()
    assert "Post-operative CT of L3" in (tmp_path / "measured" / "report.html").read_text()
