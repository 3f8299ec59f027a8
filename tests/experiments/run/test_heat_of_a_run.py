"""Temperatures of a run: what is stored, drawn, told and warned of; with injected and with prescribed cement."""

import json

import nibabel
import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.schema import build_case
from experiments.cli.summary import result_rows
from experiments.pictures import animation
from experiments.pictures.catalogue import pictures_of
from experiments.pictures.drawing import DRAWN, CaseDrawing
from experiments.report.page import case_report
from experiments.results.finished_case import HEAT_DAMAGE, FinishedCase
from experiments.results.store import OUR_NAMES, check_target
from experiments.run.pipeline import run_and_store, run_case
from materials.curing import MeasuredCuring
from meshes.errors import InputError

COARSE = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 4.0},
    "mechanics": {"enabled": False},
    "output": {"pictures": False},
    "veins": {"network": "none"},
    "heat": {"enabled": True, "voxel_mm": 3.0},
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A stored run with a lesion that ends while it is still warm."""
    folder = tmp_path_factory.mktemp("heat") / "warm"
    lesion = {"kind": "osteolytic", "left": 0.1, "depth": 0.35, "height": 0.5, "semi_axes_mm": [9.0, 8.0, 8.0]}
    run_and_store(build_case({**COARSE, "lesions": [lesion], "heat": {**COARSE["heat"], "until_min": 8.0}}), folder)
    return FinishedCase.read(folder)


def test_the_parts_that_others_rely_on_are_stored(warm):
    heat = json.loads((warm.folder / "results.json").read_text())["heat"]
    assert 50.0 < heat["peak_c"]["cement"] < 100.0
    assert heat["peak_c"]["lesion"] > 38.0
    assert set(heat["peak_c"]) == set(heat["seconds_above_47c"])
    assert heat["energy_balance_error"] < 1e-8
    assert 0.0 <= heat["lesion_killed"] <= 1.0
    assert 0.3 < heat["lesion_replaced"] <= 1.0
    assert heat["necrosis_ml"]["tumour"] >= 0.0
    record = warm.manifest.solvers.heat
    assert record.solves >= record.steps > 20
    assert record.iterations_per_solve < 12.0


def test_a_later_run_may_take_the_folder(warm):
    assert {path.name for path in warm.folder.iterdir()} <= OUR_NAMES
    check_target(warm.folder)


def test_a_run_that_ends_warm_says_so(warm):
    assert any("raise heat.until_min" in warning for warning in warm.manifest.warnings)


def test_a_run_that_ends_before_the_cement_has_cured_says_so():
    early = {**COARSE, "injection": {"volume_ml": 1.0}, "heat": {**COARSE["heat"], "until_min": 4.0}}
    outcome = run_case(build_case(early))
    assert outcome.results.heat.peak_c["cement"] < 45.0
    assert any("the peak may be still to come" in warning for warning in outcome.manifest.warnings)


def test_a_pause_beside_a_lesion_with_vessels():
    needles = [{"side": "left", "left": 0.3, "volume_ml": 0.5}, {"side": "right", "left": -0.3, "volume_ml": 0.5}]
    lesion = {"kind": "osteolytic", "left": 0.1, "depth": 0.35, "height": 0.5, "semi_axes_mm": [9.0, 8.0, 8.0]}
    pause = {"order": "in_turn", "pause_between_needles_s": 100.0, "volume_ml": 1.0}
    asked = {**COARSE, "needles": needles, "lesions": [lesion], "injection": pause}
    results = run_case(build_case({**asked, "heat": {**COARSE["heat"], "until_min": 2.0}})).results
    assert results.heat.energy_balance_error < 1e-8


def test_maps_lie_where_the_cement_is(warm):
    peak = warm.heat_map()
    cells = warm.mesh.cell_centroids[warm.saturation() > 0.9]
    assert peak.at(cells, warm.frame).mean() > 50.0
    assert peak.at(warm.mesh.points.min(axis=0)[None] - 11.0, warm.frame)[0] == pytest.approx(37.0, abs=0.5)
    assert warm.heat_map(HEAT_DAMAGE).image.values.max() > 1.0
    course, step = warm.heat_course()
    assert step == 20.0
    assert len(course) == 25
    stored = nibabel.load(warm.folder / "heat_course.nii.gz")
    assert stored.header.get_zooms() == pytest.approx((3.0, 3.0, 3.0, 20.0))
    assert course[0].image.values == pytest.approx(37.0)
    hottest = max(float(image.image.values.max()) for image in course)
    assert hottest == pytest.approx(warm.results.heat.peak_c["cement"], abs=1.0)


def test_pictures_report_and_summary_tell_of_it(warm, tmp_path):
    drawing = CaseDrawing(warm)
    names = [picture.name for picture in pictures_of(warm) if picture.needs == "heat"]
    assert names == ["heat", "heat_course", "necrosis"]
    for name in names:
        DRAWN[name](drawing, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    page = case_report(warm)
    for words in ("Highest temperature", "Damage by heat", "nerve root left", "CEM43"):
        assert words in page
    (told,) = [value for name, value in result_rows(warm.results) if name == "peak temperature"]
    assert "°C" in told
    assert "killed" in told


def test_the_film_has_a_frame_for_every_stored_time(warm, tmp_path, monkeypatch):
    course, step = warm.heat_course()
    monkeypatch.setattr(FinishedCase, "heat_course", lambda self: (course[::8], 8 * step))
    made = animation.animate_heat(warm, tmp_path / "heat.gif")
    from PIL import Image

    with Image.open(made) as film:
        assert film.n_frames == len(course[::8])


def test_prescribed_cement_cures_where_it_lies():
    shapes = [{"left": 0.0, "depth": 0.4, "height": 0.5, "volume_ml": 2.0}]
    results = run_case(build_case({**without(COARSE, "veins"), "prescribed_cement": {"shapes": shapes}})).results
    assert results.heat.peak_c["centre"] > 55.0
    assert results.heat.peak_c["nerve_root_left"] < 38.0
    assert results.heat.conversion > 0.7
    assert results.heat.energy_balance_error < 1e-8


def without(content, name):
    """The tables but one."""
    return {key: value for key, value in content.items() if key != name}


def test_own_calorimetry_is_read(tmp_path):
    (tmp_path / "curve.csv").write_text(
        "conversion, time_min, operator\n0.0,0,a\n0.1,6,a\n0.9,9,b\n0.9,12,b\n", encoding="utf-8"
    )
    case = build_case(
        {**COARSE, "heat": {"enabled": True, "calorimetry": "curve.csv", "calorimetry_temperature_c": 36.0}},
        folder=tmp_path,
    )
    curing = Laws.of_case(case).curing
    assert isinstance(curing, MeasuredCuring)
    assert curing.time == (0.0, 360.0, 540.0)
    assert curing.conversion == (0.0, 0.1, 0.9)
    assert curing.reference_temperature == 36.0
    named = Laws.of_case(case.model_copy(update={"laws": {"curing.reaction_heat": 1.4e5}})).curing
    assert named.heat == pytest.approx(1.4 * curing.heat)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_min,conversions\n0,0\n", "the column conversion is missing"),
        ("time_min,conversion\n0,0\n5,much\n9,1\n", "line 3: conversion = 'much' is not a number"),
        ("time_min,conversion\n0,0\n9,1\n", "three points"),
        ("time_min,conversion\n1,0\n5,0.2\n9,1\n", "begins at time 0"),
        ("time_min,conversion\n0,0\n5,20\n9,95\n", "where 1 is all"),
        ("time_min,conversion\n0,0\n5,0.5\n7,0.3\n9,1\n", "falls by more than 0.02 at 7 min"),
        ("time_min;conversion\n0;0\n5;0.5\n", "with commas between them"),
    ],
)
def test_curves_that_cannot_be_used_end_in_one_sentence(tmp_path, text, said):
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    case = build_case({**COARSE, "heat": {"enabled": True, "calorimetry": "curve.csv"}}, folder=tmp_path)
    with pytest.raises(InputError, match=said) as refused:
        Laws.of_case(case)
    assert "curve.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("heat", "said"),
    [
        ({"calorimetry_temperature_c": 37.0}, "goes with calorimetry"),
        ({"kinetics": "simplex"}, "borzacchiello_1"),
        ({"until_min": 0.2}, "1"),
    ],
)
def test_keys_that_cannot_be(heat, said):
    with pytest.raises(InputError, match=said):
        build_case({"patient": {"demo": True}, "heat": heat})


def test_without_being_asked_there_is_none():
    assert Laws.of_case(build_case({"patient": {"demo": True}})).thermal is None
    assert not any(
        name.startswith("thermal") for name in Laws.of_case(build_case({"patient": {"demo": True}})).describe()
    )
    assert np.isfinite(Laws.of_case(build_case(COARSE)).thermal.blood_capacity)
