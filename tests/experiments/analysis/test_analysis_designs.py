"""Effects and indices of designs beside exact values, through the same way as a sweep: design, table, analysis."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_stand_in import sweep_folder
from evidence import Evidence

from experiments.analysis import designs
from experiments.analysis.grid import fill, grid_effects
from experiments.analysis.sample import Sample
from experiments.analysis.table import ResultTable

OUTPUT = "injection.leaked_ml"
PATHS = ("outside.canal_kpa", "outside.disc_kpa", "outside.veins_kpa")
ISHIGAMI_FIRST = (0.3139, 0.4424, 0.0)
ISHIGAMI_TOTAL = (0.5576, 0.4424, 0.2437)
"""Ishigami & Homma (1990) with a = 7, b = 0.1: exact."""


def leaking(value: float) -> dict[str, Any]:
    return {"injection": {"leaked_ml": value}}


def ishigami(x: float, y: float, z: float) -> dict[str, Any]:
    return leaking(math.sin(x) + 7.0 * math.sin(y) ** 2 + 0.1 * z**4 * math.sin(x))


def uniform(*paths: str, low: float = -math.pi, high: float = math.pi) -> list[dict[str, Any]]:
    return [{"path": path, "distribution": "uniform", "low": low, "high": high} for path in paths]


def tables_of(path: Path) -> dict[str, ResultTable]:
    sample = Sample.read(path)
    outputs, _ = sample.outputs([OUTPUT])
    return {finding.table.name: finding.table for finding in designs.describe(sample, outputs)}


def test_sobol_indices_of_ishigami(tmp_path: Path, evidence: Evidence) -> None:
    folder = sweep_folder(tmp_path / "sobol", ishigami, vary=uniform(*PATHS), design="sobol", count=512, seed=3)
    rows = tables_of(folder)["indices"].rows
    for row, path, first, total in zip(rows, PATHS, ISHIGAMI_FIRST, ISHIGAMI_TOTAL, strict=True):
        for key, exact in (("first", first), ("total", total)):
            assert row[f"{key}_high"] - row[f"{key}_low"] < 0.3
            evidence.check(
                case="Sobol indices of the Ishigami function",
                quantity=f"{key} of {path} [-]",
                expected=exact,
                computed=row[key],
                low=exact - (row[f"{key}_high"] - row[key]),
                high=exact + (row[f"{key}_high"] - row[key]),
                source="exact; band: the analysis's own 95 % interval",
                kind="verification",
            )


def test_blocks_with_a_failed_case_are_left_out_whole(tmp_path: Path) -> None:
    def some(x: float, y: float, z: float) -> dict[str, Any] | str | None:
        seen.append((x, y, z))
        if len(seen) == 12:  # block 3 of blocks of 5
            return "failed"
        return None if len(seen) == 26 else ishigami(x, y, z)  # block 6

    seen: list[Any] = []
    folder = sweep_folder(tmp_path / "sobol", some, vary=uniform(*PATHS), design="sobol", count=64)
    table = tables_of(folder)["indices"]
    assert "2 of 64 blocks of 5 cases" in table.remarks[0]
    values = np.array([ishigami(*point)["injection"]["leaked_ml"] for point in seen]).reshape(64, 5)
    used = np.delete(values, [2, 5], axis=0)
    used = (used - used.mean()) / used.std()
    a, ab, b = used[:, 0], used[:, 1:4], used[:, 4]
    first = [np.mean(b * (ab[:, i] - a)) / np.var(np.r_[a, b]) for i in range(3)]
    assert [row["first"] for row in table.rows] == pytest.approx(first, rel=1e-12)


def test_morris_measures_of_a_linear_model_are_its_slopes(tmp_path: Path) -> None:
    def linear(x: float, y: float, z: float) -> dict[str, Any]:
        return leaking(3.0 * x - 2.0 * y + 0.0 * z)

    folder = sweep_folder(tmp_path / "morris", linear, vary=uniform(*PATHS), design="morris", count=6)
    rows = tables_of(folder)["morris"].rows
    whole = 2.0 * math.pi
    assert [row["mean"] for row in rows] == pytest.approx([3.0 * whole, -2.0 * whole, 0.0])
    assert [row["absolute"] for row in rows] == pytest.approx([3.0 * whole, 2.0 * whole, 0.0])
    assert [row["deviation"] for row in rows] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_morris_sigma_shows_a_product(tmp_path: Path) -> None:
    folder = sweep_folder(
        tmp_path / "morris",
        lambda x, y: leaking(x * y),
        vary=uniform(*PATHS[:2], low=0.0, high=1.0),
        design="morris",
        count=64,
    )
    rows = tables_of(folder)["morris"].rows
    # The effect of one is the other's value at the step's start: 0, 1/3, 2/3, 1 with equal frequency.
    for row in rows:
        assert row["mean"] == pytest.approx(0.5, abs=0.1)
        assert row["deviation"] == pytest.approx(np.std([0.0, 1 / 3, 2 / 3, 1.0], ddof=1), abs=0.1)


@pytest.mark.parametrize("design", ["latin-hypercube", "random"])
def test_a_surrogate_of_a_polynomial_has_its_indices(tmp_path: Path, design: str) -> None:
    def model(x: float, y: float, z: float) -> dict[str, Any]:
        return leaking(x + 2.0 * y + 3.0 * x * y + 0.0 * z)

    folder = sweep_folder(tmp_path / "s", model, vary=uniform(*PATHS, low=-1.0, high=1.0), design=design, count=80)
    tables = tables_of(folder)
    (skill,) = tables["surrogate"].rows
    assert skill["skill"] > 0.999
    variances = np.array([1.0 / 3.0, 4.0 / 3.0, 9.0 / 9.0])  # of x, 2 y and 3 x y on [-1, 1]
    shares = variances / variances.sum()
    rows = tables["indices"].rows
    assert [row["first"] for row in rows] == pytest.approx([shares[0], shares[1], 0.0], abs=0.01)
    assert [row["total"] for row in rows] == pytest.approx(
        [shares[0] + shares[2], shares[1] + shares[2], 0.0], abs=0.01
    )
    strongest = tables["pairs"].rows[0]
    assert (strongest["input"], strongest["other"]) == ("outside canal", "outside disc")
    assert strongest["share"] == pytest.approx(shares[2], abs=0.01)
    assert strongest["share_low"] <= shares[2] <= strongest["share_high"] + 1e-3


def test_a_surrogate_of_noise_gives_no_indices(tmp_path: Path) -> None:
    noise = np.random.default_rng(4)
    folder = sweep_folder(
        tmp_path / "s", lambda *_: leaking(noise.normal()), vary=uniform(*PATHS), design="random", count=60
    )
    tables = tables_of(folder)
    assert tables["surrogate"].rows[0]["skill"] < 0.2
    assert "indices are not shown" in tables["surrogate"].remarks[0]
    assert "indices" not in tables


def test_levels_and_distributions_have_exact_shares_in_a_surrogate(tmp_path: Path) -> None:
    add = {"low": 0.0, "medium": 1.0, "high": 5.0}
    folder = sweep_folder(
        tmp_path / "s",
        lambda viscosity, volume: leaking(add[viscosity] + math.log10(volume)),
        vary=[
            {"path": "cement.viscosity", "values": list(add)},
            {"path": "injection.volume_ml", "distribution": "log-uniform", "low": 0.1, "high": 10.0},
        ],
        design="latin-hypercube",
        count=240,
    )
    rows = tables_of(folder)["indices"].rows
    variances = np.array([np.var(list(add.values())), 2.0**2 / 12.0])
    assert [row["first"] for row in rows] == pytest.approx(variances / variances.sum(), abs=0.01)


GRID = [
    {"path": "cement.viscosity", "values": ["low", "high"]},
    {"path": "injection.volume_ml", "start": 1.0, "stop": 3.0, "count": 3},
]
ADDS = {"low": 0.0, "high": 1.0}


def test_a_grid_is_decomposed_exactly(tmp_path: Path) -> None:
    def model(viscosity: str, volume: float) -> dict[str, Any]:
        return leaking(2.0 * ADDS[viscosity] + volume + ADDS[viscosity] * volume)

    tables = tables_of(sweep_folder(tmp_path / "g", model, vary=GRID))
    rows = tables["main_effects"].rows
    assert [row[OUTPUT] for row in rows] == [2.0, 6.0, 2.5, 4.0, 5.5]
    assert [row["cases"] for row in rows] == [3, 3, 2, 2, 2]
    # Main effects -2, 2 and -1.5, 0, 1.5; interaction -+0.5 (volume - 2).
    whole = 4.0 + 1.5 + 1.0 / 6.0
    shares = tables["indices"].rows
    assert [row["first"] for row in shares] == pytest.approx([4.0 / whole, 1.5 / whole])
    assert [row["total"] for row in shares] == pytest.approx([(4.0 + 1 / 6) / whole, (1.5 + 1 / 6) / whole])
    assert tables["pairs"].rows[0]["share"] == pytest.approx(1 / 6 / whole)


def test_missing_cases_of_a_grid_are_filled_and_said(tmp_path: Path) -> None:
    def model(viscosity: str, volume: float) -> dict[str, Any] | str:
        if viscosity == "high" and volume == 3.0:
            return "no convergence"
        return leaking(2.0 * ADDS[viscosity] + volume)

    table = tables_of(sweep_folder(tmp_path / "g", model, vary=GRID))["main_effects"]
    assert [row[OUTPUT] for row in table.rows] == pytest.approx([2.0, 4.0, 2.0, 3.0, 4.0])
    assert "1 of 6 cases are missing" in table.remarks[0]


def test_leave_one_out_error_is_that_of_refitting() -> None:
    rng = np.random.default_rng(2)
    cube = rng.normal(size=(3, 4))
    cube[0, 0] = np.nan
    found = fill(cube)
    assert found is not None
    known = np.argwhere(np.isfinite(cube))
    errors = []
    for row, column in known:
        others = [(i, j) for i, j in known if (i, j) != (row, column)]
        matrix = np.array([[1.0, *np.eye(3)[i], *np.eye(4)[j]] for i, j in others])
        fitted = np.linalg.pinv(matrix) @ np.array([cube[i, j] for i, j in others])
        errors.append(cube[row, column] - np.array([1.0, *np.eye(3)[row], *np.eye(4)[column]]) @ fitted)
    assert found.fill_error == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def test_too_few_cases_of_a_grid_say_nothing() -> None:
    codes = [np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])]
    assert grid_effects(codes, np.array([1.0, np.nan, np.nan, 2.0])) is None


def test_a_zipped_list_has_no_effects(tmp_path: Path) -> None:
    vary = [{"path": path, "values": [1.0, 2.0, 4.0]} for path in PATHS[:2]]
    tables = tables_of(sweep_folder(tmp_path / "z", lambda x, y: leaking(x + y), vary=vary, design="zipped"))
    assert list(tables) == ["course"]
    assert [row[OUTPUT] for row in tables["course"].rows] == [2.0, 4.0, 8.0]
    assert "no effect belongs to one of them" in tables["course"].remarks[0]
