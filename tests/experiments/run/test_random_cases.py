"""Any case that the schema allows is refused in one sentence before cement flows, or runs and keeps its mass balance.

Random needles, cements, lesions, cavities, veins, walls, outside pressures, defects and limits on the demo's L3 at
3 or 4 mm: no traceback, no iteration that fails, every balance closed, nothing negative, saturations within 0 and 1.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from experiments.case.schema import build_case
from experiments.case.sections.base import Endplate, Region, Site, Wall
from experiments.results.progress import Progress
from experiments.results.store import write_manifest, write_results
from experiments.run.output import CaseOutcome
from experiments.run.pipeline import run_case
from fem.injection.history import BALANCE_LIMIT, DIVERGENCE_LIMIT, SATURATION_LIMIT
from meshes.errors import InputError

Table = dict[str, Any]

COARSE: Table = {
    "patient": {"demo": True},
    "mesh": {"size_mm": 3.0, "needle_size_mm": 1.0},
    "mechanics": {"enabled": False},
    "output": {"pictures": False, "field_times": 2},
}
WALLS: tuple[str, ...] = Wall.__args__
SPANNED = {"superior_endplate": ("left", "depth"), "inferior_endplate": ("left", "depth")} | {
    wall: ("left" if wall in ("anterior_wall", "posterior_wall") else "depth", "height") for wall in WALLS[2:]
}
"""Wall -> the two fractions that place a point on it."""

IN_A_CORNER: Table = {
    **COARSE,
    "mesh": {"size_mm": 4.0},
    "needles": [{"left": 0.9, "depth": 0.5, "height": 0.9, "opening": "side"}],
}
"""Fine cells at the needle beside coarse walls, where estimates of a spectrum have failed."""

CLEAR_ENDS = ("volume_reached", "front_limit", "working_time", "pressure_limit", "stop_pressure", "no_flow")


def numbers(low: float, high: float, digits: int = 2) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, digits))


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers evenly spread over the decades from 10 ** low to 10 ** high."""
    return st.floats(low, high).map(lambda power: float(f"{10.0**power:.3g}"))


def tables(optional: dict[str, st.SearchStrategy[Any]], **required: st.SearchStrategy[Any]) -> st.SearchStrategy[Table]:
    return st.fixed_dictionaries(required, optional=optional)


def merged(*parts: st.SearchStrategy[Table]) -> st.SearchStrategy[Table]:
    return st.tuples(*parts).map(lambda found: {key: value for part in found for key, value in part.items()})


def some(items: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Any]]:
    """Lists of which many are empty, so that cases stay readable."""
    return st.one_of(st.just([]), st.lists(items, min_size=1, max_size=most))


CEMENTS = tables(
    {
        "injected_after_mixing_min": numbers(2.0, 10.0),
        "room_temperature_c": numbers(18.0, 26.0),
        "body_temperature_c": numbers(30.0, 40.0),
        "consistency_pa_s": powers(0.0, 3.5),
        "index": numbers(0.3, 1.0),
        "shear_constant": powers(-0.5, 0.5),
    },
    viscosity=st.sampled_from(["low", "medium", "high"]),
)
BOLUSES = tables(
    {"pause_before_s": st.sampled_from([0.0, 5.0, 60.0])},
    volume_ml=numbers(0.05, 0.8),
)


@st.composite
def needles(draw: st.DrawFn, order: int) -> Table:
    """A needle of a procedure, each in a depth of its own, that mostly stays in the bone."""
    side = draw(st.sampled_from(["left", "right"]))
    sign = 1.0 if side == "left" else -1.0
    table: Table = {
        "side": side,
        "gauge": draw(st.integers(8, 14)),
        "depth": round(0.25 + 0.2 * order + draw(numbers(-0.08, 0.08)), 3),
    }
    way = draw(st.sampled_from(["fractions", "fractions", "angles", "parapedicular", "free"]))
    if way == "angles":
        table |= {"camber_deg": draw(numbers(8.0, 25.0)), "sagittal_deg": draw(numbers(-5.0, 15.0))}
    else:
        table |= {"left": round(sign * draw(numbers(0.05, 0.9)), 3), "height": draw(numbers(0.1, 0.9))}
    if way in ("parapedicular", "free"):
        table["approach"] = way
    if way == "free":
        table |= {"camber_deg": draw(numbers(5.0, 45.0)), "sagittal_deg": draw(numbers(-10.0, 15.0))}
    content = draw(st.sampled_from(["share", "volume", "boluses"]))
    if content == "volume":
        table["volume_ml"] = draw(numbers(0.1, 1.5))
    elif content == "boluses":
        table["boluses"] = draw(st.lists(BOLUSES, min_size=1, max_size=3))
    table |= draw(
        tables(
            {
                "opening": st.just("side"),
                "withdraw_mm": numbers(0.0, 8.0),
                "length_mm": numbers(100.0, 150.0),
            }
        )
    )
    if draw(st.integers(0, 4)) == 0:
        table |= {"proximal_bore_mm": draw(numbers(1.5, 4.0)), "proximal_length_mm": draw(numbers(20.0, 90.0))}
    return table


@st.composite
def procedures(draw: st.DrawFn) -> Table:
    """The tables [[needles]], [injection] and [cement]."""
    count = draw(st.sampled_from([1, 1, 2, 2, 3]))
    plan = [draw(needles(order)) for order in range(count)]
    injection = draw(
        tables(
            {
                "leak_limit_by_site_ml": st.dictionaries(st.sampled_from(Site.__args__), powers(-3.0, 0.0), max_size=2),
                "front_limit_depth": numbers(0.75, 1.0),
                "pressure_limit_kpa": powers(1.5, 4.3),
                "hand_force_limit_n": numbers(10.0, 300.0),
                "syringe_bore_mm": numbers(4.0, 15.0),
                "working_time_min": numbers(10.1, 30.0),
            },
            rate_ml_per_min=numbers(0.5, 12.0),
            leak_limit_ml=st.one_of(powers(-2.5, 0.0), st.just(15.0)),
            order=st.sampled_from(["in_turn", "together"]),
        )
    )
    if draw(st.integers(0, 3)) == 0:
        injection["stop_pressure_kpa"] = round(0.5 * injection.get("pressure_limit_kpa", 3200.0), 3)
    if injection["order"] == "in_turn":
        injection["pause_between_needles_s"] = draw(st.sampled_from([0.0, 30.0]))
    own = [needle.get("volume_ml", sum(part["volume_ml"] for part in needle.get("boluses", []))) for needle in plan]
    if open_needles := own.count(0):
        injection["volume_ml"] = round(sum(own) + open_needles * draw(numbers(0.15, 1.5)), 3)
    return {"needles": plan, "injection": injection, "cement": draw(CEMENTS)}


CENTRES = tables({}, left=numbers(-0.6, 0.6), depth=numbers(0.2, 0.8), height=numbers(0.3, 0.7))
SEMI_AXES = st.tuples(*[numbers(4.0, 12.0)] * 3).map(list)

LESIONS = merged(
    st.one_of(
        merged(CENTRES, tables({}, semi_axes_mm=SEMI_AXES)),
        tables({"grown_from": st.sampled_from(Region.__args__)}, fraction=numbers(0.05, 0.6)),
    ),
    tables(
        {
            "destroys_walls": st.booleans(),
            "density_mg_per_cm3": numbers(0.0, 600.0),
            "porosity": numbers(0.3, 1.0),
            "permeability_m2": powers(-11.0, -7.0),
            "interstitial_pressure_kpa": numbers(0.0, 10.0),
            "vascular_conductance_per_s_kpa": powers(-5.0, -1.0),
        },
        kind=st.sampled_from(["osteolytic", "osteoblastic"]),
        growth=st.sampled_from(["slow", "moderate", "rapid"]),
    ),
    st.one_of(
        tables({"mobile": st.just(True), "viscosity_pa_s": powers(-2.0, 3.0)}), tables({}, mobile=st.just(False))
    ),
)
CAVITIES = merged(
    CENTRES,
    st.one_of(
        tables({}, kind=st.just("cleft"), semi_axes_mm=st.tuples(*[numbers(3.0, 10.0)] * 3).map(list)),
        tables({"compacted_shell_mm": numbers(0.0, 4.0)}, kind=st.just("balloon"), volume_ml=numbers(0.3, 1.5)),
        tables({}, kind=st.just("balloon"), diameter_mm=numbers(6.0, 12.0)),
    ),
)


@st.composite
def defects(draw: st.DrawFn) -> Table:
    """A disc, a destroyed part or a fracture."""
    shape = draw(st.sampled_from(["disc", "fraction", "fracture"]))
    wall = draw(st.sampled_from(Endplate.__args__ if shape == "fracture" else WALLS))
    ranges = {"left": numbers(-0.5, 0.5), "depth": numbers(0.25, 0.75), "height": numbers(0.3, 0.7)}
    place = {key: draw(ranges[key]) for key in SPANNED[wall]}
    if shape == "disc":
        extra = tables({"depth_mm": numbers(1.0, 20.0)}, diameter_mm=numbers(2.0, 14.0))
    elif shape == "fraction":
        extra, place = tables({}, fraction=numbers(0.02, 0.8)), place if draw(st.booleans()) else {}
    else:
        extra = tables({}, fracture_length_mm=numbers(5.0, 25.0), fracture_angle_deg=numbers(0.0, 180.0))
    return {"wall": wall, **place, **draw(extra), **draw(tables({"aperture_mm": powers(-1.0, 0.3)}))}


SURROUNDINGS = tables(
    {
        "bone": tables({"permeability_multiplier": powers(-1.0, 1.0), "transverse_factor": numbers(0.1, 1.0)}),
        "marrow": tables({"viscosity_pa_s": powers(-2.0, 1.5)}),
        "veins": st.one_of(
            tables(
                {
                    "basivertebral_number": st.integers(0, 3),
                    "basivertebral_diameter_mm": numbers(0.5, 3.0),
                    "basivertebral_channel": st.booleans(),
                    "segmental_number_per_side": st.integers(0, 3),
                    "segmental_diameter_mm": numbers(0.5, 4.0),
                    "segmental_length_mm": numbers(5.0, 50.0),
                    "opening_pressure_kpa": numbers(0.0, 5.0),
                },
                network=st.just("none"),
            ),
            tables(
                {
                    "seed": st.integers(0, 99),
                    "foramina_number": st.integers(1, 5),
                    "branch_number": st.integers(1, 12),
                    "calibre_mm": numbers(0.3, 3.5),
                    "collapse_pressure_kpa": numbers(0.0, 3.0),
                    "wall_entry_factor": powers(-3.0, 0.0),
                }
            ),
        ),
        "walls": tables(
            {
                "thickness_mm": st.dictionaries(st.sampled_from(WALLS), numbers(0.1, 3.0), max_size=2),
                "conductance_ml_per_s_kpa": st.dictionaries(
                    st.sampled_from(Region.__args__), st.one_of(st.just(0.0), powers(-4.0, -1.0)), max_size=3
                ),
                "missing_shell": st.just("open"),
            }
        ),
        "outlets": tables({"conductance_ml_per_s_kpa": powers(-3.0, -0.31)}),
        "outside": tables(
            {name: numbers(-3.0, 10.0) for name in ("canal_kpa", "disc_kpa", "veins_kpa", "soft_tissue_kpa")}
        ),
    }
)

CASES = merged(
    st.just(COARSE),
    procedures(),
    SURROUNDINGS,
    tables({}, lesions=some(LESIONS, 2), cavities=some(CAVITIES, 2), defects=some(defects(), 2)),
)


def run_or_refusal(content: Table) -> CaseOutcome | str:
    """What comes of a case, or the sentence that refuses it before cement flows; any other error is the software's."""
    progress = Progress()
    try:
        return run_case(build_case(content, "case.toml"), progress)
    except InputError as error:
        assert "injection" not in progress.seconds
        sentence = str(error)
        assert sentence
        assert "\n" not in sentence
        return sentence


def check_outcome(outcome: CaseOutcome, folder: Path) -> None:
    """Everything that holds for any run."""
    case, injection, fill = outcome.case, outcome.results.injection, outcome.results.fill
    course = injection.course
    assert injection.mass_balance_error <= BALANCE_LIMIT
    assert injection.tracer_balance_error <= BALANCE_LIMIT
    assert injection.divergence_error <= DIVERGENCE_LIMIT
    assert injection.saturation_min >= -SATURATION_LIMIT
    assert injection.saturation_max <= 1.0 + SATURATION_LIMIT
    assert all(getattr(injection, name) >= 0.0 for name in ("stored_ml", "leaked_ml", "displaced_out_ml", "inflow_ml"))
    assert all(leak.volume_ml >= 0.0 for leak in injection.leaks.values())
    assert all(volume >= -1e-9 for volume in injection.fluids_out_ml.values())
    assert injection.stop_reason.removeprefix("leak_limit:") in (*CLEAR_ENDS, *injection.leaks)
    planned = [sum(bolus.volume_ml for bolus in boluses) for boluses in case.boluses]
    delivered = [needle.injected_ml for needle in injection.needles]
    assert all(volume <= plan * (1.0 + 1e-7) for volume, plan in zip(delivered, planned, strict=True))
    assert sum(delivered) == pytest.approx(injection.injected_ml, abs=1e-12)
    if injection.stop_reason == "volume_reached":
        assert delivered == pytest.approx(planned, rel=1e-7)
    assert injection.peak_syringe_pressure_kpa <= case.injection.pressure_limit_kpa * (1.0 + 1e-6)
    for name in ("time_s", "injected_ml", "leaked_ml"):
        assert all(after >= before - 1e-12 for before, after in pairwise(getattr(course, name)))
    for side in ("cement_by_side_ml", "cement_by_third_ml"):
        assert sum(getattr(fill, side).values()) == pytest.approx(injection.stored_ml, rel=1e-6, abs=1e-9)
    for leak in injection.leaks.values():
        assert (leak.severity is None) == (not leak.observed)
    write_results(folder, outcome.results)
    write_manifest(folder, outcome.manifest)


def campaign(examples: int) -> Any:
    """The same ``examples`` in every run; a failing one is shown as drawn, since shrinking it takes many runs."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


class Tally:
    """How many cases ran, and what the others were told."""

    def __init__(self) -> None:
        self.run = 0
        self.refusals: list[str] = []

    def check(self, content: Table, folder: Path) -> None:
        outcome = run_or_refusal(content)
        if isinstance(outcome, str):
            self.refusals.append(outcome)
        else:
            self.run += 1
            check_outcome(outcome, folder)

    def most_ran(self) -> bool:
        """Two thirds of a campaign; of a handful of cases, which says little of the share, more than half."""
        few = self.run + len(self.refusals) < 20
        return self.run > (1 if few else 2) * len(self.refusals)


@pytest.mark.parametrize(("examples", "size"), [(2, 4.0), pytest.param(100, 3.0, marks=pytest.mark.slow)])
def test_any_case_runs_or_is_refused(examples: int, size: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    tally, folder = Tally(), tmp_path_factory.mktemp("random")

    @campaign(examples)
    @given(content=CASES)
    def check(content: Table) -> None:
        tally.check(content | {"mesh": {"size_mm": size, "needle_size_mm": 0.9}}, folder)

    check()
    assert tally.most_ran(), tally.refusals


def test_a_needle_in_a_corner_of_the_body_injects_all(tmp_path: Path) -> None:
    outcome = run_or_refusal(IN_A_CORNER)
    assert isinstance(outcome, CaseOutcome)
    assert outcome.results.injection.stop_reason == "volume_reached"
    check_outcome(outcome, tmp_path)
