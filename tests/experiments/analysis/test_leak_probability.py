"""What decides the probability of a leak: shares of the variance by hand, and indices of a made-up sweep."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis_stand_in import injection, sweep_folder

from experiments.analysis.analysis import analyse_sample
from experiments.analysis.leak_probability import LeakSample, reliability, variance_shares
from experiments.analysis.sample import Sample
from experiments.analysis.table import ResultTable

NETWORKS = 8
SEED = {"path": "veins.seed", "values": list(range(1, NETWORKS + 1)), "crossed": True}
CALIBRE = {"path": "veins.calibre_mm", "distribution": "log-uniform", "low": 0.75, "high": 2.0}
VOLUME = {"path": "injection.volume_ml", "distribution": "uniform", "low": 2.0, "high": 6.0}
GRADE = {"path": "cement.viscosity", "distribution": "categorical", "choices": ["low", "high"]}


def leaks(seed: int, calibre: float, volume: float, grade: str) -> dict[str, Any]:
    """The chance of a leak hangs on the volume, a little on the calibre and not on the viscosity class."""
    chance = np.clip(0.5 + 0.22 * (volume - 4.0) + 0.1 * np.log(calibre / 1.2), 0.0, 1.0)
    leak = np.random.default_rng([seed, int(1e6 * volume)]).random() < chance
    return {"injection": injection(0.1 if leak else 0.0, volume, onset=1.0 if leak else None)}


def tables_of(folder: Path) -> dict[str, ResultTable]:
    return {finding.table.name: finding.table for finding in analyse_sample(Sample.read(folder)).findings}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("leaks") / "sweep"
    return sweep_folder(path, leaks, vary=[SEED, CALIBRE, VOLUME, GRADE], design="random", count=80, seed=5)


def test_what_the_inputs_alone_decide_is_all_theirs() -> None:
    leaked = np.repeat([[0.0], [1.0]], 10, axis=0).repeat(NETWORKS, axis=1)
    assert variance_shares(leaked) == pytest.approx((1.0, 0.0, 0.0))
    assert reliability(leaked) == pytest.approx(1.0)
    assert variance_shares(leaked.T) == pytest.approx((0.0, 1.0, 0.0))


def test_what_neither_decides_is_left_to_their_meeting() -> None:
    leaked = (np.random.default_rng(1).random((4000, NETWORKS)) < 0.4).astype(float)
    inputs, network, together = variance_shares(leaked)
    assert inputs < 0.01
    assert network < 0.01
    assert together > 0.98
    assert reliability(leaked) < 0.1


def test_shares_are_those_of_the_probabilities_that_were_drawn_with() -> None:
    draw = np.random.default_rng(2)
    chance = draw.random((4000, 1))
    leaked = (draw.random((4000, NETWORKS)) < chance).astype(float)
    # Var p = 1/12 of a variance of 1/4 in all; the points' shares have 1/12 + E[p (1 - p)] / 8
    assert variance_shares(leaked).inputs == pytest.approx(1 / 3, abs=0.02)
    assert reliability(leaked) == pytest.approx((1 / 12) / (1 / 12 + 1 / 6 / NETWORKS), abs=0.02)


def test_all_or_none_have_no_shares() -> None:
    assert np.isnan(variance_shares(np.zeros((20, NETWORKS)))).all()
    assert np.isnan(variance_shares(np.array([[0.0, 1.0]]))).all()


def test_the_indices_find_what_decides(folder: Path) -> None:
    tables = tables_of(folder)
    rows = {str(row["input"]): row for row in tables["leak_indices"].rows}
    assert next(iter(rows)) == "injection volume"
    assert set(rows) == {"injection volume", "veins calibre", "cement viscosity"}
    volume = rows["injection volume"]
    assert volume["first_low"] <= volume["first"] <= volume["first_high"]
    assert volume["first_low"] > 0.5
    assert rows["cement viscosity"]["total"] < 0.2
    (told,) = tables["leak_indices"].remarks
    assert "points they had not seen" in told
    shares = [row["share"] for row in tables["leak_variance"].rows]
    assert sum(shares) == pytest.approx(1.0)
    assert all(row["low"] <= row["share"] <= row["high"] for row in tables["leak_variance"].rows)


def test_points_without_all_of_their_networks_are_left_out(tmp_path: Path) -> None:
    def some(seed: int, calibre: float, volume: float, grade: str) -> dict[str, Any] | str | None:
        if volume > 5.5:
            return "no way" if seed == 3 else leaks(seed, calibre, volume, grade)
        return None if volume < 2.5 and seed == 8 else leaks(seed, calibre, volume, grade)

    path = sweep_folder(
        tmp_path / "sweep", some, vary=[SEED, CALIBRE, VOLUME, GRADE], design="random", count=40, seed=5
    )
    sample = Sample.read(path)
    found = LeakSample.of(sample)
    assert found is not None
    volumes = next(factor.numbers for factor in found.factors if factor.path == "injection.volume_ml")
    assert volumes is not None
    assert len(volumes) == len(found.leaked) < 40
    assert volumes.min() >= 2.5
    assert volumes.max() <= 5.5
    assert np.corrcoef(found.points[:, 1], volumes)[0, 1] == pytest.approx(1.0)


def test_leaks_that_inputs_do_not_explain_have_no_indices(tmp_path: Path) -> None:
    def by_chance(seed: int, calibre: float, volume: float) -> dict[str, Any]:
        leak = np.random.default_rng([seed, int(1e6 * volume)]).random() < 0.5 + 0.3 * np.sin(1e4 * volume)
        return {"injection": injection(0.1 if leak else 0.0, volume, onset=1.0 if leak else None)}

    path = sweep_folder(tmp_path / "sweep", by_chance, vary=[SEED, CALIBRE, VOLUME], design="random", count=60, seed=5)
    table = tables_of(path)["leak_indices"]
    assert table.rows == []
    assert "no indices are shown" in table.remarks[0]


def test_other_samples_have_no_such_tables(tmp_path: Path) -> None:
    def one(volume: float) -> dict[str, Any]:
        return leaks(1, 1.0, volume, "low")

    path = sweep_folder(tmp_path / "sweep", one, vary=[VOLUME], design="random", count=30, seed=5)
    assert not {"leak_variance", "leak_indices"} & tables_of(path).keys()
