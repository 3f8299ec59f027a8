"""The table of a sweep: every input and output with its unit, questions to it, its export and its bands."""

import csv
import json
import os
import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import numpy as np
import phantoms
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from experiments.case.identity import case_identity
from experiments.case.schema import build_case
from experiments.cli.main import app
from experiments.results.format import FORMAT_VERSION
from experiments.sweep.cases import Plan, plan_cases
from experiments.sweep.engine import SweepProgress
from experiments.sweep.folder import SweepFolder, describe
from experiments.sweep.quantile_bands import quantile_bands
from experiments.sweep.query import ask, quoted, write_csv
from experiments.sweep.shared_geometry import REMEMBERED, SharedGeometry
from experiments.sweep.sweep_file import SweepFile
from experiments.sweep.table import SweepTable, unit_of_column
from meshes.body_mesh import Refinement
from meshes.errors import InputError
from meshes.tetmesh import TetMesh
from meshes.vertebra import Vertebra

PATH = "injection.volume_ml"
VARIED = f"input.{PATH}"


def plan_of(count: int, **keys: Any) -> Plan:
    vary = {"path": PATH, "start": 1.0, "stop": 5.0, "count": count}
    return plan_cases(
        SweepFile.model_validate({"base": {"patient": {"demo": True}}, "vary": [vary], **keys}), "s", Path()
    )


def kept(plan: Plan, path: Path) -> Path:
    """A folder with results that follow from the volume, and a failure where it is above 4.5 ml."""
    folder = SweepFolder(path)
    with folder.open(plan):
        for case in plan.cases:
            volume = case.values[PATH]
            row: dict[str, Any] = {"inputs": build_case(dict(case.content)).model_dump(mode="json"), "seconds": 2.0}
            if volume > 4.5:
                row["error"] = {"kind": "input", "message": "too much; choose less"}
            else:
                results = {
                    "injection": {"leaked_ml": volume / 10.0, "stop_reason": "volume_reached", "leaks": {}},
                    "fill": {"centroid_mm": [0.0, 1.0, volume], "components": 1},
                    "stiffness": {"intact_n_per_mm": 10000.0, "intact": {"matrix": [[1.0, 2.0], [3.0, 4.0]]}},
                }
                row["outcome"] = {"results": results, "seconds": {"mesh": 1.0}, "warnings": ["beware"]}
            folder.keep(case, row)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(plan_of(5), tmp_path_factory.mktemp("sweep") / "study")


def test_one_row_per_case_with_every_input_and_output(finished: Path) -> None:
    rows = SweepTable.read(finished).rows
    assert rows["number"].to_pylist() == [1, 2, 3, 4, 5]
    assert rows["status"].to_pylist() == ["finished"] * 4 + ["failed"]
    assert rows["error"].to_pylist() == [None] * 4 + ["input: too much; choose less"]
    assert rows[VARIED].to_pylist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert rows["injection.leaked_ml"].to_pylist() == [0.1, 0.2, 0.3, 0.4, None]
    assert rows["fill.centroid_mm"].to_pylist()[1] == [0.0, 1.0, 2.0]
    assert rows["stiffness.intact.matrix"].to_pylist()[0] == [[1.0, 2.0], [3.0, 4.0]]
    complete = build_case({"patient": {"demo": True}})
    for name in ("input.mesh.size_mm", "input.outlets.conductance_ml_per_s_kpa", "input.needles[1].gauge"):
        assert len(rows[name].drop_null()) == 5, name
    assert rows["input.mesh.size_mm"].to_pylist() == [complete.mesh.size_mm] * 5


def test_parquet_keeps_the_units(finished: Path, tmp_path: Path) -> None:
    SweepTable.read(finished).write(tmp_path / "results.parquet")
    schema = parquet.read_schema(tmp_path / "results.parquet")
    units = {name: schema.field(name).metadata.get(b"unit") for name in (VARIED, "stiffness.intact_n_per_mm")}
    assert units == {VARIED: b"ml", "stiffness.intact_n_per_mm": b"N/mm"}
    question = f"select max(\"injection.leaked_ml\") from '{tmp_path}/results.parquet'"
    assert duckdb.sql(question).fetchall() == [(0.4,)]


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("injection.leaks.disc_superior.volume_ml", "ml"),
        ("injection.leaks.disc_superior.onset_s", "s"),
        ("injection.leak_classes.canal", "ml"),
        ("injection.needles[2].peak_tip_pressure_kpa", "kPa"),
        ("fill.cement_by_side_ml.left", "ml"),
        ("fill.endplate_contact.superior_endplate.area_mm2", "mm2"),
        ("bone.bmd_median_mg_per_cm3", "mg/cm3"),
        ("bone.permeability_axial_median_m2", "m2"),
        ("stiffness.augmented.flexion_nm_per_deg", "N m/deg"),
        ("stiffness.augmented.tilt_left_deg_per_kn", "deg/kN"),
        ("stiffness.augmented_n_per_mm", "N/mm"),
        ("load.augmented.von_mises_mpa.bone.p95", "MPa"),
        ("load.augmented.bone_effective_strain.p95", "1"),
        ("strength.intact.linear_n", "N"),
        ("strength.augmented.nonlinear_n", "N"),
        ("load.intact.strain_energy_mj", "mJ"),
        ("mesh.cells", "1"),
        ("seconds.injection", "s"),
        ("peak_memory_mb", "MB"),
        ("input.cement.consistency_pa_s", "Pa s"),
        ("input.outlets.conductance_ml_per_s_kpa", "ml/(s kPa)"),
        ("input.injection.leak_limit_by_site_ml.canal_posterior_wall", "ml"),
        ("input.cavities[1].semi_axes_mm", "mm"),
    ],
)
def test_units_follow_from_names(column: str, unit: str) -> None:
    assert unit_of_column(column) == unit


def test_filters_order_and_sql_take_dotted_names_as_they_are(finished: Path) -> None:
    rows = SweepTable.read(finished).rows
    some = ask(rows, where=f"injection.leaked_ml >= 0.2 and {VARIED} < 4", sort="-injection.leaked_ml")
    assert some["number"].to_pylist() == [3, 2]
    mean = ask(rows, sql="select status, avg(injection.leaked_ml) as mean from cases group by status", sort="status")
    assert mean.to_pydict() == {"status": ["failed", "finished"], "mean": [None, 0.25]}
    assert ask(rows, sort="-injection.leaked_ml")["number"].to_pylist() == [4, 3, 2, 1, 5]


def test_names_inside_texts_and_longer_names_stay() -> None:
    names = ["a.b", "a.b.c", "needles[1].left", "plain"]
    assert quoted("a.b + a.b.c > 1 and x = 'a.b'", names) == '"a.b" + "a.b.c" > 1 and x = \'a.b\''
    assert quoted('"a.b" + needles[1].left + plain', names) == '"a.b" + "needles[1].left" + plain'


@pytest.mark.parametrize(
    "sql",
    ["select nothing from cases", "selct", "copy cases to 'stolen.csv'", "select * from '/etc/passwd'"],
)
def test_what_sql_cannot_ask_is_one_sentence(finished: Path, sql: str) -> None:
    with pytest.raises(InputError, match="DuckDB does not understand"):
        ask(SweepTable.read(finished).rows, sql)
    assert not Path("stolen.csv").exists()


def test_sql_that_asks_nothing_is_one_sentence(finished: Path) -> None:
    with pytest.raises(InputError, match="asks nothing"):
        ask(SweepTable.read(finished).rows, "-- all of them")


def test_a_spreadsheet_reads_the_export(finished: Path, tmp_path: Path) -> None:
    write_csv(SweepTable.read(finished).rows, tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line[VARIED]) for line in lines] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert json.loads(lines[0]["fill.centroid_mm"]) == [0.0, 1.0, 1.0]
    assert lines[4]["injection.leaked_ml"] == ""


def test_a_spreadsheet_of_a_decimal_comma_reads_the_export(finished: Path, tmp_path: Path) -> None:
    write_csv(SweepTable.read(finished).rows, tmp_path / "all.csv", decimal_comma=True)
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    assert [line[VARIED] for line in lines] == ["1,0", "2,0", "3,0", "4,0", "5,0"]
    assert json.loads(lines[0]["fill.centroid_mm"]) == [0.0, 1.0, 1.0]
    refused = CliRunner().invoke(app, ["results", str(finished), "--decimal-comma"])
    assert (refused.exit_code, "belongs to --csv" in refused.stderr) == (2, True)


def test_the_case_file_of_a_case_is_that_of_the_sweep(finished: Path) -> None:
    def asked(number: int) -> Any:
        return CliRunner().invoke(app, ["results", str(finished), "--case", str(number)])

    plan = plan_of(5)
    for case in plan.cases:
        text = asked(case.number).stdout
        assert text.startswith(f"# case {case.number} of ")
        assert case_identity(build_case(tomllib.loads(text))).case == case.identity
    refused = asked(6)
    assert (refused.exit_code, "choose 1 to 5" in refused.stderr) == (2, True)


def test_a_table_for_a_spreadsheet_replaces_no_file(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.csv").write_text("precious")
    outcome = CliRunner().invoke(app, ["results", str(finished), "--csv", str(tmp_path / "thesis.csv")])
    assert outcome.exit_code == 2
    assert "thesis.csv: is there already and is not replaced; choose another file" in outcome.stderr
    assert (tmp_path / "thesis.csv").read_text() == "precious"
    rows = SweepTable.read(finished).rows
    monkeypatch.setattr("experiments.sweep.query.json.dumps", mock.Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_csv(rows, tmp_path / "new.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.csv"]  # nothing of half a table is left
    with pytest.raises(InputError, match="cannot write there"):
        write_csv(rows, tmp_path / "thesis.csv" / "new.csv")


def test_only_rows_later_than_the_written_table_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, folder = plan_of(9), SweepFolder(kept(plan_of(9), tmp_path / "study"))
    rows = folder.rows()
    others = [case.identity for case in plan.cases][1:]
    early = {identity: rows[identity] for identity in others}
    folder.write("results.parquet", SweepTable.of(folder.plan(), early).write)
    hour_ago = folder.table.stat().st_mtime - 3600.0
    for identity in others:
        os.utime(folder.path / "rows" / f"{identity}.json", (hour_ago, hour_ago))
    retried, removed = others[1], others[-1]
    changed = json.loads(json.dumps(rows[retried]))
    changed["outcome"]["results"]["injection"] |= {"leaked_ml": 7.0, "stop_reason": 3, "stored_ml": 0.5}
    folder.write(f"rows/{retried}.json", json.dumps(changed))
    (folder.path / "rows" / f"{removed}.json").unlink()
    whole = SweepTable.of(folder.plan(), folder.rows())
    read: list[str] = []
    loads = json.loads
    monkeypatch.setattr("experiments.sweep.folder.json.loads", lambda text: read.append(text) or loads(text))
    table = SweepTable.read(folder.path)
    assert set(table.rows.column_names) == set(whole.rows.column_names)
    assert table.rows.select(whole.rows.column_names).to_pylist() == whole.rows.to_pylist()
    assert table.unit("injection.stored_ml") == table.unit("injection.leaked_ml") == "ml"
    del changed["outcome"]["results"]["injection"]["stop_reason"]
    folder.write(f"rows/{retried}.json", json.dumps(changed))
    read.clear()
    assert SweepTable.read(folder.path).rows["injection.leaked_ml"].to_pylist()[:3] == [0.1, 0.15, 7.0]
    assert len(read) == 1 + 2, "the plan, the row that was missing and the one that is younger than the table"
    longer = plan_of(17)
    folder.write("sweep.json", json.dumps(describe(longer)))
    assert SweepTable.read(folder.path).rows["number"].to_pylist() == [1, 3, 5, 7, 9, 11, 13, 15]


def test_values_of_several_kinds_share_a_column() -> None:
    plan = describe(plan_of(2))
    rows = {
        case["identity"]: {"inputs": {"patient": {"labels": label}}, "outcome": {}, "seconds": 1.0}
        for case, label in zip(plan["cases"], ("verse", 22), strict=True)
    }
    assert SweepTable.of(plan, rows).rows["input.patient.labels"].to_pylist() == ["verse", "22"]


def test_bands_are_quantiles_of_the_finished_cases() -> None:
    rows = pa.table({"injection.leaked_ml": [*np.arange(101.0)[::-1], None], "status": ["finished"] * 101 + ["failed"]})
    table = SweepTable(rows, (), 102, True, "", "")
    (band,) = quantile_bands(table)
    assert (band.cases, band.low, band.median, band.high, band.unit) == (101, 5.0, 50.0, 95.0, "ml")
    with pytest.raises(InputError, match="only a random sample of declared distributions has bands"):
        quantile_bands(replace(table, declared=False))


def test_listed_and_crossed_values_are_no_declared_distributions() -> None:
    drawn = {"path": PATH, "distribution": "uniform", "low": 1.0, "high": 4.0}
    listed = {"path": "cement.viscosity", "values": ["low", "high"]}

    def declared(*vary: dict[str, Any], design: str = "random") -> bool:
        content = {"base": {"patient": {"demo": True}}, "vary": vary, "design": design, "count": 2}
        return SweepTable.of(describe(plan_cases(SweepFile.model_validate(content), "s", Path())), {}).declared

    assert declared(drawn)
    assert declared(drawn, {"path": "veins.seed", "start": 1, "stop": 9, "count": 9})
    assert not declared(drawn, design="sobol")
    assert not declared(drawn, listed)
    assert not declared(drawn, {**listed, "crossed": True})


def test_results_shows_filters_and_exports(finished: Path, tmp_path: Path) -> None:
    def shown(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, ["results", str(finished), *arguments], env={"COLUMNS": "200"})
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    assert re.search(r"4 +4 +0\.4000 +10000", shown())
    assert "4 of 5 cases finished, 1 failed" in shown()
    assert "too much" in shown("--filter", "status = 'failed'")
    assert "0.25" in shown("--sql", "select avg(injection.leaked_ml) from cases")
    assert f"{VARIED} [ml]" in shown("--columns")
    assert "1 rows" in shown("--csv", str(tmp_path / "one.csv"), "--filter", "number = 1")
    refused = CliRunner().invoke(app, ["results", str(tmp_path)])
    assert refused.exit_code == 2


def test_a_damaged_folder_is_one_sentence(tmp_path: Path) -> None:
    path = kept(plan_of(2), tmp_path / "study")
    (first, *_) = sorted((path / "rows").iterdir())
    first.write_text(first.read_text()[:50])
    assert SweepTable.read(path).rows.num_rows == 1
    first.write_text("[]")
    assert SweepTable.read(path).rows.num_rows == 1
    plan = json.loads((path / "sweep.json").read_text())
    (path / "sweep.json").write_text(json.dumps({key: plan[key] for key in plan if key != "study"}))
    with pytest.raises(InputError, match="is damaged or comes from another version"):
        SweepTable.read(path)


def test_a_sweep_of_another_version_is_refused_with_what_reads_it(tmp_path: Path) -> None:
    path = kept(plan_of(2), tmp_path / "study")
    plan = json.loads((path / "sweep.json").read_text())
    assert plan.pop("format_version") == FORMAT_VERSION
    (path / "sweep.json").write_text(json.dumps({**plan, "format": "vertebroplasty-sweep-1", "code": "0.1.0+abc"}))
    for refusing in (SweepTable.read, SweepFolder.check):
        with pytest.raises(InputError, match=r"is of format 1, which vertebroplasty 0\.1\.0\+abc reads"):
            refusing(path)


def test_a_folder_without_its_rows_is_one_sentence(tmp_path: Path) -> None:
    path = kept(plan_of(2), tmp_path / "study")
    SweepTable.read(path).write(path / "results.parquet")
    shutil.rmtree(path / "rows")
    with pytest.raises(InputError, match=r"rows/ cannot be read \(No such file or directory\)"):
        SweepTable.read(path)


def test_a_table_that_somebody_cut_is_made_again(tmp_path: Path) -> None:
    path = kept(plan_of(2), tmp_path / "study")
    table = SweepTable.read(path)
    parquet.write_table(table.rows.drop(["status"]), path / "results.parquet")
    assert SweepTable.read(path).rows.equals(table.rows)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a sweep file"),
        (["none.toml"], "no such sweep file"),
        (["--ready", "none"], "no such sweep; choose bone-density, "),
        (["none.toml", "--ready", "parameter-uncertainty"], "name a sweep file, or one"),
    ],
)
def test_a_sweep_that_cannot_start_is_one_sentence(arguments: list[str], complaint: str) -> None:
    outcome = CliRunner().invoke(app, ["sweep", *arguments])
    assert outcome.exit_code == 2
    assert complaint in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_failed_cases_show_in_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress = SweepProgress(total=100, earlier=0, finished=98, failed=2, workers=2, seconds=60.0, worst_balance=1e-13)
    monkeypatch.setattr("experiments.sweep.engine.run_sweep", lambda *arguments, **options: progress)
    outcome = CliRunner().invoke(app, ["sweep", "--ready", "parameter-uncertainty", "-o", str(tmp_path / "my out")])
    assert outcome.exit_code == 4
    assert f"vertebroplasty results '{tmp_path / 'my out'}'" in outcome.output
    assert "100 of 100 done" in outcome.output
    assert "2 cases failed; each case file" in outcome.output


def phantom() -> TetMesh:
    mesh = phantoms.box((4.0, 4.0, 4.0), 2.0)
    half = np.arange(len(mesh.cells) // 2)
    return mesh.with_regions(cell_regions={"cortical_shell": half, "cancellous": half + len(half)})


def test_meshes_are_made_once(tmp_path: Path, demo_vertebra: Vertebra) -> None:
    made: list[tuple[float, ...]] = []

    def of_body(vertebra: Vertebra, size: float, refinements: list[Refinement]) -> TetMesh:
        made.append((size, *(finer.size for finer in refinements)))
        return phantom()

    def of_vertebra(vertebra: Vertebra, size: float, body: TetMesh) -> TetMesh:
        made.append((size, body.volume))
        return phantom()

    shared = SharedGeometry(tmp_path / "meshes")
    tip = Refinement((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 3.0, 0.5)
    for size, finer in ((2.0, []), (2.0, []), (3.0, []), (2.0, [tip]), (2.0, [])):
        shared(of_body, demo_vertebra, size, finer)
    assert made == [(2.0,), (3.0,), (2.0, 0.5)]
    made.clear()
    larger = phantoms.box((4.0, 4.0, 8.0), 2.0)
    for body in (phantom(), phantom(), larger, phantom()):
        shared(of_vertebra, demo_vertebra, 2.0, body)
    assert made == [(2.0, pytest.approx(64.0)), (2.0, pytest.approx(128.0))]
    made.clear()
    (tmp_path / "file").touch()
    for _ in range(2):
        SharedGeometry(tmp_path / "file" / "meshes")(of_body, demo_vertebra, 2.0, [])
    assert made == [(2.0,), (2.0,)]


def test_a_process_remembers_the_last_results_of_equal_arguments(tmp_path: Path) -> None:
    made: list[float] = []

    def volume(mesh: TetMesh, factor: float) -> float:
        made.append(factor)
        return factor * mesh.volume

    shared = SharedGeometry(tmp_path)
    factors = [float(number) for number in range(REMEMBERED + 1)]
    for factor in (*factors, factors[-1], factors[1], factors[0]):
        assert shared(volume, phantom(), factor) == pytest.approx(64.0 * factor)
    assert made == [*factors, factors[0]]
    assert shared(volume, phantoms.box((4.0, 4.0, 8.0), 2.0), 1.0) == pytest.approx(128.0)
    assert SharedGeometry(tmp_path)(phantom) is not shared(phantom)
    assert sorted(entry.suffix for entry in tmp_path.iterdir()) == [".lock", ".npz"]
