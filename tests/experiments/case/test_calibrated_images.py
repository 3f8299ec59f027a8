"""Keys of calibrated images and of numbers for body and arch, and what does not go with them."""

import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from meshes.errors import InputError

PATIENT = {"ct": "ct.nii.gz", "mask": "mask.nii.gz", "level": "L2"}
DENSITY = {"units": "mg/cm3"}


@pytest.fixture
def case(tmp_path):
    for name in ("ct", "mask", "parts"):
        (tmp_path / f"{name}.nii.gz").touch()
    return lambda **sections: build_case({"patient": PATIENT, **sections}, "case.toml", tmp_path)


def test_densities_need_no_calibration(case):
    laws = Laws.of_case(case(bone=DENSITY))
    assert laws.bone.calibration.density(100.0) == pytest.approx(0.1)
    assert laws.bone.calibration.image_value(0.1) == pytest.approx(100.0)
    assert not any("calibration" in name for name in laws.describe())
    assert Laws.of_case(case()).bone.calibration.density(100.0) == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"bone": {**DENSITY, "hu_slope_mg_per_cm3": 0.8}},
            'bone: units = "mg/cm3" says that the image holds densities, so hu_slope_mg_per_cm3 has no HU to calibrate',
        ),
        (
            {"bone": {**DENSITY, "hu_slope_mg_per_cm3": 0.8, "hu_intercept_mg_per_cm3": 0.0}},
            "so hu_slope_mg_per_cm3 and hu_intercept_mg_per_cm3 have no HU to calibrate",
        ),
        (
            {"bone": DENSITY, "prescribed_cement": {"threshold_hu": [1500.0, 3071.0]}},
            r"prescribed_cement.threshold_hu is in HU, but .*; give the cement as a mask",
        ),
        ({"bone": DENSITY, "patient": {"demo": True}}, r"does not go with patient.demo, whose CT is in HU"),
        ({"bone": {"units": "hounsfield"}}, r"units = 'hounsfield' is not allowed"),
        ({"bone": DENSITY, "laws": {"bone.calibration.slope": 8e-4}}, r"is no value of a law that this case uses"),
        ({"patient": {**PATIENT, "arch_labels": [3]}}, "arch_labels needs body_labels as well"),
        ({"patient": {**PATIENT, "body_labels": [1], "labels": "verse"}}, "exclude each other without subregions"),
        ({"patient": {**PATIENT, "body_labels": [1, 2], "arch_labels": [2, 3]}}, "both name 2; keep it in one"),
        ({"patient": {"demo": True, "body_labels": [1]}}, "demo = true stands alone"),
        ({"patient": {**PATIENT, "body_labels": []}}, "body_labels"),
        ({"patient": {**PATIENT, "body_labels": [0]}}, "whole numbers from 1 to 65535"),
        ({"patient": {**PATIENT, "body_labels": 1}}, "whole numbers from 1 to 65535"),
    ],
)
def test_what_does_not_go_together_is_refused(sections, message, case):
    with pytest.raises(InputError, match=message) as refused:
        Laws.of_case(case(**sections))
    print(refused.value)


def test_numbers_of_subregions_go_with_a_label_map(case):
    patient = {**PATIENT, "labels": "verse", "subregions": "parts.nii.gz", "body_labels": [1, 2]}
    assert case(patient=patient).patient.body_labels == (1, 2)
