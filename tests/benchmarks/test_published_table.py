"""The published table is read by level, without contrast agent and metal, and its powers of the density are found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.published_table import (
    DENSITY,
    LEVELS,
    SHORTENING,
    STRENGTH,
    PowerLaw,
    published_stiffness,
    published_strength,
    read_table,
)


def test_powers_and_scatter_are_found() -> None:
    density, sign = np.repeat(np.geomspace(50.0, 200.0, 9), 2), np.tile([-1.0, 1.0], 9)
    law = PowerLaw.fitted(density, 20.0 * (density / 100.0) ** 0.7 * np.exp(0.2 * sign))
    assert (law.number, law.exponent, law.reference) == (18, pytest.approx(0.7), pytest.approx(20.0))
    assert law.scatter == pytest.approx(0.2)
    assert law.at(np.array([50.0])) == pytest.approx(20.0 * 0.5**0.7)


def test_a_table(tmp_path: Path) -> None:
    density = np.array([60.0, 90.0, 140.0, 100.0, 100.0, 100.0])
    table = pd.DataFrame({DENSITY: density})
    table["Contrast Enhancement"] = ["ce-no"] * 4 + ["ce-pv", "ce-no"]
    table["Foreign Material"] = [False] * 5 + [True]
    table["target_vertebra"] = ["L1", "L1", "L1", "L2", "L1", "L1"]
    table[STRENGTH] = 3.0 * density / 100.0 * np.array([1.0, 1.0, 1.0, 5.0, 5.0, 5.0])
    for level in LEVELS:
        force = SHORTENING * 18.0 * (density / 100.0) ** 0.5
        table[f"R.Force 0.2% {level} [kN]"] = np.where([*[True] * 3, False, True, True], force, 1e-5)
    table.loc[4:, "R.Force 0.2% L3 [kN]"] = 99.0
    table.to_csv(tmp_path / "table.csv")
    rows = read_table(tmp_path / "table.csv")
    laws, strength = published_stiffness(rows), published_strength(rows)
    assert list(laws) == list(LEVELS)
    for law in laws.values():
        assert (law.number, law.exponent, law.reference) == (3, pytest.approx(0.5), pytest.approx(18.0))
    assert (strength.number, strength.exponent, strength.reference) == (3, pytest.approx(1.0), pytest.approx(3.0))
