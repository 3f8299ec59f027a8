"""The command ``check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.exit_codes import reported
from experiments.cli.patient_files import LabelMap, Level, Resample, Subregions, patient_of
from experiments.cli.view import LivePort, port_of, tell_address
from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.case.placed_needles import CaseText
    from experiments.case.schema import Case
    from experiments.run.planning import CheckedPlan


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="CASE.toml", help="case file; or a CT and its mask, with --level, for the default plan"),
    ],
    level: Level = None,
    labels: LabelMap = None,
    subregions: Subregions = None,
    resample: Resample = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder for the results")] = None,
    view: Annotated[
        bool,
        typer.Option("--view", help="then show the plan in the browser, to move its needles and write their case file"),
    ] = False,
    port: LivePort = None,
) -> None:
    """Show a plan over its CT before anything is injected, and warn of what looks wrong; in results/check-<name>.

    Everything up to the injection is done as 'run' does it, on a coarse mesh and in seconds: needles with the bone
    around them in the pedicle, tips, lesions, cavities, veins and openings stand in three planes and in 3D in pictures/
    and in report.html. 'vertebroplasty check CT MASK --level L3' shows a needle from the left with all defaults. With
    --view needles are moved in the browser, by hand or by numbers, and written as a case file of their own.
    """
    with reported():
        listened = port_of(view, port)
        case, source = _case(files, level, labels, subregions, resample)
        name = Path(source.name).stem
        target = out or Path("results", f"check-{name}")
        from experiments.cli.summary import print_results, two_columns
        from experiments.results.progress import Progress
        from experiments.run.planning import check_and_store

        with Progress() as progress:
            checked = check_and_store(case, target, progress)
        print_results(two_columns(checked.rows), target, checked.prepared.warnings)
        if view:
            _show(case, checked, source, listened)


def _case(
    files: list[Path], level: str | None, labels: str | None, subregions: Path | None, resample: bool
) -> tuple[Case, CaseText]:
    """The case to check, and its file."""
    from experiments.case.placed_needles import CaseText
    from experiments.case.schema import build_case, read_case

    if len(files) == 1 and files[0].suffix != ".toml":
        raise InputError(f"{files[0]}: one file is given that is no case file; name a CT and a mask, or a case file")
    if len(files) == 1:
        if level is not None or labels is not None or subregions is not None or resample:
            raise InputError(
                "--level, --labels, --subregions and --resample stand in [patient] of a case file; leave them out, or "
                "name a CT and a mask"
            )
        return read_case(files[0]), CaseText(files[0].parent, files[0].name, files[0])
    if len(files) != 2:
        raise InputError(f"{len(files)} files are given; name a case file, or a CT and a mask")
    if level is None:
        raise InputError("--level is missing; name the vertebra, as in --level L3")
    patient = patient_of(files[0], files[1], level, labels, subregions, resample)
    content = {"patient": patient}
    return build_case(content, "command line"), CaseText(Path(), f"{level}.toml", content=content)


def _show(case: Case, checked: CheckedPlan, source: CaseText, port: int) -> None:
    """Serve the plan until it is interrupted.

    Raises:
        InputError: there are no needles to move, or the port cannot be listened on.
    """
    from experiments.viewer.moved_needles import MovedNeedles
    from experiments.viewer.serving import serve_plan

    prepared, plan = checked.prepared, checked.plan
    if not plan.needles:
        raise InputError("--view moves needles, and prescribed cement has none; report.html has a scene to turn")
    needles = MovedNeedles(case, prepared.laws, prepared.vertebra, plan.needles, source.name)
    serve_plan(plan, needles, source, case.title or source.name, port, tell_address)
