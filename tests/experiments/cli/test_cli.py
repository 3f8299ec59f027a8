"""The command line: help that leads on, one line and the right exit code for every error, nothing half-written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from experiments.case.laws import Laws
from experiments.case.schema import json_schema, read_case
from experiments.cli.main import app
from experiments.results.wording import NOTICE
from meshes.demo_patient import demo_patient

BAD_GAUGE = "[patient]\ndemo = true\n\n[[needles]]\ngauge = 20\n"

# stands in for the pipeline: {outcome} runs in place of the computation
STAND_IN = """
import sys, types
from pathlib import Path
stand_in = types.ModuleType("experiments.run.pipeline")
def run_and_store(case, out, progress, draw=None, watch=None):
    from experiments.results.store import case_directory
    {outcome}
stand_in.run_and_store = run_and_store
sys.modules["experiments.run.pipeline"] = stand_in
from experiments.cli.main import main
main()
"""

WHOLE = """
    from experiments.results.parts.fill import FillResults
    from experiments.results.parts.injection import InjectionResults, LeakResults
    from experiments.results.parts.mesh import MeshResults
    from experiments.results.parts.results import Results
    from experiments.results.parts.stiffness import StateStiffness, StiffnessResults
    leaks = {"canal_posterior_wall": LeakResults(volume_ml=0.125, observed=True, onset_s=40.0, onset_injected_ml=2.0,
                                                 size_mm=4.0, severity="punctual"),
             "disc_superior": LeakResults(volume_ml=0.0, observed=False, onset_s=None, onset_injected_ml=None,
                                          size_mm=0.0, severity=None)}
    results = Results.model_construct(
        mesh=MeshResults.model_construct(cells=10, volume_ml=39.3, mask_volume_ml=39.2),
        injection=InjectionResults.model_construct(
            injected_ml=4.0, stored_ml=3.875, in_veins_ml=0.0, in_conduits_ml=0.0, leaked_ml=0.125,
            mass_balance_error=1e-14, duration_s=80.0, leaks=leaks, stop_reason="volume_reached",
            peak_tip_pressure_kpa=5.5, peak_syringe_pressure_kpa=250.0, limited_from_s=12.5),
        fill=FillResults.model_construct(
            fraction=0.1, pattern="one_sided", cement_by_side_ml={"left": 3.0, "right": 0.875}),
        stiffness=StiffnessResults.model_construct(
            intact_n_per_mm=5000.0, augmented_n_per_mm=7500.0, intact=StateStiffness.model_construct(),
            augmented=StateStiffness.model_construct()),
    )
    with case_directory(out) as folder:
        (folder / "results.json").write_text("{}")
    return types.SimpleNamespace(
        results=results, manifest=types.SimpleNamespace(warnings=["half of the cells [sic] are clamped"]))
"""


def command(
    *arguments: str | Path, code: str | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    start = ["-m", "vertebroplasty"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]),
        },
    )


def in_process(*arguments: str | Path) -> Result:
    """The same in this process, where what counts is what the command says and not how Python starts or ends."""
    return CliRunner().invoke(app, [*map(str, arguments)])


def one_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_help_is_quick_and_names_the_next_step() -> None:
    start = time.perf_counter()
    result = command("--help")
    assert time.perf_counter() - start < 3.0  # 0.4 s on an idle machine
    for word in ("demo", "run", "compare", "mesh", "schema", "doctor", "CASE.toml", "mpiexec"):
        assert word in result.stdout


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from experiments.cli.main import app; print(*sys.modules)"
    loaded = command(code=code).stdout.split()
    assert "typer" in loaded
    assert {"numpy", "pyvista", "dolfinx", "petsc4py", "mpi4py", "gmsh", "pydantic"}.isdisjoint(loaded)


def test_version() -> None:
    assert command("--version").stdout.startswith("vertebroplasty 0.")


def test_schema_is_printed_as_json() -> None:
    assert json.loads(command("schema").stdout) == json_schema()


def test_schema_lists_the_values_of_a_cases_laws(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text('[patient]\ndemo = true\n[laws]\n"cement.activation_energy" = 50.0\n')
    listing = json.loads(in_process("schema", "--laws", case).stdout)
    assert listing == json.loads(json.dumps(Laws.of_case(read_case(case)).describe()))
    assert (listing["cement.activation_energy"]["value"], listing["cement.activation_energy"]["unit"]) == (50, "kJ/mol")
    case.write_text('[patient]\ndemo = true\n[laws]\n"cement.activaton_energy" = 50.0\n')
    refused = in_process("schema", "--laws", case)
    assert refused.exit_code == 2
    assert "did you mean cement.activation_energy" in refused.stderr


def test_a_value_out_of_range_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(BAD_GAUGE)
    result = command("run", "case.toml", folder=tmp_path)
    assert result.returncode == 2
    assert one_line(result.stderr) == (
        "error: case.toml: needles[1].gauge = 20 is not allowed; choose a whole number, 8 to 14 (gauge)"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name the cases to compare, or one comparison with --ready"),
        (["a.toml", "--ready", "unilateral-bilateral"], "name the cases to compare, or one comparison with --ready"),
        (["--ready", "up-down"], "choose unilateral-bilateral or confluent-separated"),
        (["case.toml", "case.toml"], "needles[1].gauge = 20 is not allowed"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_one_line_and_exit_code_2(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "case.toml").write_text(BAD_GAUGE)
    monkeypatch.chdir(tmp_path)
    result = in_process("compare", *arguments)
    assert result.exit_code == 2
    assert sentence in one_line(result.stderr)
    assert [entry.name for entry in tmp_path.iterdir()] == ["case.toml"]


def test_missing_images_are_one_line_each_and_exit_code_2(tmp_path: Path) -> None:
    result = command("mesh", "ct.nii.gz", "mask.nii.gz", "--level", "L3", folder=tmp_path)
    assert result.returncode == 2
    ct, mask = result.stderr.splitlines()
    assert ct.startswith("error: command line: patient.ct = 'ct.nii.gz' does not exist")
    assert mask.startswith("error: command line: patient.mask = 'mask.nii.gz' does not exist")
    assert list(tmp_path.iterdir()) == []


def test_a_level_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = demo_patient()
    monkeypatch.chdir(tmp_path)
    result = in_process("mesh", patient.ct, patient.mask, "--level", "T5", "--labels", "verse")
    assert result.exit_code == 2
    assert "T5" in one_line(result.stderr.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []


def test_foreign_results_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("precious")
    result = command("demo", "-o", "thesis", folder=tmp_path, code=STAND_IN.format(outcome="raise RuntimeError"))
    assert result.returncode == 2
    assert "not empty" in one_line(result.stderr)


def test_a_result_is_a_table_with_its_paths_and_the_notice(tmp_path: Path) -> None:
    result = command("demo", "-o", "out", folder=tmp_path, code=STAND_IN.format(outcome=WHOLE))
    assert result.returncode == 0, result.stderr
    text = " ".join(result.stdout.split())
    for part in (
        "cement injected 4.000 ml in 80.00 s",
        "stopped by volume reached",
        "canal posterior wall 0.1250 ml, from 40.00 s (2.000 ml), punctual",
        "peak pressure 5.500 kPa at the tip, 250.0 kPa in the syringe, whose limit cuts the rate from 12.5 s on",
        "axial stiffness, augmented 7500 N/mm (1.50 × intact)",
        "warning: half of the cells [sic] are clamped",
        "out/results.json",
        NOTICE,
    ):
        assert part in text
    assert "disc superior" not in text


def test_no_convergence_is_one_line_and_exit_code_3(tmp_path: Path) -> None:
    outcome = "from fem.errors import ConvergenceError; raise ConvergenceError('pressure: 500 iterations')"
    result = command("demo", "-o", "out", folder=tmp_path, code=STAND_IN.format(outcome=outcome))
    assert result.returncode == 3
    assert one_line(result.stderr) == "error: did not converge: pressure: 500 iterations"


def test_an_error_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    result = command("demo", "-o", "out", folder=tmp_path, code=STAND_IN.format(outcome="raise ZeroDivisionError"))
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.fixture
def heard() -> Iterator[None]:
    """Let children hear SIGINT, which those of a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    outcome = f"""
    import os, time
    with case_directory(out) as folder:
        (folder / "results.json").write_text("{{}}")
        os.kill(os.getpid(), {int(number)})
        time.sleep(30)
"""
    result = command("demo", "-o", "new/out", folder=tmp_path, code=STAND_IN.format(outcome=outcome))
    assert result.returncode == 130
    assert one_line(result.stderr) == "interrupted; nothing unfinished was written"
    assert list(tmp_path.iterdir()) == []


def ranks(count: int, code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert launcher is not None
    return subprocess.run(
        [launcher, "-n", str(count), sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]),
        },
    )


@pytest.mark.mpi
def test_ranks_that_all_fail_speak_once(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text(BAD_GAUGE)
    result = ranks(2, "from experiments.cli.main import main; main()", tmp_path, "run", "case.toml")
    assert result.returncode == 2
    assert result.stderr.count("needles[1].gauge = 20") == 1


@pytest.mark.mpi
def test_ranks_that_all_fail_after_mpi_started_speak_once_without_an_abort(tmp_path: Path) -> None:
    outcome = """
    from mpi4py import MPI
    from meshes.errors import InputError
    MPI.COMM_WORLD.Barrier()
    raise InputError("the target lies outside the bone")
"""
    result = ranks(3, STAND_IN.format(outcome=outcome), tmp_path, "demo", "-o", "out")
    assert result.returncode == 2
    assert one_line(result.stderr) == "error: the target lies outside the bone"


@pytest.mark.mpi
@pytest.mark.parametrize("failing", [0, 1])
def test_one_failing_rank_ends_all(tmp_path: Path, failing: int) -> None:
    outcome = f"""
    from mpi4py import MPI
    from meshes.errors import InputError
    if MPI.COMM_WORLD.rank == {failing}:
        raise InputError("the target lies outside the bone")
    with case_directory(out):
        MPI.COMM_WORLD.Barrier()
"""
    start = time.perf_counter()
    result = ranks(2, STAND_IN.format(outcome=outcome), tmp_path, "demo", "-o", "out")
    assert time.perf_counter() - start < 30.0
    assert result.returncode == 2
    assert result.stderr.count("error: the target lies outside the bone") == 1


@pytest.mark.mpi
def test_only_one_rank_prints(tmp_path: Path) -> None:
    outcome = WHOLE.replace(
        "with case_directory(out)", "import os\n    with case_directory(Path(out.name + os.environ['PMI_RANK']))"
    )
    result = ranks(2, STAND_IN.format(outcome=outcome), tmp_path, "demo", "-o", "out")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("cement injected") == 1


TALKING = """
    import logging
    logging.getLogger("fem.injection").info("a step")
    logging.getLogger("fem.krylov").debug("a solve")
    logging.getLogger("matplotlib").info("a font")
    print(solver_options.given())
    with case_directory(out) as folder:
        (folder / "results.json").write_text("{}")
    raise SystemExit
"""


@pytest.mark.parametrize(
    ("option", "rank", "told"),
    [("", 0, []), ("-v", 0, ["a step"]), ("-vv", 0, ["a step", "a solve"]), ("-vv", 1, [])],
)
def test_verbose_speaks_on_rank_0_only(tmp_path: Path, option: str, rank: int, told: list[str]) -> None:
    code = STAND_IN.replace("{outcome}", TALKING).replace("import sys, types", RANK.replace("{rank}", str(rank)))
    result = command("demo", *option.split(), "-o", tmp_path / "out", code=code)
    assert [line.partition(" ")[2] for line in result.stderr.splitlines()] == told, result.stderr


RANK = """
import os, sys, types
from fem import solver_options
os.environ["PMI_RANK"] = "{rank}"
"""


def test_options_for_petsc_join_those_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETSC_OPTIONS", "-vp_a 1")
    code = STAND_IN.replace("{outcome}", TALKING).replace("import sys, types", RANK.replace("{rank}", "0"))
    result = command("demo", "--petsc", "-vp_b -vp_a 2 -log_view", "-o", tmp_path / "out", code=code)
    assert result.stdout.splitlines() == ["{'vp_a': '2', 'vp_b': ''}"], result.stderr


def test_what_is_no_option_for_petsc_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = command("demo", "--petsc", "vp_pressure_ksp_monitor", "-o", tmp_path / "out")
    assert result.returncode == 2
    assert one_line(result.stderr).startswith("error: 'vp_pressure_ksp_monitor' in the PETSc options")
    assert not (tmp_path / "out").exists()
