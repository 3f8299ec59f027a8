"""From the tables of the case file to stages, places and the plan of an injection."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.case.schema import Case, build_case
from experiments.model.needle_paths import NeedlePath, plan_paths
from experiments.model.procedure import (
    check_front_limit,
    injection_plan,
    needle_records,
    needle_refinements,
    place_needles,
    procedure,
)
from fem.injection.plan import Stage
from fem.injection.schedule import Schedule
from fem.porous import PorousMedium
from materials.cannula import Cannula, Syringe
from materials.cement import CEMENTS
from meshes.errors import InputError
from meshes.leak_sites import SITES
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

RATE = 3000.0 / 60.0
"""mm3/s of 3 ml/min, the default."""


def build(needles: list[dict[str, Any]] | None = None, **sections: Any) -> Case:
    apart = [{"depth": 0.25 + 0.15 * number, **needle} for number, needle in enumerate(needles or [{}])]
    return build_case({"patient": {"demo": True}, "needles": apart, **sections})


def paths_of(*places: int) -> list[NeedlePath]:
    """Paths of which only the number of places counts."""
    axis = np.array([0.0, -1.0, 0.0])
    return [
        NeedlePath(number, "left", axis, axis, axis, 0.0, 0.0, 3.0, np.zeros((count, 3)), 1.2)
        for number, count in enumerate(places)
    ]


def boluses(*volumes_and_pauses: tuple[float, float]) -> dict[str, Any]:
    return {"boluses": [{"volume_ml": volume, "pause_before_s": pause} for volume, pause in volumes_and_pauses]}


def told(stages: tuple[Stage, ...]) -> list[tuple[float, dict[int, float]]]:
    """(pause, place -> mm3) of each stage."""
    return [(stage.pause, {bolus.place: round(bolus.volume, 6) for bolus in stage.boluses}) for stage in stages]


def even(mesh: TetMesh) -> PorousMedium:
    count = len(mesh.cells)
    return PorousMedium(np.full(count, 0.8), np.full((count, 1, 1), 1e-3) * np.eye(3))


def aim(vertebra: Vertebra, case: Case) -> tuple[NeedlePath, ...]:
    return plan_paths(case.needles, [Cannula(needle.gauge) for needle in case.needles], vertebra)


def plan(vertebra: Vertebra, case: Case, cement: str = "medium", bore: float = 10.0) -> Any:
    stages = procedure(case, paths_of(*[1] * len(case.needles)))
    return injection_plan(case, vertebra.frame, CEMENTS[cement], Syringe(bore), stages)


def test_one_needle_delivers_everything_at_once() -> None:
    stages = procedure(build(), paths_of(1))
    assert told(stages) == [(0.0, {0: 4000.0})]
    assert stages[0].rate == pytest.approx(RATE)


def test_a_needle_that_is_drawn_back_spreads_its_cement_evenly() -> None:
    assert told(procedure(build(), paths_of(4))) == [(0.0, {place: 1000.0}) for place in range(4)]


def test_boluses_and_places_cut_each_other() -> None:
    case = build([boluses((1.0, 0.0), (2.0, 90.0))])
    assert told(procedure(case, paths_of(2))) == [(0.0, {0: 1000.0}), (90.0, {0: 500.0}), (0.0, {1: 1500.0})]


def test_a_change_of_place_at_the_end_of_a_bolus_leaves_no_sliver() -> None:
    case = build([boluses((0.1, 0.0), (0.2, 5.0), (0.3, 0.0))])
    assert told(procedure(case, paths_of(2))) == [(0.0, {0: 100.0}), (5.0, {0: 200.0}), (0.0, {1: 300.0})]
    assert [place for _, part in told(procedure(case, paths_of(3))) for place in part] == [0, 0, 1, 1, 2]


def test_needles_in_turn_wait_between_them() -> None:
    needles = [boluses((1.0, 10.0), (0.5, 20.0)), boluses((1.5, 5.0)), {"volume_ml": 2.0}]
    case = build(needles, injection={"pause_between_needles_s": 60.0})
    assert told(procedure(case, paths_of(1, 2, 1))) == [
        (10.0, {0: 1000.0}),
        (20.0, {0: 500.0}),
        (65.0, {1: 750.0}),
        (0.0, {2: 750.0}),
        (60.0, {3: 2000.0}),
    ]


def test_needles_together_begin_their_boluses_at_once() -> None:
    needles = [boluses((1.0, 0.0), (1.0, 30.0)), boluses((1.5, 10.0), (0.5, 20.0), (0.25, 0.0))]
    case = build(needles, injection={"order": "together"})
    stages = procedure(case, paths_of(1, 1))
    assert told(stages) == [
        (10.0, {0: 1000.0, 1: 1000.0}),
        (0.0, {1: 500.0}),
        (30.0, {0: 500.0, 1: 500.0}),
        (0.0, {0: 500.0}),
        (0.0, {1: 250.0}),
    ]
    assert stages[0].rate == pytest.approx(2.0 * RATE)


def test_needles_together_move_on_at_their_own_volumes() -> None:
    case = build([{}, {"side": "right"}], injection={"order": "together", "volume_ml": 6.0})
    assert told(procedure(case, paths_of(2, 3))) == [
        (0.0, {0: 1000.0, 2: 1000.0}),
        (0.0, {0: 500.0, 3: 500.0}),
        (0.0, {1: 500.0, 3: 500.0}),
        (0.0, {1: 1000.0, 4: 1000.0}),
    ]


volumes = st.integers(2, 60).map(lambda hundredths: hundredths / 100.0)
needle_plans = st.lists(
    st.tuples(st.lists(st.tuples(volumes, st.sampled_from([0.0, 7.0])), min_size=1, max_size=4), st.integers(1, 7)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(plans=needle_plans, order=st.sampled_from(["in_turn", "together"]))
def test_every_needle_delivers_its_volume_evenly_over_its_places(plans: list[Any], order: str) -> None:
    needles = [boluses(*parts) for parts, _ in plans]
    if sum(volume for parts, _ in plans for volume, _ in parts) < 0.1:
        needles[0]["boluses"][0]["volume_ml"] = 0.1
    case = build(needles, injection={"order": order})
    counts = [count for _, count in plans]
    stages = procedure(case, paths_of(*counts))
    delivered, owner = np.zeros(sum(counts)), np.repeat(np.arange(len(counts)), counts)
    last = np.full(len(counts), -1)
    for stage in stages:
        numbers = [int(owner[bolus.place]) for bolus in stage.boluses]
        assert len(set(numbers)) == len(numbers) > 0
        for bolus, number in zip(stage.boluses, numbers, strict=True):
            assert bolus.volume > 1e-4
            assert bolus.place >= last[number]  # never forwards again
            last[number] = bolus.place
            delivered[bolus.place] += bolus.volume
    for number, (given_needle, count) in enumerate(zip(needles, counts, strict=True)):
        total = 1e3 * sum(bolus["volume_ml"] for bolus in given_needle["boluses"])
        assert delivered[owner == number].sum() == pytest.approx(total, rel=1e-13)
        assert delivered[owner == number] == pytest.approx(np.full(count, total / count), abs=1e-5)
    if order == "in_turn":
        assert all(len(stage.boluses) == 1 for stage in stages)
        pauses = sum(bolus["pause_before_s"] for needle in needles for bolus in needle["boluses"])
        assert sum(stage.pause for stage in stages) == pytest.approx(pauses)
    # The injection can carry it out.
    schedule = Schedule.begin(stages, sum(counts))
    while not schedule.finished:
        rates = schedule.rates()
        schedule = schedule.advance(rates, schedule.time_left(rates))
    assert not schedule.abandoned.any()


def test_places_are_those_that_the_stages_count(demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]) -> None:
    case = build(
        [{"withdraw_mm": 3.0}, {"side": "right", "gauge": 13, "opening": "side"}],
        mesh={"size_mm": 3.0, "needle_size_mm": 1.2},
    )
    paths, cannulas = aim(demo_vertebra, case), [Cannula(11), Cannula(13)]
    mesh = demo_mesh(3.0, needle_refinements(case, paths))
    places = place_needles(paths, cannulas, mesh, even(mesh))
    assert [place.number for place in places] == [0, 0, 0, 1]
    assert [place.cannula.gauge for place in places] == [11, 11, 11, 13]
    positions = np.concatenate([path.opening_positions for path in paths])
    assert np.array([place.opening.position for place in places]) == pytest.approx(positions)
    assert [place.opening.radius for place in places] == [paths[0].opening_radius] * 3 + [paths[1].opening_radius]
    assert {bolus.place for stage in procedure(case, paths) for bolus in stage.boluses} == set(range(len(places)))


def test_an_opening_in_a_few_coarse_cells_is_refused(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]
) -> None:
    mesh, case = demo_mesh(4.0), build([{"gauge": 13}])
    with pytest.raises(InputError, match=r"needles\[1\]: .* meets \d+ cells .* mesh.needle_size_mm = 1 or less"):
        place_needles(aim(demo_vertebra, case), [Cannula(13)], mesh, even(mesh))


def test_an_opening_at_the_surface_of_the_bone_is_refused(
    demo_vertebra: Vertebra, demo_mesh: Callable[..., TetMesh]
) -> None:
    case = build(mesh={"size_mm": 4.0, "needle_size_mm": 0.8})
    (path,) = aim(demo_vertebra, case)
    wall = demo_vertebra.frame.point(1.0, 0.5, 0.5)[None]
    paths = [replace(path, opening_positions=wall)]
    mesh = demo_mesh(4.0, needle_refinements(case, paths))
    with pytest.raises(InputError, match=r"needles\[1\]: the bone .* one side, .* \(allowed 0 to 0.12 mm\); move"):
        place_needles(paths, [Cannula(11)], mesh, even(mesh))


def test_the_mesh_is_finer_along_each_withdrawal(demo_vertebra: Vertebra) -> None:
    case = build([{"withdraw_mm": 6.0}, {"side": "right"}], mesh={"size_mm": 2.0, "needle_size_mm": 0.6})
    paths = aim(demo_vertebra, case)
    first, second = needle_refinements(case, paths)
    assert (first.radius, first.size) == (2.0 * paths[0].opening_radius, 0.6)
    assert first.start == pytest.approx(paths[0].tip)
    assert np.linalg.norm(np.subtract(first.end, first.start)) == pytest.approx(6.0)
    assert second.start == second.end == pytest.approx(paths[1].tip)
    assert needle_refinements(build(mesh={"size_mm": 0.6, "needle_size_mm": 0.6}), paths) == []


def test_a_front_limit_before_an_opening_is_refused(demo_vertebra: Vertebra) -> None:
    frame = demo_vertebra.frame
    limited = {"injection": {"front_limit_depth": 0.6}}
    right = {"side": "right", "depth": 0.7}
    case = build([{}, right], **limited)
    with pytest.raises(InputError, match=r"front_limit_depth = 0.6 .* needles\[2\], .* depth 0.70 .* choose 0.71 to 1"):
        check_front_limit(case, frame, aim(demo_vertebra, case))
    case = build([{"depth": 0.4, "withdraw_mm": 9.0}], **limited)
    with pytest.raises(InputError, match=r"needles\[1\], which comes to depth 0.6\d"):
        check_front_limit(case, frame, aim(demo_vertebra, case))
    for needle, sections in (({"depth": 0.4}, limited), ({"depth": 0.4, "withdraw_mm": 9.0}, {}), ({}, limited)):
        case = build([needle], **sections)
        check_front_limit(case, frame, aim(demo_vertebra, case))


def test_the_plan_in_internal_units(demo_vertebra: Vertebra) -> None:
    case = build(
        injection={
            "volume_ml": 2.0,
            "pressure_limit_kpa": 2000.0,
            "stop_pressure_kpa": 1500.0,
            "front_limit_depth": 0.8,
            "leak_limit_ml": 0.3,
            "leak_limit_by_site_ml": {"disc_superior": 0.1},
            "working_time_min": 9.0,
        },
        cement={"injected_after_mixing_min": 6.0, "room_temperature_c": 19.0},
        output={"field_times": 3},
    )
    found, cement = plan(demo_vertebra, case), CEMENTS["medium"]
    assert (found.volume, found.rate, found.output_count) == (2000.0, pytest.approx(RATE), 3)
    assert (found.start_age, found.end_age) == (360.0, 540.0)
    assert (found.pressure_limit, found.stop_pressure) == pytest.approx((2.0, 1.5))
    assert found.front_limit == pytest.approx(demo_vertebra.frame.point(0.0, 0.8, 0.5)[1])
    assert found.leak_limits == {site: 100.0 if site == "disc_superior" else pytest.approx(300.0) for site in SITES}
    assert found.syringe_ageing == cement.ageing_rate(19.0) < 1.0
    assert found.body_ageing == cement.ageing_rate(37.0) > 1.0


@pytest.mark.parametrize(("force", "expected"), [(None, 3.2), (1000.0, 3.2), (78.53981633974483, 1.0)])
def test_the_hand_limits_the_pressure(demo_vertebra: Vertebra, force: float | None, expected: float) -> None:
    case = build(injection={} if force is None else {"hand_force_limit_n": force})
    assert plan(demo_vertebra, case).pressure_limit == pytest.approx(expected)


def test_a_stop_that_the_hand_never_reaches_is_refused(demo_vertebra: Vertebra) -> None:
    case = build(injection={"hand_force_limit_n": 78.54, "stop_pressure_kpa": 1500.0})
    with pytest.raises(InputError, match=r"stop_pressure_kpa = 1500 is never reached.* at 1000 kPa"):
        plan(demo_vertebra, case)


def test_the_working_time_is_the_cements_own_at_room_temperature(demo_vertebra: Vertebra) -> None:
    cement = CEMENTS["medium"]
    at_reference = build(cement={"room_temperature_c": cement.reference_temperature})
    assert plan(demo_vertebra, at_reference).end_age == pytest.approx(cement.working_time)
    warm = plan(demo_vertebra, build(cement={"room_temperature_c": 28.0})).end_age
    assert warm * cement.ageing_rate(28.0) == pytest.approx(cement.working_time)
    assert warm < cement.working_time


def test_cement_past_its_working_time_is_refused(demo_vertebra: Vertebra) -> None:
    late = {"injected_after_mixing_min": 11.0}
    with pytest.raises(InputError, match=r"injected_after_mixing_min = 11 is too late, .* ends 11.0 min after mixing"):
        plan(demo_vertebra, build(cement=late))
    longer = build(cement=late, injection={"working_time_min": 14.0})
    assert plan(demo_vertebra, longer).end_age == 840.0


def test_the_record_of_a_needle(demo_vertebra: Vertebra) -> None:
    paths = aim(demo_vertebra, build([{"approach": "free", "camber_deg": 25.0, "sagittal_deg": 5.0}]))
    (record,) = needle_records(paths)
    assert record.side == "left"
    assert (record.camber_deg, record.sagittal_deg) == pytest.approx((25.0, 5.0))
    assert record.opening_positions_mm == pytest.approx(np.array([record.tip_mm]))
    assert record.opening_radius_mm == pytest.approx(0.5 * Cannula(11).bore)
