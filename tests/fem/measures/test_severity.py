import math

import pytest

from fem.measures.severity import (
    YEOM_CLASSES,
    Ball,
    Cast,
    HalfBall,
    LeakGeometry,
    LeakSeverity,
    Pool,
    leak_classes_yeom,
    leak_severity,
    smallest_observed,
    worst_grade,
)
from materials.observation import ComputedTomography, EqualVolume, Radiograph
from materials.provenance import describe
from meshes.leak_sites import SITES

PEDICLE, HEIGHT = 12.0, 27.0


def severity(
    volume: float, site: str, pedicle: float, height: float, geometry: LeakGeometry | None = None
) -> LeakSeverity:
    return leak_severity(volume, site, pedicle, height, geometry or LeakGeometry(), 20.0)


def test_the_shapes_hold_their_volume():
    assert math.pi / 4.0 * 2.0**2 * Cast(2.0).size(60.0) == pytest.approx(60.0, rel=1e-14)
    assert math.pi / 4.0 * Pool(2.5).size(60.0) ** 2 * 2.5 == pytest.approx(60.0, rel=1e-14)
    assert 2.0 / 3.0 * math.pi * (HalfBall().size(60.0) / 2.0) ** 3 == pytest.approx(60.0, rel=1e-14)
    assert 4.0 / 3.0 * math.pi * (Ball().size(60.0) / 2.0) ** 3 == pytest.approx(60.0, rel=1e-14)


@pytest.mark.parametrize("site", SITES)
def test_a_shape_of_a_size_has_the_volume_whose_size_it_is(site: str) -> None:
    shape = LeakGeometry().shapes[site]
    assert shape.volume(shape.size(7.0)) == pytest.approx(7.0, rel=1e-14)


def test_images_show_a_volume_or_a_length() -> None:
    ct = smallest_observed(ComputedTomography(), LeakGeometry())
    radiograph = smallest_observed(Radiograph(), LeakGeometry())
    assert set(ct.values()) == {3.0}
    assert set(smallest_observed(EqualVolume(), LeakGeometry()).values()) == {20.0}
    venous = {*YEOM_CLASSES["B"], *YEOM_CLASSES["S"]}
    assert {site: volume / ct[site] for site, volume in radiograph.items()} == {
        site: 10.0 if site in venous else 1.0 for site in SITES
    }
    thin = smallest_observed(ComputedTomography(), LeakGeometry(vein_diameter=0.5))
    assert thin["segmental_veins_left"] == pytest.approx(math.pi / 16.0 * 3.0, rel=1e-14)
    assert thin["basivertebral_foramen"] == 3.0


def test_every_site_has_a_shape():
    assert set(LeakGeometry().shapes) == set(SITES)


@pytest.mark.parametrize(
    ("site", "size"),
    [
        ("canal_posterior_wall", (12.0 * 50.0 / math.pi) ** (1.0 / 3.0)),
        ("basivertebral_foramen", (12.0 * 50.0 / math.pi) ** (1.0 / 3.0)),
        ("disc_superior", 2.0 * math.sqrt(50.0 / (math.pi * 2.0))),
        ("paravertebral_anterior", (6.0 * 50.0 / math.pi) ** (1.0 / 3.0)),
        ("segmental_veins_left", 50.0 / math.pi),
        ("anterior_veins", 50.0 / math.pi),
        ("needle_track", 50.0 / (math.pi * 1.525**2)),
    ],
)
def test_a_site_gives_its_shape(site: str, size: float):
    assert severity(50.0, site, PEDICLE, HEIGHT).size == pytest.approx(size, rel=1e-14)


def test_grades_change_at_the_pedicle_and_the_height():
    def grade(length: float) -> str | None:
        """Grade of a vein cast of a length."""
        return severity(length * math.pi, "segmental_veins_right", PEDICLE, HEIGHT).grade

    assert grade(PEDICLE - 1e-9) == "punctual"
    assert grade(PEDICLE + 1e-9) == "moderate"
    assert grade(HEIGHT - 1e-9) == "moderate"
    assert grade(HEIGHT + 1e-9) == "massive"


def test_a_size_on_the_limit_has_the_higher_grade():
    volume = 100.0
    size = severity(volume, "disc_inferior", PEDICLE, HEIGHT).size
    assert severity(volume, "disc_inferior", size, HEIGHT).grade == "moderate"
    assert severity(volume, "disc_inferior", 0.5 * size, size).grade == "massive"


def test_what_cannot_be_detected_has_no_grade():
    assert severity(20.0, "needle_track", PEDICLE, HEIGHT).grade == "punctual"
    faint = severity(math.nextafter(20.0, 0.0), "needle_track", PEDICLE, HEIGHT)
    assert faint.grade is None
    assert faint.size > 0.0
    assert severity(0.0, "disc_superior", PEDICLE, HEIGHT) == LeakSeverity(0.0, None)


def test_the_geometry_can_be_changed_and_is_listed():
    wide = LeakGeometry(vein_diameter=4.0)
    narrow = severity(50.0, "segmental_veins_left", PEDICLE, HEIGHT)
    assert severity(50.0, "segmental_veins_left", PEDICLE, HEIGHT, wide).size == pytest.approx(narrow.size / 4.0)
    listing = describe(wide)
    assert set(listing) == {"vein_diameter", "disc_thickness", "track_diameter"}
    assert listing["vein_diameter"]["tag"] == "user"
    assert {entry["unit"] for entry in listing.values()} == {"mm"}
    with pytest.raises(ValueError, match="vein_diameter"):
        LeakGeometry(vein_diameter=0.0)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="'aorta' is not one of"):
        severity(50.0, "aorta", PEDICLE, HEIGHT)
    with pytest.raises(ValueError, match="pedicle_diameter"):
        severity(50.0, "needle_track", 0.0, HEIGHT)
    with pytest.raises(ValueError, match="vertebral_height"):
        severity(50.0, "needle_track", PEDICLE, float("nan"))


def test_the_worst_grade_of_several():
    leaks = [LeakSeverity(3.0, "punctual"), LeakSeverity(1.0, None), LeakSeverity(15.0, "moderate")]
    assert worst_grade(leaks) == "moderate"
    assert worst_grade([*leaks, LeakSeverity(40.0, "massive")]) == "massive"
    assert worst_grade(leaks[1:2]) is None
    assert worst_grade([]) is None


def test_yeom_classes_hold_every_site_but_the_track_once():
    classified = [site for sites in YEOM_CLASSES.values() for site in sites]
    assert sorted(classified) == sorted(set(SITES) - {"needle_track"})


def test_yeom_classes_sum_their_sites():
    leaked = {site: float(2**number) for number, site in enumerate(SITES)}
    sums = leak_classes_yeom(leaked)
    assert sums["B"] == leaked["basivertebral_foramen"]
    assert sums["S"] == leaked["segmental_veins_left"] + leaked["segmental_veins_right"] + leaked["anterior_veins"]
    assert sum(sums.values()) == sum(leaked.values()) - leaked["needle_track"]
    assert leak_classes_yeom({"disc_superior": 5.0}) == {"B": 0.0, "S": 0.0, "C": 5.0}
