"""The command ``measure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from experiments.cli.exit_codes import reported
from meshes.errors import InputError

if TYPE_CHECKING:
    from experiments.case.schema import Case


LEAST_THRESHOLD_HU = 1000.0
"""As of ``prescribed_cement.threshold_hu``: below it lies bone."""


def measure(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="CT MASK", help="post-operative CT in HU and vertebra labels, or a case file alone"),
    ],
    level: Annotated[str | None, typer.Option("--level", metavar="LEVEL", help="vertebra, such as L3")] = None,
    cement: Annotated[
        Path | None, typer.Option("--cement", metavar="MASK", help="segmentation of the cement on the CT's grid")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="HU", help="CT number from which on voxels are cement; 1500 by default"),
    ] = None,
    puncture_side: Annotated[
        str | None, typer.Option("--puncture-side", metavar="SIDE", help="left or right, where the needle went in")
    ] = None,
    before: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--before", metavar="CT MASK", help="the same vertebra before the operation"),
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="MAP", help="numbers in the mask, as 'mesh' takes them")
    ] = None,
    subregions: Annotated[
        Path | None, typer.Option("--subregions", metavar="FILE", help="labels of the vertebra's parts")
    ] = None,
    resample: Annotated[
        bool,
        typer.Option("--resample", help="resample masks on another grid onto the CT's, instead of refusing them"),
    ] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder for the results")] = None,
) -> None:
    """Measure a post-operative CT without a simulation: cement, leaks, heights; results in results/measured-<level>.

    Cement is what lies between 1500 and 3071 HU, or in the mask. The folder holds results.json, one row of
    measures.csv, the parts of the cement as cement.nii.gz, pictures over the CT, and report.html; compare, report and
    view know it.
    """
    with reported():
        from experiments.case.sections.base import Side
        from experiments.results.store import check_target

        if puncture_side not in (None, "left", "right"):
            raise InputError(f"--puncture-side {puncture_side}: there is no such side; choose left or right")
        case = _case(files, level, labels, subregions, cement, threshold, resample)
        target = out or Path("results", f"measured-{case.patient.level or files[0].stem}")
        check_target(target)
        from experiments.cli.exit_codes import rank
        from experiments.cli.summary import print_results, result_table
        from experiments.results.progress import Progress
        from experiments.scans.measuring import measure_and_store

        with Progress(visible=rank() == 0) as progress:
            side = cast("Side | None", puncture_side)
            measured = measure_and_store(case, target, side, progress, _before(case, before))
        print_results(result_table(measured.results), target, measured.manifest.warnings)


def _before(case: Case, files: tuple[Path, Path] | None) -> Case | None:
    """The same vertebra in the files of a CT before the operation."""
    if files is None:
        return None
    from experiments.case.schema import build_case

    patient: dict[str, Any] = {"ct": str(files[0]), "mask": str(files[1]), "level": case.patient.level}
    if case.patient.labels is not None:
        patient["labels"] = case.patient.labels
    if case.patient.resample:
        patient["resample"] = True
    return build_case({"patient": patient, "bone": {"units": case.bone.units}}, "--before")


def _case(
    files: list[Path],
    level: str | None,
    labels: str | None,
    subregions: Path | None,
    cement: Path | None,
    threshold: float | None,
    resample: bool,
) -> Case:
    """What is asked as a case that prescribes its cement."""
    from experiments.case.schema import build_case, read_case

    if cement is not None and threshold is not None:
        raise InputError("--cement and --threshold both tell the cement; keep one of them")
    content: dict[str, Any] = {"mechanics": {"enabled": False}}
    if len(files) == 1 and files[0].suffix != ".toml":
        raise InputError(f"{files[0]}: one file is given that is no case file; name a CT and a mask, or a case file")
    if len(files) == 1:
        if level is not None or labels is not None or subregions is not None:
            raise InputError("--level, --labels and --subregions stand in [patient] of a case file; leave them out")
        given = read_case(files[0])
        content["title"] = given.title
        content["patient"] = given.patient.model_dump(mode="json", exclude_unset=True)
        content["bone"] = {"units": given.bone.units}
        content["output"] = {"pictures": given.output.pictures}
        if given.prescribed_cement is not None and cement is None and threshold is None:
            content["prescribed_cement"] = given.prescribed_cement.model_dump(mode="json", exclude_unset=True)
            if given.prescribed_cement.shapes is not None:
                raise InputError(
                    f"{files[0]}: prescribed_cement.shapes are no cement of a CT; give a mask or a threshold"
                )
    elif len(files) == 2:
        if level is None:
            raise InputError("--level is missing; name the vertebra, as in --level L3")
        content["patient"] = {"ct": str(files[0]), "mask": str(files[1]), "level": level}
        if labels is not None:
            content["patient"]["labels"] = int(labels) if labels.isdecimal() and len(labels) < 6 else labels
        if subregions is not None:
            content["patient"]["subregions"] = str(subregions)
    else:
        raise InputError(f"{len(files)} files are given; name a CT and a mask, or one case file")
    if resample:
        content["patient"]["resample"] = True
    if "prescribed_cement" not in content:
        if cement is not None:
            content["prescribed_cement"] = {"mask": str(cement)}
        else:
            from experiments.scans.postoperative import THRESHOLD_HU

            low, high = THRESHOLD_HU
            if threshold is not None and not LEAST_THRESHOLD_HU <= threshold < high:
                raise InputError(
                    f"--threshold {threshold:g} is not allowed; choose {LEAST_THRESHOLD_HU:g} to less than {high:g} HU"
                )
            content["prescribed_cement"] = {"threshold_hu": [low if threshold is None else threshold, high]}
    return build_case(content, "command line")
