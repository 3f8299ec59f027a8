"""The user's own rheometer data: internal units, and one clear sentence for every bad table."""

from pathlib import Path

import numpy as np
import pytest

from experiments.rheometer import read_rheometer
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
        ([HEADER, "-1,1,100"], "line 2: age_min = -1 is not allowed; it must be 0 or more min"),
        ([HEADER, "1,0,100"], "line 2: shear_rate_per_s = 0 is not allowed; it must be above 0 1/s"),
        ([HEADER, "1,1,-100"], "line 2: viscosity_pa_s = -100 is not allowed; it must be above 0 Pa s"),
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


def test_what_is_no_text_file_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        read_rheometer(table)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_rheometer(tmp_path)
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a CSV text file"):
        read_rheometer(table)
