"""Stage B: the calibre at which a share leaks, and cohort files with it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit
from typer.testing import CliRunner

from experiments.cli.main import app
from experiments.cohorts import calibration
from experiments.cohorts.calibration import EVENT, LEAK, Calibration, asked_calibre, calibre_at, stage_b_file
from experiments.cohorts.cohort_file import COHORTS, read_cohort
from experiments.cohorts.observed import Table
from experiments.cohorts.pool import CALIBRE, Pool
from experiments.cohorts.statistics import Mean
from experiments.cohorts.vertebra_rows import VertebraRows
from meshes.errors import InputError

COUNT = 3000
CALIBRES = (0.4, 0.6, 0.8, 1.0, 1.5)
SLOPE, MIDDLE = 3.0, 1.2


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "RESAMPLES", 200)


def pool(calibre: float, errors: int = 0) -> Pool:
    """Twins leak where their patient's number, the same in all pools, lies below a logistic curve of the calibre."""
    chance = np.repeat(np.random.default_rng(5).random(COUNT // 2), 2)
    leak = (chance < expit(SLOPE * math.log(calibre / MIDDLE))).astype(float)
    columns = {"patient": 1.0 + np.arange(COUNT) // 2, "number": 1.0 + np.arange(COUNT) % 2, EVENT: leak}
    cohort = read_cohort(COHORTS.file("filling-fraction"))
    fitted = cohort.model_copy(update={"stage": "B", "laws": {CALIBRE: calibre}})
    refused = tuple("needles" if place < errors else "" for place in range(COUNT))
    return Pool(fitted, VertebraRows(Table(columns), refused, "0.2.0+abc"), Path("cohort.toml"), Path(f"{calibre}"))


def test_the_share_is_the_published_number() -> None:
    assert LEAK.statistic == Mean(EVENT)
    assert LEAK.estimate == 8.0 / 41.0


def test_calibres_are_those_of_the_curve_with_the_error_of_the_patients() -> None:
    found = Calibration.of([pool(calibre) for calibre in CALIBRES])
    assert found.missing == []
    assert (found.vertebrae, found.patients) == (COUNT, COUNT // 2)
    for target in found.targets.values():
        exact = MIDDLE * math.exp(logit(target.share) / SLOPE)
        # Twins are one: half as many vertebrae; the error of a share over the slope of the curve.
        spread = math.sqrt(target.share * (1.0 - target.share) / (COUNT // 2))
        expected = spread * exact / (SLOPE * target.share * (1.0 - target.share))
        assert target.error == pytest.approx(expected, rel=0.25)
        assert abs(target.calibre - exact) < 3.0 * expected
        assert target.low < target.calibre < target.high
    calibres = [target.calibre for target in found.targets.values()]
    assert calibres == sorted(calibres)


def test_between_pools_the_curve_is_monotone_and_goes_through_them() -> None:
    calibres, shares = np.array([0.5, 1.0, 2.0, 4.0]), np.array([0.1, 0.3, 0.25, 0.6])
    # The two that fall count as one.
    assert calibre_at(calibres, shares, np.array([0.1, 0.275])) == pytest.approx([0.5, math.sqrt(2.0)])
    assert (np.diff(calibre_at(calibres, shares, np.linspace(0.1, 0.6, 21))) > 0.0).all()
    assert np.isnan(calibre_at(calibres, shares, np.array([0.05, 0.61]))).all()
    assert np.isnan(calibre_at(calibres, np.full(4, 0.2), np.array([0.2]))).all()


def test_nothing_is_extrapolated() -> None:
    found = Calibration.of([pool(calibre) for calibre in (0.75, 0.8, 1.5)])
    assert found.missing == ["10%", "19.5%", "20%"]  # 19.6 % leak at the smallest calibre, 20 % too near to it
    assert set(found.targets) == {"35%"}


def test_vertebrae_that_failed_in_one_pool_are_left_out_of_all() -> None:
    found = Calibration.of([pool(0.5), pool(0.8, errors=10), pool(1.5)])
    assert found.vertebrae == COUNT - 10


def test_pools_that_differ_in_more_than_the_calibre_are_refused() -> None:
    pools = [pool(calibre) for calibre in CALIBRES]
    with pytest.raises(InputError, match="3 calibres at least"):
        Calibration.of(pools[:2])
    other = replace(pools[0], cohort=pools[0].cohort.model_copy(update={"seed": 7}))
    with pytest.raises(InputError, match="more than the calibre"):
        Calibration.of([*pools[1:], other])
    other = replace(pools[0], vertebrae=replace(pools[0].vertebrae, code="0.2.0+def"))
    with pytest.raises(InputError, match="more than the calibre"):
        Calibration.of([*pools[1:], other])
    other = replace(pools[0], cohort=pools[0].cohort.model_copy(update={"study": "metastatic-outcome"}))
    with pytest.raises(InputError, match="calibrated on filling-fraction"):
        Calibration.of([*pools[1:], other])


def test_what_is_written_is_what_a_share_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "FILE", tmp_path / "cases" / "vein-calibre.toml")
    assert asked_calibre("1.2") == 1.2
    with pytest.raises(InputError, match="not calibrated yet"):
        asked_calibre("19.5%")
    assert calibration.labels() == {}
    found = Calibration.of([pool(calibre) for calibre in (0.75, 1.0, 1.5)])
    found.write(calibration.FILE)
    assert asked_calibre("35%") == round(found.targets["35%"].calibre, 4)
    assert calibration.labels()[asked_calibre("35%")] == " (35 %)"
    with pytest.raises(InputError, match="does not reach it"):
        asked_calibre("10%")
    for asked in ("50%", "wide"):
        with pytest.raises(InputError, match=r"10%, 19.5%, 20% or 35%"):
            asked_calibre(asked)


@pytest.mark.parametrize("name", COHORTS.names)
def test_a_cohort_file_of_stage_b_differs_in_the_calibre_alone(name: str, tmp_path: Path) -> None:
    source = COHORTS.file(name)
    fitted = read_cohort(stage_b_file(source, 0.8, tmp_path))
    assert (fitted.stage, fitted.laws) == ("B", {CALIBRE: 0.8})
    assert fitted.model_copy(update={"stage": "A", "laws": {}}) == read_cohort(source)
    again = read_cohort(stage_b_file(tmp_path / f"{name}-B-0.8.toml", 1.1, tmp_path))
    assert again.laws == {CALIBRE: 1.1}


def test_the_command_says_that_stage_b_is_not_calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "FILE", tmp_path / "none.toml")
    found = CliRunner().invoke(app, ["cohort", "--ready", "filling-fraction", "--calibre", "19.5%"])
    assert found.exit_code == 2
    assert "not calibrated yet" in found.output + (found.stderr or "")


def test_pools_that_reach_no_share_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibration, "FILE", tmp_path / "none.toml")
    for name, calibre in (("a", 2.5), ("b", 3.0), ("c", 3.5)):
        known = replace(pool(calibre), file=stage_b_file(COHORTS.file("filling-fraction"), calibre, tmp_path))
        known.keep(tmp_path / name)
    assert calibration.main([str(path) for path in tmp_path.glob("*/*.csv")]) == 1
    assert "nothing is extrapolated" in capsys.readouterr().err
    assert not calibration.FILE.exists()
