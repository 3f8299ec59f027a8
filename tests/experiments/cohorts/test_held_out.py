"""Series that were held out: their numbers are the counts that were declared, and tables give them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.cohorts import comparison, sensitivity_table
from experiments.cohorts.cohort_file import COHORTS, Cohort, read_cohort
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.cohort_plan import vertebrae_of
from experiments.cohorts.comparison import compare
from experiments.cohorts.drawn import drawn
from experiments.cohorts.held_out import CLEFT_PAIRS, KYPHOPLASTY, TYPES_ON_CT, VERTEBROPLASTY
from experiments.cohorts.observed import PLACES, Table
from experiments.cohorts.pool import Pool
from experiments.cohorts.published import STUDIES
from experiments.cohorts.published_number import Published, counted_odds
from experiments.cohorts.statistics import Mean, Ratio
from experiments.cohorts.study import Study
from experiments.cohorts.study_page import keep, write_page
from experiments.cohorts.surgeon import operation_tables
from experiments.cohorts.vertebra_rows import VertebraRows
from experiments.cohorts.virtual_patient import VirtualVertebra
from materials.fracture import BrokenBody
from meshes.leak_sites import SITES

HELD_OUT = (VERTEBROPLASTY, KYPHOPLASTY)


def numbers(study: Study) -> Mapping[str, Published]:
    return {one.quantity: one for one in study.numbers}


@pytest.mark.parametrize(
    ("study", "quantity", "percent"),
    [
        (VERTEBROPLASTY, "VERTOS II: any leak", 80.0),
        (VERTEBROPLASTY, "344 vertebrae: type B (basivertebral vein)", 28.5),
        (VERTEBROPLASTY, "344 vertebrae: type S (segmental veins)", 34.3),
        (VERTEBROPLASTY, "344 vertebrae: type C (cortex)", 24.4),
        (VERTEBROPLASTY, "matched clefts: any leak with a cleft", 67.6),
        (VERTEBROPLASTY, "matched clefts: any leak without", 76.3),
        (VERTEBROPLASTY, "matched clefts: type B (basivertebral vein) with a cleft", 20.9),
        (VERTEBROPLASTY, "matched clefts: type B (basivertebral vein) without", 31.7),
        (VERTEBROPLASTY, "matched clefts: type S (segmental veins) with a cleft", 24.5),
        (VERTEBROPLASTY, "matched clefts: type S (segmental veins) without", 52.5),
        (VERTEBROPLASTY, "matched clefts: type C (cortex) with a cleft", 25.9),
        (VERTEBROPLASTY, "matched clefts: type C (cortex) without", 12.2),
        (VERTEBROPLASTY, "matched clefts: type D (disc) with a cleft", 16.5),
        (VERTEBROPLASTY, "matched clefts: type D (disc) without", 6.5),
        (VERTEBROPLASTY, "matched clefts: venous leak with a cleft", 37.4),
        (VERTEBROPLASTY, "matched clefts: venous leak without", 67.6),
        (VERTEBROPLASTY, "matched clefts: cortical leak (disc or not) with a cleft", 40.3),
        (VERTEBROPLASTY, "matched clefts: cortical leak (disc or not) without", 16.5),
        (VERTEBROPLASTY, "374 vertebroplasties: any leak", 40.1),
        (KYPHOPLASTY, "Chen 2017: any leak", 20.8),
        (KYPHOPLASTY, "349 kyphoplasties: any leak", 19.8),
        (KYPHOPLASTY, "109 clefts: leak into a disc with a cleft", 32.1),
    ],
)
def test_counts_are_those_of_the_published_shares(study: Study, quantity: str, percent: float) -> None:
    assert 100.0 * numbers(study)[quantity].estimate == pytest.approx(percent, abs=0.051)


@pytest.mark.parametrize(
    ("kind", "ratio"),
    [
        ("type B (basivertebral vein)", 0.57),
        ("type S (segmental veins)", 0.29),
        ("type C (cortex)", 2.52),
        ("type D (disc)", 2.84),
    ],
)
def test_odds_ratios_of_a_cleft_follow_from_the_counts(kind: str, ratio: float) -> None:
    found = numbers(VERTEBROPLASTY)[f"matched clefts: {kind}: OR of a cleft"]
    assert found.estimate == pytest.approx(ratio, abs=0.03)
    assert found.low < found.estimate < found.high


def test_woolfs_interval() -> None:
    """Of 10/20 against 5/20: OR 3, standard error of its logarithm sqrt(1/10 + 1/10 + 1/5 + 1/15)."""
    found = counted_odds("x", "leak", "cleft", (10, 20), (5, 20))
    assert found.estimate == pytest.approx(3.0)
    assert math.log(found.high / 3.0) == pytest.approx(1.96 * math.sqrt(7.0 / 15.0))
    assert found.low * found.high == pytest.approx(9.0)


def test_a_relative_risk_leaves_out_what_is_neither() -> None:
    table = Table(
        {
            "patient": np.arange(8.0),
            "leak": np.array([1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
            "high_viscosity": np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, math.nan, math.nan]),
        }
    )
    assert Ratio("leak", "high_viscosity").of(table) == 0.25
    assert math.isnan(Ratio("leak", "high_viscosity").of(Table({**table.columns, "leak": np.zeros(8)})))


def test_a_table_of_the_published_counts_gives_the_published_numbers() -> None:
    """139 vertebrae with a cleft and 139 without, each with the events that were counted."""
    cleft = np.repeat([1.0, 0.0], 139)
    columns = {"patient": np.arange(278.0), "cleft": cleft}
    counts: dict[str, tuple[int, int]] = {}
    for one, other, _ in zip(*(CLEFT_PAIRS.numbers[start::3] for start in range(3)), strict=True):
        assert isinstance(one.statistic, Mean)
        counts[one.statistic.column] = (round(139 * one.estimate), round(139 * other.estimate))
    for name, (ones, others) in counts.items():
        columns[name] = np.concatenate([np.arange(139) < ones, np.arange(139) < others]).astype(float)
    table = Table(columns)
    for number in CLEFT_PAIRS.numbers:
        assert number.statistic.of(table) == pytest.approx(number.estimate, rel=1e-5), number.quantity


def test_types_share_out_all_sites_but_the_needle_track() -> None:
    places = [PLACES[name] for name in ("foramen", "vessel", "cortex", "disc")]
    assert sorted(sum(places, ())) == sorted(set(SITES) - {"needle_track"})
    assert set(PLACES["cortex_or_disc"]) == set(PLACES["cortex"]) | set(PLACES["disc"])


def test_bands_are_those_of_the_series_size() -> None:
    """Two vertebrae a patient: a series of 200 vertebrae is a hundred patients, and the larger the narrower."""
    rng = np.random.default_rng(3)
    table = Table({"patient": np.arange(4000.0) // 2, "leak": (rng.random(4000) < 0.4).astype(float)})
    series = [replace(TYPES_ON_CT, name=f"{size}", vertebrae=size, numbers=(LEAK,)) for size in (50, 200, 1800)]
    study = Study.held_out("x", "test", 7, 14, tuple(series), "")
    small, middle, large = (found.high - found.low for found in compare(table, study, draws=200))
    assert small / middle == pytest.approx(2.0, rel=0.25)
    expected = 2 * 1.96 * math.sqrt(0.24 * (1.0 / 200 + 1.0 / 4000))
    assert middle == pytest.approx(expected, rel=0.2)
    assert large < 0.5 * middle


LEAK = Published("leak", Mean("leak"), "-", 0.4)


def inputs(cohort: Cohort, vertebra: VirtualVertebra, **fracture: object) -> dict[str, Any]:
    """Of a row, as far as the table takes it from there."""
    assert vertebra.fracture is not None
    given = {"seed": vertebra.fracture.seed, "cleft": vertebra.fracture.cleft, "age": "fresh"}
    tables = operation_tables(cohort.surgeon, cohort.seed, vertebra)
    needles = [needle | {"boluses": None} for needle in tables["needles"]]
    return tables | {"needles": needles, "cavities": [], "laws": {}, "fracture": given | fracture}


def test_what_a_fracture_was_drawn_with_stands_in_the_table() -> None:
    cohort = read_cohort(COHORTS.file("osteoporotic-vertebroplasty"))
    vertebrae = list(vertebrae_of(cohort, 120))
    rows = [drawn(one, inputs(cohort, one)) for one in vertebrae]
    for name, expected in (("cleft", 0.28), ("cortical_disruption", 0.67)):
        assert np.mean([row[name] for row in rows]) == pytest.approx(expected, abs=0.12)
    for row, vertebra in zip(rows, vertebrae, strict=True):
        found = BrokenBody().drawn(vertebra.fracture.seed, most=0.5)
        assert row["cortical_disruption"] == found.fissures
        assert row["cleft"] == vertebra.fracture.cleft
        of_prior = drawn(vertebra, inputs(cohort, vertebra, cleft=None))
        assert of_prior["cleft"] == found.cleft
        healed = drawn(vertebra, inputs(cohort, vertebra, cleft=False, age="old"))
        assert not healed["cortical_disruption"]
    viscosity, high = (np.array([row[name] for row in rows], dtype=float) for name in ("viscosity", "high_viscosity"))
    assert np.isnan(high[viscosity == 1.0]).all()
    assert (high[viscosity == 2.0] == 1.0).all()
    assert (high[viscosity == 0.0] == 0.0).all()
    assert set(viscosity) == {0.0, 1.0, 2.0}


def test_the_page_tells_that_its_series_were_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "DRAWS", 5)
    monkeypatch.setattr(sensitivity_table, "lines", lambda table: iter(()))
    source = COHORTS.file("osteoporotic-kyphoplasty")
    folder = CohortFolder(tmp_path / "cohort")
    cohort = folder.open(source)
    count = 60
    places = {f"{kind}_{place}": np.arange(count) % 3 == 0 for kind in ("leak", "main") for place in PLACES}
    columns = {"patient": np.arange(count) // 2, "number": 1 + np.arange(count) % 2, "level": np.arange(count) % 13}
    columns |= {"leak": np.arange(count) % 3 == 0, "cleft": np.arange(count) % 4 == 0, **places}
    rows = VertebraRows(Table({key: value.astype(float) for key, value in columns.items()}), ("",) * count, "0.2.0")
    pool = Pool(cohort, rows, folder.file, folder.path)
    monkeypatch.setattr(Pool, "of", classmethod(lambda cls, folder: pool))
    keep(folder, tmp_path / "docs")
    page = write_page(STUDIES["osteoporotic-kyphoplasty"], tmp_path / "docs").read_text()
    assert "**Held out**" in page
    assert "| Chen 2017 | rhhz.net GUSS | 370 |" in page
    for number in KYPHOPLASTY.numbers:
        assert number.quantity in page


@pytest.mark.parametrize("study", HELD_OUT, ids=lambda study: study.name)
def test_whose_numbers_they_are_is_told(study: Study) -> None:
    names = {one.name: one.vertebrae for one in study.series}
    for number in study.numbers:
        name, _, _ = number.quantity.partition(": ")
        assert number.vertebrae == names[name]
