"""The front door: instant, complete, documented; what its functions give is what the commands write."""

import inspect
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
from analysis_stand_in import injection, sweep_folder
from sweep_stand_in import SOLVER

import vertebroplasty
from experiments.analysis.analysis import Analysis
from experiments.results.finished_case import FinishedCase
from experiments.sweep import engine
from meshes.errors import InputError

HEAVY = ("numpy", "pydantic", "typer", "pyvista", "dolfinx", "petsc4py", "mpi4py", "gmsh", "matplotlib", "distributed")


def test_the_import_is_instant() -> None:
    code = (
        "import sys, time; before = set(sys.modules); start = time.perf_counter(); import vertebroplasty; "
        "print(time.perf_counter() - start, *{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    seconds, *loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert float(seconds) < 0.1  # 0.003 s on an idle machine
    assert set(HEAVY).isdisjoint(loaded)
    assert "experiments" not in loaded


def test_every_name_is_listed_there_and_documented() -> None:
    assert set(vertebroplasty.__all__) <= set(dir(vertebroplasty))
    assert "__version__" in dir(vertebroplasty)
    for name in vertebroplasty.__all__:
        item = getattr(vertebroplasty, name)
        assert inspect.getdoc(item), name
        assert item.__name__ == name
    assert f"{vertebroplasty.__version__}" == version("vertebroplasty")
    with pytest.raises(AttributeError, match="no attribute 'Kase'"):
        vertebroplasty.Kase  # type: ignore[attr-defined]  # noqa: B018


def test_its_types_reach_those_who_install_it() -> None:
    assert (Path(vertebroplasty.__file__).parent / "py.typed").is_file()
    for name in vertebroplasty.__all__:
        item = getattr(vertebroplasty, name)
        if inspect.isfunction(item):
            assert inspect.signature(item).return_annotation is not inspect.Signature.empty, name


@pytest.mark.parametrize(
    ("arguments", "code", "stream", "words"),
    [
        (["--help"], 0, "stdout", "Usage: vertebroplasty [OPTIONS]"),
        (["--version"], 0, "stdout", f"vertebroplasty {version('vertebroplasty')}+"),
        (["run"], 2, "stderr", "Usage: vertebroplasty run [OPTIONS]"),
        (["run", "none.toml"], 2, "stderr", "error: none.toml: no such case file"),
    ],
)
def test_python_runs_it_as_the_command(
    arguments: list[str], code: int, stream: str, words: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vertebroplasty", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    assert done.returncode == code
    assert words in getattr(done, stream)


def test_a_case_is_read_from_a_file_or_built_from_its_tables(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("[patient]\ndemo = true\n[injection]\nvolume_ml = 3.0\n")
    built = vertebroplasty.build_case({"patient": {"demo": True}, "injection": {"volume_ml": 3.0}})
    assert vertebroplasty.read_case(f"{tmp_path}/case.toml") == built
    assert isinstance(built, vertebroplasty.Case)
    assert vertebroplasty.demo_case(size_mm=3.0).mesh.size_mm == 3.0
    with pytest.raises(vertebroplasty.InputError, match="volume_ml = 300 is not allowed"):
        vertebroplasty.build_case({"patient": {"demo": True}, "injection": {"volume_ml": 300}})


def test_a_finished_case_is_opened_and_compared(stored_demo: tuple[object, Path], tmp_path: Path) -> None:
    one = vertebroplasty.open_case(str(stored_demo[1]))
    assert one == FinishedCase.read(stored_demo[1])
    other = vertebroplasty.open_case(stored_demo[1], "again")
    comparison = vertebroplasty.compare([one, other])
    assert [case.name for case in comparison.cases] == ["demo", "again"]
    assert {ratio for line in comparison.quantities for ratio in line.ratios} <= {1.0, None}
    assert not list(tmp_path.iterdir())
    vertebroplasty.compare([one, other], tmp_path / "both")
    assert (tmp_path / "both" / "comparison.csv").is_file()
    with pytest.raises(InputError, match="two cases are called 'demo'"):
        vertebroplasty.compare([one, one])
    with pytest.raises(InputError, match="two cases at least"):
        vertebroplasty.compare([one])


def test_a_sweep_runs_goes_on_and_gives_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run_sweep", partial(engine.run_sweep, solver=SOLVER))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    file = tmp_path / "volumes.toml"
    file.write_text(
        f'[base]\ntitle = "log={tmp_path}/log"\npatient = {{ demo = true }}\n'
        '[[vary]]\npath = "injection.volume_ml"\nvalues = [2.0, 3.0]\n'
    )
    for _ in range(2):
        table = vertebroplasty.sweep(file, str(tmp_path / "out"), workers=1)
        assert table.rows["injection.leaked_ml"].to_pylist() == [4.0, 9.0]
        assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_sweep_is_analysed(tmp_path: Path) -> None:
    folder = sweep_folder(
        tmp_path / "sweep",
        lambda volume: {"injection": injection(0.1 * volume, volume)},
        vary=[{"path": "injection.volume_ml", "values": [2.0, 3.0, 4.0]}],
    )
    analysis = vertebroplasty.analyse(folder, ["injection.leaked_ml"])
    assert isinstance(analysis, Analysis)
    assert not (folder / "analysis").exists()
    stored = vertebroplasty.analyse(folder, ["injection.leaked_ml"], tmp_path / "out")
    assert [finding.table.rows for finding in stored.findings] == [finding.table.rows for finding in analysis.findings]
    assert (tmp_path / "out" / "analysis.json").is_file()


def test_a_plot_without_a_display_says_what_to_do(finished_demo: FinishedCase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pyvista.OFF_SCREEN", False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with pytest.raises(InputError, match=r"set DISPLAY, use a notebook, or draw pictures with 'vertebroplasty draw "):
        vertebroplasty.plot(finished_demo)


def test_a_folder_is_read_by_its_name(finished_demo: FinishedCase) -> None:
    assert vertebroplasty.FinishedCase.read(str(finished_demo.folder)).results == finished_demo.results
