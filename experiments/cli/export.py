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
    as_ct: Annotated[
        bool, typer.Option("--as-ct", help="write what a CT would show instead: NIfTI, masks and the truth as JSON")
    ] = False,
    cement_hu: Annotated[
        float | None, typer.Option("--cement-hu", metavar="HU", help="of cement without bone; 3000 by default")
    ] = None,
    blur_mm: Annotated[
        float | None,
        typer.Option("--blur-mm", metavar="MM", help="width at half height of the point spread; 1 by default"),
    ] = None,
    noise_hu: Annotated[
        float | None, typer.Option("--noise-hu", metavar="HU", help="standard deviation added; 30 by default")
    ] = None,
    voxel_mm: Annotated[
        float | None, typer.Option("--voxel-mm", metavar="MM", help="width of voxels in a slice; the CT's by default")
    ] = None,
    slice_mm: Annotated[
        float | None, typer.Option("--slice-mm", metavar="MM", help="thickness of slices; the CT's by default")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="PATH", help="folder to write, CASE_DIR/export by default; with --as-ct a .nii.gz"
        ),
    ] = None,
) -> None:
    """Write a finished run for other programs, in the scanner's LPS mm; in CASE_DIR/export.

    vtu: the fields at every stored time, fields.pvd for ParaView, and the polylines of veins in the body. xdmf: the
    same as one series. stl: the cement's body and its front at the end. nifti: the cement's saturation at the end on
    the CT's voxels, which 3D Slicer shows over the scan. slicer: body, cement, veins and leak sites as a segmentation
    with names and colours, and each needle as a line markup.

    With --as-ct: the CT with the cement of the end in it, as a scanner would show it, and beside it masks for
    'measure' and the known volumes; as-ct.nii.gz in the current folder unless -o says otherwise.
    """
    given = {"cement": cement_hu, "blur": blur_mm, "noise": noise_hu, "voxel": voxel_mm, "slice": slice_mm}
    with reported():
        chosen = {name: value for name, value in given.items() if value is not None}
        if as_ct:
            if formats:
                raise InputError("--as-ct and --format write different things; keep one of them")
            _scan(folder, out or Path("as-ct.nii.gz"), chosen)
            return
        if chosen:
            raise InputError("--cement-hu, --blur-mm, --noise-hu, --voxel-mm and --slice-mm go with --as-ct; add it")
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


def _scan(folder: Path, out: Path, settings: dict[str, float]) -> None:
    from experiments.export.scanner import Scanner, write_scan
    from experiments.results.finished_case import FinishedCase

    try:
        scanner = Scanner(**settings)
    except ValueError as error:
        raise InputError(f"--as-ct: {error}") from None
    for path in write_scan(out, FinishedCase.read(folder), scanner):
        print(path)
