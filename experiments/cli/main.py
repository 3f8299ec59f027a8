"""The command ``vertebroplasty``.

Errors of input end with one line and exit code 2, computations that do not converge with one line and exit code 3,
and nothing half-written stays. Heavy packages are imported by the command that needs them, so that help is instant.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from experiments.cli.analyse import analyse
from experiments.cli.calibrate import calibrate
from experiments.cli.check import check
from experiments.cli.cohort import cohort
from experiments.cli.draw import animate, draw
from experiments.cli.exit_codes import rank, reported, start_ranks
from experiments.cli.export import export
from experiments.cli.measure import measure
from experiments.cli.new import new
from experiments.cli.patient_files import LabelMap, Resample, Subregions, patient_of
from experiments.cli.report import report
from experiments.cli.running import begin, refuse_of_one_run, run_one
from experiments.cli.sweep import results, sweep
from experiments.cli.sweep_options import Out
from experiments.cli.trial import trial
from experiments.cli.view import LivePort, port_of
from experiments.cli.view import view as view_command
from meshes.errors import InputError

app = typer.Typer(
    name="vertebroplasty",
    help="Simulate a vertebroplasty: from a segmented CT to cement flow, leakage and stiffness.",
    epilog=(
        "First steps: 'vertebroplasty doctor' checks this machine, 'vertebroplasty demo' runs a real L3. For a case of "
        "your own write one with 'vertebroplasty new CASE.toml --like osteoporotic', look at its plan with "
        "'vertebroplasty check CASE.toml', then 'vertebroplasty run CASE.toml'. On several cores: "
        "'mpiexec -n 2 vertebroplasty run CASE.toml'. Many variations of a case: 'vertebroplasty sweep --ready "
        "parameter-uncertainty --dry-run', and what they show: 'vertebroplasty analyse DIR'."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Networks = Annotated[
    int | None,
    typer.Option(
        "--networks",
        metavar="N",
        min=2,
        max=10_000,
        help="inject through N random networks of veins as well, and tell how many leak",
    ),
]
Verbosity = Annotated[
    int, typer.Option("-v", "--verbose", count=True, show_default=False, help="tell of every step; -vv of every solve")
]
PetscOptions = Annotated[
    str | None,
    typer.Option("--petsc", metavar="OPTIONS", help='for PETSc, as in "-vp_pressure_ksp_monitor -log_view"'),
]

View = Annotated[
    bool,
    typer.Option("--view", help="show the front in the browser while it runs, and afterwards until Ctrl-C"),
]


def main() -> None:
    """Entry point of the command, which has one name however Python was started."""
    # Threads of BLAS gain nothing on small products and cost processor time; ranks and workers use the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app(prog_name="vertebroplasty")


@app.callback(invoke_without_command=True)
def _start(
    version: Annotated[bool, typer.Option("--version", help="print the version and leave", is_eager=True)] = False,
) -> None:
    if version:
        from experiments.case.identity import code_version

        print(f"vertebroplasty {code_version()}")
        raise typer.Exit()


@app.command()
def demo(
    out: Out = None,
    defect: Annotated[bool, typer.Option("--defect", help="open the posterior wall, so that cement leaks")] = False,
    mesh_size: Annotated[
        float | None, typer.Option("--mesh-size", metavar="MM", help=r"tetrahedron size \[mm]; 1.5 by default")
    ] = None,
    networks: Networks = None,
    view: View = False,
    port: LivePort = None,
    petsc: PetscOptions = None,
    verbose: Verbosity = 0,
) -> None:
    """Inject 4 ml into a real osteoporotic L3 and report leakage and stiffness; results in results/demo."""
    with reported():
        start_ranks()
        from experiments.case.schema import demo_case

        target = out or Path("results", "demo-defect" if defect else "demo")
        listened = port_of(view, port)
        run_one(demo_case(defect, mesh_size), target, petsc, verbose, networks, listened if view else None)


@app.command()
def run(
    case: Annotated[Path, typer.Argument(metavar="CASE.toml", help="case file; see 'vertebroplasty schema'")],
    out: Out = None,
    patients: Annotated[
        Path | None,
        typer.Option(
            "--patients",
            metavar="DIR|TABLE.csv",
            help="run the plan for every patient of a folder (a sub-folder each, or pairs such as "
            "sub-001_ct.nii.gz and sub-001_seg.nii.gz) or of a table; results in results/<case file>-<folder>; see "
            "docs/how-to/patients.md",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, help="patients at a time; one per core by default"),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="run patients again that failed before")] = False,
    networks: Networks = None,
    view: View = False,
    port: LivePort = None,
    petsc: PetscOptions = None,
    verbose: Verbosity = 0,
) -> None:
    """Run a case file; results in results/<name of the case file>.

    With --patients the same plan runs for many patients, each a row of one table; stopped or killed at any moment, the
    same command goes on with those that are missing. With --view the browser shows front, pressures and volumes as
    they come; the run needs nobody to look.
    """
    with reported():
        start_ranks()
        listened = port_of(view, port)
        if patients is not None:
            refuse_of_one_run(networks, view, petsc, verbose)
            from experiments.cli.patients import run_patients

            run_patients(case, patients, out, workers, retry)
            return
        if workers is not None or retry:
            raise InputError(f"{'--retry' if retry else '--workers'} belongs to --patients; leave it out")
        from experiments.case.schema import read_case

        target = out or Path("results", case.stem)
        run_one(read_case(case), target, petsc, verbose, networks, listened if view else None)


@app.command()
def compare(
    cases: Annotated[
        list[Path] | None,
        typer.Argument(metavar="A B ...", help="case files, and folders of finished runs; the first is the reference"),
    ] = None,
    ready: Annotated[
        str | None,
        typer.Option(
            "--ready", metavar="NAME", help="one that comes along: unilateral-bilateral or confluent-separated"
        ),
    ] = None,
    out: Out = None,
    petsc: PetscOptions = None,
    verbose: Verbosity = 0,
) -> None:
    """Compare cases side by side: leakage, fill, pressures, stiffness; results in results/compare-<A>-<B>.

    A case file is run as 'run' does, with its results in results/<name of the case file>, unless these come from just
    this case already. The comparison holds comparison.csv, .json and .png, and report.html.
    """
    with reported():
        start_ranks()
        console = begin(petsc, verbose)
        from experiments.report.comparison_folder import compare_and_store
        from experiments.results.progress import Progress
        from experiments.results.store import check_target
        from experiments.run.case_sources import read_case_sources, ready_comparison

        if bool(cases) == bool(ready):
            raise InputError("name the cases to compare, or one comparison with --ready")
        sources = read_case_sources(ready_comparison(ready) if ready else cases or [])
        target = out or Path("results", "compare-" + (ready or "-".join(source.name for source in sources)))
        check_target(target)
        if (target / "results.json").exists():
            raise InputError(
                f"{target}: holds the results of a run, which a comparison does not replace; choose another -o"
            )
        finished = []
        for source in sources:
            if rank() == 0:
                print(f"{source.name}: results in {source.folder}/", file=sys.stderr, flush=True)
            with Progress(visible=rank() == 0, console=console) as progress:
                finished.append(source.finish(progress))
        if rank() == 0:
            comparison = compare_and_store(finished, target)
            from experiments.cli.summary import print_results

            print_results(comparison.table(), target, comparison.remarks)


app.command()(new)
app.command()(check)
app.command()(measure)
app.command()(calibrate)
app.command()(sweep)
app.command()(results)
app.command()(cohort)
app.command()(trial)
app.command()(report)
app.command("view")(view_command)
app.command()(draw)
app.command()(animate)
app.command()(export)
app.command()(analyse)


@app.command()
def mesh(
    ct: Annotated[Path, typer.Argument(metavar="CT", help="CT in HU: NIfTI, NRRD, MetaImage, or DICOM folder")],
    mask: Annotated[
        Path,
        typer.Argument(
            metavar="MASK",
            help="vertebra labels, named segments or binary mask: NIfTI, NRRD (.seg.nrrd), MetaImage, DICOM "
            "segmentation, or folder of masks such as vertebrae_L3.nii.gz",
        ),
    ],
    level: Annotated[str, typer.Option("--level", metavar="LEVEL", help="vertebra, such as L3")],
    labels: LabelMap = None,
    subregions: Subregions = None,
    resample: Resample = False,
    size: Annotated[float, typer.Option("--size", metavar="MM", help=r"tetrahedron size \[mm], 0.5 to 4")] = 1.5,
    out: Out = None,
) -> None:
    """Mesh the body of one vertebra and report the quality; results in results/mesh-<level>."""
    with reported():
        from experiments.case.schema import build_case
        from experiments.results.store import check_target

        patient = patient_of(ct, mask, level, labels, subregions, resample)
        case = build_case({"patient": patient, "mesh": {"size_mm": size}}, "command line")
        target = out or Path("results", f"mesh-{level}")
        check_target(target)
        from experiments.cli.summary import mesh_table, print_results
        from experiments.results.progress import Progress
        from experiments.run.meshing import mesh_and_store

        with Progress(visible=rank() == 0) as progress:
            quality, warnings = mesh_and_store(case, target, progress)
        print_results(mesh_table(quality), target, warnings)


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(metavar="[FILE]", help="case, results or manifest: the file to describe")
    ] = "case",
    laws: Annotated[
        Path | None,
        typer.Option("--laws", metavar="CASE.toml", help="list the values of the laws that this case uses instead"),
    ] = None,
) -> None:
    """Print the JSON Schema of the case file: every key with its unit, range, default and source.

    'schema results' and 'schema manifest' print those of the files in the folder of a run.
    """
    import json

    with reported():
        from experiments.case.schema import json_schema, read_case

        if what not in ("case", "results", "manifest"):
            raise InputError(f"schema {what}: there is no such file; choose case, results or manifest")
        if laws is None and what == "case":
            listing = json_schema()
        elif laws is None:
            from experiments.results.parts.manifest import Manifest
            from experiments.results.parts.results import Results

            listing = (Results if what == "results" else Manifest).model_json_schema()
        elif what != "case":
            raise InputError("--laws lists the values of a case's laws; leave the name of a file out")
        else:
            from experiments.case.laws import Laws

            listing = Laws.of_case(read_case(laws)).describe()
        print(json.dumps(listing, indent=2, ensure_ascii=False))


@app.command()
def verify(
    slow: Annotated[bool, typer.Option("--slow", help="run the long tests, too")] = False,
    out: Out = None,
) -> None:
    """Compute every case with an exact answer or a published number, and write a page; results in results/verification.

    Runs the tests of the project's source folder. The exit code is 1 if a test failed; known misses do not count.
    """
    with reported():
        from experiments.results.progress import Progress
        from experiments.verification.page import PAGE, Counts, verify_and_store

        target = out or Path("results", "verification")
        with Progress(visible=rank() == 0) as progress:
            evidence = verify_and_store(target, slow, progress)
        print(f"{Counts.of(evidence)}: {target / PAGE}")
        for test, error in evidence.failures.items():
            print(f"failed: {test}: {error}", file=sys.stderr)
    if evidence.failures:
        raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Check this machine: versions, PETSc and MPI, C compiler, meshing, off-screen rendering; ffmpeg and browser."""
    from experiments.cli.doctor import examine
    from experiments.cli.summary import two_columns

    marks = {True: "[green]ok[/green]", False: "[red]FAILED[/red]", None: ""}
    checks = examine()
    console = Console(soft_wrap=True)
    console.print(two_columns([(check.name, f"{marks[check.passed]} {check.detail}".strip()) for check in checks]))
    failed = [check.name for check in checks if check.passed is False]
    if failed:
        console.print(f"\n[red]{len(failed)} of {len(checks)} checks failed:[/red] {', '.join(failed)}")
        raise typer.Exit(1)
    console.print("\nAll is there. Next: [bold]vertebroplasty demo[/bold]")


if __name__ == "__main__":
    main()
