"""The user's own rheometer data: internal units, and one clear sentence for every bad table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.case.laws import Laws
from experiments.case.rheometer_file import read_rheometer, table_warnings
from experiments.case.schema import build_case
from experiments.run.manifest import _cement_warnings
from fem.injection.plan import InjectionPlan
from materials.rheometer import TabulatedCement
from meshes.errors import InputError

HEADER = "age_min,shear_rate_per_s,viscosity_pa_s"
ROWS = ["5,0.1,310", "5,10,35", "8,0.1,1650", "8,10,190"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "cement.csv"


def test_values_come_in_internal_units_and_in_order(table: Path) -> None:
    table.write_text("\n".join([HEADER, *reversed(ROWS)]))
    data = read_rheometer(table)
    assert data.age.tolist() == [300.0, 300.0, 480.0, 480.0]  # s
    assert data.shear_rate.tolist() == [0.1, 10.0, 0.1, 10.0]  # 1/s
    assert data.viscosity == pytest.approx([3.1e-4, 3.5e-5, 1.65e-3, 1.9e-4], rel=1e-14)  # MPa s


def test_columns_may_stand_in_any_order_beside_others(table: Path) -> None:
    table.write_text("\n".join([HEADER, *ROWS]))
    plain = read_rheometer(table)
    rows = [row.split(",") for row in ROWS]
    lines = [f"{viscosity} , run 1,{age},{rate}" for age, rate, viscosity in rows]
    table.write_bytes(
        "\r\n".join(["viscosity_pa_s, sample, age_min , shear_rate_per_s", "", *lines, ""]).encode("utf-8-sig")
    )
    other = read_rheometer(table)
    for name in ("age", "shear_rate", "viscosity"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "the column age_min is missing; the first line must name the columns age_min,shear_rate_per_s,viscosity"),
        (["age_min,viscosity_pa_s", "5,310"], "the column shear_rate_per_s is missing"),
        ([HEADER.replace(",", ";"), *ROWS], "the column age_min is missing; .* with commas between them"),
        ([HEADER, *ROWS[:2], "8,fast,100"], "line 4: shear_rate_per_s = 'fast' is not a number; write it as in 12.5"),
        ([HEADER, *ROWS[:2], "8,nan,100"], "line 4: shear_rate_per_s = 'nan' is not a number"),
        ([HEADER, "", "8,1,1e999"], "line 3: viscosity_pa_s = '1e999' is not a number"),
        ([HEADER, "-1,1,100"], "line 2: age_min = -1 is not allowed; choose 0 to 180 min, in minutes from mixing"),
        ([HEADER, "300,1,100"], "line 2: age_min = 300 is not allowed; choose 0 to 180 min"),
        ([HEADER, "1,0,100"], "line 2: shear_rate_per_s = 0 is not allowed; it must be above 0 1/s"),
        ([HEADER, "1,1,-100"], "line 2: viscosity_pa_s = -100 is not allowed; choose 0.001 to 1000000 Pa s"),
        ([HEADER, "1,1,1e-4"], "line 2: viscosity_pa_s = 0.0001 is not allowed; choose 0.001 to 1000000 Pa s"),
        ([HEADER, ROWS[0], "8,.1,1650000"], "line 3: viscosity_pa_s = 1.65e.06 is not .* where 1 Pa s is 1000 mPa s"),
        ([HEADER, "5,1,5,310", "5,10,5,35"], "line 2 has more fields than the first line has names; decimals need poi"),
        ([HEADER, *ROWS[:2], "8,0,1,1650"], "line 4 has more fields .* points and fields commas, as in 5.0,0.1,310"),
        ([HEADER.replace(",", ";"), "5;0,1;310"], "commas between them and points in the decimals"),
        (["age_min," + HEADER, "5,5,1,310"], "the first line names the column age_min twice; keep one of them"),
        ([HEADER, "1,1"], "line 2 has no viscosity_pa_s; fill it in or remove the line"),
        ([HEADER, "1,,3"], "line 2 has no shear_rate_per_s"),
        ([HEADER, *ROWS[:3]], "has 3 measurements; at least 4 are needed"),
        ([HEADER], "has 0 measurements; at least 4 are needed"),
        ([HEADER, *(f"5,{rate},100" for rate in (1, 2, 3, 4))], "the ageing needs two ages at least"),
        ([HEADER, *(f"{age},1,100" for age in (1, 2, 3, 4))], "the shear-thinning needs two shear rates at least"),
    ],
)
def test_a_bad_table_is_refused_in_one_sentence(table: Path, lines: list[str], expected: str) -> None:
    table.write_text("\n".join(lines))
    with pytest.raises(InputError, match=expected) as caught:
        read_rheometer(table)
    assert str(caught.value).startswith(f"{table}: ")
    assert "\n" not in str(caught.value)


def test_the_ends_of_the_ranges_and_empty_fields_at_the_end_of_a_line_are_read(table: Path) -> None:
    table.write_text("\n".join([HEADER, "0,1,0.001,,", "0,10,0.001", "180,1,1e6, ", "180,10,1e6"]))
    data = read_rheometer(table)
    assert data.age.tolist() == [0.0, 0.0, 10800.0, 10800.0]
    assert data.viscosity == pytest.approx([1e-9, 1e-9, 1.0, 1.0])


AGES, RATES = np.repeat([300.0, 480.0], 2), np.tile([0.1, 10.0], 2)
RISING = 1e-6 * np.array([310.0, 35.0, 1650.0, 190.0])


def warnings_of(viscosity: Any = RISING, start: float = 300.0, duration: float = 60.0) -> list[str]:
    """What a run is told whose cement is at its reference temperature in the syringe and ages twice as fast beyond."""
    plan = InjectionPlan((), start_age=start, body_ageing=2.0)
    return table_warnings(TabulatedCement(AGES, RATES, viscosity), plan, duration)


def test_an_injection_inside_a_good_table_has_no_warnings() -> None:
    assert warnings_of() == []
    assert warnings_of(duration=90.0) == []
    assert warnings_of(1e-6 * np.array([310.0, 35.0, 300.0, 34.0])) == []  # falls by 3 %


def test_the_run_tells_from_when_on_the_cement_is_older_than_the_table() -> None:
    (warm,) = warnings_of(duration=120.0)
    assert "the rheometer's last age of 8.0 min, by its own clock, in the bone at body temperature from 1.5 min" in warm
    assert "syringe" not in warm
    (both,) = warnings_of(duration=240.0)
    assert "from 1.5 min of the injection on and in the syringe from 3.0 min of the injection on; it keeps" in both
    (late,) = warnings_of(start=540.0)
    assert "in the bone at body temperature from 0.0 min of the injection on and in the syringe from 0.0 min" in late


def test_the_run_tells_of_cement_before_the_first_age() -> None:
    (early,) = warnings_of(start=240.0)
    assert "begins 4.0 min after mixing by the cement's own clock, before the rheometer's first age of 5.0 min" in early


def test_a_viscosity_that_falls_with_age_is_told() -> None:
    (fall,) = warnings_of(RISING[[2, 3, 0, 1]])
    assert "at 10 1/s falls from 190 Pa s at 5.0 min to 35 Pa s at 8.0 min, but cement thickens as it ages" in fall


def test_shear_thickening_and_noise_are_told() -> None:
    (thick,) = warnings_of(1e-6 * np.array([10.0, 15.0, 20.0, 18.0]))
    assert "rises with the shear rate at 5.0 min (power-law index 1.09), but cement thins" in thick
    # The line through 1, 1 / 4, 1 / 2 at log rates of 0, 1, 2 is off by 41, -50 and 41 %; twice the swing, by 100 %.
    rates, swing = np.tile([1.0, 2.0, 4.0], 2), np.tile([1.0, 0.25, 0.5], 2)
    noisy = TabulatedCement(np.repeat([300.0, 480.0], 3), rates, 1e-4 * swing)
    (told,) = table_warnings(noisy, InjectionPlan((), start_age=300.0), 60.0)
    assert told == (
        "the power laws fitted to the rheometer table miss its viscosities by up to 100 %; check for noise and outliers"
    )


def test_the_manifest_holds_what_the_table_gives_to_tell(tmp_path: Path) -> None:
    (tmp_path / "cement.csv").write_text("\n".join([HEADER, *ROWS]))
    case = build_case({"patient": {"demo": True}, "cement": {"rheometer": "cement.csv"}}, "case.toml", tmp_path)
    laws = Laws.of_case(case)
    history: Any = SimpleNamespace(last=SimpleNamespace(time=120.0), least_front_ratio=None)
    plan = InjectionPlan((), start_age=300.0, body_ageing=2.0)
    assert isinstance(laws.cement, TabulatedCement)
    assert _cement_warnings(case, laws, plan, history) == table_warnings(laws.cement, plan, 120.0) != []


def test_what_is_no_text_file_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        read_rheometer(table)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_rheometer(tmp_path)
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a CSV text file"):
        read_rheometer(table)
