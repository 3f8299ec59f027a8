"""The command ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.exit_codes import reported
from meshes.errors import InputError


def export(
    folder: Annotated[Path, typer.Argument(metavar="CASE_DIR", help="folder of a finished run")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="NAME", help="vtu, xdmf, stl, nifti or slicer; may be repeated, all by default"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="folder to write; CASE_DIR/export by default")
    ] = None,
) -> None:
    """Write a finished run for other programs, in the scanner's LPS mm; in CASE_DIR/export.

    vtu: the fields at every stored time, fields.pvd for ParaView, and the polylines of veins in the body. xdmf: the
    same as one series. stl: the cement's body and its front at the end. nifti: the cement's saturation at the end on
    the CT's voxels, which 3D Slicer shows over the scan. slicer: body, cement, veins and leak sites as a segmentation
    with names and colours, and each needle as a line markup.
    """
    with reported():
        from experiments.export.writing import Format, export
        from experiments.results.finished_case import EXPORT, FinishedCase
        from experiments.results.store import in_place_of

        for name in formats or ():
            if name not in tuple(Format):
                raise InputError(f"--format {name}: there is no such format; choose {', '.join(Format)}")
        if out is not None and out.exists():
            raise InputError(f"{out}: is there already and is not replaced; choose a new folder with -o")
        case, target = FinishedCase.read(folder), out or folder / EXPORT
        with in_place_of(target) as made:
            export(case, made, [Format(name) for name in formats or tuple(Format)])
        for path in sorted(target.iterdir()):
            print(path)
