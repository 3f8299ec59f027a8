"""Tables that are kept of pools and trials: every number comes back to the bit, and pages are rebuilt from them."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.cohorts import comparison, sensitivity_table
from experiments.cohorts.cohort_file import COHORTS
from experiments.cohorts.cohort_folder import CohortFolder
from experiments.cohorts.observed import Table
from experiments.cohorts.pool import Pool
from experiments.cohorts.published import STUDIES
from experiments.cohorts.sensitivity import EVENTS, GROUPS
from experiments.cohorts.study_page import main, write_page
from experiments.cohorts.vertebra_rows import VertebraRows, read_rows, write_rows
from meshes.errors import InputError

COUNT = 600


def rows(count: int = COUNT, seed: int = 1) -> VertebraRows:
    """Of vertebrae with as many digits as floats have, of which one in nine was refused."""
    rng = np.random.default_rng(seed)
    size = rng.normal(30.0, 5.0, count)
    leak = (rng.random(count) < 0.4).astype(float)
    measured = {
        **dict.fromkeys(EVENTS.values(), leak.copy()),
        "body_ml": size,
        "cement_ml": rng.normal(4.0, 1.0, count),
        "injected_ml": rng.normal(5.0, 1.0, count),
        "injected_percent": rng.normal(20.0, 3.0, count),
        "leak": leak,
        **{name: leak * (rng.random(count) < 0.5) for name in ("main_vein", "main_disc", "main_posterior_wall")},
        **{name: leak * (rng.random(count) < 0.5) for name in ("punctual", "moderate", "massive")},
    }
    refused = np.arange(count) % 9 == 4
    for values in measured.values():
        values[refused] = np.nan
    columns = {
        **{name: np.zeros(count) for names in GROUPS.values() for name in names},
        "patient": 1.0 + np.arange(count) // 2,
        "number": 1.0 + np.arange(count) % 2,
        "level": np.arange(count) % 13.0,
        "t_score": rng.normal(-3.0, 1.0, count),
        "tiny": 10.0 ** rng.uniform(-300.0, 300.0, count),
        **measured,
    }
    return VertebraRows(
        Table(columns), tuple('the path, "left" by 2 mm' if one else "" for one in refused), "0.2.0+abc"
    )


def same(one: VertebraRows, other: VertebraRows) -> bool:
    assert one.rows.columns.keys() == other.rows.columns.keys()
    return (one.errors, one.code) == (other.errors, other.code) and all(
        np.array_equal(one.rows[name], other.rows[name], equal_nan=True) for name in one.rows.columns
    )


def test_every_number_comes_back_to_the_bit(tmp_path: Path) -> None:
    known = rows()
    write_rows(tmp_path / "one.csv", {"": known})
    assert same(read_rows(tmp_path / "one.csv")[""], known)
    arms = {"near": known, "far, or not": rows(40, 2)}
    write_rows(tmp_path / "two.csv", arms)
    again = read_rows(tmp_path / "two.csv")
    assert list(again) == list(arms)
    assert all(same(again[arm], arms[arm]) for arm in arms)


def test_refused_vertebrae_are_kept_and_take_no_part(tmp_path: Path) -> None:
    known = rows()
    assert len(known.table) + len(known.refused) == COUNT
    assert np.isfinite(known.table["body_ml"]).all()
    write_rows(tmp_path / "one.csv", {"": known})
    head, first, *_ = (tmp_path / "one.csv").read_text().splitlines()
    assert head.split(",")[0] == "level"
    assert head.endswith(",error,code")
    assert first.startswith("T5,")


@pytest.mark.parametrize("text", ["", "one,two\n1,2\n", "patient,level,error,code\n1,C9,,x\n"])
def test_what_is_no_such_table_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.csv").write_text(text)
    with pytest.raises(InputError, match=r"one.csv: is no table of treated vertebrae"):
        read_rows(tmp_path / "one.csv")


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a pool of filling-fraction at stage A and one at stage B."""
    monkeypatch.setattr(comparison, "DRAWS", 10)
    monkeypatch.setattr(sensitivity_table, "EVENTS", {"any leak": "leak"})
    source = COHORTS.file("filling-fraction").read_text()
    fitted = 'stage = "B"\nlaws = {"vein_distributions.calibre" = 0.8}\n' + source
    for name, text in (("A", source), ("B", fitted)):
        folder = CohortFolder(tmp_path / name)
        (tmp_path / f"{name}.toml").write_text(text)
        cohort = folder.open(tmp_path / f"{name}.toml")
        Pool(cohort, rows(80, len(text)), folder.file, folder.path).keep(tmp_path / "docs" / "cohorts" / "data")
    return tmp_path / "docs"


def test_pages_of_both_stages_are_rebuilt_from_the_tables_alone(docs: Path) -> None:
    assert main(["--docs", str(docs)]) == 0
    page = (docs / "cohorts" / "filling-fraction.md").read_text()
    assert "| A, 1.5 mm | B, 0.8 mm |" in page
    assert "vertebroplasty 0.2.0+abc." in page
    assert "9 of 80: the path" in page
    assert "not usable: no better than the share" in page
    for name in ("filling-fraction-A.csv", "filling-fraction-B-0.8.csv", "filling-fraction-A.toml"):
        assert f"(data/{name})" in page or name.endswith("toml")
        assert (docs / "cohorts" / "data" / name).exists()
    compared = {
        stage: json.loads((docs / "cohorts" / "data" / f"filling-fraction-{name}.json").read_text())
        for stage, name in (("A", "A"), ("B", "B-0.8"))
    }
    assert [compared[stage]["calibre_mm"] for stage in ("A", "B")] == [1.5, 0.8]
    assert all({row["stage"] for row in compared[stage]["rows"]} == {stage} for stage in ("A", "B"))
    assert main(["--docs", str(docs)]) == 0
    assert (docs / "cohorts" / "filling-fraction.md").read_text() == page


def test_a_page_without_a_pool_of_stage_a_is_refused(docs: Path) -> None:
    for path in (docs / "cohorts" / "data").glob("*-A.*"):
        path.unlink()
    with pytest.raises(InputError, match="stage A"):
        write_page(STUDIES["filling-fraction"], docs)
