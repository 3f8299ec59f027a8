"""Cement that the case file gives: idealised shapes, and a post-operative CT by mask and by threshold."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from experiments.results.fields import read_step, read_times
from experiments.results.parts.manifest import Manifest
from experiments.run.output import CaseOutcome
from meshes.demo_patient import DemoPatient
from meshes.errors import InputError
from meshes.vertebra import Vertebra
from vertebroplasty import build_case, run

COARSE: dict[str, Any] = {"mesh": {"size_mm": 4.0}, "mechanics": {"degree": 1}}
BALLS = [{"left": side, "depth": 0.4, "height": 0.5, "volume_ml": 1.5} for side in (0.5, -0.5)]


def prescribed(patient: dict[str, Any], cement: dict[str, Any], pictures: bool = False) -> Any:
    return build_case({"patient": patient, "prescribed_cement": cement, "output": {"pictures": pictures}, **COARSE})


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseOutcome, Path]:
    folder = tmp_path_factory.mktemp("prescribed") / "shapes"
    return run(prescribed({"demo": True}, {"shapes": BALLS}, pictures=True), folder), folder


@pytest.fixture(scope="module")
def patient(
    demo_files: DemoPatient, demo_vertebra: Vertebra, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The demo after a vertebroplasty: a ball of 9 mm in the body and a drop of 3 mm behind it, and their mask."""
    folder = tmp_path_factory.mktemp("scan")
    ct = nib.load(demo_files.ct)
    index = np.moveaxis(np.indices(ct.shape), 0, -1)
    place = demo_vertebra.frame.to_frame((index @ ct.affine[:3, :3].T + ct.affine[:3, 3]) * [-1.0, -1.0, 1.0])
    cement = np.linalg.norm(place - demo_vertebra.frame.point(0.3, 0.35, 0.5), axis=-1) < 9.0
    cement |= np.linalg.norm(place - demo_vertebra.frame.point(0.0, 1.15, 0.5), axis=-1) < 3.0
    values = np.where(cement, 2200, np.asanyarray(ct.dataobj)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, ct.affine), folder / "ct.nii.gz")
    nib.save(nib.Nifti1Image(cement.astype(np.uint8), ct.affine), folder / "cement.nii.gz")
    return {
        "ct": str(folder / "ct.nii.gz"),
        "mask": str(demo_files.mask),
        "subregions": str(demo_files.subregions),
        "level": "L3",
        "labels": "verse",
    }


@pytest.fixture(scope="module")
def by_threshold(patient: dict[str, Any]) -> CaseOutcome:
    return run(prescribed(patient, {"threshold_hu": [1500, 3071]}))


def test_shapes_hold_their_volume_of_cement_on_their_sides(shapes: tuple[CaseOutcome, Path]) -> None:
    outcome, _ = shapes
    fill = outcome.results.fill
    assert fill.cement_ml == pytest.approx(3.0, rel=1e-9)
    assert fill.cement_by_side_ml["left"] == pytest.approx(1.5, rel=0.01)
    assert fill.pattern == "separated"
    stiffness = outcome.results.stiffness
    assert stiffness.augmented_n_per_mm > 1.05 * stiffness.intact_n_per_mm


def test_nothing_is_said_of_an_injection(shapes: tuple[CaseOutcome, Path]) -> None:
    outcome, folder = shapes
    assert outcome.results.injection is None
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_text())
    assert manifest.cement == "prescribed"
    assert {"needles", "injection", "cement", "walls"}.isdisjoint(manifest.case)
    assert not [name for name in manifest.defaults if name.startswith(("needles", "cement.", "syringe", "walls"))]
    assert any("prescribed" in warning for warning in manifest.warnings)


def test_fields_and_pictures_show_the_cement(shapes: tuple[CaseOutcome, Path]) -> None:
    outcome, folder = shapes
    assert read_times(folder / "fields.vtkhdf").tolist() == [0.0]
    saturation = read_step(folder / "fields.vtkhdf", 0).cell_data["saturation"]
    assert saturation == pytest.approx(outcome.saturation, abs=1e-6)
    assert {path.name for path in (folder / "pictures").glob("*.png")} >= {"mesh.png", "density.png", "filled.png"}


def test_a_mask_and_a_threshold_agree_on_a_scan(patient: dict[str, Any], by_threshold: CaseOutcome) -> None:
    by_mask = run(prescribed(patient, {"mask": str(Path(patient["ct"]).with_name("cement.nii.gz"))}))
    volume = 4.0 / 3.0 * np.pi * 9.0**3 / 1000.0
    for outcome, source in ((by_mask, "mask"), (by_threshold, "threshold")):
        assert outcome.results.prescribed_cement.source == source
        assert outcome.results.prescribed_cement.scan_body_ml == pytest.approx(volume, rel=0.02)
        assert outcome.saturation @ outcome.mesh.cell_volumes == pytest.approx(1000.0 * volume, rel=0.02)
        assert 0.1 < outcome.results.prescribed_cement.scan_outside_ml < 0.2
        warnings = " ".join(outcome.manifest.warnings)
        assert "harden the beam" in warnings
        assert "does not show the bone under the cement" in warnings
    first, second = (outcome.results.stiffness.augmented_n_per_mm for outcome in (by_mask, by_threshold))
    assert second == pytest.approx(first, rel=1e-3)


def test_cement_in_the_ct_does_not_count_as_bone(by_threshold: CaseOutcome, shapes: tuple[CaseOutcome, Path]) -> None:
    """The intact body comes out within 5 % of what the CT before the operation gives; with its cement it has 1.3 x."""
    before = shapes[0].results.stiffness.intact_n_per_mm
    assert by_threshold.results.stiffness.intact_n_per_mm == pytest.approx(before, rel=0.05)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"prescribed_cement": {"threshold_hu": [3071, 1500]}}, "runs downwards; write the lower number first"),
        ({"prescribed_cement": {"threshold_hu": [100, 1500]}}, "two numbers, each 1000 to 32767 HU"),
        ({"prescribed_cement": {}}, "give mask, threshold_hu, or shapes"),
        ({"prescribed_cement": {"shapes": BALLS, "mask": "a.nii.gz"}}, "mask and shapes exclude each other"),
        ({"prescribed_cement": {"mask": "nowhere.nii.gz"}}, "does not exist"),
        (
            {"prescribed_cement": {"shapes": BALLS}, "needles": [{}], "injection": {}},
            "which needles and injection describe; remove needles and injection or prescribed_cement",
        ),
    ],
)
def test_wrong_tables_are_refused(tables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        build_case({"patient": {"demo": True}, **tables})


def test_a_defect_takes_its_area_out_of_the_shell() -> None:
    """The shell of a wall that a disc of 20 mm opens bears less, though nothing is injected."""

    def intact(**tables: Any) -> float:
        content = {"patient": {"demo": True}, "prescribed_cement": {"shapes": BALLS}, **COARSE, **tables}
        return float(run(build_case(content)).results.stiffness.intact_n_per_mm)

    disc = {"wall": "left_wall", "depth": 0.5, "height": 0.5, "diameter_mm": 20.0}
    shell = {"degree": 1, "cortex": "shell"}
    assert intact(mechanics=shell, defects=[disc]) < 0.99 * intact(mechanics=shell)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"prescribed_cement.shapes\[3\]: 15 ml of cement do not fit"):
        run(prescribed({"demo": True}, {"shapes": [{**BALLS[0], "volume_ml": 15.0} for _ in range(3)]}))
