"""Temperatures on the real L3: what changes them goes the way it should, and published bands (V17 of the plan).

The tables of ``docs/heat-directions.md`` come from the same variants.
"""

import pytest

from benchmarks.heat_directions import BATH, HOLE, METASTASIS, NO_VEINS, laws, variant, volume

CANAL = "canal of human vertebrae in a bath, n = 25: 10.1007/s00264-011-1382-8 (S)"
EX_VIVO = "human vertebrae in a bath, 6 or 10 ml: Belkoff & Molloy 2003 Spine 28:1555 (S)"
IN_VIVO = "in vivo, 11 cements, mean of the hottest group: 10.1007/s00270-009-9509-7 (S)"
CASE = "heat: real L3, mesh of 3 mm"


@pytest.fixture(scope="module")
def four_ml():
    return variant()


def test_an_injection_holds_its_balance_and_its_places(four_ml):
    heat = four_ml.heat
    assert heat.energy_balance_error < 1e-8
    assert heat.peak_c["lesion"] is None
    assert heat.seconds_above_50c["lesion"] is None
    assert heat.peak_c["cement"] >= heat.peak_c["centre"] > heat.peak_c["interface"] > heat.peak_c["endplate_superior"]
    assert heat.peak_c["endplate_superior"] > heat.peak_c["disc_superior"] > 37.0
    for low, high in zip((45, 47, 50, 55), (47, 50, 55, 60), strict=True):
        longer, shorter = (getattr(heat, f"seconds_above_{level}c") for level in (low, high))
        assert all(longer[place] >= shorter[place] for place in longer if longer[place] is not None)
    assert heat.necrosis_ml["bone"] > 0.0
    assert heat.necrosis_ml["neural"] == heat.necrosis_ml["tumour"] == 0.0
    assert heat.dose_necrosis_ml["bone"] > heat.necrosis_ml["bone"]
    course = heat.course
    assert max(course.temperature_c["cement"]) == pytest.approx(heat.peak_c["cement"], abs=1e-3)
    assert len(course.time_s) == len(course.conversion) == len(course.temperature_c["canal"])


def test_canal_without_a_leak(four_ml, evidence):
    evidence.check(
        case=f"{CASE}, 4 ml, no leak",
        quantity="highest temperature in the canal [degC]",
        expected=43.16,
        computed=four_ml.heat.peak_c["canal"],
        low=37.0,
        high=43.5,
        source=CANAL,
        kind="published",
    )


def test_centre_in_the_body(four_ml, evidence):
    evidence.check(
        case=f"{CASE}, 4 ml",
        quantity="highest temperature in the centre [degC]",
        computed=four_ml.heat.peak_c["centre"],
        low=44.8 - 2.6,
        high=86.7 + 10.7,
        source=IN_VIVO,
        kind="published",
    )


@pytest.mark.slow
@pytest.mark.parametrize("ml", [6.0, 10.0])
def test_ex_vivo(ml, evidence):
    heat = variant(volume(ml), {"laws": BATH}).heat
    for place, low, high in (("centre", 49.0, 112.0), ("canal", 39.0, 57.0)):
        evidence.check(
            case=f"{CASE}, {ml:g} ml in a bath",
            quantity=f"highest temperature, {place} [degC]",
            computed=heat.peak_c[place],
            low=low if place == "centre" else 37.0,
            high=high,
            source=f"{EX_VIVO}; {low:g} to {high:g} degC",
            kind="published",
        )
    evidence.check(
        case=f"{CASE}, {ml:g} ml in a bath",
        quantity="time above 50 degC in the centre [min]",
        computed=heat.seconds_above_50c["centre"] / 60.0,
        low=0.0,
        high=8.0,
        source=EX_VIVO,
        kind="published",
    )


@pytest.mark.slow
def test_directions(four_ml):
    small, large = (variant(volume(ml)).heat for ml in (2.0, 6.0))
    assert small.peak_c["cement"] < four_ml.heat.peak_c["cement"] < large.peak_c["cement"]
    assert small.peak_c["interface"] < four_ml.heat.peak_c["interface"] < large.peak_c["interface"]
    leaking = variant(volume(7.0), HOLE, NO_VEINS).heat
    assert leaking.peak_c["canal"] > 50.0 > four_ml.heat.peak_c["canal"] + 5.0
    bloodless, perfused = (variant(laws(thermal__marrow_perfusion=value)).heat for value in (0.0, 0.005))
    assert perfused.peak_c["interface"] < bloodless.peak_c["interface"]
    late = variant({"cement": {"injected_after_mixing_min": 8.0}}).heat
    assert late.peak_c["cement"] < four_ml.heat.peak_c["cement"]
    killed = [variant(volume(ml), {"lesions": [METASTASIS]}).heat.lesion_killed for ml in (2.0, 4.0)]
    assert killed[0] < killed[1]
